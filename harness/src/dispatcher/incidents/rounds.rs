//! What fails again and again is one incident: rounds that are not complete, errors that the target reports.

use evidence::event::{IncidentKind, Severity};
use evidence::round::Round;

use super::Incident;
use crate::dispatcher::command::Commands;
use crate::dispatcher::state::State;

/// After how long without an error the next one is another incident, in nanoseconds.
const QUIET_NS: u64 = 60_000_000_000;

/// Rounds one after the other of which none was complete.
#[derive(Debug, Default)]
pub(super) struct FailedRow {
    incident: Option<u64>,
    rounds: u64,
    /// There were more, which a harness saw that has died.
    more: bool,
}

impl FailedRow {
    /// Goes on with a row of which only the beginning is known.
    pub(super) fn go_on(&mut self, incident: u64) {
        *self = Self { incident: Some(incident), rounds: 1, more: true };
    }

    pub(super) fn incident(&self) -> Option<u64> {
        self.incident
    }
}

/// Errors one after the other that the target reported.
#[derive(Debug, Default)]
pub(super) struct ErrorRow {
    incident: Option<u64>,
    errors: u64,
    last_ns: u64,
    first: String,
}

impl ErrorRow {
    /// Goes on with a row of which only the beginning is known.
    pub(super) fn go_on(&mut self, incident: u64, last_ns: u64, first: &str) {
        *self = Self { incident: Some(incident), errors: 1, last_ns, first: first.to_owned() };
    }

    pub(super) fn incident(&self) -> Option<u64> {
        self.incident
    }
}

impl State {
    /// A round is over.
    pub(in crate::dispatcher) fn round_over(&mut self, row: &Round, out: &mut Commands) {
        let (Some(started_ns), Some(ended_ns)) = (row.started_ns, row.ended_ns) else { return };
        if row.delivered == row.expected {
            return self.end_failed_row(ended_ns, out);
        }
        if self.excuse(started_ns).is_some() {
            return;
        }
        self.incidents.failed.rounds += 1;
        if self.incidents.failed.incident.is_none() {
            let what = format!(
                "round {} was not complete: {} of {} tasks were answered in time",
                row.round, row.delivered, row.expected
            );
            let (kind, severity) = (IncidentKind::FailedRounds, Severity::Minor);
            let incident = Incident { kind, severity, agent: None, fault: None, what };
            self.incidents.failed.incident = Some(self.begin_incident(ended_ns, incident, out));
        }
    }

    fn end_failed_row(&mut self, at_ns: u64, out: &mut Commands) {
        let FailedRow { incident, rounds, more } = std::mem::take(&mut self.incidents.failed);
        if let Some(number) = incident {
            let least = if more { "at least " } else { "" };
            let what = format!("{least}{rounds} rounds in a row were not complete");
            self.end_incident(number, at_ns, (rounds > 1).then_some(what), out);
        }
    }

    /// The target reported an error. Errors of which each comes within a minute of the one before are one incident.
    pub(in crate::dispatcher) fn error_reported(&mut self, message: &str, out: &mut Commands) {
        self.end_quiet_errors(out);
        let at_ns = self.now_ns;
        if self.incidents.errors.incident.is_none() {
            let what = format!("the target reported an error: {message}");
            let (kind, severity) = (IncidentKind::Protocol, Severity::Critical);
            let incident = Incident { kind, severity, agent: None, fault: None, what: what.clone() };
            self.incidents.errors.incident = Some(self.begin_incident(at_ns, incident, out));
            self.incidents.errors.first = what;
        }
        self.incidents.errors.errors += 1;
        self.incidents.errors.last_ns = at_ns;
    }

    /// Ends a row of errors that was quiet for long enough.
    pub(in crate::dispatcher) fn end_quiet_errors(&mut self, out: &mut Commands) {
        let row = &self.incidents.errors;
        if row.incident.is_some() && self.now_ns.saturating_sub(row.last_ns) > QUIET_NS {
            self.end_error_row(out);
        }
    }

    pub(super) fn end_error_row(&mut self, out: &mut Commands) {
        let ErrorRow { incident, errors, last_ns, first } = std::mem::take(&mut self.incidents.errors);
        if let Some(number) = incident {
            let what = format!("{first} (and {} more errors)", errors - 1);
            self.end_incident(number, last_ns, (errors > 1).then_some(what), out);
        }
    }
}
