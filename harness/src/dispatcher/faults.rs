//! When what is broken, when it is put back, and what is seen of the recovery.

use std::collections::HashMap;

use evidence::event::{Fact, FaultStep};
use scenarios::plan::When;

use super::command::{Command, Commands};
use super::event::Applied;
use super::state::{Stage, State};
use crate::members::Members;
use crate::recovery::{Reached, Seen, Watch};

/// Where a fault is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Not due yet.
    Planned,
    /// Due, and waiting for the next round to be sent.
    AwaitsRound,
    /// Due at this time, if this round is still open then.
    Armed { at_ns: u64, round: u64 },
    /// Being applied.
    Asked,
    /// Applied, and to be undone at this time.
    Applied { until_ns: u64 },
    /// Being undone.
    Healing,
    /// Applied and undone, or not applied.
    Done,
}

/// All faults of the plan.
#[derive(Debug)]
pub(super) struct Faults {
    lives: Vec<Life>,
    next: usize,
    /// Faults that are neither planned nor done.
    active: Vec<usize>,
    done: usize,
    causes: HashMap<u32, usize>,
    watches: Vec<Watch>,
    /// What the faults cost whose watch is over.
    costs: Vec<(usize, crate::recovery::Cost)>,
}

impl Faults {
    pub(super) fn new(count: usize) -> Self {
        Self {
            lives: vec![Life::Planned; count],
            next: 0,
            active: Vec::new(),
            done: 0,
            causes: HashMap::new(),
            watches: Vec::new(),
            costs: Vec::new(),
        }
    }

    /// How many are over, or applied with nothing to undo.
    pub(super) fn done(&self) -> usize {
        self.done
    }

    /// The fault that was done to this process, which has ended.
    pub(super) fn take_cause(&mut self, pid: u32) -> Option<usize> {
        self.causes.remove(&pid)
    }

    fn forget_causes(&mut self, fault: usize) {
        self.causes.retain(|_, cause| *cause != fault);
    }

    pub(super) fn members_changed(&mut self, members: &Members) {
        self.watches.iter_mut().for_each(|watch| watch.members_changed(members));
    }

    /// Whether something is being applied, is in effect or is being undone.
    pub(super) fn any_in_effect(&self) -> bool {
        self.active
            .iter()
            .any(|&f| matches!(self.lives[f], Life::Asked | Life::Applied { .. } | Life::Healing))
    }

    pub(super) fn next_armed_ns(&self) -> Option<u64> {
        self.armed().map(|(at_ns, _, _)| at_ns).min()
    }

    fn armed(&self) -> impl Iterator<Item = (u64, usize, u64)> {
        self.active.iter().filter_map(|&fault| match self.lives[fault] {
            Life::Armed { at_ns, round } => Some((at_ns, fault, round)),
            _ => None,
        })
    }

    fn live(&mut self, fault: usize, life: Life) {
        if self.lives[fault] == Life::Planned {
            self.active.push(fault);
        }
        self.lives[fault] = life;
        if life == Life::Done {
            self.active.retain(|f| *f != fault);
            self.done += 1;
        }
    }
}

impl State {
    pub(super) fn next_fault_ns(&self) -> Option<u64> {
        let fault = self.plan.faults.get(self.faults.next)?;
        Some(self.timeline.zero_ns()? + fault.at_ns)
    }

    pub(super) fn next_heal(&self) -> Option<(u64, usize)> {
        let applied = self.faults.active.iter().filter_map(|&fault| match self.faults.lives[fault] {
            Life::Applied { until_ns } => Some((until_ns, fault)),
            _ => None,
        });
        applied.min()
    }

    /// The next fault of the plan is due.
    pub(super) fn fault_due(&mut self, at_ns: u64, out: &mut Commands) {
        let fault = self.faults.next;
        self.faults.next += 1;
        match self.plan.faults[fault].when {
            When::Due {} => {
                self.note_lag(at_ns);
                self.order_injection(fault, out);
            }
            When::RoundInFlight { .. } => self.faults.live(fault, Life::AwaitsRound),
        }
    }

    /// A round was sent: faults that waited for one are due within it.
    pub(super) fn arm_faults(&mut self, round: u64, started_ns: u64) {
        for index in 0..self.faults.active.len() {
            let fault = self.faults.active[index];
            if let (Life::AwaitsRound, When::RoundInFlight { after_ns }) =
                (self.faults.lives[fault], self.plan.faults[fault].when.clone())
            {
                self.faults.lives[fault] = Life::Armed { at_ns: started_ns + after_ns, round };
            }
        }
    }

    /// A fault that waited for its round is due, if the round is still open; else it waits for the next.
    pub(super) fn armed_fault_due(&mut self, at_ns: u64, out: &mut Commands) {
        let due: Vec<_> = self.faults.armed().filter(|(at, ..)| *at <= at_ns).collect();
        for (_, fault, round) in due {
            if self.rounds.is_open(round) {
                self.note_lag(at_ns);
                self.order_injection(fault, out);
            } else {
                self.faults.live(fault, Life::AwaitsRound);
            }
        }
    }

