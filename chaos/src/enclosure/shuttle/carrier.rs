//! Carrying: one thread that reads what each host sends and writes it to the host it is for, when it is due.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use scenarios::plan::Direction;

use super::host::Host;
use super::{Act, address};
use crate::clock::monotonic_ns;
use crate::enclosure::rules::{Applied, Rules};

/// Longer than any packet of an interface with the usual 1,500 bytes.
const LONGEST_PACKET: usize = 64 << 10;
/// Packets that are taken from one host before the others have their turn.
const AT_ONCE: usize = 64;
/// Bytes that may wait for their time in all; what comes beyond is lost, as in a full router.
const WAITING: usize = 64 << 20;
/// How long the queue of a rate may become before packets are lost.
const LONGEST_QUEUE_NS: u64 = 500_000_000;

/// What a rule remembers: when the next packet may pass, by host and whether it comes from there.
#[derive(Debug, Default)]
pub(crate) struct Passed(BTreeMap<(u32, bool), u64>);

/// A packet that waits. Those that are due first come first, of these those that came first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due_ns: u64,
    number: u64,
    to: u32,
    packet: Box<[u8]>,
}

pub(super) struct Carrier<'a> {
    hosts: &'a [Host],
    rules: &'a Rules<Act, Passed>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    waiting_bytes: usize,
    number: u64,
    /// When the last packet that waits from a host to another is due: none overtakes it.
    last_due: BTreeMap<(u32, u32), u64>,
}

impl<'a> Carrier<'a> {
    pub(super) fn new(hosts: &'a [Host], rules: &'a Rules<Act, Passed>) -> Self {
        Self {
            hosts,
            rules,
            waiting: BinaryHeap::new(),
            waiting_bytes: 0,
            number: 0,
            last_due: BTreeMap::new(),
        }
    }

    /// Carries for ever.
    pub(super) fn run(mut self) -> Result<(), String> {
        let mut buffer = vec![0; LONGEST_PACKET];
        loop {
            let mut polled: Vec<PollFd<'_>> =
                self.hosts.iter().map(|h| PollFd::new(h.packets.as_fd(), PollFlags::POLLIN)).collect();
            let until_due = self.waiting.peek().map(|Reverse(w)| w.due_ns.saturating_sub(monotonic_ns()));
            let timeout = until_due.map(|ns| TimeSpec::from_duration(Duration::from_nanos(ns)));
            match ppoll(&mut polled, timeout, None) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(e) => return Err(format!("waiting for packets failed: {e}")),
            }
            let ready: Vec<bool> = polled.iter().map(|p| p.any().unwrap_or(false)).collect();
            for (from, _) in (1..).zip(&ready).filter(|(_, ready)| **ready) {
                self.take(from, &mut buffer)?;
            }
            self.deliver();
        }
    }

    /// Takes what a host has sent.
    fn take(&mut self, from: u32, buffer: &mut [u8]) -> Result<(), String> {
        for _ in 0..AT_ONCE {
            match (&self.hosts[from as usize - 1].packets).read(buffer) {
                Ok(length) => self.carry(from, &buffer[..length]),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(format!("reading packets of host {from} failed: {e}")),
            }
        }
        Ok(())
    }

    fn carry(&mut self, from: u32, packet: &[u8]) {
        let Some(to) = destination(packet, self.hosts.len()) else { return };
        let mut delay_ns = Some(0_u64);
        self.rules.each(|rule, now| {
            delay_ns = delay_ns.and_then(|so_far| {
                apply(rule, now, from, to, packet.len()).map(|more| so_far.saturating_add(more))
            });
        });
        let Some(delay_ns) = delay_ns else { return };
        let last = self.last_due.get(&(from, to)).copied();
        if delay_ns == 0 && last.is_none() {
            self.write(to, packet);
            return;
        }
        if self.waiting_bytes + packet.len() > WAITING {
            return;
        }
        let due_ns = monotonic_ns().saturating_add(delay_ns).max(last.unwrap_or(0));
        self.last_due.insert((from, to), due_ns);
        self.number += 1;
        self.waiting_bytes += packet.len();
        self.waiting.push(Reverse(Waiting { due_ns, number: self.number, to, packet: packet.into() }));
    }

    fn deliver(&mut self) {
        let now = monotonic_ns();
        while self.waiting.peek().is_some_and(|Reverse(first)| first.due_ns <= now) {
            let Some(Reverse(first)) = self.waiting.pop() else { return };
            self.waiting_bytes -= first.packet.len();
            self.write(first.to, &first.packet);
        }
        self.last_due.retain(|_, due_ns| *due_ns > now);
    }

    /// What a host cannot take is lost, as on any network.
    fn write(&self, to: u32, packet: &[u8]) {
        let _ = (&self.hosts[to as usize - 1].packets).write(packet);
    }
}

/// The host that an IPv4 packet is for; `None` for anything else.
fn destination(packet: &[u8], hosts: usize) -> Option<u32> {
    if packet.len() < 20 || packet[0] >> 4 != 4 {
        return None;
    }
    let to = Ipv4Addr::new(packet[16], packet[17], packet[18], packet[19]);
    let host = u32::from(packet[19]);
    (host >= 1 && host as usize <= hosts && to == address(host)).then_some(host)
}

