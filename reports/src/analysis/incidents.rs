//! Incidents: what should not have happened, from begin to end. The harness tells of them as they happen; here
//! they are paired and counted. `docs/reference/incidents.md` has the rules.

use std::collections::BTreeMap;

use evidence::event::{Edge, Fact, IncidentKind, Severity};

use super::load::Load;
use super::{Basis, Findings, Measured, Of, number, seconds};
use crate::reading::Evidence;
use crate::statistics::{Interval, expected_events};

/// One incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Its number in the run.
    pub number: u64,
    /// What kind of thing.
    pub kind: IncidentKind,
    /// How bad, the worse of what its begin and its end say.
    pub severity: Severity,
    /// When it began, in seconds since the start of the run.
    pub begin_s: f64,
    /// When it was over; absent where it was not.
    pub end_s: Option<f64>,
    /// The agent concerned.
    pub agent: Option<u32>,
    /// The fault of the plan that caused it; then it counts for availability alone.
    pub fault: Option<String>,
    /// What, in one sentence.
    pub what: String,
    /// Whether a live threshold only showed what another incident is.
    pub sign: bool,
}

/// Live thresholds of the host, which is none of the target's.
const OF_HOST: [&str; 2] = ["disk.free", "host.available"];

/// Live thresholds that show what may be an incident by itself.
const SIGNS: [&str; 4] = ["agents.crashed", "delivery.rate", "error.rate", "round.time"];

impl Incident {
    /// Whether it is held against the target: neither a fault of the plan nor the harness or the host caused it, and it
    /// is not counted as another incident already.
    #[must_use]
    pub fn counts(&self) -> bool {
        let of_host = self.kind == IncidentKind::Instrument || self.is_threshold_on(&OF_HOST);
        self.fault.is_none() && !of_host && !self.sign
    }

    fn is_threshold_on(&self, metrics: &[&str]) -> bool {
        // Its sentence begins with the threshold, and that with the metric.
        let metric = self.what.split([' ', '[']).next();
        self.kind == IncidentKind::Threshold && metric.is_some_and(|metric| metrics.contains(&metric))
    }

    /// Whether it was there, or had just ended, when `other` began. What a crash brings about comes soon, though it may
    /// never be repaired.
    fn explains(&self, other: &Self, within_s: f64) -> bool {
        use IncidentKind::{Crash, FailedRounds, Hang, Lost, Outage};
        let until_s = match self.kind {
            Crash => self.begin_s,
            FailedRounds | Hang | Lost | Outage => self.end_s.unwrap_or(f64::INFINITY),
            _ => return false,
        };
        self.counts() && (self.begin_s..=until_s + within_s).contains(&other.begin_s)
    }
}

/// Every incident, in the order in which they began.
pub(super) fn all(evidence: &Evidence) -> Vec<Incident> {
    let mut found: BTreeMap<u64, Incident> = BTreeMap::new();
    for event in &evidence.events {
        let Fact::Incident { incident, kind, severity, edge, agent, fault, what } = &event.fact else {
            continue;
        };
        let at_s = seconds(event.at_ns);
        let one = found.entry(*incident).or_insert_with(|| Incident {
            number: *incident,
            kind: *kind,
            severity: *severity,
            begin_s: at_s,
            end_s: None,
            agent: *agent,
            fault: fault.clone(),
            what: what.clone(),
            sign: false,
        });
        one.severity = one.severity.max(*severity);
        if *edge == Edge::End {
            one.end_s = Some(at_s);
            // What is known when it is over says more than what was known when it began.
            one.what.clone_from(what);
        }
    }
    let mut all: Vec<Incident> = found.into_values().collect();
    all.sort_by(|a, b| a.begin_s.total_cmp(&b.begin_s).then(a.number.cmp(&b.number)));
    mark_signs(&mut all, evidence);
    all
}

/// A threshold is read at a tick or at the end of an interval, and a task has failed when its time is over: what it shows
/// may have been over for as long.
fn mark_signs(all: &mut [Incident], evidence: &Evidence) {
    let manifest = &evidence.manifest;
    let longest_ns = evidence.intervals.iter().map(|row| row.length_ns).max().unwrap_or(0);
    let late_ns = manifest.workload.timeout_ns.unwrap_or(0);
    let within_s = seconds(longest_ns.max(manifest.sampling.every_ns).saturating_add(late_ns));
    let signs: Vec<usize> = (0..all.len())
        .filter(|at| all[*at].is_threshold_on(&SIGNS))
        .filter(|at| all.iter().any(|other| other.explains(&all[*at], within_s)))
        .collect();
    for at in signs {
        all[at].sign = true;
    }
}

/// How many of each severity, and how often.
pub(super) fn find(evidence: &Evidence, load: &Load, incidents: &[Incident], findings: &mut Findings) {
    if evidence.ready_ns().is_none() {
        return;
    }
    let count = |severity| incidents.iter().filter(|i| i.counts() && i.severity == severity).count() as u64;
    let (critical, minor) = (count(Severity::Critical), count(Severity::Minor));
    findings.fact("incidents.critical", Basis::Events, 1, Some(critical));
    findings.fact("incidents.minor", Basis::Events, 1, Some(minor));
    let hours = seconds(load.spans.length()) / 3600.0;
    if hours > 0.0 {
        // What did not happen in a short time may happen all the same: the counts are facts, the rate is not.
        let n = critical + minor;
        let Interval { lo, hi } = expected_events(n);
        let interval = Interval { lo: lo / hours, hi: hi / hours };
        let value = number(n) / hours;
        findings.put(
            "incidents.rate",
            Of::default(),
            Measured { basis: Basis::Events, n, value, interval, needs: None },
        );
    }
}
