//! Undoing what a dead run left behind.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::enclosure::bus;
use crate::find::of_run;
use crate::journal::{self, By, OpenFaults, Record};
use crate::pidfd::{PidFd, wait_one};
use crate::process::{Identity, boot_id};
use crate::stop::stop_all;
use crate::undo::undo_all;
use crate::{ChaosError, Ended, Journal};

/// How long a guardian without a harness may take to finish by itself.
const GUARDIAN_WITHIN: Duration = Duration::from_secs(5);
/// How long ending what is left may take.
const END_WITHIN: Duration = Duration::from_secs(10);

/// What healing a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealReport {
    /// The run never got as far as leaving something, or everything was put back and ended already.
    Nothing,
    /// The run is going on; it was not touched.
    Running {
        /// Its harness.
        harness: u32,
    },
    /// The machine has been started anew since: nothing of the run can be left.
    Rebooted,
    /// Something was done.
    Healed {
        /// Faults that were open and are not any more.
        undone: Vec<String>,
        /// Processes that were alive and are not any more.
        ended: u32,
        /// What could not be put back or ended.
        failed: Vec<String>,
    },
}

impl HealReport {
    /// Whether nothing of a dead run is left.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        !matches!(self, Self::Healed { failed, .. } if !failed.is_empty())
    }
}

impl fmt::Display for HealReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(f, "nothing was left behind"),
            Self::Running { harness } => write!(f, "still running (process {harness}), not touched"),
            Self::Rebooted => write!(f, "nothing can be left: the machine was started anew since"),
            Self::Healed { undone, ended, failed } => {
                match undone.as_slice() {
                    [] => write!(f, "no fault was open")?,
                    [one] => write!(f, "fault {one} undone")?,
                    more => write!(f, "faults {} undone", more.join(", "))?,
                }
                write!(f, ", {ended} process{} ended", if *ended == 1 { "" } else { "es" })?;
                failed.iter().try_for_each(|why| write!(f, "; {why}"))
            }
        }
    }
}

/// Undoes whatever a dead run left behind and ends its processes. A run that is going on is not touched.
/// Healing twice does no harm.
///
/// Processes are known by their descent from the guardian or, where that was killed, by a mark that they
/// inherit in their environment. One that has cleared its environment, left its parents and lost its guardian
/// is not found.
///
/// # Errors
/// If the journal or `/proc` cannot be read.
pub fn heal(run_dir: &Path) -> Result<HealReport, ChaosError> {
    if !evidence::layout::JOURNAL.within(run_dir).exists() {
        return Ok(HealReport::Nothing);
    }
    let read = |e| ChaosError::io("read", "/proc", e);
    let past = Past::read(run_dir)?;
    if past.boot.is_some_and(|boot| boot_id().is_ok_and(|now| now != boot)) {
        return Ok(HealReport::Rebooted);
    }
    if let Some(harness) = past.harness
        && harness.is_alive().map_err(read)?
    {
        return Ok(HealReport::Running { harness: harness.pid });
    }
    if let Some(guardian) = past.guardian {
        // One that keeps its target would wait for another harness.
        if let Some(fd) = PidFd::of(guardian).map_err(read)? {
            fd.send(Signal::SIGTERM).map_err(read)?;
        }
        let_finish(guardian, GUARDIAN_WITHIN).map_err(read)?;
    }
    let done = clean_up(run_dir, By::Heal, END_WITHIN)?;
    Ok(done.into_report())
}

/// Whether this run's harness is dead and its target is kept for another one.
///
/// # Errors
/// If the journal or `/proc` cannot be read.
pub fn is_kept(run_dir: &Path) -> Result<bool, ChaosError> {
    if !evidence::layout::JOURNAL.within(run_dir).exists() {
        return Ok(false);
    }
    let past = Past::read(run_dir)?;
    let lives = |guardian: Identity| guardian.is_alive().map_err(|e| ChaosError::io("read", "/proc", e));
    Ok(past.kept && past.guardian.map(lives).transpose()?.unwrap_or(false))
}

/// What cleaning up came to.
pub(crate) struct Done {
    undone: Vec<String>,
    failed: Vec<String>,
    pub(crate) ended: Ended,
}

impl Done {
    fn into_report(mut self) -> HealReport {
        let Ended { left_behind, still_alive } = self.ended;
        if still_alive > 0 {
            self.failed.push(format!("{still_alive} of its processes cannot be ended"));
        }
        if self.undone.is_empty() && self.failed.is_empty() && left_behind == 0 {
            return HealReport::Nothing;
        }
        HealReport::Healed { undone: self.undone, ended: left_behind - still_alive, failed: self.failed }
    }
}

/// Undoes what is open and ends what is left, without a guardian.
pub(crate) fn clean_up(run: &Path, by: By, within: Duration) -> Result<Done, ChaosError> {
    let past = Past::read(run)?;
    let mut open = past.open;
    let faults = open.take_all();
    let undone: Vec<String> = faults.iter().map(|open| open.fault.clone()).collect();
    let journal = Journal::open(run)?;
    let mut failed = undo_all(faults, &journal, by);
    let Some(guardian) = past.guardian else {
        return Ok(Done { undone, failed, ended: Ended { left_behind: 0, still_alive: 0 } });
    };
    let stop = |e| ChaosError::io("end", "the processes of the run", e);
    let target = past.target;
    let ended = stop_all(|| of_run(guardian, target), reap, Instant::now() + within).map_err(stop)?;
    // Last, so that it adopts until nobody is left to be adopted.
    if let Some(fd) = PidFd::of(guardian).map_err(stop)? {
        fd.send(Signal::SIGKILL).map_err(stop)?;
    }
    let removed = std::fs::canonicalize(run).and_then(|run| bus::remove(guardian, &run));
    failed.extend(removed.err().map(|e| format!("could not remove its bus directory: {e}")));
    if ended.left_behind > 0 || !undone.is_empty() {
        journal.append_synced(&Record::Ended {
            by,
            left_behind: ended.left_behind,
            still_alive: ended.still_alive,
        })?;
    }
    Ok(Done { undone, failed, ended })
}

