//! The lines of each chart, from the evidence.

use evidence::latency::Series;
use evidence::sample::{Group, Sample};

use super::chart::{Chart, Colour, Line, Scale, Time, Weight, decimate};
use crate::analysis::{FaultFinding, Step, number, seconds};
use crate::latency::{Digest, Point};
use crate::reading::Evidence;

/// What the charts share. A fault is at work until the target is steady again and the fault undone.
pub(super) fn time(evidence: &Evidence, faults: &[FaultFinding]) -> Time {
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
    Time { end_s, shades: merged(&shades, end_s / 400.0), phases }
}

/// Shades that overlap, or that no eye could tell apart, as one.
fn merged(shades: &[(f64, f64)], apart: f64) -> Vec<(f64, f64)> {
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
    [response(evidence), rounds(evidence), delivery(evidence), memory(evidence), descriptors(evidence)]
        .into_iter()
        .flatten()
        .filter(|chart| chart.lines.iter().any(|line| !line.segments.is_empty()))
        .collect()
}

fn line(label: &str, colour: Colour, weight: Weight, points: &[(f64, f64)], gap_s: f64) -> Line {
    Line { label: label.to_owned(), colour, weight, segments: decimate(points, gap_s) }
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
        note: Some("From when a task was due to its answer.".to_owned()),
        scale: Scale::Time,
        lines: vec![
            one("greatest", Colour::Third, Weight::Thin, |p| p.max),
            one("99th percentile", Colour::Second, Weight::Strong, |p| p.p99),
            one("median", Colour::First, Weight::Strong, |p| p.p50),
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
        line("inside the target", Colour::Second, Weight::Thin, &inside, gap),
        line("whole round", Colour::First, Weight::Strong, &whole, gap),
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
    let (points, gap, what): (Vec<(f64, f64)>, f64, &str) = if evidence.manifest.workload.arrivals {
        let rows = evidence.intervals.iter().filter(|r| r.sent > 0);
        let length = evidence.intervals.iter().map(|r| r.length_ns).max()?;
        let share = |sent: u64, answered: u64| (number(answered) / number(sent)).min(1.0);
        let points = rows.map(|r| (seconds(r.at_ns + r.length_ns / 2), share(r.sent, r.answered)));
        (points.collect(), seconds(length) * 1.6, "Tasks answered in time, of those sent in each interval.")
    } else {
        let every = evidence.manifest.workload.rounds_every_ns?;
        let ended = evidence.rounds.iter().filter(|r| r.ended_ns.is_some() && r.expected > 0);
        let points = ended.map(|r| (seconds(r.due_ns), f64::from(r.delivered) / f64::from(r.expected)));
        (points.collect(), seconds(every) * 1.6, "Tasks answered in time, of those in each round.")
    };
    Some(Chart {
        title: "Delivery".to_owned(),
        note: Some(what.to_owned()),
        scale: Scale::Share,
        lines: vec![line("delivered", Colour::First, Weight::Strong, &points, gap)],
    })
}

const ROLES: [(Group, &str, Colour); 4] = [
    (Group::Worker, "worker", Colour::First),
    (Group::Coordinator, "coordinator", Colour::Second),
    (Group::Master, "master", Colour::Third),
    (Group::Harness, "harness", Colour::Fourth),
];

/// For each role a line of the largest process, and where there are several a thin one of their mean.
fn by_role(
    evidence: &Evidence,
    largest: fn(&Sample) -> Option<u64>,
    sum: fn(&Sample) -> Option<u64>,
) -> Vec<Line> {
    let gap = seconds(evidence.manifest.sampling.every_ns) * 2.5;
    let mut lines = Vec::new();
    for (group, name, colour) in ROLES {
        let samples: Vec<&Sample> = evidence.samples.iter().filter(|s| s.group == group).collect();
        let points = |read: &dyn Fn(&Sample) -> Option<f64>| -> Vec<(f64, f64)> {
            samples.iter().filter_map(|s| Some((seconds(s.at_ns), read(s)?))).collect()
        };
        let most = points(&|s| largest(s).map(number));
        let mean = points(&|s| sum(s).map(|sum| number(sum) / f64::from(s.processes.max(1))));
        let several = samples.iter().any(|s| s.processes > 1);
        if several {
            lines.push(line(&format!("{name}, mean"), colour, Weight::Thin, &mean, gap));
        }
        let label = if several { format!("{name}, largest") } else { name.to_owned() };
        lines.push(line(&label, colour, Weight::Strong, &most, gap));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_that_overlap_become_one() {
        assert_eq!(merged(&[(1.0, 2.0), (1.5, 3.0), (3.05, 4.0), (6.0, 6.0)], 0.1), [(1.0, 4.0), (6.0, 6.0)]);
    }
}
