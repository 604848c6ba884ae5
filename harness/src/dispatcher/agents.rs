//! What the target tells of its agents and of how it recovers.

use evidence::event::{Fact, IncidentKind, MemberState as Became, Severity};
use evidence::role::Role;
use protocol::{Capability, How, Member, MemberState, Report};

use super::command::{Command, Commands};
use super::incidents::Incident;
use super::launch::member_fact;
use super::state::{Stage, State};
use crate::members::Agent;
use crate::target::shown;

/// Gauges by different names that are written down, at most.
const MAX_GAUGES: usize = 4096;
/// Reports on agents, and errors, that are written down within one second, at most: some two dozen for each of
/// 2,000 agents that all die and come back.
const MAX_TOLD_A_SECOND: u32 = 50_000;
/// How much of the status of an agent that left is kept, in characters.
const MAX_STATUS: usize = 80;

/// How long a process may be gone without the target, which tells of its members, having told of it.
const UNTOLD_AFTER_NS: u64 = 2_000_000_000;
/// How long after a fault an agent may be replaced because of it, in nanoseconds.
const REPLACED_WITHIN_NS: u64 = 30_000_000_000;

impl State {
    /// A report on agents or numbers. `at_ns` in it is the target's reading of the clock that all processes
    /// of this host share.
    pub(super) fn reported_on_agents(&mut self, report: Report, out: &mut Commands) {
        if !matches!(report, Report::Gauge { .. }) && !self.may_tell(out) {
            return;
        }
        match report {
            Report::Member { member, state, status, at_ns } => {
                let status = status.map(|status| shown(&status, MAX_STATUS));
                self.member_changed(&member, state, status, self.since_start(at_ns), out);
            }
            Report::Suspected { agent, by, how, at_ns } => {
                let how = if how == How::Death { "death" } else { "lease" }.to_owned();
                out.fact(self.since_start(at_ns), Fact::Suspected { agent, by, how });
            }
            Report::Elected { agent, replaces, epoch, at_ns } => {
                self.members.elected(agent, replaces);
                out.fact(self.since_start(at_ns), Fact::Elected { agent, replaces, epoch });
            }
            Report::Assigned { from, to, workers, resent, epoch, at_ns } => {
                let fact = Fact::Assigned { from, to, workers, resent, epoch };
                out.fact(self.since_start(at_ns), fact);
            }
            Report::Gauge { name, value, at_ns } => self.gauge(name, value, self.since_start(at_ns), out),
            _ => {}
        }
    }

    /// A target may tell its gauges as often as it likes; they are written down as often as the dear readings
    /// are taken, so that a month of them stays small.
    fn gauge(&mut self, name: String, value: f64, at_ns: u64, out: &mut Commands) {
        if let Some(written_ns) = self.gauges_written.get_mut(&name) {
            if at_ns < *written_ns + self.plan.sample.slow_every_ns {
                return;
            }
            *written_ns = at_ns;
        } else if self.gauges_written.len() < MAX_GAUGES {
            self.gauges_written.insert(name.clone(), at_ns);
        } else {
            return;
        }
        out.fact(at_ns, Fact::Gauge { name, value });
    }

    /// Whether the target may tell one more thing of its own accord. One that talks without end would fill the
    /// disk with what it says; it is not listened to any further.
    pub(super) fn may_tell(&mut self, out: &mut Commands) -> bool {
        let second = self.now_ns / 1_000_000_000;
        if self.told_in.0 != second {
            self.told_in = (second, 0);
        }
        self.told_in.1 += 1;
        if self.told_in.1 == MAX_TOLD_A_SECOND + 1 {
            let what = format!("more than {MAX_TOLD_A_SECOND} reports on agents, or errors, within a second");
            self.breach(&what, out);
        }
        self.told_in.1 <= MAX_TOLD_A_SECOND
    }

    /// A time that the target told, on the run's clock. A target may tell nonsense: never after now.
    pub(super) fn since_start(&self, monotonic_ns: u64) -> u64 {
        crate::clock::since(monotonic_ns, self.zero_monotonic_ns).min(self.now_ns)
    }

    fn member_changed(
        &mut self,
        member: &Member,
        state: MemberState,
        status: Option<String>,
        at_ns: u64,
        out: &mut Commands,
    ) {
        // Told late or twice: it is known already.
        let same = |a: &Agent| !a.alive && (a.pid, a.epoch) == (member.pid, member.epoch);
        if state == MemberState::Left && self.members.get(member.agent).is_some_and(|a| same(&a)) {
            return;
        }
        let was = self.members.get(member.agent);
        self.members.changed(member, state, at_ns);
        let became = match state {
            MemberState::Left => Became::Left,
            MemberState::Replaced => Became::Replaced,
            MemberState::Moved => Became::Moved,
            MemberState::Fenced => Became::Fenced,
        };
        if became == Became::Left {
            self.left(member, status, at_ns, out);
        } else {
            out.fact(at_ns, member_fact(member, became, status, None));
        }
        if became == Became::Replaced {
            self.replaced(member, was, at_ns, out);
        }
        if became == Became::Replaced && member.pid != 0 {
            out.push(Command::Identify(vec![member.pid]));
        }
        if became != Became::Moved {
            self.sampling.forget_processes();
            self.faults.members_changed(&self.members);
        }
    }

