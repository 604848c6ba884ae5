//! Capping processes and threads of the whole target, and starting some until the cap is reached.

use std::time::{Duration, Instant};

use evidence::event::Level;

use crate::ChaosError;
use crate::aide::Aide;
use crate::cgroup::{Controller, Group};
use crate::fault::act::Act;
use crate::fault::{Outcome, Setting};
use crate::host::room_for_processes;
use crate::undo::Undo;

/// How long our own may take until the cap is reached.
const REACHED_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(in crate::fault) struct Processes {
    group: Group,
    headroom: u32,
    spawner: Aide,
    said: String,
}

impl Processes {
    pub(in crate::fault) fn of(setting: &Setting, headroom: u32) -> Result<Self, ChaosError> {
        let unable = |found| ChaosError::Unable { kind: setting.fault.kind.name(), found };
        if room_for_processes().is_some_and(|room| room < u64::from(headroom)) {
            return Err(unable(format!(
                "starting {headroom} processes would leave this host less than a fifth of all it can have; \
                 choose a smaller headroom"
            )));
        }
        let place = super::place(setting, Controller::Pids)?;
        let group = super::plan(setting, &place, 0, super::processes(setting)?)?;
        // One more than there is room for, so that the kernel must refuse.
        let most = headroom.saturating_add(1).to_string();
        let spawner = Aide::start(&setting.site, setting.fault.for_ns, &["processes".into(), most.into()])?;
        Ok(Self { group, headroom, spawner, said: String::new() })
    }

    /// The cap is what is there now, the spawner included, and the headroom.
    fn cap(&self) -> std::io::Result<u64> {
        let present: u64 = self.group.get("pids.current")?.parse().unwrap_or(0);
        Ok(present + u64::from(self.headroom))
    }
}

impl Act for Processes {
    fn undo(&self) -> Vec<Undo> {
        vec![self.group.undo(), Undo::End { process: self.spawner.process() }]
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let group = &self.group;
        let refused = |e| super::refused(group, e);
        group.make().map_err(refused)?;
        let mut outcomes = super::take_in(setting, group)?;
        if !setting.pretend() {
            group.take_in(self.spawner.process()).map_err(refused)?;
        }
        let cap = self.cap().map_err(refused)?.to_string();
        if !setting.pretend() {
            group.set("pids.max", &cap).map_err(refused)?;
            self.spawner.begin().map_err(|e| ChaosError::io("begin", "starting processes", e))?;
            let said = self.spawner.line(Instant::now() + REACHED_WITHIN);
            self.said = said.ok().flatten().unwrap_or_default();
        }
        super::membership(setting, group, &mut outcomes)?;
        super::file_says(setting, group, "pids.max", &cap, &mut outcomes)?;
        Ok(outcomes)
    }

    fn observe(&mut self, setting: &Setting) -> Result<Option<Vec<Outcome>>, ChaosError> {
        let refusals =
            self.group.count("pids.events", "max").map_err(|e| super::refused(&self.group, e))?.unwrap_or(0);
        let mut outcome = Outcome::default();
        let found = format!("{refusals} times");
        outcome.see(
            setting.reading(Level::E2, "pids.events max", "refused more than 0 times", found),
            refusals > 0,
        );
        outcome.see(
            setting.reading(Level::E2, "our own processes", "refused with EAGAIN", &self.said),
            self.said.ends_with("EAGAIN"),
        );
        Ok(Some(vec![outcome; setting.held.len() + setting.parts.len()]))
    }

    fn takes(&self) -> Duration {
        REACHED_WITHIN + super::takes(self.group.processes())
    }

    fn stop(&mut self) {
        self.spawner.end();
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        Ok(super::removed(setting, &[&self.group]))
    }
}
