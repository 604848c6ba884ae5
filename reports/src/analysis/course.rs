//! The course of a run: what drifted, what failed, when nobody looked.

use evidence::event::{ClockChange, Fact, Takeover};

use super::faults::FaultFinding;
use super::incidents::{self, Incident};
use super::load::{self, Load};
use super::rests::{self, PointOfRest};
use super::spans::Spans;
use super::swap::{self, Swapped};
use super::trends::{self, Found, Pace, Trend};
use super::unread::{self, Unread};
use super::{Findings, agents, availability, seconds, whole};
use crate::reading::Evidence;

/// What a person asks of a long run. Times are seconds since the start of the run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Course {
    /// What was watched over time, and whether it drifts.
    pub trends: Vec<Trend>,
    /// Agents whose own memory drifts, by number.
    pub drifting: Vec<u32>,
    /// The pace of the host; absent where the work was not steady, or too short.
    pub pace: Option<Pace>,
    /// Incidents, in the order in which they began.
    pub incidents: Vec<Incident>,
    /// When the target did not serve, though work was due.
    pub outages: Vec<(f64, f64)>,
    /// Points of rest, in order.
    pub rests: Vec<PointOfRest>,
    /// When the harness had died, until another took over.
    pub interruptions: Vec<Interruption>,
    /// When the clocks of the host did not agree.
    pub clocks: Vec<ClockStep>,
    /// When there was no sample of anything for longer than three sampling intervals.
    pub gaps: Vec<(f64, f64)>,
    /// Those gaps as a share of the load; absent where there was none.
    pub gap_share: Option<f64>,
    /// The share of the planned load in which no harness was there; absent where none died.
    pub unattended: Option<f64>,
    /// What could not be read for too much of the load.
    pub unread: Vec<Unread>,
    /// Tasks whose fate nobody saw, because the harness was dead.
    pub hidden: u64,
    /// What of the target was swapped out; absent where nothing was.
    pub swapped: Option<Swapped>,
}

/// Another harness took over.
#[derive(Debug, Clone, PartialEq)]
pub struct Interruption {
    /// The last that is known of the one before.
    pub from_s: f64,
    /// When work went on.
    pub to_s: f64,
    /// What became of the target.
    pub target: Takeover,
    /// Tasks whose fate nobody saw.
    pub hidden: u64,
}

/// The clocks of the host did not agree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockStep {
    /// When.
    pub at_s: f64,
    /// What it shows.
    pub change: ClockChange,
    /// By how much, in seconds.
    pub by_s: f64,
}

/// The course of a run, and its numbers.
pub(super) fn find(
    evidence: &Evidence,
    faults: &[FaultFinding],
    confidence: f64,
    findings: &mut Findings,
) -> Course {
    let load = &Load::of(evidence);
    let Found { trends, drifting, pace } = trends::find(evidence, load, faults, confidence, findings);
    let incidents = incidents::all(evidence);
    incidents::find(evidence, load, &incidents, findings);
    let outages = availability::outages(evidence, load, &incidents);
    availability::find(evidence, load, &outages, &incidents, findings);
    agents::hung(evidence, &incidents, findings);
    let gaps = whole::gaps(evidence, load);
    whole::find(evidence, load, &gaps, findings);
    rests::find(evidence, findings);
    let length = load.spans.length();
    Course {
        trends,
        drifting,
        pace,
        incidents,
        outages: in_seconds(&outages),
        rests: rests::all(evidence),
        interruptions: interruptions(evidence),
        clocks: load::clock_changes(evidence).map(clock_step).collect(),
        gap_share: (length > 0).then(|| seconds(gaps.length()) / seconds(length)),
        gaps: in_seconds(&gaps),
        unattended: unattended(evidence, load),
        unread: unread::find(evidence, load),
        hidden: hidden(evidence),
        swapped: swap::find(evidence),
    }
}

fn in_seconds(spans: &Spans) -> Vec<(f64, f64)> {
    spans.all().iter().map(|(from, to)| (seconds(*from), seconds(*to))).collect()
}

/// The planned load less what there was. A harness may have been dead until after the load was to end, so that no record
/// tells how long it was to be.
fn unattended(evidence: &Evidence, load: &Load) -> Option<f64> {
    let planned_ns = load::planned_ns(evidence);
    let given_ns = load.spans.length() + whole::between(evidence, load);
    (planned_ns > 0 && whole::interruptions(evidence) > 0)
        .then(|| seconds(planned_ns.saturating_sub(given_ns)) / seconds(planned_ns))
}

fn interruptions(evidence: &Evidence) -> Vec<Interruption> {
    let taken = evidence.events.iter().filter_map(|e| match e.fact {
        Fact::Resumed { from_ns, hidden, target, .. } => Some((e.at_ns, from_ns, hidden, target)),
        _ => None,
    });
    let one = |(at_ns, from_ns, hidden, target)| Interruption {
        from_s: seconds(from_ns),
        to_s: seconds(at_ns),
        target,
        hidden,
    };
    taken.map(one).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a step of a clock, to the microsecond")]
fn clock_step((at_ns, change, by_ns): (u64, ClockChange, i64)) -> ClockStep {
    ClockStep { at_s: seconds(at_ns), change, by_s: by_ns as f64 / 1e9 }
}

/// The ledger's word stands over those of the single interruptions, which may have been told twice.
fn hidden(evidence: &Evidence) -> u64 {
    let told = || {
        let hidden = evidence.events.iter().filter_map(|e| match e.fact {
            Fact::Resumed { hidden, .. } => Some(hidden),
            _ => None,
        });
        super::total(hidden)
    };
    evidence.end.as_ref().map_or_else(told, |end| end.ledger.hidden)
}
