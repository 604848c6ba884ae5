//! The lines of each chart, from the evidence.

use evidence::latency::Series;
use evidence::round::Interval;
use evidence::sample::{Group, Sample};

use super::chart::{Chart, Colour, Lane, Line, Scale, Span, Time, Weight, decimate};
use crate::analysis::{FaultFinding, Step, number, seconds};
use crate::latency::{Digest, Point};
use crate::reading::Evidence;

/// The most slices that a line is cut into.
const SLICES: usize = 240;

/// What the charts share. A fault is at work until the target is steady again and the fault undone.
pub(super) fn time(evidence: &Evidence, faults: &[FaultFinding]) -> Time {
    let zero_s = seconds(evidence.zero_ns());
    let end_s = seconds(evidence.last_ns);
    let mut shades: Vec<(f64, f64)> = faults
        .iter()
        .filter_map(|fault| {
            let from = fault.injected_s?;
            let steady = match fault.recovery.steady {
                Some(Step::Took(s)) => from + s,
                Some(Step::NotBefore(s)) if s > 0.0 => end_s,
                _ => from,
            };
            Some((from, steady.max(fault.healed_s.unwrap_or(from))))
        })
        .collect();
    shades.sort_by(|a, b| a.0.total_cmp(&b.0));
    let phases = evidence.windows.iter().map(|w| (w.phase.clone(), seconds(w.begin_ns))).collect();
    Time { zero_s, end_s, shades: merged(&shades, end_s / 400.0), phases }
}

/// The most lanes.
const LANES: usize = 12;

/// When each kind of fault was at work, in the order in which they first were; the last lane holds all kinds
/// beyond [`LANES`].
pub(super) fn lanes(faults: &[FaultFinding], end_s: f64) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut order: Vec<&FaultFinding> = faults.iter().collect();
    let begun = |f: &FaultFinding| f.injected_s.unwrap_or(f64::INFINITY);
    order.sort_by(|a, b| begun(a).total_cmp(&begun(b)));
    for fault in order {
        let Some(from_s) = fault.injected_s else { continue };
        let steady_s = match fault.recovery.steady {
            Some(Step::Took(s)) => from_s + s,
            Some(Step::NotBefore(s)) if s > 0.0 => end_s,
            _ => from_s,
        };
        let until_s = fault.healed_s.unwrap_or(from_s);
        let span = Span { from_s, until_s, steady_s: steady_s.max(until_s) };
        let kind = fault.kind.replace('_', " ");
        let full = lanes.len() == LANES;
        match lanes.iter_mut().find(|lane| lane.label == kind) {
            Some(lane) => lane.spans.push(span),
            None if full => {
                let last = &mut lanes[LANES - 1];
                last.label = "others".to_owned();
                last.spans.push(span);
            }
            None => lanes.push(Lane { label: kind, colour: Colour::Alarm, spans: vec![span] }),
        }
    }
    lanes
}

/// Shades that overlap, or that no eye could tell apart, as one.
pub(super) fn merged(shades: &[(f64, f64)], apart: f64) -> Vec<(f64, f64)> {
    let mut merged: Vec<(f64, f64)> = Vec::new();
    for (from, to) in shades {
        match merged.last_mut() {
            Some(last) if *from <= last.1 + apart => last.1 = last.1.max(*to),
            _ => merged.push((*from, *to)),
        }
    }
    merged
}

/// Every chart for which there is evidence.
pub(super) fn charts(evidence: &Evidence) -> Vec<Chart> {
    let charts = [
        response(evidence),
        rounds(evidence),
        delivery(evidence),
        load(evidence),
        memory(evidence),
        descriptors(evidence),
        harness(evidence),
    ];
    let drawn = |chart: &Chart| chart.lines.iter().any(|line| !line.segments.is_empty());
    charts.into_iter().flatten().filter(drawn).collect()
}

fn line(label: &str, colour: Colour, weight: Weight, points: &[(f64, f64)], gap_s: f64) -> Line {
    Line { label: label.to_owned(), colour, weight, segments: decimate(points, gap_s, SLICES) }
}

fn response(evidence: &Evidence) -> Option<Chart> {
    let digest: &Digest = evidence.latency.get(&Series::Response)?;
    let length = digest.points.iter().map(|p| p.length_ns).max()?;
    let one = |label: &str, colour, weight, read: fn(&Point) -> f64| {
        let points: Vec<(f64, f64)> =
            digest.points.iter().map(|p| (seconds(p.at_ns + p.length_ns / 2), read(p))).collect();
        line(label, colour, weight, &points, seconds(length) * 1.6)
    };
    Some(Chart {
        title: "Response time of tasks".to_owned(),
        note: Some("Answered tasks only, each from when it was due.".to_owned()),
        scale: Scale::Time,
        lines: vec![
            one("99th percentile", Colour::Second, Weight::Strong, |p| p.p99),
            one("median", Colour::First, Weight::Strong, |p| p.p50),
            // Thin over strong, so that both are seen where they are one.
            one("greatest", Colour::Third, Weight::Thin, |p| p.max),
        ],
    })
}

