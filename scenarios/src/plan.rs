//! The plan: a scenario with every choice made, offsets from zero, no default left.
//!
//! Zero is the moment at which the target is ready. The same scenario and seed give the same bytes.

use evidence::event::Level;
use evidence::gate::Gate;
use evidence::role::Role;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

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
    /// How long it may take from its start to `ready`, in milliseconds.
    pub ready_within_ms: u64,
    /// How long it may take from `stop` to its exit, in milliseconds.
    pub stop_within_ms: u64,
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

/// One fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Unique within the plan.
    pub id: String,
    /// What is done.
    pub kind: FaultKind,
    /// To whom.
    pub victims: Victims,
    /// When it is due.
    pub at_ns: u64,
    /// What must be the case, from then on, for it to be applied.
    pub when: When,
    /// The evidence required of every victim.
    pub requires: Level,
}

/// What is done to a victim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// End its process.
    Kill {
        /// With which signal.
        signal: Signal,
    },
    /// Stop its process and let it go on later.
    Pause {
        /// For how long, in nanoseconds.
        for_ns: u64,
    },
}

impl FaultKind {
    /// The word for it in scenario files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kill { .. } => "kill",
            Self::Pause { .. } => "pause",
        }
    }

    /// How long it lasts, in nanoseconds; 0 where nothing has to be undone.
    #[must_use]
    pub fn for_ns(&self) -> u64 {
        match self {
            Self::Kill { .. } => 0,
            Self::Pause { for_ns } => *for_ns,
        }
    }
}

/// A signal that ends a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// At once.
    #[serde(rename = "SIGKILL")]
    Kill,
    /// Asking it to end by itself.
    #[serde(rename = "SIGTERM")]
    Term,
}

/// The victims of a fault: already chosen, by their place among the members of the role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Victims {
    /// Their role. `master` means whoever leads when the fault is due.
    pub role: Role,
    /// Their places (0 is the member of that role with the smallest agent number), ascending.
    pub places: Vec<u32>,
}

/// What must be the case for a due fault to be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "when", rename_all = "snake_case")]
pub enum When {
    /// Nothing: it is applied when due.
    Due {},
    /// A round has been sent and not yet gathered: the next round from then on, this long after its start.
    RoundInFlight {
        /// From the start of the round, in nanoseconds.
        after_ns: u64,
    },
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
