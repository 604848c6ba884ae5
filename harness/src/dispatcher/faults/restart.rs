//! The end of the whole target and its start over what it left: the ledger goes on, and what was open is owed.

use evidence::event::{Fact, FaultStep, Level, MemberState, Victim};
use evidence::role::Role;
use protocol::{Capability, Member};

use super::Life;
use super::readings::{Read, victim};
use crate::dispatcher::command::{Command, Commands};
use crate::dispatcher::event::Applied;
use crate::dispatcher::launch::member_fact;
use crate::dispatcher::state::State;
use crate::error::TargetFailure;
use crate::members::{Members, to_protocol};

/// How long all processes of a target may take to be gone, in nanoseconds.
const ENDED_WITHIN_NS: u64 = 6_000_000_000;

/// A restart that goes on.
#[derive(Debug)]
pub(in crate::dispatcher) struct Restart {
    fault: usize,
    stage: Stage,
    asked_ns: u64,
    old_pid: u32,
    read: Vec<Read>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The end of its processes is awaited.
    Ending,
    /// It is down.
    Down,
    /// Its new process is awaited.
    Starting,
    /// Its `hello` is awaited.
    Greeting,
    /// Its `ready` is awaited.
    Launching,
    /// The start times of its processes are awaited.
    Identifying,
}

impl State {
    /// Whether nothing can be sent to the target because it is being started again.
    pub(in crate::dispatcher) fn is_down(&self) -> bool {
        self.faults.restart.is_some()
    }

    fn restarting(&self, stage: Stage) -> bool {
        self.faults.restart.as_ref().is_some_and(|restart| restart.stage == stage)
    }

    /// Whether the `hello` of a target that was started again is awaited.
    pub(in crate::dispatcher) fn greets_again(&self) -> bool {
        self.restarting(Stage::Greeting)
    }

    /// Whether the `ready` of a target that was started again is awaited.
    pub(in crate::dispatcher) fn launches_again(&self) -> bool {
        self.restarting(Stage::Launching)
    }

    pub(super) fn begin_restart(&mut self, fault: usize, out: &mut Commands) {
        if self.is_down() {
            return self.not_applied(fault, FaultStep::Failed, "the target was being started again", out);
        }
        self.faults.hear_of(fault, self.now_ns + ENDED_WITHIN_NS);
        if self.plan.faults[fault].pretend {
            return;
        }
        let (asked_ns, old_pid) = (self.now_ns, self.target_pid);
        self.faults.restart =
            Some(Restart { fault, stage: Stage::Ending, asked_ns, old_pid, read: Vec::new() });
        out.push(Command::KillTarget);
    }

    /// Every process of the target has ended, as was asked.
    pub(in crate::dispatcher) fn target_killed(
        &mut self,
        status: &str,
        ended: u32,
        still_alive: u32,
        out: &mut Commands,
    ) {
        let at_ns = self.now_ns;
        let Some(restart) = self.faults.restart.as_mut().filter(|r| r.stage == Stage::Ending) else { return };
        restart.stage = Stage::Down;
        let gone = format!("{ended} ended, {still_alive} left");
        restart.read = vec![
            read(at_ns, "wait status", "signal 9".to_owned(), status.to_owned(), status == "signal 9"),
            read(at_ns, "/proc", "no process left".to_owned(), gone, still_alive == 0 && ended > 0),
        ];
        let (fault, asked_ns) = (restart.fault, restart.asked_ns);
        self.faults.heard_of(fault);
        self.all_left(fault, out);
        let victims = self.restart_victims();
        let why = (still_alive > 0).then(|| format!("{still_alive} processes could not be ended"));
        self.injected(fault, Applied { step: FaultStep::Injected, at_ns: asked_ns, victims, why }, out);
    }

    /// Every agent has left by this fault.
    fn all_left(&mut self, fault: usize, out: &mut Commands) {
        let id = self.plan.faults[fault].id.clone();
        let alive: Vec<_> = self.members.iter().filter(|(_, agent)| agent.alive).collect();
        for (number, agent) in alive {
            self.members.vanished(number, agent.pid);
            self.starttimes.remove(&agent.pid);
            let member = Member {
                agent: number,
                role: to_protocol(agent.role),
                pid: agent.pid,
                epoch: agent.epoch,
                parent: agent.parent,
            };
            out.fact(self.now_ns, member_fact(&member, MemberState::Left, None, Some(id.clone())));
        }
        self.starttimes.remove(&self.target_pid);
        self.target_pid = 0;
        self.missing.clear();
        self.sampling.forget_processes();
        self.faults.members_changed(&self.members);
    }

    pub(super) fn start_again(&mut self, fault: usize, out: &mut Commands) {
        let Some(restart) = &mut self.faults.restart else { return };
        restart.stage = Stage::Starting;
        self.faults.hear_of(fault, self.now_ns + self.plan.target.ready_within_ms * 1_000_000);
        out.push(Command::StartTarget);
    }

