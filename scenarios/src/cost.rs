//! What a plan needs of a host, and what it costs on disk: estimates, made to be a little too high.

use evidence::segment;
use evidence::tier::Retention;

use crate::plan::{Enclosure, FaultKind, Plan, Shape};
use crate::retention;

/// What a plan needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Processes at the same time: agents, and four beside them (the runtime's gateway and spawner, the
    /// guardian, the harness).
    pub processes: u64,
    /// Descriptors that one process may come to hold: a coordinator that is left alone holds one per agent.
    pub descriptors: u64,
    /// Memory of everything together, in bytes.
    pub memory_bytes: u64,
    /// What only a privileged user may do, in words; empty where none of it is needed.
    pub privileges: Vec<String>,
    /// What the run directory will hold, in bytes.
    pub disk_bytes: u64,
}

/// Processes of a run that are no agents.
const SUPPORT: u64 = 4;
/// Descriptors of a process beside those for its peers.
const OWN_DESCRIPTORS: u64 = 64;
/// Proportional memory of an agent at work, kernel memory included.
const AGENT_BYTES: u64 = 200 << 10;
/// The harness, the guardian and the runtime's own processes.
const SUPPORT_BYTES: u64 = 96 << 20;

/// Bytes of one row of each file, a little above what a test measures for the values of a month's run.
mod row {
    /// `samples.csv`, the agents of one role.
    pub(super) const SAMPLE: u64 = 150;
    /// The same of the other groups: few processes, or the host, of which most columns are empty.
    pub(super) const OTHER_SAMPLE: u64 = 90;
    /// `processes.csv`, one process.
    pub(super) const PROCESS: u64 = 100;
    /// `intervals.csv`, one interval with single tasks.
    pub(super) const INTERVAL: u64 = 150;
    /// The same with rounds only: most columns are zero.
    pub(super) const ROUNDS_INTERVAL: u64 = 75;
    /// `rounds.csv`, one round.
    pub(super) const ROUND: u64 = 100;
    /// `events.jsonl`, an agent that comes or goes.
    pub(super) const MEMBER: u64 = 150;
    /// `events.jsonl` and `faults.journal`, one victim of a fault with what was read back.
    pub(super) const VICTIM: u64 = 1_500;
    /// Manifest, plan, scenario, end, verdict and reports together.
    pub(super) const FIXED: u64 = 1 << 20;
}

/// What this plan needs and costs.
#[must_use]
pub fn of(plan: &Plan) -> Needs {
    let agents = plan.target.agents.map_or(0, |agents| u64::from(agents.all()));
    Needs {
        processes: agents + SUPPORT,
        descriptors: agents + OWN_DESCRIPTORS,
        memory_bytes: (agents * AGENT_BYTES + SUPPORT_BYTES).saturating_add(taken(plan)),
        privileges: privileges(plan),
        disk_bytes: disk(plan, agents),
    }
}

/// What a fault needs beyond signals to children of the user's own and their soft limits, in words.
fn privilege(kind: &FaultKind) -> Option<&'static str> {
    Some(match kind {
        FaultKind::Freeze {} => "a freezer cgroup that may be written (root, or one that is delegated)",
        FaultKind::OutOfMemory { .. } => {
            "a memory cgroup that may be written (root, or one that is delegated)"
        }
        FaultKind::MemoryStall { .. } => "a memory cgroup of version 1 that may be written (root)",
        FaultKind::Processes { .. } => "a pids cgroup that may be written (root, or one that is delegated)",
        FaultKind::CpuQuota { .. } => "a cpu cgroup that may be written (root, or one that is delegated)",
        FaultKind::ConnectionKill { .. } => "root in the network namespaces of the target",
        _ => return None,
    })
}

