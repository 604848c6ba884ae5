//! Stopping processes: SIGSTOP, undone by SIGCONT.

use std::io;
use std::time::{Duration, Instant};

use evidence::event::{Level, Proof, Reading};
use nix::sys::signal::Signal;

use super::{Held, Outcome, Victim, signal_all};
use crate::ChaosError;
use crate::clock::Clock;
use crate::journal::Undo;
use crate::process::{Identity, Stat};
use crate::undo::CONTINUE_WITHIN;

/// How long a process may take to be stopped after SIGSTOP.
const STOPPED_WITHIN: Duration = Duration::from_secs(1);
const SOURCE: &str = "/proc/PID/stat state";

/// What undoes a pause of this process.
pub(crate) fn undo(process: Identity) -> Undo {
    Undo::Continue { process }
}

/// Stops all and reads back that each is stopped.
pub(crate) fn apply(held: &[Held], clock: Clock) -> Result<Vec<Outcome>, ChaosError> {
    act(held, Signal::SIGSTOP, STOPPED_WITHIN, clock, |stat| match stat {
        Some(stat) if stat.is_stopped() => Some((Proof::Proven, "T".to_owned())),
        Some(stat) if stat.is_alive() => None,
        _ => Some((Proof::Mismatch, "dead".to_owned())),
    })
}

/// Lets all go on and reads back that none is stopped; one that has died meanwhile is not.
pub(crate) fn heal(held: &[Held], clock: Clock) -> Result<Vec<Outcome>, ChaosError> {
    act(held, Signal::SIGCONT, CONTINUE_WITHIN, clock, |stat| match stat {
        Some(stat) if stat.is_stopped() => None,
        Some(stat) if stat.is_alive() => Some((Proof::Proven, char::from(stat.state).to_string())),
        _ => Some((Proof::Proven, "dead".to_owned())),
    })
}

/// Signals all, then reads the state of each until `settled` says what came of it.
fn act(
    held: &[Held],
    signal: Signal,
    within: Duration,
    clock: Clock,
    settled: impl Fn(Option<Stat>) -> Option<(Proof, String)>,
) -> Result<Vec<Outcome>, ChaosError> {
    let deadline = Instant::now() + within;
    let sent = signal_all(held, signal, clock);
    let mut outcomes: Vec<Option<Outcome>> = sent
        .iter()
        .map(|sent| match sent.taken {
            // It died while it was stopped: nothing is left to let go on.
            Ok(false) if signal == Signal::SIGCONT => {
                Some(outcome(Proof::Proven, "dead".to_owned(), signal, clock))
            }
            _ => sent.refused(signal),
        })
        .collect();
    loop {
        let open = held.iter().zip(&sent).zip(&mut outcomes).filter(|(_, slot)| slot.is_none());
        for ((held, sent), slot) in open {
            let stat = stat_of(&held.victim).map_err(|e| ChaosError::io("read", "/proc", e))?;
            *slot =
                settled(stat).map(|(proof, found)| sent.told(signal, outcome(proof, found, signal, clock)));
        }
        let late = Instant::now() >= deadline;
        if late || outcomes.iter().all(Option::is_some) {
            let unsettled =
                || outcome(Proof::Mismatch, format!("unchanged {within:?} after {signal}"), signal, clock);
            return Ok(outcomes.into_iter().map(|slot| slot.unwrap_or_else(unsettled)).collect());
        }
        std::thread::sleep(Duration::from_micros(100));
    }
}

fn stat_of(victim: &Victim) -> io::Result<Option<Stat>> {
    victim.process().stat()
}

fn outcome(proof: Proof, found: String, signal: Signal, clock: Clock) -> Outcome {
    let at_ns = clock.now();
    let expected = if signal == Signal::SIGSTOP { "T" } else { "not T" }.to_owned();
    let reading = Reading { at_ns, level: Level::E1, source: SOURCE.to_owned(), expected, found };
    let acknowledged_ns = (proof == Proof::Proven).then_some(at_ns);
    Outcome { proof, sent_ns: None, acknowledged_ns, readings: vec![reading] }
}
