//! Ending processes: SIGKILL, or SIGTERM and time to end by themselves.

use std::io;
use std::time::{Duration, Instant};

use evidence::event::{Level, Proof, Reading};
use nix::sys::signal::Signal;
use scenarios::plan;

use super::{Held, Outcome, signal_all};
use crate::ChaosError;
use crate::clock::Clock;
use crate::pidfd::{PidFd, wait_any};
use crate::process::status_words;

/// How long a process may take to be gone after SIGKILL: only a process stuck in the kernel takes long.
const KILLED_WITHIN: Duration = Duration::from_secs(5);
/// How long a process may take to end by itself after SIGTERM.
const TERMINATED_WITHIN: Duration = Duration::from_secs(10);
/// How long their parents may take to reap them, after which what is not told is given up.
const REAPED_WITHIN: Duration = Duration::from_millis(500);

/// Sends the signal to all, waits until the kernel has acknowledged each end, then reads how each ended.
pub(crate) fn apply(held: &[Held], signal: plan::Signal, clock: Clock) -> Result<Vec<Outcome>, ChaosError> {
    match signal {
        plan::Signal::Kill => end(held, Signal::SIGKILL, KILLED_WITHIN, clock),
        plan::Signal::Term => end(held, Signal::SIGTERM, TERMINATED_WITHIN, clock),
    }
}

/// The end of a process.
#[derive(Clone, Copy)]
struct End {
    at_ns: u64,
    /// How it ended; `None` if nobody told.
    status: Option<i32>,
}

fn end(held: &[Held], signal: Signal, within: Duration, clock: Clock) -> Result<Vec<Outcome>, ChaosError> {
    let sent = signal_all(held, signal, clock);
    let taken: Vec<usize> = (0..held.len()).filter(|&i| matches!(sent[i].taken, Ok(true))).collect();
    let ends = wait_for_ends(held, taken, within, clock)
        .map_err(|e| ChaosError::io("wait for", "the end of the victims", e))?;
    let told_by = Instant::now() + REAPED_WITHIN;
    let outcomes = held.iter().zip(sent).zip(ends).map(|((held, sent), at_ns)| {
        sent.refused(signal).unwrap_or_else(|| {
            let end = at_ns.map(|at_ns| End { at_ns, status: wait_status(held, told_by) });
            sent.told(signal, outcome(end, signal, within, clock))
        })
    });
    Ok(outcomes.collect())
}

/// When each of these was seen to have ended; `None` for the others and for those that did not.
fn wait_for_ends(
    held: &[Held],
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

fn outcome(end: Option<End>, signal: Signal, within: Duration, clock: Clock) -> Outcome {
    let exit = |at_ns, found: String| Reading {
        at_ns,
        level: Level::E1,
        source: "pidfd".to_owned(),
        expected: "exited".to_owned(),
        found,
    };
    let Some(End { at_ns, status }) = end else {
        let readings = vec![exit(clock.now(), format!("alive {within:?} after {signal}"))];
        return Outcome { proof: Proof::Mismatch, sent_ns: None, acknowledged_ns: None, readings };
    };
    let (proof, how) = read_status(status, signal, clock);
    let readings = vec![exit(at_ns, "exited".to_owned()), how];
    Outcome { proof, sent_ns: None, acknowledged_ns: Some(at_ns), readings }
}

/// Whether the status is that of a process that this signal ended. One that nobody told contradicts nothing.
fn read_status(status: Option<i32>, signal: Signal, clock: Clock) -> (Proof, Reading) {
    let (expected, fits): (_, fn(i32) -> bool) = match signal {
        Signal::SIGTERM => ("any exit, or signal 15", |status| {
            libc::WIFEXITED(status) || libc::WTERMSIG(status) == libc::SIGTERM
        }),
        _ => ("signal 9", |status| libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL),
    };
    let untold =
        || "not told (not reaped, or a kernel before 6.15): its end is proven by the pidfd alone".to_owned();
    let reading = Reading {
        at_ns: clock.now(),
        level: Level::E1,
        source: "wait status".to_owned(),
        expected: expected.to_owned(),
        found: status.map_or_else(untold, status_words),
    };
    (if status.is_none_or(fits) { Proof::Proven } else { Proof::Mismatch }, reading)
}

/// How it ended. Once it has been reaped the kernel tells through the pidfd, from 6.15 on; until then the
/// zombie's own `stat` does, on any kernel.
fn wait_status(held: &Held, deadline: Instant) -> Option<i32> {
    let process = held.victim.process();
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

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};

    use evidence::role::Role;

    use super::*;
    use crate::fault::Victim;

    /// A shell that has got as far as saying so.
    fn shell(script: &str) -> (Child, Held) {
        let script = format!("{script}; echo ready; read forever");
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        let process = crate::process::Identity::of(child.id()).unwrap().unwrap();
        let victim = Victim { agent: 1, role: Role::Worker, pid: process.pid, starttime: process.starttime };
        let pidfd = PidFd::of(process).unwrap().unwrap();
        (child, Held { victim, pidfd })
    }

    fn ended(script: &str, within: Duration) -> Outcome {
        let (mut child, held) = shell(script);
        let outcomes = end(&[held], Signal::SIGTERM, within, Clock { zero_ns: 0 });
        child.kill().unwrap();
        child.wait().unwrap();
        outcomes.unwrap().remove(0)
    }

    #[test]
    fn a_process_that_does_not_end_in_time_is_a_mismatch_and_says_so() {
        let outcome = ended("trap '' TERM", Duration::from_millis(30));
        assert_eq!((outcome.proof, outcome.acknowledged_ns), (Proof::Mismatch, None));
        assert_eq!(outcome.readings[1].found, "alive 30ms after SIGTERM");
    }

    #[test]
    fn a_process_that_another_signal_ended_is_a_mismatch() {
        let outcome = ended("trap 'kill -KILL $$' TERM", TERMINATED_WITHIN);
        assert_eq!(outcome.proof, Proof::Mismatch);
        assert_eq!(outcome.readings[2].found, "signal 9");
    }
}
