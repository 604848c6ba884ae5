//! Ending processes: SIGKILL, or a signal that lets them end by themselves, with or without SIGKILL after it.

use std::io;
use std::time::{Duration, Instant};

use evidence::event::{Level, Reading};
use nix::sys::signal::Signal;
use scenarios::plan;

use super::act::Act;
use super::signal::{Sent, signal_all};
use super::{Held, Outcome, Setting};
use crate::ChaosError;
use crate::clock::Clock;
use crate::pidfd::{PidFd, wait_any};
use crate::process::status_words;
use crate::site::Step;
use crate::undo::Undo;

/// How long a process may take to be gone after a signal that leaves it no choice: only a process stuck in the
/// kernel takes long, or one that writes much of a core.
const KILLED_WITHIN: Duration = Duration::from_secs(5);
/// How long a process may take to end by itself after SIGTERM.
const TERMINATED_WITHIN: Duration = Duration::from_secs(10);
/// How soon a wrong access fails again after a handler has returned from it.
const FAILS_AGAIN_AFTER: Duration = Duration::from_millis(5);
/// How long their parents may take to reap them, after which what is not told is given up.
const REAPED_WITHIN: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Kill {
    signal: Signal,
    within: Duration,
    /// Whether SIGKILL follows.
    then_kill: bool,
}

impl Kill {
    pub(super) fn new(signal: plan::Signal, then_kill_ns: Option<u64>) -> Self {
        let (signal, within) = match signal {
            plan::Signal::Kill => (Signal::SIGKILL, KILLED_WITHIN),
            plan::Signal::Term => (Signal::SIGTERM, TERMINATED_WITHIN),
            plan::Signal::Segv => (Signal::SIGSEGV, KILLED_WITHIN),
            plan::Signal::Abort => (Signal::SIGABRT, KILLED_WITHIN),
        };
        Self {
            signal,
            within: then_kill_ns.map_or(within, Duration::from_nanos),
            then_kill: then_kill_ns.is_some(),
        }
    }
}

impl Act for Kill {
    fn undo(&self) -> Vec<Undo> {
        Vec::new()
    }

    fn lasts(&self) -> bool {
        false
    }

    /// Sends the signal to all, waits until the kernel has acknowledged each end, then reads how each ended.
    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let all: Vec<&Held> = setting.held.iter().collect();
        let (mut outcomes, left) = end(setting, &all, self.signal, self.within, self.then_kill)?;
        if self.then_kill && !left.is_empty() {
            setting.reached(Step::HalfApplied);
            let stubborn: Vec<&Held> = left.iter().map(|&at| all[at]).collect();
            let (killed, _) = end(setting, &stubborn, Signal::SIGKILL, KILLED_WITHIN, false)?;
            for (at, killed) in left.into_iter().zip(killed) {
                outcomes[at].seen.extend(killed.seen);
            }
        }
        Ok(outcomes)
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        Ok(vec![Outcome::default(); setting.held.len()])
    }
}

/// The end of a process.
#[derive(Clone, Copy)]
struct End {
    at_ns: u64,
    /// How it ended; `None` if nobody told.
    status: Option<i32>,
}

/// What became of each, and the places of those that are still there. Being still there is no contradiction
/// where SIGKILL follows.
fn end(
    setting: &Setting,
    held: &[&Held],
    signal: Signal,
    within: Duration,
    another_follows: bool,
) -> Result<(Vec<Outcome>, Vec<usize>), ChaosError> {
    let sent = signal_all(setting, held, signal);
    let under_way: Vec<usize> = (0..held.len()).filter(|&i| sent[i].is_under_way()).collect();
    if signal == Signal::SIGSEGV && !setting.pretend() {
        // A handler that does not know the address puts back the default and returns, for the access to fail once
        // more. What was ended by the first takes no second.
        std::thread::sleep(FAILS_AGAIN_AFTER);
        under_way.iter().for_each(|&at| drop(held[at].pidfd.send(signal)));
    }
    let ends = wait_for_ends(held, under_way.clone(), within, setting.site.clock)
        .map_err(|e| ChaosError::io("wait for", "the end of the victims", e))?;
    let left = under_way.into_iter().filter(|&at| ends[at].is_none()).collect();
    let told_by = Instant::now() + REAPED_WITHIN;
    let outcomes = held.iter().zip(sent).zip(ends).map(|((held, sent), at_ns)| {
        let end = at_ns.map(|at_ns| End { at_ns, status: wait_status(held, told_by) });
        told(setting, &sent, end, signal, within, another_follows)
    });
    Ok((outcomes.collect(), left))
}

