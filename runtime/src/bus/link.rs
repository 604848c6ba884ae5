//! One end of a connection: packs messages into packets, keeps what the socket cannot take, and hands out what
//! comes in whole, once and in order.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::MAX_PACKET;
use super::carrier::{Carried, Carrier};
use super::files::Mail;
use super::inbound::{Admission, Inbound};
use super::outbound::Outbound;
use super::packet::{begin, seal};
use super::rules::Rules;

/// A buffer larger than this is given back once it was sent.
const KEEP: usize = 8 * 1024;
/// The peer of a connection as long as it has not said who it is.
const UNKNOWN: u32 = u32::MAX - 1;

/// What became of the packets of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// All are with the kernel, but those that wait for their moment ([`Link::due_ns`]): to be delayed, or to be
    /// tried again because a file system refused them.
    All,
    /// The peer's socket is full; the rest waits.
    Full,
    /// The peer is gone.
    Gone,
}

/// One end of a connection.
#[derive(Debug)]
pub struct Link {
    carrier: Carrier,
    sender: u32,
    epoch: u32,
    peer: u32,
    rules: Option<&'static Rules>,
    filling: Vec<u8>,
    outbound: Outbound,
    inbound: Inbound,
    full: bool,
    heard: bool,
}

impl Link {
    /// A link whose packets name `sender` in its `epoch`, and that nothing disturbs.
    #[must_use]
    pub fn new(fd: OwnedFd, sender: u32, epoch: u32) -> Self {
        Self::over(Carrier::Socket(fd), sender, epoch)
    }

    /// The same with packets that are files.
    #[must_use]
    pub fn by_mail(mail: Mail, sender: u32, epoch: u32) -> Self {
        Self::over(Carrier::Files(Box::new(mail)), sender, epoch)
    }

    fn over(carrier: Carrier, sender: u32, epoch: u32) -> Self {
        Self {
            carrier,
            sender,
            epoch,
            peer: UNKNOWN,
            rules: None,
            filling: Vec::new(),
            outbound: Outbound::new(),
            inbound: Inbound::default(),
            full: false,
            heard: false,
        }
    }

    /// The same under these rules.
    #[must_use]
    pub fn under(self, rules: &'static Rules) -> Self {
        Self { rules: Some(rules), ..self }
    }

    /// Who is at the other end.
    pub fn set_peer(&mut self, peer: u32) {
        self.peer = peer;
        self.carrier.set_peer(peer);
    }

    /// Gives it a large buffer, for a peer that carries the messages of many.
    pub fn widen(&self) {
        super::socket::widen(self.carrier.socket());
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &OwnedFd {
        self.carrier.socket()
    }

    /// A buffer with a started packet that has room for a message of this length; append exactly so much.
    pub fn room(&mut self, length: usize) -> &mut Vec<u8> {
        if self.filling.len() + length > MAX_PACKET {
            self.finish_packet();
        }
        if self.filling.is_empty() {
            begin(&mut self.filling, self.sender, self.epoch);
        }
        &mut self.filling
    }

    fn finish_packet(&mut self) {
        let packet = std::mem::take(&mut self.filling);
        self.outbound.push(packet, (self.sender, self.peer), self.rules);
    }

    /// Whether anything has come since this was last asked.
    pub fn take_heard(&mut self) -> bool {
        std::mem::take(&mut self.heard)
    }

    /// Appends a message that is bytes already.
    pub fn put_raw(&mut self, message: &[u8]) {
        self.room(message.len()).extend_from_slice(message);
    }

    /// Bytes that the socket has not taken.
    #[must_use]
    pub fn held(&self) -> usize {
        self.filling.len() + self.outbound.bytes()
    }

    /// When there is something to do for this link although nothing happens: a packet may leave, or is not
    /// waited for any longer. `None` nearly always.
    #[must_use]
    pub fn due_ns(&self) -> Option<u64> {
        // What waits for room, or for a file system, is not due.
        let outbound = self.outbound.due_ns().filter(|_| !self.full && !self.carrier.refuses());
        outbound.into_iter().chain(self.inbound.due_ns()).chain(self.carrier.due_ns()).min()
    }

    /// Whether a file system refuses what is to be sent.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.carrier.refuses()
    }

