//! How a target came back from a fault: injected, detected, elected, reassigned, first success, round, steady,
//! drained. The target tells of the inner steps where it can; the outer ones are seen from outside.
//!
//! A step that did not come, though it had to, is known to take at least as long as the evidence goes on.

use std::collections::BTreeMap;

use evidence::event::{Event, Fact, MemberState, RecoveryStep, Victim};
use evidence::role::Role;

use super::FaultFinding;
use crate::analysis::seconds;
use crate::analysis::steady::{Beats, Fault, Steady, steady, steady_from};
use crate::reading::Evidence;

/// How long a step took from the injection, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// So long.
    Took(f64),
    /// It was not reached within this time, with which the evidence ends; 0 where nothing can be said.
    NotBefore(f64),
}

impl Step {
    /// The time that it took at least.
    #[must_use]
    pub fn at_least(self) -> f64 {
        match self {
            Self::Took(s) | Self::NotBefore(s) => s,
        }
    }
}

/// The steps of one recovery. A step that the target does not tell, or that does not apply, is absent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Recovery {
    /// The target had noticed every victim.
    pub detect: Option<Step>,
    /// Another agent held each lost place.
    pub elect: Option<Step>,
    /// Every orphan had a coordinator.
    pub reassign: Option<Step>,
    /// A task of an affected agent, started after the fault, succeeded.
    pub first_success: Option<Step>,
    /// The round in flight was complete.
    pub round: Option<Step>,
    /// The target was steady again.
    pub steady: Option<Step>,
    /// No task from before or during the fault was open.
    pub drained: Option<Step>,
}

impl Recovery {
    /// The steps by name, in the order in which a recovery goes.
    #[must_use]
    pub fn steps(&self) -> [(&'static str, Option<Step>); 7] {
        [
            ("detected", self.detect),
            ("elected", self.elect),
            ("reassigned", self.reassign),
            ("first success", self.first_success),
            ("round", self.round),
            ("steady", self.steady),
            ("drained", self.drained),
        ]
    }
}

/// Fills in the recovery of every fault that was injected, in the order of time; `begun` says when each was.
pub(super) fn fill(evidence: &Evidence, beats: &Beats, begun: &[Option<u64>], faults: &mut [FaultFinding]) {
    let mut order: Vec<(u64, usize)> =
        begun.iter().enumerate().filter_map(|(i, at_ns)| Some(((*at_ns)?, i))).collect();
    order.sort_unstable();
    let mut disturbed: Vec<(u64, u64)> = Vec::new();
    for (place, &(at_ns, i)) in order.iter().enumerate() {
        let next_ns = order.get(place + 1).map_or(u64::MAX, |(next_ns, _)| *next_ns);
        let span = Span { evidence, at_ns, victims: &faults[i].victims };
        let mut recovery = span.told();
        recovery.first_success = span.outside(&faults[i].id, RecoveryStep::FirstSuccess, !beats.is_empty());
        recovery.round = span.outside(&faults[i].id, RecoveryStep::Round, span.round_in_flight());
        recovery.drained = span.outside(&faults[i].id, RecoveryStep::Drained, !beats.is_empty());
        let found = steady(beats, Fault { at_ns, next_ns }, &disturbed, evidence.last_ns);
        recovery.steady = Some(match found {
            Some(Steady::At(end)) => Step::Took(span.since(end)),
            Some(Steady::NotBefore(end)) => Step::NotBefore(span.since(end)),
            None => Step::NotBefore(0.0),
        });
        faults[i].after_heal = match faults[i].healed_ns {
            None => recovery.steady,
            Some(healed_ns) => {
                let next_ns = order.iter().map(|(at_ns, _)| *at_ns).find(|next_ns| *next_ns > healed_ns);
                let from = Fault { at_ns: healed_ns, next_ns: next_ns.unwrap_or(u64::MAX) };
                // A target that hid the fault may yet break on its end, so what was before says nothing.
                let again = steady_from(beats, at_ns, from, &disturbed, evidence.last_ns);
                let since = |end_ns: u64| seconds(end_ns.saturating_sub(healed_ns));
                Some(match again {
                    Some(Steady::At(end_ns)) => Step::Took(since(end_ns)),
                    Some(Steady::NotBefore(end_ns)) => Step::NotBefore(since(end_ns)),
                    None => Step::NotBefore(0.0),
                })
            }
        };
        // What still acts leaves nobody calm, however steady.
        let over_ns = faults[i].healed_ns.unwrap_or(at_ns);
        disturbed.push((at_ns, if let Some(Steady::At(end)) = found { end.max(over_ns) } else { u64::MAX }));
        faults[i].recovery = recovery;
    }
    expect_what_others_told(evidence, faults);
}

/// The time from one fault on.
struct Span<'a> {
    evidence: &'a Evidence,
    at_ns: u64,
    victims: &'a [Victim],
}

