//! What the harness asks of a target.

use serde::{Deserialize, Serialize};

/// One line from the harness to the target: an object with one key, the command's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// The first line. The target answers [`crate::Report::Hello`].
    Hello {
        /// The protocol version that the harness speaks.
        protocol: u32,
        /// The id of the run, for the target's own logs.
        run: String,
    },
    /// Start the agents. The target answers [`crate::Report::Ready`] once all of them can take work.
    Launch {
        /// What to launch, in the target's own terms; taken from the scenario unread.
        config: serde_json::Value,
    },
    /// One round: one task for each worker, gathered until all have answered or the time is over. The target
    /// answers [`crate::Report::Accepted`], then [`crate::Report::Answers`], then [`crate::Report::Round`].
    Round {
        /// The number of the round, from 0.
        round: u64,
        /// The tasks. `count` is the number of workers the harness knows; a target with fewer living workers
        /// gives some of them more than one.
        tasks: Tasks,
    },
    /// Single tasks, outside any round. The target chooses the workers and answers
    /// [`crate::Report::Accepted`], then [`crate::Report::Answers`].
    Send {
        /// The tasks.
        tasks: Tasks,
    },
    /// Take no new work of its own accord and come to rest; answered by [`crate::Report::Quiesced`].
    Quiesce {},
    /// The drain barrier: answer when everything accepted was answered, or when the time is over, with
    /// [`crate::Report::Drained`].
    Drain {
        /// How long the target may take, in milliseconds.
        deadline_ms: u64,
    },
    /// Report all gauges once; answered by [`crate::Report::Snapshot`].
    Snapshot {},
    /// End all agents gracefully, answer [`crate::Report::Stopped`] and exit with status 0.
    Stop {},
}

/// A run of tasks with consecutive tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tasks {
    /// The token of the first task; the others follow by one.
    pub first: u64,
    /// How many tasks.
    pub count: u32,
    /// The size of each task's payload, in bytes.
    pub payload: u32,
    /// How long the target may wait for an answer before it gives the task up, in milliseconds. An answer
    /// that comes later is still passed on.
    pub timeout_ms: u64,
    /// What the worker does with it.
    pub work: Work,
}

/// What a worker does with a task before it answers. Every kind echoes the payload's digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// Answer at once.
    Echo {},
    /// Wait. The time is drawn for each task from a log-normal distribution with this median and 99th
    /// percentile; equal values mean a constant.
    Sleep {
        /// Median, in microseconds.
        p50_us: u64,
        /// 99th percentile, in microseconds.
        p99_us: u64,
    },
    /// Keep a core busy.
    Cpu {
        /// CPU time, in microseconds.
        us: u64,
    },
    /// Allocate, touch every page, and free.
    Alloc {
        /// Size, in bytes.
        bytes: u64,
    },
    /// Run a program to its end; a status other than 0 makes the answer corrupt.
    Exec {
        /// Program and arguments; no shell in between.
        argv: Vec<String>,
    },
    /// Pass the payload directly to another worker and answer with what that one sent back.
    Relay {},
}
