//! Applying a fault and reading back that it was applied.

mod kill;
pub(crate) mod pause;

use std::time::Duration;

use evidence::event::{FaultStep, Level, Proof, Reading, Victim as Evidence};
use evidence::role::Role;
use nix::sys::signal::Signal;
use scenarios::plan::{self, FaultKind};

use crate::clock::{Clock, monotonic_ns};
use crate::guard::Guard;
use crate::journal::Record;
use crate::pidfd::PidFd;
use crate::process::Identity;
use crate::{ChaosError, Journal, Scope};

/// How long after its planned end a fault is undone by the guardian, should the harness not have done it.
const OVERDUE_AFTER: Duration = Duration::from_secs(2);

/// An agent that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Victim {
    /// Its number.
    pub agent: u32,
    /// Its role.
    pub role: Role,
    /// Its process; 0 where it has none of its own.
    pub pid: u32,
    /// The start time of that process, as [`Identity`] has it, recorded when the agent was ready.
    pub starttime: u64,
}

impl Victim {
    pub(crate) fn process(&self) -> Identity {
        Identity { pid: self.pid, starttime: self.starttime }
    }

    pub(crate) fn evidence(&self, proof: Proof, readings: Vec<Reading>) -> Evidence {
        Evidence { agent: self.agent, role: self.role, pid: self.pid, proof, readings }
    }
}

/// A victim that was there, held so that no other process can be meant.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) victim: Victim,
    pub(crate) pidfd: PidFd,
}

/// What became of the attempt on one victim.
pub(crate) struct Outcome {
    pub(crate) proof: Proof,
    /// When it was sent, if the kernel took it, in nanoseconds since the start of the run.
    pub(crate) sent_ns: Option<u64>,
    /// When it was read back that it acts.
    pub(crate) acknowledged_ns: Option<u64>,
    pub(crate) readings: Vec<Reading>,
}

/// A fault whose victims are checked and held, ready to be applied at once.
#[derive(Debug)]
#[must_use = "nothing has been applied yet"]
pub struct Prepared {
    fault: plan::Fault,
    held: Vec<Held>,
    skipped: Vec<(Victim, Reading)>,
    order: Vec<u32>,
    journal: Journal,
    clock: Clock,
}

/// A fault that was applied.
#[derive(Debug)]
#[must_use = "dropping it heals the fault"]
pub struct Injected {
    /// Whether it counts as applied: `Skipped` if no victim was there, `Failed` if none could be reached.
    pub step: FaultStep,
    /// Why, unless it was applied to all.
    pub why: Option<String>,
    /// When the kernel was given the first of what it then acknowledged, in nanoseconds since the start of the
    /// run. The time of the attempt where nothing was acknowledged.
    pub at_ns: u64,
    /// From the first acknowledgement to the last.
    pub spread_ns: u64,
    /// What was read back of each victim, in the order in which they were given.
    pub victims: Vec<Evidence>,
    /// Heals it; `None` where there is nothing to heal.
    pub guard: Option<Guard>,
}

/// Checks the victims of a fault and takes hold of them, so that [`Prepared::apply`] acts at once. Nothing is
/// applied. `clock_zero_ns` is `CLOCK_MONOTONIC` at the start of the run.
///
/// # Errors
/// If the guardian is gone, or a victim is no process of this run: then none of them is touched. A victim
/// that is dead already is no error; it will be reported as skipped.
pub fn prepare(
    scope: &Scope,
    journal: &Journal,
    fault: &plan::Fault,
    victims: &[Victim],
    clock_zero_ns: u64,
) -> Result<Prepared, ChaosError> {
    let clock = Clock { zero_ns: clock_zero_ns };
    let read = |e| ChaosError::io("read", "/proc", e);
    let guardian = scope.guardian();
    if !guardian.is_alive().map_err(read)? {
        return Err(ChaosError::GuardianGone { pid: guardian.pid });
    }
    let mut prepared = Prepared {
        fault: fault.clone(),
        held: Vec::new(),
        skipped: Vec::new(),
        order: victims.iter().map(|v| v.agent).collect(),
        journal: journal.clone(),
        clock,
    };
    for &victim in victims {
        let Victim { agent, pid, .. } = victim;
        if pid == 0 {
            return Err(ChaosError::NoProcess { agent, kind: fault.kind.name() });
        }
        let open = |e| ChaosError::io("open", format_args!("process {pid} of agent {agent}"), e);
        match PidFd::of(victim.process()).map_err(open)? {
            None => prepared.skipped.push((victim, absent(&victim, clock).map_err(read)?)),
            Some(pidfd) if scope.holds(pid).map_err(read)? => prepared.held.push(Held { victim, pidfd }),
            // It may have died between the two looks; then it is not somebody else's process.
            Some(_) if !victim.process().is_alive().map_err(read)? => {
                prepared.skipped.push((victim, absent(&victim, clock).map_err(read)?));
            }
            Some(_) => return Err(ChaosError::OutOfScope { agent, pid, guardian: guardian.pid }),
        }
    }
    Ok(prepared)
}

