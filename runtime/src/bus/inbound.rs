//! What comes in on a connection: whole packets, each once, in the order in which they were sent.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::packet::{is_whole, seq_of};
use super::rules::Rules;
use crate::clock::now_ns;

/// How long a packet that is ahead waits for those before it, in nanoseconds. What comes later than that is as
/// good as lost: whoever sent it sends it again.
const WAIT_NS: u64 = 20_000_000;
/// How many packets wait at most.
const MOST_WAITING: usize = 64;

/// What is to be done with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is the next one.
    Next,
    /// It is kept, or of no use.
    Not,
}

/// The receiving side of a connection.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    next: u32,
    /// Packets that came too early, by how far they are ahead of the first one ever, and when they came.
    early: BTreeMap<u64, (Vec<u8>, u64)>,
    /// How often the numbers have begun anew, times their count.
    base: u64,
}

impl Inbound {
    /// Looks at a packet that has just come.
    pub(super) fn admit(&mut self, packet: &[u8], rules: Option<&Rules>) -> Admission {
        if !is_whole(packet) {
            count(rules, |rules| &rules.corrupt);
            return Admission::Not;
        }
        let ahead = seq_of(packet).wrapping_sub(self.next);
        if ahead == 0 {
            self.advance(1);
            return Admission::Next;
        }
        let place = self.place() + u64::from(ahead);
        if ahead > u32::MAX / 2 || self.early.contains_key(&place) {
            count(rules, |rules| &rules.repeated);
            return Admission::Not;
        }
        count(rules, |rules| &rules.reordered);
        self.early.insert(place, (packet.to_vec(), now_ns()));
        Admission::Not
    }

    fn place(&self) -> u64 {
        self.base + u64::from(self.next)
    }

    fn advance(&mut self, by: u64) {
        let place = self.place() + by;
        self.next = place as u32;
        self.base = place - u64::from(self.next);
    }

    /// Takes a packet that waited and whose turn it is: all before it have come, or were waited for in vain, or
    /// `closed` means that nothing comes any more. Its length.
    pub(super) fn take(&mut self, into: &mut [u8], closed: bool, rules: Option<&Rules>) -> Option<usize> {
        let first = *self.early.first_key_value()?.0;
        let missing = first - self.place();
        if missing > 0 && !closed && self.due_ns().is_some_and(|due| now_ns() < due) {
            return None;
        }
        if let Some(rules) = rules {
            rules.missing.fetch_add(missing, Ordering::Relaxed);
        }
        self.advance(missing + 1);
        let (packet, _) = self.early.remove(&first)?;
        into[..packet.len()].copy_from_slice(&packet);
        Some(packet.len())
    }

    /// When a packet that waits need not wait any longer; `None` if none does.
    pub(super) fn due_ns(&self) -> Option<u64> {
        let (first, _) = self.early.first_key_value()?;
        if *first == self.place() || self.early.len() > MOST_WAITING {
            return Some(0);
        }
        self.early.values().map(|(_, came_ns)| came_ns + WAIT_NS).min()
    }
}

fn count(rules: Option<&Rules>, counter: impl Fn(&Rules) -> &AtomicU64) {
    if let Some(rules) = rules {
        counter(rules).fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::packet::{PACKET_HEAD, seal};
    use super::*;
    use proptest::prelude::*;

    fn packet(seq: u32) -> Vec<u8> {
        let mut packet = vec![0; PACKET_HEAD + 8];
        packet[PACKET_HEAD..].copy_from_slice(&u64::from(seq).to_le_bytes());
        seal(&mut packet, seq);
        packet
    }

    /// What comes out when these come in at once, one after the other, and the connection is closed then.
    fn through(inbound: &mut Inbound, packets: &[Vec<u8>]) -> Vec<u32> {
        let mut out = Vec::new();
        let mut room = vec![0; 100];
        for one in packets {
            if inbound.admit(one, None) == Admission::Next {
                out.push(seq_of(one));
            }
            while inbound.due_ns() == Some(0)
                && let Some(n) = inbound.take(&mut room, false, None)
            {
                out.push(seq_of(&room[..n]));
            }
        }
        while let Some(n) = inbound.take(&mut room, true, None) {
            out.push(seq_of(&room[..n]));
        }
        out
    }

    #[test]
    fn a_packet_with_a_changed_byte_is_discarded_wherever_the_byte_is() {
        let sound = packet(0);
        for at in 0..sound.len() {
            let mut changed = sound.clone();
            changed[at] ^= 0x10;
            assert_eq!(Inbound::default().admit(&changed, None), Admission::Not, "byte {at}");
        }
        assert_eq!(Inbound::default().admit(&sound, None), Admission::Next);
    }

    #[test]
    fn what_is_missing_is_not_waited_for_for_ever() {
        let mut inbound = Inbound::default();
        assert_eq!(inbound.admit(&packet(0), None), Admission::Next);
        assert_eq!(inbound.admit(&packet(2), None), Admission::Not);
        let due = inbound.due_ns().unwrap();
        let mut room = [0; 100];
        while inbound.take(&mut room, false, None).is_none() {}
        assert!(now_ns() >= due);
        assert_eq!(inbound.admit(&packet(1), None), Admission::Not, "it comes too late");
        assert_eq!(inbound.admit(&packet(3), None), Admission::Next);
    }

    #[test]
    fn numbers_begin_anew_after_the_last() {
        let mut inbound = Inbound { next: u32::MAX - 1, ..Inbound::default() };
        let order = [u32::MAX, u32::MAX - 1, 1, 0, 0].map(packet);
        assert_eq!(through(&mut inbound, &order), [u32::MAX - 1, u32::MAX, 0, 1]);
    }

    proptest! {
        #[test]
        fn whatever_is_lost_doubled_or_out_of_order_what_comes_out_is_in_order_and_once(
            seqs in proptest::collection::vec(0u32..80, 0..200)
        ) {
            let packets: Vec<Vec<u8>> = seqs.iter().map(|seq| packet(*seq)).collect();
            let out = through(&mut Inbound::default(), &packets);
            prop_assert!(out.is_sorted_by(|a, b| a < b), "{:?}", out);
            let mut sent = seqs;
            sent.sort_unstable();
            sent.dedup();
            if sent.len() <= MOST_WAITING {
                prop_assert_eq!(out, sent);
            }
        }
    }
}
