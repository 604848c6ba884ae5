//! `faults`: what to break, when.

use evidence::event::Level;
use evidence::role::Role;

use crate::format::tables;
use crate::plan::{FaultKind, Signal, When};
use crate::problem::{Place, Problem};
use crate::reader::{Fields, Reader};
use crate::scenario::Lengths;
use crate::tree::{At, Node};

/// One fault as it was written. Times are in nanoseconds.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) id: At<String>,
    pub(crate) kind: FaultKind,
    pub(crate) role: At<Role>,
    pub(crate) share: Share,
    pub(crate) schedule: Schedule,
    pub(crate) jitter: Option<At<u64>>,
    pub(crate) when: When,
    pub(crate) requires: Option<Level>,
    pub(crate) expect: Expect,
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

/// When it is due.
#[derive(Debug, Clone)]
pub(crate) enum Schedule {
    Once(At<u64>),
    Repeated { every: u64, from: Option<At<u64>>, until: Option<At<u64>> },
}

impl Fault {
    /// How often it is due, and when for the first time.
    pub(crate) fn times(&self, lengths: Lengths) -> (u64, u64) {
        match &self.schedule {
            Schedule::Once(at) => (1, at.value),
            Schedule::Repeated { every, from, until } => {
                let from = from.as_ref().map_or(lengths.warm_up, |f| f.value);
                let until = until.as_ref().map_or(lengths.load(), |u| u.value);
                (until.saturating_sub(from).div_ceil(*every), from)
            }
        }
    }

    /// The id of each occurrence with when it is due, before jitter.
    pub(crate) fn occurrences(&self, lengths: Lengths) -> impl Iterator<Item = (String, u64)> {
        let (count, first) = self.times(lengths);
        (0..count).map(move |n| match &self.schedule {
            Schedule::Once(_) => (self.id.value.clone(), first),
            Schedule::Repeated { every, .. } => (format!("{}.{}", self.id.value, n + 1), first + n * every),
        })
    }
}

/// Gates on this fault alone.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expect {
    pub(crate) recovers_within: Option<u64>,
    pub(crate) lost: Option<u64>,
}

pub(crate) fn read(scenario: &Fields<'_>, reader: &mut Reader) -> Vec<Option<Fault>> {
    let items = match scenario.get("faults") {
        Some(_) => scenario.list(reader, "faults").unwrap_or_default(),
        None => Vec::new(),
    };
    let numbered = items.iter().enumerate();
    numbered.map(|(index, (path, item))| fault(item, path, index + 1, reader)).collect()
}

fn fault(node: &Node, path: &str, number: usize, reader: &mut Reader) -> Option<Fault> {
    let fields = reader.table(node, &tables::FAULT, path)?;
    let id = match fields.get("id") {
        Some(_) => fields.name(reader, "id"),
        None => Some(At { value: number.to_string(), place: node.place.clone() }),
    };
    let done = if fields.get("kill").is_some() { kill(&fields, reader) } else { pause(&fields, reader) };
    let schedule = schedule(&fields, reader);
    let jitter = fields.number(reader, "jitter");
    let when = when(&fields, reader);
    let requires = fields.word(reader, "require").map(|level| match level.value {
        "E0" => Level::E0,
        _ => Level::E1,
    });
    let expect = expect(&fields, reader);
    let (kind, role, share) = done?;
    Some(Fault {
        place: node.place.clone(),
        id: id?,
        kind,
        role,
        share,
        schedule: schedule?,
        jitter,
        when: when?,
        requires,
        expect,
    })
}

type Done = (FaultKind, At<Role>, Share);

fn kill(fault: &Fields<'_>, reader: &mut Reader) -> Option<Done> {
    let fields = fault.table(reader, "kill", &tables::KILL)?;
    let signal = match fields.word(reader, "signal").map(|s| s.value) {
        Some("SIGTERM") => Signal::Term,
        _ => Signal::Kill,
    };
    let victims = victims(&fields, reader);
    let (role, share) = victims?;
    Some((FaultKind::Kill { signal }, role, share))
}

fn pause(fault: &Fields<'_>, reader: &mut Reader) -> Option<Done> {
    let fields = fault.table(reader, "pause", &tables::PAUSE)?;
    let length = fields.number(reader, "for");
    let victims = victims(&fields, reader);
    let (role, share) = victims?;
    Some((FaultKind::Pause { for_ns: length?.value }, role, share))
}

fn victims(fields: &Fields<'_>, reader: &mut Reader) -> Option<(At<Role>, Share)> {
    let role = fields.word(reader, "role");
    let share = if fields.get("percent").is_some() {
        fields.number(reader, "percent").map(|p| Share::Percent(u32::try_from(p.value).unwrap_or(100)))
    } else if fields.get("count").is_some() {
        fields.number(reader, "count").map(|c| Share::Count(u32::try_from(c.value).unwrap_or(u32::MAX)))
    } else {
        Some(Share::Count(1))
    };
    let role = role?;
    let value = Role::ALL.into_iter().find(|r| r.name() == role.value)?;
    Some((At { value, place: role.place }, share?))
}

fn schedule(fields: &Fields<'_>, reader: &mut Reader) -> Option<Schedule> {
    let once = fields.number(reader, "at");
    let every = fields.number(reader, "every");
    let (from, until) = (fields.number(reader, "from"), fields.number(reader, "until"));
    if let (Some(at), None) = (once, fields.get("every")) {
        for key in ["from", "until"] {
            if let Some(place) = fields.place_of(key) {
                let what = format!("{} belongs to \"every\", but this fault has \"at\"", fields.path(key));
                reader.problem(Problem::new(place, what).help("remove it, or write every: instead of at:"));
            }
        }
        return Some(Schedule::Once(at));
    }
    Some(Schedule::Repeated { every: every?.value, from, until })
}

fn when(fields: &Fields<'_>, reader: &mut Reader) -> Option<When> {
    let after = fields.number(reader, "after");
    match (fields.get("when"), fields.place_of("after")) {
        (Some(_), _) => {
            fields.word(reader, "when")?;
            Some(When::RoundInFlight { after_ns: after.map_or(0, |a| a.value) })
        }
        (None, Some(place)) => {
            let what = format!("{} does nothing without \"when\"", fields.path("after"));
            reader.problem(Problem::new(place, what).help("write when: round in flight"));
            None
        }
        (None, None) => Some(When::Due {}),
    }
}

fn expect(fault: &Fields<'_>, reader: &mut Reader) -> Expect {
    let Some(fields) = fault.table(reader, "expect", &tables::EXPECT) else { return Expect::default() };
    Expect {
        recovers_within: fields.number(reader, "recovers_within").map(|r| r.value),
        lost: fields.number(reader, "lost").map(|l| l.value),
    }
}
