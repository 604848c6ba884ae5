//! What stands between a fault and its being left behind.

use evidence::event::{FaultStep, Proof, Victim as Evidence};

use crate::Journal;
use crate::clock::Clock;
use crate::fault::{Held, pause};
use crate::journal::{By, Record};

/// A fault that has to be undone; undoes it when dropped.
#[derive(Debug)]
#[must_use = "dropping it heals the fault"]
pub struct Guard {
    fault: String,
    held: Vec<Held>,
    journal: Journal,
    clock: Clock,
    healed: bool,
}

/// A fault that was undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healed {
    /// `Healed`, or `Failed` if a victim is still stopped.
    pub step: FaultStep,
    /// What went wrong, where something did.
    pub why: Option<String>,
    /// When the kernel acknowledged the last of it, in nanoseconds since the start of the run.
    pub at_ns: u64,
    /// What was read back of each victim.
    pub victims: Vec<Evidence>,
}

impl Guard {
    pub(crate) fn new(fault: String, held: Vec<Held>, journal: Journal, clock: Clock) -> Self {
        Self { fault, held, journal, clock, healed: false }
    }

    pub(crate) fn held(&self) -> &[Held] {
        &self.held
    }

    /// The fault's id in the plan.
    #[must_use]
    pub fn fault(&self) -> &str {
        &self.fault
    }

    /// Undoes the fault and reads back that it is undone. A victim that has died meanwhile needs no undoing.
    #[must_use]
    pub fn heal(mut self) -> Healed {
        self.undo()
    }

    fn undo(&mut self) -> Healed {
        self.healed = true;
        let (victims, mut failed) = match pause::heal(&self.held, self.clock) {
            Ok(outcomes) => (
                self.held
                    .iter()
                    .zip(outcomes)
                    .map(|(held, outcome)| held.victim.evidence(outcome.proof, outcome.readings))
                    .collect::<Vec<_>>(),
                Vec::new(),
            ),
            Err(e) => (Vec::new(), vec![e.to_string()]),
        };
        failed.extend(victims.iter().filter(|v| v.proof != Proof::Proven).map(|v| {
            let found = v.readings.last().map_or("nothing read", |r| r.found.as_str());
            format!("process {} of agent {} is not undone: {found}", v.pid, v.agent)
        }));
        let step = if failed.is_empty() { FaultStep::Healed } else { FaultStep::Failed };
        let record = Record::Undone { fault: self.fault.clone(), by: By::Harness, failed: failed.clone() };
        // What could not be undone stays open, for the guardian.
        if step == FaultStep::Healed
            && let Err(e) = self.journal.append_synced(&record)
        {
            failed.push(e.to_string());
        }
        let at_ns = victims.iter().flat_map(|v| &v.readings).map(|r| r.at_ns).max();
        Healed {
            step,
            why: (!failed.is_empty()).then(|| failed.join("; ")),
            at_ns: at_ns.unwrap_or_else(|| self.clock.now()),
            victims,
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.healed {
            self.undo();
        }
    }
}
