//! Availability: the time in which the target served, of the time in which work was due.
//!
//! An outage begins when work was due of which none was answered and ends with the next answer to any. So that the
//! ordinary time of an answer is none, it must last longer than the time-out of the work, or than three intervals of
//! the log and [`ORDINARY`] times the usual wait if that is less. Outages under faults of the plan count. So do the
//! outages that the harness saw while the run went on: of a long run, intervals are kept in less detail.
//! Recovery is told of outages and of every incident that lasted.

use evidence::event::IncidentKind;

use super::incidents::Incident;
use super::load::{self, Load};
use super::spans::Spans;
use super::{Basis, Findings, Measured, Of, number, progress, seconds};
use crate::reading::Evidence;
use crate::statistics::middle;

/// How many times the usual time from when work is due to the next answer is no outage yet.
pub(crate) const ORDINARY: f64 = 4.0;

/// How many intervals of the log are no outage yet.
const INTERVALS: u64 = 3;

/// When the target did not serve, in order and apart; and whether the last was not over with the load.
pub(super) fn outages(evidence: &Evidence, load: &Load, incidents: &[Incident]) -> Spans {
    let waits = waits(evidence);
    let ordinary = ordinary_ns(evidence, &waits);
    let unseen = load::interruptions(evidence);
    let seen = waits.into_iter().filter(|(due, answered)| {
        // What came about while nobody looked is not known.
        (answered - due).saturating_sub(unseen.within(*due, *answered)) > ordinary
    });
    let told = incidents.iter().filter(|i| i.kind == IncidentKind::Outage);
    let told = told.map(|i| (nanos(i.begin_s), i.end_s.map_or(evidence.last_ns, nanos)));
    let all = Spans::new(seen.chain(told));
    all.intersection(&load.spans).less(&unseen)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times of a run, which are positive"
)]
fn nanos(at_s: f64) -> u64 {
    (at_s * 1e9).round() as u64
}

/// From when something was due to the next answer to anything.
fn waits(evidence: &Evidence) -> Vec<(u64, u64)> {
    let answers = progress::answers(evidence);
    let next = |due: u64| {
        let next = answers.get(answers.partition_point(|answer| *answer <= due));
        (due, next.copied().unwrap_or(evidence.last_ns).max(due))
    };
    progress::due(evidence).into_iter().map(next).collect()
}

fn ordinary_ns(evidence: &Evidence, waits: &[(u64, u64)]) -> u64 {
    let mut usual: Vec<f64> = waits.iter().map(|(due, answered)| number(answered - due)).collect();
    usual.sort_by(f64::total_cmp);
    let interval = evidence.intervals.iter().map(|r| r.length_ns).max().unwrap_or(0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time of a run, which is positive"
    )]
    let usual = (middle(&usual).unwrap_or(0.0) * ORDINARY) as u64;
    let least = interval.saturating_mul(INTERVALS).max(usual);
    evidence.manifest.workload.timeout_ns.map_or(least, |timeout| timeout.min(least))
}

/// What had to be repaired, and how long that took: outages, and what else was wrong with the target for a time and no
/// fault of the plan explains. What overlaps is one.
fn repairs(evidence: &Evidence, outages: &Spans, incidents: &[Incident]) -> Spans {
    use IncidentKind::{Crash, FailedRounds, Hang, Lost};
    let lasts = |i: &&Incident| i.counts() && [Crash, Hang, FailedRounds, Lost].contains(&i.kind);
    let wrong = incidents.iter().filter(lasts);
    let wrong = wrong.map(|i| (nanos(i.begin_s), i.end_s.map_or(evidence.last_ns, nanos)));
    Spans::new(outages.all().iter().copied().chain(wrong))
}

pub(super) fn find(
    evidence: &Evidence,
    load: &Load,
    outages: &Spans,
    incidents: &[Incident],
    findings: &mut Findings,
) {
    let workload = &evidence.manifest.workload;
    let due = load.spans.less(&load::interruptions(evidence)).length();
    // A crash of the harness leaves no word on what came after it, but what was before it stands.
    if due == 0 || !(workload.arrivals || workload.rounds_every_ns.is_some()) {
        return;
    }
    let (down, count) = (outages.length(), outages.all().len() as u64);
    let put = |findings: &mut Findings, name: &str, value: f64| {
        findings.put(name, Of::default(), Measured::exact(Basis::Intervals, count.max(1), value));
    };
    put(findings, "availability", 1.0 - seconds(down) / seconds(due));
    put(findings, "availability.downtime", seconds(down));
    let repairs = repairs(evidence, outages, incidents);
    // One that a death of the harness cuts in two is one.
    let under_load = |(from, to): &&(u64, u64)| load.spans.within(*from, *to) > 0;
    let repaired = repairs.all().iter().filter(under_load).count() as u64;
    let took = seconds(repairs.intersection(&load.spans).length());
    let mttr = Measured::exact(Basis::Intervals, repaired.max(1), took / number(repaired.max(1)));
    findings.put("availability.mttr", Of::default(), mttr);
}