/// [`prepare`] and [`Prepared::apply`] in one.
///
/// # Errors
/// As those two.
pub fn inject(
    scope: &Scope,
    journal: &Journal,
    fault: &plan::Fault,
    victims: &[Victim],
    clock_zero_ns: u64,
) -> Result<Injected, ChaosError> {
    prepare(scope, journal, fault, victims, clock_zero_ns)?.apply()
}

impl Prepared {
    /// Applies the fault to all victims at the same instant and reads back what became of it. Blocks until
    /// the kernel has acknowledged it, at most some seconds.
    ///
    /// # Errors
    /// If the journal cannot be written (then nothing was applied) or the kernel cannot be asked.
    pub fn apply(self) -> Result<Injected, ChaosError> {
        let attempted_ns = self.clock.now();
        if self.held.is_empty() {
            return Ok(self.conclude(attempted_ns, Vec::new(), None));
        }
        let id = self.fault.id.clone();
        match self.fault.kind {
            FaultKind::Kill { signal } => {
                // Nothing to undo, so no power failure can be waited for between the due time and the kill.
                self.journal.append(&self.record(monotonic_ns(), Vec::new()))?;
                let outcomes = kill::apply(&self.held, signal, self.clock)?;
                self.journal.append(&Record::Applied { fault: id })?;
                Ok(self.conclude(attempted_ns, outcomes, None))
            }
            FaultKind::Pause { for_ns } => {
                let grace = u64::try_from(OVERDUE_AFTER.as_nanos()).unwrap_or(u64::MAX);
                let expires_ns = monotonic_ns().saturating_add(for_ns).saturating_add(grace);
                let undo = self.held.iter().map(|held| pause::undo(held.victim.process())).collect();
                self.journal.append_synced(&self.record(expires_ns, undo))?;
                self.pause(attempted_ns)
            }
        }
    }

    fn pause(mut self, attempted_ns: u64) -> Result<Injected, ChaosError> {
        // From here on an error heals by dropping the guard.
        let held = std::mem::take(&mut self.held);
        let guard = Guard::new(self.fault.id.clone(), held, self.journal.clone(), self.clock);
        let outcomes = pause::apply(guard.held(), self.clock)?;
        self.journal.append(&Record::Applied { fault: self.fault.id.clone() })?;
        Ok(self.conclude(attempted_ns, outcomes, Some(guard)))
    }

    fn record(&self, expires_ns: u64, undo: Vec<crate::journal::Undo>) -> Record {
        Record::Prepare {
            fault: self.fault.id.clone(),
            kind: self.fault.kind.name().to_owned(),
            undo,
            expires_ns,
        }
    }

    fn conclude(self, attempted_ns: u64, outcomes: Vec<Outcome>, guard: Option<Guard>) -> Injected {
        let acknowledged: Vec<u64> = outcomes.iter().filter_map(|o| o.acknowledged_ns).collect();
        let sent = outcomes.iter().filter(|o| o.acknowledged_ns.is_some()).filter_map(|o| o.sent_ns).min();
        let first = acknowledged.iter().min().copied();
        let last = acknowledged.iter().max().copied();
        let held = guard.as_ref().map_or(self.held.as_slice(), Guard::held);
        let requires = self.fault.requires;
        let mut victims: Vec<Evidence> = held
            .iter()
            .zip(outcomes)
            .map(|(held, outcome)| held.victim.evidence(proof(outcome.proof, requires), outcome.readings))
            .chain(self.skipped.iter().map(|(v, reading)| v.evidence(Proof::Skipped, vec![reading.clone()])))
            .collect();
        victims.sort_by_key(|v| self.order.iter().position(|agent| *agent == v.agent));
        let (step, why) = judge(&victims, first.is_some());
        Injected {
            step,
            why,
            at_ns: sent.unwrap_or(attempted_ns),
            spread_ns: last.zip(first).map_or(0, |(last, first)| last - first),
            victims,
            guard,
        }
    }
}

/// What is read here is the kernel's state, E1. A fault that requires more is not proven by that alone.
fn proof(read: Proof, requires: Level) -> Proof {
    if read == Proof::Proven && requires > Level::E1 { Proof::Unproven } else { read }
}

