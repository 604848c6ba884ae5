//! Work is due and nobody answers.
//!
//! An outage begins when work was due of which no part was answered, nor anything else since, for longer than
//! the harness is patient; it ends with the next answer. What the harness is patient for: three sampling
//! intervals, at most half a minute, or twice the longest such silence of the warm-up, when nothing was broken yet,
//! where that is more.

use evidence::event::{IncidentKind, Severity};

use super::Incident;
use crate::dispatcher::command::Commands;
use crate::dispatcher::state::{Stage, State};

/// Sampling intervals without an answer.
const INTERVALS: u64 = 3;
/// The most that these may come to, in nanoseconds.
const MOST_NS: u64 = 30_000_000_000;

/// Whether the target serves.
#[derive(Debug, Default)]
pub(in crate::dispatcher) struct Service {
    /// When the first work was due that nobody has answered since the last answer.
    waits_since_ns: Option<u64>,
    /// The longest such time of the warm-up.
    longest_ns: u64,
    outage: Option<u64>,
}

impl Service {
    /// Goes on with an outage that began when work was due at this time.
    pub(super) fn go_on(&mut self, due_ns: u64, incident: u64) {
        (self.waits_since_ns, self.outage) = (Some(due_ns), Some(incident));
    }

    pub(super) fn incident(&self) -> Option<u64> {
        self.outage
    }
}

impl State {
    /// Work was due at this time, whether or not it was sent.
    pub(in crate::dispatcher) fn work_due(&mut self, at_ns: u64) {
        self.incidents.service.waits_since_ns.get_or_insert(at_ns);
    }

    /// Something was answered just now.
    pub(in crate::dispatcher) fn work_answered(&mut self, out: &mut Commands) {
        self.look_for_outage(out);
        let Some(since_ns) = self.incidents.service.waits_since_ns.take() else { return };
        let silence_ns = self.now_ns.saturating_sub(since_ns);
        if self.timeline.phase() == "warm_up" {
            let longest_ns = &mut self.incidents.service.longest_ns;
            *longest_ns = silence_ns.max(*longest_ns);
        }
        self.end_outage(silence_ns, out);
    }

    /// Whether nobody has answered for too long.
    pub(in crate::dispatcher) fn look_for_outage(&mut self, out: &mut Commands) {
        let service = &self.incidents.service;
        let Some(since_ns) = service.waits_since_ns.filter(|_| service.outage.is_none()) else { return };
        let silence_ns = self.now_ns.saturating_sub(since_ns);
        if silence_ns <= self.patience_ns() || self.stage != Stage::Running {
            return;
        }
        let what = unanswered(silence_ns);
        let (kind, severity, fault) = (IncidentKind::Outage, Severity::Critical, self.excuse(since_ns));
        let incident = Incident { kind, severity, agent: None, fault, what };
        self.incidents.service.outage = Some(self.begin_incident(since_ns, incident, out));
    }

    fn patience_ns(&self) -> u64 {
        let intervals_ns = (INTERVALS * self.plan.sample.every_ns).min(MOST_NS);
        intervals_ns.max(2 * self.incidents.service.longest_ns)
    }

    /// No more work is due: nobody can be waited for.
    pub(in crate::dispatcher) fn no_more_work_due(&mut self, out: &mut Commands) {
        let since_ns = self.incidents.service.waits_since_ns.take();
        let silence_ns = since_ns.map_or(0, |since_ns| self.now_ns.saturating_sub(since_ns));
        self.end_outage(silence_ns, out);
    }

    fn end_outage(&mut self, silence_ns: u64, out: &mut Commands) {
        if let Some(number) = self.incidents.service.outage.take() {
            let what = unanswered(silence_ns);
            self.end_incident(number, self.now_ns, Some(what), out);
        }
    }
}

fn unanswered(silence_ns: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "seconds for a person")]
    let seconds = silence_ns as f64 / 1e9;
    format!("work was due and nothing was answered for {seconds:.1} s")
}
