//! What every bus must do, whatever carries its packets: one suite for sockets and files.

#[path = "conformance/files.rs"]
mod files;
#[path = "conformance/links.rs"]
mod links;

use std::time::{Duration, Instant};

use links::{Bus, Ends, Message, drain, drain_waiting, put, sender_process};
use runtime::bus::Sent;

/// Runs a check over every kind of bus.
fn over_every_bus(check: impl Fn(Bus)) {
    for bus in [Bus::Sockets, Bus::Files { shards: 10 }, Bus::Files { shards: 0 }] {
        check(bus);
    }
}

#[test]
fn what_is_sent_arrives_once_in_order_and_whole_in_both_directions() {
    over_every_bus(|bus| {
        let mut ends = Ends::new(bus);
        let mut expected = Vec::new();
        for number in 0..300u64 {
            let size = (number as usize * 97) % 500;
            put(&mut ends.a, number, size);
            expected.push(number);
            if number % 7 == 0 {
                assert_eq!(ends.a.flush(), Sent::All, "{bus:?}");
            }
        }
        ends.a.flush();
        let got = drain(&mut ends.b);
        assert!(got.iter().all(Message::is_sound), "{bus:?}");
        assert_eq!(got.iter().map(|m| m.number).collect::<Vec<_>>(), expected, "{bus:?}");
        put(&mut ends.b, 7, 100);
        ends.b.flush();
        assert_eq!(drain(&mut ends.a).len(), 1, "{bus:?}");
        ends.assert_empty();
    });
}

#[test]
fn a_batch_arrives_as_one_packet_or_not_at_all() {
    over_every_bus(|bus| {
        let mut ends = Ends::new(bus);
        for number in 0..100 {
            put(&mut ends.a, number, 256);
        }
        ends.a.flush();
        let packets: Vec<usize> = drain(&mut ends.b).iter().map(|m| m.packet).collect();
        assert_eq!(packets, vec![0; 100], "{bus:?}");
    });
}

#[test]
fn a_reader_that_does_not_read_makes_the_sender_wait_and_loses_nothing() {
    over_every_bus(|bus| {
        let mut ends = Ends::new(bus);
        let mut sent = 0u64;
        while ends.a.flush() == Sent::All {
            put(&mut ends.a, sent, 1_024);
            sent += 1;
            assert!(sent < 100_000, "{bus:?} takes everything");
        }
        for _ in 0..10 {
            put(&mut ends.a, sent, 1_024);
            sent += 1;
            ends.a.flush();
        }
        assert!(ends.a.held() > 0, "{bus:?}");
        let mut got = Vec::new();
        while got.len() < sent as usize {
            let before = got.len();
            got.extend(drain(&mut ends.b));
            ends.a.flush();
            assert!(got.len() > before || ends.a.held() > 0, "{bus:?}: {} of {sent}", got.len());
        }
        assert!(got.iter().map(|m| m.number).eq(0..sent), "{bus:?}");
        assert_eq!(ends.a.held(), 0, "{bus:?}");
    });
}

#[test]
fn a_death_is_told_after_everything_that_was_sent_before() {
    over_every_bus(|bus| {
        let Ends { mut a, mut b, .. } = Ends::new(bus);
        for number in 0..20 {
            put(&mut a, number, 64);
            a.flush();
        }
        drop(a);
        let (got, hung_up) = drain_waiting(&mut b);
        assert_eq!((got.len(), hung_up), (20, true), "{bus:?}");
        put(&mut b, 0, 64);
        assert_eq!(b.flush(), Sent::Gone, "{bus:?}");
    });
}

#[test]
fn a_sender_killed_at_any_instant_leaves_nothing_torn_and_no_gap() {
    over_every_bus(|bus| {
        for turn in 0..15 {
            let (mut child, mut link, _directory) = sender_process(bus);
            let mut got = Vec::new();
            let end = Instant::now() + Duration::from_secs(60);
            // So many messages are between its start and its death, however fast it sends.
            while got.len() <= turn * turn * 37 % 300 {
                got.extend(drain(&mut link));
                assert!(Instant::now() < end, "{bus:?}: it sends no more than {} messages", got.len());
            }
            child.kill().unwrap();
            child.wait().unwrap();
            let (rest, hung_up) = drain_waiting(&mut link);
            got.extend(rest);
            assert!(hung_up, "{bus:?}");
            assert!(got.iter().all(Message::is_sound), "{bus:?}");
            assert!(got.iter().map(|m| m.number).eq(0..got.len() as u64), "{bus:?}: a gap");
        }
    });
}

#[test]
fn a_reader_that_starts_again_gets_what_is_sent_from_then_on_and_nothing_of_before() {
    over_every_bus(|bus| {
        let mut ends = Ends::new(bus);
        for number in 0..50 {
            put(&mut ends.a, number, 512);
            ends.a.flush();
        }
        // It dies before it has read anything: as with a kill, nobody tidies up behind it.
        ends.forget_reader();
        assert_eq!(ends.a.flush(), Sent::All);
        put(&mut ends.a, 50, 512);
        assert_eq!(ends.a.flush(), Sent::Gone, "{bus:?}");
        ends.connect_again();
        put(&mut ends.a, 100, 512);
        ends.a.flush();
        let got: Vec<u64> = drain(&mut ends.b).iter().map(|m| m.number).collect();
        assert_eq!(got, [100], "{bus:?}");
        ends.assert_empty();
    });
}
