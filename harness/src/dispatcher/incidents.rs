//! What should not happen, with a begin and an end, each told once. `docs/reference/incidents.md` has the rules.
//!
//! What is over at once is one incident whose two edges have the same time. Everything else stays open here until
//! its own rule ends it, or the run does.

mod excuses;
mod lost;
mod outage;
mod resumed;
mod rounds;

use std::collections::BTreeMap;

use evidence::event::{Edge, Fact, IncidentKind, Severity};

use super::alerts::about_incident;
use super::command::Commands;
use super::state::State;
use lost::Overdue;
pub(super) use outage::Service;
use rounds::{ErrorRow, FailedRow};

/// Incidents that may be open at once; what begins beyond that is told as over at once.
const MAX_OPEN: usize = 16_384;

/// Something that should not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Incident {
    pub(super) kind: IncidentKind,
    pub(super) severity: Severity,
    pub(super) agent: Option<u32>,
    /// The fault of the plan that caused it, by its place: then it is no incident of the target's own.
    pub(super) fault: Option<usize>,
    /// One sentence.
    pub(super) what: String,
}

impl Incident {
    /// Whether somebody is told of it; of a live threshold they are by its own name.
    fn is_told(&self) -> bool {
        self.severity == Severity::Critical && self.fault.is_none() && self.kind != IncidentKind::Threshold
    }
}

/// Every incident of a run so far.
#[derive(Debug, Default)]
pub(super) struct Incidents {
    last: u64,
    open: BTreeMap<u64, Incident>,
    /// Crashes that no fault of the plan caused.
    pub(super) crashes: u64,
    /// Agents whose process ended and that were not replaced yet, with the incident that this is, if it is one.
    pub(super) gone: BTreeMap<u32, Option<u64>>,
    /// Agents whose replacement was told as an incident before the end of their process was, with the life that began.
    pub(super) restarted: BTreeMap<u32, u32>,
    /// Agents that hang, with their incident.
    pub(super) hangs: BTreeMap<u32, u64>,
    pub(super) service: Service,
    failed: FailedRow,
    errors: ErrorRow,
    overdue: Overdue,
}

impl Incidents {
    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.last
    }
}

impl State {
    /// Something began that should not be; its number.
    pub(super) fn begin_incident(&mut self, at_ns: u64, incident: Incident, out: &mut Commands) -> u64 {
        self.incidents.last += 1;
        let number = self.incidents.last;
        self.incident_fact(number, at_ns, Edge::Begin, &incident, out);
        if self.incidents.open.len() < MAX_OPEN {
            self.incidents.open.insert(number, incident);
        } else {
            self.incident_fact(number, at_ns, Edge::End, &incident, out);
        }
        number
    }

    /// It is over; `what` says what it came to, where that is more than was known at its beginning.
    pub(super) fn end_incident(&mut self, number: u64, at_ns: u64, what: Option<String>, out: &mut Commands) {
        if let Some(mut incident) = self.incidents.open.remove(&number) {
            if let Some(what) = what {
                incident.what = what;
            }
            self.incident_fact(number, at_ns, Edge::End, &incident, out);
        }
    }

    /// Something happened that should not have, and was over at once.
    pub(super) fn incident(
        &mut self,
        at_ns: u64,
        kind: IncidentKind,
        severity: Severity,
        agent: Option<u32>,
        what: &str,
        out: &mut Commands,
    ) {
        let incident = Incident { kind, severity, agent, fault: None, what: what.to_owned() };
        let number = self.begin_incident(at_ns, incident, out);
        self.end_incident(number, at_ns, None, out);
    }

    /// The run is over: what is open ends with it.
    pub(super) fn end_incidents(&mut self, out: &mut Commands) {
        self.end_error_row(out);
        let open: Vec<u64> = self.incidents.open.keys().copied().collect();
        for number in open {
            self.end_incident(number, self.now_ns, None, out);
        }
    }

    /// Whoever was told that one began is told that it stands as the run ends.
    pub(super) fn tell_open_incidents(&mut self, out: &mut Commands) {
        // Of errors nobody knows that they are over but by their being quiet for long enough.
        self.end_error_row(out);
        let mut open: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for Incident { kind, what, .. } in self.incidents.open.values().filter(|i| i.is_told()) {
            open.entry(about_incident(*kind)).or_default().push(what.clone());
        }
        for (about, all) in open {
            let what = match all.as_slice() {
                [one] => format!("{one}; still so as the run ends"),
                all => format!("{}; still so as the run ends, and {} more of these", all[0], all.len() - 1),
            };
            self.news(what.clone());
            self.notify(about, Edge::End, self.now_ns, None, &what, out);
        }
    }

    fn incident_fact(&mut self, number: u64, at_ns: u64, edge: Edge, of: &Incident, out: &mut Commands) {
        let Incident { kind, severity, agent, what, .. } = of.clone();
        let fault = of.fault.map(|fault| self.plan.faults[fault].id.clone());
        if of.is_told() {
            self.news(if edge == Edge::End { format!("over: {what}") } else { what.clone() });
            self.notify(about_incident(kind), edge, at_ns, None, &what, out);
        }
        out.fact(at_ns, Fact::Incident { incident: number, kind, severity, edge, agent, fault, what });
    }
}
