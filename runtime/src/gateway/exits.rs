//! What follows when a process has ended: its tasks find their answers or another worker, and it is replaced.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use protocol::{Answer, How};

use super::news::is_worker;
use super::running::{Phase, Running};
use crate::clock::now_ns;
use crate::coordinator::Load;
use crate::process::children;
use crate::spawner::Exit;
use crate::spawner::Order;
use crate::table::{GATEWAY, State};

/// How long processes that were killed may take to be gone.
const BURIAL_NS: u64 = 10_000_000_000;

/// How long to leave it to the agents to tell that one of them has died.
const DOUBT_NS: u64 = 50_000_000;

/// A death that no agent has told of yet.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) due_ns: u64,
    agent: u32,
    epoch: u32,
    at_ns: u64,
}

impl Running {
    /// Tells of deaths that no agent has noticed.
    pub(super) fn settle_doubts(&mut self, now: u64) {
        let due: Vec<Doubt> = self.doubts.extract_if(.., |doubt| doubt.due_ns <= now).collect();
        for doubt in due {
            self.suspect(doubt.agent, doubt.epoch, None, How::Death, doubt.at_ns);
        }
    }

    pub(super) fn on_exit(&mut self, exit: &Exit) {
        if matches!(self.phase, Phase::Ending { .. }) {
            return;
        }
        let (agent, now) = (exit.agent, now_ns());
        let slot = self.swarm.table.slot(agent);
        let lived_in = slot.adopted();
        let forked_ns = slot.forked_ns.load(std::sync::atomic::Ordering::Relaxed);
        let pause_ns = self.members.leave(agent, now.saturating_sub(forked_ns));
        self.doubts.push(Doubt { due_ns: now + DOUBT_NS, agent, epoch: lived_in, at_ns: exit.at_ns });
        self.tell_left(exit);
        if slot.epoch() == lived_in {
            slot.end_epoch(lived_in);
        }
        if is_worker(self.swarm.config.shape, agent) {
            self.effects_past += slot.executed();
            self.settle_tasks(agent, lived_in, now);
            // Before the worker forgets them.
            self.keep_answers();
            self.swarm
                .table
                .head()
                .effects_past
                .store(self.effects_past, std::sync::atomic::Ordering::Relaxed);
            slot.commit(0);
            self.recovery.left(agent);
        }
        if self.swarm.config.replace {
            self.restarts.push((now + pause_ns, agent));
        }
    }

    /// The tasks of a dead worker: what it recorded was done and is answered from the record; the rest was not
    /// done and goes to other workers.
    fn settle_tasks(&mut self, worker: u32, epoch: u32, now: u64) {
        for token in self.book.pending_of(worker) {
            let Some((attempt, number)) = self.book.attempts(token) else { continue };
            if let Some((seq, digest)) = self.swarm.table.recorded(worker, epoch, number, token) {
                let answer = Answer { token, agent: worker, epoch, seq, attempt, digest };
                self.on_answer(answer, now, false);
            } else if self.book.is_hopeless(token) {
                self.abandon(token);
            } else {
                let heir = least_busy(self.members.living(), |other| self.book.open(other));
                self.book.reassign(token, heir.unwrap_or(worker));
                self.dispatch(token, now);
            }
        }
    }

    /// Starts again what is due.
    pub(super) fn restart_due(&mut self, now: u64) {
        if self.restarts.is_empty() || matches!(self.phase, Phase::Ending { .. }) {
            return;
        }
        let due: Vec<u32> =
            self.restarts.extract_if(.., |(at, _)| *at <= now).map(|(_, agent)| agent).collect();
        if due.is_empty() {
            return;
        }
        let mut load = Load::count(self.swarm.config.shape, self.swarm.table);
        for agent in &due {
            self.give_place(*agent, &mut load);
        }
        self.members.touch();
        self.order(&Order::Start(due));
    }

    /// A new process reports to its agent's home, or to whoever stands in for that.
    fn give_place(&self, agent: u32, load: &mut Load) {
        let table = self.swarm.table;
        let slot = table.slot(agent);
        let shape = self.swarm.config.shape;
        let home = shape.home(agent).filter(|home| shape.level(*home) > 0 && table.slot(*home).serves());
        let leader = table.leader().agent;
        let parent = home.or_else(|| load.least_loaded(agent, None)).unwrap_or(leader);
        if parent == agent {
            slot.set_parent(GATEWAY, 0);
        } else {
            slot.set_parent(parent, table.slot(parent).epoch());
        }
        // From here on it is not without a process: others may find it a place.
        slot.set_state(State::Starting);
    }

    pub(super) fn on_failed_start(&mut self, agent: u32, errno: i32) {
        let why = Errno::from_raw(errno);
        let message = format!("cannot start agent {agent}: {why}; it was tried again several times");
        if self.ready {
            self.go_on_without(agent);
            if self.restarts.iter().all(|(_, other)| self.swarm.table.slot(*other).state() != State::Dead) {
                // One of many that wait for the same.
                self.reports.push(protocol::Report::Error { message });
            }
            self.restarts.push((now_ns() + 1_000_000_000, agent));
        } else {
            self.fail(format!("launch: {message}"));
        }
    }

    /// An agent has no process for now: its tasks go to others.
    fn go_on_without(&mut self, agent: u32) {
        self.members.touch();
        if is_worker(self.swarm.config.shape, agent) {
            self.settle_tasks(agent, self.swarm.table.slot(agent).adopted(), now_ns());
        }
    }

    /// The spawner has ended: as asked, or else all agents with it.
    pub(super) fn spawner_gone(&mut self) {
        if !matches!(self.phase, Phase::Ending { .. }) {
            let message = "the spawner has died, and all agents with it".into();
            self.reports.push(protocol::Report::Error { message });
            self.phase = Phase::Ending { told: false, status: 70 };
        }
        bury_all();
        self.swarm.leave_directory();
        if self.ready {
            // What was measured since the last time.
            self.write_metrics(now_ns());
        }
        self.gone = true;
    }

    /// The status to exit with, once all processes are gone.
    pub(super) fn has_ended(&self) -> Option<i32> {
        match self.phase {
            Phase::Ending { status, .. } if self.gone => Some(status),
            _ => None,
        }
    }
}

/// Processes that outlived the spawner are ours: the kernel kills the agents, we kill what they had started.
fn bury_all() {
    let give_up_ns = now_ns() + BURIAL_NS;
    loop {
        for pid in children() {
            // It may have ended just now.
            let _ = kill(pid, Signal::SIGKILL);
        }
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(_) => return,
            Ok(WaitStatus::StillAlive) if now_ns() > give_up_ns => return,
            Ok(WaitStatus::StillAlive) => std::thread::sleep(Duration::from_millis(1)),
            Ok(_) => {}
        }
    }
}

fn least_busy(living: &[u32], open: impl Fn(u32) -> u32) -> Option<u32> {
    living.iter().copied().min_by_key(|worker| open(*worker))
}
