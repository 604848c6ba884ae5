//! From a configuration to a swarm whose agents can all take work.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socketpair, sockopt};
use protocol::Report;

use super::SPAWNER;
use super::book::Book;
use super::faults::Faults;
use super::journal::{Recovered, RecoveryError, recover};
use super::members::Members;
use super::metrics::Metrics;
use super::overseeing::Overseeing;
use super::recovery::Recovery;
use super::resend::Resend;
use super::running::{Phase, Running};
use super::tamper::Tamper;
use crate::bus::{Spool, SpoolError, listen};
use crate::clock::now_ns;
use crate::config::{Bus, Config};
use crate::directory::{Directory, DirectoryError};
use crate::limits::{LimitError, check_limits};
use crate::listener::Listener;
use crate::poller::Poller;
use crate::process::fork_child;
use crate::spawner::{self, Order};
use crate::swarm::Swarm;
use crate::table::{GATEWAY, Table};

/// How long a launch may take.
pub(super) const LAUNCH_NS: u64 = 60_000_000_000;

/// Why a swarm could not be launched.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    #[error(
        "launch: `persist` needs a directory that outlives the swarm; give one with SHAKEDOWN_BUS_DIR or --bus-dir"
    )]
    Homeless,
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("launch: {0}")]
    Spool(#[from] SpoolError),
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
        bus_directory: Option<&Path>,
        poller: &Poller,
    ) -> Result<Self, LaunchError> {
        check_limits(config.shape)?;
        let launched_ns = now_ns();
        let directory = open_directory(&config, bus_directory)?;
        let spool = open_spool(&config, directory.as_ref())?;
        let recovered = take_up(&config, directory.as_ref())?;
        let table = match &recovered {
            Some(recovered) => recovered.table,
            None => Table::new(config.shape.agents(), config.shape.inner(), config.inbox)
                .map_err(system("cannot map the shared table"))?,
        };
        let swarm =
            Swarm::new(config, table, directory, spool).map_err(system("cannot map the rules of the bus"))?;
        let (ours, theirs) = control_pair().map_err(system("cannot make a socket pair"))?;
        let listener = listen(&swarm.listens_at(GATEWAY)).map_err(system("cannot listen"))?;
        let spawner = fork_spawner(swarm, ours, theirs).map_err(system("cannot fork the spawner"))?;
        let metrics = Metrics::new(&swarm.config, metrics_file).map_err(|error| {
            let file = metrics_file.map(|f| f.display().to_string()).unwrap_or_default();
            LaunchError::Metrics { file, error }
        })?;
        let exhausted = &swarm.table.head().exhausted_descriptors;
        let listener =
            Listener::new(listener, poller, exhausted).map_err(system("cannot wait for agents"))?;
        poller.add(&spawner, SPAWNER).map_err(system("cannot wait for the spawner"))?;
        let shape = swarm.config.shape;
        let workers = shape.workers();
        let mut running = Self {
            swarm,
            spawner,
            listener,
            links: Vec::new(),
            route: None,
            route_full: false,
            book: Book::new(
                workers.start,
                workers.end - workers.start,
                swarm.config.inbox,
                swarm.table.window(),
            ),
            members: Members::new(swarm),
            recovery: Recovery::default(),
            tamper: Tamper::new(&swarm.config.defects),
            metrics,
            resend: Resend::default(),
            overseeing: Overseeing::new(launched_ns),
            faults: Faults::default(),
            answers: Vec::new(),
            kept_answers: 0,
            journal: None,
            next_look_ns: 0,
            journal_errors: 0,
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
        if let Some(recovered) = recovered {
            running.go_on_with(recovered, launched_ns);
        }
        running.order(&Order::Start((0..shape.agents()).collect()));
        Ok(running)
    }

    /// Takes up what an earlier swarm in this directory has left: its open tasks wait for the workers, its answers
    /// for the harness.
    fn go_on_with(&mut self, recovered: Recovered, now: u64) {
        let Recovered { journal, effects, open, answers, .. } = recovered;
        // The journal has them already.
        self.kept_answers = answers.len();
        (self.journal, self.effects_past, self.answers) = (Some(journal), effects, answers);
        for tasks in open {
            self.book.restore(tasks, now);
        }
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

fn open_directory(config: &Config, given: Option<&Path>) -> Result<Option<Directory>, LaunchError> {
    if config.persist && given.is_none() {
        return Err(LaunchError::Homeless);
    }
    let needed = config.persist || config.bus == Bus::Files;
    Ok(needed.then(|| Directory::open(given)).transpose()?)
}

fn open_spool(config: &Config, directory: Option<&Directory>) -> Result<Option<Spool>, LaunchError> {
    let directory = directory.filter(|_| config.bus == Bus::Files);
    let create =
        |directory: &Directory| Spool::create(directory.path(), config.shards, config.shape.agents());
    Ok(directory.map(create).transpose()?)
}

fn take_up(config: &Config, directory: Option<&Directory>) -> Result<Option<Recovered>, LaunchError> {
    let directory = directory.filter(|_| config.persist);
    let table = (config.shape.agents(), config.shape.inner(), config.inbox);
    Ok(directory.map(|directory| recover(directory.path(), table)).transpose()?)
}

fn control_pair() -> nix::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    // Room for the news of all agents ending at once.
    setsockopt(&theirs, sockopt::SndBuf, &(1 << 20))?;
    Ok((ours, theirs))
}

/// The spawner inherits what this process has open, of which it keeps only its end of the pair and the lock of the
/// directory.
fn fork_spawner(swarm: &'static Swarm, ours: OwnedFd, theirs: OwnedFd) -> nix::Result<OwnedFd> {
    let mut keep = vec![theirs.as_raw_fd()];
    keep.extend(swarm.directory.as_ref().map(|directory| directory.lock().as_raw_fd()));
    keep.sort_unstable();
    fork_child(move || {
        close_all_but(&keep);
        spawner::run(swarm, theirs)
    })?;
    Ok(ours)
}

/// Closes all descriptors from 3 on but these, which are in order.
fn close_all_but(keep: &[RawFd]) {
    let mut first = 3;
    for last in keep.iter().map(|fd| *fd as u32).chain([u32::MAX]) {
        if first < last {
            #[expect(unsafe_code, reason = "no wrapper exists for close_range")]
            // SAFETY: takes three numbers. What is closed belongs to values of the parent that this process
            // never uses nor drops.
            unsafe {
                let before = if last == u32::MAX { last } else { last - 1 };
                nix::libc::syscall(nix::libc::SYS_close_range, first, before, 0);
            }
        }
        first = last.saturating_add(1);
    }
}
