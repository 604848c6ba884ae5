//! How whole the evidence of a run is: how long the load was, where nobody looked, which series there are.

use evidence::event::Fact;
use evidence::sample::{Group, Sample};

use super::load::{self, Load};
use super::resources::TARGET;
use super::spans::Spans;
use super::{Basis, Findings, Measured, Of, number, seconds, unread};
use crate::reading::Evidence;
use crate::statistics::Interval;

/// The share of the load over which a series must have data.
pub(crate) const COVERED: f64 = 0.95;

/// Where there is no sample of anything for longer than [`load::GAP`] sampling intervals, or the harness stood still for as
/// long.
pub(super) fn gaps(evidence: &Evidence, load: &Load) -> Spans {
    let unsampled = load.without(&load::ticks(evidence, |_| true), load::longest_step_ns(evidence));
    let stalled = Spans::new(load::stalls(evidence)).intersection(&load.spans);
    Spans::new(unsampled.all().iter().chain(stalled.all()).copied())
}

/// How often another harness took over.
pub(super) fn interruptions(evidence: &Evidence) -> u64 {
    let told = evidence.events.iter().filter(|e| matches!(e.fact, Fact::Resumed { .. })).count() as u64;
    told.max(evidence.end.as_ref().map_or(0, |end| u64::from(end.interruptions)))
}

pub(super) fn find(evidence: &Evidence, load: &Load, gaps: &Spans, findings: &mut Findings) {
    findings.fact("interruptions", Basis::Events, 1, Some(interruptions(evidence)));
    let length = load.spans.length();
    if length == 0 {
        return;
    }
    let ticks = load::ticks(evidence, |_| true).len() as u64;
    let share = seconds(gaps.length()) / seconds(length);
    findings.put("samples.gaps", Of::default(), Measured::exact(Basis::Samples, ticks.max(1), share));
    let known = seconds((length + between(evidence, load)).saturating_sub(gaps.length()));
    let over = matches!(evidence.end.as_ref().map(|e| &e.how), Some(evidence::end::How::Finished));
    // One that was cut short would have been longer.
    let interval = Interval { lo: known, hi: if over { known } else { f64::INFINITY } };
    let found = Measured { interval, ..Measured::exact(Basis::Events, 1, known) };
    findings.put("run.length", Of::default(), found);
    if evidence.manifest.rehearsal.is_some() {
        findings.doubt(
            "run.length",
            "the time of a rehearsal is compressed, and its length is not the planned one",
        );
    }
    let series = series(evidence);
    let covered = series.iter().filter(|(_, moments, step)| {
        seconds(load.without(moments, *step).length()) <= (1.0 - COVERED) * seconds(length)
    });
    let (covered, all) = (covered.count() as u64, series.len() as u64);
    let share = number(covered) / number(all.max(1));
    findings.put("monitoring.coverage", Of::default(), Measured::exact(Basis::Manifest, all, share));
}

/// For how long the load was interrupted in all, where no harness was there for so short a time that it is no gap,
/// in nanoseconds: the windows of the load end with the last record of a harness that died and begin with the first
/// of the one that took over.
pub(super) fn between(evidence: &Evidence, load: &Load) -> u64 {
    let whole = load.spans.all().first().zip(load.spans.all().last()).map(|(first, last)| (first.0, last.1));
    let unseen = load::interruptions(evidence).intersection(&Spans::new(whole.into_iter()));
    let short = |(from, to): &&(u64, u64)| to - from <= load::longest_step_ns(evidence);
    Spans::new(unseen.all().iter().filter(short).copied()).less(&load.spans).length()
}

/// The critical series that the scenario makes possible: name, when each has data, and the longest time between
/// two values that is no gap.
fn series(evidence: &Evidence) -> Vec<(&'static str, Vec<u64>, u64)> {
    let step = load::longest_step_ns(evidence);
    let mut series = Vec::new();
    let of_target = |s: &Sample| TARGET.contains(&s.group) && s.processes > 0;
    if evidence.manifest.target.bundled || evidence.samples.iter().any(of_target) {
        for (name, read) in [
            ("memory", (|s| s.private_sum) as unread::Read),
            ("descriptors", |s| s.descriptors_sum),
            ("threads", |s| s.threads_sum),
            ("cpu", |s| s.cpu_ns),
        ] {
            series.push((name, unread::read_whole(evidence, &TARGET, read), step));
        }
    }
    let own = load::ticks(evidence, |s| s.group == Group::Harness && s.private_sum.is_some());
    series.push(("harness", own, step));
    let workload = &evidence.manifest.workload;
    if let Some(every) = workload.rounds_every_ns {
        let over = evidence.rounds.iter().map(|r| r.due_ns).collect();
        series.push(("rounds", over, every.saturating_mul(load::GAP)));
    }
    if workload.arrivals || workload.rounds_every_ns.is_some() {
        let rows: Vec<u64> = evidence.intervals.iter().map(|r| r.at_ns).collect();
        let length = evidence.intervals.iter().map(|r| r.length_ns).max().unwrap_or(0);
        series.push(("tasks", rows, length.saturating_mul(load::GAP)));
    }
    series
}