    fn order_injection(&mut self, fault: usize, out: &mut Commands) {
        let planned = &self.plan.faults[fault];
        let agents = self.members.at_places(planned.victims.role, &planned.victims.places);
        let numbers: Vec<u32> = agents.iter().map(|(number, _)| *number).collect();
        let victims: Vec<chaos::Victim> = agents
            .iter()
            .map(|(number, a)| chaos::Victim {
                agent: *number,
                role: a.role,
                pid: a.pid,
                starttime: self.starttimes.get(&a.pid).copied().unwrap_or(0),
            })
            .collect();
        for victim in victims.iter().filter(|v| v.pid != 0) {
            self.faults.causes.insert(victim.pid, fault);
        }
        let lasts = planned.kind.for_ns() > 0;
        self.ledger.expire(self.now_ns);
        self.faults.watches.push(Watch::asked(fault, self.members.workers_under(&numbers), lasts));
        self.faults.live(fault, Life::Asked);
        out.push(Command::Inject { fault, victims });
    }

    /// A fault was applied, or could not be.
    pub(super) fn injected(&mut self, fault: usize, injected: Applied, out: &mut Commands) {
        let applied = injected.step == FaultStep::Injected;
        let at_ns = injected.at_ns;
        self.fault_fact(fault, injected, out);
        if !applied {
            self.faults.watches.retain(|watch| watch.fault != fault);
            self.faults.forget_causes(fault);
            self.faults.live(fault, Life::Done);
            return;
        }
        let for_ns = self.plan.faults[fault].kind.for_ns();
        if for_ns == 0 {
            self.faults.live(fault, Life::Done);
        } else {
            // Where the run is ending, nothing is kept broken for longer.
            let until_ns = if self.hurries() { self.now_ns } else { at_ns + for_ns };
            self.faults.live(fault, Life::Applied { until_ns });
        }
        let now_ns = self.now_ns;
        let (ledger, members) = (&self.ledger, &self.members);
        let watch = self.faults.watches.iter_mut().find(|watch| watch.fault == fault);
        let reached = watch.map_or_else(Vec::new, |watch| {
            watch.members_changed(members);
            watch.injected(at_ns, now_ns, ledger)
        });
        self.reached(fault, reached, out);
    }

    pub(super) fn order_heal(&mut self, fault: usize, out: &mut Commands) {
        self.faults.live(fault, Life::Healing);
        out.push(Command::Heal { fault });
    }

    /// Everything that is in effect is undone now.
    pub(super) fn heal_all(&mut self, out: &mut Commands) {
        for fault in self.faults.active.clone() {
            if matches!(self.faults.lives[fault], Life::Applied { .. }) {
                self.order_heal(fault, out);
            }
        }
    }

    /// A fault was undone, or could not be.
    pub(super) fn healed(&mut self, fault: usize, healed: Applied, out: &mut Commands) {
        let at_ns = healed.at_ns;
        self.fault_fact(fault, healed, out);
        self.faults.forget_causes(fault);
        self.faults.live(fault, Life::Done);
        let watch = self.faults.watches.iter_mut().find(|watch| watch.fault == fault);
        let reached = watch.map_or_else(Vec::new, |watch| watch.healed(at_ns));
        self.reached(fault, reached, out);
        self.go_on_when_healed(out);
    }

    fn fault_fact(&self, fault: usize, applied: Applied, out: &mut Commands) {
        let Applied { step, at_ns, victims, why } = applied;
        let fault = self.plan.faults[fault].id.clone();
        out.fact(at_ns, Fact::Fault { fault, step, victims, why });
    }

    /// No more faults: those that were not applied are skipped, for this reason.
    pub(super) fn skip_faults(&mut self, why: &str, out: &mut Commands) {
        for fault in 0..self.plan.faults.len() {
            let life = self.faults.lives[fault];
            if matches!(life, Life::Planned | Life::AwaitsRound | Life::Armed { .. }) {
                let why = if life == Life::Planned {
                    why.to_owned()
                } else {
                    format!("no round was in flight from when it was due; {why}")
                };
                let (step, at_ns) = (FaultStep::Skipped, self.now_ns);
                self.fault_fact(fault, Applied { step, at_ns, victims: Vec::new(), why: Some(why) }, out);
                self.faults.live(fault, Life::Done);
            }
        }
        self.faults.next = self.plan.faults.len();
    }

    /// A task ended: every fault whose recovery is watched may have come a step further.
    pub(super) fn watch_recovery(&mut self, seen: &Seen, out: &mut Commands) {
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
    pub(super) fn watch_sent(&mut self, kind: crate::ledger::Kind, first: u64, count: u32) {
        self.faults.watches.iter_mut().for_each(|watch| watch.sent(kind, first, count));
    }

    fn reached(&mut self, fault: usize, steps: Vec<Reached>, out: &mut Commands) {
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

    /// What every fault has cost, now that no answer will come any more.
    pub(super) fn tell_costs(&mut self, out: &mut Commands) {
        let mut costs = std::mem::take(&mut self.faults.costs);
        costs.extend(self.faults.watches.drain(..).map(|watch| (watch.fault, watch.cost())));
        costs.sort_by_key(|(fault, _)| *fault);
        for (fault, cost) in costs {
            let fault = self.plan.faults[fault].id.clone();
            let fact = Fact::Cost { fault, open: cost.open, late: cost.late, lost: cost.lost };
            out.fact(self.now_ns, fact);
        }
    }

    fn hurries(&self) -> bool {
        self.how.is_some() || self.stage != Stage::Running && self.stage != Stage::Healing
    }
}
