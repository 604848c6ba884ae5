//! From the target's process to agents that can take work.

use evidence::event::{Fact, MemberState};
use evidence::role::Role;
use protocol::{Capability, Member, Report};
use scenarios::plan::OnHarnessDeath;

use super::command::{Command, Commands};
use super::state::{Stage, State};
use crate::error::TargetFailure;
use crate::members::{Members, role};
use crate::target::shown;

/// How much of what a target calls itself is kept, in characters.
const MAX_NAME: usize = 80;

impl State {
    /// The target's process is there: it is greeted.
    pub(super) fn started(&mut self, pid: u32, out: &mut Commands) {
        self.target_pid = pid;
        // A run that is resumed has had a launch.
        let at_ns = self.resuming.as_ref().map_or(0, |_| self.now_ns);
        self.enter_phase("launch", at_ns, out);
        out.tell(protocol::Command::Hello { protocol: protocol::VERSION, run: self.run_id.clone() });
        self.stage = Stage::Greeting;
        self.deadline_ns = Some(self.now_ns + self.plan.target.ready_within_ms * 1_000_000);
    }

    /// The target said something.
    pub(super) fn reported(&mut self, report: Report, out: &mut Commands) {
        match (self.stage, report) {
            (Stage::Attaching, report) => self.reported_in_attaching(report, out),
            (_, Report::Error { message }) => {
                if self.may_tell(out) {
                    self.target_said_error(&message, out);
                }
            }
            (Stage::Greeting, Report::Hello { protocol, name, version, tells }) => {
                self.greeted(protocol, name, version, tells, out);
            }
            (Stage::Launching, Report::Ready { members }) => self.ready(&members, out),
            (_, Report::Hello { protocol, tells, .. }) if self.greets_again() => {
                self.greeted_again(protocol, tells, out);
            }
            (_, Report::Ready { members }) if self.launches_again() => self.ready_again(&members, out),
            (_, Report::Hello { .. }) => self.breach("a second `hello`", out),
            (_, Report::Attached { .. }) => self.breach("`attached` when nobody attached", out),
            (_, Report::Ready { .. }) => self.breach("`ready` when nothing was launched", out),
            (Stage::Greeting, other) => self.breach(&format!("`{}` before `hello`", name_of(&other)), out),
            (_, other) => self.reported_at_work(other, out),
        }
    }

    fn greeted(
        &mut self,
        version_spoken: u32,
        name: String,
        version: String,
        tells: Vec<Capability>,
        out: &mut Commands,
    ) {
        if version_spoken != protocol::VERSION {
            let failure = TargetFailure::OtherVersion { found: version_spoken, ours: protocol::VERSION };
            return self.target_failed(failure, out);
        }
        let (name, version) = (shown(&name, MAX_NAME), shown(&version, MAX_NAME));
        out.fact(self.now_ns, Fact::TargetStarted { pid: self.target_pid, name, version });
        self.tells = tells;
        if self.plan.soak.on_harness_death == OnHarnessDeath::Keep && !self.can_be_kept() {
            return self.target_failed(TargetFailure::CannotBeKept, out);
        }
        self.launched_ns = self.now_ns;
        self.stage = Stage::Launching;
        out.tell(protocol::Command::Launch { config: self.plan.target.config.clone() });
    }

    fn ready(&mut self, members: &[Member], out: &mut Commands) {
        self.members = Members::ready(members, self.now_ns);
        let took_ns = self.now_ns - self.launched_ns;
        out.fact(self.now_ns, Fact::TargetReady { took_ns, agents: self.members.count() });
        for member in members {
            out.fact(self.now_ns, member_fact(member, MemberState::Ready, None, None));
        }
        self.workers = self.members.of_role(Role::Worker);
        if self.workers == 0 {
            return self.breach("`ready` without a single worker", out);
        }
        if let Err(what) = self.as_planned(members) {
            return self.breach(&what, out);
        }
        self.deadline_ns = None;
        self.stage = Stage::Identifying;
        let mut pids: Vec<u32> = self.members.iter().map(|(_, a)| a.pid).filter(|pid| *pid != 0).collect();
        pids.push(self.target_pid);
        out.push(Command::Identify(pids));
    }

    /// A run with fewer agents than its scenario says would answer another question.
    fn as_planned(&self, members: &[Member]) -> Result<(), String> {
        if members.len() > self.members.count() as usize {
            return Err("`ready` names an agent twice".to_owned());
        }
        let Some(agents) = self.plan.target.agents else { return Ok(()) };
        let planned = [
            (Role::Master, agents.master),
            (Role::Coordinator, agents.coordinator),
            (Role::Worker, agents.worker),
        ];
        for (role, planned) in planned {
            let found = self.members.of_role(role);
            if found < planned {
                return Err(format!(
                    "`ready` with {found} of the role {role}, but the scenario says {planned}; make its \
                     target.agents and target.config agree"
                ));
            }
        }
        Ok(())
    }

    /// The start times of processes, by which they are known should their ids be used again.
    pub(super) fn identified(
        &mut self,
        processes: &[(u32, u64)],
        descriptors: Option<u64>,
        out: &mut Commands,
    ) {
        self.starttimes.extend(processes.iter().copied());
        self.end_successors(processes, out);
        self.up_again(out);
        self.sampling.forget_processes();
        if self.stage == Stage::Identifying {
            self.stage = Stage::Running;
            if let Some(descriptors) = descriptors {
                out.fact(self.now_ns, Fact::Limits { descriptors });
            }
            match self.resuming.take() {
                Some(from) => self.go_on(&from, out),
                None => self.begin_timeline(out),
            }
        }
    }

    /// What was waited for while the target was to become ready.
    pub(super) fn awaited(&self) -> &'static str {
        match self.stage {
            Stage::Launching => "`ready`",
            Stage::Attaching => "`attached`",
            _ => "`hello`",
        }
    }
}

/// The fact of what became of an agent.
pub(super) fn member_fact(
    member: &Member,
    state: MemberState,
    status: Option<String>,
    fault: Option<String>,
) -> Fact {
    Fact::Member {
        agent: member.agent,
        role: role(member.role),
        pid: member.pid,
        epoch: member.epoch,
        parent: member.parent,
        state,
        status,
        fault,
    }
}

/// The name of a report, as it stands in its line.
pub(super) fn name_of(report: &Report) -> &'static str {
    match report {
        Report::Hello { .. } => "hello",
        Report::Ready { .. } => "ready",
        Report::Attached { .. } => "attached",
        Report::Member { .. } => "member",
        Report::Accepted { .. } => "accepted",
        Report::Answers { .. } => "answers",
        Report::Round { .. } => "round",
        Report::Suspected { .. } => "suspected",
        Report::Elected { .. } => "elected",
        Report::Assigned { .. } => "assigned",
        Report::Gauge { .. } => "gauge",
        Report::Fault { .. } => "fault",
        Report::Quiesced {} => "quiesced",
        Report::Drained { .. } => "drained",
        Report::Snapshot { .. } => "snapshot",
        Report::Stopped {} => "stopped",
        Report::Error { .. } => "error",
    }
}
