//! Faults that only the target can do: it is asked, and what it tells is held against what is seen of it.

use std::collections::{BTreeMap, BTreeSet};

use evidence::event::{FaultStep, Level, Victim};
use protocol::{Answer, Capability, FaultState};
use scenarios::plan::{self, FaultKind};

use super::Life;
use super::readings::{Read, Subjects};
use crate::dispatcher::command::Commands;
use crate::dispatcher::event::Applied;
use crate::dispatcher::state::State;
use crate::ledger::Closing;
use crate::target::shown;
use crate::workload::to_millis;

/// How long the target may take to say what became of a fault, in nanoseconds.
const HEARD_WITHIN_NS: u64 = 2_000_000_000;
/// How long after its planned end the target is to end a fault by itself, in milliseconds.
const OVERDUE_MS: u64 = 2_000;
/// How much of a target's reason is kept, in characters.
const MAX_WHY: usize = 200;

/// A fault that the target was asked for.
#[derive(Debug)]
pub(in crate::dispatcher) struct Asked {
    asked_ns: u64,
    subjects: Subjects,
    /// Workers in whose answers it can be seen; empty: all.
    affected: BTreeSet<u32>,
    delay_ns: Option<u64>,
    /// What was read at the injection.
    applied: Vec<Read>,
    seen: Seen,
}

/// Answers that came while a fault acted.
#[derive(Debug, Default)]
struct Seen {
    answers: u64,
    retried: u64,
    slow: u64,
}

impl Asked {
    /// An answer came.
    pub(in crate::dispatcher) fn saw(&mut self, answer: &Answer, closing: &Closing, at_ns: u64) {
        if closing.started_ns < self.asked_ns
            || !(self.affected.is_empty() || self.affected.contains(&answer.agent))
        {
            return;
        }
        let took_ns = at_ns - closing.started_ns;
        self.seen.answers += 1;
        self.seen.retried += u64::from(answer.attempt > 1);
        self.seen.slow += u64::from(self.delay_ns.is_some_and(|delay_ns| took_ns >= delay_ns));
    }

    /// What the harness saw of it in the answers.
    fn effect(&self, kind: &FaultKind, at_ns: u64) -> Option<Read> {
        let Seen { answers, retried, slow } = self.seen;
        let (expected, seen, what) = match kind {
            FaultKind::BusDrop { .. } | FaultKind::BusCorrupt { .. } | FaultKind::Partition { .. } => {
                ("some after another attempt".to_owned(), retried, "after another attempt")
            }
            FaultKind::BusDelay { delay_ns, .. } => {
                (format!("some after {} µs or more", delay_ns / 1_000), slow, "so late")
            }
            _ => return None,
        };
        let found = format!("{seen} of {answers} {what}");
        // That no answer shows it says little: few may have come, and the target resends where it must.
        (seen > 0).then(|| Read::new(at_ns, Level::E2, "answers", expected, found, true))
    }

    /// All that is known of it now that it is over.
    fn observed(&self, planned: &plan::Fault, counters: &BTreeMap<String, u64>, at_ns: u64) -> Vec<Victim> {
        let mut read = self.applied.clone();
        read.extend(self.effect(&planned.kind, at_ns));
        if let Some(hit) = counters.get("hit") {
            let of = counters.get("considered").map_or_else(String::new, |all| format!(" of {all}"));
            let expected = "some were hit".to_owned();
            read.push(Read::new(
                at_ns,
                Level::E3,
                "count of the target",
                expected,
                format!("{hit}{of} hit"),
                *hit > 0,
            ));
        }
        self.subjects.victims(planned.requires, &read)
    }
}

impl State {
    /// Asks the target for a fault.
    pub(super) fn ask_target(&mut self, fault: usize, out: &mut Commands) {
        if !self.tells.contains(&Capability::Faults) {
            let why = "the target cannot do it: its `hello` does not tell `faults`";
            return self.not_applied(fault, FaultStep::Failed, why, out);
        }
        if self.is_down() {
            return self.not_applied(fault, FaultStep::Failed, "the target was being started again", out);
        }
        let Some(subjects) = self.subjects(fault, "target") else {
            return self.not_applied(fault, FaultStep::Skipped, "every victim was dead already", out);
        };
        let planned = self.plan.faults[fault].clone();
        let agents = subjects.agents();
        let delay_ns = match planned.kind {
            FaultKind::BusDelay { delay_ns, .. } => Some(delay_ns),
            _ => None,
        };
        let affected = self.members.workers_under(&agents).into_iter().collect();
        let (applied, seen) = (Vec::new(), Seen::default());
        let asked_ns = self.now_ns;
        self.faults.asked.insert(fault, Asked { asked_ns, subjects, affected, delay_ns, applied, seen });
        self.faults.hear_of(fault, self.now_ns + HEARD_WITHIN_NS);
        if let (false, Some(kind)) = (planned.pretend, in_protocol(&planned.kind)) {
            out.tell(protocol::Command::Fault {
                fault: planned.id,
                kind,
                agents,
                ttl_ms: to_millis(planned.for_ns) + OVERDUE_MS,
                seed: seed(self.plan.seed, fault),
            });
        }
    }

    /// Asks the target to end a fault.
    pub(super) fn ask_to_heal(&mut self, fault: usize, out: &mut Commands) {
        self.faults.hear_of(fault, self.now_ns + HEARD_WITHIN_NS);
        out.tell(protocol::Command::Heal { fault: self.plan.faults[fault].id.clone() });
    }

