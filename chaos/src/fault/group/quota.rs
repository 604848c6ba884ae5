//! Capping the CPU time of processes together.

use std::time::Duration;

use evidence::event::Level;

use crate::ChaosError;
use crate::cgroup::{Controller, Group};
use crate::fault::act::Act;
use crate::fault::{Outcome, Setting};
use crate::undo::Undo;

/// The time over which the quota holds, in microseconds.
const PERIOD_US: u64 = 100_000;
/// The kernel takes no smaller quota.
const LEAST_US: u64 = 1_000;

#[derive(Debug)]
pub(in crate::fault) struct Quota {
    group: Group,
    quota_us: u64,
}

impl Quota {
    pub(in crate::fault) fn of(setting: &Setting, percent: u32) -> Result<Self, ChaosError> {
        let place = super::place(setting, Controller::Cpu)?;
        let group = super::plan(setting, &place, 0, super::processes(setting)?)?;
        Ok(Self { group, quota_us: (u64::from(percent) * PERIOD_US / 100).max(LEAST_US) })
    }

    fn set(&self) -> std::io::Result<()> {
        match self.group.place.version {
            crate::cgroup::Version::V1 => {
                self.group.set("cpu.cfs_period_us", &PERIOD_US.to_string())?;
                self.group.set("cpu.cfs_quota_us", &self.quota_us.to_string())
            }
            crate::cgroup::Version::V2 => self.group.set("cpu.max", &self.told()),
        }
    }

    /// What the kernel then says of it.
    fn told(&self) -> String {
        match self.group.place.version {
            crate::cgroup::Version::V1 => self.quota_us.to_string(),
            crate::cgroup::Version::V2 => format!("{} {PERIOD_US}", self.quota_us),
        }
    }
}

impl Act for Quota {
    fn undo(&self) -> Vec<Undo> {
        vec![self.group.undo()]
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let group = &self.group;
        group.make().map_err(|e| super::refused(group, e))?;
        if !setting.pretend() {
            self.set().map_err(|e| super::refused(group, e))?;
        }
        let mut outcomes = super::take_in(setting, group)?;
        super::membership(setting, group, &mut outcomes)?;
        let file = group.file("cpu.cfs_quota_us", "cpu.max");
        super::file_says(setting, group, file, &self.told(), &mut outcomes)?;
        Ok(outcomes)
    }

    fn observe(&mut self, setting: &Setting) -> Result<Option<Vec<Outcome>>, ChaosError> {
        let read = |e| super::refused(&self.group, e);
        // The group was new, so everything counted there was counted while the fault acted.
        let throttled = self.group.count("cpu.stat", "nr_throttled").map_err(read)?.unwrap_or(0);
        let found = format!("{throttled} periods");
        let reading = setting.reading(Level::E2, "cpu.stat nr_throttled", "more than 0 periods", found);
        let mut outcome = Outcome::default();
        if throttled > 0 {
            outcome.see(reading, true);
        } else {
            // A group that wants no more than its quota is not held back, which contradicts nothing.
            outcome.note(reading);
        }
        Ok(Some(vec![outcome; setting.held.len() + setting.parts.len()]))
    }

    fn takes(&self) -> Duration {
        super::takes(self.group.processes())
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        Ok(super::removed(setting, &[&self.group]))
    }
}
