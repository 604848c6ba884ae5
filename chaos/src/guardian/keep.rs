//! Keeping a target whose harness is dead, and going on with one that is kept.
//!
//! The two sides meet at a socket without a name in any directory, which is gone when the guardian is and which
//! no path is too long for. Only processes of the same user are answered, and only for the claim of the run.

use std::io::{self, BufRead, BufReader, ErrorKind, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use evidence::layout::CHECKPOINT;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr,
    accept4, bind, connect, getsockopt, listen, recvmsg, sendmsg, socket,
};
use scenarios::plan::Enclosure;

use super::process::Watch;
use super::{Guardian, Report, TargetStdio};
use crate::ChaosError;
use crate::clock::monotonic_ns;
use crate::heal::Past;
use crate::journal::Record;
use crate::pidfd::PidFd;
use crate::process::{Identity, boot_id};

/// How often is looked whether something happened while no harness is there, in milliseconds.
const LOOK_EVERY: u16 = 250;
/// How long whoever connects may take to say what it wants.
const SAID_WITHIN: Duration = Duration::from_secs(2);
/// How long a guardian may take to notice that its harness is dead and to undo what is open.
const KEPT_WITHIN: Duration = Duration::from_secs(30);
/// How often is asked whether it is that far.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// The longest word of either side, in bytes.
const LONGEST: usize = 4096;

/// The processes of a run whose harness is dead.
#[derive(Debug)]
pub enum Kept {
    /// The target lives and was taken over.
    Alive {
        /// Its guardian, which watches this process from now on.
        guardian: Box<Guardian>,
        /// The ends of the target's input and output. What comes out first may be the rest of a line.
        stdio: TargetStdio,
        /// Since when nothing was in effect any more (`CLOCK_MONOTONIC`).
        since_ns: u64,
    },
    /// Nothing is there any more, or only what [`crate::heal`] ends.
    Gone {
        /// Whether the machine was started anew since.
        rebooted: bool,
        /// How the target ended while it was kept, if it did.
        exited: Option<String>,
    },
}

/// Takes over what the dead harness of a run has left. `claim` is what the run was begun with, `program` the
/// command of a guardian, `enclosure` what was made for the target. Blocks until it is known.
///
/// # Errors
/// If the harness lives, the guardian refuses or does not answer, or the journal cannot be read.
pub fn kept(
    run: &Path,
    claim: &str,
    program: &[std::ffi::OsString],
    enclosure: &Enclosure,
) -> Result<Kept, ChaosError> {
    let failed = |e| ChaosError::io("take over", "the processes of the run", e);
    let past = Past::read(run)?;
    if past.boot.is_some_and(|boot| boot_id().is_ok_and(|now| now != boot)) {
        return Ok(Kept::Gone { rebooted: true, exited: past.exited });
    }
    if let Some(harness) = past.harness
        && harness.is_alive().map_err(failed)?
    {
        return Err(ChaosError::HarnessAlive { harness: harness.pid });
    }
    let deadline = Instant::now() + KEPT_WITHIN;
    while let Some(guardian) = past.guardian
        && let Some(pidfd) = PidFd::of(guardian).map_err(failed)?
    {
        match ask(guardian, claim) {
            Ok((reports, target, stdio)) => {
                let guardian = Guardian {
                    child: None,
                    pidfd,
                    identity: guardian,
                    target,
                    reports,
                    run: run.to_path_buf(),
                    program: program.to_vec(),
                    enclosure: enclosure.clone(),
                    keeps: true,
                    over: false,
                };
                let since_ns = Past::read(run)?.last_kept_ns.unwrap_or_else(monotonic_ns);
                return Ok(Kept::Alive { guardian: Box::new(guardian), stdio, since_ns });
            }
            // It is not that far, or on its way to its end.
            Err(e) if is_not_there(&e) && Instant::now() < deadline => std::thread::sleep(ASK_EVERY),
            Err(e) => return Err(failed(e)),
        }
    }
    Ok(Kept::Gone { rebooted: false, exited: Past::read(run)?.exited })
}

