//! A launched swarm, as the gateway holds it: what it does in each turn, and how it comes to its end.

use std::os::fd::{AsRawFd, OwnedFd};

use protocol::{Command, Report, Tasks};

use super::book::Book;
use super::exits::Doubt;
use super::faults::Faults;
use super::journal::Journal;
use super::launch::LAUNCH_NS;
use super::members::Members;
use super::metrics::Metrics;
use super::overseeing::Overseeing;
use super::recovery::Recovery;
use super::resend::Resend;
use super::tamper::Tamper;
use super::{GRACE_MS, wire};
use nix::errno::Errno;

use crate::bus::{Link, receive};
use crate::clock::now_ns;
use crate::listener::Listener;
use crate::spawner::{Order, Told};
use crate::swarm::Swarm;

/// A launched swarm.
pub(super) struct Running {
    pub(super) swarm: &'static Swarm,
    pub(super) spawner: OwnedFd,
    pub(super) listener: Listener,
    pub(super) links: Vec<Option<Link>>,
    /// The link to the present leader.
    pub(super) route: Option<usize>,
    pub(super) route_full: bool,
    pub(super) book: Book,
    pub(super) members: Members,
    pub(super) recovery: Recovery,
    pub(super) tamper: Tamper,
    pub(super) metrics: Metrics,
    pub(super) resend: Resend,
    pub(super) overseeing: Overseeing,
    pub(super) faults: Faults,
    pub(super) answers: Vec<protocol::Answer>,
    /// How many of them the journal has.
    pub(super) kept_answers: usize,
    /// Where all is written down, if it is to outlive the swarm.
    pub(super) journal: Option<Journal>,
    pub(super) next_look_ns: u64,
    /// How often it could not be written.
    pub(super) journal_errors: u64,
    pub(super) reports: Vec<Report>,
    pub(super) restarts: Vec<(u64, u32)>,
    pub(super) doubts: Vec<Doubt>,
    /// Executions in epochs that are over.
    pub(super) effects_past: u64,
    pub(super) launched_ns: u64,
    pub(super) ready: bool,
    pub(super) drain_until: Option<u64>,
    pub(super) phase: Phase,
    /// All processes are gone.
    pub(super) gone: bool,
}

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Working,
    /// Asked to end by a signal: what is in hand is finished first.
    Draining {
        until_ns: u64,
    },
    /// The spawner ends the agents.
    Ending {
        /// Whether the harness is told.
        told: bool,
        status: i32,
    },
}

impl Running {
    pub(super) fn on_command(&mut self, command: Command) {
        match command {
            Command::Attach { protocol, .. } => self.attach(protocol),
            Command::Round { round, tasks } => self.take_tasks(&tasks, Some(round), None),
            Command::Send { tasks, to } => self.take_tasks(&tasks, None, to),
            Command::Fault { fault, kind, agents, ttl_ms, seed } => {
                self.begin_fault(fault, &kind, agents, ttl_ms, seed);
            }
            Command::Heal { fault } => self.heal_fault(fault),
            // It makes no work of its own.
            Command::Quiesce {} => self.reports.push(Report::Quiesced {}),
            Command::Drain { deadline_ms } => {
                self.drain_until = Some(now_ns().saturating_add(deadline_ms.saturating_mul(1_000_000)));
            }
            Command::Snapshot {} => {
                let gauges = self.gauges();
                self.reports.push(Report::Snapshot { gauges });
            }
            Command::Hello { .. } | Command::Launch { .. } | Command::Stop {} => {}
        }
    }

    /// Another harness is there: it is told who is who.
    fn attach(&mut self, version: u32) {
        if version == protocol::VERSION {
            let (members, gone) = (self.members.all(), self.members.missing());
            self.reports.push(Report::Attached { members, gone });
        } else {
            let ours = protocol::VERSION;
            let message = format!("attach: the harness speaks protocol {version}, this target speaks {ours}");
            self.reports.push(Report::Error { message });
        }
    }

    fn take_tasks(&mut self, tasks: &Tasks, round: Option<u64>, to: Option<u32>) {
        let fault = match self.phase {
            Phase::Working => wire::fault(tasks),
            _ => Some("the swarm is ending".into()),
        };
        let accepted = match &fault {
            None => self.accept(tasks, round, to),
            Some(_) => 0,
        };
        self.metrics.refused(tasks.count - accepted);
        self.reports.push(Report::Accepted {
            first: tasks.first,
            count: accepted,
            refused: tasks.count - accepted,
        });
        if let Some(fault) = fault {
            let message = format!("tasks from token {} on: {fault}", tasks.first);
            self.reports.push(Report::Error { message });
        }
    }

