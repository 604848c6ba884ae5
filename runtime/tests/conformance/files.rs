//! What only files can suffer: lost bells, torn, missing and misplaced letters, a file system that refuses.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use runtime::bus::{MAX_PACKET, Sent, Spool, receive};

use super::links::{Bus, Ends, connection, drain, in_memory, link, put, spool};

const FILES: Bus = Bus::Files { shards: 10 };

/// Sends three letters of one message each.
fn three() -> Ends {
    let mut ends = Ends::new(FILES);
    for number in 0..3 {
        put(&mut ends.a, number, 100);
        ends.a.flush();
    }
    ends
}

fn letters(ends: &Ends) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(ends.place()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The numbers of the two messages that can be read, and of no other.
fn two(ends: &mut Ends) -> Vec<u64> {
    let end = Instant::now() + Duration::from_secs(10);
    let mut got = Vec::new();
    // What follows a gap is kept back for a while.
    while got.len() < 2 && Instant::now() < end {
        got.extend(drain(&mut ends.b).iter().map(|m| m.number));
    }
    got.extend(drain(&mut ends.b).iter().map(|m| m.number));
    got
}

#[test]
fn a_lost_bell_delays_its_letter_and_no_more() {
    let mut ends = three();
    let mut bell = [0; 64];
    // The first one tells who sends; the others are lost.
    assert_eq!(drain_one(&mut ends), 0);
    let socket = ends.b.socket().try_clone().unwrap();
    while receive(&socket, &mut bell).is_some() {}
    assert!(drain(&mut ends.b).is_empty());
    let mut buffer = vec![0; MAX_PACKET];
    assert!(ends.b.look(&mut buffer).is_some(), "whoever looks finds it");
    let started = Instant::now();
    assert!(ends.b.await_packet(&mut buffer).is_some(), "and whoever waits, after a while");
    assert!(started.elapsed() < Duration::from_secs(5));
    put(&mut ends.a, 3, 100);
    ends.a.flush();
    assert!(receive(&socket, &mut bell).is_some());
    put(&mut ends.a, 4, 100);
    ends.a.flush();
    let got: Vec<u64> = drain(&mut ends.b).iter().map(|m| m.number).collect();
    assert_eq!(got, [3, 4], "the next bell tells of both");
    ends.assert_empty();
}

fn drain_one(ends: &mut Ends) -> u64 {
    let mut buffer = vec![0; MAX_PACKET];
    let n = ends.b.receive(&mut buffer).unwrap();
    match runtime::bus::PacketReader::new(&buffer[..n]).next() {
        Some(runtime::bus::Message::Echo(head, _)) => head.token,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_torn_letter_is_set_aside_and_those_behind_it_are_read() {
    for damage in [torn, changed, emptied] {
        let mut ends = three();
        damage(&letters(&ends)[1]);
        assert_eq!(two(&mut ends), [0, 2]);
        assert_eq!(ends.spool.unwrap().counts().aside.load(Ordering::Relaxed), 1);
        let aside = fs::read_dir(ends.directory.path().join("spool/aside")).unwrap().count();
        assert_eq!(aside, 1, "it is kept to be looked at");
        ends.assert_empty();
    }
}

fn torn(letter: &PathBuf) {
    fs::OpenOptions::new().write(true).open(letter).unwrap().set_len(60).unwrap();
}

fn changed(letter: &PathBuf) {
    let mut bytes = fs::read(letter).unwrap();
    bytes[80] ^= 1;
    fs::write(letter, bytes).unwrap();
}

fn emptied(letter: &PathBuf) {
    fs::write(letter, "").unwrap();
}

#[test]
fn a_letter_that_vanished_is_counted_and_those_behind_it_are_read() {
    let mut ends = three();
    fs::remove_file(&letters(&ends)[0]).unwrap();
    assert_eq!(two(&mut ends), [1, 2]);
    assert_eq!(ends.spool.unwrap().counts().missing.load(Ordering::Relaxed), 1);
}

#[test]
fn a_file_system_that_refuses_is_tried_again_with_pauses_and_costs_nothing() {
    let mut ends = Ends::new(FILES);
    let place = ends.place();
    fs::remove_dir(&place).unwrap();
    fs::write(&place, "in the way").unwrap();
    let started = Instant::now();
    for number in 0..200 {
        put(&mut ends.a, number, 100);
        assert_eq!(ends.a.flush(), Sent::All, "it waits for its moment");
    }
    assert!(ends.a.held() > 200 * 100 && ends.a.is_refused());
    while started.elapsed() < Duration::from_millis(300) {
        ends.a.flush();
    }
    let errors = ends.spool.unwrap().counts().errors.load(Ordering::Relaxed);
    assert!((2..30).contains(&errors), "{errors} attempts in 0.3 s");
    assert!(ends.a.due_ns().is_some_and(|due| due < runtime::clock::now_ns() + 200_000_000));
    fs::remove_file(&place).unwrap();
    let end = Instant::now() + Duration::from_secs(5);
    let mut got = Vec::new();
    while got.len() < 200 && Instant::now() < end {
        ends.a.flush();
        got.extend(drain(&mut ends.b).iter().map(|m| m.number));
    }
    assert!(got.iter().copied().eq(0..200), "{got:?}");
    assert_eq!(ends.a.held(), 0);
}

#[test]
fn letters_in_the_flat_layout_are_read_by_a_sharded_reader() {
    let directory = in_memory();
    let sharded = spool(FILES, directory.path());
    let flat = &*Box::leak(Box::new(Spool::open(directory.path(), 0).unwrap()));
    let (mut a, mut b) = connection(Some(flat), sharded);
    for number in 0..3 {
        put(&mut a, number, 100);
        a.flush();
    }
    assert_eq!(flat.letters(), [3]);
    assert_eq!(drain(&mut b).len(), 3);
    assert_eq!(flat.letters(), [0]);
}

#[test]
fn ten_shards_are_used_evenly() {
    let directory = in_memory();
    let spool = spool(FILES, directory.path()).unwrap();
    let mut links = Vec::new();
    for agent in 0..500 {
        let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
        let mut sender = link(ours.into(), Some(spool), 1_000);
        sender.set_peer(agent);
        put(&mut sender, 1, 100);
        assert_eq!(sender.flush(), Sent::All);
        links.push((sender, theirs));
    }
    assert_eq!(spool.letters(), vec![50; 10]);
}
