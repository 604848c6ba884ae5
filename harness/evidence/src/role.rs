//! What an agent does in the swarm.

use serde::{Deserialize, Serialize};

/// The role of an agent.
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

impl Role {
    /// All roles, in the order of leadership.
    pub const ALL: [Self; 3] = [Self::Master, Self::Coordinator, Self::Worker];

    /// The word for it in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Coordinator => "coordinator",
            Self::Worker => "worker",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
