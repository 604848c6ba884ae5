//! Who is hit.

use evidence::role::Role;

use crate::problem::{Place, Problem};
use crate::reader::{Fields, Reader};
use crate::tree::At;

/// Which agents are hit.
#[derive(Debug, Clone)]
pub(crate) struct Selector {
    /// Where the role, or the other fault, stands.
    pub(crate) place: Place,
    pub(crate) of: Of,
    pub(crate) share: Share,
    /// Places that are never chosen, ascending.
    pub(crate) except: Vec<u32>,
}

/// Of whom they are chosen.
#[derive(Debug, Clone)]
pub(crate) enum Of {
    /// The members of a role.
    Role(Role),
    /// The victims of the fault with this id.
    Same(String),
}

/// How many of the role are hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    Count(u32),
    Percent(u32),
}

impl Share {
    /// How many that is of so many agents; at least one.
    pub(crate) fn of(self, agents: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => (agents * percent).div_ceil(100).max(1),
        }
    }
}

/// The victims of a fault that has some, or may have some; `Some(None)` is a fault on the target as a whole.
pub(super) fn read(fields: &Fields<'_>, reader: &mut Reader) -> Option<Option<Selector>> {
    let role = fields.word(reader, "role");
    let same = fields.name(reader, "same");
    let share = share(fields, reader);
    let except = except(fields, reader);
    if fields.get("role").is_none() {
        refuse_without_role(fields, reader)?;
    }
    let (of, place) = match (role, same) {
        (Some(role), _) => (Of::Role(Role::ALL.into_iter().find(|r| r.name() == role.value)?), role.place),
        (None, Some(same)) => (Of::Same(same.value), same.place),
        // One that was written and could not be read has left a problem.
        (None, None) => {
            return (fields.get("role").is_none() && fields.get("same").is_none()).then_some(None);
        }
    };
    Some(Some(Selector { place, of, share: share?, except: except? }))
}

fn share(fields: &Fields<'_>, reader: &mut Reader) -> Option<Share> {
    let small = |number: At<u64>| u32::try_from(number.value).unwrap_or(u32::MAX);
    if fields.get("percent").is_some() {
        fields.number(reader, "percent").map(|p| Share::Percent(small(p)))
    } else if fields.get("count").is_some() {
        fields.number(reader, "count").map(|c| Share::Count(small(c)))
    } else if fields.get("all").is_some() {
        fields.flag(reader, "all").map(|all| if all { Share::Percent(100) } else { Share::Count(1) })
    } else {
        Some(Share::Count(1))
    }
}

fn except(fields: &Fields<'_>, reader: &mut Reader) -> Option<Vec<u32>> {
    if fields.get("except").is_none() {
        return Some(Vec::new());
    }
    let places = fields.numbers(reader, "except")?;
    let mut places: Vec<u32> = places.iter().map(|p| u32::try_from(p.value).unwrap_or(u32::MAX)).collect();
    places.sort_unstable();
    places.dedup();
    Some(places)
}

/// Keys that choose among the members of a role do nothing without one.
fn refuse_without_role(fields: &Fields<'_>, reader: &mut Reader) -> Option<()> {
    let mut none = Some(());
    let keys: &[&str] =
        if fields.get("same").is_some() { &["except"] } else { &["count", "percent", "all", "except"] };
    for key in keys {
        if let Some(place) = fields.place_of(key) {
            let what = format!("{} does nothing without \"role\"", fields.path(key));
            reader.problem(Problem::new(place, what).help("say of which role, or remove it"));
            none = None;
        }
    }
    none
}
