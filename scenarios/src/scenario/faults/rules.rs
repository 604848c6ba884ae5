//! By which rules a fault is applied, and the rules for all.

use evidence::event::Level;

use crate::format::tables;
use crate::plan::Overlap;
use crate::problem::Problem;
use crate::reader::{Fields, Reader};
use crate::tree::At;

/// How many agents of the victims' role must be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Count(u32),
    Majority,
}

impl Keep {
    /// How many that is of so many agents.
    pub(crate) fn of(self, agents: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Majority => agents / 2 + 1,
        }
    }
}

/// Rules for all faults.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chaos {
    pub(crate) quiet: Vec<At<Quiet>>,
    pub(crate) overlap: Option<Overlap>,
    pub(crate) keep: Option<At<Keep>>,
    pub(crate) up: Option<u64>,
}

/// A time in which no fault begins or acts, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quiet {
    pub(crate) from: u64,
    pub(crate) until: u64,
}

impl Chaos {
    pub(crate) fn overlap(&self) -> Overlap {
        self.overlap.unwrap_or_else(|| named(tables::CHAOS.default_word("overlap")))
    }

    pub(crate) fn up(&self) -> u64 {
        self.up.unwrap_or_else(|| tables::CHAOS.default_duration("up"))
    }

    /// The first moment from `at` on, from which a fault of this length meets no quiet time.
    pub(crate) fn moved(&self, at: u64, for_ns: u64) -> u64 {
        let mut moved = at;
        let meets = |quiet: &&At<Quiet>, at: u64| {
            let Quiet { from, until } = quiet.value;
            (from <= at && at < until) || (at < from && from < at.saturating_add(for_ns))
        };
        // Every move leaves one quiet time behind for good.
        while let Some(quiet) = self.quiet.iter().find(|quiet| meets(quiet, moved)) {
            moved = quiet.value.until;
        }
        moved
    }
}

pub(crate) fn chaos(scenario: &Fields<'_>, reader: &mut Reader) -> Option<Chaos> {
    if scenario.get("chaos").is_none() {
        return Some(Chaos::default());
    }
    let fields = scenario.table(reader, "chaos", &tables::CHAOS)?;
    Some(Chaos {
        quiet: quiet(&fields, reader),
        overlap: overlap(&fields, reader),
        keep: keep(&fields, reader),
        up: fields.number(reader, "up").map(|up| up.value),
    })
}

fn quiet(chaos: &Fields<'_>, reader: &mut Reader) -> Vec<At<Quiet>> {
    if chaos.get("quiet").is_none() {
        return Vec::new();
    }
    let items = chaos.list(reader, "quiet").unwrap_or_default();
    let mut times = Vec::new();
    for (path, item) in items {
        let Some(fields) = reader.table(item, &tables::QUIET, &path) else { continue };
        let (from, until) = (fields.number(reader, "from"), fields.number(reader, "until"));
        let (Some(from), Some(until)) = (from, until) else { continue };
        if until.value <= from.value {
            let what = format!("{path} ends before it begins");
            reader.problem(Problem::new(&until.place, what).help("write a later moment"));
            continue;
        }
        times.push(At { value: Quiet { from: from.value, until: until.value }, place: item.place.clone() });
    }
    times
}

pub(super) fn overlap(fields: &Fields<'_>, reader: &mut Reader) -> Option<Overlap> {
    fields.get("overlap")?;
    fields.word(reader, "overlap").map(|word| named(word.value))
}

fn named(word: &str) -> Overlap {
    match word {
        "queue" => Overlap::Queue,
        "refuse" => Overlap::Refuse,
        _ => Overlap::Allow,
    }
}

pub(super) fn keep(fields: &Fields<'_>, reader: &mut Reader) -> Option<At<Keep>> {
    let read = fields.count_or_word(reader, "keep")?;
    let value = read.value.map_or(Keep::Majority, |n| Keep::Count(u32::try_from(n).unwrap_or(u32::MAX)));
    Some(At { value, place: read.place })
}

pub(super) fn requires(fields: &Fields<'_>, reader: &mut Reader) -> Option<At<Level>> {
    let word = fields.word(reader, "require")?;
    let value = match word.value {
        "E0" => Level::E0,
        "E1" => Level::E1,
        "E2" => Level::E2,
        _ => Level::E3,
    };
    Some(At { value, place: word.place })
}
