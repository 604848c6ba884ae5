//! Freezing processes as one group.

use std::time::{Duration, Instant};

use crate::ChaosError;
use crate::cgroup::{Controller, Group};
use crate::fault::act::Act;
use crate::fault::{Held, Outcome, Setting};
use crate::undo::Undo;

/// How long the kernel may take until all are frozen.
const FROZEN_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(in crate::fault) struct Freeze {
    group: Group,
}

impl Freeze {
    pub(in crate::fault) fn of(setting: &Setting) -> Result<Self, ChaosError> {
        let place = super::place(setting, Controller::Freezer)?;
        Ok(Self { group: super::plan(setting, &place, 0, setting.held.iter().map(Held::process))? })
    }

    /// The file that tells, and what it says of a group that is frozen.
    fn told(&self) -> (&'static str, &'static str) {
        (self.group.file("freezer.state", "cgroup.events"), self.group.file("FROZEN", "frozen 1"))
    }

    fn freeze(&self) -> std::io::Result<()> {
        self.group.set(self.group.file("freezer.state", "cgroup.freeze"), self.group.file("FROZEN", "1"))
    }

    fn is_frozen(&self) -> std::io::Result<bool> {
        let (file, frozen) = self.told();
        Ok(self.group.get(file)?.lines().any(|line| line == frozen))
    }
}

impl Act for Freeze {
    fn undo(&self) -> Vec<Undo> {
        vec![self.group.undo()]
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let group = &self.group;
        let refused = |e| super::refused(group, e);
        group.make().map_err(refused)?;
        let mut outcomes = super::take_in(setting, group)?;
        super::membership(setting, group, &mut outcomes)?;
        let frozen_from = setting.now();
        if !setting.pretend() {
            self.freeze().map_err(refused)?;
        }
        let deadline = Instant::now() + FROZEN_WITHIN;
        while !setting.pretend() && !self.is_frozen().map_err(refused)? && Instant::now() < deadline {
            std::thread::sleep(Duration::from_micros(200));
        }
        let (file, frozen) = self.told();
        let found = self.group.get(file).map_err(refused)?.replace('\n', ", ");
        let fits = self.is_frozen().map_err(refused)?;
        for outcome in outcomes.iter_mut().filter(|o| !o.gone) {
            outcome.sent_ns = Some(frozen_from);
            outcome.see(setting.reading(evidence::event::Level::E1, file, frozen, &found), fits);
        }
        Ok(outcomes)
    }

    fn takes(&self) -> Duration {
        super::takes(self.group.processes())
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        Ok(super::removed(setting, &[&self.group]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::{Place, name};
    use crate::process::Identity;
    use crate::undo::undo_one;

    #[test]
    fn a_process_is_frozen_and_goes_on_in_every_hierarchy_of_this_host() {
        for (at, place) in Place::all(Controller::Freezer).unwrap().into_iter().flatten().enumerate() {
            let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
            let process = Identity::of(child.id()).unwrap().unwrap();
            let home = place.home(process).unwrap().unwrap();
            let name = name(Identity::own().unwrap(), "frozen", at);
            let freeze = Freeze { group: Group::plan(&place, &name, [process]).unwrap() };
            freeze.group.make().unwrap();
            assert!(freeze.group.take_in(process).unwrap() && freeze.group.holds(process).unwrap());
            freeze.freeze().unwrap();
            let deadline = Instant::now() + FROZEN_WITHIN;
            while !freeze.is_frozen().unwrap() {
                assert!(Instant::now() < deadline, "{:?} is not frozen", freeze.group);
                std::thread::yield_now();
            }
            let undo = freeze.group.undo();
            assert_eq!((undo_one(&undo), undo_one(&undo)), (Ok(()), Ok(())), "twice does no harm");
            assert!(!freeze.group.path.exists());
            assert_eq!(place.home(process).unwrap(), Some(home));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
