//! The guardian: a small process between the harness and the target that outlives the harness.
//!
//! It is started first, starts the target itself and adopts every descendant that loses its parent, so that
//! all processes of the run are below it. When the harness asks, or closes its side, or dies, the guardian
//! undoes what the journal says is open, ends every process of the run and ends itself. It undoes a fault
//! that is overdue even while the harness lives, for a harness can hang.
//!
//! A run may be one that is kept: when its harness dies without having asked for the end, the guardian undoes
//! what is open, keeps the target with its input and output, and waits for another harness to go on with it.
//!
//! This module is the harness' side; what the process itself does is in `process`, what it is told on its
//! command line in `order`, what it tells in `report`, how it keeps a target in `keep`.

mod again;
mod keep;
mod order;
mod process;
mod report;

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub use keep::{Kept, kept};
pub use process::main;
pub use report::Report;

use crate::clock::Clock;
use crate::heal::let_finish;
use crate::journal::{self, By, Record};
use crate::pidfd::{PidFd, wait_one};
use crate::process::Identity;
use crate::{ChaosError, Ended, Journal, Scope, Site};
use nix::sys::signal::Signal;
use order::Order;
use scenarios::plan::Enclosure;

/// How long the guardian may take until the target's process is there.
const STARTED_WITHIN: Duration = Duration::from_secs(20);
/// How long a dropped guardian may take to clean up.
const DROPPED_WITHIN: Duration = Duration::from_secs(10);

/// The target's program.
#[derive(Debug, Clone)]
pub struct TargetCommand {
    /// Program and arguments.
    pub argv: Vec<OsString>,
    /// Variables that its environment has beside those of the harness.
    pub env: Vec<(OsString, OsString)>,
    /// Where it runs; where the harness runs, if `None`.
    pub cwd: Option<PathBuf>,
    /// The file to which its standard error is appended.
    pub stderr_file: PathBuf,
}

/// The harness' ends of the target's standard input and output: pipes, blocking.
#[derive(Debug)]
pub struct TargetStdio {
    /// What the target reads.
    pub stdin: OwnedFd,
    /// What the target writes.
    pub stdout: OwnedFd,
}

/// A running guardian. Dropping it ends every process of the run and waits until that is done.
#[derive(Debug)]
pub struct Guardian {
    /// Absent where another harness started it.
    child: Option<Child>,
    pidfd: PidFd,
    identity: Identity,
    target: Identity,
    reports: UnixStream,
    run: PathBuf,
    program: Vec<OsString>,
    enclosure: Enclosure,
    /// Whether it keeps the target should this harness die.
    keeps: bool,
    over: bool,
}

/// How a guardian begins, where it is not as usual.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// The target is kept when the harness dies, for a harness that says this: it should name the run and its
    /// plan.
    pub claim: Option<String>,
    /// The run has had a guardian before, which is gone.
    pub again: bool,
}

impl Guardian {
    /// Starts a guardian by its command (a program whose `main` calls [`main`] with the arguments that
    /// follow), which starts the target. The journal of the run is created. Blocks until the target's
    /// process is there, not until it is ready.
    ///
    /// # Errors
    /// If there is a journal already, or one of the two processes cannot be started; then none is left.
    pub fn start(
        guardian_command: &[OsString],
        run_dir: &Path,
        target: TargetCommand,
        enclosure: &Enclosure,
    ) -> Result<(Self, TargetStdio), ChaosError> {
        Self::start_on(guardian_command, run_dir, target, enclosure, &Terms::default())
    }

