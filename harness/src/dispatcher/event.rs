//! Everything that can happen in a run.

use evidence::event::{FaultStep, Victim};
use evidence::sample::{Mark, Sample};
use protocol::Report;

use crate::clocks::Clocks;
use crate::error::{HostFailure, TargetFailure};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When, in nanoseconds since the start of the run.
    pub at_ns: u64,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Nothing but time passing: something is due.
    Due,
    /// The target's process is there.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// The target of a dead harness lives and was taken over.
    TakenOver {
        /// Its process id.
        pid: u32,
    },
    /// Every process of the target was killed, as was asked.
    Killed {
        /// How its first process ended.
        status: String,
        /// How many processes there were.
        ended: u32,
        /// How many of them are left.
        still_alive: u32,
    },
    /// The target was started again.
    StartedAgain {
        /// Its process id.
        pid: u32,
    },
    /// The target said something.
    Report(Report),
    /// What was asked of processes.
    Identified {
        /// Their start times, by process id.
        processes: Vec<(u32, u64)>,
        /// The limit of descriptors of the one that holds most.
        descriptors: Option<u64>,
    },
    /// The target cannot be used.
    Failed(TargetFailure),
    /// The target's standard output is closed.
    OutputClosed,
    /// The target's process has ended.
    Exited {
        /// How: `exit 0`, `signal 9`.
        status: String,
    },
    /// A fault was applied, or could not be.
    Injected {
        /// Its place in the plan.
        fault: usize,
        /// What became of it.
        injected: Applied,
    },
    /// A fault was undone, or could not be.
    Healed {
        /// Its place in the plan.
        fault: usize,
        /// What was seen of its effect before it was undone.
        observed: Vec<Victim>,
        /// What became of it.
        healed: Applied,
    },
    /// A tick of the sampler is done.
    Sampled {
        /// Processes that should have been there and were not.
        vanished: Vec<u32>,
        /// The mark of the tick, if it had one.
        mark: Option<Mark>,
        /// What else it showed.
        tick: TickSummary,
    },
    /// Somebody was told of an alert or an incident, or could not be.
    Notified {
        /// The alert, or the kind of incident.
        about: String,
        /// Whom: `command`, `webhook`.
        whom: String,
        /// What came of it; an error if it was not told.
        found: Result<String, String>,
    },
    /// This machine does not let the run go on.
    HostFailed(HostFailure),
    /// The user wants it to end.
    Interrupted,
    /// By a rule of the plan it should not go on.
    EndEarly {
        /// Why, in one sentence.
        why: String,
    },
    /// Every process of the run has ended, or was ended.
    Ended {
        /// How many were alive before they were ended; `None` if that is not known.
        left_behind: Option<u32>,
    },
}

/// What a tick of the sampler showed, beside the rows of single processes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TickSummary {
    /// The rows that were written down: one for each group that has or had a process, for the harness and for
    /// the host.
    pub samples: Vec<Sample>,
    /// The clocks of the host; absent where they could not be read.
    pub clocks: Option<Clocks>,
    /// Bytes that the run directory holds, what waits to be written not counted; only where the plan has a budget.
    pub run_bytes: Option<u64>,
    /// Bytes free on the file system of the run directory.
    pub free_bytes: Option<u64>,
}

/// What became of applying or undoing a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The step that was reached.
    pub step: FaultStep,
    /// When the kernel acknowledged it, in nanoseconds since the start of the run.
    pub at_ns: u64,
    /// What was read back.
    pub victims: Vec<Victim>,
    /// Why, where it needs saying.
    pub why: Option<String>,
}
