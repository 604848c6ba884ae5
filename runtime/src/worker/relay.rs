//! Messages from worker to worker, without a coordinator in between: each has a named inbox.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, sendto};

use super::work::spoiled;
use crate::bus::{MAX_PACKET, TaskHead, receive};
use crate::clock::now_ns;
use crate::swarm::Swarm;
use crate::table::State;

const ASK: u8 = 0;
const REPLY: u8 = 1;
/// Kind, sender u32, token u64, try u32.
const HEAD: usize = 17;
/// How long a peer may take before another one is asked.
const PATIENCE_NS: u64 = 200_000_000;
/// How many peers are asked before the task fails.
const TRIES: u32 = 8;
/// How often a reply is offered to a peer whose inbox is full, and the pause in between.
const OFFERS: u32 = 50;
const PAUSE: Duration = Duration::from_micros(100);

/// One worker's inbox.
pub(super) struct Relay {
    swarm: &'static Swarm,
    me: u32,
    inbox: OwnedFd,
}

impl Relay {
    pub(super) fn new(swarm: &'static Swarm, me: u32, inbox: OwnedFd) -> Self {
        Self { swarm, me, inbox }
    }

    pub(super) fn inbox(&self) -> &OwnedFd {
        &self.inbox
    }

    /// Sends the payload by way of another worker. What came back if that differs, else `None`.
    pub(super) fn carry(&self, task: &TaskHead, payload: &[u8]) -> Option<Vec<u8>> {
        for attempt in 0..TRIES {
            let peer = self.peer(task.token, attempt);
            let ask = self.letter(ASK, task.token, attempt, payload);
            if let Some(back) = self.exchange(peer, &ask, task.token, attempt) {
                return (back != payload).then_some(back);
            }
        }
        Some(spoiled(payload))
    }

    /// Sends back what others ask; called when the inbox has something.
    pub(super) fn serve(&self) {
        let mut buffer = vec![0; MAX_PACKET];
        while let Some(n) = receive(&self.inbox, &mut buffer) {
            self.answer_ask(&buffer[..n]);
        }
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

    fn letter(&self, kind: u8, token: u64, attempt: u32, payload: &[u8]) -> Vec<u8> {
        let mut letter = Vec::with_capacity(HEAD + payload.len());
        letter.push(kind);
        letter.extend_from_slice(&self.me.to_le_bytes());
        letter.extend_from_slice(&token.to_le_bytes());
        letter.extend_from_slice(&attempt.to_le_bytes());
        letter.extend_from_slice(payload);
        letter
    }

    /// Asks a peer and waits for its reply, while answering what others ask: two that ask each other are
    /// both served. `None` if the peer is gone or takes too long.
    fn exchange(&self, peer: u32, ask: &[u8], token: u64, attempt: u32) -> Option<Vec<u8>> {
        let give_up_ns = now_ns() + PATIENCE_NS;
        let mut buffer = vec![0; MAX_PACKET];
        let mut asked = false;
        while now_ns() < give_up_ns {
            if !asked {
                match self.post(peer, ask) {
                    Ok(()) => asked = true,
                    Err(Errno::EAGAIN) => {}
                    Err(_) => return None,
                }
            }
            let mut fds = [PollFd::new(self.inbox.as_fd(), PollFlags::POLLIN)];
            let wait = if asked { PollTimeout::from(20u8) } else { PollTimeout::from(1u8) };
            // A wait that a signal ended is followed by another.
            let _ = poll(&mut fds, wait);
            while let Some(n) = receive(&self.inbox, &mut buffer) {
                let letter = &buffer[..n];
                let mine = letter.len() >= HEAD
                    && letter[0] == REPLY
                    && letter[5..13] == token.to_le_bytes()
                    && letter[13..17] == attempt.to_le_bytes();
                if mine {
                    return Some(letter[HEAD..].to_vec());
                }
                self.answer_ask(letter);
            }
        }
        None
    }

    fn answer_ask(&self, letter: &[u8]) {
        if letter.len() < HEAD || letter[0] != ASK {
            return;
        }
        let sender = u32::from_le_bytes([letter[1], letter[2], letter[3], letter[4]]);
        let mut reply = letter.to_vec();
        reply[0] = REPLY;
        for _ in 0..OFFERS {
            if self.post(sender, &reply) != Err(Errno::EAGAIN) {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn post(&self, to: u32, letter: &[u8]) -> Result<(), Errno> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        sendto(self.inbox.as_raw_fd(), letter, &self.swarm.inbox_of(to), flags).map(drop)
    }
}