    /// The same on these terms. Where there was a guardian before, the journal of the run goes on.
    ///
    /// # Errors
    /// As [`Self::start`]; for a run that has had a guardian, if its journal cannot be opened.
    pub fn start_on(
        guardian_command: &[OsString],
        run_dir: &Path,
        target: TargetCommand,
        enclosure: &Enclosure,
        terms: &Terms,
    ) -> Result<(Self, TargetStdio), ChaosError> {
        let Some((program, first_arguments)) = guardian_command.split_first() else {
            return Err(not_started("", "the command is empty"));
        };
        let program = program.to_string_lossy().into_owned();
        let target_program =
            target.argv.first().map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
        if terms.again {
            Journal::reopen(run_dir)?
        } else {
            Journal::create(run_dir)?
        };
        let failed = |e: io::Error| not_started(&program, &e.to_string());
        let harness = Identity::own().map_err(failed)?;
        let (run, enclosure, claim) = (run_dir.to_path_buf(), enclosure.clone(), terms.claim.clone());
        let order = Order { run, harness, target, enclosure, claim };
        let (mut child, reports, stdio) = spawn(guardian_command, first_arguments, &order).map_err(failed)?;
        match greeting(&reports, &program, &target_program) {
            Ok((identity, target, pidfd)) => {
                let run = order.run;
                let (program, enclosure) = (guardian_command.to_vec(), order.enclosure);
                let (child, keeps, over) = (Some(child), terms.claim.is_some(), false);
                let guardian =
                    Self { child, pidfd, identity, target, reports, run, program, enclosure, keeps, over };
                guardian.hand_over(&stdio)?;
                Ok((guardian, stdio))
            }
            Err(why) => {
                give_up(&mut child, &reports, run_dir);
                Err(why)
            }
        }
    }

    /// The guardian's own process.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The first process of the target.
    #[must_use]
    pub fn target(&self) -> Identity {
        self.target
    }

    /// The first process of the target.
    #[must_use]
    pub fn target_pid(&self) -> u32 {
        self.target.pid
    }

    /// What faults of this run may touch.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::below(self.identity)
    }

    /// Where the faults of this run act. `zero_ns` is `CLOCK_MONOTONIC` at the start of the run.
    ///
    /// # Errors
    /// If the journal cannot be opened.
    pub fn site(&self, zero_ns: u64) -> Result<Site, ChaosError> {
        Ok(Site {
            scope: self.scope(),
            journal: self.journal()?,
            clock: Clock { zero_ns },
            run: self.run.clone(),
            program: self.program.clone(),
            enclosure: self.enclosure.clone(),
            steps: None,
        })
    }

    /// Another handle on the run's journal.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn journal(&self) -> Result<Journal, ChaosError> {
        Journal::open(&self.run)
    }

    /// The stream on which the guardian tells how processes ended: lines for [`Report::parse`], the end of
    /// the stream when the guardian has ended. Only one reader gets each line; it may stop reading at any
    /// time. Never write to it or shut it down.
    ///
    /// # Errors
    /// If there are no more descriptors.
    pub fn reports(&self) -> Result<UnixStream, ChaosError> {
        self.reports.try_clone().map_err(|e| ChaosError::io("share", "the guardian's reports", e))
    }

    /// A descriptor that becomes readable when the guardian has ended. If nobody asked it to, the harness
    /// should heal its faults, inject no more and call [`Self::end_all`].
    ///
    /// # Errors
    /// If there are no more descriptors.
    pub fn died(&self) -> Result<OwnedFd, ChaosError> {
        self.pidfd
            .as_fd()
            .try_clone_to_owned()
            .map_err(|e| ChaosError::io("share", "the guardian's process descriptor", e))
    }

    /// Undoes what is open, ends every process of the run, the guardian included, and waits until that is
    /// done. A guardian that is dead, or has not done it when the time is over, is replaced by this process.
    ///
    /// # Errors
    /// If `/proc` or the journal cannot be read, so that it is not known whether something is left.
    pub fn end_all(mut self, within: Duration) -> Result<Ended, ChaosError> {
        self.wind_down(within)
    }

    fn wind_down(&mut self, within: Duration) -> Result<Ended, ChaosError> {
        self.over = true;
        let wait = |e| ChaosError::io("wait for", "the guardian", e);
        self.ask_for_the_end();
        // The guardian reads the end of its stream; where it is dead already there is nobody to tell.
        let _ = self.reports.shutdown(Shutdown::Write);
        if !let_finish(self.identity, within).map_err(wait)? {
            self.pidfd.send(Signal::SIGKILL).map_err(wait)?;
            wait_one(&self.pidfd, Instant::now() + within).map_err(wait)?;
        }
        if let Some(child) = &mut self.child {
            child.wait().map_err(wait)?;
        }
        if let Some(ended) = ended_by_guardian(&self.run)? {
            return Ok(ended);
        }
        crate::heal::clean_up(&self.run, By::Harness, within).map(|done| done.ended)
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        if !self.over {
            // What could not be done stands open in the journal, for `heal`.
            let _ = self.wind_down(DROPPED_WITHIN);
        }
    }
}

