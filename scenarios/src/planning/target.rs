//! The target with all its defaults, as it is launched.

use serde_json::Value as Json;

use crate::format::{Presence, Scalar, Value, tables};
use crate::plan::{self, FaultKind};
use crate::quantity;
use crate::scenario::faults::Fault;
use crate::scenario::target::{BUS_KEYS, Shape, Swarm, Target, TargetKind};
use crate::tree::sorted;

/// One millisecond, in nanoseconds.
const MS: u64 = 1_000_000;

pub(super) fn plan(target: &Target, faults: &[Fault], seed: u64) -> plan::Target {
    let within =
        |written: Option<u64>, key| written.unwrap_or_else(|| tables::TARGET.default_duration(key)) / MS;
    let (command, config, shape) = match &target.kind {
        TargetKind::Swarm(swarm) => (None, config(swarm, seed), in_words(swarm.shape)),
        TargetKind::Command { argv, config, .. } => {
            let config = config.clone().unwrap_or_else(|| sorted(std::iter::empty()));
            (Some(argv.clone()), config, argv.join(" "))
        }
    };
    plan::Target {
        command,
        config,
        agents: target.agents(),
        shape,
        enclosure: enclosure(target, faults),
        ready_within_ms: within(target.ready_within_ns, "ready_within"),
        stop_within_ms: within(target.stop_within_ns, "stop_within"),
    }
}

/// How much a bus directory holds where a fault acts on files and the scenario does not say.
const BUS_BYTES: u64 = 64 << 20;
/// How many files it holds where a fault uses them up and the scenario does not say.
const BUS_INODES: u64 = 10_000;

/// What is made for the target on this host: what the scenario says, and what its faults need.
fn enclosure(target: &Target, faults: &[Fault]) -> plan::Enclosure {
    let any = |is: fn(&FaultKind) -> bool| faults.iter().any(|fault| is(&fault.act.kind));
    let inodes_full = any(|kind| matches!(kind, FaultKind::InodesFull { .. }));
    let bus = target.bus_directory().map(|written| {
        let inodes = written.inodes.or(inodes_full.then_some(BUS_INODES));
        let limited = any(FaultKind::acts_on_bus_directory) || inodes.is_some();
        plan::BusDirectory {
            bytes: written.size.or(limited.then_some(BUS_BYTES)),
            inodes,
            intercepted: any(|k| matches!(k, FaultKind::FileErrors { .. } | FaultKind::FileDelay { .. })),
        }
    });
    plan::Enclosure { bus, network: target.hosts().map(|hosts| plan::Network { hosts }) }
}

/// What the bundled runtime is launched with: nothing is left to its own defaults.
fn config(swarm: &Swarm, seed: u64) -> Json {
    let mut config: Vec<(String, Json)> = vec![("seed".to_owned(), seed.into())];
    let (shape, counts): (&str, Vec<(&str, u32)>) = match swarm.shape {
        Shape::Flat { workers } => ("flat", vec![("workers", workers)]),
        Shape::Hybrid { coordinators, workers } => {
            ("hybrid", vec![("coordinators", coordinators), ("workers", workers)])
        }
        Shape::Deep { level_1, level_2, workers } => {
            ("deep", vec![("level_1", level_1), ("level_2", level_2), ("workers", workers)])
        }
    };
    config.push(("shape".to_owned(), shape.into()));
    config.extend(counts.into_iter().map(|(key, count)| (key.to_owned(), count.into())));
    config.extend(swarm.options.iter().cloned());
    if let Some(bus) = &swarm.bus {
        let default = |key| tables::SWARM.default_count(key);
        config.push(("bus".to_owned(), "files".into()));
        config.push(("shards".to_owned(), bus.shards.unwrap_or_else(|| default("shards")).into()));
        config.push(("persist".to_owned(), bus.persist.unwrap_or(false).into()));
    }
    for (key, value) in defaults() {
        if !config.iter().any(|(written, _)| *written == key) {
            config.push((key, value));
        }
    }
    if !swarm.defects.is_empty() {
        config.push(("defects".to_owned(), sorted(swarm.defects.iter().cloned())));
    }
    sorted(config.into_iter())
}

/// The defaults of the table, under the names that the runtime has for them.
fn defaults() -> impl Iterator<Item = (String, Json)> {
    tables::SWARM.fields.iter().filter(|field| !BUS_KEYS.contains(&field.key)).filter_map(|field| {
        let (Value::Scalar(scalar), Presence::Default(text)) = (&field.value, &field.presence) else {
            return None;
        };
        Some(match scalar {
            Scalar::Flag => (field.key.to_owned(), (*text == "true").into()),
            Scalar::Duration { .. } => {
                (format!("{}_ms", field.key), (quantity::duration(text).ok()? / MS).into())
            }
            _ => (field.key.to_owned(), quantity::count(text).ok()?.into()),
        })
    })
}

fn in_words(shape: Shape) -> String {
    let count = |n: u32, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    match shape {
        Shape::Flat { workers } => format!("flat: 1 coordinator, {}", count(workers, "worker")),
        Shape::Hybrid { coordinators, workers } => {
            format!("hybrid: 1 master, {}, {}", count(coordinators, "coordinator"), count(workers, "worker"))
        }
        Shape::Deep { level_1, level_2, workers } => format!(
            "deep: 1 master, {level_1} + {} in two levels, {}",
            count(level_2, "coordinator"),
            count(workers, "worker")
        ),
    }
}
