//! Rows of the tables with the values that are expected of a plan: an estimated row is as long as the writer makes it.
//!
//! What a process holds was read of the bundled runtime; a digit more or less in one of a dozen columns is all that
//! another target changes.

use evidence::round::{Interval, Round};
use evidence::row_bytes;
use evidence::sample::{Group, Mark, Process, Sample};

use super::load::Stretch;
use crate::plan::Plan;

/// What one process of a group holds: resident, private and proportional memory in bytes, descriptors, threads, and
/// the share of a core that it uses, in thousandths.
struct Held {
    rss: u64,
    private: u64,
    pss: u64,
    descriptors: u64,
    threads: u64,
    cpu: u64,
}

/// As read of a swarm of some hundred agents at work.
fn held(group: Group) -> Held {
    match group {
        Group::Worker => {
            Held { rss: 2_200_000, private: 450_000, pss: 110_000, descriptors: 5, threads: 1, cpu: 1 }
        }
        Group::Master | Group::Coordinator => {
            Held { rss: 2_500_000, private: 550_000, pss: 220_000, descriptors: 60, threads: 1, cpu: 8 }
        }
        Group::Support => {
            Held { rss: 6_000_000, private: 700_000, pss: 1_400_000, descriptors: 13, threads: 1, cpu: 8 }
        }
        Group::Harness | Group::Host => {
            Held { rss: 14_000_000, private: 5_200_000, pss: 9_700_000, descriptors: 28, threads: 3, cpu: 40 }
        }
    }
}

/// A group of so many processes at this time. `dear`: with proportional memory. `ticks`: for which the row stands.
pub(super) fn sample(group: Group, processes: u32, at_ns: u64, dear: bool, ticks: u32) -> u64 {
    let (held, count) = (held(group), u64::from(processes));
    let read = count.min(evidence::sample::PSS_PER_GROUP as u64);
    if group == Group::Host {
        return row_bytes(&Sample {
            cpu_ns: Some(at_ns / 2),
            major_faults: Some(500),
            swap: Some(0),
            available: Some(20_000_000_000),
            load: Some(0.55),
            ticks,
            ..Sample::empty(at_ns, group)
        });
    }
    row_bytes(&Sample {
        processes,
        rss_sum: Some(count * held.rss),
        rss_max: Some(held.rss),
        private_sum: Some(count * held.private),
        private_max: Some(held.private),
        pss_sum: dear.then_some(read * held.pss),
        pss_max: dear.then_some(held.pss),
        pss_processes: dear.then_some(u32::try_from(read).unwrap_or(u32::MAX)),
        descriptors_sum: Some(count * held.descriptors),
        descriptors_max: Some(held.descriptors),
        threads_sum: Some(count * held.threads),
        threads_max: Some(held.threads),
        cpu_ns: Some(at_ns / 1000 * held.cpu * count),
        major_faults: Some(0),
        swap: Some(0),
        ticks,
        ..Sample::empty(at_ns, group)
    })
}

/// A process of this group at this time, where it is an agent one of number `agent`. `pss`: with proportional memory.
pub(super) fn process(group: Group, agent: Option<u32>, at_ns: u64, pss: bool) -> u64 {
    let held = held(group);
    row_bytes(&Process {
        at_ns,
        mark: Mark::Tick,
        group,
        agent,
        epoch: agent.map(|_| 1),
        pid: 100_000,
        rss: Some(held.rss),
        private: Some(held.private),
        pss: pss.then_some(held.pss),
        descriptors: Some(held.descriptors),
        threads: Some(held.threads),
        cpu_ns: Some(at_ns / 1000 * held.cpu),
    })
}

/// A round of this load in the middle of the run.
pub(super) fn round(plan: &Plan, stretch: &Stretch) -> u64 {
    let at_ns = plan.load_ends_ns() / 2;
    let tasks = whole(stretch.workers) as u32;
    row_bytes(&Round {
        round: at_ns / plan.workload.rounds.as_ref().map_or(1, |rounds| rounds.every_ns.max(1)),
        phase: "hold".to_owned(),
        due_ns: at_ns,
        started_ns: Some(at_ns),
        ended_ns: Some(at_ns),
        expected: tasks,
        refused: 0,
        delivered: tasks,
        late: 0,
        timed_out: 0,
        duplicated: 0,
        target_ns: Some(10_000_000),
    })
}

/// An interval of this length and load in the middle of the run.
pub(super) fn interval(plan: &Plan, stretch: &Stretch, length_ns: u64) -> u64 {
    let length_s = super::load::seconds(length_ns);
    let tasks = whole(stretch.tasks(length_s));
    row_bytes(&Interval {
        at_ns: plan.load_ends_ns() / 2,
        length_ns,
        phase: "hold".to_owned(),
        due: whole(stretch.singles_per_s * length_s),
        sent: tasks,
        acknowledged: tasks,
        answered: tasks,
        failed: vec![0],
        ..Interval::default()
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count that is far below 2^53")]
fn whole(count: f64) -> u64 {
    count.round() as u64
}
