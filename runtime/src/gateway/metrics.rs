//! What the gateway measures: gauges for the harness, and `metrics.jsonl` in four families of fixed schema
//! (`runtime/metrics.schema.json`).

mod lines;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use hdrhistogram::Histogram;
use protocol::Report;

use super::running::Running;
use crate::bus::AnswerHead;
use crate::clock::now_ns;
use crate::config::Config;

/// Counters since the launch and latencies since the last set of lines.
#[derive(Debug)]
pub(super) struct Metrics {
    file: Option<BufWriter<File>>,
    interval_ns: u64,
    next_ns: Option<u64>,
    rounds: u64,
    sent: u64,
    answered: u64,
    repeated: u64,
    refused: u64,
    send: Histogram<u64>,
    receive: Histogram<u64>,
    spawn: Histogram<u64>,
    coordinate: Histogram<u64>,
}

impl Metrics {
    pub(super) fn new(config: &Config, file: Option<&Path>) -> std::io::Result<Self> {
        let file = file.map(File::create).transpose()?.map(BufWriter::new);
        let histogram = || Histogram::new(2).expect("two digits are allowed");
        Ok(Self {
            file,
            interval_ns: config.metrics_interval_ms * 1_000_000,
            next_ns: None,
            rounds: 0,
            sent: 0,
            answered: 0,
            repeated: 0,
            refused: 0,
            send: histogram(),
            receive: histogram(),
            spawn: histogram(),
            coordinate: histogram(),
        })
    }

    /// The swarm is ready: from now on there is something to write.
    pub(super) fn start(&mut self, now: u64) {
        self.next_ns = Some(now + self.interval_ns);
    }

    pub(super) fn next_ns(&self) -> Option<u64> {
        self.next_ns
    }

    pub(super) fn sent(&mut self) {
        self.sent += 1;
    }

    pub(super) fn refused(&mut self, tasks: u32) {
        self.refused += u64::from(tasks);
    }

    /// An answer that was known already.
    pub(super) fn repeated(&mut self) {
        self.repeated += 1;
    }

    pub(super) fn answered(&mut self, head: &AnswerHead, now: u64) {
        self.answered += 1;
        self.send.saturating_record(u64::from(head.transit_us));
        self.receive.saturating_record(now.saturating_sub(head.answered_ns) / 1_000);
    }

    pub(super) fn spawned(&mut self, took_ns: u64) {
        self.spawn.saturating_record(took_ns / 1_000);
    }

    pub(super) fn on_round(&mut self, round: &Report) {
        if let Report::Round { elapsed_ns, .. } = round {
            self.rounds += 1;
            self.coordinate.saturating_record(elapsed_ns / 1_000);
        }
    }
}

impl Running {
    /// Everything that the swarm counts, by name.
    pub(super) fn gauges(&self) -> BTreeMap<String, f64> {
        let (table, shape) = (self.swarm.table, self.swarm.config.shape);
        let (head, rules) = (table.head(), self.swarm.rules);
        let read =
            |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
        let waiting: u64 = (0..shape.inner()).map(|agent| table.slot(agent).waiting()).sum();
        let counts = [
            ("effects", self.effects()),
            ("agents.expected", u64::from(shape.agents())),
            ("agents.attached", self.members.attached() as u64),
            ("agents.spawned", read(&head.spawned)),
            ("spawn_retries", read(&head.spawn_retries)),
            ("leader", u64::from(table.leader().agent)),
            ("term", u64::from(table.leader().turn)),
            ("elections", self.recovery.elections),
            ("reassignments", self.recovery.reassignments),
            ("leases_extended", read(&head.leases_extended)),
            ("tasks.outstanding", self.book.len() as u64),
            ("tasks.abandoned", self.book.abandoned),
            ("queue.longest", u64::from(self.book.longest())),
            ("queue.bytes", waiting + self.held_bytes() as u64),
            ("sent", self.metrics.sent),
            ("answered", self.metrics.answered),
            ("retried", self.book.retried),
            ("repeated", self.metrics.repeated),
            ("refused_inbox", self.metrics.refused),
            ("refused_stale", read(&head.refused_stale)),
            ("unrouted", read(&head.unrouted)),
            ("exhausted.descriptors", read(&head.exhausted_descriptors)),
            ("exhausted.work", read(&head.exhausted_work)),
            ("bus.corrupt", read(&rules.corrupt)),
            ("bus.repeated", read(&rules.repeated)),
            ("bus.reordered", read(&rules.reordered)),
            ("bus.missing", read(&rules.missing)),
            ("bus_errors", self.bus_errors()),
            ("bus_waiting", waiting + self.held_bytes() as u64),
            ("bus_aside", self.swarm.spool.map_or(0, |spool| read(&spool.counts().aside))),
        ];
        let mut gauges: BTreeMap<String, f64> =
            counts.into_iter().map(|(name, count)| (name.to_owned(), count as f64)).collect();
        if self.swarm.config.defects.false_gauges {
            gauges.extend([
                ("effects".to_owned(), (self.effects() / 2) as f64),
                ("tasks.outstanding".to_owned(), 0.0),
            ]);
        }
        gauges.extend(self.handled().map(|(agent, count)| (format!("handled.{agent}"), count as f64)));
        gauges
    }

    /// All executions, those of dead workers included.
    fn effects(&self) -> u64 {
        let workers = self.swarm.config.shape.workers();
        self.effects_past + workers.map(|worker| self.swarm.table.slot(worker).executed()).sum::<u64>()
    }

    /// How many answers of its own workers each agent has passed on, for those that have workers.
    fn handled(&self) -> impl Iterator<Item = (u32, u64)> {
        let (table, shape) = (self.swarm.table, self.swarm.config.shape);
        let lowest = shape.level(shape.workers().start) - 1;
        (0..shape.inner())
            .map(move |agent| (agent, table.slot(agent).handled()))
            .filter(move |(agent, count)| shape.level(*agent) == lowest || *count > 0)
    }

    /// Writes one line for each family, and tells the harness how the work is spread.
    pub(super) fn write_metrics(&mut self, now: u64) {
        self.metrics.next_ns = Some(now + self.metrics.interval_ns);
        let at_ns = now_ns();
        let handled: Vec<(u32, u64)> = self.handled().collect();
        for (agent, count) in handled {
            let name = format!("handled.{agent}");
            self.reports.push(Report::Gauge { name, value: count as f64, at_ns });
        }
        if self.metrics.file.is_none() {
            return;
        }
        let lines = self.metric_lines(at_ns);
        let Some(file) = &mut self.metrics.file else { return };
        let written = lines.iter().try_for_each(|line| {
            serde_json::to_writer(&mut *file, line)?;
            file.write_all(b"\n")
        });
        if let Err(error) = written.and_then(|()| file.flush()) {
            let message = format!("metrics are no longer written: {error}");
            self.reports.push(Report::Error { message });
            self.metrics.file = None;
        }
        for histogram in [
            &mut self.metrics.send,
            &mut self.metrics.receive,
            &mut self.metrics.spawn,
            &mut self.metrics.coordinate,
        ] {
            histogram.reset();
        }
    }
}