    /// When there is something to do next, if nothing happens before.
    pub(super) fn next_time_ns(&mut self) -> u64 {
        let phase = match self.phase {
            Phase::Draining { until_ns } => Some(until_ns),
            _ => None,
        };
        let launch = (!self.ready).then_some(self.launched_ns + LAUNCH_NS);
        let restart = self.restarts.iter().map(|(due, _)| *due).min();
        let times = [
            phase,
            launch,
            restart,
            self.doubts.iter().map(|doubt| doubt.due_ns).min(),
            self.drain_until,
            self.book.next_deadline(),
            self.tamper.next_due(),
            self.resend.next_ns(self.is_idle()),
            self.faults.next_ns(),
            (self.ready && self.phase == Phase::Working).then(|| self.overseeing.next_ns()),
            self.route_due_ns(),
            self.look_due_ns(),
            self.listener.due_ns(),
            self.metrics.next_ns(),
        ];
        times.into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    pub(super) fn on_time(&mut self, now: u64) {
        for answer in self.tamper.due(now) {
            self.on_answer(answer, now, false);
        }
        self.book.expire(now);
        self.restart_due(now);
        self.settle_doubts(now);
        self.expire_faults(now);
        self.send_overdue(now);
        self.oversee(now);
        if let Phase::Draining { until_ns } = self.phase
            && (self.is_idle() || now >= until_ns)
        {
            self.end(GRACE_MS, true, 0);
        }
        if !self.ready && self.phase == Phase::Working {
            self.check_launch(now);
        }
        if self.metrics.next_ns().is_some_and(|next| now >= next) {
            self.write_metrics(now);
        }
    }

    /// Whether everything accepted was answered.
    pub(super) fn is_idle(&self) -> bool {
        self.book.len() == 0
    }

    pub(super) fn begin_drain(&mut self) {
        if self.phase == Phase::Working {
            let until_ns = now_ns() + self.swarm.config.drain_ms * 1_000_000;
            self.phase = Phase::Draining { until_ns };
        }
    }

    pub(super) fn end(&mut self, grace_ms: u64, told: bool, status: i32) {
        if !matches!(self.phase, Phase::Ending { .. }) {
            self.phase = Phase::Ending { told, status };
            self.order(&Order::End { grace_ms });
        }
    }

    pub(super) fn order(&self, order: &Order) {
        use nix::sys::socket::{MsgFlags, send};
        // A spawner that is gone is noticed as a hang-up.
        while send(self.spawner.as_raw_fd(), &order.write(), MsgFlags::MSG_NOSIGNAL) == Err(Errno::EINTR) {}
    }

    pub(super) fn read_spawner(&mut self, buffer: &mut [u8]) {
        match receive(&self.spawner, buffer) {
            None => {}
            Some(0) => self.spawner_gone(),
            Some(n) => {
                for told in Told::read(&buffer[..n]) {
                    match told {
                        Told::Exited(exit) => self.on_exit(&exit),
                        Told::Failed { agent, errno } => self.on_failed_start(agent, errno),
                    }
                }
            }
        }
    }

    /// Everything of this turn, in the order in which the protocol wants it: what was accepted, the answers,
    /// then what they complete.
    pub(super) fn take_reports(&mut self, mut report: impl FnMut(&Report)) {
        let now = now_ns();
        let drained = self.drain_until.is_some_and(|until| self.is_idle() || now >= until);
        if drained || !matches!(self.phase, Phase::Working) {
            let held = self.tamper.release_all();
            self.answers.extend(held);
        }
        self.keep_answers();
        for one in self.reports.drain(..) {
            report(&one);
        }
        // Those to what an earlier swarm had accepted may be there before all agents are.
        if self.ready {
            for items in self.answers.chunks(4_096) {
                report(&Report::Answers { items: items.to_vec() });
            }
            self.answers.clear();
            self.kept_answers = 0;
        }
        for round in self.book.take_ended() {
            self.metrics.on_round(&round);
            report(&round);
        }
        for moved in self.recovery.take_complete() {
            report(&moved);
        }
        if drained {
            self.drain_until = None;
            let outstanding = self.book.len() as u64 + self.book.abandoned;
            let told = if self.swarm.config.defects.false_gauges { 0 } else { outstanding };
            report(&Report::Drained { outstanding: told });
        }
        if matches!(self.phase, Phase::Ending { told: true, .. }) && self.has_ended().is_some() {
            report(&Report::Stopped {});
        }
    }
}
