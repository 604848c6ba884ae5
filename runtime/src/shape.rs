//! Who is in a swarm: numbers, roles, levels and homes, all computed from a few counts.

use std::ops::Range;

use protocol::Role;
use serde::{Deserialize, Serialize};

/// The most agents that one swarm may have.
pub const MAX_AGENTS: u32 = 2_000;

/// The form of a swarm. Agents are numbered densely: the master first, then coordinators level by level,
/// then workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One coordinator, agent 0, with all workers.
    Flat {
        /// How many workers.
        workers: u32,
    },
    /// A master, coordinators, and workers spread evenly over them.
    Hybrid {
        /// How many coordinators.
        coordinators: u32,
        /// How many workers in all.
        workers: u32,
    },
    /// A master, two levels of coordinators, and workers under the second.
    Deep {
        /// Coordinators under the master.
        level_1: u32,
        /// Coordinators under those.
        level_2: u32,
        /// How many workers in all.
        workers: u32,
    },
}

impl Shape {
    /// All agents.
    #[must_use]
    pub fn agents(self) -> u32 {
        self.inner() + self.worker_count()
    }

    /// Agents that lead others: the master and all coordinators. They have the numbers `0..inner()`.
    #[must_use]
    pub fn inner(self) -> u32 {
        match self {
            Self::Flat { .. } => 1,
            Self::Hybrid { coordinators, .. } => 1 + coordinators,
            Self::Deep { level_1, level_2, .. } => 1 + level_1 + level_2,
        }
    }

    /// The numbers of the workers.
    #[must_use]
    pub fn workers(self) -> Range<u32> {
        self.inner()..self.agents()
    }

    fn worker_count(self) -> u32 {
        match self {
            Self::Flat { workers } | Self::Hybrid { workers, .. } | Self::Deep { workers, .. } => workers,
        }
    }

    /// What an agent does. In the flat shape agent 0 is a coordinator, elsewhere the master.
    #[must_use]
    pub fn role(self, agent: u32) -> Role {
        match self {
            _ if agent >= self.inner() => Role::Worker,
            Self::Flat { .. } => Role::Coordinator,
            _ if agent == 0 => Role::Master,
            _ => Role::Coordinator,
        }
    }

    /// How far an agent is from the top, which is 0.
    #[must_use]
    pub fn level(self, agent: u32) -> u32 {
        match self {
            _ if agent == 0 => 0,
            Self::Deep { level_1, .. } if agent <= level_1 => 1,
            Self::Deep { .. } if agent < self.inner() => 2,
            Self::Deep { .. } => 3,
            Self::Hybrid { .. } if agent < self.inner() => 1,
            Self::Hybrid { .. } => 2,
            Self::Flat { .. } => 1,
        }
    }

    /// The agent that this one reports to while all is well; `None` for agent 0.
    #[must_use]
    pub fn home(self, agent: u32) -> Option<u32> {
        if agent == 0 {
            return None;
        }
        let worker = || agent - self.inner();
        Some(match self {
            Self::Flat { .. } => 0,
            Self::Hybrid { .. } if agent < self.inner() => 0,
            Self::Hybrid { coordinators, workers } => 1 + share(worker(), workers, coordinators),
            Self::Deep { level_1, .. } if agent <= level_1 => 0,
            Self::Deep { level_1, level_2, .. } if agent < self.inner() => {
                1 + share(agent - 1 - level_1, level_2, level_1)
            }
            Self::Deep { level_1, level_2, workers } => 1 + level_1 + share(worker(), workers, level_2),
        })
    }

    /// Whether an agent may become the leader: it stands at the top or right below, and leads others.
    #[must_use]
    pub fn may_lead(self, agent: u32) -> bool {
        agent < self.inner() && self.level(agent) <= 1
    }
}

/// Which of `parts` equal, contiguous parts item `i` of `n` falls into.
fn share(i: u32, n: u32, parts: u32) -> u32 {
    (u64::from(i) * u64::from(parts) / u64::from(n)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_shape() -> impl Strategy<Value = Shape> {
        prop_oneof![
            (1u32..300).prop_map(|workers| Shape::Flat { workers }),
            (1u32..20, 1u32..800).prop_map(|(c, w)| Shape::Hybrid { coordinators: c, workers: w.max(c) }),
            (1u32..10, 1u32..60, 1u32..1500).prop_map(|(a, b, w)| {
                let level_2 = b.max(a);
                Shape::Deep { level_1: a, level_2, workers: w.max(level_2) }
            }),
        ]
    }

    proptest! {
        #[test]
        fn homes_are_one_level_up_and_evenly_filled(shape in any_shape()) {
            let mut children = vec![0u32; shape.agents() as usize];
            for agent in 1..shape.agents() {
                let home = shape.home(agent).unwrap();
                prop_assert_eq!(shape.level(home) + 1, shape.level(agent));
                prop_assert!(shape.role(home) != Role::Worker);
                children[home as usize] += 1;
            }
            for level in 0..3 {
                let filled: Vec<u32> = (0..shape.inner())
                    .filter(|a| shape.level(*a) == level)
                    .map(|a| children[a as usize])
                    .collect();
                if let (Some(least), Some(most)) = (filled.iter().min(), filled.iter().max()) {
                    prop_assert!(most - least <= 1, "level {level}: {least}..{most}");
                }
            }
        }
    }

    #[test]
    fn the_deep_shape_of_2000_is_numbered_from_the_top() {
        let shape = Shape::Deep { level_1: 7, level_2: 49, workers: 1943 };
        assert_eq!((shape.agents(), shape.inner()), (2000, 57));
        assert_eq!(shape.role(0), Role::Master);
        assert_eq!((shape.home(1), shape.home(8), shape.home(57)), (Some(0), Some(1), Some(8)));
    }
}
