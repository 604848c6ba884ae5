//! Going on with the run of a harness that died: the schedule stands where the run's clock says, what was counted
//! goes on, and what nobody saw is told as such.

use std::collections::BTreeMap;

use evidence::event::{Edge, Event, Fact, IncidentKind, MemberState as Became, Severity, Takeover};
use evidence::role::Role;
use protocol::{Capability, Member, MemberState, Report};
use scenarios::plan::Plan;

use super::command::{Command, Commands};
use super::hung::Heard;
use super::launch::member_fact;
use super::state::{Stage, State};
use crate::checkpoint::Checkpoint;
use crate::ledger::Sent;
use crate::members::Members;
use crate::recorder::Record;
use crate::target::shown;

/// How far before the checkpoint the history is looked through for what became of agents: the target tells a little
/// later, with the time at which it happened.
const TOLD_LATE_NS: u64 = 10_000_000_000;
/// How much of an error that a target reports is kept, in characters.
const MAX_MESSAGE: usize = 500;

/// What is known of a run whose harness died. Times are nanoseconds since the start of the run.
#[derive(Debug, Clone)]
pub struct Resumption {
    /// Where it was.
    pub checkpoint: Checkpoint,
    /// What was handed to the target by the time of the death.
    pub sent: Sent,
    /// Everything that happened.
    pub history: Vec<Event>,
    /// What became of the target.
    pub takeover: Takeover,
    /// Now.
    pub now_ns: u64,
    /// When the guardian had undone what was in effect, where that is known.
    pub healed_ns: Option<u64>,
    /// Faults that were undone by the guardian, with what could not be undone.
    pub undone: BTreeMap<String, Vec<String>>,
    /// How the target ended while no harness was there, where it did.
    pub exited: Option<String>,
    /// Tasks whose fate nobody saw.
    pub hidden: u64,
}

impl State {
    /// A run that goes on. `zero_monotonic_ns` is `CLOCK_MONOTONIC` at its start; before this boot it wraps around.
    #[must_use]
    pub fn resume(plan: Plan, run_id: String, zero_monotonic_ns: u64, mut from: Resumption) -> Self {
        let mut state = Self::new(plan, run_id, zero_monotonic_ns);
        let lives = from.takeover == Takeover::Kept;
        let was = &from.checkpoint;
        let takeovers = from.history.iter().filter(|e| matches!(e.fact, Fact::Resumed { .. })).count();
        state.segment = u32::try_from(takeovers).unwrap_or(u32::MAX - 2) + 2;
        state.now_ns = from.now_ns;
        from.hidden = state.ledger.go_on(&was.ledger, from.sent, lives);
        state.rounds_done = was.rounds_done;
        (state.shed, state.lag_ns, state.sampling.ticks) = (was.shed, was.lag_ns, was.ticks);
        state.workers = was.workers;
        state.sampling.baseline = was.baseline;
        if lives {
            state.tells = was.tells.clone();
            state.members = members_at_death(&from);
        }
        state.incidents.go_on(&state.plan, &from, &mut state.members);
        let (alerts, open) = (&state.plan.soak.alerts, state.incidents.open());
        state.alerts.go_on(alerts, open, &from.history, &was.grown_from);
        state.faults.go_on(&state.plan, &from, &state.members);
        // A host that slept, or a clock that was set, while nobody looked; a boot begins with other clocks.
        let monotonic_ns = i64::try_from(zero_monotonic_ns.wrapping_add(from.now_ns)).ok();
        let clocks = was.clocks.filter(|_| from.takeover != Takeover::Rebooted);
        state.clocks = clocks.zip(monotonic_ns).map(|(clocks, now)| clocks.undisturbed_at(now));
        state.heard = Heard::of_the_dead(&from.checkpoint.hearing, from.now_ns);
        state.resuming = Some(Box::new(from));
        state
    }

