//! Messages from worker to worker, without a coordinator in between.
//!
//! Every worker has a named inbox for what others ask. The one that asks wakes the other by a signal, which
//! answers from within its handler: whatever it is doing, two that ask each other are both served.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, sendto};

use super::work::spoiled;
use crate::bus::{MAX_PACKET, TaskHead, datagram, receive};
use crate::clock::now_ns;
use crate::process::nudge;
use crate::swarm::Swarm;
use crate::table::State;

/// Token u64, try u32.
const HEAD: usize = 12;
/// How long a peer may take before another one is asked.
const PATIENCE_NS: u64 = 200_000_000;
/// How many peers are asked before the task fails.
const TRIES: u32 = 8;

/// One worker's side that asks.
pub(super) struct Relay {
    swarm: &'static Swarm,
    me: u32,
    /// Opened with the first question.
    replies: Option<OwnedFd>,
}

impl Relay {
    pub(super) fn new(swarm: &'static Swarm, me: u32) -> Self {
        Self { swarm, me, replies: None }
    }

    /// Sends the payload by way of another worker. What came back if that differs, else `None`.
    pub(super) fn carry(&mut self, task: &TaskHead, payload: &[u8]) -> Option<Vec<u8>> {
        if self.replies.is_none() {
            self.replies = datagram(&self.swarm.replies_of(self.me)).ok();
        }
        let Some(replies) = &self.replies else { return Some(spoiled(payload)) };
        for attempt in 0..TRIES {
            let mut letter = Vec::with_capacity(HEAD + payload.len());
            letter.extend_from_slice(&task.token.to_le_bytes());
            letter.extend_from_slice(&attempt.to_le_bytes());
            letter.extend_from_slice(payload);
            if let Some(back) = self.exchange(replies, self.peer(task.token, attempt), &letter) {
                return (back != payload).then_some(back);
            }
        }
        Some(spoiled(payload))
    }

    /// A worker that can take work, other than this one if there is another, by a rule of seed and token.
    fn peer(&self, token: u64, attempt: u32) -> u32 {
        let workers = self.swarm.config.shape.workers();
        let count = u64::from(workers.end - workers.start);
        let mixed = (self.swarm.config.seed ^ token).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let first = mixed.wrapping_add(u64::from(attempt));
        (0..count)
            .map(|step| workers.start + ((first + step) % count) as u32)
            .find(|worker| *worker != self.me && self.swarm.table.slot(*worker).state() == State::Ready)
            .unwrap_or(self.me)
    }

    /// Asks a peer and waits for its reply. `None` if the peer is gone or takes too long.
    fn exchange(&self, replies: &OwnedFd, peer: u32, letter: &[u8]) -> Option<Vec<u8>> {
        let give_up_ns = now_ns() + PATIENCE_NS;
        let mut buffer = vec![0; MAX_PACKET];
        let mut asked = false;
        while now_ns() < give_up_ns {
            if !asked {
                asked = self.ask(replies, peer, letter)?;
            }
            let mut fds = [PollFd::new(replies.as_fd(), PollFlags::POLLIN)];
            let wait = if asked { PollTimeout::from(20u8) } else { PollTimeout::from(1u8) };
            // A wait that a signal ended is followed by another.
            let _ = poll(&mut fds, wait);
            while let Some(n) = receive(replies, &mut buffer) {
                if buffer[..n].get(..HEAD) == Some(&letter[..HEAD]) {
                    return Some(buffer[HEAD..n].to_vec());
                }
            }
        }
        None
    }

    /// Puts the letter into a peer's inbox and wakes it; whether there was room. `None` if nobody is there.
    fn ask(&self, replies: &OwnedFd, peer: u32, letter: &[u8]) -> Option<bool> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let sent = sendto(replies.as_raw_fd(), letter, &self.swarm.inbox_of(peer), flags);
        let full = sent == Err(Errno::EAGAIN);
        if sent.is_err() && !full {
            return None;
        }
        nudge(self.swarm.table.slot(peer));
        Some(!full)
    }
}

/// Sends back every letter of an inbox to where it came from. Runs in a signal handler: system calls only.
pub(super) fn answer_asks(inbox: RawFd) {
    let mut letter = MaybeUninit::<[u8; MAX_PACKET]>::uninit();
    let mut from = MaybeUninit::<libc::sockaddr_un>::uninit();
    loop {
        let mut length = size_of::<libc::sockaddr_un>() as libc::socklen_t;
        let (letter, from) = (letter.as_mut_ptr().cast(), from.as_mut_ptr().cast());
        #[expect(unsafe_code, reason = "a buffer that is not cleared, and addresses passed on unread")]
        // SAFETY: all pointers are to live locals of the sizes that are given; the kernel writes `n` bytes and
        // `length` bytes before they are read.
        unsafe {
            let n = libc::recvfrom(inbox, letter, MAX_PACKET, libc::MSG_DONTWAIT, from, &raw mut length);
            let Ok(n) = usize::try_from(n) else { return };
            // One whose replies are full, or who is gone, asks again or not at all.
            libc::sendto(inbox, letter, n, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL, from, length);
        }
    }
}
