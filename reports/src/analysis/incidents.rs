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
}

impl Incident {
    /// Whether it is held against the target: neither a fault of the plan nor the harness or the host caused it.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.fault.is_none() && self.kind != IncidentKind::Instrument
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
    all
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
