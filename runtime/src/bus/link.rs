//! One end of a connection: packs messages into packets and keeps what the socket cannot take.

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};

use super::MAX_PACKET;
use super::bytes::put_u32;
use super::message::PACKET_HEAD;

/// A buffer larger than this is given back once it was sent.
const KEEP: usize = 8 * 1024;

/// What became of the packets of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// All are with the kernel.
    All,
    /// The peer's socket is full; the rest waits.
    Full,
    /// The peer is gone.
    Gone,
}

/// One end of a connection.
#[derive(Debug)]
pub struct Link {
    fd: OwnedFd,
    sender: u32,
    epoch: u32,
    filling: Vec<u8>,
    waiting: VecDeque<Vec<u8>>,
    full: bool,
}

impl Link {
    /// A link whose packets name `sender` in its `epoch`.
    #[must_use]
    pub fn new(fd: OwnedFd, sender: u32, epoch: u32) -> Self {
        Self { fd, sender, epoch, filling: Vec::new(), waiting: VecDeque::new(), full: false }
    }

    /// Gives it a large buffer, for a peer that carries the messages of many.
    pub fn widen(&self) {
        super::socket::widen(&self.fd);
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &OwnedFd {
        &self.fd
    }

    /// A buffer with a started packet that has room for a message of this length; append exactly so much.
    pub fn room(&mut self, length: usize) -> &mut Vec<u8> {
        if self.filling.len() + length > MAX_PACKET {
            self.waiting.push_back(std::mem::take(&mut self.filling));
        }
        if self.filling.is_empty() {
            put_u32(&mut self.filling, self.sender);
            put_u32(&mut self.filling, self.epoch);
            debug_assert_eq!(self.filling.len(), PACKET_HEAD);
        }
        &mut self.filling
    }

    /// Appends a message that is bytes already.
    pub fn put_raw(&mut self, message: &[u8]) {
        self.room(message.len()).extend_from_slice(message);
    }

    /// Bytes that the socket has not taken.
    #[must_use]
    pub fn held(&self) -> usize {
        self.filling.len() + self.waiting.iter().map(Vec::len).sum::<usize>()
    }

    /// Sends packets that are full already, unless the socket was full last time.
    pub fn flush_ahead(&mut self) {
        if !self.full && !self.waiting.is_empty() {
            // What stays is the next flush's to tell.
            self.full = self.flush_waiting() == Sent::Full;
        }
    }

    /// Sends what there is, as far as the socket takes it.
    pub fn flush(&mut self) -> Sent {
        let sent = self.flush_all();
        self.full = sent == Sent::Full;
        sent
    }

    fn flush_waiting(&mut self) -> Sent {
        while let Some(packet) = self.waiting.front() {
            match transmit(&self.fd, packet) {
                Sent::All => drop(self.waiting.pop_front()),
                other => return other,
            }
        }
        Sent::All
    }

    fn flush_all(&mut self) -> Sent {
        let sent = self.flush_waiting();
        if sent != Sent::All {
            return sent;
        }
        if self.filling.is_empty() {
            return Sent::All;
        }
        let sent = transmit(&self.fd, &self.filling);
        if sent == Sent::All {
            self.filling.clear();
            if self.filling.capacity() > KEEP {
                self.filling = Vec::new();
            }
        }
        sent
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn transmit(fd: &OwnedFd, packet: &[u8]) -> Sent {
    loop {
        match send(fd.as_raw_fd(), packet, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
            Ok(_) => return Sent::All,
            Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM) => return Sent::Full,
            Err(Errno::EINTR) => {}
            Err(_) => return Sent::Gone,
        }
    }
}

/// Two connected ends, for tests.
#[cfg(test)]
pub(super) fn pair() -> (OwnedFd, OwnedFd) {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap()
}

#[cfg(test)]
mod tests {
    use super::super::receive;
    use super::*;

    #[test]
    fn a_full_socket_holds_packets_back_and_loses_none() {
        let (ours, theirs) = pair();
        let mut link = Link::new(ours, 1, 1);
        let mut count = 0u64;
        while link.flush() == Sent::All {
            for _ in 0..10 {
                link.put_raw(&message(count));
                count += 1;
            }
        }
        assert!(link.held() > 0);
        let mut buffer = vec![0; MAX_PACKET];
        let mut expected = 0;
        while expected < count {
            link.flush();
            let n = receive(&theirs, &mut buffer).expect("a packet is there");
            for raw in buffer[PACKET_HEAD..n].chunks_exact(1024) {
                assert_eq!(raw, message(expected));
                expected += 1;
            }
        }
        assert_eq!(link.held(), 0);
    }

    fn message(number: u64) -> Vec<u8> {
        number.to_le_bytes().repeat(128)
    }

    #[test]
    fn a_peer_that_hung_up_is_gone() {
        let (ours, theirs) = pair();
        let mut link = Link::new(ours, 1, 1);
        drop(theirs);
        link.put_raw(&message(0));
        assert_eq!(link.flush(), Sent::Gone);
    }
}
