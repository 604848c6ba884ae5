//! Ending the target's processes and starting it again, when the harness asks.
//!
//! A request is one byte on the stream between the two; with the one to start come the target's new standard input
//! and output. Nothing has to be undone: a target that is down is ended with the run like one that is up.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::SigSet;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

use super::process::{Watch, target_command};
use super::{Guardian, Report, TargetStdio};
use crate::ChaosError;
use crate::find::below;
use crate::journal::Record;
use crate::process::Identity;
use crate::stop::stop_all;

/// Ends every process of the target.
const END: u8 = b'e';
/// Starts the target.
const START: u8 = b's';
/// Keep these, the harness' ends of the target's input and output, should the harness die.
const KEEP: u8 = b'k';
/// The run is over.
const OVER: u8 = b'o';

/// How long ending the target may take.
const END_WITHIN: Duration = Duration::from_secs(5);

impl Guardian {
    /// Asks for every process of the target to be killed. [`Report::TargetEnded`] tells what that came to.
    ///
    /// # Errors
    /// If the guardian does not listen.
    pub fn end_target(&self) -> Result<(), ChaosError> {
        send(&self.reports, END, &[]).map_err(|e| ChaosError::io("ask", "the guardian", e))
    }

    /// Asks for the target to be started again by the command of its first start, after [`Self::end_target`].
    /// [`Report::TargetStarted`] or [`Report::NotStarted`] tells what that came to. The ends of its new standard
    /// input and output.
    ///
    /// # Errors
    /// If there are no more descriptors, or the guardian does not listen.
    pub fn start_target(&self) -> Result<TargetStdio, ChaosError> {
        let failed = |e: io::Error| ChaosError::io("ask", "the guardian", e);
        let (target_stdin, stdin) = io::pipe().map_err(failed)?;
        let (stdout, target_stdout) = io::pipe().map_err(failed)?;
        let passed = [target_stdin.as_fd(), target_stdout.as_fd()];
        send(&self.reports, START, &passed).map_err(failed)?;
        let stdio = TargetStdio { stdin: stdin.into(), stdout: stdout.into() };
        self.hand_over(&stdio)?;
        Ok(stdio)
    }
}

impl Guardian {
    /// The guardian gets its own descriptors of the target's input and output, if it is to keep them.
    pub(super) fn hand_over(&self, stdio: &TargetStdio) -> Result<(), ChaosError> {
        if !self.keeps {
            return Ok(());
        }
        send(&self.reports, KEEP, &[stdio.stdin.as_fd(), stdio.stdout.as_fd()])
            .map_err(|e| ChaosError::io("hand the target's input and output to", "the guardian", e))
    }

    /// Says that the run is over, so that the end of the stream is not taken for a death.
    pub(super) fn ask_for_the_end(&self) {
        // A guardian that does not listen any more is ended another way.
        let _ = send(&self.reports, OVER, &[]);
    }
}

/// What became of looking for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obeyed {
    /// There was one, and it was done.
    Done,
    /// There is none.
    Nothing,
    /// The run is over.
    Over,
    /// Nobody will ask for anything any more.
    Ended,
}

impl Watch {
    /// Does what the harness asks next.
    pub(super) fn obey(&mut self) -> Obeyed {
        match receive(&self.stream) {
            Ok(None) => return Obeyed::Ended,
            Ok(Some((OVER, _))) => return Obeyed::Over,
            Ok(Some((request, passed))) => match (request, <[OwnedFd; 2]>::try_from(passed)) {
                (END, _) => self.end_target(),
                (START, Ok([stdin, stdout])) => self.start_target(stdin, stdout),
                (KEEP, Ok([stdin, stdout])) => self.kept = Some(TargetStdio { stdin, stdout }),
                _ => {}
            },
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Obeyed::Nothing;
            }
            Err(_) => return Obeyed::Ended,
        }
        Obeyed::Done
    }

    fn end_target(&mut self) {
        self.restarts = true;
        self.kept = None;
        let (own, helpers) = (self.own.pid, self.made.helpers());
        let targets = || below(own).map(|all| all.into_iter().filter(|p| !helpers.contains(p)).collect());
        let ended = stop_all(targets, |_| self.reap(), Instant::now() + END_WITHIN);
        let status = self.status.take().unwrap_or_else(|| "not known".to_owned());
        let (ended, still_alive) =
            ended.map_or((0, u32::MAX), |ended| (ended.left_behind, ended.still_alive));
        self.report(&Report::TargetEnded { status, ended, still_alive });
    }

    fn start_target(&mut self, stdin: OwnedFd, stdout: OwnedFd) {
        let started = target_command(&self.command, self.own, &self.made)
            .and_then(|command| start(command, stdin, stdout).map_err(|e| e.to_string()));
        let report = match started {
            Ok(target) => {
                self.target = target;
                (self.restarts, self.exited) = (false, None);
                // The target is there and will be ended whatever the disk says.
                let _ = self.journal.append(&Record::Launched { target });
                Report::TargetStarted { target }
            }
            Err(found) => Report::NotStarted { found },
        };
        self.report(&report);
    }
}

fn send(to: &UnixStream, request: u8, passed: &[BorrowedFd<'_>]) -> io::Result<()> {
    let raw: Vec<RawFd> = passed.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() { &[][..] } else { &rights[..] };
    sendmsg::<()>(to.as_raw_fd(), &[IoSlice::new(&[request])], control, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(())
}

/// The next request and the descriptors that came with it; `None` at the end of the stream.
#[expect(unsafe_code, reason = "descriptors that were passed come as numbers")]
fn receive(from: &UnixStream) -> io::Result<Option<(u8, Vec<OwnedFd>)>> {
    let mut request = [0_u8; 1];
    let mut space = nix::cmsg_space!([RawFd; 2]);
    let mut slices = [IoSliceMut::new(&mut request)];
    let got = recvmsg::<()>(from.as_raw_fd(), &mut slices, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut passed = Vec::new();
    for message in got.cmsgs()? {
        if let ControlMessageOwned::ScmRights(fds) = message {
            // SAFETY: the kernel has just given these to this process, and nobody else knows of them.
            passed.extend(fds.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    let ended = got.bytes == 0;
    Ok((!ended).then_some((request[0], passed)))
}

fn start(mut command: Command, stdin: OwnedFd, stdout: OwnedFd) -> io::Result<Identity> {
    command.stdin(File::from(stdin)).stdout(File::from(stdout));
    #[expect(
        unsafe_code,
        reason = "the signals that the guardian reads from a descriptor are not blocked in the target"
    )]
    // SAFETY: the closure does one system call.
    unsafe {
        command.pre_exec(|| Ok(SigSet::empty().thread_set_mask()?));
    }
    let child = command.spawn()?;
    Identity::of(child.id())?.ok_or_else(|| io::ErrorKind::NotFound.into())
}
