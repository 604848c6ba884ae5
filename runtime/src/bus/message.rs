//! What travels: packets that name their sender and its epoch, each with one or more messages.
//!
//! All numbers are little-endian. A packet is a head, then messages back to back; a message is
//! `kind u8, detail u8, flags u8, 0, length u32` (the length of all of it), then its fields.

use super::bytes::{put_u32, put_u64, u32_at, u64_at};
use super::link::Link;

/// A task that only echoes.
pub const WORK_ECHO: u8 = 0;
/// A task that waits.
pub const WORK_SLEEP: u8 = 1;
/// A task that keeps a core busy.
pub const WORK_CPU: u8 = 2;
/// A task that allocates.
pub const WORK_ALLOC: u8 = 3;
/// A task that runs a program.
pub const WORK_EXEC: u8 = 4;
/// A task that goes by another worker.
pub const WORK_RELAY: u8 = 5;

pub(super) const TASK: u8 = 1;
pub(super) const ECHO: u8 = 2;
pub(super) const ANSWER: u8 = 3;
pub(super) const ATTACHED: u8 = 4;
pub(super) const LOST: u8 = 5;
pub(super) const ELECTED: u8 = 6;
pub(super) const ASSIGNED: u8 = 7;
pub(super) const BEAT: u8 = 8;

const MESSAGE_HEAD: usize = 8;
pub(super) const TASK_HEAD: usize = 64;
pub(super) const ANSWER_HEAD: usize = 56;

/// A task without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskHead {
    /// The token.
    pub token: u64,
    /// The worker that is to execute it.
    pub agent: u32,
    /// In which of its epochs: the next one must not, because the task may have gone elsewhere since.
    pub epoch: u32,
    /// Its number among the tasks of this worker, all epochs together; the same however often it is sent.
    pub number: u32,
    /// How often it has been sent, this time included.
    pub attempt: u32,
    /// When it left the gateway.
    pub sent_ns: u64,
    /// One of the `WORK_` numbers.
    pub work: u8,
    /// Whether it is to be executed twice (a planted defect).
    pub twice: bool,
    /// The work's first number.
    pub a: u64,
    /// The work's second number.
    pub b: u64,
}

/// An answer without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AnswerHead {
    /// The token of the task.
    pub token: u64,
    /// The number of the execution.
    pub seq: u64,
    /// When the worker answered.
    pub answered_ns: u64,
    /// The worker.
    pub agent: u32,
    /// Its epoch.
    pub epoch: u32,
    /// The attempt that was answered.
    pub attempt: u32,
    /// CRC-32 of the payload as it came back.
    pub digest: u32,
    /// How long the task was under way to the worker, in microseconds.
    pub transit_us: u32,
    /// Whether it is the second answer of a task that was executed twice on purpose.
    pub again: bool,
}

/// An agent can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attached {
    /// The agent.
    pub agent: u32,
    /// Its epoch.
    pub epoch: u32,
    /// The agent it reports to.
    pub parent: u32,
    /// Since when.
    pub at_ns: u64,
}

/// An agent has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// The agent.
    pub agent: u32,
    /// The epoch that is over.
    pub epoch: u32,
    /// Who noticed.
    pub by: u32,
    /// Whether its lease ran out; else the kernel told of its death.
    pub lease: bool,
    /// When.
    pub at_ns: u64,
}

/// An agent leads from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elected {
    /// The agent.
    pub agent: u32,
    /// Who led before.
    pub replaces: u32,
    /// The term that began.
    pub term: u32,
    /// When.
    pub at_ns: u64,
}

/// Agents were given others to report to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Whom they lost.
    pub from: u32,
    /// The epoch of the lost one that began with the loss.
    pub epoch: u32,
    /// When.
    pub at_ns: u64,
    /// Agent and its new parent.
    pub pairs: Vec<(u32, u32)>,
}

/// A sign of life on the way between two that lead; it goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// Who sends it.
    pub agent: u32,
    /// For how long it has heard nothing from the other, in milliseconds.
    pub silent_ms: u32,
    /// When.
    pub at_ns: u64,
}

/// One message, borrowed from its packet.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'p> {
    /// Down: a task, its program's arguments, its payload.
    Task(TaskHead, &'p [u8], &'p [u8]),
    /// From a worker: the answer with the payload as it is now.
    Echo(AnswerHead, &'p [u8]),
    /// Up: an answer with the payload's digest only.
    Answer(AnswerHead),
    /// Up.
    Attached(Attached),
    /// Up.
    Lost(Lost),
    /// Up.
    Elected(Elected),
    /// Up.
    Moved(Moved),
    /// Between two.
    Beat(Beat),
}

impl TaskHead {
    /// Reads only where a task must go; what an agent in between needs.
    #[must_use]
    pub fn agent_of(raw: &[u8]) -> u32 {
        u32_at(raw, 16)
    }

