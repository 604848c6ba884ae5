//! What is watched, from what the run knows at a tick and at the end of an interval.

use evidence::role::Role;
use evidence::sample::{Group, Mark, Sample};
use scenarios::plan::{Alert, Live};

use crate::dispatcher::command::Commands;
use crate::dispatcher::event::TickSummary;
use crate::dispatcher::state::State;
use crate::ledger::Kind;

/// What was known at the end of the interval before, and of the rounds of this one.
#[derive(Debug, Default)]
pub(super) struct Interval {
    sent: u64,
    in_time: u64,
    in_flight: u64,
    shed: u64,
    slowest_round_ns: Option<u64>,
}

impl State {
    /// The processes were read.
    pub(in crate::dispatcher) fn watch_tick(
        &mut self,
        reading: &TickSummary,
        mark: Option<Mark>,
        out: &mut Commands,
    ) {
        for index in 0..self.plan.soak.alerts.len() {
            let alert = &self.plan.soak.alerts[index];
            let growth = &mut self.alerts.watched[index].growth;
            let value = match alert.metric {
                Live::Memory => most(alert, reading, |s| s.private_max),
                Live::Descriptors => most(alert, reading, |s| s.descriptors_max),
                Live::Threads => most(alert, reading, |s| s.threads_max),
                Live::MemoryGrowth => mean(alert, reading, |s| s.private_sum).and_then(|(at_ns, mean)| {
                    growth.share_per_hour(at_ns, mean, mark == Some(Mark::Baseline))
                }),
                Live::DescriptorsGrowth => mean(alert, reading, |s| s.descriptors_sum)
                    .and_then(|(_, mean)| growth.beyond(mean, mark == Some(Mark::Baseline))),
                Live::DiskFree => reading.free_bytes.map(float),
                Live::Available => host(reading).and_then(|s| s.available).map(float),
                Live::Crashed => Some(float(self.incidents.crashes)),
                Live::Delivery | Live::Errors | Live::RoundTime => None,
            };
            if let Some(value) = value {
                self.alert_read(index, value, out);
            }
        }
    }

    /// A round is over that took so long.
    pub(in crate::dispatcher) fn watch_round(&mut self, took_ns: u64) {
        let slowest = &mut self.alerts.interval.slowest_round_ns;
        *slowest = Some(slowest.map_or(took_ns, |so_far| so_far.max(took_ns)));
    }

    /// An interval of the workload is over.
    pub(in crate::dispatcher) fn watch_interval(&mut self, out: &mut Commands) {
        let work = self.ledger.counts().work;
        let now = self.interval_from_now();
        let (in_flight, shed) = (now.in_flight, now.shed);
        let before = std::mem::replace(&mut self.alerts.interval, now);
        // What was sent and is not in flight any more was answered in time or not; what was shed was not.
        let settled = (work.sent + before.in_flight).saturating_sub(before.sent + in_flight);
        let due = settled + shed.saturating_sub(before.shed);
        let delivery = (due > 0).then(|| float(work.in_time - before.in_time) / float(due));
        for index in 0..self.plan.soak.alerts.len() {
            let value = match self.plan.soak.alerts[index].metric {
                Live::Delivery => delivery,
                Live::Errors => delivery.map(|share| (1.0 - share).max(0.0)),
                Live::RoundTime => before.slowest_round_ns.map(|ns| float(ns) / 1e9),
                _ => None,
            };
            if let Some(value) = value {
                self.alert_read(index, value, out);
            }
        }
    }
}

impl State {
    /// What an interval begins with.
    pub(super) fn interval_from_now(&self) -> Interval {
        let work = self.ledger.counts().work;
        Interval {
            sent: work.sent,
            in_time: work.in_time,
            in_flight: self.ledger.in_flight(Kind::Round) + self.ledger.in_flight(Kind::Single),
            shed: self.shed.operations + self.shed.rounds * u64::from(self.workers),
            slowest_round_ns: None,
        }
    }
}

/// The groups of agents that an alert speaks of.
fn groups<'a>(alert: &Alert, reading: &'a TickSummary) -> impl Iterator<Item = &'a Sample> {
    let role = alert.role;
    let watched = move |group: Group| match role {
        Some(role) => group == Group::from(role),
        None => [Role::Master, Role::Coordinator, Role::Worker].into_iter().any(|r| group == Group::from(r)),
    };
    reading.samples.iter().filter(move |s| watched(s.group))
}

fn most(alert: &Alert, reading: &TickSummary, of: impl Fn(&Sample) -> Option<u64>) -> Option<f64> {
    groups(alert, reading).filter_map(of).max().map(float)
}

/// The mean per process, and when it was read.
fn mean(alert: &Alert, reading: &TickSummary, of: impl Fn(&Sample) -> Option<u64>) -> Option<(u64, f64)> {
    let (mut sum, mut processes, mut at_ns) = (0, 0, 0);
    for sample in groups(alert, reading) {
        if let Some(value) = of(sample) {
            (sum, at_ns) = (sum + value, sample.at_ns);
            processes += u64::from(sample.processes);
        }
    }
    (processes > 0).then(|| (at_ns, float(sum) / float(processes)))
}

fn host(reading: &TickSummary) -> Option<&Sample> {
    reading.samples.iter().find(|s| s.group == Group::Host)
}

#[expect(clippy::cast_precision_loss, reason = "counts and bytes, below 2^53")]
fn float(value: u64) -> f64 {
    value as f64
}
