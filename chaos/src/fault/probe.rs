//! Whether a process can still open descriptors, seen from outside: by a connection to it that it accepts or
//! does not.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use evidence::event::Level;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use super::{Outcome, Setting};
use crate::process::Identity;

/// How long a process may take to accept a connection.
const ACCEPTED_WITHIN: Duration = Duration::from_millis(300);
/// How long is waited for it not to.
const NOT_ACCEPTED_FOR: Duration = Duration::from_millis(60);
/// How many connections are tried.
const TRIES: usize = 4;
const SOURCE: &str = "connection to its listening socket";

/// Where a process takes connections: a Unix socket that it listens on.
#[derive(Debug, Clone)]
pub(super) struct Door {
    address: String,
    kind: SockType,
}

/// The first door of a process that answers: a connection to it was accepted just now. `None` if there is none.
pub(super) fn door(process: Identity) -> Option<Door> {
    let own = sockets(process).ok()?;
    let text = std::fs::read_to_string(format!("/proc/{}/net/unix", process.pid)).ok()?;
    let doors = text.lines().skip(1).filter_map(|line| listening(line, &own));
    doors.take(4).find(|door| accepts(process, door, ACCEPTED_WITHIN).unwrap_or(false))
}

/// Tries the door of a victim whose descriptors are used up.
pub(super) fn is_shut(setting: &Setting, process: Identity, door: Option<&Door>, outcome: &mut Outcome) {
    let expected = "not accepted, as it was just before";
    let reading = |found: &str| setting.reading(Level::E2, SOURCE, expected, found);
    match door.map(|door| refuses(process, door)) {
        Some(Ok(false)) => outcome.see(reading("accepted"), false),
        Some(Ok(true)) => outcome.see(reading("not accepted"), true),
        Some(Err(e)) => outcome.note(reading(&e.to_string())),
        None => outcome.note(reading("it accepts no connections on a Unix socket")),
    };
}

/// Whether the process comes to a point at which it accepts no more. Some connections may still come in: a
/// thread that waits for one has its descriptor already.
fn refuses(process: Identity, door: &Door) -> io::Result<bool> {
    let mut open = Vec::new();
    for _ in 0..TRIES {
        let before = accepted(process, door)?;
        open.push(connected(door)?);
        if !comes_in(process, door, &before, NOT_ACCEPTED_FOR)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The door that a line of `/proc/net/unix` tells of, if it is one of these sockets and listens.
fn listening(line: &str, own: &BTreeSet<u64>) -> Option<Door> {
    // Num RefCount Protocol Flags Type St Inode Path
    let fields: Vec<&str> = line.split_whitespace().collect();
    let inode: u64 = fields.get(6)?.parse().ok()?;
    let kind = match *fields.get(4)? {
        "0001" => SockType::Stream,
        "0005" => SockType::SeqPacket,
        _ => return None,
    };
    let listens = *fields.get(3)? == "00010000";
    (listens && own.contains(&inode)).then_some(())?;
    Some(Door { address: (*fields.get(7)?).to_owned(), kind })
}

/// Connects, and sees whether the process comes to hold the other end within that time.
fn accepts(process: Identity, door: &Door, within: Duration) -> io::Result<bool> {
    let before = accepted(process, door)?;
    let _open = connected(door)?;
    comes_in(process, door, &before, within)
}

fn comes_in(process: Identity, door: &Door, before: &BTreeSet<u64>, within: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + within;
    loop {
        if !accepted(process, door)?.is_subset(before) {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn connected(door: &Door) -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let ours = socket(AddressFamily::Unix, door.kind, flags, None)?;
    reach(&ours, door)?;
    Ok(ours)
}

fn reach(ours: &OwnedFd, door: &Door) -> io::Result<()> {
    let address = match door.address.strip_prefix('@') {
        Some(name) => UnixAddr::new_abstract(name.as_bytes())?,
        None => UnixAddr::new(door.address.as_str())?,
    };
    Ok(connect(ours.as_raw_fd(), &address)?)
}

/// The sockets of the process that have the address of this door: itself and what came in by it.
fn accepted(process: Identity, door: &Door) -> io::Result<BTreeSet<u64>> {
    let own = sockets(process)?;
    let text = std::fs::read_to_string(format!("/proc/{}/net/unix", process.pid))?;
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let here = fields.get(7).is_some_and(|path| *path == door.address);
        fields.get(6)?.parse().ok().filter(|inode| here && own.contains(inode))
    };
    Ok(text.lines().skip(1).filter_map(inode).collect())
}

/// The inodes of all sockets that a process has open.
fn sockets(process: Identity) -> io::Result<BTreeSet<u64>> {
    let entries = std::fs::read_dir(format!("/proc/{}/fd", process.pid))?;
    let inode = |entry: std::fs::DirEntry| {
        let link = std::fs::read_link(entry.path()).ok()?;
        link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    Ok(entries.flatten().filter_map(inode).collect())
}
