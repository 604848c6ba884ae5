//! Sockets: how they are named, opened and read.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, accept4, bind, getsockopt, recv,
    setsockopt, socket, sockopt,
};
use nix::unistd::geteuid;

const FLAGS: SockFlag = SockFlag::SOCK_CLOEXEC.union(SockFlag::SOCK_NONBLOCK);

/// What a peer may be behind before the socket is full, in bytes; the kernel may allow less.
const SEND_BUFFER: usize = 1 << 20;

/// The abstract address of one place in a swarm.
#[must_use]
pub fn address(swarm: &str, kind: char, agent: u32) -> UnixAddr {
    let name = format!("{swarm}/{kind}{agent}");
    UnixAddr::new_abstract(name.as_bytes()).expect("a swarm's name is short")
}

/// A socket that takes connections.
pub fn listen(at: &UnixAddr) -> nix::Result<OwnedFd> {
    let fd = socket(AddressFamily::Unix, SockType::SeqPacket, FLAGS, None)?;
    bind(fd.as_raw_fd(), at)?;
    nix::sys::socket::listen(&fd, Backlog::new(4096).expect("within limits"))?;
    Ok(fd)
}

/// The next waiting connection of a process of the same user, if there is one.
pub fn accept(listener: &OwnedFd) -> nix::Result<Option<OwnedFd>> {
    loop {
        let fd = match accept4(listener.as_raw_fd(), FLAGS) {
            Ok(fd) => fd,
            Err(Errno::EAGAIN | Errno::ECONNABORTED | Errno::EINTR) => return Ok(None),
            Err(other) => return Err(other),
        };
        #[expect(unsafe_code, reason = "accept4 hands out a bare number")]
        // SAFETY: the kernel has just made this descriptor and nothing else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // Abstract names are open to every user of the host.
        if getsockopt(&fd, sockopt::PeerCredentials)?.uid() == geteuid().as_raw() {
            return Ok(Some(fd));
        }
    }
}

/// Gives a connection a large buffer, for peers that carry the messages of many.
pub(super) fn widen(fd: &OwnedFd) {
    // With a small one all works too, in more steps.
    let _ = setsockopt(fd, sockopt::SndBuf, &SEND_BUFFER);
}

/// A connection to a listening socket; fails at once if nobody listens. Its packets can be waited for.
pub fn connect(to: &UnixAddr) -> nix::Result<OwnedFd> {
    let fd = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
    nix::sys::socket::connect(fd.as_raw_fd(), to)?;
    Ok(fd)
}

/// A named socket for single messages from anybody.
pub fn datagram(at: &UnixAddr) -> nix::Result<OwnedFd> {
    let fd = socket(AddressFamily::Unix, SockType::Datagram, FLAGS, None)?;
    bind(fd.as_raw_fd(), at)?;
    Ok(fd)
}

/// One packet, `Some(0)` once the peer has hung up, `None` if there is nothing yet.
pub fn receive(fd: &OwnedFd, into: &mut [u8]) -> Option<usize> {
    take(fd, into, MsgFlags::MSG_DONTWAIT)
}

/// Waits for one packet of a connection made by [`connect`]; `Some(0)` once the peer has hung up, `None` if a
/// signal came first.
pub fn await_packet(fd: &OwnedFd, into: &mut [u8]) -> Option<usize> {
    take(fd, into, MsgFlags::empty())
}

fn take(fd: &OwnedFd, into: &mut [u8], flags: MsgFlags) -> Option<usize> {
    loop {
        return match recv(fd.as_raw_fd(), into, flags) {
            Ok(n) => Some(n),
            Err(Errno::EAGAIN | Errno::EINTR) => None,
            // Told once of a peer that left something unread; what it had sent before is still there.
            Err(Errno::ECONNRESET) => continue,
            // A connection that fails in any other way is as good as closed.
            Err(_) => Some(0),
        };
    }
}
