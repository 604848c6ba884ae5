//! Connections over every kind of bus, and messages that can be checked.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use runtime::bus::{
    AnswerHead, Link, MAX_PACKET, Mail, Message as Raw, PacketReader, Sent, Spool, accept, address, connect,
    listen,
};
use tempfile::TempDir;

pub(crate) const SENDER: u32 = 3;
pub(crate) const READER: u32 = 14;

/// What carries the packets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bus {
    Sockets,
    Files { shards: u32 },
}

/// One message as it came.
pub(crate) struct Message {
    pub(crate) number: u64,
    /// In which packet of those that were read together.
    pub(crate) packet: usize,
    size: u64,
    payload: Vec<u8>,
}

impl Message {
    pub(crate) fn is_sound(&self) -> bool {
        self.payload.len() as u64 == self.size && self.payload.iter().all(|byte| *byte == self.number as u8)
    }
}

/// Two ends of a connection.
pub(crate) struct Ends {
    pub(crate) a: Link,
    pub(crate) b: Link,
    pub(crate) bus: Bus,
    pub(crate) spool: Option<&'static Spool>,
    pub(crate) directory: TempDir,
}

impl Ends {
    pub(crate) fn new(bus: Bus) -> Self {
        let directory = in_memory();
        let spool = spool(bus, directory.path());
        let (a, b) = connection(spool, spool);
        Self { a, b, bus, spool, directory }
    }

    /// The reader is gone as by a kill: its socket is closed and nothing else happens.
    pub(crate) fn forget_reader(&mut self) {
        let (_, dead) = connection(self.spool, self.spool);
        let reader = std::mem::replace(&mut self.b, dead);
        nix::sys::socket::shutdown(
            std::os::fd::AsRawFd::as_raw_fd(reader.socket()),
            nix::sys::socket::Shutdown::Both,
        )
        .unwrap();
        std::mem::forget(reader);
    }

    /// What a reader does that has just started, then a new connection.
    pub(crate) fn connect_again(&mut self) {
        if let Some(spool) = self.spool {
            spool.sweep(READER, runtime::clock::now_ns());
        }
        (self.a, self.b) = connection(self.spool, self.spool);
    }

    /// No file is left that somebody would have to remove.
    pub(crate) fn assert_empty(&self) {
        if let Some(spool) = self.spool {
            assert_eq!(spool.letters().iter().sum::<usize>(), 0, "{:?}", self.bus);
        }
    }

    /// The directory of the reader's mail.
    pub(crate) fn place(&self) -> PathBuf {
        self.directory.path().join(format!("spool/shard-{}/{READER}", READER % 10))
    }
}

pub(crate) fn in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap()
}

pub(crate) fn spool(bus: Bus, directory: &Path) -> Option<&'static Spool> {
    match bus {
        Bus::Sockets => None,
        Bus::Files { shards } => Some(Box::leak(Box::new(Spool::create(directory, shards, 500).unwrap()))),
    }
}

pub(crate) fn link(fd: OwnedFd, spool: Option<&'static Spool>, me: u32) -> Link {
    match spool {
        None => Link::new(fd, me, 1),
        Some(spool) => Link::by_mail(Mail::new(fd, spool, me), me, 1),
    }
}

/// A connection from the sender to the reader, each with its own view of the spools.
pub(crate) fn connection(senders: Option<&'static Spool>, readers: Option<&'static Spool>) -> (Link, Link) {
    let (ours, theirs) = nix::sys::socket::socketpair(
        nix::sys::socket::AddressFamily::Unix,
        nix::sys::socket::SockType::SeqPacket,
        None,
        nix::sys::socket::SockFlag::SOCK_CLOEXEC,
    )
    .unwrap();
    let mut a = link(ours, senders, SENDER);
    a.set_peer(READER);
    (a, link(theirs, readers, READER))
}

pub(crate) fn put(link: &mut Link, number: u64, size: usize) {
    let payload = vec![number as u8; size];
    AnswerHead { token: number, seq: size as u64, ..AnswerHead::default() }.put_echo(link, &payload);
}

fn take_apart(packet: usize, bytes: &[u8], into: &mut Vec<Message>) {
    for message in PacketReader::new(bytes) {
        let Raw::Echo(head, payload) = message else { panic!("not what was sent: {message:?}") };
        into.push(Message { number: head.token, packet, size: head.seq, payload: payload.to_vec() });
    }
}

/// What can be read now.
pub(crate) fn drain(link: &mut Link) -> Vec<Message> {
    let mut buffer = vec![0; MAX_PACKET];
    let (mut got, mut packet) = (Vec::new(), 0);
    while let Some(n @ 1..) = link.receive(&mut buffer) {
        take_apart(packet, &buffer[..n], &mut got);
        packet += 1;
    }
    got
}

/// What can be read until the peer has hung up, and whether it has.
pub(crate) fn drain_waiting(link: &mut Link) -> (Vec<Message>, bool) {
    let end = Instant::now() + Duration::from_secs(10);
    let mut buffer = vec![0; MAX_PACKET];
    let mut got = Vec::new();
    while Instant::now() < end {
        match link.receive(&mut buffer) {
            Some(0) => return (got, true),
            Some(n) => take_apart(0, &buffer[..n], &mut got),
            None => {
                let mut fds = [PollFd::new(std::os::fd::AsFd::as_fd(link), PollFlags::POLLIN)];
                poll(&mut fds, PollTimeout::from(10u8)).unwrap();
            }
        }
    }
    (got, false)
}

const TO: &str = "CONFORMANCE_SENDS_TO";
const DIRECTORY: &str = "CONFORMANCE_DIRECTORY";
const SHARDS: &str = "CONFORMANCE_SHARDS";

/// A process that sends without end, and the link that reads from it.
pub(crate) fn sender_process(bus: Bus) -> (Child, Link, TempDir) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let directory = in_memory();
    let spool = spool(bus, directory.path());
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("conformance-{}-{count}", std::process::id());
    let listener = listen(&address(&name, 'l', 0)).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "links::sends_without_end_if_asked", "--nocapture"]);
    command.env(TO, &name).env(DIRECTORY, directory.path());
    if let Bus::Files { shards } = bus {
        command.env(SHARDS, shards.to_string());
    }
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    let fd = loop {
        if let Some(fd) = accept(&listener).unwrap() {
            break fd;
        }
        assert!(Instant::now() < end, "the sender does not connect");
        let mut fds = [PollFd::new(std::os::fd::AsFd::as_fd(&listener), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(100u8)).unwrap();
    };
    (child, link(fd, spool, READER), directory)
}

#[test]
fn sends_without_end_if_asked() {
    let Ok(name) = std::env::var(TO) else { return };
    let fd = connect(&address(&name, 'l', 0)).unwrap();
    let directory = PathBuf::from(std::env::var_os(DIRECTORY).unwrap());
    let spool = std::env::var(SHARDS).ok().map(|shards| {
        let spool = Spool::open(&directory, shards.parse().unwrap()).unwrap();
        &*Box::leak(Box::new(spool))
    });
    let mut link = link(fd, spool, SENDER);
    link.set_peer(READER);
    for number in 0.. {
        put(&mut link, number, 3_000);
        match link.flush() {
            Sent::All => {}
            Sent::Gone => return,
            Sent::Full => {
                let mut fds = [PollFd::new(std::os::fd::AsFd::as_fd(&link), PollFlags::POLLOUT)];
                poll(&mut fds, PollTimeout::NONE).unwrap();
            }
        }
    }
}
