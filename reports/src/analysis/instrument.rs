//! How well the harness did its own work: whether what it wrote down can be trusted.

use evidence::end::{Drain, How, Ledger, Shed};
use evidence::event::Fact;
use evidence::sample::{Group, Sample};

use super::load;
use super::resources::cores;
use super::{Basis, Findings, Measured, Of, number, seconds};
use crate::reading::Evidence;

/// The harness in numbers. What a run that crashed could not say is absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Instrument {
    /// Whether the target had told that it was ready.
    pub ready: bool,
    /// How the target's process ended without having been asked.
    pub target_exit: Option<String>,
    /// How late the harness was for something that was due, greatest, in seconds.
    pub lag_s: Option<f64>,
    /// The shortest time after which a task is late, in seconds.
    pub timeout_s: Option<f64>,
    /// Records that could not be written.
    pub dropped_records: Option<u64>,
    /// What is not as it was when the run ended.
    pub damage: Option<String>,
    /// What was due and not started.
    pub shed: Option<Shed>,
    /// The drain barrier; absent where the run did not come to it.
    pub drain: Option<Drain>,
    /// The ledger; absent for a run that crashed.
    pub ledger: Option<Ledger>,
    /// Tasks sent, and those of them answered in time or late.
    pub tasks: Option<(u64, u64)>,
    /// Whether there was any work to account for.
    pub has_work: bool,
    /// Sampling ticks taken in time, as a share of those planned.
    pub samples: Option<f64>,
    /// The longest time without a sample while the target was there, in sampling intervals.
    pub widest_gap: Option<f64>,
}

pub(super) fn find(evidence: &Evidence, findings: &mut Findings) -> Instrument {
    let (own, peaks) = (of_harness(&evidence.samples), of_harness(evidence.peaks()));
    let n = own.len() as u64;
    for (name, read) in [
        ("harness.memory.max", (|s| s.private_max) as fn(&Sample) -> Option<u64>),
        ("harness.descriptors.max", |s| s.descriptors_max),
    ] {
        if let Some(max) = peaks.iter().filter_map(|s| read(s)).max() {
            findings.put(name, Of::default(), Measured::exact(Basis::Samples, n, number(max)));
        }
    }
    if let Some(cores) = cores(&own) {
        findings.put("harness.cpu.cores", Of::default(), cores);
    }
    let end = evidence.end.as_ref();
    let samples =
        end.filter(|e| e.ticks.planned > 0).map(|e| number(e.ticks.in_time) / number(e.ticks.planned));
    if let Some(end) = end {
        let lag = Measured::exact(Basis::End, 1, seconds(end.lag_ns));
        findings.put("harness.lag.max", Of::default(), lag);
        findings.fact("harness.dropped", Basis::End, 1, Some(end.dropped_records));
        if let Some(share) = samples {
            let coverage = Measured::exact(Basis::End, end.ticks.planned, share);
            findings.put("samples.coverage", Of::default(), coverage);
        }
    }
    let workload = &evidence.manifest.workload;
    Instrument {
        ready: evidence.ready_ns().is_some(),
        target_exit: target_exit(evidence),
        lag_s: end.map(|e| seconds(e.lag_ns)),
        timeout_s: workload.timeout_ns.map(seconds),
        dropped_records: end.map(|e| e.dropped_records),
        damage: end.and_then(|e| e.damage(&evidence.run)),
        shed: end.map(|e| e.shed),
        drain: end.and_then(|e| e.drain),
        ledger: end.map(|e| e.ledger),
        tasks: end.map(|e| (e.ledger.sent, e.ledger.in_time.saturating_add(e.ledger.late))),
        has_work: workload.arrivals || workload.rounds_every_ns.is_some(),
        samples,
        widest_gap: widest_gap(evidence),
    }
}

fn of_harness(samples: &[Sample]) -> Vec<&Sample> {
    samples.iter().filter(|s| s.group == Group::Harness).collect()
}

fn target_exit(evidence: &Evidence) -> Option<String> {
    let by_fate = evidence.end.as_ref().and_then(|end| match &end.how {
        How::TargetFailed { why } => Some(why.clone()),
        _ => None,
    });
    by_fate.or_else(|| {
        evidence.events.iter().find_map(|e| match &e.fact {
            Fact::TargetExited { status, asked: false } => Some(status.clone()),
            _ => None,
        })
    })
}

/// The longest time between two ticks, in planned intervals; of the rows that stand for many, in theirs. While the harness was dead there could be none, which
/// is told as an interruption.
fn widest_gap(evidence: &Evidence) -> Option<f64> {
    let every = evidence.sampled_every_ns();
    let mut times: Vec<u64> = evidence.samples.iter().map(|s| s.at_ns).collect();
    times.sort_unstable();
    times.dedup();
    let unseen = load::interruptions(evidence);
    let seen = |pair: &[u64]| (pair[1] - pair[0]).saturating_sub(unseen.within(pair[0], pair[1]));
    let widest = times.windows(2).map(seen).max()?;
    (every > 0).then(|| seconds(widest) / seconds(every))
}