/// What making the enclosure needs.
fn enclosure_privileges(enclosure: &Enclosure) -> Vec<&'static str> {
    let mut needed = Vec::new();
    if let Some(bus) = &enclosure.bus {
        if bus.bytes.is_some() {
            needed.push("root, or user namespaces, for a bus directory with a limit");
        }
        if bus.intercepted {
            needed.push("/dev/fuse for faults of single file operations");
        }
    }
    if enclosure.network.is_some() {
        needed.push("root, or user namespaces, for hosts of the target's own");
        needed.push("/dev/net/tun for packets between them");
    }
    needed
}

/// Each once, in the order in which they come up.
fn privileges(plan: &Plan) -> Vec<String> {
    let mut needed = enclosure_privileges(&plan.target.enclosure);
    needed.extend(plan.faults.iter().filter_map(|fault| privilege(&fault.kind)));
    let mut each: Vec<String> = Vec::new();
    for privilege in needed {
        if !each.iter().any(|known| known == privilege) {
            each.push(privilege.to_owned());
        }
    }
    each
}

/// Memory that the bus directory and faults may take beside the agents, in bytes.
fn taken(plan: &Plan) -> u64 {
    let bus = plan.target.enclosure.bus.as_ref().and_then(|bus| bus.bytes).unwrap_or(0);
    let fault = |kind: &FaultKind, victims: u64| match kind {
        FaultKind::MemoryHog { bytes, .. } => *bytes,
        FaultKind::OutOfMemory { limit } | FaultKind::MemoryStall { limit } => limit.saturating_mul(victims),
        _ => 0,
    };
    let most =
        plan.faults.iter().map(|f| fault(&f.kind, f.victims.as_ref().map_or(0, |v| v.places.len() as u64)));
    bus.saturating_add(most.max().unwrap_or(0))
}

/// What the run directory will hold, in bytes, by the form in which a run of this length is kept.
fn disk(plan: &Plan, agents: u64) -> u64 {
    let kept = retention::of(plan);
    let ticks = |every: u64| retention::length_ns(plan) / every.max(1) + 2;
    let processes = retention::processes(plan);
    let tick = retention::roles(plan) * row::SAMPLE + 3 * row::OTHER_SAMPLE;
    let interval = if plan.workload.arrivals.is_some() { row::INTERVAL } else { row::ROUNDS_INTERVAL };
    let samples = in_segments(ticks(plan.sample.every_ns) * tick, !kept.samples_ns.is_empty());
    let sample_tiers: u64 = kept.samples_ns.iter().map(|ns| ticks(*ns) * 3 * tick).sum();
    let rows = ticks(plan.sample.slow_every_ns) * processes * row::PROCESS;
    let readings = in_segments(rows, kept.processes_ns.is_some());
    let stretches = kept.processes_ns.map_or(0, ticks);
    // The readings with a mark: those of the points of rest, the baseline and the last.
    let marked = plan.soak.quiesce.map_or(0, |rest| plan.load_ends_ns() / rest.every_ns.max(1)) + 2;
    let process_tier = (stretches + marked) * processes * row::PROCESS;
    let rounds = plan.workload.rounds.as_ref().map_or(0, |rounds| plan.load_ends_ns() / rounds.every_ns + 1);
    // A victim may be replaced: it goes, it comes, its children move and move back.
    let victims: u64 =
        plan.faults.iter().map(|fault| fault.victims.as_ref().map_or(1, |v| v.places.len() as u64)).sum();
    let orphans = plan.target.agents.map_or(0, |a| u64::from(a.worker / a.coordinator.max(1)));
    row::FIXED
        + samples
        + sample_tiers
        + readings
        + process_tier
        + ticks(kept.interval_ns) * interval
        + histograms(plan, &kept)
        + rounds * row::ROUND
        + agents * row::MEMBER
        + victims * (row::VICTIM + 2 * (1 + orphans) * row::MEMBER)
}