/// How much later the packet arrives by this rule; `None` if it does not.
fn apply(rule: &mut Applied<Act, Passed>, now: u64, from: u32, to: u32, bytes: usize) -> Option<u64> {
    let concerned = |hosts: &[u32], host| hosts.is_empty() || hosts.contains(&host);
    let either = |hosts: &[u32]| concerned(hosts, from) || concerned(hosts, to);
    match &rule.rule.act {
        Act::Delay { hosts, delay_ns, jitter_ns } if either(hosts) => {
            rule.counters.considered += 1;
            rule.counters.hit += 1;
            Some(delay_ns.saturating_add(rule.chance.up_to(*jitter_ns)))
        }
        Act::Lose { hosts, per_million } if either(hosts) => {
            rule.counters.considered += 1;
            let lost = rule.chance.hits(*per_million);
            rule.counters.hit += u64::from(lost);
            (!lost).then_some(0)
        }
        Act::Rate { hosts, bytes_per_second } if either(hosts) => {
            rule.counters.considered += 1;
            let takes_ns = (bytes as u64).saturating_mul(1_000_000_000) / (*bytes_per_second).max(1);
            let mut passes_ns = now;
            for key in [(from, true), (to, false)].into_iter().filter(|(host, _)| concerned(hosts, *host)) {
                let next = rule.state.0.entry(key).or_default();
                let waits = (*next).max(now) - now;
                if waits > LONGEST_QUEUE_NS {
                    rule.counters.hit += 1;
                    return None;
                }
                *next = (*next).max(now) + takes_ns;
                passes_ns = passes_ns.max(*next);
            }
            rule.counters.hit += 1;
            Some(passes_ns - now)
        }
        Act::Cut { hosts, direction } => {
            rule.counters.considered += 1;
            let (leaves, enters) = (
                hosts.contains(&from) && !hosts.contains(&to),
                hosts.contains(&to) && !hosts.contains(&from),
            );
            let stopped = match direction {
                Direction::Both => leaves || enters,
                Direction::From => leaves,
                Direction::To => enters,
            };
            rule.counters.hit += u64::from(stopped);
            (!stopped).then_some(0)
        }
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enclosure::rules::Rule;

    fn passes(act: Act, packets: &[(u32, u32)]) -> Vec<Option<u64>> {
        let rules = Rules::<Act, Passed>::new();
        rules.set(Rule { id: "one".into(), act, expires_ns: u64::MAX });
        let mut came = Vec::new();
        for (from, to) in packets {
            rules.each(|rule, _| came.push(apply(rule, 1_000, *from, *to, 1_000)));
        }
        came
    }

    #[test]
    fn a_cut_stops_packets_across_it_and_only_in_its_direction() {
        let cut = |direction| {
            passes(Act::Cut { hosts: vec![1, 2], direction }, &[(1, 3), (3, 1), (1, 2), (3, 4)])
                .iter()
                .map(Option::is_some)
                .collect::<Vec<_>>()
        };
        assert_eq!(cut(Direction::Both), [false, false, true, true]);
        assert_eq!(cut(Direction::From), [false, true, true, true]);
        assert_eq!(cut(Direction::To), [true, false, true, true]);
    }

    #[test]
    fn a_delay_concerns_packets_from_and_to_its_hosts() {
        let act = Act::Delay { hosts: vec![2], delay_ns: 5, jitter_ns: 0 };
        assert_eq!(passes(act, &[(1, 2), (2, 1), (1, 3)]), [Some(5), Some(5), Some(0)]);
    }

    #[test]
    fn a_rate_lets_packets_pass_one_after_the_other_and_loses_what_would_wait_too_long() {
        // 1,000 bytes at 10,000 bytes a second: 100 ms each; the queue holds half a second.
        let act = Act::Rate { hosts: Vec::new(), bytes_per_second: 10_000 };
        let ms: Vec<Option<u64>> =
            passes(act, &[(1, 2); 8]).into_iter().map(|ns| ns.map(|ns| ns / 1_000_000)).collect();
        let expected = [Some(100), Some(200), Some(300), Some(400), Some(500), Some(600), None, None];
        assert_eq!(ms, expected);
    }

    #[test]
    fn only_packets_for_a_host_of_the_network_have_a_destination() {
        let mut packet = [0_u8; 20];
        packet[0] = 0x45;
        let mut to = |address: [u8; 4]| {
            packet[16..20].copy_from_slice(&address);
            destination(&packet, 3)
        };
        assert_eq!(to([10, 77, 0, 3]), Some(3));
        for elsewhere in [[10, 77, 0, 4], [10, 77, 0, 0], [10, 77, 1, 3], [8, 8, 8, 8]] {
            assert_eq!(to(elsewhere), None, "{elsewhere:?}");
        }
        assert_eq!(destination(&[0x60; 40], 3), None);
        assert_eq!(destination(&[0x45], 3), None);
    }
}