    /// Where the run is, for a harness that may have to go on with it; nowhere before its timeline began.
    pub(super) fn write_checkpoint(&self, out: &mut Commands) {
        let Some(zero_ns) = self.timeline.zero_ns() else { return };
        let (members, leader) = self.members.to_known();
        let checkpoint = Checkpoint {
            at_ns: self.now_ns,
            zero_ns,
            zero_monotonic_ns: self.zero_monotonic_ns,
            ledger: self.ledger.standing(),
            rounds_done: self.rounds_done,
            shed: self.shed,
            ticks: self.sampling.ticks,
            lag_ns: self.lag_ns,
            clocks: self.clocks,
            incidents: self.incidents.count(),
            members,
            leader,
            workers: self.workers,
            tells: self.tells.clone(),
            costs: self.faults.known_costs(),
            baseline: self.sampling.baseline,
            grown_from: self.alerts.grown_from(),
            hearing: self.heard.standing(),
            ..Checkpoint::default()
        };
        out.record(Record::Checkpoint(Box::new(checkpoint)));
    }

    /// What was handed to the target so far.
    #[must_use]
    pub fn sent(&self) -> Sent {
        self.ledger.sent()
    }

    /// The living target of a dead harness was taken over: it is asked who is who.
    pub(super) fn taken_over(&mut self, pid: u32, out: &mut Commands) {
        self.target_pid = pid;
        out.tell(protocol::Command::Attach { protocol: protocol::VERSION, run: self.run_id.clone() });
        self.stage = Stage::Attaching;
        self.deadline_ns = Some(self.now_ns + self.plan.target.ready_within_ms * 1_000_000);
    }

    /// What a target says that was taken over: first what it had to say to the harness before.
    pub(super) fn reported_in_attaching(&mut self, report: Report, out: &mut Commands) {
        match report {
            Report::Attached { members, gone } => self.attached(&members, &gone, out),
            // What the dead harness could not write to its end is no command.
            Report::Error { message } => {
                let text = format!("the target, when it was taken over: {}", shown(&message, MAX_MESSAGE));
                out.fact(self.now_ns, Fact::Note { text });
            }
            Report::Answers { .. }
            | Report::Member { .. }
            | Report::Suspected { .. }
            | Report::Elected { .. }
            | Report::Assigned { .. }
            | Report::Gauge { .. } => self.reported_at_work(report, out),
            // Answers to what was asked by a harness that is dead.
            _ => {}
        }
    }

    fn attached(&mut self, members: &[Member], gone: &[u32], out: &mut Commands) {
        if let Some(from) = self.resuming.take() {
            self.faults.blame_for(&self.plan, &from.history, from.checkpoint.at_ns, self.now_ns);
            self.resuming = Some(from);
        }
        for member in members {
            self.compare_member(member, gone.contains(&member.agent), out);
        }
        if self.members.of_role(Role::Worker) == 0 {
            return self.breach("`attached` without a single worker", out);
        }
        self.deadline_ns = None;
        self.stage = Stage::Identifying;
        let mut pids: Vec<u32> =
            self.members.iter().filter(|(_, a)| a.alive && a.pid != 0).map(|(_, a)| a.pid).collect();
        pids.push(self.target_pid);
        out.push(Command::Identify(pids));
    }

    /// What became of an agent while no harness was there.
    fn compare_member(&mut self, member: &Member, gone: bool, out: &mut Commands) {
        let known = self.members.get(member.agent);
        let replaced = known.is_none_or(|known| member.epoch > known.epoch);
        if let Some(known) = known.filter(|known| known.alive && (replaced || gone)) {
            self.members.vanished(member.agent, known.pid);
            let status = Some("it ended while no harness was there".to_owned());
            self.left(&known.member(member.agent), status, self.now_ns, out);
        }
        if replaced {
            let was = self.members.get(member.agent);
            self.members.changed(member, MemberState::Replaced, self.now_ns);
            if gone {
                self.members.vanished(member.agent, member.pid);
            } else {
                out.fact(self.now_ns, member_fact(member, Became::Replaced, None, None));
                self.replaced(member, was, self.now_ns, out);
            }
        } else {
            self.members.changed(member, MemberState::Moved, self.now_ns);
        }
    }