    /// Appends the task to a link; `fill` writes the payload.
    pub fn put(&self, link: &mut Link, extra: &[u8], payload: usize, fill: impl FnOnce(&mut Vec<u8>)) {
        let length = TASK_HEAD + extra.len() + payload;
        let out = link.room(length);
        out.extend_from_slice(&[TASK, self.work, u8::from(self.twice), 0]);
        put_u32(out, length as u32);
        put_u64(out, self.token);
        put_u32(out, self.agent);
        put_u32(out, self.attempt);
        put_u64(out, self.sent_ns);
        put_u64(out, self.a);
        put_u64(out, self.b);
        put_u32(out, extra.len() as u32);
        put_u32(out, payload as u32);
        put_u32(out, self.epoch);
        put_u32(out, self.number);
        out.extend_from_slice(extra);
        fill(out);
    }

    pub(super) fn read(raw: &[u8]) -> Self {
        Self {
            token: u64_at(raw, 8),
            agent: u32_at(raw, 16),
            attempt: u32_at(raw, 20),
            sent_ns: u64_at(raw, 24),
            work: raw[1],
            twice: raw[2] != 0,
            a: u64_at(raw, 32),
            b: u64_at(raw, 40),
            epoch: u32_at(raw, 56),
            number: u32_at(raw, 60),
        }
    }
}

impl AnswerHead {
    /// Appends the answer with its payload, as a worker sends it.
    pub fn put_echo(&self, link: &mut Link, payload: &[u8]) {
        self.put(link, ECHO, payload);
    }

    /// Appends the answer with its digest alone, as a coordinator passes it on.
    pub fn put_answer(&self, link: &mut Link) {
        self.put(link, ANSWER, &[]);
    }

    fn put(&self, link: &mut Link, kind: u8, payload: &[u8]) {
        let length = ANSWER_HEAD + payload.len();
        let out = link.room(length);
        out.extend_from_slice(&[kind, 0, u8::from(self.again), 0]);
        put_u32(out, length as u32);
        put_u64(out, self.token);
        put_u64(out, self.seq);
        put_u64(out, self.answered_ns);
        for number in [self.agent, self.epoch, self.attempt, self.digest, self.transit_us, 0] {
            put_u32(out, number);
        }
        out.extend_from_slice(payload);
    }

    pub(super) fn read(raw: &[u8]) -> Self {
        Self {
            token: u64_at(raw, 8),
            seq: u64_at(raw, 16),
            answered_ns: u64_at(raw, 24),
            agent: u32_at(raw, 32),
            epoch: u32_at(raw, 36),
            attempt: u32_at(raw, 40),
            digest: u32_at(raw, 44),
            transit_us: u32_at(raw, 48),
            again: raw[2] != 0,
        }
    }
}

impl Attached {
    /// Appends it to a link.
    pub fn put(&self, link: &mut Link) {
        put_notice(link, ATTACHED, 0, [self.agent, self.epoch, self.parent], self.at_ns, &[]);
    }
}

impl Lost {
    /// Appends it to a link.
    pub fn put(&self, link: &mut Link) {
        put_notice(link, LOST, u8::from(self.lease), [self.agent, self.epoch, self.by], self.at_ns, &[]);
    }
}

impl Elected {
    /// Appends it to a link.
    pub fn put(&self, link: &mut Link) {
        put_notice(link, ELECTED, 0, [self.agent, self.replaces, self.term], self.at_ns, &[]);
    }
}

impl Beat {
    /// Appends it to a link.
    pub fn put(&self, link: &mut Link) {
        put_notice(link, BEAT, 0, [self.agent, self.silent_ms, 0], self.at_ns, &[]);
    }

    /// The beat, if the bytes of this message are one.
    #[must_use]
    pub fn of(raw: &[u8]) -> Option<Self> {
        let is_beat = raw.first() == Some(&BEAT);
        is_beat.then(|| Self { agent: u32_at(raw, 16), silent_ms: u32_at(raw, 20), at_ns: u64_at(raw, 8) })
    }
}

impl Moved {
    /// Appends it to a link.
    pub fn put(&self, link: &mut Link) {
        let numbers = [self.from, self.epoch, self.pairs.len() as u32];
        put_notice(link, ASSIGNED, 0, numbers, self.at_ns, &self.pairs);
    }
}

pub(super) const NOTICE: usize = MESSAGE_HEAD + 24;

fn put_notice(link: &mut Link, kind: u8, detail: u8, numbers: [u32; 3], at_ns: u64, pairs: &[(u32, u32)]) {
    let length = NOTICE + pairs.len() * 8;
    let out = link.room(length);
    out.extend_from_slice(&[kind, detail, 0, 0]);
    put_u32(out, length as u32);
    put_u64(out, at_ns);
    for number in numbers {
        put_u32(out, number);
    }
    put_u32(out, 0);
    for (agent, to) in pairs {
        put_u32(out, *agent);
        put_u32(out, *to);
    }
}
