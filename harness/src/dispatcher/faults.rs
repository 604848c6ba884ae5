//! When what is broken, when it is put back, and what is seen of the recovery.

mod asked;
mod causes;
mod conditions;
mod crash_loop;
mod flood;
mod life;
mod readings;
mod restart;
mod resumed;
mod watching;

use evidence::event::{Fact, FaultStep, Subject, Victim};
use scenarios::plan::{FaultKind, Means, When};

use super::command::{Command, Commands};
use super::event::Applied;
use super::state::{Stage, State};
use crate::members::Agent;
use crate::recovery::Watch;
use crash_loop::CrashLoop;
pub(super) use life::Faults;
use life::Life;
use readings::Subjects;

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

    /// When the last of those in effect is to be undone.
    pub(super) fn last_heal_ns(&self) -> Option<u64> {
        let until = self.faults.active.iter().filter_map(|&fault| match self.faults.lives[fault] {
            Life::Applied { until_ns } => Some(until_ns),
            _ => None,
        });
        until.max()
    }

    /// The next fault of the plan is due.
    pub(super) fn fault_due(&mut self, at_ns: u64, out: &mut Commands) {
        let fault = self.faults.next;
        self.faults.next += 1;
        match self.plan.faults[fault].when {
            When::Due {} => {
                self.note_lag(at_ns);
                self.try_to_begin(fault, out);
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
                self.try_to_begin(fault, out);
            } else {
                self.faults.live(fault, Life::AwaitsRound);
            }
        }
    }

    fn begin(&mut self, fault: usize, out: &mut Commands) {
        let planned = &self.plan.faults[fault];
        let (means, lasts, may_end) =
            (planned.kind.means(), planned.for_ns > 0, causes::may_end(&planned.kind));
        let agents = self.planned_victims(fault);
        let numbers: Vec<u32> = agents.iter().map(|(number, _)| *number).collect();
        if may_end {
            let processes = agents.iter().map(|(_, agent)| agent.pid).filter(|pid| *pid != 0);
            processes.for_each(|pid| self.faults.causes.blame(fault, pid));
        }
        self.ledger.expire(self.now_ns);
        self.faults.watches.push(Watch::asked(fault, self.members.workers_under(&numbers), lasts));
        self.faults.touched.insert(fault, numbers);
        self.faults.live(fault, Life::Asked);
        match means {
            Means::Host => {
                let victims = self.victims(&agents);
                out.push(Command::Inject { fault, victims });
            }
            Means::Target => self.ask_target(fault, out),
            Means::Load => self.begin_flood(fault, out),
            Means::Launch => self.begin_restart(fault, out),
        }
    }

    fn planned_victims(&self, fault: usize) -> Vec<(u32, Agent)> {
        let victims = self.plan.faults[fault].victims.as_ref();
        victims.map_or_else(Vec::new, |v| self.members.at_places(v.role, &v.places))
    }

    fn victims(&self, agents: &[(u32, Agent)]) -> Vec<chaos::Victim> {
        let victim = |(number, a): &(u32, Agent)| chaos::Victim {
            agent: *number,
            role: a.role,
            pid: a.pid,
            starttime: self.starttimes.get(&a.pid).copied().unwrap_or(0),
        };
        agents.iter().map(victim).collect()
    }

    /// To whom a fault without a system call is done: its victims, or this `part` where it has none. `None` if
    /// all of its victims are gone.
    fn subjects(&self, fault: usize, part: &str) -> Option<Subjects> {
        if self.plan.faults[fault].victims.is_none() {
            let part = Subject::Part { part: part.to_owned() };
            return Some(Subjects { there: vec![(part, self.target_pid)], absent: Vec::new() });
        }
        let subject = |(agent, a): &(u32, Agent)| (Subject::Agent { agent: *agent, role: a.role }, a.pid);
        let (alive, gone): (Vec<_>, Vec<_>) =
            self.planned_victims(fault).into_iter().partition(|(_, agent)| agent.alive);
        let absent = gone.iter().map(subject).map(|(s, pid)| readings::absent(s, pid, self.now_ns)).collect();
        (!alive.is_empty()).then(|| Subjects { there: alive.iter().map(subject).collect(), absent })
    }

    fn not_applied(&mut self, fault: usize, step: FaultStep, why: &str, out: &mut Commands) {
        let at_ns = self.now_ns;
        self.injected(fault, Applied { step, at_ns, victims: Vec::new(), why: Some(why.to_owned()) }, out);
    }

    /// A fault was applied, or could not be.
    pub(super) fn injected(&mut self, fault: usize, injected: Applied, out: &mut Commands) {
        if self.faults.lives[fault] != Life::Asked {
            return self.successor_ended(fault, &injected);
        }
        let applied = injected.step == FaultStep::Injected;
        let at_ns = injected.at_ns;
        let planned = &self.plan.faults[fault];
        let (for_ns, means) = (planned.for_ns, planned.kind.means());
        if applied && for_ns > 0 && matches!(planned.kind, FaultKind::Kill { .. }) {
            self.faults.crash_loops.insert(fault, CrashLoop::of(injected.victims.clone()));
        }
        self.fault_fact(fault, injected, out);
        self.faults.over = Some((fault, self.now_ns));
        if !applied {
            self.faults.watches.retain(|watch| watch.fault != fault);
            self.faults.causes.forget(fault);
            self.faults.live(fault, Life::Done);
            return self.go_on_when_healed(out);
        }
        self.faults.live(
            fault,
            match (means, for_ns) {
                (Means::Load, 0) => Life::Healing,
                (_, 0) => Life::Done,
                // Where the run is ending, nothing is kept broken for longer.
                _ if self.hurries() => Life::Applied { until_ns: self.now_ns },
                _ => Life::Applied { until_ns: at_ns + for_ns },
            },
        );
        let now_ns = self.now_ns;
        let (ledger, members) = (&self.ledger, &self.members);
        let watch = self.faults.watches.iter_mut().find(|watch| watch.fault == fault);
        let reached = watch.map_or_else(Vec::new, |watch| {
            watch.members_changed(members);
            watch.injected(at_ns, now_ns, ledger)
        });
        self.reached(fault, reached, out);
        self.go_on_when_healed(out);
    }

    pub(super) fn order_heal(&mut self, fault: usize, out: &mut Commands) {
        self.faults.live(fault, Life::Healing);
        match self.plan.faults[fault].kind.means() {
            Means::Host => match self.faults.crash_loops.remove(&fault) {
                Some(crash_loop) => self.end_crash_loop(fault, crash_loop, out),
                None => out.push(Command::Heal { fault }),
            },
            Means::Target => self.ask_to_heal(fault, out),
            Means::Load => self.end_flood(fault, out),
            Means::Launch => self.start_again(fault, out),
        }
    }

    /// Nothing was heard of a fault in time.
    pub(super) fn unheard(&mut self, fault: usize, out: &mut Commands) {
        self.faults.heard_of(fault);
        match self.plan.faults[fault].kind.means() {
            Means::Target => self.target_silent(fault, out),
            Means::Load => self.conclude_flood(fault, out),
            Means::Launch => self.restart_silent(fault, out),
            Means::Host => {}
        }
    }

    /// The target is gone: what it was asked for, or was sent, is over.
    pub(super) fn conclude_faults(&mut self, out: &mut Commands) {
        for fault in self.faults.active.clone() {
            match self.plan.faults[fault].kind.means() {
                _ if !self.faults.lives[fault].in_effect() => {}
                Means::Target => self.target_gone(fault, out),
                Means::Load => self.conclude_flood(fault, out),
                Means::Launch => self.restart_cut_short(fault, out),
                Means::Host => {}
            }
        }
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
    pub(super) fn healed(
        &mut self,
        fault: usize,
        observed: Vec<Victim>,
        healed: Applied,
        out: &mut Commands,
    ) {
        let at_ns = healed.at_ns;
        self.observed(fault, observed, at_ns, out);
        self.fault_fact(fault, healed, out);
        self.faults.over = Some((fault, self.now_ns));
        self.faults.causes.over(fault, at_ns);
        self.faults.live(fault, Life::Done);
        let watch = self.faults.watches.iter_mut().find(|watch| watch.fault == fault);
        let reached = watch.map_or_else(Vec::new, |watch| watch.healed(at_ns));
        self.reached(fault, reached, out);
        self.go_on_when_healed(out);
    }

    /// What was seen of the effect of a fault, where that was not known at its injection.
    fn observed(&self, fault: usize, victims: Vec<Victim>, healed_ns: u64, out: &mut Commands) {
        if victims.is_empty() {
            return;
        }
        let read = victims.iter().flat_map(|v| &v.readings).map(|r| r.at_ns).max();
        let at_ns = read.map_or(healed_ns, |at_ns| at_ns.min(healed_ns));
        self.fault_fact(fault, Applied { step: FaultStep::Observed, at_ns, victims, why: None }, out);
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
            let why = match life {
                Life::Planned => why.to_owned(),
                Life::AwaitsRound | Life::Armed { .. } => {
                    format!("no round was in flight from when it was due; {why}")
                }
                Life::Waiting => format!("it could not begin from when it was due; {why}"),
                Life::Asked | Life::Applied { .. } | Life::Healing | Life::Done => continue,
            };
            self.skip(fault, why, out);
        }
        self.faults.next = self.plan.faults.len();
    }

    fn skip(&mut self, fault: usize, why: String, out: &mut Commands) {
        let (step, at_ns) = (FaultStep::Skipped, self.now_ns);
        self.fault_fact(fault, Applied { step, at_ns, victims: Vec::new(), why: Some(why) }, out);
        self.faults.live(fault, Life::Done);
    }

    fn hurries(&self) -> bool {
        self.how.is_some() || self.stage != Stage::Running && self.stage != Stage::Healing
    }
}