fn is_not_there(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound | ErrorKind::ConnectionReset)
}

/// Says the claim and hears of the target.
fn ask(guardian: Identity, claim: &str) -> io::Result<(UnixStream, Identity, TargetStdio)> {
    let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    connect(socket.as_raw_fd(), &address(guardian)?)?;
    if getsockopt(&socket, PeerCredentials)?.uid() != nix::unistd::geteuid().as_raw() {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "another user's process answers"));
    }
    let stream = UnixStream::from(socket);
    stream.set_read_timeout(Some(KEPT_WITHIN))?;
    sendmsg::<()>(
        stream.as_raw_fd(),
        &[IoSlice::new(format!("{claim}\n").as_bytes())],
        &[],
        MsgFlags::MSG_NOSIGNAL,
        None,
    )?;
    let (line, passed) = hear(&stream)?;
    stream.set_read_timeout(None)?;
    match (Report::parse(&line), <[OwnedFd; 2]>::try_from(passed)) {
        (Some(Report::Started { target, .. }), Ok([stdin, stdout])) => {
            Ok((stream, target, TargetStdio { stdin, stdout }))
        }
        (Some(Report::NotStarted { found }), _) => Err(io::Error::new(ErrorKind::PermissionDenied, found)),
        // It ended before it answered.
        _ if line.is_empty() => Err(ErrorKind::ConnectionReset.into()),
        _ => Err(io::Error::new(ErrorKind::InvalidData, "the guardian's word is not understood")),
    }
}

