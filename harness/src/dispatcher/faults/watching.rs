//! What is seen of the recovery from faults, and what they have cost when it is over.

use evidence::event::Fact;

use crate::dispatcher::command::Commands;
use crate::dispatcher::state::State;
use crate::recovery::{Reached, Seen};

impl State {
    /// A task ended: every fault whose recovery is watched may have come a step further.
    pub(in crate::dispatcher) fn watch_recovery(&mut self, seen: &Seen, out: &mut Commands) {
        if self.faults.watches.is_empty() {
            return;
        }
        let mut steps = Vec::new();
        for watch in &mut self.faults.watches {
            let reached = watch.seen(seen);
            if !reached.is_empty() {
                steps.push((watch.fault, reached));
            }
        }
        for (fault, reached) in steps {
            self.reached(fault, reached, out);
        }
    }

    /// Tasks were sent: to those whose fault is in effect they count.
    pub(in crate::dispatcher) fn watch_sent(&mut self, kind: crate::ledger::Kind, first: u64, count: u32) {
        self.faults.watches.iter_mut().for_each(|watch| watch.sent(kind, first, count));
    }

    pub(super) fn reached(&mut self, fault: usize, steps: Vec<Reached>, out: &mut Commands) {
        if steps.is_empty() {
            return;
        }
        for (at_ns, step) in steps {
            out.fact(at_ns, Fact::Recovery { fault: self.plan.faults[fault].id.clone(), step });
        }
        let costs = &mut self.faults.costs;
        self.faults.watches.retain(|watch| {
            if watch.is_over() {
                costs.push((watch.fault, watch.cost()));
            }
            !watch.is_over()
        });
    }

    /// What every fault has cost, now that no answer will come any more. Returns the tasks lost by each.
    pub(in crate::dispatcher) fn tell_costs(&mut self, out: &mut Commands) -> Vec<(usize, u64)> {
        let mut costs = std::mem::take(&mut self.faults.costs);
        costs.extend(self.faults.watches.drain(..).map(|watch| (watch.fault, watch.cost())));
        costs.sort_by_key(|(fault, _)| *fault);
        for (fault, cost) in &costs {
            let fault = self.plan.faults[*fault].id.clone();
            let fact = Fact::Cost {
                fault,
                open: cost.open,
                late: cost.late,
                retried: cost.retried,
                lost: cost.lost,
            };
            out.fact(self.now_ns, fact);
        }
        costs.into_iter().map(|(fault, cost)| (fault, cost.lost)).collect()
    }
}