/// Waits until the kernel has ended these by SIGKILL on its own, and adds what was read of it to each.
pub(super) fn read_ends(
    setting: &Setting,
    held: &[&Held],
    within: Duration,
    outcomes: &mut [Outcome],
) -> Result<(), ChaosError> {
    let all = (0..held.len()).collect();
    let ends = wait_for_ends(held, all, within, setting.site.clock)
        .map_err(|e| ChaosError::io("wait for", "the end of the victims", e))?;
    let told_by = Instant::now() + REAPED_WITHIN;
    for ((held, at_ns), outcome) in held.iter().zip(ends).zip(outcomes) {
        let end = at_ns.map(|at_ns| End { at_ns, status: wait_status(held, told_by) });
        ended(setting, end, Signal::SIGKILL, &format!("alive {within:?} later"), false, outcome);
    }
    Ok(())
}

fn told(
    setting: &Setting,
    sent: &Sent,
    end: Option<End>,
    signal: Signal,
    within: Duration,
    another_follows: bool,
) -> Outcome {
    let mut outcome = sent.told(signal);
    if !sent.is_under_way() {
        return outcome;
    }
    ended(setting, end, signal, &format!("alive {within:?} after {signal}"), another_follows, &mut outcome);
    outcome
}

fn ended(
    setting: &Setting,
    end: Option<End>,
    signal: Signal,
    alive: &str,
    another_follows: bool,
    outcome: &mut Outcome,
) {
    let exit = |found: &str| setting.reading(Level::E1, "pidfd", "exited", found);
    match end {
        Some(End { at_ns, status }) => {
            outcome.see(Reading { at_ns, ..exit("exited") }, true);
            read_status(outcome, setting, status, signal);
        }
        None if another_follows => {
            outcome.note(exit(alive));
        }
        None => {
            outcome.see(exit(alive), false);
        }
    }
}

/// Whether the status is that of a process that this signal ended. One that nobody told contradicts nothing.
fn read_status(outcome: &mut Outcome, setting: &Setting, status: Option<i32>, signal: Signal) {
    let number = signal as libc::c_int;
    let by_it = |status| libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == number;
    let (expected, fits) = if signal == Signal::SIGTERM {
        let fits = status.is_some_and(|status| libc::WIFEXITED(status) || by_it(status));
        (format!("any exit, or signal {number}"), fits)
    } else {
        (format!("signal {number}"), status.is_some_and(by_it))
    };
    let reading = |found| setting.reading(Level::E1, "wait status", expected, found);
    match status {
        Some(status) => outcome.see(reading(status_words(status)), fits),
        None => outcome.note(reading(
            "not told (not reaped, or a kernel before 6.15): its end is proven by the pidfd alone".to_owned(),
        )),
    };
}

/// When each of these was seen to have ended; `None` for the others and for those that did not.
fn wait_for_ends(
    held: &[&Held],
    mut open: Vec<usize>,
    within: Duration,
    clock: Clock,
) -> io::Result<Vec<Option<u64>>> {
    let deadline = Instant::now() + within;
    let mut ends = vec![None; held.len()];
    while !open.is_empty() {
        let polled: Vec<&PidFd> = open.iter().map(|&i| &held[i].pidfd).collect();
        let ended = wait_any(&polled, deadline)?;
        let now = clock.now();
        let mut still = Vec::with_capacity(open.len());
        for (index, ended) in open.into_iter().zip(ended) {
            if ended {
                ends[index] = Some(now);
            } else {
                still.push(index);
            }
        }
        open = still;
        if Instant::now() >= deadline {
            break;
        }
    }
    Ok(ends)
}

/// How it ended. Once it has been reaped the kernel tells through the pidfd, from 6.15 on; until then the
/// zombie's own `stat` does, on any kernel.
fn wait_status(held: &Held, deadline: Instant) -> Option<i32> {
    let process = held.process();
    loop {
        if let Some(status) = held.pidfd.wait_status() {
            return Some(status);
        }
        match process.stat().ok()? {
            // Reaped between the two looks, or on a kernel that does not tell.
            None => return held.pidfd.wait_status(),
            Some(stat) if !stat.is_alive() && stat.wait_status != 0 => return Some(stat.wait_status),
            // Zero is `exit 0`, or a status that we may not read: only the pidfd tells which.
            Some(_) if Instant::now() >= deadline => return None,
            Some(_) => std::thread::sleep(Duration::from_micros(200)),
        }
    }
}
