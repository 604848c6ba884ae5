//! The planned faults: whether each is proven, and how the target came back from it, step by step.

mod left;
mod mechanism;
mod numbers;
mod placebo;
mod proof;
mod recovery;

use evidence::event::{Fact, FaultStep, Level, Proof, Victim};

pub use left::Left;
pub(crate) use mechanism::{Mechanism, Source, mechanisms, sources};
pub(super) use numbers::find;
pub(super) use placebo::span;
pub use placebo::{Against, Placebo};
pub(crate) use proof::name as proof_name;
pub use recovery::{Recovery, Step};

use super::seconds;
use super::steady::Beats;
use crate::reading::Evidence;

/// One planned fault and what came of it. Times are seconds since the start of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultFinding {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// What it was to do.
    pub words: String,
    /// How many victims were planned.
    pub planned: u32,
    /// The strength of evidence that it requires.
    pub requires: Level,
    /// How far it is proven, heal included.
    pub proof: Proof,
    /// Why it is not proven.
    pub why: Option<String>,
    /// Its victims with what was read at the injection.
    pub victims: Vec<Victim>,
    /// The same with what was seen while it acted, which says how far it is proven; empty where all was known at
    /// the injection.
    pub observed: Vec<Victim>,
    /// The same with what was read at the heal; empty where nothing had to be undone.
    pub healed: Vec<Victim>,
    /// When it began to act: when it was sent to the first victim.
    pub injected_s: Option<f64>,
    /// When it was undone.
    pub healed_s: Option<f64>,
    /// The same two in nanoseconds.
    pub(crate) begun_ns: Option<u64>,
    pub(crate) healed_ns: Option<u64>,
    /// From its planned end until it was read back that it was undone, in seconds.
    pub undo_s: Option<f64>,
    /// How the target came back.
    pub recovery: Recovery,
    /// From the end of a fault that lasts, or from one that does not, until the target was steady; zero if it
    /// was before.
    pub after_heal: Option<Step>,
    /// What it cost against windows without a fault; absent where it was not applied.
    pub placebo: Option<Placebo>,
    /// What it left behind, by role.
    pub left: Vec<Left>,
    /// Tasks open in its window; absent where the harness did not come to count them.
    pub open: Option<u64>,
    /// Those of them answered late.
    pub late: Option<u64>,
    /// Those of them sent to a worker more than once.
    pub retried: Option<u64>,
    /// Those of them lost.
    pub lost: Option<u64>,
}

impl FaultFinding {
    /// Its victims with the readings that say how far it is proven.
    #[must_use]
    pub fn evidence(&self) -> &[Victim] {
        if self.observed.is_empty() { &self.victims } else { &self.observed }
    }

    /// Agents that it was done to, times the seconds that it acted; of one that acts at once, until the target
    /// was steady. Absent where that is not known, or no agent was its victim.
    #[must_use]
    pub fn agent_seconds(&self) -> Option<f64> {
        let agents = self.victims.iter().filter(|v| v.subject.agent().is_some()).count();
        let acted = match (self.injected_s.zip(self.healed_s), self.recovery.steady) {
            (Some((injected, healed)), _) => healed - injected,
            (None, Some(Step::Took(s))) => s,
            _ => return None,
        };
        (agents > 0).then(|| super::number(agents as u64) * acted)
    }
}

/// Every planned fault, in the order of the plan.
pub(super) fn findings(evidence: &Evidence) -> Vec<FaultFinding> {
    let mut begun = Vec::new();
    let mut faults: Vec<FaultFinding> = evidence
        .manifest
        .faults
        .iter()
        .map(|planned| {
            let story = Story::of(evidence, &planned.id);
            begun.push(story.begun());
            let (proof, why) = proof::of(planned, &story);
            FaultFinding {
                id: planned.id.clone(),
                kind: planned.kind.clone(),
                words: planned.words.clone(),
                planned: planned.count,
                requires: planned.requires,
                proof,
                why,
                victims: story.injected.map(|(_, victims)| victims.to_vec()).unwrap_or_default(),
                observed: story.observed.map(<[Victim]>::to_vec).unwrap_or_default(),
                healed: story.healed.map(|(_, victims)| victims.to_vec()).unwrap_or_default(),
                injected_s: begun.last().copied().flatten().map(seconds),
                healed_s: story.healed.map(|(at, _)| seconds(at)),
                begun_ns: begun.last().copied().flatten(),
                healed_ns: story.healed.map(|(at, _)| at),
                undo_s: story.injected.zip(story.healed).map(|((injected, _), (healed, _))| {
                    seconds(healed.saturating_sub(injected.saturating_add(planned.for_ns)))
                }),
                recovery: Recovery::default(),
                after_heal: None,
                placebo: None,
                left: Vec::new(),
                open: story.cost.map(|cost| cost.open),
                late: story.cost.map(|cost| cost.late),
                retried: story.cost.map(|cost| cost.retried),
                lost: story.cost.map(|cost| cost.lost),
            }
        })
        .collect();
    let beats = Beats::of(evidence);
    recovery::fill(evidence, &beats, &begun, &mut faults);
    placebo::fill(evidence, &beats, &mut faults);
    left::fill(evidence, &mut faults);
    faults
}

/// What the history says of one fault.
#[derive(Debug, Default)]
struct Story<'a> {
    injected: Option<(u64, &'a [Victim])>,
    observed: Option<&'a [Victim]>,
    healed: Option<(u64, &'a [Victim])>,
    /// The first step that went wrong, and why.
    trouble: Option<(FaultStep, Option<&'a str>)>,
    cost: Option<Cost>,
    /// When the first process that it ended was gone, as the target tells.
    first_left: Option<u64>,
}

/// What it cost, in tasks.
#[derive(Debug, Clone, Copy)]
struct Cost {
    open: u64,
    late: u64,
    retried: u64,
    lost: u64,
}

impl<'a> Story<'a> {
    fn of(evidence: &'a Evidence, id: &str) -> Self {
        let mut story = Self::default();
        for event in &evidence.events {
            match &event.fact {
                Fact::Fault { fault, step, victims, why } if fault == id => match step {
                    FaultStep::Injected => story.injected = Some((event.at_ns, victims)),
                    FaultStep::Healed => story.healed = Some((event.at_ns, victims)),
                    FaultStep::Observed => story.observed = Some(victims),
                    FaultStep::Skipped | FaultStep::Failed => {
                        story.trouble.get_or_insert((*step, why.as_deref()));
                    }
                },
                Fact::Cost { fault, open, late, retried, lost } if fault == id => {
                    story.cost = Some(Cost { open: *open, late: *late, retried: *retried, lost: *lost });
                }
                Fact::Member { fault: Some(fault), .. } if fault == id => {
                    let first = story.first_left.unwrap_or(event.at_ns);
                    story.first_left = Some(first.min(event.at_ns));
                }
                _ => {}
            }
        }
        story
    }

    /// When the fault began to act. Recovery counts from here: counted from an acknowledgement, a target that
    /// was faster than the harness would seem to have recovered before the fault. Only what names this fault
    /// counts: an agent may have been the victim of another one shortly before.
    fn begun(&self) -> Option<u64> {
        let (injected, victims) = self.injected?;
        // Stronger ones may have been read before, for comparison.
        let calls = victims.iter().flat_map(|v| &v.readings).filter(|r| r.level == Level::E0);
        let readings = calls.map(|r| r.at_ns);
        readings.chain(self.first_left).chain([injected]).min()
    }
}