/// What was said in one go, and the descriptors that came with it.
#[expect(unsafe_code, reason = "descriptors that were passed come as numbers")]
fn hear(from: &UnixStream) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut said = vec![0_u8; LONGEST];
    let mut space = nix::cmsg_space!([RawFd; 2]);
    let mut slices = [IoSliceMut::new(&mut said)];
    let got = recvmsg::<()>(from.as_raw_fd(), &mut slices, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut passed = Vec::new();
    for message in got.cmsgs()? {
        if let ControlMessageOwned::ScmRights(fds) = message {
            // SAFETY: the kernel has just given these to this process, and nobody else knows of them.
            passed.extend(fds.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    let length = got.bytes;
    said.truncate(length);
    Ok((said, passed))
}

/// Where a guardian that keeps its target is found: unique within one boot.
fn address(guardian: Identity) -> nix::Result<UnixAddr> {
    UnixAddr::new_abstract(format!("shakedown-kept-{}-{}", guardian.pid, guardian.starttime).as_bytes())
}

fn listener(own: Identity) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let listener = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    bind(listener.as_raw_fd(), &address(own)?)?;
    listen(&listener, Backlog::new(4)?)?;
    Ok(listener)
}

impl Watch {
    /// The harness is gone. If the target is to be kept, undoes what is in effect and waits for another one;
    /// whether one came.
    pub(super) fn keep_until_taken_over(&mut self) -> bool {
        let Some(claim) = self.claim.clone() else { return false };
        // Without a checkpoint there is nothing to go on from; without its input, or down, no target.
        if self.kept.is_none() || self.restarts || !CHECKPOINT.within(&self.run).exists() {
            return false;
        }
        self.alone = true;
        // What the dead harness was not told nobody will read.
        self.unsent.clear();
        self.undo_open();
        let Ok(listener) = listener(self.own) else { return false };
        // Who cannot be found by its journal must not be kept.
        if self.journal.append(&Record::Kept { at_ns: monotonic_ns() }).is_err() {
            return false;
        }
        loop {
            self.reap();
            if let Some(status) = self.exited.take() {
                // That the target is gone is seen by whoever goes on even if this cannot be written.
                let _ = self.journal.append(&Record::Exited { status, at_ns: monotonic_ns() });
                return false;
            }
            if self.asked_to_end() {
                return false;
            }
            self.make_room();
            let mut polled = [
                PollFd::new(listener.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.children.as_fd(), PollFlags::POLLIN),
            ];
            // An interrupted or failed wait is as one that timed out: everything is looked at anyway.
            let _ = poll(&mut polled, PollTimeout::from(LOOK_EVERY));
            if let Ok(Some(harness)) = self.admit(&listener, &claim) {
                // The harness is there whatever the disk says.
                let _ = self.journal.append(&Record::Adopted { harness });
                self.alone = false;
                return true;
            }
        }
    }

    /// Somebody connects: if it is a harness of this run it is given the target. `None` if it is none, or nobody
    /// is there.
    fn admit(&mut self, listener: &OwnedFd, claim: &str) -> io::Result<Option<Identity>> {
        let stream = match accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
            #[expect(unsafe_code, reason = "a descriptor that was accepted comes as a number")]
            // SAFETY: the kernel has just given it to this process, and nobody else knows of it.
            Ok(fd) => UnixStream::from(unsafe { OwnedFd::from_raw_fd(fd) }),
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        let peer = getsockopt(&stream, PeerCredentials)?;
        if peer.uid() != nix::unistd::geteuid().as_raw() {
            return Ok(None);
        }
        stream.set_read_timeout(Some(SAID_WITHIN))?;
        let mut said = String::new();
        BufReader::new(io::Read::take(&stream, LONGEST as u64)).read_line(&mut said)?;
        let harness = Identity::of(u32::try_from(peer.pid()).unwrap_or(0))?;
        let pidfd = harness.map(PidFd::of).transpose()?.flatten();
        let (Some(harness), Some(pidfd)) = (harness, pidfd) else { return Ok(None) };
        if said.trim_end() != claim {
            let found = format!(
                "the guardian keeps {claim}, not {}; go on with that one, of which this may be a copy",
                said.trim_end()
            );
            self.give(&stream, &Report::NotStarted { found }, false)?;
            return Ok(None);
        }
        self.give(&stream, &Report::Started { guardian: self.own, target: self.target }, true)?;
        stream.set_read_timeout(None)?;
        stream.set_nonblocking(true)?;
        (self.harness, self.stream) = (pidfd, stream);
        Ok(Some(harness))
    }

    /// Answers, with the target's input and output or without.
    fn give(&self, to: &UnixStream, report: &Report, with_target: bool) -> io::Result<()> {
        let kept = self.kept.as_ref().filter(|_| with_target);
        let raw: Vec<RawFd> =
            kept.iter().flat_map(|stdio| [stdio.stdin.as_raw_fd(), stdio.stdout.as_raw_fd()]).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let control = if raw.is_empty() { &[][..] } else { &rights[..] };
        let line = report.to_line();
        sendmsg::<()>(to.as_raw_fd(), &[IoSlice::new(&line)], control, MsgFlags::MSG_NOSIGNAL, None)?;
        Ok(())
    }

    /// A target that tells more than its pipe holds would have to wait: the oldest half is dropped when it is
    /// nearly full. Whoever goes on asks for the members anew.
    fn make_room(&self) {
        let Some(stdio) = &self.kept else { return };
        let Ok(size) =
            fcntl(&stdio.stdout, FcntlArg::F_GETPIPE_SZ).map(|size| usize::try_from(size).unwrap_or(0))
        else {
            return;
        };
        if queued(&stdio.stdout) <= size * 3 / 4 {
            return;
        }
        let mut dropped = 0;
        let mut chunk = vec![0; 64 << 10];
        // Never more than is there, so it does not wait.
        while dropped < size / 2 {
            match nix::unistd::read(&stdio.stdout, &mut chunk) {
                Ok(count) if count > 0 => dropped += count,
                _ => return,
            }
        }
    }
}

/// How many bytes wait in a pipe; none where that cannot be asked.
#[expect(unsafe_code, reason = "no wrapper exists for this request")]
fn queued(pipe: &OwnedFd) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the request writes one integer, which outlives the call.
    let asked = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut bytes) };
    if asked == 0 { usize::try_from(bytes).unwrap_or(0) } else { 0 }
}
