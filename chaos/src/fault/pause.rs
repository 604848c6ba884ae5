//! Stopping processes: SIGSTOP, undone by SIGCONT.

use std::time::{Duration, Instant};

use evidence::event::Level;
use nix::sys::signal::Signal;

use super::act::Act;
use super::signal::{Sent, signal_all};
use super::{Held, Outcome, Setting};
use crate::ChaosError;
use crate::process::Identity;
use crate::site::Step;
use crate::undo::Undo;

/// How long a process may take to be stopped after SIGSTOP.
const STOPPED_WITHIN: Duration = Duration::from_secs(1);
const SOURCE: &str = "/proc/PID/stat state";

#[derive(Debug)]
pub(super) struct Pause {
    processes: Vec<Identity>,
}

impl Pause {
    pub(super) fn of(setting: &Setting) -> Self {
        Self { processes: setting.held.iter().map(Held::process).collect() }
    }
}

impl Act for Pause {
    fn undo(&self) -> Vec<Undo> {
        self.processes.iter().map(|process| Undo::Continue { process: *process }).collect()
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let all: Vec<&Held> = setting.held.iter().collect();
        let (first, rest) = all.split_at(all.len() / 2);
        let mut sent = signal_all(setting, first, Signal::SIGSTOP);
        setting.reached(Step::HalfApplied);
        sent.extend(signal_all(setting, rest, Signal::SIGSTOP));
        let deadline = Instant::now() + STOPPED_WITHIN;
        all.iter().zip(&sent).map(|(held, sent)| stopped(setting, held, sent, deadline)).collect()
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        setting.held.iter().map(|held| goes_on(setting, held)).collect()
    }
}

fn stopped(setting: &Setting, held: &Held, sent: &Sent, deadline: Instant) -> Result<Outcome, ChaosError> {
    let mut outcome = sent.told(Signal::SIGSTOP);
    if !sent.is_under_way() {
        return Ok(outcome);
    }
    loop {
        let (fits, found) = match state(held)? {
            Some(b'T') => (true, "T".to_owned()),
            None => (false, "dead".to_owned()),
            Some(_) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_micros(100));
                continue;
            }
            Some(_) => (false, format!("unchanged {STOPPED_WITHIN:?} after SIGSTOP")),
        };
        outcome.see(setting.reading(Level::E1, SOURCE, "T", found), fits);
        return Ok(outcome);
    }
}

pub(super) fn goes_on(setting: &Setting, held: &Held) -> Result<Outcome, ChaosError> {
    let state = state(held)?;
    let found = state.map_or_else(|| "dead".to_owned(), |state| char::from(state).to_string());
    let mut outcome = Outcome::default();
    outcome.see(setting.reading(Level::E1, SOURCE, "not T", found), state != Some(b'T'));
    Ok(outcome)
}

/// The state of a process that is alive.
fn state(held: &Held) -> Result<Option<u8>, ChaosError> {
    let stat = held.process().stat().map_err(|e| ChaosError::io("read", "/proc", e))?;
    Ok(stat.filter(crate::process::Stat::is_alive).map(|stat| stat.state))
}
