//! From a configuration to a swarm whose agents can all take work.

use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socketpair, sockopt};
use protocol::Report;

use super::SPAWNER;
use super::book::Book;
use super::members::Members;
use super::metrics::Metrics;
use super::recovery::Recovery;
use super::running::{Phase, Running};
use super::tamper::Tamper;
use crate::bus::listen;
use crate::clock::now_ns;
use crate::config::Config;
use crate::limits::{LimitError, check_limits};
use crate::poller::{self, Poller};
use crate::process::fork_child;
use crate::spawner::{self, Order};
use crate::swarm::Swarm;
use crate::table::GATEWAY;

/// How long a launch may take.
pub(super) const LAUNCH_NS: u64 = 60_000_000_000;

/// Why a swarm could not be launched.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error("launch: {what}: {errno}")]
    System { what: &'static str, errno: Errno },
    #[error("launch: cannot write metrics to {file}: {error}")]
    Metrics { file: String, error: std::io::Error },
}

fn system(what: &'static str) -> impl FnOnce(Errno) -> LaunchError {
    move |errno| LaunchError::System { what, errno }
}

impl Running {
    /// Forks the spawner, while this process is still small, and has it start all agents.
    pub(super) fn launch(
        config: Config,
        metrics_file: Option<&Path>,
        poller: &Poller,
    ) -> Result<Self, LaunchError> {
        check_limits(config.shape)?;
        let launched_ns = now_ns();
        let swarm = Swarm::new(config).map_err(system("cannot map the shared table"))?;
        let (ours, theirs) = control_pair().map_err(system("cannot make a socket pair"))?;
        let listener = listen(&swarm.listens_at(GATEWAY)).map_err(system("cannot listen"))?;
        let spawner = fork_spawner(swarm, ours, theirs).map_err(system("cannot fork the spawner"))?;
        let metrics = Metrics::new(&swarm.config, metrics_file).map_err(|error| {
            let file = metrics_file.map(|f| f.display().to_string()).unwrap_or_default();
            LaunchError::Metrics { file, error }
        })?;
        poller.add(&listener, poller::LISTENER).map_err(system("cannot wait for agents"))?;
        poller.add(&spawner, SPAWNER).map_err(system("cannot wait for the spawner"))?;
        let shape = swarm.config.shape;
        let workers = shape.workers();
        let running = Self {
            swarm,
            spawner,
            listener,
            links: Vec::new(),
            route: None,
            route_full: false,
            book: Book::new(workers.start, workers.end - workers.start, swarm.config.inbox),
            members: Members::new(swarm),
            recovery: Recovery::default(),
            tamper: Tamper::new(&swarm.config.defects),
            metrics,
            answers: Vec::new(),
            reports: Vec::new(),
            restarts: Vec::new(),
            doubts: Vec::new(),
            effects_past: 0,
            launched_ns,
            ready: false,
            drain_until: None,
            phase: Phase::Working,
            gone: false,
        };
        running.order(&Order::Start((0..shape.agents()).collect()));
        Ok(running)
    }

    /// Tells when all agents are ready, or that they have taken too long.
    pub(super) fn check_launch(&mut self, now: u64) {
        if self.members.attached() == self.swarm.config.shape.agents() as usize {
            self.ready = true;
            self.metrics.start(now);
            self.reports.push(Report::Ready { members: self.members.all() });
        } else if now > self.launched_ns + LAUNCH_NS {
            let missing = self.members.missing();
            let message = format!(
                "launch: {} of {} agents were not ready after {} s, among them agent {}",
                missing.len(),
                self.swarm.config.shape.agents(),
                LAUNCH_NS / 1_000_000_000,
                missing[0]
            );
            self.fail(message);
        }
    }

    /// Says why it cannot go on, and ends.
    pub(super) fn fail(&mut self, message: String) {
        self.reports.push(Report::Error { message });
        self.end(0, false, 69);
    }
}

fn control_pair() -> nix::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    // Room for the news of all agents ending at once.
    setsockopt(&theirs, sockopt::SndBuf, &(1 << 20))?;
    Ok((ours, theirs))
}

/// The spawner inherits what this process has open, of which it keeps only its end of the pair.
fn fork_spawner(swarm: &'static Swarm, ours: OwnedFd, theirs: OwnedFd) -> nix::Result<OwnedFd> {
    let control = std::os::fd::AsRawFd::as_raw_fd(&theirs);
    fork_child(move || {
        close_all_but(control);
        spawner::run(swarm, theirs)
    })?;
    Ok(ours)
}

fn close_all_but(keep: std::os::fd::RawFd) {
    let keep = keep as u32;
    for (first, last) in [(3, keep.saturating_sub(1)), (keep + 1, u32::MAX)] {
        if first <= last {
            #[expect(unsafe_code, reason = "no wrapper exists for close_range")]
            // SAFETY: takes three numbers. What is closed belongs to values of the parent that this process
            // never uses nor drops.
            unsafe {
                nix::libc::syscall(nix::libc::SYS_close_range, first, last, 0);
            }
        }
    }
}
