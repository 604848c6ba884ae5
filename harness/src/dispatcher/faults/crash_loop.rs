//! A kill that lasts: whoever takes the place of a victim is ended as well, until its time is over.

use std::collections::BTreeMap;

use evidence::event::{FaultStep, Level, Proof, Reading, Victim};

use super::Life;
use crate::dispatcher::command::{Command, Commands};
use crate::dispatcher::event::Applied;
use crate::dispatcher::state::State;

/// One crash loop that goes on.
#[derive(Debug, Default)]
pub(in crate::dispatcher) struct CrashLoop {
    /// What was read of the first kills.
    first: Vec<Victim>,
    /// How many successors of each agent were ended, and how far that is proven.
    successors: BTreeMap<u32, (u32, Proof)>,
}

impl CrashLoop {
    pub(super) fn of(first: Vec<Victim>) -> Self {
        Self { first, successors: BTreeMap::new() }
    }

    fn ended(&mut self, victims: &[Victim]) {
        for victim in victims.iter().filter(|v| v.proof != Proof::Skipped) {
            let Some(agent) = victim.subject.agent() else { continue };
            let (count, proof) = self.successors.entry(agent).or_insert((0, Proof::Proven));
            *count += 1;
            if *proof == Proof::Proven {
                *proof = victim.proof;
            }
        }
    }

    /// What was seen of it while it went on.
    fn observed(self, at_ns: u64) -> Vec<Victim> {
        let Self { first, successors } = self;
        let with_successors = |mut victim: Victim| {
            let ended = victim.subject.agent().and_then(|agent| successors.get(&agent));
            let (count, proof) = ended.copied().unwrap_or((0, Proof::Unproven));
            victim.readings.push(Reading {
                at_ns,
                level: Level::E1,
                source: "ends of its successors".to_owned(),
                expected: "each ended as it came".to_owned(),
                found: format!("{count} ended"),
            });
            if victim.proof == Proof::Proven {
                victim.proof = proof;
            }
            victim
        };
        first.into_iter().map(with_successors).collect()
    }
}

impl State {
    /// The start times of new processes are known: those in the place of a victim of a crash loop are ended.
    pub(in crate::dispatcher) fn end_successors(&mut self, processes: &[(u32, u64)], out: &mut Commands) {
        let going_on: Vec<usize> = self.faults.crash_loops.keys().copied().collect();
        for fault in going_on.into_iter().filter(|f| matches!(self.faults.lives[*f], Life::Applied { .. })) {
            let touched = self.faults.touched.get(&fault).cloned().unwrap_or_default();
            let agents = touched.into_iter().filter_map(|number| Some((number, self.members.get(number)?)));
            let back: Vec<_> =
                agents.filter(|(_, a)| a.alive && processes.iter().any(|(pid, _)| *pid == a.pid)).collect();
            if !back.is_empty() {
                let victims = self.victims(&back);
                victims.iter().for_each(|v| self.faults.causes.blame(fault, v.pid));
                out.push(Command::Inject { fault, victims });
            }
        }
    }

    /// A successor was ended, or could not be.
    pub(super) fn successor_ended(&mut self, fault: usize, applied: &Applied) {
        if let Some(crash_loop) = self.faults.crash_loops.get_mut(&fault) {
            crash_loop.ended(&applied.victims);
        }
    }

    /// The time of a crash loop is over.
    pub(super) fn end_crash_loop(&mut self, fault: usize, crash_loop: CrashLoop, out: &mut Commands) {
        let at_ns = self.now_ns;
        let healed = Applied { step: FaultStep::Healed, at_ns, victims: Vec::new(), why: None };
        self.healed(fault, crash_loop.observed(at_ns), healed, out);
    }
}
