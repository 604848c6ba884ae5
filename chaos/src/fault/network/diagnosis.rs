//! Asking the kernel for the TCP connections of a host, and ending them (`sock_diag(7)`).

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};

const HEADER: usize = 16;
/// A message about one socket starts with family, state, timer and retransmissions; then its id follows.
const BEFORE_ID: usize = 4;
const ID: usize = 48;

const DUMP: u16 = 20; // SOCK_DIAG_BY_FAMILY
const DESTROY: u16 = 21; // SOCK_DESTROY
const ESTABLISHED: u32 = 1 << 1;

/// One connection, as the kernel names it: addresses, ports, interface and cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Connection {
    family: u8,
    id: [u8; ID],
}

/// All established TCP connections of the socket's network namespace.
pub(super) fn established(socket: &OwnedFd) -> io::Result<Vec<Connection>> {
    let mut all = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let family = family as u8;
        ask(socket, DUMP, libc::NLM_F_DUMP, &request(family, ESTABLISHED, [0; ID]))?;
        let mut buffer = vec![0; 64 << 10];
        'answers: loop {
            let read = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            for (kind, body) in messages(&buffer[..read]) {
                match i32::from(kind) {
                    libc::NLMSG_DONE => break 'answers,
                    libc::NLMSG_ERROR => return Err(error_of(body)),
                    _ => all.extend(connection(body)),
                }
            }
        }
    }
    Ok(all)
}

/// Ends a connection; both sides see it reset. One that has ended already is no error.
pub(super) fn destroy(socket: &OwnedFd, connection: &Connection) -> io::Result<()> {
    let flags = libc::NLM_F_ACK;
    ask(socket, DESTROY, flags, &request(connection.family, u32::MAX, connection.id))?;
    let mut buffer = vec![0; 4 << 10];
    let read = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
    for (kind, body) in messages(&buffer[..read]) {
        if i32::from(kind) == libc::NLMSG_ERROR {
            let error = error_of(body);
            return match error.raw_os_error() {
                Some(0 | libc::ENOENT) => Ok(()),
                _ => Err(error),
            };
        }
    }
    Ok(())
}

/// Whether this kernel ends connections at all, asked of one that there is not.
pub(crate) fn can_destroy(socket: &OwnedFd) -> io::Result<bool> {
    match destroy(socket, &Connection { family: libc::AF_INET as u8, id: [0; ID] }) {
        Ok(()) => Ok(true),
        Err(e) if e.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(false),
        Err(e) => Err(e),
    }
}

/// An `inet_diag_req_v2`.
fn request(family: u8, states: u32, id: [u8; ID]) -> Vec<u8> {
    let mut request = vec![family, libc::IPPROTO_TCP as u8, 0, 0];
    request.extend(states.to_ne_bytes());
    request.extend(id);
    request
}

fn ask(socket: &OwnedFd, kind: u16, flags: i32, body: &[u8]) -> io::Result<()> {
    let flags = u16::try_from(libc::NLM_F_REQUEST | flags).unwrap_or_default();
    let length = u32::try_from(HEADER + body.len()).unwrap_or_default();
    let mut message = Vec::from(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    loop {
        match send(socket.as_raw_fd(), &message, MsgFlags::empty()) {
            Err(Errno::EINTR) => {}
            sent => return sent.map(drop).map_err(Into::into),
        }
    }
}

/// Kind and body of each message of a datagram.
fn messages(mut datagram: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(*datagram.first_chunk()?) as usize;
        let kind = u16::from_ne_bytes(*datagram.get(4..)?.first_chunk()?);
        let body = datagram.get(HEADER..length)?;
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, body))
    })
}

fn connection(body: &[u8]) -> Option<Connection> {
    Some(Connection { family: *body.first()?, id: *body.get(BEFORE_ID..)?.first_chunk()? })
}

/// The error in an answer; number 0 is none.
fn error_of(body: &[u8]) -> io::Error {
    let errno = body.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    io::Error::from_raw_os_error(-errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_apart_and_a_torn_one_ends_them() {
        let message = |kind: u16, body: &[u8]| {
            let mut m = Vec::from((16 + body.len() as u32).to_ne_bytes());
            m.extend(kind.to_ne_bytes());
            m.extend([0; 10]);
            m.extend(body);
            m.resize(m.len().next_multiple_of(4), 0);
            m
        };
        let mut datagram = message(20, b"abcde");
        datagram.extend(message(3, b""));
        datagram.extend([9, 9, 9]);
        let found: Vec<(u16, &[u8])> = messages(&datagram).collect();
        assert_eq!(found, [(20, &b"abcde"[..]), (3, &b""[..])]);
        assert_eq!(error_of(&(-2_i32).to_ne_bytes()).raw_os_error(), Some(libc::ENOENT));
    }
}
