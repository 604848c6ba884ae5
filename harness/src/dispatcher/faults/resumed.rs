//! What became of faults while no harness was there. None is injected again.

use std::collections::BTreeMap;

use evidence::event::{Event, Fact, FaultStep, RecoveryStep, Takeover, Victim};
use scenarios::plan::{Means, Plan};

use super::Life;
use super::causes::may_end;
use super::life::Faults;
use crate::dispatcher::command::Commands;
use crate::dispatcher::event::Applied;
use crate::dispatcher::resume::Resumption;
use crate::dispatcher::state::State;
use crate::members::Members;
use crate::recovery::{Cost, Watch};

/// How long before a death a fault may have begun that ended a process after it.
const LINGERS_NS: u64 = 10_000_000_000;

/// What the history says of one fault.
#[derive(Default)]
struct Past<'a> {
    injected: Option<(u64, &'a [Victim])>,
    healed_ns: Option<u64>,
    succeeded: bool,
}

impl<'a> Past<'a> {
    fn of(id: &str, history: &'a [Event]) -> Self {
        let mut past = Self::default();
        for event in history {
            match &event.fact {
                Fact::Fault { fault, step: FaultStep::Injected, victims, .. } if fault == id => {
                    past.injected = Some((event.at_ns, victims));
                }
                Fact::Fault { fault, step: FaultStep::Healed | FaultStep::Failed, .. } if fault == id => {
                    past.healed_ns = Some(event.at_ns);
                }
                Fact::Recovery { fault, step: RecoveryStep::FirstSuccess } if fault == id => {
                    past.succeeded = true;
                }
                _ => {}
            }
        }
        past
    }
}

impl Faults {
    /// Goes on with what earlier faults have cost, and watches for the first success after those from which a target
    /// that lives was not seen to recover. What was open is hidden, so that neither the end of the round in flight
    /// nor that of the last of these tasks can be seen any more.
    pub(in crate::dispatcher) fn go_on(&mut self, plan: &Plan, from: &Resumption, members: &Members) {
        let costs = &from.checkpoint.costs;
        self.costs = costs.iter().filter(|(fault, _)| *fault < self.lives.len()).copied().collect();
        for (index, fault) in plan.faults.iter().enumerate() {
            let past = Past::of(&fault.id, &from.history);
            let Some((injected_ns, victims)) = past.injected else { continue };
            let over_ns = if fault.for_ns == 0 { Some(injected_ns) } else { past.healed_ns };
            let later = |over_ns: &u64| self.over.is_none_or(|(_, last_ns)| *over_ns > last_ns);
            self.over = over_ns.filter(later).map(|over_ns| (index, over_ns)).or(self.over);
            if past.succeeded || from.takeover != Takeover::Kept {
                continue;
            }
            let agents: Vec<u32> = victims.iter().filter_map(|victim| victim.subject.agent()).collect();
            let cost = self.costs.iter().position(|(of, _)| *of == index);
            let cost = cost.map_or_else(Cost::default, |place| self.costs.swap_remove(place).1);
            self.watches.push(Watch::resumed(index, members.workers_under(&agents), injected_ns, cost));
        }
        self.members_changed(members);
    }

    /// What every fault so far has cost, as far as that is known.
    pub(in crate::dispatcher) fn known_costs(&self) -> Vec<(usize, Cost)> {
        let watched = self.watches.iter().map(|watch| (watch.fault, watch.known_cost()));
        self.costs.iter().copied().chain(watched).collect()
    }

    /// The processes that faults were done to shortly before the harness died: their end is the work of these.
    pub(in crate::dispatcher) fn blame_for(
        &mut self,
        plan: &Plan,
        history: &[Event],
        died_ns: u64,
        now_ns: u64,
    ) {
        for event in history.iter().filter(|event| event.at_ns + LINGERS_NS >= died_ns) {
            let Fact::Fault { fault, step: FaultStep::Injected, victims, .. } = &event.fact else { continue };
            let Some(index) = plan.faults.iter().position(|f| f.id == *fault) else { continue };
            if !may_end(&plan.faults[index].kind) {
                continue;
            }
            victims.iter().filter(|victim| victim.pid != 0).for_each(|v| self.causes.blame(index, v.pid));
            self.causes.over(index, now_ns);
        }
    }
}

impl State {
    /// Faults that were over stay so; those in effect at the death are over; those due since are skipped.
    pub(in crate::dispatcher) fn faults_go_on(
        &mut self,
        from: &Resumption,
        zero_ns: u64,
        out: &mut Commands,
    ) {
        let mut last: BTreeMap<&str, FaultStep> = BTreeMap::new();
        for event in &from.history {
            if let Fact::Fault { fault, step, .. } = &event.fact {
                last.insert(fault, *step);
            }
        }
        let now_ns = self.now_ns;
        for index in 0..self.plan.faults.len() {
            let fault = &self.plan.faults[index];
            let due = zero_ns + fault.at_ns <= now_ns;
            let lasts = fault.for_ns > 0 || fault.kind.means() == Means::Load;
            match last.get(fault.id.as_str()) {
                Some(FaultStep::Injected | FaultStep::Observed) if lasts => {
                    self.ended_unseen(index, from, out)
                }
                Some(_) => {}
                None if !due => continue,
                None if from.undone.contains_key(&fault.id) => self.ended_unseen(index, from, out),
                None => {
                    let why = Some("no harness was there when it was due".to_owned());
                    self.unseen_fact(index, FaultStep::Skipped, now_ns, why, out);
                }
            }
            self.faults.lives[index] = Life::Done;
            self.faults.done += 1;
        }
        let planned = self.plan.faults.iter().take_while(|fault| zero_ns + fault.at_ns <= now_ns);
        self.faults.next = planned.count();
    }

    /// A fault was in effect, or just being applied, when the harness died.
    fn ended_unseen(&mut self, fault: usize, from: &Resumption, out: &mut Commands) {
        let at_ns = from.healed_ns.unwrap_or(self.now_ns);
        let planned = &self.plan.faults[fault];
        let (id, means) = (planned.id.clone(), planned.kind.means());
        let lives = from.takeover == Takeover::Kept;
        if means == Means::Target && lives {
            out.tell(protocol::Command::Heal { fault: id.clone() });
        }
        let (step, why) = match (means, from.undone.get(&id).map(Vec::as_slice)) {
            (_, Some([])) => {
                (FaultStep::Healed, "the harness died and the guardian has undone it".to_owned())
            }
            (_, Some(failed)) => (FaultStep::Failed, format!("the harness died: {}", failed.join("; "))),
            (Means::Target, None) if !lives => {
                (FaultStep::Healed, "the harness died and the target has ended".to_owned())
            }
            _ => (FaultStep::Failed, "the harness died while it was in effect".to_owned()),
        };
        self.unseen_fact(fault, step, at_ns, Some(why), out);
        self.faults.over = Some((fault, self.now_ns));
    }

    fn unseen_fact(
        &self,
        fault: usize,
        step: FaultStep,
        at_ns: u64,
        why: Option<String>,
        out: &mut Commands,
    ) {
        let victims: Vec<Victim> = Vec::new();
        self.fault_fact(fault, Applied { step, at_ns, victims, why }, out);
    }
}
