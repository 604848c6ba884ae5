//! The scenario: what its author wrote, and nothing more. Defaults are filled in by the plan.

pub(crate) mod faults;
pub(crate) mod gates;
pub(crate) mod soak;
pub(crate) mod target;
pub(crate) mod workload;

use crate::format::tables;
use crate::problem::Place;
use crate::reader::{Fields, Reader};
use crate::tree::{At, Node};
use faults::{Chaos, Fault};
use gates::Gate;
use soak::Soak;
use target::Target;
use workload::Workload;

/// A scenario as its author wrote it.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub(crate) name: String,
    pub(crate) why: String,
    pub(crate) seed: Option<u64>,
    pub(crate) target: Target,
    pub(crate) workload: Workload,
    pub(crate) phases: Phases,
    pub(crate) sample: Sample,
    pub(crate) faults: Vec<Fault>,
    pub(crate) chaos: Chaos,
    pub(crate) soak: Soak,
    pub(crate) control: Option<Control>,
}

/// How a run that is known to be bad must be judged.
#[derive(Debug, Clone)]
pub(crate) enum Control {
    /// NO-GO, because of the gate with this id.
    Gate(At<String>),
    /// INCONCLUSIVE, because every fault is only claimed.
    Claimed(Place),
    /// INCONCLUSIVE, because the evidence must be found wanting by this condition.
    Condition(&'static str),
}

impl Scenario {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why it exists.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }

    /// The id of the gate that must turn red, where the target is known to be bad; `None` for any other
    /// scenario.
    #[must_use]
    pub fn control(&self) -> Option<&str> {
        match &self.control {
            Some(Control::Gate(gate)) => Some(&gate.value),
            _ => None,
        }
    }

    /// The condition that must be found wanting, where the run is known to be worthless.
    #[must_use]
    pub fn control_condition(&self) -> Option<&'static str> {
        match &self.control {
            Some(Control::Condition(condition)) => Some(condition),
            _ => None,
        }
    }

    /// Whether its faults are only claimed, so that it must be judged INCONCLUSIVE.
    #[must_use]
    pub fn claimed(&self) -> bool {
        matches!(self.control, Some(Control::Claimed(_)))
    }
}

/// How long the phases last, in nanoseconds.
#[derive(Debug, Clone)]
pub(crate) struct Phases {
    pub(crate) warm_up: Option<u64>,
    pub(crate) hold: u64,
    pub(crate) drain: Option<u64>,
}

impl Phases {
    /// With defaults filled in.
    pub(crate) fn lengths(&self) -> Lengths {
        let default = |key| tables::PHASE_LENGTHS.default_duration(key);
        Lengths {
            warm_up: self.warm_up.unwrap_or_else(|| default("warm_up")),
            hold: self.hold,
            drain: self.drain.unwrap_or_else(|| default("drain")),
        }
    }
}

/// How long every phase lasts, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lengths {
    pub(crate) warm_up: u64,
    pub(crate) hold: u64,
    pub(crate) drain: u64,
}

impl Lengths {
    /// When the last load is due.
    pub(crate) fn load(self) -> u64 {
        self.warm_up + self.hold
    }

    /// When everything ends, at the latest.
    pub(crate) fn all(self) -> u64 {
        self.load() + self.drain
    }
}

/// How often to read, in nanoseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    pub(crate) every: Option<At<u64>>,
    pub(crate) slow_every: Option<At<u64>>,
}

impl Sample {
    /// The interval of the cheap set.
    pub(crate) fn every(&self) -> u64 {
        self.every.as_ref().map_or_else(|| tables::SAMPLE.default_duration("every"), |e| e.value)
    }

    /// The interval of the dear set: ten times that of the cheap one, or half of the hold phase where that is
    /// shorter, so that a short run has some too.
    pub(crate) fn slow_every(&self, lengths: Lengths) -> u64 {
        let every = self.every();
        let ticks = (lengths.hold / 2 / every).clamp(1, 10);
        self.slow_every.as_ref().map_or(every * ticks, |slow| slow.value)
    }
}

/// What could be read; a part that is `None` has left a problem, and so has an item that is `None`.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) name: Option<String>,
    pub(crate) why: Option<String>,
    pub(crate) seed: Option<u64>,
    pub(crate) target: Option<Target>,
    pub(crate) workload: Option<Workload>,
    pub(crate) phases: Option<Phases>,
    pub(crate) sample: Option<Sample>,
    pub(crate) faults: Vec<Option<Fault>>,
    pub(crate) chaos: Option<Chaos>,
    pub(crate) soak: Soak,
    pub(crate) gates: Vec<Option<Gate>>,
    pub(crate) control: Option<Control>,
}

impl Parts {
    /// Reads every part; what is wrong with one hides nothing of the others.
    pub(crate) fn read(root: &Node, reader: &mut Reader) -> Option<Self> {
        let fields = reader.table(root, &tables::SCENARIO, "")?;
        Some(Self {
            name: fields.name(reader, "name").map(|n| n.value),
            why: fields.text(reader, "why").map(|w| w.value.trim().to_owned()),
            seed: fields.number(reader, "seed").map(|s| s.value),
            target: target::read(&fields, reader),
            workload: workload::read(&fields, reader),
            phases: phases(&fields, reader),
            sample: sample(&fields, reader),
            faults: faults::read(&fields, reader),
            chaos: faults::chaos(&fields, reader),
            soak: soak::read(&fields, reader),
            gates: gates::read(&fields, reader),
            control: control(&fields, reader),
        })
    }

    /// The scenario, if nothing is missing. Its gates have become those of the plan.
    pub(crate) fn whole(self) -> Option<Scenario> {
        Some(Scenario {
            name: self.name?,
            why: self.why?,
            seed: self.seed,
            target: self.target?,
            workload: self.workload?,
            phases: self.phases?,
            sample: self.sample?,
            faults: self.faults.into_iter().collect::<Option<_>>()?,
            chaos: self.chaos?,
            soak: self.soak,
            control: self.control,
        })
    }
}

fn control(scenario: &Fields<'_>, reader: &mut Reader) -> Option<Control> {
    let fields = scenario.table(reader, "control", &tables::CONTROL)?;
    match fields.get("gate") {
        Some(_) => fields.text(reader, "gate").map(Control::Gate),
        None if fields.get("verdict").is_some() => {
            fields.word(reader, "verdict").map(|verdict| Control::Claimed(verdict.place))
        }
        None => fields.word(reader, "condition").map(|condition| Control::Condition(condition.value)),
    }
}

fn phases(scenario: &Fields<'_>, reader: &mut Reader) -> Option<Phases> {
    let fields = scenario.table(reader, "phases", &tables::PHASE_LENGTHS)?;
    let warm_up = fields.number(reader, "warm_up").map(|p| p.value);
    let drain = fields.number(reader, "drain").map(|p| p.value);
    Some(Phases { warm_up, hold: fields.number(reader, "hold")?.value, drain })
}

fn sample(scenario: &Fields<'_>, reader: &mut Reader) -> Option<Sample> {
    if scenario.get("sample").is_none() {
        return Some(Sample::default());
    }
    let fields = scenario.table(reader, "sample", &tables::SAMPLE)?;
    let every = fields.number(reader, "every");
    Some(Sample { every, slow_every: fields.number(reader, "slow_every") })
}
