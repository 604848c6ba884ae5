//! Tasks that the target took responsibility for and never answered.
//!
//! That they are lost is proven behind the drain barrier. A task that is overdue by far is told while the run goes
//! on, unless a fault of the plan may have cost it.

use evidence::event::{IncidentKind, Severity};

use super::Incident;
use crate::dispatcher::command::Commands;
use crate::dispatcher::state::{Stage, State};
use crate::ledger::Kind;

/// A task is overdue by far after so many times its time-out.
const TIMEOUTS: u64 = 10;
/// Or after this, where that is more, in nanoseconds.
const AT_LEAST_NS: u64 = 60_000_000_000;

/// The incident of tasks that are overdue.
#[derive(Debug, Default)]
pub(super) struct Overdue(Option<u64>);

impl State {
    /// Whether there are tasks that are overdue by far.
    pub(in crate::dispatcher) fn look_for_overdue(&mut self, out: &mut Commands) {
        let oldest_ns = [Kind::Round, Kind::Single].into_iter().filter_map(|k| self.overdue_since(k)).min();
        match (oldest_ns, self.incidents.overdue.0) {
            (None, Some(number)) => {
                self.incidents.overdue.0 = None;
                let what = "tasks that were overdue by far were answered after all".to_owned();
                self.end_incident(number, self.now_ns, Some(what), out);
            }
            (Some(sent_ns), None) if self.stage == Stage::Running && self.excuse(sent_ns).is_none() => {
                let seconds = self.now_ns.saturating_sub(sent_ns) / 1_000_000_000;
                let what = format!("tasks that were acknowledged have not been answered for {seconds} s");
                self.incidents.overdue.0 = Some(self.begin_incident(self.now_ns, lost(None, what), out));
            }
            _ => {}
        }
    }

    /// When the oldest acknowledged task of this kind was sent that is overdue by far.
    fn overdue_since(&self, kind: Kind) -> Option<u64> {
        let lane = self.ledger.lane(kind);
        let far_ns = (TIMEOUTS * lane.terms().timeout_ns).max(AT_LEAST_NS);
        lane.oldest_acknowledged(self.now_ns.checked_sub(far_ns)?)
    }

    /// The ledger is closed behind the drain barrier, and this many tasks are lost. `costs` has those of them
    /// that faults of the plan cost.
    pub(in crate::dispatcher) fn tasks_lost(
        &mut self,
        lost_in_all: u64,
        costs: &[(usize, u64)],
        out: &mut Commands,
    ) {
        let mut left = lost_in_all;
        for (fault, cost) in costs {
            let of_fault = left.min(*cost);
            left -= of_fault;
            if of_fault > 0 {
                self.tell_lost(Some(*fault), of_fault, out);
            }
        }
        let told = self.incidents.overdue.0.take();
        if let (Some(number), true) = (told, left > 0) {
            self.end_incident(number, self.now_ns, Some(sentence(left)), out);
        } else if left > 0 {
            self.tell_lost(None, left, out);
        }
    }

    fn tell_lost(&mut self, fault: Option<usize>, tasks: u64, out: &mut Commands) {
        let number = self.begin_incident(self.now_ns, lost(fault, sentence(tasks)), out);
        self.end_incident(number, self.now_ns, None, out);
    }
}

fn lost(fault: Option<usize>, what: String) -> Incident {
    Incident { kind: IncidentKind::Lost, severity: Severity::Critical, agent: None, fault, what }
}

fn sentence(tasks: u64) -> String {
    format!("{tasks} tasks were acknowledged and never answered")
}