    /// The target told what became of a fault.
    pub(in crate::dispatcher) fn told_of_fault(
        &mut self,
        id: &str,
        state: FaultState,
        why: Option<&str>,
        counters: BTreeMap<String, u64>,
        at_ns: u64,
        out: &mut Commands,
    ) {
        // One that nobody asked for, or that was given up, is no news.
        let Some(fault) = self.plan.faults.iter().position(|f| f.id == id) else { return };
        let Some(asked_ns) = self.faults.asked.get(&fault).map(|asked| asked.asked_ns) else { return };
        let at_ns = self.since_start(at_ns).max(asked_ns);
        let why = || why.map_or_else(|| "it did not say why".to_owned(), |why| shown(why, MAX_WHY));
        match (self.faults.lives[fault], state) {
            (Life::Asked, FaultState::Applied) => self.target_applied(fault, at_ns, out),
            (Life::Asked, FaultState::Refused) => {
                let why = format!("the target refused: {}", why());
                self.not_applied(fault, FaultStep::Failed, &why, out);
            }
            (Life::Applied { .. } | Life::Healing, FaultState::Healed | FaultState::Expired) => {
                let word = if state == FaultState::Healed { "healed" } else { "expired" };
                self.target_healed(fault, at_ns, Ok(word), &counters, out);
            }
            (Life::Healing, FaultState::Refused) => {
                let why = format!("the target refused to end it: {}", why());
                self.target_healed(fault, at_ns, Err(why), &counters, out);
            }
            _ => {}
        }
    }

    fn target_applied(&mut self, fault: usize, at_ns: u64, out: &mut Commands) {
        let requires = self.plan.faults[fault].requires;
        let Some(asked) = self.faults.asked.get_mut(&fault) else { return };
        let said =
            |level, source: &str| Read::new(at_ns, level, source, "applied".into(), "applied".into(), true);
        asked.applied = vec![said(Level::E0, "command `fault`"), said(Level::E1, "report of the target")];
        let victims = asked.subjects.victims(requires, &asked.applied);
        self.faults.heard_of(fault);
        self.injected(fault, Applied { step: FaultStep::Injected, at_ns, victims, why: None }, out);
    }

    /// The fault does not act any more, or is not known to.
    fn target_healed(
        &mut self,
        fault: usize,
        at_ns: u64,
        became: Result<&str, String>,
        counters: &BTreeMap<String, u64>,
        out: &mut Commands,
    ) {
        let Some(asked) = self.faults.asked.remove(&fault) else { return };
        self.faults.heard_of(fault);
        let observed = asked.observed(&self.plan.faults[fault], counters, at_ns);
        let found = became.clone().unwrap_or("nothing").to_owned();
        let read = Read::new(
            at_ns,
            Level::E3,
            "report of the target",
            "healed or expired".into(),
            found,
            became.is_ok(),
        );
        let victims = asked.subjects.victims(Level::E3, &[read]);
        let step = if became.is_ok() { FaultStep::Healed } else { FaultStep::Failed };
        self.healed(fault, observed, Applied { step, at_ns, victims, why: became.err() }, out);
    }

    /// The target said nothing in time of a fault that it was asked for.
    pub(super) fn target_silent(&mut self, fault: usize, out: &mut Commands) {
        let within_s = HEARD_WITHIN_NS / 1_000_000_000;
        if self.faults.lives[fault] == Life::Asked {
            let at_ns = self.now_ns;
            let requires = self.plan.faults[fault].requires;
            let Some(asked) = self.faults.asked.get(&fault) else { return };
            let read = Read::new(
                at_ns,
                Level::E1,
                "report of the target",
                format!("applied within {within_s} s"),
                "nothing".to_owned(),
                false,
            );
            let victims = asked.subjects.victims(requires, &[read]);
            let why = Some(format!("the target did not say within {within_s} s that it had applied it"));
            // Should it have applied it all the same, it need not last.
            if !self.plan.faults[fault].pretend {
                out.tell(protocol::Command::Heal { fault: self.plan.faults[fault].id.clone() });
            }
            self.injected(fault, Applied { step: FaultStep::Failed, at_ns, victims, why }, out);
        } else {
            let why = format!("the target did not say within {within_s} s that it had ended it");
            self.target_healed(fault, self.now_ns, Err(why), &BTreeMap::new(), out);
        }
    }

    /// The target has ended, and with it whatever it was asked for.
    pub(super) fn target_gone(&mut self, fault: usize, out: &mut Commands) {
        if self.faults.lives[fault] == Life::Asked {
            return self.not_applied(fault, FaultStep::Failed, "the target ended", out);
        }
        self.target_healed(fault, self.now_ns, Ok("the target has ended"), &BTreeMap::new(), out);
    }
}

/// In the words of the protocol; `None` for what is not asked of a target.
fn in_protocol(kind: &FaultKind) -> Option<protocol::FaultKind> {
    use protocol::FaultKind as To;
    Some(match *kind {
        FaultKind::BusDrop { per_million } => To::BusDrop { per_million },
        FaultKind::BusDelay { per_million, delay_ns, jitter_ns } => {
            To::BusDelay { per_million, delay_us: delay_ns / 1_000, jitter_us: jitter_ns / 1_000 }
        }
        FaultKind::BusDuplicate { per_million } => To::BusDuplicate { per_million },
        FaultKind::BusReorder { per_million } => To::BusReorder { per_million },
        FaultKind::BusCorrupt { per_million } => To::BusCorrupt { per_million },
        FaultKind::Partition { direction } => To::Partition {
            direction: match direction {
                plan::Direction::Both => protocol::Direction::Both,
                plan::Direction::From => protocol::Direction::From,
                plan::Direction::To => protocol::Direction::To,
            },
        },
        FaultKind::Clock { offset_ns } => To::Clock { offset_us: offset_ns / 1_000 },
        _ => return None,
    })
}

/// What a fault draws from: its own stream of the plan's seed.
fn seed(of_plan: u64, fault: usize) -> u64 {
    of_plan ^ (fault as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
