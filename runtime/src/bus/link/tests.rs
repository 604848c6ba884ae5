use super::super::packet::PACKET_HEAD;
use super::super::{Act, Rule};
use super::*;
use crate::clock::now_ns;

const PACKET: usize = 1024;

fn message(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(PACKET / 8)
}

fn numbers(packet: &[u8]) -> impl Iterator<Item = u64> {
    packet[PACKET_HEAD..].chunks_exact(PACKET).map(|raw| {
        let number = u64::from_le_bytes(raw[..8].try_into().unwrap());
        assert_eq!(raw, message(number));
        number
    })
}

#[test]
fn a_full_socket_holds_packets_back_and_loses_none() {
    let (ours, theirs) = pair();
    let mut link = Link::new(ours, 1, 1);
    let mut other = Link::new(theirs, 2, 1);
    let mut count = 0u64;
    while link.flush() == Sent::All {
        for _ in 0..10 {
            link.put_raw(&message(count));
            count += 1;
        }
    }
    assert!(link.held() > 0);
    let mut buffer = vec![0; MAX_PACKET];
    let mut expected = 0;
    while expected < count {
        link.flush();
        let n = other.receive(&mut buffer).expect("a packet is there");
        for number in numbers(&buffer[..n]) {
            assert_eq!(number, expected);
            expected += 1;
        }
    }
    assert_eq!(link.held(), 0);
}

#[test]
fn a_peer_that_hung_up_is_gone() {
    let (ours, theirs) = pair();
    let mut link = Link::new(ours, 1, 1);
    drop(theirs);
    link.put_raw(&message(0));
    assert_eq!(link.flush(), Sent::Gone);
}

/// Sends so many packets under a rule; what arrives until all is at rest, and the rule's counts.
fn arrive_under(act: Act, count: u64) -> (Vec<u64>, [u64; 3], &'static Rules) {
    let rules = Rules::shared().unwrap();
    let place = rules.put(&Rule { act, agents: None, until_ns: u64::MAX, seed: 11 }).unwrap();
    let (ours, theirs) = pair();
    let mut link = Link::new(ours, 1, 1).under(rules);
    let mut other = Link::new(theirs, 2, 1).under(rules);
    let mut buffer = vec![0; MAX_PACKET];
    let mut arrived = Vec::new();
    let mut take_all = |other: &mut Link| {
        while let Some(n @ 1..) = other.receive(&mut buffer) {
            arrived.extend(numbers(&buffer[..n]));
        }
    };
    for number in 0..count {
        link.put_raw(&message(number));
        assert_eq!(link.flush(), Sent::All);
        take_all(&mut other);
    }
    while link.due_ns().is_some() || other.due_ns().is_some() {
        assert_eq!(link.flush(), Sent::All);
        take_all(&mut other);
    }
    (arrived, rules.counts(place), rules)
}

fn counted(counter: &std::sync::atomic::AtomicU64) -> u64 {
    counter.load(std::sync::atomic::Ordering::Relaxed)
}

#[test]
fn packets_that_are_dropped_or_changed_are_missing_and_all_others_come_in_order() {
    for act in [Act::Drop(200_000), Act::Corrupt(200_000)] {
        let (arrived, [considered, hit, _], rules) = arrive_under(act, 500);
        assert!(arrived.is_sorted_by(|a, b| a < b));
        assert_eq!((considered, arrived.len() as u64), (500, 500 - hit), "{act:?}");
        assert!((60..=140).contains(&hit), "{act:?}: {hit}");
        assert_eq!(counted(&rules.corrupt), if matches!(act, Act::Corrupt(_)) { hit } else { 0 });
    }
}

#[test]
fn packets_that_come_twice_or_out_of_order_come_out_once_and_in_order() {
    for act in [Act::Duplicate(300_000), Act::Reorder(300_000)] {
        let (arrived, [considered, hit, _], rules) = arrive_under(act, 300);
        assert_eq!(arrived, (0..300).collect::<Vec<_>>(), "{act:?}");
        assert_eq!(considered, 300);
        assert!((50..=130).contains(&hit), "{act:?}: {hit}");
        assert!(counted(&rules.repeated) + counted(&rules.reordered) >= hit / 2, "{act:?}");
    }
}

#[test]
fn delayed_packets_come_late_in_order_and_all() {
    let before = now_ns();
    let delay = Act::Delay { per_million: 1_000_000, by_ns: 10_000_000, jitter_ns: 5_000_000 };
    let (arrived, [_, hit, _], _) = arrive_under(delay, 50);
    assert_eq!(arrived, (0..50).collect::<Vec<_>>());
    assert_eq!(hit, 50);
    assert!(now_ns() - before >= 10_000_000);
}

#[test]
fn what_waits_for_its_moment_is_bounded() {
    let rules = Rules::shared().unwrap();
    let act = Act::Delay { per_million: 1_000_000, by_ns: u64::MAX, jitter_ns: 0 };
    rules.put(&Rule { act, agents: None, until_ns: u64::MAX, seed: 1 }).unwrap();
    let (ours, theirs) = pair();
    let mut link = Link::new(ours, 1, 1).under(rules);
    let mut other = Link::new(theirs, 2, 1);
    let mut buffer = vec![0; MAX_PACKET];
    for number in 0..10_000 {
        link.put_raw(&message(number));
        link.flush();
        while other.receive(&mut buffer).is_some() {}
        assert!(link.held() <= (4 << 20) + 2 * PACKET);
    }
}

#[test]
fn the_rules_of_another_agent_do_not_concern_a_link() {
    let rules = Rules::shared().unwrap();
    let only = Rule { act: Act::Drop(1_000_000), agents: Some(vec![7]), until_ns: u64::MAX, seed: 1 };
    rules.put(&only).unwrap();
    let (ours, theirs) = pair();
    let mut link = Link::new(ours, 1, 1).under(rules);
    let mut other = Link::new(theirs, 2, 1);
    let mut buffer = vec![0; MAX_PACKET];
    let mut arrives = |link: &mut Link| {
        link.put_raw(&message(1));
        link.flush();
        other.receive(&mut buffer).is_some()
    };
    assert!(arrives(&mut link), "to somebody unknown");
    link.set_peer(8);
    assert!(arrives(&mut link));
    link.set_peer(7);
    assert!(!arrives(&mut link));
}
