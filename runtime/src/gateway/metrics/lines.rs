//! The lines of `metrics.jsonl`: one for each family, all with the same head.

use std::collections::BTreeMap;
use std::fs;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::gateway::running::Running;
use crate::process::resident_kib;

/// The version of the schema.
const SCHEMA: u32 = 1;

/// One line.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    schema: u32,
    at_ns: u64,
    #[serde(flatten)]
    family: Family,
}

#[derive(Debug, Serialize)]
#[serde(tag = "family", rename_all = "snake_case")]
enum Family {
    Coordination {
        leader: u32,
        term: u32,
        rounds: u64,
        elections: u64,
        reassignments: u64,
        leases_extended: u64,
        coordinate_us: Latency,
    },
    MessageBus {
        sent: u64,
        answered: u64,
        retried: u64,
        repeated: u64,
        refused_inbox: u64,
        refused_stale: u64,
        unrouted: u64,
        queue_longest: u32,
        queue_bytes: u64,
        send_us: Latency,
        receive_us: Latency,
    },
    Agent {
        expected: u32,
        attached: u32,
        spawned: u64,
        spawn_retries: u64,
        executed: u64,
        outstanding: u64,
        handled: BTreeMap<u32, u64>,
        spawn_us: Latency,
    },
    System {
        load_1m: f64,
        memory_available_kib: u64,
        gateway_resident_kib: u64,
        gateway_cpu_ms: u64,
    },
}

/// Latencies of one interval, in microseconds.
#[derive(Debug, Serialize)]
struct Latency {
    count: u64,
    p50: u64,
    p99: u64,
    max: u64,
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            count: histogram.len(),
            p50: histogram.value_at_quantile(0.50),
            p99: histogram.value_at_quantile(0.99),
            max: histogram.max(),
        }
    }
}

impl Running {
    pub(super) fn metric_lines(&self, at_ns: u64) -> [Line; 4] {
        let families = [self.coordination(), self.message_bus(), self.agent(), system()];
        families.map(|family| Line { schema: SCHEMA, at_ns, family })
    }

    fn coordination(&self) -> Family {
        let head = self.swarm.table.head();
        let leader = self.swarm.table.leader();
        Family::Coordination {
            leader: leader.agent,
            term: leader.turn,
            rounds: self.metrics.rounds,
            elections: self.recovery.elections,
            reassignments: self.recovery.reassignments,
            leases_extended: head.leases_extended.load(std::sync::atomic::Ordering::Relaxed),
            coordinate_us: Latency::of(&self.metrics.coordinate),
        }
    }

    fn message_bus(&self) -> Family {
        let (table, inner) = (self.swarm.table, self.swarm.config.shape.inner());
        let waiting: u64 = (0..inner).map(|agent| table.slot(agent).waiting()).sum();
        let read =
            |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
        Family::MessageBus {
            sent: self.metrics.sent,
            answered: self.metrics.answered,
            retried: self.book.retried,
            repeated: self.metrics.repeated,
            refused_inbox: self.metrics.refused,
            refused_stale: read(&table.head().refused_stale),
            unrouted: read(&table.head().unrouted),
            queue_longest: self.book.longest(),
            queue_bytes: waiting + self.held_bytes() as u64,
            send_us: Latency::of(&self.metrics.send),
            receive_us: Latency::of(&self.metrics.receive),
        }
    }

    fn agent(&self) -> Family {
        let head = self.swarm.table.head();
        let read =
            |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
        Family::Agent {
            expected: self.swarm.config.shape.agents(),
            attached: self.members.attached() as u32,
            spawned: read(&head.spawned),
            spawn_retries: read(&head.spawn_retries),
            executed: self.effects(),
            outstanding: self.book.len() as u64,
            handled: self.handled().collect(),
            spawn_us: Latency::of(&self.metrics.spawn),
        }
    }
}

fn system() -> Family {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    Family::System {
        load_1m: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0),
        memory_available_kib: available
            .and_then(|kib| kib.split_whitespace().next()?.parse().ok())
            .unwrap_or(0),
        gateway_resident_kib: resident_kib(),
        gateway_cpu_ms: crate::clock::thread_cpu_ns() / 1_000_000,
    }
}
