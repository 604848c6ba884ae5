//! A bus directory that cannot be written.

use std::fs::File;
use std::path::PathBuf;

use evidence::event::Level;

use super::super::act::Act;
use super::super::{Outcome, Setting};
use super::{Bus, word};
use crate::ChaosError;
use crate::undo::Undo;
use crate::undo::enclosure::{ReadOnly as How, forbid_writing, read_only};

#[derive(Debug)]
pub(in super::super) struct ReadOnly {
    bus: Bus,
    probe: PathBuf,
}

impl ReadOnly {
    pub(in super::super) fn new(setting: &Setting) -> Result<Self, ChaosError> {
        let bus = Bus::of(setting)?;
        let probe = bus.ours("probe", &setting.fault.id);
        Ok(Self { bus, probe })
    }

    fn look(&self, setting: &Setting) -> Result<Outcome, ChaosError> {
        let mut outcome = Outcome::sent(setting.now());
        let state = self.state()?;
        outcome.see(setting.reading(Level::E1, "mountinfo", "ro", state), state.starts_with("ro"));
        let made = File::create(&self.probe);
        let refused = made.as_ref().is_err_and(|e| e.raw_os_error() == Some(libc::EROFS));
        if made.is_ok() {
            let _ = std::fs::remove_file(&self.probe);
        }
        outcome.see(setting.reading(Level::E2, "making a file", "EROFS", word(&made)), refused);
        Ok(outcome)
    }

    /// What the kernel says of the mount on top.
    fn state(&self) -> Result<&'static str, ChaosError> {
        let state = read_only(self.bus.guardian, &self.bus.inside)
            .map_err(|e| ChaosError::file("look at", &self.bus.inside, e))?;
        Ok(match state {
            None => "rw",
            Some(How::FileSystem) => "ro",
            Some(How::Path) => "ro, by its path: a file in it is open for writing all the time",
        })
    }
}

impl Act for ReadOnly {
    fn undo(&self) -> Vec<Undo> {
        let (guardian, path) = (self.bus.guardian, self.bus.inside.clone());
        let probe = Undo::Remove { guardian, path: self.probe.clone() };
        vec![probe, Undo::Writable { guardian, path }]
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        if !setting.pretend() {
            forbid_writing(self.bus.guardian, &self.bus.inside)
                .map_err(|e| ChaosError::file("make read-only", &self.bus.inside, e))?;
        }
        Ok(vec![self.look(setting)?])
    }

    fn observe(&mut self, setting: &Setting) -> Result<Option<Vec<Outcome>>, ChaosError> {
        self.look(setting).map(|outcome| Some(vec![outcome]))
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let state = self.state()?;
        let mut outcome = Outcome::default();
        outcome.see(setting.reading(Level::E1, "mountinfo", "rw", state), !state.starts_with("ro"));
        Ok(vec![outcome])
    }
}
