//! Stopping and continuing processes in turn, so that they are slow.

use std::io;
use std::time::Duration;

use evidence::event::Level;
use nix::sys::signal::Signal;

use super::act::Act;
use super::beat::{Beat, Over};
use super::pause::{Pause, goes_on};
use super::{Held, Outcome, Setting};
use crate::ChaosError;
use crate::pidfd::PidFd;
use crate::process::Identity;
use crate::undo::Undo;

/// What came of the turns of one victim.
#[derive(Debug, Clone, Copy, Default)]
struct Turns {
    all: u64,
    /// Those at whose end it was read back as stopped.
    stopped: u64,
}

#[derive(Debug)]
pub(super) struct Slow {
    first: Pause,
    stopped: Duration,
    running: Duration,
    beat: Option<Beat<Vec<Turns>>>,
}

impl Slow {
    pub(super) fn of(setting: &Setting, stopped_percent: u32, period_ns: u64) -> Self {
        let stopped = u64::from(stopped_percent.min(99)) * (period_ns / 100);
        Self {
            first: Pause::of(setting),
            stopped: Duration::from_nanos(stopped),
            running: Duration::from_nanos(period_ns - stopped),
            beat: None,
        }
    }
}

impl Act for Slow {
    fn undo(&self) -> Vec<Undo> {
        self.first.undo()
    }

    /// The first stop is that of a pause; the turns go on from there.
    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let mut victims = Vec::new();
        for held in &setting.held {
            victims.push((
                held.process(),
                held.pidfd.share().map_err(|e| ChaosError::io("share", "a process descriptor", e))?,
            ));
        }
        let outcomes = self.first.apply(setting)?;
        let (stopped, running, pretend) = (self.stopped, self.running, setting.pretend());
        self.beat = Some(Beat::start("slow", move |over| turns(&victims, stopped, running, pretend, over))?);
        Ok(outcomes)
    }

    fn observe(&mut self, setting: &Setting) -> Result<Option<Vec<Outcome>>, ChaosError> {
        let Some(turns) = self.beat.take().and_then(Beat::end) else { return Ok(None) };
        let outcome = |turns: Turns| {
            let mut outcome = Outcome::default();
            let found = format!("{} of {} turns", turns.stopped, turns.all);
            let fits = turns.stopped > 0 && turns.stopped * 2 >= turns.all;
            let reading = setting.reading(Level::E1, "/proc/PID/stat state T", "most turns", found);
            if turns.all == 0 {
                outcome.note(reading);
            } else {
                outcome.see(reading, fits);
            }
            outcome
        };
        Ok(Some(turns.into_iter().map(outcome).collect()))
    }

    fn stop(&mut self) {
        self.beat = None;
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        setting.held.iter().map(|held: &Held| goes_on(setting, held)).collect()
    }
}

/// Begins with the victims stopped; each turn ends with looking at them, and they then run.
fn turns(
    victims: &[(Identity, PidFd)],
    stopped: Duration,
    running: Duration,
    pretend: bool,
    over: &mut Over,
) -> Vec<Turns> {
    let mut all = vec![Turns::default(); victims.len()];
    let signal = |signal| {
        for (_, pidfd) in victims.iter().filter(|_| !pretend) {
            // One that is gone is neither stopped nor continued.
            let _: io::Result<bool> = pidfd.send(signal);
        }
    };
    while over.after(stopped) {
        for ((process, _), turns) in victims.iter().zip(&mut all) {
            let Ok(Some(stat)) = process.stat() else { continue };
            turns.all += 1;
            turns.stopped += u64::from(stat.is_stopped());
        }
        signal(Signal::SIGCONT);
        if !over.after(running) {
            break;
        }
        signal(Signal::SIGSTOP);
    }
    all
}
