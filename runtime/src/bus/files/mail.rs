//! One end of a connection whose packets are files.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use super::letter::{letter, read_letter};
use super::rest::Rest;
use super::{LOOK_NS, Spool};
use crate::bus::bytes::{put_u32, put_u64, u32_at, u64_at};
use crate::bus::carrier::{Carried, send_packet};
use crate::bus::packet::is_whole;
use crate::bus::socket::{await_packet, receive};
use crate::clock::now_ns;

/// Connected u64, number u64, by u32, from u32.
const BELL: usize = 24;

/// One end of a connection whose packets are files: the socket carries a bell for each of them.
#[derive(Debug)]
pub struct Mail {
    fd: OwnedFd,
    spool: &'static Spool,
    me: u32,
    peer: Option<u32>,
    route: Option<Route>,
    sending: Sending,
    reading: Reading,
}

/// How the letters of this connection are named in both directions.
#[derive(Debug)]
struct Route {
    connected_ns: u64,
    /// Who made the connection.
    by: u32,
    out: String,
    draft: PathBuf,
    home: String,
    flat: String,
}

#[derive(Debug, Default)]
struct Sending {
    number: u64,
    /// The packet that is in its place already while its bell is not: its first bytes, its length.
    placed: Option<(u32, usize)>,
    rest: Rest,
}

#[derive(Debug, Default)]
struct Reading {
    /// The number of the next letter.
    next: u64,
    /// Letters below this number were announced.
    told: u64,
    /// The first letter that was read and could not be removed.
    left: Option<u64>,
    rest: Rest,
}

/// What became of an attempt to read a letter.
enum Taken {
    Packet(usize),
    /// There is none with this number.
    Nothing,
    Refused,
}

