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
    /// Another harness goes on with a target that is at work. The target answers [`crate::Report::Attached`] and goes
    /// on as it is. An empty line stands before it, behind whatever the harness before could not write to its end.
    Attach {
        /// The protocol version that the harness speaks.
        protocol: u32,
        /// The id of the run, as in `hello`.
        run: String,
    },
    /// One round: one task for each worker that takes part, gathered until all have answered or the time is over. The target
    /// answers [`crate::Report::Accepted`], then [`crate::Report::Answers`], then [`crate::Report::Round`].
    Round {
        /// The number of the round, from 0.
        round: u64,
        /// The tasks. `count` is the number of workers that take part, at most as many as the harness knows: the
        /// first living ones by number, one task each; a target with fewer gives some of them more than one.
        tasks: Tasks,
    },
    /// Single tasks, outside any round. The target chooses the workers and answers
    /// [`crate::Report::Accepted`], then [`crate::Report::Answers`].
    Send {
        /// The tasks.
        tasks: Tasks,
        /// The worker that is to execute them; any, if absent. A target that names `to` in its `hello` heeds it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<u32>,
    },
    /// Begin a fault that only the target can do; answered by [`crate::Report::Fault`].
    Fault {
        /// Its id.
        fault: String,
        /// What to do.
        kind: FaultKind,
        /// The agents concerned, by number; empty: all.
        agents: Vec<u32>,
        /// When it ends by itself, in milliseconds from now, should no `heal` come.
        ttl_ms: u64,
        /// What every choice by chance is drawn from.
        seed: u64,
    },
    /// End a fault; answered by [`crate::Report::Fault`].
    Heal {
        /// Its id.
        fault: String,
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

/// A fault that only the target can do. `per_million` is how many messages it hits; messages from and to the
/// agents concerned count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// Messages on the bus vanish.
    BusDrop {
        /// How many.
        per_million: u32,
    },
    /// Messages on the bus arrive later.
    BusDelay {
        /// How many.
        per_million: u32,
        /// By how much, in microseconds.
        delay_us: u64,
        /// And up to this much more, in microseconds.
        jitter_us: u64,
    },
    /// Messages on the bus arrive twice.
    BusDuplicate {
        /// How many.
        per_million: u32,
    },
    /// Messages on the bus overtake each other.
    BusReorder {
        /// How many.
        per_million: u32,
    },
    /// A byte of messages on the bus is changed.
    BusCorrupt {
        /// How many.
        per_million: u32,
    },
    /// Messages between the agents concerned and all others do not pass.
    Partition {
        /// Which of them.
        direction: Direction,
    },
    /// The clock that the agents concerned read is shifted.
    Clock {
        /// By how much, in microseconds; negative is back.
        offset_us: i64,
    },
}

/// Which messages a partition stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Those from and to the agents concerned.
    Both,
    /// Those from them only.
    From,
    /// Those to them only.
    To,
}
