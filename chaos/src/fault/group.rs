//! Faults by control groups: what they have in common.

pub(super) mod freeze;
pub(super) mod memory;
pub(super) mod processes;
pub(super) mod quota;

use std::io;
use std::time::Duration;

use evidence::event::Level;

use super::{Outcome, Setting};
use crate::ChaosError;
use crate::cgroup::{Controller, Group, Place, is_removed, name};
use crate::process::Identity;
use crate::site::Step;

/// Where a group for this fault can be made.
fn place(setting: &Setting, controller: Controller) -> Result<Place, ChaosError> {
    Place::of(controller).map_err(|found| ChaosError::Unable { kind: setting.fault.kind.name(), found })
}

/// Plans a group of this number for these processes.
fn plan(
    setting: &Setting,
    place: &Place,
    number: usize,
    processes: impl IntoIterator<Item = Identity>,
) -> Result<Group, ChaosError> {
    let name = name(setting.site.scope.guardian(), &setting.fault.id, number);
    Group::plan(place, &name, processes)
        .map_err(|e| ChaosError::io("read", "the control groups of the victims", e))
}

/// How long taking in so many processes may take: moving one can wait for the kernel.
fn takes(processes: usize) -> Duration {
    Duration::from_secs(1) + Duration::from_millis(20) * u32::try_from(processes).unwrap_or(u32::MAX)
}

/// What could not be done to a group.
fn refused(group: &Group, e: io::Error) -> ChaosError {
    ChaosError::io("use", format_args!("the control group {}", group.path.display()), e)
}

/// The processes that the fault is done to: its victims, or the whole target.
fn processes(setting: &Setting) -> Result<Vec<Identity>, ChaosError> {
    if setting.parts.is_empty() {
        return Ok(setting.held.iter().map(super::Held::process).collect());
    }
    setting.site.target().map_err(|e| ChaosError::io("find", "the processes of the target", e))
}

/// Takes the victims in, or all that the target has and starts meanwhile; says when each was.
fn take_in(setting: &Setting, group: &Group) -> Result<Vec<Outcome>, ChaosError> {
    let refused = |e| refused(group, e);
    let mut outcomes = Vec::new();
    for held in &setting.held {
        outcomes.push(Outcome::sent(setting.now()));
        if !setting.pretend() {
            group.take_in(held.process()).map_err(refused)?;
        }
        setting.reached(Step::HalfApplied);
    }
    for _ in &setting.parts {
        outcomes.push(Outcome::sent(setting.now()));
        take_in_target(setting, group)?;
    }
    Ok(outcomes)
}

/// A process that starts another one while it is being moved may leave that behind, so that it is looked again.
fn take_in_target(setting: &Setting, group: &Group) -> Result<(), ChaosError> {
    for _ in 0..10 {
        let mut moved = false;
        for process in processes(setting)? {
            if !setting.pretend() && !group.holds(process).map_err(|e| refused(group, e))? {
                moved |= group.take_in(process).map_err(|e| refused(group, e))?;
                setting.reached(Step::HalfApplied);
            }
        }
        if !moved {
            break;
        }
    }
    Ok(())
}

/// Reads back that each victim is in the group; of the whole target, that all of it is.
fn membership(setting: &Setting, group: &Group, outcomes: &mut [Outcome]) -> Result<(), ChaosError> {
    let read = |e| refused(group, e);
    let source = "/proc/PID/cgroup";
    let expected = group.path.display().to_string();
    for (held, outcome) in setting.held.iter().zip(outcomes.iter_mut()) {
        match group.place.home(held.process()).map_err(read)? {
            Some(home) => {
                let found = home.display().to_string();
                outcome.see(setting.reading(Level::E1, source, &expected, found), home == group.path);
            }
            None => *outcome = Outcome::gone(setting.reading(Level::E1, source, &expected, "gone")),
        }
    }
    for outcome in outcomes.iter_mut().skip(setting.held.len()) {
        let all = processes(setting)?;
        let inside = all.iter().filter(|p| group.holds(**p).unwrap_or(false)).count();
        let found = format!("{inside} of {} processes in {expected}", all.len());
        let fits = inside > 0 && inside == all.len();
        outcome.see(setting.reading(Level::E1, source, format!("all in {expected}"), found), fits);
    }
    Ok(())
}

/// Adds what a file of the group says to every outcome of a victim that was there.
fn file_says(
    setting: &Setting,
    group: &Group,
    file: &str,
    expected: &str,
    outcomes: &mut [Outcome],
) -> Result<(), ChaosError> {
    let found = group.get(file).map_err(|e| refused(group, e))?;
    for outcome in outcomes.iter_mut().filter(|o| !o.gone) {
        outcome.see(setting.reading(Level::E1, file, expected, &found), found == expected);
    }
    Ok(())
}

/// Reads back that the groups are gone and their processes out of them.
fn removed(setting: &Setting, groups: &[&Group]) -> Vec<Outcome> {
    let outcome = |at: usize| {
        let mut outcome = Outcome::default();
        // One group for all, or one for each.
        if let Some(group) = groups.get(at).or(groups.first()) {
            let gone = is_removed(&group.path);
            let found = if gone { "removed" } else { "still there" };
            outcome.see(setting.reading(Level::E1, "control group", "removed", found), gone);
        }
        outcome
    };
    (0..setting.held.len() + setting.parts.len()).map(outcome).collect()
}