fn ended_by_guardian(run: &Path) -> Result<Option<Ended>, ChaosError> {
    let records = journal::read(run)?.into_iter().rev();
    // What stands before that is of an earlier segment of the run.
    let mut of_segment = records.take_while(|record| !matches!(record, Record::Opened { .. }));
    Ok(of_segment.find_map(|record| match record {
        Record::Ended { by: By::Guardian, left_behind, still_alive } => {
            Some(Ended { left_behind, still_alive })
        }
        _ => None,
    }))
}

/// Hears the guardian's first word: itself, the target, and the descriptor of itself.
fn greeting(
    reports: &UnixStream,
    program: &str,
    target: &str,
) -> Result<(Identity, Identity, PidFd), ChaosError> {
    let failed = |e: io::Error| not_started(program, &e.to_string());
    match first_report(reports).map_err(failed)? {
        Some(Report::Started { guardian, target }) => {
            let pidfd = PidFd::of(guardian).map_err(failed)?;
            Ok((guardian, target, pidfd.ok_or_else(|| not_started(program, "it ended at once"))?))
        }
        Some(Report::NotStarted { found }) => {
            Err(ChaosError::TargetNotStarted { program: target.to_owned(), found })
        }
        Some(Report::NotEnclosed { found }) => Err(ChaosError::NotEnclosed { found }),
        Some(other) => Err(not_started(program, &format!("its first word was {other:?}"))),
        None => Err(not_started(program, "it ended without a word")),
    }
}

/// Ends a guardian that never said it was one, with all that it may have started.
fn give_up(child: &mut Child, reports: &UnixStream, run: &Path) {
    // One that did start something reads the end of its stream and ends it.
    let _ = reports.shutdown(Shutdown::Write);
    let deadline = Instant::now() + DROPPED_WITHIN;
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    // What could not be done stands open in the journal, for `heal`.
    let _ = crate::heal::clean_up(run, By::Harness, DROPPED_WITHIN);
}

/// The guardian gets the target's input and output as its own, to pass them on, and its stream to the harness
/// as standard error: what a program writes that is no guardian at all is then seen here.
fn spawn(
    command: &[OsString],
    first_arguments: &[OsString],
    order: &Order,
) -> io::Result<(Child, UnixStream, TargetStdio)> {
    let (ours, its) = UnixStream::pair()?;
    let (target_stdin, stdin) = io::pipe()?;
    let (stdout, target_stdout) = io::pipe()?;
    let child = Command::new(&command[0])
        .args(first_arguments)
        .args(order.to_arguments())
        .stdin(target_stdin)
        .stdout(target_stdout)
        .stderr(Stdio::from(OwnedFd::from(its)))
        .spawn()?;
    Ok((child, ours, TargetStdio { stdin: stdin.into(), stdout: stdout.into() }))
}

/// The first line of a guardian; `None` if it ended without one.
fn first_report(reports: &UnixStream) -> io::Result<Option<Report>> {
    reports.set_read_timeout(Some(STARTED_WITHIN))?;
    let mut line = String::new();
    // One byte at a time: what follows the first line belongs to whoever reads the reports later.
    let read = BufReader::with_capacity(1, reports).read_line(&mut line).map_err(|e| match e.kind() {
        io::ErrorKind::WouldBlock => {
            io::Error::new(io::ErrorKind::TimedOut, format!("it said nothing within {STARTED_WITHIN:?}"))
        }
        _ => e,
    })?;
    reports.set_read_timeout(None)?;
    if read == 0 {
        return Ok(None);
    }
    let said =
        || io::Error::new(io::ErrorKind::InvalidData, format!("it is no guardian, it said: {}", line.trim()));
    Report::parse(line.as_bytes()).map(Some).ok_or_else(said)
}

fn not_started(program: &str, found: &str) -> ChaosError {
    ChaosError::GuardianNotStarted { program: program.to_owned(), found: found.to_owned() }
}