/// What is there of a file of so many bytes; of one in segments, those that are kept and half of the one that is
/// written.
fn in_segments(bytes: u64, bounded: bool) -> u64 {
    let most = segment::BYTES * segment::KEPT + segment::BYTES / 2;
    if bounded { bytes.min(most) } else { bytes }
}

/// `latency.hlog` and its tier.
fn histograms(plan: &Plan, kept: &Retention) -> u64 {
    let load_ns = plan.load_ends_ns();
    let of_length = |length_ns: u64| {
        let length_s = seconds(length_ns);
        let (tasks, rounds) = (tasks_per_second(plan) * length_s, rounds_per_second(plan) * length_s);
        [tasks, rounds].into_iter().filter(|n| *n > 0.0).map(|n| 2 * histogram(n)).sum::<u64>()
    };
    let raw = load_ns / kept.interval_ns * of_length(kept.interval_ns);
    let fine_ns: u64 = kept.fine_ns.iter().map(|(from, to)| to - from).sum();
    let tier = kept.latency_ns.map_or(0, |stretch_ns| {
        fine_ns.min(load_ns) / kept.interval_ns * of_length(kept.interval_ns)
            + load_ns.saturating_sub(fine_ns) / stretch_ns * of_length(stretch_ns)
    });
    in_segments(raw, kept.latency_ns.is_some()) + tier
}

