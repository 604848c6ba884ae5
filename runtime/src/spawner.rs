//! The spawner: a small single-threaded process that forks every agent, holds them, and tells of every exit.
//!
//! It is forked before anything else is allocated, because the cost of a fork grows with the parent's memory.
//! Agents die with it, and it ends them all when the gateway is gone, so that no kill leaves a process behind.

mod orders;
mod waiting;

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, dup2_stdin, dup2_stdout, getpid, setsid};

use crate::bus::{listen, receive};
use crate::clock::now_ns;
use crate::listener::is_exhaustion;
use crate::process::{children, die_with, fork_child, held_signals, hold, set_name};
use crate::swarm::Swarm;
use crate::table::State;

use waiting::Waiting;

pub(crate) use orders::{Exit, Order, Told};

/// How long agents that were killed may take to be gone.
const KILLED_NS: u64 = 10_000_000_000;

/// Runs the spawner until it is told to end or the gateway is gone; the status to exit with.
pub(crate) fn run(swarm: &'static Swarm, control: OwnedFd) -> i32 {
    match Spawner::new(swarm, control) {
        Ok(mut spawner) => spawner.serve(),
        Err(_) => 70,
    }
}

struct Spawner {
    swarm: &'static Swarm,
    control: OwnedFd,
    deaths: SignalFd,
    me: Pid,
    agents: std::collections::HashMap<Pid, u32>,
    waiting: Waiting,
}

impl Spawner {
    fn new(swarm: &'static Swarm, control: OwnedFd) -> nix::Result<Self> {
        set_name("spawner");
        // Out of the terminal's reach: Ctrl-C is for the gateway, which ends the agents in order.
        setsid()?;
        prctl::set_child_subreaper(true)?;
        let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        let mut held = held_signals();
        held.add(Signal::SIGCHLD);
        hold(&held);
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let deaths = SignalFd::with_flags(&SigSet::from(Signal::SIGCHLD), flags)?;
        let agents = std::collections::HashMap::new();
        Ok(Self { swarm, control, deaths, me: getpid(), agents, waiting: Waiting::new() })
    }

    fn serve(&mut self) -> i32 {
        let mut buffer = vec![0; orders::LARGEST];
        loop {
            let (order, death) = self.wait(self.patience());
            if death {
                self.reap();
            }
            self.start_waiting();
            if !order {
                continue;
            }
            match receive(&self.control, &mut buffer) {
                None => {}
                Some(0) => {
                    self.end_all(0);
                    // Whoever would do it otherwise is gone.
                    self.swarm.leave_directory();
                    return 0;
                }
                Some(n) => match Order::read(&buffer[..n]) {
                    Order::Start(agents) => {
                        self.waiting.push(&agents);
                        self.start_waiting();
                    }
                    Order::End { grace_ms } => {
                        self.end_all(grace_ms);
                        return 0;
                    }
                },
            }
        }
    }

