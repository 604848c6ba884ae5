//! The planned faults: whether each is proven, and how the target came back from it, step by step.

mod proof;
mod recovery;

use evidence::event::{Fact, FaultStep, Level, Proof, Victim};

pub(crate) use proof::name as proof_name;
pub use recovery::{Recovery, Step};

use super::{Basis, Findings, Measured, Of, Values, number, seconds};
use crate::reading::Evidence;
use crate::statistics::Interval;

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
    /// The same with what was read at the heal; empty where nothing had to be undone.
    pub healed: Vec<Victim>,
    /// When it began to act: when it was sent to the first victim.
    pub injected_s: Option<f64>,
    /// When it was undone.
    pub healed_s: Option<f64>,
    /// How the target came back.
    pub recovery: Recovery,
    /// Tasks open in its window; absent where the harness did not come to count them.
    pub open: Option<u64>,
    /// Those of them answered late.
    pub late: Option<u64>,
    /// Those of them lost.
    pub lost: Option<u64>,
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
                healed: story.healed.map(|(_, victims)| victims.to_vec()).unwrap_or_default(),
                injected_s: begun.last().copied().flatten().map(seconds),
                healed_s: story.healed.map(|(at, _)| seconds(at)),
                recovery: Recovery::default(),
                open: story.cost.map(|(open, _, _)| open),
                late: story.cost.map(|(_, late, _)| late),
                lost: story.cost.map(|(_, _, lost)| lost),
            }
        })
        .collect();
    recovery::fill(evidence, &begun, &mut faults);
    faults
}

/// What the history says of one fault.
#[derive(Debug, Default)]
struct Story<'a> {
    injected: Option<(u64, &'a [Victim])>,
    healed: Option<(u64, &'a [Victim])>,
    /// The first step that went wrong, and why.
    trouble: Option<(FaultStep, Option<&'a str>)>,
    /// Open, late, lost.
    cost: Option<(u64, u64, u64)>,
    /// When the first process that it ended was gone, as the target tells.
    first_left: Option<u64>,
}

impl<'a> Story<'a> {
    fn of(evidence: &'a Evidence, id: &str) -> Self {
        let mut story = Self::default();
        for event in &evidence.events {
            match &event.fact {
                Fact::Fault { fault, step, victims, why } if fault == id => match step {
                    FaultStep::Injected => story.injected = Some((event.at_ns, victims)),
                    FaultStep::Healed => story.healed = Some((event.at_ns, victims)),
                    FaultStep::Skipped | FaultStep::Failed => {
                        story.trouble.get_or_insert((*step, why.as_deref()));
                    }
                },
                Fact::Cost { fault, open, late, lost } if fault == id => {
                    story.cost = Some((*open, *late, *lost));
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
        let readings = victims.iter().flat_map(|v| &v.readings).map(|r| r.at_ns);
        readings.chain(self.first_left).chain([injected]).min()
    }
}

/// The numbers over all faults and of each.
pub(super) fn find(faults: &[FaultFinding], findings: &mut Findings) {
    if faults.is_empty() {
        return;
    }
    let proven = faults.iter().filter(|f| f.proof == Proof::Proven).count();
    findings.fact("faults.planned", Basis::Manifest, faults.len() as u64, Some(faults.len() as u64));
    findings.fact("faults.proven", Basis::Events, faults.len() as u64, Some(proven as u64));
    for (base, step) in [
        ("recovery.time", (|r| r.steady) as fn(&Recovery) -> Option<Step>),
        ("recovery.detect", |r| r.detect),
        ("recovery.elect", |r| r.elect),
        ("recovery.reassign", |r| r.reassign),
        ("recovery.first_success", |r| r.first_success),
        ("recovery.round", |r| r.round),
        ("recovery.drained", |r| r.drained),
    ] {
        over_faults(base, faults.iter().filter_map(|f| step(&f.recovery)), findings);
    }
    for fault in faults {
        of_one(&fault.id, std::slice::from_ref(fault), findings);
    }
    let mut series: Vec<&str> =
        faults.iter().filter_map(|f| f.id.rsplit_once('.')).map(|(id, _)| id).collect();
    series.dedup();
    for id in series {
        let of_series: Vec<FaultFinding> = faults
            .iter()
            .filter(|f| f.id.rsplit_once('.').is_some_and(|(head, _)| head == id))
            .cloned()
            .collect();
        of_one(id, &of_series, findings);
    }
}

fn over_faults(base: &str, steps: impl Iterator<Item = Step>, findings: &mut Findings) {
    let mut took = Vec::new();
    let mut not_before: Vec<f64> = Vec::new();
    for step in steps {
        match step {
            Step::Took(s) => took.push(s),
            Step::NotBefore(s) => not_before.push(s),
        }
    }
    took.sort_by(f64::total_cmp);
    let value_at = |rank: u64| usize::try_from(rank - 1).map_or(f64::NAN, |i| took[i]);
    let values = Values {
        known: took.len() as u64,
        unknown: not_before.len() as u64,
        value_at: &value_at,
        bound_at: &value_at,
    };
    findings.distribution(base, Of::default(), Basis::Events, &values);
    if let Some(longest) = not_before.into_iter().reduce(f64::max) {
        let lo = took.last().map_or(longest, |greatest| greatest.max(longest));
        if lo > 0.0 {
            let interval = Interval { lo, hi: f64::INFINITY };
            let n = values.known + values.unknown;
            let found = Measured { basis: Basis::Events, n, value: lo, interval, needs: None };
            findings.put(&format!("{base}.max"), Of::default(), found);
        }
    }
}

/// A fault, or a series of them under their common id: `1` stands for `1.1`, `1.2` and so on.
fn of_one(id: &str, faults: &[FaultFinding], findings: &mut Findings) {
    let of = Of { selector: Some(id), phase: None };
    let n = faults.len() as u64;
    let steady: Vec<Step> = faults.iter().filter_map(|f| f.recovery.steady).collect();
    let longest = steady.iter().map(|s| s.at_least()).reduce(f64::max);
    if let Some(value) = longest.filter(|_| steady.len() == faults.len()) {
        let known = steady.iter().all(|s| matches!(s, Step::Took(_)));
        let interval = Interval { lo: value, hi: if known { value } else { f64::INFINITY } };
        if known || value > 0.0 {
            findings.put(
                "fault.recovery_time",
                of,
                Measured { basis: Basis::Events, n, value, interval, needs: None },
            );
        }
    }
    for (name, basis, count) in [
        ("fault.lost", Basis::ClosedLedger, (|f| f.lost) as fn(&FaultFinding) -> Option<u64>),
        ("fault.late", Basis::Events, |f| f.late),
    ] {
        if let Some(sum) = faults.iter().map(count).sum::<Option<u64>>() {
            findings.put(name, of, Measured::exact(basis, n, number(sum)));
        }
    }
}