fn judge(victims: &[Evidence], any_acknowledged: bool) -> (FaultStep, Option<String>) {
    let count = |proof| victims.iter().filter(|v| v.proof == proof).count();
    let (all, skipped) = (victims.len(), count(Proof::Skipped));
    if skipped == all {
        let why = if all == 0 { "nobody was chosen" } else { "every victim was dead already" };
        return (FaultStep::Skipped, Some(why.to_owned()));
    }
    let step = if any_acknowledged { FaultStep::Injected } else { FaultStep::Failed };
    let parts = [
        (skipped, "dead already"),
        (count(Proof::Mismatch), "read back as something else"),
        (count(Proof::Unproven), "not proven"),
    ];
    let words: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} of {all} victims {what}"))
        .collect();
    (step, (!words.is_empty()).then(|| words.join(", ")))
}

/// What there is in the place of a victim that is dead.
fn absent(victim: &Victim, clock: Clock) -> std::io::Result<Reading> {
    let found = match crate::process::Stat::read(victim.pid)? {
        None => "gone".to_owned(),
        Some(stat) if stat.starttime == victim.starttime => "dead, not yet reaped".to_owned(),
        Some(stat) => format!("another process, started at {}", stat.starttime),
    };
    Ok(Reading {
        at_ns: clock.now(),
        level: Level::E1,
        source: "/proc/PID/stat".to_owned(),
        expected: format!("the process started at {}", victim.starttime),
        found,
    })
}

/// A signal on its way to one victim.
pub(crate) struct Sent {
    /// Just before the call: what the signal does cannot be seen earlier, and recovery counted from here is never
    /// understated, however late this process comes to read anything back.
    pub(crate) at_ns: u64,
    /// Whether the kernel took it; `false` if the process was gone.
    pub(crate) taken: std::io::Result<bool>,
}

impl Sent {
    fn reading(&self, signal: Signal, found: String) -> Reading {
        Reading {
            at_ns: self.at_ns,
            level: Level::E0,
            source: "pidfd_send_signal".to_owned(),
            expected: format!("{signal} taken"),
            found,
        }
    }

    /// What became of a signal that the kernel did not take; `None` if it did.
    pub(crate) fn refused(&self, signal: Signal) -> Option<Outcome> {
        let (proof, found) = match &self.taken {
            Ok(true) => return None,
            Ok(false) => (Proof::Skipped, "the process was gone".to_owned()),
            Err(e) => (Proof::Unproven, e.to_string()),
        };
        let readings = vec![self.reading(signal, found)];
        Some(Outcome { proof, sent_ns: None, acknowledged_ns: None, readings })
    }

    /// What was read back of a signal that the kernel took, the sending first.
    pub(crate) fn told(&self, signal: Signal, mut outcome: Outcome) -> Outcome {
        outcome.readings.insert(0, self.reading(signal, format!("{signal} taken")));
        Outcome { sent_ns: Some(self.at_ns), ..outcome }
    }
}

/// Signals all as fast as the kernel takes it.
fn signal_all(held: &[Held], signal: Signal, clock: Clock) -> Vec<Sent> {
    held.iter().map(|held| Sent { at_ns: clock.now(), taken: held.pidfd.send(signal) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn victims(proofs: &[Proof]) -> Vec<Evidence> {
        let victim = Victim { agent: 1, role: Role::Worker, pid: 2, starttime: 3 };
        proofs.iter().map(|proof| victim.evidence(*proof, Vec::new())).collect()
    }

    #[test]
    fn a_fault_is_called_by_what_became_of_its_victims() {
        use Proof::{Mismatch, Proven, Skipped, Unproven};
        let cases: [(&[Proof], bool, FaultStep, Option<&str>); 6] = [
            (&[Proven, Proven], true, FaultStep::Injected, None),
            (&[Proven, Skipped], true, FaultStep::Injected, Some("1 of 2 victims dead already")),
            (&[Skipped, Skipped], false, FaultStep::Skipped, Some("every victim was dead already")),
            (&[], false, FaultStep::Skipped, Some("nobody was chosen")),
            (&[Unproven], false, FaultStep::Failed, Some("1 of 1 victims not proven")),
            (
                &[Mismatch, Proven],
                true,
                FaultStep::Injected,
                Some("1 of 2 victims read back as something else"),
            ),
        ];
        for (proofs, acknowledged, step, why) in cases {
            assert_eq!(judge(&victims(proofs), acknowledged), (step, why.map(str::to_owned)), "{proofs:?}");
        }
    }

    #[test]
    fn the_state_of_the_kernel_does_not_prove_what_asks_for_more() {
        assert_eq!(proof(Proof::Proven, Level::E1), Proof::Proven);
        assert_eq!(proof(Proof::Proven, Level::E2), Proof::Unproven);
        assert_eq!(proof(Proof::Mismatch, Level::E2), Proof::Mismatch);
    }
}
