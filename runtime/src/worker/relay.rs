//! Messages from worker to worker, without a coordinator in between.
//!
//! Every worker has a named inbox for what others ask. The one that asks wakes the other by a signal, which
//! answers from within its handler: whatever it is doing, two that ask each other are both served.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, sendto};

use super::enough::when_enough;
use super::signals;
use super::work::spoiled;
use crate::bus::{MAX_PACKET, Rules, TaskHead, datagram, receive};
use crate::clock::Elapsed;
use crate::process::nudge;
use crate::swarm::Swarm;
use crate::table::State;

/// CRC u32 of all that follows, then who asks u32, token u64, try u32.
const HEAD: usize = 20;
/// How long one wait takes.
const WAIT_MS: u8 = 20;
const WAIT_NS: u64 = WAIT_MS as u64 * 1_000_000;
/// How long a peer may take before another one is asked.
const PATIENCE_NS: u64 = 200_000_000;
/// How many peers are asked before the task fails: a minute long.
const TRIES: u32 = 300;

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
            let exhausted = &self.swarm.table.head().exhausted_work;
            self.replies = when_enough(exhausted, || datagram(&self.swarm.replies_of(self.me))).ok();
        }
        let Some(replies) = &self.replies else { return Some(spoiled(payload)) };
        for attempt in 0..TRIES {
            let letter = self.letter(task.token, attempt, payload);
            if let Some(back) = self.exchange(replies, self.peer(task.token, attempt), &letter) {
                return (back != payload).then_some(back);
            }
            if signals::asked_to_end() {
                break;
            }
        }
        Some(spoiled(payload))
    }

    fn letter(&self, token: u64, attempt: u32, payload: &[u8]) -> Vec<u8> {
        let mut letter = vec![0; 4];
        letter.reserve(HEAD + payload.len());
        letter.extend_from_slice(&self.me.to_le_bytes());
        letter.extend_from_slice(&token.to_le_bytes());
        letter.extend_from_slice(&attempt.to_le_bytes());
        letter.extend_from_slice(payload);
        let crc = crc32fast::hash(&letter[4..]);
        letter[..4].copy_from_slice(&crc.to_le_bytes());
        letter
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
        let mut waited = Elapsed::begin();
        let mut buffer = vec![0; MAX_PACKET];
        let mut asked = false;
        while waited.ns(2 * WAIT_NS) < PATIENCE_NS {
            if !asked {
                asked = self.ask(replies, peer, letter)?;
            }
            let mut fds = [PollFd::new(replies.as_fd(), PollFlags::POLLIN)];
            let wait = if asked { PollTimeout::from(WAIT_MS) } else { PollTimeout::from(1u8) };
            // A wait that a signal ended is followed by another.
            let _ = poll(&mut fds, wait);
            while let Some(n) = receive(replies, &mut buffer) {
                if is_whole(&buffer[..n]) && buffer[4..HEAD] == letter[4..HEAD] {
                    return Some(buffer[HEAD..n].to_vec());
                }
            }
        }
        None
    }

    /// Puts the letter into a peer's inbox and wakes it; whether there was room. `None` if nobody is there.
    fn ask(&self, replies: &OwnedFd, peer: u32, letter: &[u8]) -> Option<bool> {
        let fate = self.swarm.rules.fate_of_letter(self.me, peer, number(letter));
        if fate.lost {
            return Some(true);
        }
        std::thread::sleep(Duration::from_nanos(fate.delay_ns));
        let mut letter = std::borrow::Cow::Borrowed(letter);
        if fate.corrupt.is_some() {
            fate.spoil(letter.to_mut());
        }
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let send = || sendto(replies.as_raw_fd(), &letter, &self.swarm.inbox_of(peer), flags);
        let sent = send();
        if fate.twice {
            // Whether the second one fits is nobody's concern.
            let _ = send();
        }
        let full = sent == Err(Errno::EAGAIN);
        if sent.is_err() && !full {
            return None;
        }
        nudge(self.swarm.table.slot(peer));
        Some(!full)
    }
}

fn is_whole(letter: &[u8]) -> bool {
    letter.len() >= HEAD && letter[..4] == crc32fast::hash(&letter[4..]).to_le_bytes()
}

/// What distinguishes a letter from all others.
fn number(letter: &[u8]) -> u64 {
    let word = |at: usize| letter.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    u64::from(word(0)) << 32 | u64::from(word(16))
}

/// Sends back every letter of an inbox to where it came from, as far as the rules let agent `me` do so. Runs in a
/// signal handler: system calls and atomics only.
pub(super) fn answer_asks(inbox: RawFd, rules: &Rules, me: u32) {
    let mut letter = MaybeUninit::<[u8; MAX_PACKET]>::uninit();
    let mut from = MaybeUninit::<libc::sockaddr_un>::uninit();
    loop {
        let mut length = size_of::<libc::sockaddr_un>() as libc::socklen_t;
        let (letter, from) = (letter.as_mut_ptr().cast::<u8>(), from.as_mut_ptr().cast());
        #[expect(unsafe_code, reason = "a buffer that is not cleared, and addresses passed on unread")]
        // SAFETY: all pointers are to live locals of the sizes that are given; the kernel writes `n` bytes and
        // `length` bytes before they are read.
        unsafe {
            let n =
                libc::recvfrom(inbox, letter.cast(), MAX_PACKET, libc::MSG_DONTWAIT, from, &raw mut length);
            let Ok(n) = usize::try_from(n) else { return };
            let text = std::slice::from_raw_parts_mut(letter, n);
            let asks = text.get(4..8).map_or(me, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            let fate = rules.fate_of_letter(me, asks, number(text));
            fate.spoil(text);
            for _ in 0..if fate.lost { 0 } else { 1 + u8::from(fate.twice) } {
                // One whose replies are full, or who is gone, asks again or not at all.
                libc::sendto(inbox, letter.cast(), n, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL, from, length);
            }
        }
    }
}