/// Bytes of a line with this many values, of which the logarithm spreads normally by 0.4: a target that answers
/// within one order of magnitude. A fit to what the writer made of 1 to 30,000 of them, which a test holds it to.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size of some thousands")]
fn histogram(values: f64) -> u64 {
    let bytes = if values <= 3_000.0 {
        80.0 + 24.0 * values.max(1.0).sqrt()
    } else {
        1_400.0 * (values / 3_000.0).powf(0.3)
    };
    bytes as u64
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

fn rounds_per_second(plan: &Plan) -> f64 {
    plan.workload.rounds.as_ref().map_or(0.0, |rounds| 1.0 / seconds(rounds.every_ns.max(1)))
}

/// Tasks of rounds and single ones, on average over the load.
fn tasks_per_second(plan: &Plan) -> f64 {
    let workers = plan.target.agents.map_or(0.0, |agents| f64::from(agents.worker));
    let singles = plan.workload.arrivals.as_ref().map_or(0.0, |arrivals| {
        let rate = |shape: &Shape| match *shape {
            Shape::Constant { per_second } | Shape::Poisson { per_second } => per_second,
            Shape::Ramp { from, to } => f64::midpoint(from, to),
            Shape::Burst { count, every_ns } => f64::from(count) / seconds(every_ns.max(1)),
            Shape::Silence {} => 0.0,
        };
        let all = arrivals.segments.iter().map(|s| rate(&s.shape) * seconds(s.length_ns)).sum::<f64>();
        all / seconds(plan.load_ends_ns().max(1))
    });
    rounds_per_second(plan) * workers + singles
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use evidence::latency::{self, IntervalHistogram, Series};
    use evidence::layout;
    use evidence::round::{Interval, IntervalWriter, Round, RoundWriter};
    use evidence::sample::{Group, Mark, Process, ProcessWriter, Sample, SampleWriter};

    use super::row;

    /// A moment at the end of a month, in nanoseconds.
    const LATE: u64 = 2_592_000_123_456_789;
    const ROWS: u64 = 100;

    /// Bytes that each row of a file took, its head not counted.
    fn bytes(run: &Path, file: layout::File, head: u64) -> u64 {
        (std::fs::metadata(file.within(run)).unwrap().len() - head) / ROWS
    }

    fn head(run: &Path, file: layout::File) -> u64 {
        std::fs::metadata(file.within(run)).unwrap().len()
    }

    fn sample() -> Sample {
        Sample {
            processes: 2_000,
            rss_sum: Some(4_123_456_789),
            rss_max: Some(12_345_678),
            private_sum: Some(412_345_678),
            private_max: Some(1_234_567),
            descriptors_sum: Some(12_345),
            descriptors_max: Some(2_012),
            threads_sum: Some(2_000),
            threads_max: Some(1),
            cpu_ns: Some(123_456_789_012_345),
            major_faults: Some(1_234),
            swap: Some(0),
            ..Sample::empty(LATE, Group::Coordinator)
        }
    }

    fn process() -> Process {
        Process {
            at_ns: LATE,
            mark: Mark::Tick,
            group: Group::Worker,
            agent: Some(1_999),
            epoch: Some(12),
            pid: 1_234_567,
            rss: Some(12_345_678),
            private: Some(1_234_567),
            pss: Some(234_567),
            descriptors: Some(12),
            threads: Some(1),
            cpu_ns: Some(123_456_789_012),
        }
    }

    fn round() -> Round {
        Round {
            round: 259_200,
            phase: "hold".to_owned(),
            due_ns: LATE,
            started_ns: Some(LATE),
            ended_ns: Some(LATE),
            expected: 2_000,
            refused: 0,
            delivered: 2_000,
            late: 0,
            timed_out: 0,
            duplicated: 0,
            target_ns: Some(12_345_678),
        }
    }

    fn interval() -> Interval {
        let busy = 1_234_567;
        Interval {
            at_ns: LATE,
            length_ns: 10_000_123_456,
            phase: "hold".to_owned(),
            due: busy,
            sent: busy,
            acknowledged: busy,
            answered: busy,
            open: 2_000,
            ..Interval::default()
        }
    }

    #[test]
    fn a_row_takes_no_more_than_estimated_and_more_than_half_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path();
        let fits = |file: layout::File, head: u64, estimate: u64| {
            let found = bytes(run, file, head);
            assert!(found <= estimate && found > estimate / 2, "{}: {found}, not {estimate}", file.name);
        };
        macro_rules! measure {
            ($writer:ty, $file:expr, $row:expr, $estimate:expr) => {
                let mut writer = <$writer>::create(&$file.within(run)).unwrap();
                writer.append(&$row).unwrap();
                writer.flush().unwrap();
                let first = head(run, $file);
                (0..ROWS).for_each(|_| writer.append(&$row).unwrap());
                writer.flush().unwrap();
                fits($file, first, $estimate);
            };
        }
        measure!(SampleWriter, layout::SAMPLES, sample(), row::SAMPLE);
        measure!(ProcessWriter, layout::PROCESSES, process(), row::PROCESS);
        measure!(RoundWriter, layout::ROUNDS, round(), row::ROUND);
        measure!(IntervalWriter, layout::INTERVALS, interval(), row::INTERVAL);
    }

    #[test]
    fn a_histogram_takes_what_is_estimated_within_a_fifth() {
        for values in [1_u32, 10, 60, 100, 500, 3_000, 30_000] {
            let folder = tempfile::tempdir().unwrap();
            let mut histogram = latency::empty();
            // Twelve uniform numbers less six are a normal one, near enough.
            let mut state = 12_345_u64;
            let mut uniform = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 11) as f64 / (1_u64 << 53) as f64
            };
            for _ in 0..values {
                let normal: f64 = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
                latency::record(&mut histogram, (3e6 * (0.4 * normal).exp()) as u64);
            }
            let mut writer = latency::Writer::create(folder.path()).unwrap();
            writer.flush().unwrap();
            let first = head(folder.path(), layout::LATENCY);
            let (at_ns, length_ns) = (LATE, 600_000_000_000);
            let one = IntervalHistogram { series: Series::Response, at_ns, length_ns, histogram };
            (0..ROWS).for_each(|_| writer.append(&one).unwrap());
            writer.flush().unwrap();
            let (found, estimate) =
                (bytes(folder.path(), layout::LATENCY, first), super::histogram(f64::from(values)));
            assert!(found.abs_diff(estimate) * 5 <= found, "{values}: {found}, not {estimate}");
        }
    }
}
