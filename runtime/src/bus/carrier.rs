//! What carries the packets of a connection: its socket itself, or files that its socket announces.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};

use super::files::Mail;
use super::socket::{await_packet, receive};

/// How long a sender rests whom the kernel refuses for want of memory.
const SHORT_OF_MEMORY: std::time::Duration = std::time::Duration::from_millis(1);

/// What became of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried {
    /// It is on its way.
    Taken,
    /// There is no room on the socket.
    Full,
    /// The file system refuses it for now ([`Carrier::due_ns`]).
    Refused,
    /// The peer is gone.
    Gone,
}

/// What carries the packets of a connection.
#[derive(Debug)]
pub(super) enum Carrier {
    Socket(OwnedFd),
    Files(Box<Mail>),
}

impl Carrier {
    pub(super) fn socket(&self) -> &OwnedFd {
        match self {
            Self::Socket(fd) => fd,
            Self::Files(mail) => mail.socket(),
        }
    }

    pub(super) fn set_peer(&mut self, peer: u32) {
        if let Self::Files(mail) = self {
            mail.set_peer(peer);
        }
    }

    /// Delivers a packet, or tells why not.
    pub(super) fn transmit(&mut self, packet: &[u8]) -> Carried {
        match self {
            Self::Socket(fd) => send_packet(fd, packet),
            Self::Files(mail) => mail.transmit(packet),
        }
    }

    /// Whether the packet that could not be sent just now must stay as it is.
    pub(super) fn has_placed(&self) -> bool {
        matches!(self, Self::Files(mail) if mail.has_placed())
    }

    /// One packet, `Some(0)` once the peer has hung up, `None` if there is nothing to be had now.
    pub(super) fn take(&mut self, into: &mut [u8], wait: bool) -> Option<usize> {
        match self {
            Self::Socket(fd) if wait => await_packet(fd, into),
            Self::Socket(fd) => receive(fd, into),
            Self::Files(mail) => mail.take(into, wait),
        }
    }

    /// One packet that came without a sign, `None` if there is none.
    pub(super) fn take_unannounced(&mut self, into: &mut [u8]) -> Option<usize> {
        match self {
            Self::Socket(_) => None,
            Self::Files(mail) => mail.take_unannounced(into, false),
        }
    }

    /// Whether a packet can be taken without anything coming in on the socket.
    pub(super) fn has_more(&self) -> bool {
        matches!(self, Self::Files(mail) if mail.has_more())
    }

    /// Whether nothing can be sent until what was refused is tried again.
    pub(super) fn refuses(&self) -> bool {
        matches!(self, Self::Files(mail) if mail.refuses())
    }

    /// When to try again what was refused.
    pub(super) fn due_ns(&self) -> Option<u64> {
        match self {
            Self::Socket(_) => None,
            Self::Files(mail) => mail.due_ns(),
        }
    }
}

pub(super) fn send_packet(fd: &OwnedFd, packet: &[u8]) -> Carried {
    loop {
        match send(fd.as_raw_fd(), packet, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
            Ok(_) => return Carried::Taken,
            Err(Errno::EAGAIN) => return Carried::Full,
            Err(Errno::ENOBUFS | Errno::ENOMEM) => {
                // The kernel calls such a socket writable all the same: waiting for that alone would spin.
                std::thread::sleep(SHORT_OF_MEMORY);
                return Carried::Full;
            }
            Err(Errno::EINTR) => {}
            Err(_) => return Carried::Gone,
        }
    }
}
