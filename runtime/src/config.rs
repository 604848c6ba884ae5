//! What `launch` may ask for, checked before anything is started.

use serde::Deserialize;

use crate::bus::MAX_PAYLOAD;
use crate::defects::Defects;
use crate::shape::{MAX_AGENTS, Shape};

/// A swarm as it is to be launched; every value is within its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Who is in it.
    pub shape: Shape,
    /// How many tasks a worker may have waiting; more are refused.
    pub inbox: u32,
    /// How long an agent that leads may go without a sign of life, in milliseconds.
    pub lease_ms: u64,
    /// Whether a dead agent is started again.
    pub replace: bool,
    /// What every choice by chance is drawn from.
    pub seed: u64,
    /// The time between two sets of metrics, in milliseconds.
    pub metrics_interval_ms: u64,
    /// How long the end waits for work in hand on SIGTERM, in milliseconds.
    pub drain_ms: u64,
    /// What carries its messages.
    pub bus: Bus,
    /// Over how many directories the files of the bus are spread; 0: all in one.
    pub shards: u32,
    /// Whether what it has accepted and executed outlives all its processes.
    pub persist: bool,
    /// What is to be wrong with it.
    pub defects: Defects,
}

/// What carries the messages of a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bus {
    /// Unix sockets.
    #[default]
    Sockets,
    /// Files in a directory.
    Files,
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not the right keys or types.
    #[error("swarm configuration: {0}")]
    Json(#[from] serde_json::Error),
    /// A key that the shape needs and that is not there.
    #[error("swarm configuration: shape `{shape}` needs `{key}`")]
    Missing {
        /// The shape.
        shape: &'static str,
        /// The key.
        key: &'static str,
    },
    /// A key that the shape has no use for.
    #[error("swarm configuration: shape `{shape}` has no `{key}`; remove it")]
    Unused {
        /// The shape.
        shape: &'static str,
        /// The key.
        key: &'static str,
    },
    /// A value outside its limits.
    #[error("swarm configuration: `{key}` is {found}, it must be from {least} to {most}")]
    Range {
        /// The key.
        key: &'static str,
        /// What was given.
        found: u64,
        /// The least that would do.
        least: u64,
        /// The most that would do.
        most: u64,
    },
    /// Two ways to say one thing.
    #[error("swarm configuration: give either `workers` or `workers_per_coordinator`")]
    Workers,
    /// A defect with a count of nothing.
    #[error("swarm configuration: defect `{0}` is 0; leave it out to switch it off, or give 1 or more")]
    Defect(&'static str),
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Form {
    Flat,
    Hybrid,
    Deep,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Hybrid => "hybrid",
            Self::Deep => "deep",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with a `shape`")]
struct Wish {
    shape: Form,
    coordinators: Option<u32>,
    level_1: Option<u32>,
    level_2: Option<u32>,
    workers: Option<u32>,
    workers_per_coordinator: Option<u32>,
    inbox: Option<u64>,
    lease_ms: Option<u64>,
    replace: Option<bool>,
    seed: Option<u64>,
    metrics_interval_ms: Option<u64>,
    drain_ms: Option<u64>,
    #[serde(default)]
    bus: Bus,
    shards: Option<u64>,
    persist: Option<bool>,
    #[serde(default)]
    defects: Defects,
}

impl Config {
    /// Reads and checks the value that `launch` carries.
    pub fn from_json(config: &serde_json::Value) -> Result<Self, ConfigError> {
        let wish = Wish::deserialize(config)?;
        if let Some(defect) = wish.defects.zero() {
            return Err(ConfigError::Defect(defect));
        }
        Ok(Self {
            shape: wish.shape()?,
            inbox: within("inbox", wish.inbox.unwrap_or(1_000), 1, 16_384)? as u32,
            lease_ms: within("lease_ms", wish.lease_ms.unwrap_or(500), 50, 600_000)?,
            replace: wish.replace.unwrap_or(true),
            seed: wish.seed.unwrap_or(0),
            metrics_interval_ms: within(
                "metrics_interval_ms",
                wish.metrics_interval_ms.unwrap_or(1_000),
                10,
                86_400_000,
            )?,
            drain_ms: within("drain_ms", wish.drain_ms.unwrap_or(10_000), 0, 3_600_000)?,
            bus: wish.bus,
            shards: within("shards", wish.shards.unwrap_or(10), 0, 1_000)? as u32,
            persist: wish.persist.unwrap_or(false),
            defects: wish.defects,
        })
    }
}

impl Wish {
    fn shape(&self) -> Result<Shape, ConfigError> {
        let name = self.shape.name();
        self.refuse_unused(name)?;
        let need = |key, value: Option<u32>| value.ok_or(ConfigError::Missing { shape: name, key });
        let shape = match self.shape {
            Form::Flat => Shape::Flat { workers: need("workers", self.workers)? },
            Form::Hybrid => {
                let coordinators = need("coordinators", self.coordinators)?;
                let workers = match (self.workers, self.workers_per_coordinator) {
                    (Some(all), None) => all,
                    (None, Some(each)) => coordinators.saturating_mul(each),
                    (Some(_), Some(_)) => return Err(ConfigError::Workers),
                    (None, None) => need("workers", None)?,
                };
                Shape::Hybrid { coordinators, workers }
            }
            Form::Deep => Shape::Deep {
                level_1: need("level_1", self.level_1)?,
                level_2: need("level_2", self.level_2)?,
                workers: need("workers", self.workers)?,
            },
        };
        check_counts(shape)?;
        Ok(shape)
    }

    fn refuse_unused(&self, shape: &'static str) -> Result<(), ConfigError> {
        let unused: &[(&'static str, bool)] = match self.shape {
            Form::Flat => &[
                ("coordinators", self.coordinators.is_some()),
                ("level_1", self.level_1.is_some()),
                ("level_2", self.level_2.is_some()),
                ("workers_per_coordinator", self.workers_per_coordinator.is_some()),
            ],
            Form::Hybrid => &[("level_1", self.level_1.is_some()), ("level_2", self.level_2.is_some())],
            Form::Deep => &[
                ("coordinators", self.coordinators.is_some()),
                ("workers_per_coordinator", self.workers_per_coordinator.is_some()),
            ],
        };
        match unused.iter().find(|(_, given)| *given) {
            Some((key, _)) => Err(ConfigError::Unused { shape, key }),
            None => Ok(()),
        }
    }
}

/// Every agent that leads must have somebody to lead, and all together must be few enough.
fn check_counts(shape: Shape) -> Result<(), ConfigError> {
    let most = u64::from(MAX_AGENTS);
    let (above, workers) = match shape {
        Shape::Flat { workers } => (1, workers),
        Shape::Hybrid { coordinators, workers } => {
            within("coordinators", coordinators.into(), 1, most / 2)?;
            (coordinators, workers)
        }
        Shape::Deep { level_1, level_2, workers } => {
            within("level_1", level_1.into(), 1, most / 4)?;
            within("level_2", level_2.into(), level_1.into(), most / 2)?;
            (level_2, workers)
        }
    };
    let room = most - u64::from(shape.inner());
    within("workers", workers.into(), above.into(), room)?;
    Ok(())
}

fn within(key: &'static str, found: u64, least: u64, most: u64) -> Result<u64, ConfigError> {
    if (least..=most).contains(&found) {
        Ok(found)
    } else {
        Err(ConfigError::Range { key, found, least, most })
    }
}

/// The largest payload of a task, in bytes.
pub(crate) const PAYLOAD_LIMIT: u32 = MAX_PAYLOAD as u32;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn error(config: serde_json::Value) -> String {
        Config::from_json(&config).unwrap_err().to_string()
    }

    #[test]
    fn the_three_shapes_are_read() {
        let flat = Config::from_json(&json!({"shape": "flat", "workers": 99})).unwrap();
        assert_eq!((flat.shape.agents(), flat.inbox, flat.lease_ms, flat.replace), (100, 1000, 500, true));
        let each = json!({"shape": "hybrid", "coordinators": 10, "workers_per_coordinator": 50});
        assert_eq!(Config::from_json(&each).unwrap().shape, Shape::Hybrid { coordinators: 10, workers: 500 });
        let deep = json!({"shape": "deep", "level_1": 7, "level_2": 49, "workers": 1943});
        assert_eq!(Config::from_json(&deep).unwrap().shape.agents(), 2000);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let table = [
            error(json!({"shape": "flat"})),
            error(json!({"shape": "flat", "workers": 0})),
            error(json!({"shape": "flat", "workers": 5, "coordinators": 2})),
            error(json!({"shape": "hybrid", "coordinators": 4, "workers": 3})),
            error(json!({"shape": "hybrid", "coordinators": 10, "workers": 5000})),
            error(json!({"shape": "hybrid", "coordinators": 2, "workers": 9, "workers_per_coordinator": 4})),
            error(json!({"shape": "deep", "level_1": 9, "level_2": 3, "workers": 30})),
            error(json!({"shape": "flat", "workers": 5, "lease_ms": 1})),
            error(json!({"shape": "flat", "workers": 5, "defects": {"drop_1_in": 0}})),
            error(json!({"shape": "flat", "workers": -5})),
            error(json!({"shape": "ring", "workers": 5})),
            error(json!({"shape": "flat", "workers": 5, "lease": 5})),
        ];
        insta::assert_snapshot!(table.join("\n"), @"
        swarm configuration: shape `flat` needs `workers`
        swarm configuration: `workers` is 0, it must be from 1 to 1999
        swarm configuration: shape `flat` has no `coordinators`; remove it
        swarm configuration: `workers` is 3, it must be from 4 to 1995
        swarm configuration: `workers` is 5000, it must be from 10 to 1989
        swarm configuration: give either `workers` or `workers_per_coordinator`
        swarm configuration: `level_2` is 3, it must be from 9 to 1000
        swarm configuration: `lease_ms` is 1, it must be from 50 to 600000
        swarm configuration: defect `drop_1_in` is 0; leave it out to switch it off, or give 1 or more
        swarm configuration: invalid value: integer `-5`, expected u32
        swarm configuration: unknown variant `ring`, expected one of `flat`, `hybrid`, `deep`
        swarm configuration: unknown field `lease`, expected one of `shape`, `coordinators`, `level_1`, `level_2`, `workers`, `workers_per_coordinator`, `inbox`, `lease_ms`, `replace`, `seed`, `metrics_interval_ms`, `drain_ms`, `bus`, `shards`, `persist`, `defects`
        ");
    }
}
