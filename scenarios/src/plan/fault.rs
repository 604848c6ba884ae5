//! Faults of a plan: what is done, to whom, when, for how long, and what must be seen of it.

mod kind;

use evidence::event::Level;
use evidence::role::Role;
pub use kind::{Direction, FaultKind, FileError, FileOperation, Means, Signal, StormSignal};
use serde::{Deserialize, Serialize};

/// One fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Unique within the plan.
    pub id: String,
    /// What is done.
    pub kind: FaultKind,
    /// To which agents; `None` for what is done to no single agent: the target as a whole, the bus directory,
    /// the network, the memory or the CPUs of the host.
    pub victims: Option<Victims>,
    /// When it is due.
    pub at_ns: u64,
    /// How long it lasts; 0 where it acts once and nothing has to be undone.
    pub for_ns: u64,
    /// What must be the case, from then on, for it to be applied.
    pub when: When,
    /// The evidence required of every victim.
    pub requires: Level,
    /// What is done where another fault is in effect.
    pub overlap: Overlap,
    /// How many agents of the victims' role must be alive and untouched by any fault beside the victims. If
    /// there are fewer, the fault is skipped.
    pub keep: u32,
    /// How long each victim must have been up since it was last started. It is waited for.
    pub up_ns: u64,
    /// The time within which the target must be steady again, where the scenario says one; until then no
    /// progress is demanded.
    pub recovers_within_ns: Option<u64>,
    /// Whether it is only claimed: everything is done but the act itself. Its evidence must then tell.
    pub pretend: bool,
}

impl Fault {
    /// A fault without conditions, with the evidence that its kind requires.
    #[must_use]
    pub fn new(id: &str, kind: FaultKind, victims: Option<Victims>, at_ns: u64, for_ns: u64) -> Self {
        Self {
            id: id.to_owned(),
            requires: kind.requires(),
            kind,
            victims,
            at_ns,
            for_ns,
            when: When::Due {},
            overlap: Overlap::Allow,
            keep: 0,
            up_ns: 0,
            recovers_within_ns: None,
            pretend: false,
        }
    }
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

/// What is done with a fault that is due while another one is in effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It is applied beside the other.
    Allow,
    /// It waits until no other is in effect.
    Queue,
    /// It is skipped.
    Refuse,
}