    /// The target's new process is there: it is greeted.
    pub(in crate::dispatcher) fn started_again(&mut self, pid: u32, out: &mut Commands) {
        let at_ns = self.now_ns;
        let Some(restart) = self.faults.restart.as_mut().filter(|r| r.stage == Stage::Starting) else {
            return;
        };
        restart.stage = Stage::Greeting;
        let other = pid != restart.old_pid;
        restart.read.push(read(
            at_ns,
            "start of the guardian",
            format!("another process than {}", restart.old_pid),
            format!("process {pid}"),
            other,
        ));
        self.target_pid = pid;
        self.output_closed = false;
        out.tell(protocol::Command::Hello { protocol: protocol::VERSION, run: self.run_id.clone() });
    }

    /// It said `hello`.
    pub(in crate::dispatcher) fn greeted_again(
        &mut self,
        version: u32,
        tells: Vec<Capability>,
        out: &mut Commands,
    ) {
        if version != protocol::VERSION {
            let failure = TargetFailure::OtherVersion { found: version, ours: protocol::VERSION };
            return self.target_failed(failure, out);
        }
        if let Some(restart) = &mut self.faults.restart {
            restart.stage = Stage::Launching;
        }
        self.tells = tells;
        out.tell(protocol::Command::Launch { config: self.plan.target.config.clone() });
    }

    /// Its agents can take work.
    pub(in crate::dispatcher) fn ready_again(&mut self, members: &[Member], out: &mut Commands) {
        let before = self.members.count();
        self.members = Members::ready(members, self.now_ns);
        self.forget_agents(out);
        self.ledger.forget_order();
        for member in members {
            out.fact(self.now_ns, member_fact(member, MemberState::Replaced, None, None));
        }
        let workers = self.members.of_role(Role::Worker);
        if workers != self.workers {
            let text =
                format!("the target was started again with {workers} workers in place of {}", self.workers);
            out.fact(self.now_ns, Fact::Note { text });
        }
        if workers == 0 {
            return self.breach("`ready` without a single worker", out);
        }
        let (at_ns, after) = (self.now_ns, self.members.count());
        if let Some(restart) = &mut self.faults.restart {
            restart.stage = Stage::Identifying;
            let found = format!("{after} agents");
            let ready = Read::new(
                at_ns,
                Level::E3,
                "report `ready`",
                format!("{before} agents"),
                found,
                after >= before,
            );
            restart.read.push(ready);
        }
        let mut pids: Vec<u32> = self.members.iter().map(|(_, a)| a.pid).filter(|pid| *pid != 0).collect();
        pids.push(self.target_pid);
        self.faults.members_changed(&self.members);
        out.push(Command::Identify(pids));
    }

    /// The start times of its processes are known: it takes work again.
    pub(in crate::dispatcher) fn up_again(&mut self, out: &mut Commands) {
        if !self.restarting(Stage::Identifying) {
            return;
        }
        let observed = self.restart_victims();
        let Some(restart) = self.faults.restart.take() else { return };
        self.faults.heard_of(restart.fault);
        let at_ns = self.now_ns;
        let healed = Applied { step: FaultStep::Healed, at_ns, victims: observed.clone(), why: None };
        self.healed(restart.fault, observed, healed, out);
    }

    /// Something was not heard in time of a restart.
    pub(super) fn restart_silent(&mut self, fault: usize, out: &mut Commands) {
        if self.faults.lives[fault] != Life::Asked {
            let within_ms = self.plan.target.ready_within_ms;
            let waiting_for = "`ready` after its restart";
            return self.target_failed(TargetFailure::NotReady { waiting_for, within_ms }, out);
        }
        let read = [read(self.now_ns, "wait status", "signal 9".to_owned(), "nothing".to_owned(), false)];
        let requires = self.plan.faults[fault].requires;
        let victims = vec![victim(target(), self.target_pid, requires, &read)];
        let within_s = ENDED_WITHIN_NS / 1_000_000_000;
        let why = Some(format!("the end of the target was not told within {within_s} s"));
        self.faults.restart = None;
        let at_ns = self.now_ns;
        self.injected(fault, Applied { step: FaultStep::Failed, at_ns, victims, why }, out);
    }

    /// The run is over while the target was down, or before it took work again.
    pub(super) fn restart_cut_short(&mut self, fault: usize, out: &mut Commands) {
        self.faults.restart = None;
        let why = "the run ended before the target took work again";
        if self.faults.lives[fault] == Life::Asked {
            return self.not_applied(fault, FaultStep::Failed, why, out);
        }
        let (at_ns, step) = (self.now_ns, FaultStep::Failed);
        self.healed(
            fault,
            Vec::new(),
            Applied { step, at_ns, victims: Vec::new(), why: Some(why.to_owned()) },
            out,
        );
    }

    /// All that was read of a restart so far. One reading that does not fit disproves it.
    fn restart_victims(&self) -> Vec<Victim> {
        let Some(restart) = &self.faults.restart else { return Vec::new() };
        let requires = self.plan.faults[restart.fault].requires;
        let mut of = victim(target(), restart.old_pid, requires, &restart.read);
        if restart.read.iter().any(|r| !r.fits) {
            of.proof = evidence::event::Proof::Mismatch;
        }
        vec![of]
    }
}

fn target() -> evidence::event::Subject {
    evidence::event::Subject::Part { part: "target".to_owned() }
}

fn read(at_ns: u64, source: &str, expected: String, found: String, fits: bool) -> Read {
    Read::new(at_ns, Level::E1, source, expected, found, fits)
}
