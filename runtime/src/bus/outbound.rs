//! What is to go out on a connection: packets in order, each with the moment before which it must not leave.

use std::collections::VecDeque;

use super::packet::seal;
use super::rules::{Fate, Packet, Rules, next_connection};
use crate::clock::now_ns;

/// How long a packet that is to be overtaken waits for the next one, in nanoseconds.
const OVERTAKEN_NS: u64 = 5_000_000;
/// With more bytes than this waiting for their moment, the first leaves before it.
const MOST_BYTES: usize = 4 << 20;

/// One sealed packet.
#[derive(Debug)]
struct Waiting {
    bytes: Vec<u8>,
    /// 0: it leaves as soon as there is room.
    due_ns: u64,
}

/// The sending side of a connection.
#[derive(Debug)]
pub(super) struct Outbound {
    seq: u32,
    connection: u64,
    queue: VecDeque<Waiting>,
    bytes: usize,
    /// A packet that leaves after the next one.
    overtaken: Option<Waiting>,
}

impl Outbound {
    pub(super) fn new() -> Self {
        let connection = next_connection();
        Self { seq: 0, connection, queue: VecDeque::new(), bytes: 0, overtaken: None }
    }

    /// The number of the next packet.
    pub(super) fn seq(&self) -> u32 {
        self.seq
    }

    /// A packet with this number has left by another way.
    pub(super) fn advance(&mut self) {
        self.seq = self.seq.wrapping_add(1);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.overtaken.is_none()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a finished packet, seals it, and does to it what the rules want.
    pub(super) fn push(&mut self, mut bytes: Vec<u8>, (from, to): (u32, u32), rules: Option<&Rules>) {
        let packet = Packet { from, to, connection: self.connection, seq: self.seq };
        seal(&mut bytes, self.seq);
        self.advance();
        let Some(rules) = rules.filter(|rules| rules.any()) else { return self.put(bytes, 0) };
        self.suffer(bytes, rules.fate(packet));
    }

    fn suffer(&mut self, mut bytes: Vec<u8>, fate: Fate) {
        if fate.lost {
            return;
        }
        fate.spoil(&mut bytes);
        let due_ns = if fate.delay_ns == 0 { 0 } else { now_ns().saturating_add(fate.delay_ns) };
        if fate.overtaken && self.overtaken.is_none() {
            self.bytes += bytes.len();
            self.overtaken = Some(Waiting { bytes, due_ns: due_ns.max(now_ns() + OVERTAKEN_NS) });
            return;
        }
        if fate.twice {
            self.put(bytes.clone(), due_ns);
        }
        self.put(bytes, due_ns);
        self.let_overtaken_follow();
    }

    fn put(&mut self, bytes: Vec<u8>, due_ns: u64) {
        self.bytes += bytes.len();
        self.queue.push_back(Waiting { bytes, due_ns });
    }

    fn let_overtaken_follow(&mut self) {
        if let Some(overtaken) = self.overtaken.take() {
            self.queue.push_back(Waiting { due_ns: 0, ..overtaken });
        }
    }

    /// The first packet, if it may leave.
    pub(super) fn first(&mut self) -> Option<&[u8]> {
        if self.overtaken.as_ref().is_some_and(|overtaken| overtaken.due_ns <= now_ns()) {
            self.let_overtaken_follow();
        }
        let first = self.queue.front()?;
        let may = first.due_ns == 0 || self.bytes > MOST_BYTES || first.due_ns <= now_ns();
        may.then_some(&first.bytes)
    }

    /// The first packet has left.
    pub(super) fn pop(&mut self) {
        if let Some(first) = self.queue.pop_front() {
            self.bytes -= first.bytes.len();
        }
    }

    /// When a packet may leave that waits for its moment.
    pub(super) fn due_ns(&self) -> Option<u64> {
        let first = self.queue.front().map(|waiting| waiting.due_ns).filter(|due| *due > 0);
        let overtaken = self.overtaken.as_ref().map(|waiting| waiting.due_ns);
        first.into_iter().chain(overtaken).min()
    }
}