/// Those that this process had to adopt would stay behind as zombies. Only these are waited for, each by its
/// id, so that nobody else's child is taken away.
fn reap(killed: &BTreeSet<Identity>) {
    for process in killed {
        if let Ok(pid) = i32::try_from(process.pid) {
            // Those of other parents answer that they are not ours.
            let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
        }
    }
}

/// Gives a guardian the time to end by itself, should it still live; one that was stopped goes on.
pub(crate) fn let_finish(guardian: Identity, within: Duration) -> std::io::Result<bool> {
    let Some(fd) = PidFd::of(guardian)? else { return Ok(true) };
    fd.send(Signal::SIGCONT)?;
    wait_one(&fd, Instant::now() + within)
}

/// The harness that carries out a run, or did so last, as its journal names it; `None` if it names none, or one of an
/// earlier boot, whose process id may be anybody's by now.
///
/// # Errors
/// If the journal cannot be read.
pub fn harness_of(run: &Path) -> Result<Option<Identity>, ChaosError> {
    let past = Past::read(run)?;
    let boot = boot_id().ok();
    Ok(past.harness.filter(|_| past.boot == boot))
}

/// What the journal says of the last segment of a run.
#[derive(Debug, Default)]
pub(crate) struct Past {
    pub(crate) boot: Option<String>,
    pub(crate) harness: Option<Identity>,
    pub(crate) guardian: Option<Identity>,
    target: Option<Identity>,
    open: OpenFaults,
    /// Whether the target is kept without a harness, as far as the journal says.
    pub(crate) kept: bool,
    /// Since when it was, the last time (`CLOCK_MONOTONIC`).
    pub(crate) last_kept_ns: Option<u64>,
    /// How the target ended while no harness was there, where it did.
    pub(crate) exited: Option<String>,
}

impl Past {
    pub(crate) fn read(run: &Path) -> Result<Self, ChaosError> {
        let mut past = Self::default();
        for record in journal::read(run)? {
            past.open.see(&record);
            match record {
                Record::Opened { boot, harness, .. } => {
                    let open = std::mem::take(&mut past.open);
                    past = Self { boot: Some(boot), harness: Some(harness), open, ..Self::default() };
                }
                Record::Adopted { harness } => (past.harness, past.kept) = (Some(harness), false),
                Record::Kept { at_ns } => (past.kept, past.last_kept_ns) = (true, Some(at_ns)),
                Record::Ended { .. } => past.kept = false,
                Record::Exited { status, .. } => past.exited = Some(status),
                Record::Guarding { guardian } => past.guardian = Some(guardian),
                Record::Launched { target } => past.target = Some(target),
                _ => {}
            }
        }
        Ok(past)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_report_is_one_sentence_for_a_person() {
        let healed = |undone: &[&str], ended, failed: &[&str]| HealReport::Healed {
            undone: undone.iter().map(|s| (*s).to_owned()).collect(),
            ended,
            failed: failed.iter().map(|s| (*s).to_owned()).collect(),
        };
        let cases = [
            (HealReport::Nothing, "nothing was left behind", true),
            (HealReport::Running { harness: 7 }, "still running (process 7), not touched", true),
            (HealReport::Rebooted, "nothing can be left: the machine was started anew since", true),
            (healed(&["p1"], 1, &[]), "fault p1 undone, 1 process ended", true),
            (healed(&["p2", "p1"], 0, &[]), "faults p2, p1 undone, 0 processes ended", true),
            (
                healed(&[], 3, &["1 of its processes cannot be ended"]),
                "no fault was open, 3 processes ended; 1 of its processes cannot be ended",
                false,
            ),
        ];
        for (report, text, clean) in cases {
            assert_eq!((report.to_string().as_str(), report.is_clean()), (text, clean));
        }
    }

    #[test]
    fn a_run_without_a_journal_has_left_nothing() {
        let run = tempfile::tempdir().unwrap();
        assert_eq!(heal(run.path()).unwrap(), HealReport::Nothing);
    }

    #[test]
    fn the_run_of_a_living_harness_is_not_touched() {
        let run = tempfile::tempdir().unwrap();
        Journal::create(run.path()).unwrap();
        assert_eq!(heal(run.path()).unwrap(), HealReport::Running { harness: std::process::id() });
    }

    #[test]
    fn after_a_restart_of_the_machine_no_process_is_looked_for() {
        let run = tempfile::tempdir().unwrap();
        let line = r#"{"record":"opened","schema":2,"boot":"another","harness":{"pid":1,"starttime":1}}"#;
        std::fs::write(evidence::layout::JOURNAL.within(run.path()), format!("{line}\n")).unwrap();
        assert_eq!(heal(run.path()).unwrap(), HealReport::Rebooted);
    }
}
