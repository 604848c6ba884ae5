//! Many signals that interrupt system calls.

use std::time::{Duration, Instant};

use evidence::event::Level;
use nix::sys::signal::Signal;
use scenarios::plan::StormSignal;

use super::act::Act;
use super::beat::{Beat, Over};
use super::{Held, Outcome, Setting};
use crate::ChaosError;
use crate::pidfd::PidFd;
use crate::process::Identity;
use crate::undo::Undo;

/// How long signals are looked for that have been sent and not been taken yet.
const SEEN_WITHIN: Duration = Duration::from_secs(1);
/// How often it is looked for them; not in step with their sending.
const LOOK_EVERY: Duration = Duration::from_micros(70);
/// The shortest pause between two bursts.
const BURST_EVERY: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(super) struct Storm {
    signal: Signal,
    per_second: u32,
    beat: Option<Beat<u64>>,
}

impl Storm {
    pub(super) fn new(signal: StormSignal, per_second: u32) -> Self {
        let signal = match signal {
            StormSignal::Winch => Signal::SIGWINCH,
            StormSignal::Urg => Signal::SIGURG,
            StormSignal::Cont => Signal::SIGCONT,
            StormSignal::Hup => Signal::SIGHUP,
            StormSignal::Usr1 => Signal::SIGUSR1,
        };
        Self { signal, per_second, beat: None }
    }

    /// Whether the signals reach the process: one was seen to wait until the process takes it. One that neither
    /// handles nor blocks a signal that is ignored never sees it.
    fn arrives(
        &self,
        setting: &Setting,
        process: Identity,
        was_pending: bool,
        deadline: Instant,
        outcome: &mut Outcome,
    ) {
        let has = |name| self.is_in(process, name);
        if !has("SigCgt:") && !has("SigBlk:") {
            let expected = format!("{} handled or blocked", self.signal);
            let found = "neither: the kernel does not deliver it";
            outcome
                .see(setting.reading(Level::E1, "/proc/PID/status SigCgt, SigBlk", expected, found), false);
            return;
        }
        let (source, expected) = ("/proc/PID/status ShdPnd", format!("{} pending", self.signal));
        if was_pending {
            // What looks the same without the fault is no evidence of it.
            let found = "pending before the first was sent";
            outcome.note(setting.reading(Level::E1, source, expected, found));
            return;
        }
        let mut looks = 1;
        while !has("ShdPnd:") && Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
            looks += 1;
        }
        let fits = has("ShdPnd:") || Instant::now() < deadline;
        let found = if fits { expected.clone() } else { format!("not pending in {looks} looks") };
        outcome.see(setting.reading(Level::E1, source, expected, found), fits);
    }

    /// Whether the signal is in a mask of a process.
    fn is_in(&self, process: Identity, name: &str) -> bool {
        mask(process, name) & (1_u64 << (self.signal as u32 - 1)) != 0
    }

    /// Whether one of somebody else's, such as of a storm just before, still waits to be taken after a while: a process
    /// that is not run takes none.
    fn stays_pending(&self, process: Identity, deadline: Instant) -> bool {
        while self.is_in(process, "ShdPnd:") {
            if Instant::now() >= deadline {
                return true;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        false
    }
}

impl Act for Storm {
    /// The signals come from a thread of this process and end with it.
    fn undo(&self) -> Vec<Undo> {
        Vec::new()
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let mut victims = Vec::new();
        for held in &setting.held {
            victims.push(held.pidfd.share().map_err(|e| ChaosError::io("share", "a process descriptor", e))?);
        }
        let deadline = Instant::now() + SEEN_WITHIN;
        let stays = |held: &Held| self.stays_pending(held.process(), deadline);
        let were_pending: Vec<bool> = setting.held.iter().map(stays).collect();
        let mut outcomes: Vec<Outcome> = setting.held.iter().map(|_| Outcome::sent(setting.now())).collect();
        let (signal, per_second, pretend) = (self.signal, self.per_second, setting.pretend());
        self.beat =
            Some(Beat::start("storm", move |over| storm(&victims, signal, per_second, pretend, over))?);
        let deadline = Instant::now() + SEEN_WITHIN;
        for ((held, was_pending), outcome) in setting.held.iter().zip(were_pending).zip(&mut outcomes) {
            self.arrives(setting, held.process(), was_pending, deadline, outcome);
        }
        Ok(outcomes)
    }

    fn stop(&mut self) {
        self.beat = None;
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let outcome = |_: &Held| {
            let mut outcome = Outcome::default();
            let found = if self.beat.is_none() { "ended" } else { "going on" };
            outcome.see(
                setting.reading(Level::E1, "the thread that sends", "ended", found),
                self.beat.is_none(),
            );
            outcome
        };
        Ok(setting.held.iter().map(outcome).collect())
    }
}

/// Sends in bursts, as many at once as are due, until it is over; the result is how many to each.
fn storm(victims: &[PidFd], signal: Signal, per_second: u32, pretend: bool, over: &mut Over) -> u64 {
    let every = Duration::from_secs(1) / per_second.max(1);
    let (pause, burst) = if every >= BURST_EVERY {
        (every, 1)
    } else {
        (BURST_EVERY, (BURST_EVERY.as_nanos() / every.as_nanos().max(1)).max(1))
    };
    let mut sent = 0;
    while over.after(pause) {
        for _ in 0..burst {
            for victim in victims.iter().filter(|_| !pretend) {
                // One that is gone gets none.
                let _: std::io::Result<bool> = victim.send(signal);
            }
            sent += 1;
        }
    }
    sent
}

/// A mask of signals of a process; empty if it is gone.
fn mask(process: Identity, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| u64::from_str_radix(line.trim(), 16).ok()).unwrap_or(0)
}
