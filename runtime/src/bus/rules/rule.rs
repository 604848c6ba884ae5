//! One rule: what it does, to whose packets, and its place in shared memory.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::chance::{draw, falls_in};
use super::{Fate, Packet};
use crate::shape::MAX_AGENTS;

/// Words of a set of agents.
const WORDS: usize = (MAX_AGENTS as usize).div_ceil(64);

/// What a rule does. Rates are out of a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Packets vanish.
    Drop(u32),
    /// Packets come later.
    Delay {
        /// How many.
        per_million: u32,
        /// By how much, in nanoseconds.
        by_ns: u64,
        /// And up to this much more.
        jitter_ns: u64,
    },
    /// Packets come twice.
    Duplicate(u32),
    /// Packets are overtaken by the next one.
    Reorder(u32),
    /// A byte of packets is changed.
    Corrupt(u32),
    /// Packets between the agents concerned and all others do not pass.
    Cut(Way),
    /// The clock of the agents concerned is shifted by so many nanoseconds.
    Clock(i64),
}

/// Which packets a cut stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Those from and to the agents concerned.
    Both,
    /// Those from them.
    From,
    /// Those to them.
    To,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it does.
    pub act: Act,
    /// The agents concerned; `None`: all, and the gateway. Numbers that no agent can have are nobody.
    pub agents: Option<Vec<u32>>,
    /// When it ends by itself.
    pub until_ns: u64,
    /// What its choices are drawn from.
    pub seed: u64,
}

impl Rule {
    /// The same, with its agents in order, each once, and without those that cannot be.
    pub(super) fn normal(&self) -> Self {
        let agents = self.agents.as_ref().map(|agents| {
            let known: BTreeSet<u32> = agents.iter().copied().filter(|agent| *agent < MAX_AGENTS).collect();
            known.into_iter().collect()
        });
        Self { agents, ..self.clone() }
    }
}

const FREE: u32 = 0;

/// Where a rule stands in shared memory.
#[derive(Debug)]
#[repr(C, align(128))]
pub(in crate::bus) struct Place {
    /// 0 while it is free; written last, read first.
    kind: AtomicU32,
    per_million: AtomicU32,
    everyone: AtomicU32,
    a: AtomicU64,
    b: AtomicU64,
    until_ns: AtomicU64,
    seed: AtomicU64,
    agents: [AtomicU64; WORDS],
    seen_by: [AtomicU64; WORDS],
    considered: AtomicU64,
    hit: AtomicU64,
    most: AtomicU64,
}

impl Place {
    pub(super) fn is_free(&self) -> bool {
        self.kind.load(Ordering::SeqCst) == FREE
    }

    pub(super) fn write(&self, rule: &Rule) {
        let (kind, per_million, a, b) = numbers(rule.act);
        for counter in [&self.considered, &self.hit, &self.most] {
            counter.store(0, Ordering::Relaxed);
        }
        for word in self.agents.iter().chain(&self.seen_by) {
            word.store(0, Ordering::Relaxed);
        }
        for agent in rule.agents.iter().flatten() {
            self.agents[*agent as usize / 64].fetch_or(1 << (agent % 64), Ordering::Relaxed);
        }
        self.everyone.store(u32::from(rule.agents.is_none()), Ordering::Relaxed);
        self.per_million.store(per_million, Ordering::Relaxed);
        self.a.store(a, Ordering::Relaxed);
        self.b.store(b, Ordering::Relaxed);
        self.seed.store(rule.seed, Ordering::Relaxed);
        self.until_ns.store(rule.until_ns, Ordering::Relaxed);
        self.kind.store(kind, Ordering::SeqCst);
    }

    /// The rule as it stands here.
    pub(super) fn read(&self) -> Option<Rule> {
        let act = self.act()?;
        let listed = || (0..MAX_AGENTS).filter(|agent| has(&self.agents, *agent)).collect();
        Some(Rule {
            act,
            agents: (self.everyone.load(Ordering::Relaxed) == 0).then(listed),
            until_ns: self.until_ns.load(Ordering::Relaxed),
            seed: self.seed.load(Ordering::Relaxed),
        })
    }

    /// Ends the rule; false if there was none.
    pub(super) fn free(&self) -> bool {
        self.kind.swap(FREE, Ordering::SeqCst) != FREE
    }

    pub(super) fn counts(&self) -> [u64; 3] {
        [&self.considered, &self.hit, &self.most].map(|counter| counter.load(Ordering::Relaxed))
    }

    pub(super) fn acts_at(&self, now_ns: u64) -> bool {
        self.kind.load(Ordering::Acquire) != FREE && now_ns < self.until_ns.load(Ordering::Relaxed)
    }