    fn wait(&self, timeout: PollTimeout) -> (bool, bool) {
        let mut fds = [
            PollFd::new(self.control.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.deaths.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, timeout) {
            Ok(_) => (fds[0].any() == Some(true), fds[1].any() == Some(true)),
            Err(Errno::EINTR) => (false, false),
            Err(_) => {
                // It cannot be waited for them, for want of memory or by a limit: it is looked now and then.
                std::thread::sleep(Duration::from_millis(10));
                (true, true)
            }
        }
    }

    /// How long to wait if nothing happens.
    fn patience(&self) -> PollTimeout {
        let Some(due_ns) = self.waiting.due_ns() else { return PollTimeout::NONE };
        let ms = due_ns.saturating_sub(now_ns()).div_ceil(1_000_000);
        PollTimeout::try_from(Duration::from_millis(ms)).unwrap_or(PollTimeout::ZERO)
    }

    fn start_waiting(&mut self) {
        if self.waiting.due_ns().is_none_or(|due_ns| due_ns > now_ns()) {
            return;
        }
        let mut waiting = std::mem::replace(&mut self.waiting, Waiting::new());
        let outcome = waiting.start(now_ns(), |agent| self.fork_agent(agent));
        self.waiting = waiting;
        self.agents.extend(outcome.started);
        let retries = &self.swarm.table.head().spawn_retries;
        retries.fetch_add(outcome.retries, std::sync::atomic::Ordering::Relaxed);
        let failed = outcome.failed.into_iter();
        let told: Vec<Told> =
            failed.map(|(agent, errno)| Told::Failed { agent, errno: errno as i32 }).collect();
        self.tell(&told);
    }

    /// Forks one agent. An agent that leads gets its socket from here, so that those below it can connect
    /// before it has run for the first time.
    fn fork_agent(&self, agent: u32) -> Result<Pid, Errno> {
        let swarm = self.swarm;
        let slot = swarm.table.slot(agent);
        // Before anybody can connect: what was sent over earlier connections is of no use.
        slot.forked_ns.store(now_ns(), std::sync::atomic::Ordering::Relaxed);
        let listener = match agent < swarm.config.shape.inner() {
            true => Some(listen(&swarm.listens_at(agent))?),
            false => None,
        };
        slot.set_state(State::Starting);
        let spawner = self.me;
        let inherited = [std::os::fd::AsRawFd::as_raw_fd(&self.control), self.deaths_fd()];
        let pid = fork_child(|| {
            for fd in inherited {
                // Ours is a copy: the spawner's own stays open.
                let _ = nix::unistd::close(fd);
            }
            if !die_with(spawner) {
                return 1;
            }
            slot.set_pid(std::process::id());
            match listener {
                Some(listener) => crate::coordinator::run(swarm, agent, listener),
                None => {
                    set_name(&format!("worker-{agent}"));
                    crate::worker::run(swarm, agent)
                }
            }
        });
        match pid {
            Ok(pid) => {
                slot.set_pid(pid.as_raw() as u32);
                swarm.table.head().spawned.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Ok(pid)
            }
            Err(error) => {
                slot.set_state(State::Dead);
                Err(error)
            }
        }
    }

    fn deaths_fd(&self) -> std::os::fd::RawFd {
        std::os::fd::AsRawFd::as_raw_fd(&self.deaths)
    }

    /// Buries all that have ended: marks the slot before the process number can be used again, then reaps.
    fn reap(&mut self) {
        while let Ok(Some(_)) = self.deaths.read_signal() {}
        let mut exits = Vec::new();
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        while let Ok(ended) = waitid(Id::All, look) {
            let Some(pid) = ended.pid() else { break };
            let agent = self.agents.remove(&pid);
            if let Some(agent) = agent {
                let slot = self.swarm.table.slot(agent);
                slot.set_state(State::Dead);
                slot.set_pid(0);
            }
            let status = waitpid(pid, None).ok();
            if let Some(agent) = agent {
                exits.push(Told::Exited(exit(agent, pid, status)));
            }
        }
        self.tell(&exits);
    }

    fn tell(&self, told: &[Told]) {
        for part in told.chunks(orders::MOST_TOLD) {
            let packet = Told::write(part);
            use nix::sys::socket::{MsgFlags, send};
            let fd = std::os::fd::AsRawFd::as_raw_fd(&self.control);
            // A gateway that is gone is noticed by the next wait.
            while matches!(send(fd, &packet, MsgFlags::MSG_NOSIGNAL), Err(e) if is_exhaustion(e) || e == Errno::EINTR)
            {
                let mut fds = [PollFd::new(self.control.as_fd(), PollFlags::POLLOUT)];
                let _ = poll(&mut fds, PollTimeout::from(10u8));
            }
        }
    }

    /// Asks all agents to end, kills those that have not after the grace, and waits until none is left,
    /// programs that they had started included.
    fn end_all(&mut self, grace_ms: u64) {
        let asked_ns = now_ns();
        if grace_ms > 0 {
            self.signal_agents(Signal::SIGTERM);
        }
        self.reap_until(asked_ns + grace_ms * 1_000_000);
        let killed_ns = now_ns();
        while now_ns() < killed_ns + KILLED_NS {
            self.signal_agents(Signal::SIGKILL);
            let strays = children();
            if strays.is_empty() && self.agents.is_empty() {
                break;
            }
            for pid in strays {
                // It may have ended just now.
                let _ = kill(pid, Signal::SIGKILL);
            }
            self.reap_until(now_ns() + 50_000_000);
        }
    }

    fn signal_agents(&self, signal: Signal) {
        for pid in self.agents.keys() {
            // It is our child and not reaped yet, so the number is still its own.
            let _ = kill(*pid, signal);
        }
    }

    fn reap_until(&mut self, end_ns: u64) {
        loop {
            self.reap();
            let now = now_ns();
            if self.agents.is_empty() || now >= end_ns {
                return;
            }
            let left = Duration::from_nanos(end_ns - now).min(Duration::from_millis(20));
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            let mut fds = [PollFd::new(self.deaths.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut fds, timeout);
        }
    }
}

fn exit(agent: u32, pid: Pid, status: Option<WaitStatus>) -> Exit {
    let (signal, code) = match status {
        Some(WaitStatus::Signaled(_, signal, _)) => (signal as i32, 0),
        Some(WaitStatus::Exited(_, code)) => (0, code),
        _ => (0, -1),
    };
    Exit { agent, pid: pid.as_raw() as u32, signal, code, at_ns: now_ns() }
}