    /// A process has ended: by a fault of the plan, by the end of the run, or as an incident.
    pub(super) fn left(&mut self, member: &Member, status: Option<String>, at_ns: u64, out: &mut Commands) {
        self.starttimes.remove(&member.pid);
        let cause =
            self.faults.causes.take(member.pid, at_ns).map(|fault| self.plan.faults[fault].id.clone());
        let expected = cause.is_some() || matches!(self.stage, Stage::Stopping { .. } | Stage::Ending);
        self.end_hang(member.agent, Some("its process ended"), out);
        let role = crate::members::role(member.role);
        // One whose end is told after its replacement was told as an incident already.
        let restarted =
            self.incidents.restarted.get(&member.agent).is_some_and(|epoch| *epoch > member.epoch);
        let crash =
            (!expected && !restarted).then(|| self.crashed(member, role, status.as_deref(), at_ns, out));
        // One that was replaced before its end was told needs no other to take its place.
        if self.members.get(member.agent).is_some_and(|a| a.epoch > member.epoch) {
            crash.into_iter().for_each(|number| self.end_incident(number, at_ns, None, out));
        } else {
            self.incidents.gone.insert(member.agent, crash);
        }
        out.fact(at_ns, member_fact(member, Became::Left, status, cause));
    }

    /// A process ended and no fault of the plan ended it: an incident until another takes its place.
    fn crashed(
        &mut self,
        member: &Member,
        role: Role,
        status: Option<&str>,
        at_ns: u64,
        out: &mut Commands,
    ) -> u64 {
        self.incidents.crashes += 1;
        // The work of a worker goes to others; without its coordinator nobody gives it out.
        let severity = if role == Role::Worker { Severity::Minor } else { Severity::Critical };
        let how = status.map_or_else(String::new, |status| format!(": {status}"));
        let what = format!(
            "{role} {} (process {}) ended without a fault of the plan{how}",
            member.agent, member.pid
        );
        let (kind, agent) = (IncidentKind::Crash, Some(member.agent));
        self.begin_incident(at_ns, Incident { kind, severity, agent, fault: None, what }, out)
    }

    /// A new process took the place of an agent. Where the end of the one before was not told and no fault explains
    /// it, the target did so of its own accord.
    pub(super) fn replaced(&mut self, member: &Member, was: Option<Agent>, at_ns: u64, out: &mut Commands) {
        let was_alive = was.is_some_and(|a| a.alive && a.epoch < member.epoch);
        match self.incidents.gone.remove(&member.agent) {
            Some(Some(crash)) => self.end_incident(crash, at_ns, None, out),
            Some(None) => {}
            None if was_alive && self.excuse(at_ns.saturating_sub(REPLACED_WITHIN_NS)).is_none() => {
                let what = format!(
                    "the target replaced agent {} and no fault of the plan asked for it",
                    member.agent
                );
                self.incidents.restarted.insert(member.agent, member.epoch);
                self.incident(at_ns, IncidentKind::Restart, Severity::Minor, Some(member.agent), &what, out);
            }
            None => {}
        }
    }

    /// The target was started again by the plan: what its agents were is over.
    pub(super) fn forget_agents(&mut self, out: &mut Commands) {
        let gone = std::mem::take(&mut self.incidents.gone);
        let hangs = std::mem::take(&mut self.incidents.hangs);
        for number in gone.into_values().flatten().chain(hangs.into_values()) {
            self.end_incident(number, self.now_ns, None, out);
        }
    }

    /// Processes that the sampler did not find. A target that tells of its members is given the time to tell of
    /// these; what it does not tell is seen here. At the `last` reading, what an earlier one missed is enough.
    pub(super) fn processes_vanished(&mut self, pids: &[u32], last: bool, out: &mut Commands) {
        let tells = self.tells.contains(&Capability::Members);
        let wait_ns = match (tells, last) {
            (true, false) => UNTOLD_AFTER_NS,
            (true, true) => 1,
            (false, _) => 0,
        };
        let now_ns = self.now_ns;
        self.missing.retain(|pid, _| pids.contains(pid));
        for pid in pids {
            self.missing.entry(*pid).or_insert(now_ns);
        }
        let missing = &self.missing;
        let long_gone = |pid: &u32| missing.get(pid).is_some_and(|since_ns| now_ns - since_ns >= wait_ns);
        let gone: Vec<(u32, Agent)> =
            self.members.iter().filter(|(_, a)| a.alive && long_gone(&a.pid)).collect();
        for (number, agent) in gone {
            // One that was never seen may live where this process cannot look.
            if tells && !self.starttimes.contains_key(&agent.pid) {
                continue;
            }
            self.members.vanished(number, agent.pid);
            let role = crate::members::to_protocol(agent.role);
            let member =
                Member { agent: number, role, pid: agent.pid, epoch: agent.epoch, parent: agent.parent };
            let status = tells.then(|| "gone, which the target did not tell".to_owned());
            // It has left no later than when it was first missed.
            let missed_ns = self.missing.get(&agent.pid).copied().unwrap_or(now_ns);
            self.left(&member, status, missed_ns, out);
            self.sampling.forget_processes();
        }
        self.faults.members_changed(&self.members);
    }
}