impl Mail {
    /// This end of a connection, which belongs to agent `me`.
    #[must_use]
    pub fn new(fd: OwnedFd, spool: &'static Spool, me: u32) -> Self {
        // Without it a lost bell is noticed with the next one.
        let _ = setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::nanoseconds(LOOK_NS as i64));
        Self {
            fd,
            spool,
            me,
            peer: None,
            route: None,
            sending: Sending::default(),
            reading: Reading::default(),
        }
    }

    pub(in crate::bus) fn socket(&self) -> &OwnedFd {
        &self.fd
    }

    pub(in crate::bus) fn set_peer(&mut self, peer: u32) {
        self.peer = Some(peer);
    }

    fn route(&mut self, connected_ns: u64, by: u32, peer: u32) -> &Route {
        let (spool, me) = (self.spool, self.me);
        self.route.get_or_insert_with(|| Route {
            connected_ns,
            by,
            out: spool.stem(peer, connected_ns, by),
            draft: spool.draft(peer, me),
            home: spool.stem(me, connected_ns, by),
            flat: spool.flat_stem(me, connected_ns, by),
        })
    }

    /// Whether a packet lies in its place that its reader was not told of: it must not be changed any more.
    pub(in crate::bus) fn has_placed(&self) -> bool {
        self.sending.placed.is_some()
    }

    /// Delivers a packet; one that was not delivered is given again until it is.
    pub(in crate::bus) fn transmit(&mut self, packet: &[u8]) -> Carried {
        let mark = (u32_at(packet, 0), packet.len());
        if self.sending.placed != Some(mark) {
            if !self.sending.rest.is_over() {
                return Carried::Refused;
            }
            let Some(peer) = self.peer else { return Carried::Refused };
            if self.place(packet, peer).is_err() {
                self.spool.counts().errors.fetch_add(1, Ordering::Relaxed);
                self.sending.rest.begin();
                return Carried::Refused;
            }
            self.sending.rest.end();
            self.sending.placed = Some(mark);
        }
        let rung = self.ring();
        match rung {
            Carried::Taken => {
                self.sending.placed = None;
                self.sending.number += 1;
            }
            Carried::Gone => self.take_back(),
            Carried::Full | Carried::Refused => {}
        }
        rung
    }

    /// Nobody is there to read it: whoever comes next looks for what was there before it.
    fn take_back(&self) {
        if let Some(route) = &self.route {
            // It may have been read after all.
            let _ = fs::remove_file(letter(&route.out, self.sending.number));
        }
    }

    /// Writes the file and gives it its name.
    fn place(&mut self, packet: &[u8], peer: u32) -> io::Result<()> {
        let (number, me, spool) = (self.sending.number, self.me, self.spool);
        let route = self.route(now_ns(), me, peer);
        let written = match fs::write(&route.draft, packet) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                spool.make_place(peer)?;
                fs::write(&route.draft, packet)
            }
            other => other,
        };
        let placed = written.and_then(|()| fs::rename(&route.draft, letter(&route.out, number)));
        if placed.is_err() {
            // It takes room that may be what is wanting.
            let _ = fs::remove_file(&route.draft);
        }
        placed
    }

    fn ring(&self) -> Carried {
        let Some(route) = &self.route else { return Carried::Refused };
        let mut bell = Vec::with_capacity(BELL);
        put_u64(&mut bell, route.connected_ns);
        put_u64(&mut bell, self.sending.number);
        put_u32(&mut bell, route.by);
        put_u32(&mut bell, self.me);
        send_packet(&self.fd, &bell)
    }

    /// When an operation that was refused is to be tried again.
    pub(in crate::bus) fn due_ns(&self) -> Option<u64> {
        let reading = self.reading.rest.due_ns().filter(|_| self.reading.next < self.reading.told);
        self.sending.rest.due_ns().into_iter().chain(reading).min()
    }

    /// Whether nothing can be sent before [`Mail::due_ns`].
    pub(in crate::bus) fn refuses(&self) -> bool {
        self.sending.rest.due_ns().is_some()
    }

    /// Whether a letter can be read without a bell.
    pub(in crate::bus) fn has_more(&self) -> bool {
        self.reading.next < self.reading.told && self.reading.rest.is_over()
    }

    /// One packet, `Some(0)` once the peer has hung up and all is read, `None` if there is nothing to be had now.
    /// `wait` is for a connection that was made to be waited for; the wait ends with a signal, or after a while.
    pub(in crate::bus) fn take(&mut self, into: &mut [u8], wait: bool) -> Option<usize> {
        loop {
            while self.reading.next < self.reading.told {
                match self.read_next(into) {
                    Taken::Packet(length) => return Some(length),
                    Taken::Refused => return self.rest(wait),
                    Taken::Nothing => self.skip(),
                }
            }
            let mut bell = [0; BELL];
            let heard = if wait { await_packet(&self.fd, &mut bell) } else { receive(&self.fd, &mut bell) };
            match heard {
                Some(0) => return self.take_unannounced(into, wait).or(Some(0)),
                Some(_) => self.hear(&bell),
                None if wait => return self.take_unannounced(into, wait),
                None => return None,
            }
        }
    }

    fn hear(&mut self, bell: &[u8]) {
        let (connected_ns, number) = (u64_at(bell, 0), u64_at(bell, 8));
        let (by, from) = (u32_at(bell, 16), u32_at(bell, 20));
        self.peer.get_or_insert(from);
        self.route(connected_ns, by, from);
        self.reading.told = self.reading.told.max(number + 1);
    }

    /// A letter that is there although no bell told of it: its sender was killed, or the bell was lost.
    pub(in crate::bus) fn take_unannounced(&mut self, into: &mut [u8], wait: bool) -> Option<usize> {
        self.route.as_ref()?;
        match self.read_next(into) {
            Taken::Packet(length) => Some(length),
            Taken::Refused => self.rest(wait),
            Taken::Nothing => None,
        }
    }

    /// Whoever waits does not try again at once.
    fn rest(&self, wait: bool) -> Option<usize> {
        if wait && let Some(due) = self.reading.rest.due_ns() {
            std::thread::sleep(std::time::Duration::from_nanos(due.saturating_sub(now_ns())));
        }
        None
    }

    fn read_next(&mut self, into: &mut [u8]) -> Taken {
        if !self.reading.rest.is_over() {
            return Taken::Refused;
        }
        let Some(route) = &self.route else { return Taken::Nothing };
        let number = self.reading.next;
        let mut path = letter(&route.home, number);
        let mut read = read_letter(&path, into);
        if read.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            path = letter(&route.flat, number);
            read = read_letter(&path, into);
        }
        match read {
            Ok(length) => {
                self.reading.rest.end();
                self.finish(&path, &into[..length]);
                Taken::Packet(length)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Taken::Nothing,
            Err(_) => {
                self.spool.counts().errors.fetch_add(1, Ordering::Relaxed);
                self.reading.rest.begin();
                Taken::Refused
            }
        }
    }

    /// A letter was read: it goes, and one that is no whole packet goes aside. (The link counts and discards it.)
    fn finish(&mut self, path: &str, packet: &[u8]) {
        if !is_whole(packet) {
            self.spool.set_aside(path);
        } else if fs::remove_file(path).is_err() {
            self.spool.counts().errors.fetch_add(1, Ordering::Relaxed);
            self.reading.left.get_or_insert(self.reading.next);
        }
        self.reading.next += 1;
    }

    fn skip(&mut self) {
        self.spool.counts().missing.fetch_add(1, Ordering::Relaxed);
        self.reading.next += 1;
    }
}

impl Drop for Mail {
    /// Nobody reads what is left of this connection.
    fn drop(&mut self) {
        let Some(route) = &self.route else { return };
        for number in self.reading.left.unwrap_or(self.reading.next).. {
            let removed = fs::remove_file(letter(&route.home, number));
            if removed.is_err() && number >= self.reading.next {
                return;
            }
        }
    }
}
