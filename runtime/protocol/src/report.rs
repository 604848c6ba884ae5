//! What a target tells the harness.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One line from the target to the harness: an object with one key, the report's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The answer to `hello`.
    Hello {
        /// The protocol version that the target speaks.
        protocol: u32,
        /// The target's name.
        name: String,
        /// The target's version.
        version: String,
        /// What it can tell beyond answers.
        #[serde(default)]
        tells: Vec<Capability>,
    },
    /// All agents can take work.
    Ready {
        /// Every agent.
        members: Vec<Member>,
    },
    /// The answer to `attach`: everything before it was said to the harness before.
    Attached {
        /// Every agent as it is now, those without a process among them.
        members: Vec<Member>,
        /// The agents among them whose process is gone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        gone: Vec<u32>,
    },
    /// An agent came, went or changed its place.
    Member {
        /// The agent as it is now (or was, when it has gone).
        member: Member,
        /// What became of it.
        state: MemberState,
        /// How its process ended, where it has: `exit 0`, `signal 9`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
        /// When.
        at_ns: u64,
    },
    /// The target has taken responsibility for tasks: from here on they count as acknowledged.
    Accepted {
        /// Token of the first task that was accepted.
        first: u64,
        /// How many were accepted, from `first` on.
        count: u32,
        /// How many more were asked for and refused, after those. They will never be answered.
        #[serde(default)]
        refused: u32,
    },
    /// Answers, in the order in which they came back.
    Answers {
        /// At most 4,096 a line.
        items: Vec<Answer>,
    },
    /// A round is over.
    Round {
        /// Its number.
        round: u64,
        /// Answers that came in time.
        delivered: u32,
        /// Tasks that were given up because the time was over.
        timed_out: u32,
        /// From the first task's leaving to the last answer's arrival inside the target, in nanoseconds.
        elapsed_ns: u64,
    },
    /// The target suspects that an agent has failed.
    Suspected {
        /// The agent.
        agent: u32,
        /// Who noticed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<u32>,
        /// How.
        how: How,
        /// When.
        at_ns: u64,
    },
    /// An agent has taken over a leading place.
    Elected {
        /// The agent that now holds the place.
        agent: u32,
        /// The agent that held it before.
        replaces: u32,
        /// The epoch that began.
        epoch: u32,
        /// When.
        at_ns: u64,
    },
    /// Workers have been given another coordinator.
    Assigned {
        /// The coordinator they lost.
        from: u32,
        /// The coordinators they now have.
        to: Vec<u32>,
        /// How many workers.
        workers: u32,
        /// How many tasks in flight were sent again.
        resent: u32,
        /// The epoch in which the new assignment holds.
        epoch: u32,
        /// When the last of them was attached.
        at_ns: u64,
    },
    /// A number that the target keeps. The meaning is the target's own.
    Gauge {
        /// Its name.
        name: String,
        /// Its value.
        value: f64,
        /// When.
        at_ns: u64,
    },
    /// What became of a fault that the target was asked for: the answer to `fault` and to `heal`, and once more
    /// when a fault has ended by itself.
    Fault {
        /// Its id.
        fault: String,
        /// What became of it.
        state: FaultState,
        /// Why, where it was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// What it did so far: `considered` counts messages (or agents) that it could have hit, `hit` those that
        /// it did hit; others are the target's own.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        counters: BTreeMap<String, u64>,
        /// When.
        at_ns: u64,
    },
    /// The answer to `quiesce`.
    Quiesced {},
    /// The answer to `drain`.
    Drained {
        /// Accepted tasks that have not been answered and for which the target holds no hope.
        outstanding: u64,
    },
    /// The answer to `snapshot`.
    Snapshot {
        /// All gauges by name. A target with [`Capability::Effects`] reports `effects`: how many tasks were
        /// executed by all agents together, those that have died included.
        gauges: BTreeMap<String, f64>,
    },
    /// The answer to `stop`; the last line.
    Stopped {},
    /// The target cannot do what it was asked, or cannot go on.
    Error {
        /// What was being done, to what, and what was found.
        message: String,
    },
}

/// One answer, written as a JSON array of six integers: token, agent, epoch, seq, attempt, digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u32, u32, u64, u32, u32)", into = "(u64, u32, u32, u64, u32, u32)")]
pub struct Answer {
    /// The token of the task.
    pub token: u64,
    /// The worker that executed it.
    pub agent: u32,
    /// The epoch of that worker: a worker started again has a greater one.
    pub epoch: u32,
    /// The number of this execution within agent and epoch, from 1. Two answers for one token with different
    /// executions are a duplicate effect; with the same execution, a duplicate delivery.
    pub seq: u64,
    /// How often the task had been sent to a worker, this time included. Order is promised for 1 only.
    pub attempt: u32,
    /// CRC-32 (the zlib polynomial) of the payload as it came back.
    pub digest: u32,
}

impl From<(u64, u32, u32, u64, u32, u32)> for Answer {
    fn from((token, agent, epoch, seq, attempt, digest): (u64, u32, u32, u64, u32, u32)) -> Self {
        Self { token, agent, epoch, seq, attempt, digest }
    }
}

impl From<Answer> for (u64, u32, u32, u64, u32, u32) {
    fn from(a: Answer) -> Self {
        (a.token, a.agent, a.epoch, a.seq, a.attempt, a.digest)
    }
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The agent's number, the same through all its lives.
    pub agent: u32,
    /// What it does.
    pub role: Role,
    /// Its process; 0 where agents have no process of their own.
    pub pid: u32,
    /// Which of its lives this is, from 1.
    pub epoch: u32,
    /// The agent that it reports to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
}

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Leads the coordinators.
    Master,
    /// Leads workers, or other coordinators.
    Coordinator,
    /// Executes tasks.
    Worker,
}

/// What became of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// Its process has ended.
    Left,
    /// A new process has taken its number and can take work.
    Replaced,
    /// It has another parent.
    Moved,
    /// It was cut off because another agent holds its place.
    Fenced,
}

/// How a failure was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The kernel told of the process's death.
    Death,
    /// It made no progress within its lease.
    Lease,
}

/// What a target can tell beyond answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// `member` reports follow every change.
    Members,
    /// `suspected`, `elected` and `assigned`.
    Recovery,
    /// `round` carries the time inside the target.
    RoundTime,
    /// `snapshot` carries `effects`.
    Effects,
    /// `gauge`.
    Gauges,
    /// `send` heeds `to`.
    To,
    /// `fault` and `heal`.
    Faults,
    /// `attach`.
    Attach,
}

/// What became of a fault that the target was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultState {
    /// It acts.
    Applied,
    /// The target cannot do it, or not now.
    Refused,
    /// It does not act any more, as was asked.
    Healed,
    /// It does not act any more: its time was over.
    Expired,
}
