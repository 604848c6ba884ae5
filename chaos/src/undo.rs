//! What undoes a fault, by whoever is left to do it: harness, guardian, or `heal`.
//!
//! Doing it twice does no harm, each takes a bounded time, and no process is touched but the one that was
//! meant.

mod cpus;
pub(crate) mod enclosure;
pub(crate) mod group;
mod limit;
mod process;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cgroup::Home;
use crate::cpus::Cpus;
use crate::journal::{By, Journal, Open, Record};
use crate::process::Identity;
use crate::rlimit::Resource;

/// How one part of a fault is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "snake_case")]
pub enum Undo {
    /// Let a stopped process go on.
    Continue {
        /// The process.
        #[serde(flatten)]
        process: Identity,
    },
    /// End a process of ours that helps the fault to act.
    End {
        /// The process.
        #[serde(flatten)]
        process: Identity,
    },
    /// Raise a soft limit to what it was, of a process and of whom it started meanwhile.
    SoftLimit {
        /// The process.
        #[serde(flatten)]
        process: Identity,
        /// What is limited.
        resource: Resource,
        /// To what it was lowered.
        lowered: u64,
        /// What it was.
        soft: u64,
    },
    /// Let the threads of a process run where they could.
    Cpus {
        /// The process.
        #[serde(flatten)]
        process: Identity,
        /// Where they were put.
        pinned: Cpus,
        /// Where they could run; the first thread is in the first.
        before: Vec<Threads>,
    },
    /// Let every thread below a process that is where the fault has put it run where it could.
    CpusBelow {
        /// The process.
        #[serde(flatten)]
        process: Identity,
        /// Where they were put.
        pinned: Cpus,
        /// Where they could run.
        before: Cpus,
        /// Threads that were there before, not by the fault.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        already: Vec<u32>,
    },
    /// Put the processes of a control group back where they came from and remove it.
    Group {
        /// Its directory.
        path: PathBuf,
        /// Where they came from.
        homes: Vec<Home>,
    },
    /// Give a process back its place in the order in which the kernel ends processes when memory is short.
    OomScore {
        /// The process.
        #[serde(flatten)]
        process: Identity,
        /// What `oom_score_adj` was.
        score: i32,
    },
    /// Remove what a fault has made in the bus directory.
    Remove {
        /// The guardian, in whose mount namespace it is.
        guardian: Identity,
        /// The path, seen from outside.
        path: PathBuf,
    },
    /// Make the bus directory writable again.
    Writable {
        /// The guardian, in whose mount namespace it is.
        guardian: Identity,
        /// The mount, seen from within.
        path: PathBuf,
    },
    /// End a rule of a process in between the target and its files or its network.
    ClearRule {
        /// The guardian that started that process.
        guardian: Identity,
        /// Which process.
        between: Between,
        /// The rule's id.
        rule: String,
    },
}

/// A process of the run in between its target and what the target uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Between {
    /// Between it and its files.
    Files,
    /// Between its hosts.
    Hosts,
}

/// Threads that may run on the same CPUs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threads {
    /// On which.
    pub cpus: Cpus,
    /// The threads.
    pub threads: Vec<u32>,
}

/// Undoes each fault and notes it. What cannot be undone is returned, and does not keep the rest from it.
pub(crate) fn undo_all(faults: Vec<Open>, journal: &Journal, by: By) -> Vec<String> {
    let mut all_failed = Vec::new();
    for open in faults {
        let failed: Vec<String> = open.undo.iter().rev().filter_map(|undo| undo_one(undo).err()).collect();
        all_failed.extend(failed.iter().map(|why| format!("fault {}: {why}", open.fault)));
        if let Err(e) = journal.append_synced(&Record::Undone { fault: open.fault, by, failed }) {
            all_failed.push(e.to_string());
        }
    }
    all_failed
}

/// Undoes one part; the error says what is still in effect.
pub(crate) fn undo_one(undo: &Undo) -> Result<(), String> {
    match undo {
        Undo::Continue { process } => process::go_on(*process),
        Undo::End { process } => process::end(*process),
        Undo::SoftLimit { process, resource, lowered, soft } => {
            limit::give_back(*process, *resource, *lowered, *soft)
        }
        Undo::Cpus { process, pinned, before } => cpus::give_back(*process, pinned, before),
        Undo::CpusBelow { process, pinned, before, already } => {
            cpus::give_back_below(*process, pinned, before, already)
        }
        Undo::Group { path, homes } => group::remove(path, homes),
        Undo::OomScore { process, score } => process::score(*process, *score),
        Undo::Remove { guardian, path } => enclosure::remove(*guardian, path),
        Undo::Writable { guardian, path } => enclosure::writable(*guardian, path),
        Undo::ClearRule { guardian, between, rule } => enclosure::clear(*guardian, *between, rule),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rlimit::{set_soft, soft};

    #[test]
    fn a_process_that_only_has_the_same_id_is_not_touched() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let itself = Identity::of(child.id()).unwrap().unwrap();
        let process = Identity { starttime: itself.starttime + 1, ..itself };
        let before = soft(itself, Resource::Descriptors).unwrap().unwrap();
        assert!(set_soft(itself, Resource::Descriptors, 100).unwrap());
        let (pinned, all) = (Cpus::one(0), Cpus::of_thread(itself.pid).unwrap().unwrap());
        pinned.give_to(itself.pid).unwrap();
        let score = || std::fs::read_to_string(format!("/proc/{}/oom_score_adj", itself.pid)).unwrap();
        let was = score();
        for undo in [
            Undo::Continue { process },
            Undo::End { process },
            Undo::SoftLimit { process, resource: Resource::Descriptors, lowered: 100, soft: before },
            Undo::Cpus {
                process,
                pinned: pinned.clone(),
                before: vec![Threads { cpus: all.clone(), threads: vec![itself.pid] }],
            },
            Undo::CpusBelow { process, pinned: pinned.clone(), before: all, already: Vec::new() },
            Undo::OomScore { process, score: 500 },
        ] {
            assert_eq!(undo_one(&undo), Ok(()), "{undo:?}");
            assert!(itself.is_alive().unwrap(), "{undo:?}");
        }
        assert_eq!(soft(itself, Resource::Descriptors).unwrap(), Some(100));
        assert_eq!(Cpus::of_thread(itself.pid).unwrap(), Some(pinned));
        assert_eq!(score(), was);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_group_that_is_gone_is_removed() {
        let path = PathBuf::from("/sys/fs/cgroup/shakedown-nothing-here");
        assert_eq!(undo_one(&Undo::Group { path, homes: Vec::new() }), Ok(()));
    }
}
