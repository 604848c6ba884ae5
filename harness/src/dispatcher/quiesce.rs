//! Points at which no work is given out until the target has come to rest and was read.
//!
//! Rounds and single tasks that the plan has in that time are not due then: they are withheld and counted, which
//! is no shedding. What is open is waited for, then the target rests for a moment, then its processes are read,
//! and work goes on. If it does not come to rest in time it is read all the same, and the evidence says so.

use evidence::event::{Edge, Fact};
use evidence::sample::Mark;
use scenarios::plan;

use super::command::Commands;
use super::state::State;
use crate::ledger::Kind;

/// How long the target rests before it is read, at most: time to give back what a task held.
const REST_NS: u64 = 2_000_000_000;
/// How long the reading may take beyond that.
const READ_WITHIN_NS: u64 = 10_000_000_000;

/// Where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Work goes on.
    Working,
    /// What is open is waited for.
    Emptying { until_ns: u64 },
    /// Nothing is given out and nothing is open, or it was waited for long enough.
    Resting { until_ns: u64, rested: bool },
    /// The processes are being read.
    Reading { until_ns: u64, rested: bool },
}

/// The points of the plan and where it is between them.
#[derive(Debug)]
pub(super) struct Quiescing {
    plan: Option<plan::Quiesce>,
    /// From the plan's zero to the beginning of the hold phase, in nanoseconds.
    hold_ns: u64,
    /// The point that is under way, or the last one, from 1.
    point: u32,
    step: Step,
    /// Rounds and single tasks that would have been due since it began.
    withheld: u64,
}

impl Quiescing {
    pub(super) fn new(plan: &plan::Plan) -> Self {
        Self {
            plan: plan.soak.quiesce.filter(|quiesce| quiesce.every_ns > 0),
            hold_ns: plan.phases.iter().find(|p| p.name == "hold").map_or(0, |p| p.at_ns),
            point: 0,
            step: Step::Working,
            withheld: 0,
        }
    }
}

impl Quiescing {
    /// Goes on where so much of the plan's time has passed and this point was the last that came to its end. The
    /// newest of those that were due since, or that was cut short, is made up for at once; others are left out.
    pub(super) fn go_on(&mut self, passed_ns: u64, ended: u32) {
        if let Some(plan) = self.plan {
            let held_ns = passed_ns.saturating_sub(self.hold_ns);
            let due = u32::try_from(held_ns / plan.every_ns).unwrap_or(u32::MAX);
            self.point = if due > ended { due - 1 } else { due };
        }
    }
}

impl State {
    /// Whether no work is given out at the moment.
    pub(super) fn is_quiescing(&self) -> bool {
        self.quiescing.step != Step::Working
    }

    /// So much of the plan's work is not due because the target is to come to rest.
    pub(super) fn withhold(&mut self, count: u64) {
        self.quiescing.withheld += count;
    }

    /// When the next point is due, or the next step of the one that is under way.
    pub(super) fn next_quiesce_ns(&self) -> Option<u64> {
        let plan = self.quiescing.plan?;
        match self.quiescing.step {
            Step::Working => {
                let nth = u64::from(self.quiescing.point) + 1;
                let offset_ns = nth.checked_mul(plan.every_ns)?.checked_add(self.quiescing.hold_ns)?;
                let at_ns = self.timeline.zero_ns()?.checked_add(offset_ns)?;
                // One that would end behind the load is left to the drain.
                let end_ns = at_ns.saturating_add(plan.within_ns);
                (end_ns < self.timeline.load_ends_ns()?).then_some(at_ns)
            }
            Step::Emptying { until_ns } | Step::Resting { until_ns, .. } | Step::Reading { until_ns, .. } => {
                Some(until_ns)
            }
        }
    }

    /// A point, or the next step of it, is due.
    pub(super) fn quiesce_due(&mut self, at_ns: u64, out: &mut Commands) {
        let Some(plan) = self.quiescing.plan else { return };
        match self.quiescing.step {
            Step::Working => {
                self.quiescing.point += 1;
                self.quiescing.withheld = 0;
                let until_ns = at_ns.max(self.now_ns).saturating_add(plan.within_ns);
                self.quiescing.step = Step::Emptying { until_ns };
                let point = self.quiescing.point;
                out.fact(self.now_ns, Fact::Quiesce { point, edge: Edge::Begin, rested: None, withheld: 0 });
                self.rest_if_nothing_is_open();
            }
            Step::Emptying { .. } => self.rest(false),
            Step::Resting { rested, .. } => {
                let rested = rested && !self.faults.any_in_effect();
                let until_ns = self.now_ns.saturating_add(READ_WITHIN_NS);
                self.quiescing.step = Step::Reading { until_ns, rested };
                self.mark(Mark::Quiesced, out);
            }
            Step::Reading { .. } => self.end_quiesce(false, out),
        }
    }

    /// What was open may be answered by now.
    pub(super) fn rest_if_nothing_is_open(&mut self) {
        if !matches!(self.quiescing.step, Step::Emptying { .. }) {
            return;
        }
        self.ledger.expire(self.now_ns);
        let open = |kind| self.ledger.in_flight(kind) > 0;
        if ![Kind::Round, Kind::Single, Kind::Flood].into_iter().any(open) {
            self.rest(true);
        }
    }

    fn rest(&mut self, rested: bool) {
        let within_ns = self.quiescing.plan.map_or(0, |plan| plan.within_ns);
        let until_ns = self.now_ns.saturating_add(REST_NS.min(within_ns));
        self.quiescing.step = Step::Resting { until_ns, rested };
    }

    /// The processes were read for the point that is under way.
    pub(super) fn quiesced(&mut self, out: &mut Commands) {
        if let Step::Reading { rested, .. } = self.quiescing.step {
            self.end_quiesce(rested, out);
        }
    }

    /// Work goes on, or the load is over.
    pub(super) fn end_quiesce(&mut self, rested: bool, out: &mut Commands) {
        if !self.is_quiescing() {
            return;
        }
        self.quiescing.step = Step::Working;
        let (point, withheld) = (self.quiescing.point, self.quiescing.withheld);
        out.fact(self.now_ns, Fact::Quiesce { point, edge: Edge::End, rested: Some(rested), withheld });
        // A point that took longer than the time to the next leaves that one out.
        if let (Some(plan), Some(zero_ns)) = (self.quiescing.plan, self.timeline.zero_ns()) {
            let held_ns = self.now_ns.saturating_sub(zero_ns + self.quiescing.hold_ns);
            let passed = u32::try_from(held_ns / plan.every_ns).unwrap_or(u32::MAX);
            self.quiescing.point = point.max(passed);
        }
    }
}