    /// The target can take work: the timeline goes on where the run's clock says.
    pub(super) fn go_on(&mut self, from: &Resumption, out: &mut Commands) {
        let was = &from.checkpoint;
        let now_ns = self.now_ns;
        let ended = self.close_history(from, out);
        let (segment, from_ns, hidden, target) = (self.segment, was.at_ns, from.hidden, from.takeover);
        out.fact(now_ns, Fact::Resumed { segment, from_ns, hidden, target });
        if let Some(status) = &from.exited {
            let asked =
                from.history.iter().any(|e| matches!(&e.fact, Fact::Phase { phase, .. } if phase == "stop"));
            if !asked {
                let what = format!("the target ended ({status}) while no harness was there");
                self.incident(now_ns, IncidentKind::Crash, Severity::Critical, None, &what, out);
            }
        }
        let passed_ns = now_ns.saturating_sub(was.zero_ns);
        self.leave_phase(now_ns, out);
        self.timeline.go_on(was.zero_ns, now_ns);
        if let Some(rounds) = &self.plan.workload.rounds {
            self.next_round = passed_ns.div_ceil(rounds.every_ns.max(1));
        }
        if let Some(arrivals) = &mut self.arrivals {
            while arrivals.pop(passed_ns).is_some() {}
        }
        self.sampling.go_on(passed_ns);
        self.tally.go_on(passed_ns, self.interval_ns);
        self.quiescing.go_on(passed_ns, ended);
        self.faults_go_on(from, was.zero_ns, out);
        if target != Takeover::Kept {
            self.hear_another(&members_at_death(from));
        }
        self.alerts_go_on(target == Takeover::Kept, out);
        self.incidents_go_on(out);
        let held =
            from.history.iter().any(|e| matches!(&e.fact, Fact::Phase { phase, .. } if phase == "hold"));
        self.go_on_with_phase(held, out);
        self.write_checkpoint(out);
    }

    /// Phases and points of rest that were under way when the harness died end where the evidence does. The last
    /// point of rest that came to its end.
    fn close_history(&mut self, from: &Resumption, out: &mut Commands) -> u32 {
        let at_ns = from.checkpoint.at_ns;
        let mut phases: BTreeMap<&str, u64> = BTreeMap::new();
        let (mut resting, mut ended) = (None, 0);
        for event in &from.history {
            match &event.fact {
                Fact::Phase { phase, edge: Edge::Begin } => {
                    phases.insert(phase, event.at_ns);
                }
                Fact::Phase { phase, edge: Edge::End } => {
                    phases.remove(phase.as_str());
                }
                Fact::Quiesce { point, edge: Edge::Begin, .. } => resting = Some((*point, event.at_ns)),
                Fact::Quiesce { point, edge: Edge::End, .. } => (resting, ended) = (None, *point),
                _ => {}
            }
        }
        for (phase, began_ns) in phases {
            out.fact(at_ns.max(began_ns), Fact::Phase { phase: phase.to_owned(), edge: Edge::End });
        }
        if let Some((point, began_ns)) = resting {
            let (edge, rested) = (Edge::End, Some(false));
            out.fact(at_ns.max(began_ns), Fact::Quiesce { point, edge, rested, withheld: 0 });
        }
        ended
    }

    /// Whether the target can be taken over should this harness die.
    pub(super) fn can_be_kept(&self) -> bool {
        self.tells.contains(&Capability::Attach)
    }
}

/// The agents as they were when the harness died, as far as it had written that down.
fn members_at_death(from: &Resumption) -> Members {
    let was = &from.checkpoint;
    let mut members = Members::known(&was.members, was.leader);
    let since_ns = was.at_ns.saturating_sub(TOLD_LATE_NS);
    for event in from.history.iter().filter(|event| event.at_ns >= since_ns) {
        match &event.fact {
            Fact::Member { agent, role, pid, epoch, parent, state, .. } => {
                let role = crate::members::to_protocol(*role);
                let member = Member { agent: *agent, role, pid: *pid, epoch: *epoch, parent: *parent };
                let state = match state {
                    Became::Left => MemberState::Left,
                    Became::Replaced | Became::Ready => MemberState::Replaced,
                    Became::Moved => MemberState::Moved,
                    Became::Fenced => MemberState::Fenced,
                };
                members.changed(&member, state, event.at_ns);
            }
            Fact::Elected { agent, replaces, .. } => members.elected(*agent, *replaces),
            _ => {}
        }
    }
    members
}