    /// Sends packets that are full already, unless the socket was full last time.
    pub fn flush_ahead(&mut self) {
        if !self.full && !self.outbound.is_empty() {
            // What stays is the next flush's to tell.
            self.full = self.flush_waiting() == Carried::Full;
        }
    }

    /// Sends what there is, as far as the socket takes it.
    pub fn flush(&mut self) -> Sent {
        let carried = self.flush_all();
        self.full = carried == Carried::Full;
        match carried {
            Carried::Taken | Carried::Refused => Sent::All,
            Carried::Full => Sent::Full,
            Carried::Gone => Sent::Gone,
        }
    }

    fn flush_waiting(&mut self) -> Carried {
        while let Some(packet) = self.outbound.first() {
            match self.carrier.transmit(packet) {
                Carried::Taken => self.outbound.pop(),
                other => return other,
            }
        }
        Carried::Taken
    }

    fn flush_all(&mut self) -> Carried {
        let disturbed = self.rules.is_some_and(Rules::any);
        if disturbed && !self.filling.is_empty() {
            self.finish_packet();
        }
        let carried = self.flush_waiting();
        if carried != Carried::Taken || self.filling.is_empty() {
            return carried;
        }
        if !self.outbound.is_empty() {
            // Some wait for their moment: what comes after them waits behind them.
            self.finish_packet();
            return self.flush_waiting();
        }
        seal(&mut self.filling, self.outbound.seq());
        let carried = self.carrier.transmit(&self.filling);
        if carried == Carried::Taken {
            self.outbound.advance();
            self.filling.clear();
            if self.filling.capacity() > KEEP {
                self.filling = Vec::new();
            }
        } else if self.carrier.has_placed() {
            self.finish_packet();
        }
        carried
    }

    /// One packet, `Some(0)` once the peer has hung up, `None` if there is nothing to be had now.
    pub fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        self.take(into, false)
    }

    /// Waits for one packet of a connection that was made to be waited for; `Some(0)` once the peer has hung up,
    /// `None` if a signal came first, or a packet that is not to be handed out now.
    pub fn await_packet(&mut self, into: &mut [u8]) -> Option<usize> {
        self.take(into, true)
    }

    /// Whether [`Link::receive`] has a packet to hand out without anything coming in.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.carrier.has_more()
            || self.inbound.due_ns().is_some_and(|due| due == 0 || due <= crate::clock::now_ns())
    }

    /// Looks for a packet of which nothing told, because its bell was lost. (A socket has none.)
    pub fn look(&mut self, into: &mut [u8]) -> Option<usize> {
        loop {
            let length = self.carrier.take_unannounced(into)?;
            if self.inbound.admit(&into[..length], self.rules) == Admission::Next {
                return Some(length);
            }
        }
    }

    fn take(&mut self, into: &mut [u8], wait: bool) -> Option<usize> {
        loop {
            if let Some(length) = self.inbound.take(into, false, self.rules) {
                return Some(length);
            }
            match self.carrier.take(into, wait)? {
                0 => return self.inbound.take(into, true, self.rules).or(Some(0)),
                length => match self.inbound.admit(&into[..length], self.rules) {
                    Admission::Next => {
                        self.heard = true;
                        return Some(length);
                    }
                    // One that came too early must not be waited with for ever.
                    Admission::Not if wait => return None,
                    Admission::Not => {}
                },
            }
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.carrier.socket().as_fd()
    }
}

/// Two connected ends, for tests.
#[cfg(test)]
pub(super) fn pair() -> (OwnedFd, OwnedFd) {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap()
}

#[cfg(test)]
mod tests;