fn rounds(evidence: &Evidence) -> Option<Chart> {
    let every = seconds(evidence.manifest.workload.rounds_every_ns?);
    let mut whole = Vec::new();
    let mut inside = Vec::new();
    let mut timed_out = Vec::new();
    for round in &evidence.rounds {
        let Some((_, ended)) = round.started_ns.zip(round.ended_ns) else { continue };
        let at = seconds(round.due_ns);
        let took = seconds(ended.saturating_sub(round.due_ns));
        whole.push((at, took));
        inside.extend(round.target_ns.map(|ns| (at, seconds(ns))));
        if round.delivered < round.expected {
            timed_out.push((at, took));
        }
    }
    let gap = every * 1.6;
    let mut lines = vec![
        line("whole round", Colour::First, Weight::Strong, &whole, gap),
        line("inside the target", Colour::Second, Weight::Thin, &inside, gap),
        line("timed out", Colour::Alarm, Weight::Dots, &timed_out, f64::INFINITY),
    ];
    lines.retain(|line| !line.segments.is_empty());
    Some(Chart {
        title: "Time of each round".to_owned(),
        note: Some("From when it was due to its last answer.".to_owned()),
        scale: Scale::Time,
        lines,
    })
}

fn delivery(evidence: &Evidence) -> Option<Chart> {
    let every = evidence.manifest.workload.rounds_every_ns?;
    let ended = evidence.rounds.iter().filter(|r| r.ended_ns.is_some() && r.expected > 0);
    let points: Vec<(f64, f64)> =
        ended.map(|r| (seconds(r.due_ns), f64::from(r.delivered) / f64::from(r.expected))).collect();
    Some(Chart {
        title: "Delivery".to_owned(),
        note: Some("Tasks answered in time, of those in each round.".to_owned()),
        scale: Scale::Share,
        lines: vec![line("delivered", Colour::First, Weight::Strong, &points, seconds(every) * 1.6)],
    })
}

/// What went in and what came out of a target that is loaded with single tasks, each when it did: an answer may be to
/// a task of an earlier interval, so that their ratio is no delivery.
fn load(evidence: &Evidence) -> Option<Chart> {
    if !evidence.manifest.workload.arrivals {
        return None;
    }
    let length = evidence.intervals.iter().map(|r| r.length_ns).max()?;
    let one = |label: &str, colour, weight, read: fn(&Interval) -> u64| {
        // An interval that a phase cut short says little about a rate.
        let whole = evidence.intervals.iter().filter(|r| r.length_ns > length / 2);
        let points: Vec<(f64, f64)> = whole
            .map(|r| (seconds(r.at_ns + r.length_ns / 2), number(read(r)) / seconds(r.length_ns)))
            .collect();
        line(label, colour, weight, &points, seconds(length) * 1.6)
    };
    let mut lines = vec![
        one("sent", Colour::First, Weight::Strong, |r| r.sent),
        one("answered", Colour::Second, Weight::Thin, |r| r.answered + r.late),
    ];
    if evidence.intervals.iter().any(|r| r.shed > 0) {
        lines.push(one("shed", Colour::Alarm, Weight::Thin, |r| r.shed));
    }
    Some(Chart { title: "Tasks per second".to_owned(), note: None, scale: Scale::Count, lines })
}

const ROLES: [(Group, &str, Colour); 3] = [
    (Group::Worker, "worker", Colour::First),
    (Group::Coordinator, "coordinator", Colour::Second),
    (Group::Master, "master", Colour::Third),
];

/// For each role a line of the largest process, and where there are several a thin one of their mean.
fn by_role(
    evidence: &Evidence,
    largest: fn(&Sample) -> Option<u64>,
    sum: fn(&Sample) -> Option<u64>,
) -> Vec<Line> {
    let gap = seconds(evidence.sampled_every_ns()) * 2.5;
    let mut lines = Vec::new();
    for (group, name, colour) in ROLES {
        let samples: Vec<&Sample> = evidence.samples.iter().filter(|s| s.group == group).collect();
        let points = |read: &dyn Fn(&Sample) -> Option<f64>| -> Vec<(f64, f64)> {
            samples.iter().filter_map(|s| Some((seconds(s.at_ns), read(s)?))).collect()
        };
        let most = points(&|s| largest(s).map(number));
        let mean = points(&|s| sum(s).map(|sum| number(sum) / f64::from(s.processes.max(1))));
        let several = samples.iter().any(|s| s.processes > 1);
        let label = if several { format!("{name}, largest") } else { name.to_owned() };
        lines.push(line(&label, colour, Weight::Strong, &most, gap));
        if several {
            lines.push(line(&format!("{name}, mean"), colour, Weight::Thin, &mean, gap));
        }
    }
    lines.retain(|line| !line.segments.is_empty());
    lines
}

fn memory(evidence: &Evidence) -> Option<Chart> {
    let lines = by_role(evidence, |s| s.private_max, |s| s.private_sum);
    Some(Chart {
        title: "Private memory of a process, by role".to_owned(),
        note: None,
        scale: Scale::Bytes,
        lines,
    })
}

fn descriptors(evidence: &Evidence) -> Option<Chart> {
    let lines = by_role(evidence, |s| s.descriptors_max, |s| s.descriptors_sum);
    Some(Chart {
        title: "Open descriptors of a process, by role".to_owned(),
        note: None,
        scale: Scale::Count,
        lines,
    })
}

/// Apart from the agents, beside whose memory its own would make every other line flat.
fn harness(evidence: &Evidence) -> Option<Chart> {
    let gap = seconds(evidence.sampled_every_ns()) * 2.5;
    let samples = evidence.samples.iter().filter(|s| s.group == Group::Harness);
    let points: Vec<(f64, f64)> =
        samples.filter_map(|s| Some((seconds(s.at_ns), number(s.private_max?)))).collect();
    Some(Chart {
        title: "Private memory of the harness".to_owned(),
        note: None,
        scale: Scale::Bytes,
        lines: vec![line("harness", Colour::Fourth, Weight::Strong, &points, gap)],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_that_overlap_become_one() {
        assert_eq!(merged(&[(1.0, 2.0), (1.5, 3.0), (3.05, 4.0), (6.0, 6.0)], 0.1), [(1.0, 4.0), (6.0, 6.0)]);
    }
}