    fn act(&self) -> Option<Act> {
        let per_million = self.per_million.load(Ordering::Relaxed);
        let (a, b) = (self.a.load(Ordering::Relaxed), self.b.load(Ordering::Relaxed));
        Some(match self.kind.load(Ordering::Acquire) {
            1 => Act::Drop(per_million),
            2 => Act::Delay { per_million, by_ns: a, jitter_ns: b },
            3 => Act::Duplicate(per_million),
            4 => Act::Reorder(per_million),
            5 => Act::Corrupt(per_million),
            6 => Act::Cut([Way::Both, Way::From, Way::To][a as usize % 3]),
            7 => Act::Clock(a.cast_signed()),
            _ => return None,
        })
    }

    fn concerns(&self, agent: u32) -> bool {
        self.everyone.load(Ordering::Relaxed) != 0 || has(&self.agents, agent)
    }

    /// Whether the rule could do something to a packet.
    fn considers(&self, act: Act, packet: Packet) -> bool {
        let inside = |agent| has(&self.agents, agent) || self.is_agent_of_all(agent);
        match act {
            Act::Cut(way) => match (inside(packet.from), inside(packet.to)) {
                (true, false) => way != Way::To,
                (false, true) => way != Way::From,
                _ => false,
            },
            Act::Clock(_) => false,
            _ => self.concerns(packet.from) || self.concerns(packet.to),
        }
    }

    fn is_agent_of_all(&self, agent: u32) -> bool {
        agent < MAX_AGENTS && self.everyone.load(Ordering::Relaxed) != 0
    }

    fn draw(&self, packet: Packet, what: u64) -> u64 {
        let ends = u64::from(packet.from) << 32 | u64::from(packet.to);
        let seed = self.seed.load(Ordering::Relaxed);
        draw(seed, [ends, packet.connection, u64::from(packet.seq), what])
    }

    /// Counts a packet and adds what is to be done to it.
    pub(super) fn apply(&self, packet: Packet, fate: &mut Fate) {
        let Some(act) = self.act().filter(|act| self.considers(*act, packet)) else { return };
        self.considered.fetch_add(1, Ordering::Relaxed);
        if !falls_in(self.draw(packet, 0), act.per_million()) {
            return;
        }
        self.hit.fetch_add(1, Ordering::Relaxed);
        match act {
            Act::Drop(_) | Act::Cut(_) => fate.lost = true,
            Act::Delay { by_ns, jitter_ns, .. } => {
                let more = self.draw(packet, 1).checked_rem(jitter_ns.saturating_add(1)).unwrap_or(0);
                fate.delay_ns = fate.delay_ns.saturating_add(by_ns).saturating_add(more);
            }
            Act::Duplicate(_) => fate.twice = true,
            Act::Reorder(_) => fate.overtaken = true,
            Act::Corrupt(_) => fate.corrupt = Some(self.draw(packet, 1)),
            Act::Clock(_) => {}
        }
    }

    /// Whether the rule keeps a packet from arriving; counts it if it could.
    pub(super) fn stops(&self, packet: Packet) -> bool {
        let mut fate = Fate::default();
        if matches!(self.act(), Some(Act::Drop(_) | Act::Cut(_))) {
            self.apply(packet, &mut fate);
        }
        fate.lost
    }

    pub(super) fn offset_ns(&self, agent: u32) -> i64 {
        match self.act() {
            Some(Act::Clock(offset_ns)) if self.concerns(agent) => offset_ns,
            _ => 0,
        }
    }

    /// An agent has seen the shift of its clock.
    pub(super) fn observed(&self, agent: u32, skew_us: u64) {
        let Some(word) = self.seen_by.get(agent as usize / 64) else { return };
        let before = word.fetch_or(1 << (agent % 64), Ordering::Relaxed);
        if before & 1 << (agent % 64) == 0 {
            self.considered.fetch_add(1, Ordering::Relaxed);
            self.hit.fetch_add(1, Ordering::Relaxed);
        }
        self.most.fetch_max(skew_us, Ordering::Relaxed);
    }
}

impl Act {
    fn per_million(self) -> u32 {
        match self {
            Self::Drop(rate) | Self::Duplicate(rate) | Self::Reorder(rate) | Self::Corrupt(rate) => rate,
            Self::Delay { per_million, .. } => per_million,
            Self::Cut(_) | Self::Clock(_) => 1_000_000,
        }
    }
}

fn numbers(act: Act) -> (u32, u32, u64, u64) {
    let rate = act.per_million();
    match act {
        Act::Drop(_) => (1, rate, 0, 0),
        Act::Delay { by_ns, jitter_ns, .. } => (2, rate, by_ns, jitter_ns),
        Act::Duplicate(_) => (3, rate, 0, 0),
        Act::Reorder(_) => (4, rate, 0, 0),
        Act::Corrupt(_) => (5, rate, 0, 0),
        Act::Cut(way) => (6, rate, way as u64, 0),
        Act::Clock(offset_ns) => (7, rate, offset_ns.cast_unsigned(), 0),
    }
}

fn has(set: &[AtomicU64; WORDS], agent: u32) -> bool {
    set.get(agent as usize / 64).is_some_and(|word| word.load(Ordering::Relaxed) & 1 << (agent % 64) != 0)
}
