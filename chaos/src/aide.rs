//! Processes of ours that help a fault to act: they take memory, keep CPUs busy, start processes.
//!
//! An aide is this same program in a role of its own. It waits until it is told to begin, ends by itself when
//! its harness is gone (its standard input ends) or its time is over, and is the first that the kernel takes
//! when memory is short. This module is the harness' side; `role` is what the process itself does.

mod cpu;
mod memory;
mod processes;
mod role;

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

pub(crate) use role::main;

use crate::find::{MARK, mark};
use crate::process::Identity;
use crate::{ChaosError, Site};

/// The argument after which a role stands.
pub(crate) const ROLE: &str = "--role";
/// How long an aide may take until it waits to begin.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long an aide lives beyond the end of its fault, should nobody end it.
const GRACE: Duration = Duration::from_secs(2);
/// How long those that an aide has started may take to be gone after it.
const GONE_WITHIN: Duration = Duration::from_secs(2);

/// A process that helps a fault; ended when dropped.
#[derive(Debug)]
pub(crate) struct Aide {
    child: Child,
    process: Identity,
    unread: Vec<u8>,
}

impl Aide {
    /// Starts one in this role, which waits to begin. It lives no longer than the fault.
    pub(crate) fn start(site: &Site, for_ns: u64, role: &[OsString]) -> Result<Self, ChaosError> {
        let failed = |e| ChaosError::io("start", "a process that helps a fault", e);
        let (program, first) =
            site.program.split_first().ok_or_else(|| failed(ErrorKind::NotFound.into()))?;
        let lives = Duration::from_nanos(for_ns) + READY_WITHIN + GRACE;
        let child = Command::new(program)
            .args(first)
            .arg(ROLE)
            .args(role)
            .arg(lives.as_millis().to_string())
            .env(MARK, mark(site.scope.guardian()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // What a terminal sends to the harness is for the harness to act on.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let process = Identity { pid: child.id(), starttime: 0 };
        let mut aide = Self { child, process, unread: Vec::new() };
        aide.process = Identity::of(process.pid).map_err(failed)?.unwrap_or(process);
        match aide.line(Instant::now() + READY_WITHIN).map_err(failed)?.as_deref() {
            Some("ready") => Ok(aide),
            said => Err(failed(io::Error::other(format!("it said {said:?} instead of `ready`")))),
        }
    }

    pub(crate) fn process(&self) -> Identity {
        self.process
    }

    /// Lets it begin.
    pub(crate) fn begin(&mut self) -> io::Result<()> {
        self.child.stdin.as_mut().map_or(Ok(()), |stdin| stdin.write_all(b"go\n"))
    }

    /// What it says next, by then; `None` if it says nothing more.
    pub(crate) fn line(&mut self, deadline: Instant) -> io::Result<Option<String>> {
        let Some(stdout) = self.child.stdout.as_mut() else { return Ok(None) };
        loop {
            if let Some(end) = self.unread.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line[..end]).into_owned()));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            let mut polled = [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)];
            if poll(&mut polled, timeout).unwrap_or(0) > 0 {
                let mut bytes = [0; 256];
                match stdout.read(&mut bytes)? {
                    0 => return Ok(None),
                    read => self.unread.extend(&bytes[..read]),
                }
            }
        }
    }

    /// Ends it and waits until it is gone, with those that it has started: they end with it and become children of
    /// this process, in whose group nobody else is.
    pub(crate) fn end(&mut self) {
        // Only once: later its id may be that of another group.
        let Some(_input) = self.child.stdin.take() else { return };
        // One that has ended by itself is only waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let Ok(group) = i32::try_from(self.process.pid) else { return };
        let deadline = Instant::now() + GONE_WITHIN;
        // Until there is no such child, or none any more.
        while let Ok(status) = waitpid(Pid::from_raw(-group), Some(WaitPidFlag::WNOHANG)) {
            if status == WaitStatus::StillAlive {
                if Instant::now() >= deadline {
                    return;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

impl Drop for Aide {
    fn drop(&mut self) {
        self.end();
    }
}
