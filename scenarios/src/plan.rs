//! The plan: a scenario with every choice made, offsets from zero, no default left.
//!
//! Zero is the moment at which the target is ready. The same scenario and seed give the same bytes.

mod fault;
mod soak;
mod words;

use evidence::gate::Gate;
use evidence::role::Role;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use fault::{
    Direction, Fault, FaultKind, FileError, FileOperation, Means, Overlap, Signal, StormSignal, Victims, When,
};

pub use soak::{Alert, EndEarly, Live, Needed, Notify, OnHarnessDeath, Quiesce, Soak};

/// The version of `plan.json`.
pub const SCHEMA: u32 = 1;

/// What will happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this format.
    pub schema: u32,
    /// The scenario's name: lower-case letters, digits and dashes.
    pub scenario: String,
    /// Why it exists.
    pub why: String,
    /// What every random choice was drawn from.
    pub seed: u64,
    /// How many times faster than written the timeline runs, where this is a rehearsal.
    pub rehearsal: Option<f64>,
    /// What to launch.
    pub target: Target,
    /// How to load it.
    pub workload: Workload,
    /// Warm-up and hold, in order, without gaps, from zero; then the drain.
    pub phases: Vec<Phase>,
    /// What to read.
    pub sample: Sample,
    /// What to break, in the order in which it is due.
    pub faults: Vec<Fault>,
    /// What makes it a long run.
    pub soak: Soak,
    /// What must hold.
    pub gates: Vec<Gate>,
}

/// What to launch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The program and its arguments; `None` is the bundled reference runtime.
    pub command: Option<Vec<String>>,
    /// What `launch` carries.
    pub config: serde_json::Value,
    /// How many agents to expect, where the scenario says.
    pub agents: Option<Agents>,
    /// The shape in words.
    pub shape: String,
    /// What is made for it on this host before it starts.
    pub enclosure: Enclosure,
    /// How long it may take from its start to `ready`, in milliseconds.
    pub ready_within_ms: u64,
    /// How long it may take from `stop` to its exit, in milliseconds.
    pub stop_within_ms: u64,
}

/// What is made for the target on this host before it starts, and vanishes with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enclosure {
    /// A directory for its bus, whose path it finds in `SHAKEDOWN_BUS_DIR`.
    pub bus: Option<BusDirectory>,
    /// Hosts on a network of its own.
    pub network: Option<Network>,
}

/// A directory for the target's bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusDirectory {
    /// A memory file system of so many bytes in a mount namespace of the run; `None`: a plain directory in
    /// memory, without a limit of its own.
    pub bytes: Option<u64>,
    /// How many inodes it has; `None`: as many as the kernel thinks fit.
    pub inodes: Option<u64>,
    /// Whether operations in it go through a process of the run, so that they can be made to fail or to wait.
    pub intercepted: bool,
}

/// A network of the target's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// How many hosts, each a network namespace; the target starts in the first.
    pub hosts: u32,
}

/// Agents by role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agents {
    /// Masters.
    pub master: u32,
    /// Coordinators of all levels.
    pub coordinator: u32,
    /// Workers.
    pub worker: u32,
}

impl Agents {
    /// How many have this role.
    #[must_use]
    pub fn of(self, role: Role) -> u32 {
        match role {
            Role::Master => self.master,
            Role::Coordinator => self.coordinator,
            Role::Worker => self.worker,
        }
    }

    /// All of them.
    #[must_use]
    pub fn all(self) -> u32 {
        self.master + self.coordinator + self.worker
    }
}

/// How to load it. With neither part the target idles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// Rounds.
    pub rounds: Option<Rounds>,
    /// Single tasks.
    pub arrivals: Option<Arrivals>,
}

/// Rounds: one task for every worker, again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rounds {
    /// A round is due each time, from zero to the end of the hold phase.
    pub every_ns: u64,
    /// When to give up a task.
    pub timeout_ns: u64,
    /// Bytes of payload of each task.
    pub payload: u32,
    /// What the workers do.
    pub work: Work,
    /// Rounds that may be open at once; one that is due beyond that is shed.
    pub open: u32,
    /// How many workers take part from when on, in order of time; all of them, always, where empty. A round
    /// goes to the first of them by number.
    pub levels: Vec<Level>,
}

/// How many workers take part in rounds from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// From when on.
    pub at_ns: u64,
    /// How many workers.
    pub workers: u32,
}

/// An open arrival process: the next task is due by the plan, whether or not the last was answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arrivals {
    /// Segments without gaps from zero to the end of the hold phase.
    pub segments: Vec<Segment>,
    /// When to give up a task.
    pub timeout_ns: u64,
    /// Bytes of payload of each task.
    pub payload: u32,
    /// What the workers do.
    pub work: Work,
    /// Tasks that may be open at once; one that is due beyond that is shed.
    pub slots: u32,
}

/// One stretch of arrivals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// When it begins.
    pub at_ns: u64,
    /// How long it lasts.
    pub length_ns: u64,
    /// How tasks become due within it.
    pub shape: Shape,
}

/// How tasks become due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Shape {
    /// Evenly.
    Constant {
        /// Tasks per second.
        per_second: f64,
    },
    /// Evenly, at a rate that changes linearly.
    Ramp {
        /// Tasks per second at its beginning.
        from: f64,
        /// Tasks per second at its end.
        to: f64,
    },
    /// With exponentially distributed gaps, drawn from the seed.
    Poisson {
        /// Tasks per second, on average.
        per_second: f64,
    },
    /// Many at once, again and again; the first at the beginning of the segment.
    Burst {
        /// Tasks that are due at the same moment.
        count: u32,
        /// From one burst to the next.
        every_ns: u64,
    },
    /// Nothing is due.
    Silence {},
}

/// What a worker does with a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// Answer at once.
    Echo {},
    /// Wait; log-normal, or constant where both are equal.
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
    /// Allocate, touch, free.
    Alloc {
        /// Bytes.
        bytes: u64,
    },
    /// Run a program.
    Exec {
        /// Program and arguments.
        argv: Vec<String>,
    },
    /// Pass the payload directly to another worker and answer with what that one sent back.
    Relay {},
    /// One of several kinds, drawn from the seed for each round or single task. None of them is a mixture.
    Mix {
        /// The kinds.
        parts: Vec<Part>,
    },
}

/// A kind of work in a mixture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// How often it is drawn, against the sum of all weights.
    pub weight: u32,
    /// What it is.
    pub work: Work,
}

/// A phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// `warm_up`, `hold` or `drain`.
    pub name: String,
    /// When it begins.
    pub at_ns: u64,
    /// How long it lasts; for the drain, how long it may last.
    pub length_ns: u64,
}

/// What to read, how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The cheap set: memory, descriptors, threads, CPU, by group.
    pub every_ns: u64,
    /// The dear set: proportional memory and rows of single processes. A whole multiple of `every_ns`.
    pub slow_every_ns: u64,
}

impl Plan {
    /// When the last load is due: the end of the hold phase, in nanoseconds from zero.
    #[must_use]
    pub fn load_ends_ns(&self) -> u64 {
        self.phases.iter().filter(|p| p.name != "drain").map(|p| p.at_ns + p.length_ns).max().unwrap_or(0)
    }

    /// The canonical bytes: what `plan.json` holds and what the fingerprint is made of.
    ///
    /// # Panics
    /// Never: a plan holds nothing that JSON cannot.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a plan holds only what JSON can hold");
        bytes.push(b'\n');
        bytes
    }

    /// What pins the plan: SHA-256 over [`Plan::to_json`], in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        use std::fmt::Write;
        Sha256::digest(self.to_json()).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}
