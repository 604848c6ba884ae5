//! `--detach` of `shakedown run` and `shakedown resume`: a run that outlives its terminal.
//!
//! The command starts itself in a session of its own. What that one says to the terminal goes to a log in the run
//! directory as soon as there is one; through its standard input, a socket, it tells where that is and when the
//! target is ready. Then the command that was given ends, and the run goes on.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use evidence::layout::LOG;

use crate::exit::Exit;

/// What makes the command the detached one.
const DETACHED: &str = "--detached";
/// What the detached one says of its run directory, before its path.
const DIRECTORY: &str = "directory ";
/// What it says of its log, before how many bytes others wrote to it.
const LOGGED: &str = "logged ";
/// What it says when the target is ready.
const READY: &str = "ready";

/// The side of a detached run.
#[derive(Debug)]
pub(crate) struct Detached(UnixStream);

/// Starts the same command again, detached, and waits until its target is ready or it has ended.
pub(crate) fn start() -> Exit {
    let failed = |e: io::Error| {
        note!("error: could not start a run of its own: {e}");
        Exit::Unusable
    };
    let (child, told) = match spawn() {
        Ok(started) => started,
        Err(e) => return failed(e),
    };
    let (mut directory, mut logged) = (None, 0);
    for line in BufReader::new(told).lines().map_while(Result::ok) {
        if line == READY {
            return going_on(&child, directory.as_deref());
        }
        directory = line.strip_prefix(DIRECTORY).map(PathBuf::from).or(directory);
        logged = line.strip_prefix(LOGGED).and_then(|bytes| bytes.parse().ok()).unwrap_or(logged);
    }
    never_ready(child, directory.as_deref(), logged).unwrap_or_else(failed)
}

/// What a command that was detached needs for that, and nothing for another; how to end if it cannot be.
pub(crate) fn begin(is_detached: bool) -> Result<Option<Detached>, Exit> {
    is_detached.then(Detached::begin).transpose().map_err(|e| {
        note!("error: could not detach the run: {e}");
        Exit::Unusable
    })
}

fn spawn() -> io::Result<(Child, UnixStream)> {
    let (ours, its) = UnixStream::pair()?;
    let child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1).map(|a| if a == "--detach" { DETACHED.into() } else { a }))
        .stdin(OwnedFd::from(its))
        .spawn()?;
    Ok((child, ours))
}

fn going_on(child: &Child, directory: Option<&Path>) -> Exit {
    let directory = directory.map(|path| crate::run::near(path).display().to_string()).unwrap_or_default();
    say!("run: {directory} (process {})", child.id());
    say!("follow it with `shakedown watch {directory}`, end it with `kill -INT {}`", child.id());
    Exit::Go
}

/// What it wrote to its log is the answer; what it wrote before was read already.
fn never_ready(mut child: Child, directory: Option<&Path>, logged: usize) -> io::Result<Exit> {
    let status = child.wait()?;
    let log = directory.and_then(|directory| std::fs::read_to_string(LOG.within(directory)).ok());
    let own = log.as_deref().and_then(|log| log.get(logged..));
    crate::terminal::note(format_args!("{}", own.unwrap_or_default()));
    Ok(status.code().and_then(Exit::of_code).unwrap_or(Exit::OurFault))
}

impl Detached {
    /// Leaves the session of whoever started it.
    fn begin() -> io::Result<Self> {
        // Refused only to one that leads a session already.
        let _ = nix::unistd::setsid();
        let told = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        nix::unistd::dup2_stdin(File::open("/dev/null")?)?;
        Ok(Self(told))
    }

    /// From here on the log of the run is what the terminal was.
    pub(crate) fn settle(&mut self, run: &Path) -> io::Result<()> {
        let log = File::options().append(true).create(true).open(LOG.within(run))?;
        writeln!(self.0, "{LOGGED}{}\n{DIRECTORY}{}", log.metadata()?.len(), run.display())?;
        nix::unistd::dup2_stdout(&log)?;
        nix::unistd::dup2_stderr(&log)?;
        Ok(())
    }

    /// The target is ready; nobody is told any more.
    pub(crate) fn ready(mut self) {
        // Whoever started it may be gone, which is its own affair.
        let _ = writeln!(self.0, "{READY}");
    }
}
