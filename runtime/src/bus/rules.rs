//! Disturbances of the bus and of clocks: a fixed number of rules in shared memory, which whoever sends a packet
//! applies to it. While there is none, sending costs one look at one word.
//!
//! Every rule ends by itself at a moment of `CLOCK_MONOTONIC`, whoever has died meanwhile.

mod chance;
mod rule;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::clock::now_ns;

pub use rule::{Act, Rule, Way};

/// How many rules there may be at a time.
pub(super) const MOST_RULES: usize = 32;

/// All rules, and what the receivers made of the packets that they found disturbed.
#[derive(Debug)]
#[repr(C, align(128))]
pub struct Rules {
    /// How many of the places are taken.
    taken: AtomicU32,
    places: [Place; MOST_RULES],
    /// Packets that were discarded because a byte had changed.
    pub corrupt: AtomicU64,
    /// Packets that were discarded because they, or later ones, had come before.
    pub repeated: AtomicU64,
    /// Packets that were put back into their order.
    pub reordered: AtomicU64,
    /// Packets that never came.
    pub missing: AtomicU64,
}

pub(super) use rule::Place;

/// What is to be done to one packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fate {
    /// It does not arrive.
    pub lost: bool,
    /// It arrives so much later, in nanoseconds.
    pub delay_ns: u64,
    /// It arrives twice.
    pub twice: bool,
    /// The next one overtakes it.
    pub overtaken: bool,
    /// Which byte is changed, as a number to be taken modulo its length.
    pub corrupt: Option<u64>,
}

impl Fate {
    /// Changes a byte of the packet, if that is its fate.
    pub fn spoil(&self, packet: &mut [u8]) {
        if let Some(at) = self.corrupt.filter(|_| !packet.is_empty()) {
            packet[at as usize % packet.len()] ^= 0x55;
        }
    }
}

/// Which packet: the draws of all rules depend on nothing else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    pub(super) from: u32,
    pub(super) to: u32,
    /// Distinguishes the connections of a process.
    pub(super) connection: u64,
    pub(super) seq: u32,
}

impl Rules {
    /// An empty set in memory that forked processes share. It lives as long as they do.
    pub fn shared() -> nix::Result<&'static Self> {
        let base = crate::table::map_shared(size_of::<Self>())?;
        #[expect(unsafe_code, reason = "a typed view of a mapping")]
        // SAFETY: the mapping is zeroed, never unmapped, page-aligned and large enough; all fields are atomics,
        // for which any bits are valid and which may be shared.
        Ok(unsafe { &*base.as_ptr().cast::<Self>() })
    }

    /// Whether there is any rule.
    #[must_use]
    pub fn any(&self) -> bool {
        self.taken.load(Ordering::Relaxed) != 0
    }

    /// Puts a rule in force; its place, once it was read back as it was meant. `None` if all places are taken.
    #[must_use]
    pub fn put(&self, rule: &Rule) -> Option<usize> {
        let rule = rule.normal();
        let free = self.places.iter().position(Place::is_free)?;
        self.places[free].write(&rule);
        self.taken.fetch_add(1, Ordering::SeqCst);
        if self.places[free].read().as_ref() == Some(&rule) {
            return Some(free);
        }
        self.clear(free);
        None
    }

    /// Ends the rule of a place.
    pub fn clear(&self, place: usize) {
        if self.places[place].free() {
            self.taken.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// What the rule of a place did so far, also after its end until the place is taken again: what it could
    /// have hit, what it did hit, and for a clock the largest difference that was seen, in microseconds.
    #[must_use]
    pub fn counts(&self, place: usize) -> [u64; 3] {
        self.places[place].counts()
    }

    /// What is to be done to a letter from one agent to another, without a connection: this number, unlike that of
    /// any other letter between them, decides. Only atomics and the clock: it may be called in a signal handler.
    #[must_use]
    pub fn fate_of_letter(&self, from: u32, to: u32, number: u64) -> Fate {
        if !self.any() {
            return Fate::default();
        }
        self.fate(Packet { from, to, connection: number, seq: 0 })
    }

    /// What is to be done to a packet.
    pub(super) fn fate(&self, packet: Packet) -> Fate {
        let now = now_ns();
        let mut fate = Fate::default();
        for place in &self.places {
            if place.acts_at(now) {
                place.apply(packet, &mut fate);
            }
        }
        fate
    }

    /// Whether two agents are cut off from each other in at least one direction, or unlucky in trying: they
    /// cannot make a connection.
    #[must_use]
    pub fn cut(&self, from: u32, to: u32) -> bool {
        if !self.any() {
            return false;
        }
        let now = now_ns();
        let attempt = chance::next_connection();
        let packet = |from, to| Packet { from, to, connection: attempt, seq: 0 };
        self.places
            .iter()
            .filter(|place| place.acts_at(now))
            .any(|place| place.stops(packet(from, to)) || place.stops(packet(to, from)))
    }

    /// By how much an agent's clock is shifted, in nanoseconds.
    #[must_use]
    pub fn offset_ns(&self, agent: u32) -> i64 {
        if !self.any() {
            return 0;
        }
        let now = now_ns();
        let offsets =
            self.places.iter().filter(|place| place.acts_at(now)).map(|place| place.offset_ns(agent));
        offsets.fold(0, i64::saturating_add)
    }

    /// An agent has read its clock, and it was so far from the true one: notes that it saw the shift, for every
    /// rule that shifts it by as much.
    pub fn observe_clock(&self, agent: u32, skew_ns: i64) {
        let now = now_ns();
        for place in self.places.iter().filter(|place| place.acts_at(now)) {
            let offset_ns = place.offset_ns(agent);
            if offset_ns != 0 && skew_ns.unsigned_abs() >= offset_ns.unsigned_abs() / 2 {
                place.observed(agent, skew_ns.unsigned_abs() / 1_000);
            }
        }
    }
}

pub(super) use chance::next_connection;

#[cfg(test)]
mod tests;