impl Span<'_> {
    fn since(&self, end_ns: u64) -> f64 {
        seconds(end_ns.saturating_sub(self.at_ns))
    }

    fn later(&self) -> impl Iterator<Item = &Event> {
        self.evidence.events.iter().filter(|e| e.at_ns >= self.at_ns)
    }

    /// The first time after the fault at which `fact` holds for a victim.
    fn first(&self, victim: u32, fact: impl Fn(&Fact, u32) -> bool) -> Option<u64> {
        self.later().filter(|e| fact(&e.fact, victim)).map(|e| e.at_ns).min()
    }

    /// What the target told.
    fn told(&self) -> Recovery {
        let suspected =
            |fact: &Fact, victim| matches!(fact, Fact::Suspected { agent, .. } if *agent == victim);
        let elected =
            |fact: &Fact, victim| matches!(fact, Fact::Elected { replaces, .. } if *replaces == victim);
        let victims = || self.victims.iter().filter_map(|v| v.subject.agent());
        // Every victim has to be noticed; but not every lost place has to be filled by election.
        let detect: Option<Vec<u64>> = victims().map(|v| self.first(v, suspected)).collect();
        let elect = victims().filter_map(|v| self.first(v, elected)).max();
        let reassign = victims().filter_map(|v| self.reassigned(v)).reduce(|a, b| match (a, b) {
            (Step::Took(a), Step::Took(b)) => Step::Took(a.max(b)),
            _ => self.never(),
        });
        let took = |end: Option<u64>| end.map(|end| Step::Took(self.since(end)));
        Recovery {
            detect: took(detect.and_then(|ends| ends.into_iter().max())),
            elect: took(elect),
            reassign,
            ..Recovery::default()
        }
    }

    /// A step that was not reached while the evidence went on.
    fn never(&self) -> Step {
        Step::NotBefore(self.since(seen_until(self.evidence, self.at_ns)))
    }

    /// When all that reported to a victim had another coordinator. `None` if the target does not tell, or if
    /// nothing reported to it.
    fn reassigned(&self, victim: u32) -> Option<Step> {
        let orphans = self.orphans(victim);
        let told = self.later().filter_map(|e| match &e.fact {
            Fact::Assigned { from, workers, .. } if *from == victim => Some((e.at_ns, *workers)),
            _ => None,
        });
        let mut told: Vec<(u64, u32)> = told.collect();
        told.sort_unstable();
        let tells = || self.evidence.events.iter().any(|e| matches!(e.fact, Fact::Assigned { .. }));
        if told.is_empty() {
            return (orphans > 0 && tells()).then(|| self.never());
        }
        let mut assigned = 0;
        let done = told.iter().find(|(_, workers)| {
            assigned += *workers as usize;
            assigned >= orphans
        });
        Some(done.map_or_else(|| self.never(), |(at_ns, _)| Step::Took(self.since(*at_ns))))
    }

    /// How many agents reported to a victim when the fault came.
    fn orphans(&self, victim: u32) -> usize {
        let mut parents: BTreeMap<u32, Option<u32>> = BTreeMap::new();
        for event in self.evidence.events.iter().filter(|e| e.at_ns < self.at_ns) {
            if let Fact::Member { agent, parent, state, .. } = &event.fact {
                match state {
                    MemberState::Left | MemberState::Fenced => {
                        parents.remove(agent);
                    }
                    MemberState::Ready | MemberState::Replaced | MemberState::Moved => {
                        parents.insert(*agent, *parent);
                    }
                }
            }
        }
        let killed = |agent: &u32| self.victims.iter().any(|v| v.subject.agent() == Some(*agent));
        parents.iter().filter(|(agent, parent)| **parent == Some(victim) && !killed(agent)).count()
    }

    /// A step seen by the harness; where it had to come and did not, the evidence bounds it.
    fn outside(&self, id: &str, step: RecoveryStep, had_to: bool) -> Option<Step> {
        let reached = self.evidence.events.iter().find_map(|e| match &e.fact {
            Fact::Recovery { fault, step: found, .. } if fault == id && *found == step => Some(e.at_ns),
            _ => None,
        });
        reached.map(|end| Step::Took(self.since(end))).or_else(|| had_to.then(|| self.never()))
    }

    fn round_in_flight(&self) -> bool {
        self.evidence.rounds.iter().any(|r| {
            r.started_ns.is_some_and(|start| start <= self.at_ns)
                && r.ended_ns.is_none_or(|end| end > self.at_ns)
        })
    }
}

/// Until when it would be known that a step had been reached: to the end of the evidence, or to the first death of a
/// harness after the fault, since nobody saw what came then.
fn seen_until(evidence: &Evidence, at_ns: u64) -> u64 {
    let deaths = evidence.events.iter().filter_map(|event| match event.fact {
        Fact::Resumed { from_ns, .. } => (event.at_ns > at_ns).then_some(from_ns),
        _ => None,
    });
    deaths.min().unwrap_or(evidence.last_ns)
}

/// Kinds of faults that a target has to notice, since their victims do nothing any more. Of others there may be
/// nothing to notice.
const NOTICED: [&str; 3] = ["kill", "out_of_memory", "pause"];

/// A target that told that it noticed one of these would have told it of another of the kind on the same role:
/// where it did not, it did not notice.
fn expect_what_others_told(evidence: &Evidence, faults: &mut [FaultFinding]) {
    let what = |fault: &FaultFinding| {
        let role = fault.victims.first().and_then(|v| v.subject.role())?;
        NOTICED.contains(&fault.kind.as_str()).then(|| (fault.kind.clone(), role))
    };
    let telling: Vec<(String, Role)> =
        faults.iter().filter(|f| f.recovery.detect.is_some()).filter_map(what).collect();
    for fault in faults {
        if let (Some(at), Some(what)) = (fault.injected_s, what(fault))
            && telling.contains(&what)
        {
            let until_ns = fault.begun_ns.map_or(evidence.last_ns, |at_ns| seen_until(evidence, at_ns));
            let never = Step::NotBefore((seconds(until_ns) - at).max(0.0));
            fault.recovery.detect.get_or_insert(never);
        }
    }
}
