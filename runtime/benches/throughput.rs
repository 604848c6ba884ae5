//! How many messages the bus and the whole runtime carry, against bare packets of the same size.

#[path = "../tests/swarm/driver.rs"]
mod driver;
mod floor;

use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use driver::Swarm;
use floor::{PAYLOAD, child, end, measure, ms, pair, quantile, say};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use protocol::{Report, Work};
use runtime::bus::{AnswerHead, Link, MAX_PACKET, Message, PacketReader, Sent, await_packet, receive};
use serde_json::json;

const TURNS: usize = 5;

fn main() {
    floor::run_if_asked_or(|what, numbers| match what {
        "bus" => Some(vec![bus(numbers[0], numbers[1], numbers[2])]),
        "bus-batch" => Some(bus_batch(numbers[0], numbers[1])),
        _ => None,
    });
    writers(100, 20_000, 64, 1_000_000);
    writers(500, 400, 1, 150_000);
    batches();
    whole();
}

/// Takes turns between bare packets and the bus.
fn writers(count: usize, each: usize, batch: usize, reach: u64) {
    let per_second = |ns: u64| (count * each) as f64 / (ns as f64 / 1e9);
    let (mut floors, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        floors.extend(measure("writers", &[count, each]));
        ours.extend(measure("bus", &[count, each, batch]));
    }
    let (floor, our) = (per_second(quantile(&floors, 0.5)), per_second(quantile(&ours, 0.5)));
    say(&format!("{count} writers to one reader, {PAYLOAD} B, batches of {batch}"));
    say(&format!("  floor, one message a packet  {floor:10.0} msg/s"));
    say(&format!("  bus                          {our:10.0} msg/s  (reach {reach})"));
    say(&format!("  ratio                        {:10.2}", our / floor));
}

/// So many writers that each send so many messages through a link, a packet for each batch; the reader takes
/// every message apart and checks its payload.
fn bus(count: usize, each: usize, batch: usize) -> u64 {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("epoll");
    let mut readers: Vec<OwnedFd> = Vec::new();
    let mut pids = Vec::new();
    for place in 0..count {
        let (ours, theirs) = pair();
        pids.push(child(|| {
            await_packet(&theirs, &mut [0]);
            let mut link = Link::new(theirs, place as u32, 1);
            write_messages(&mut link, each, batch);
            nix::unistd::pause();
        }));
        epoll.add(&ours, EpollEvent::new(EpollFlags::EPOLLIN, place as u64)).expect("epoll");
        readers.push(ours);
    }
    let started = Instant::now();
    for reader in &readers {
        nix::unistd::write(reader, &[1]).expect("the writer waits");
    }
    let mut buffer = vec![0; MAX_PACKET];
    let mut missing = count * each;
    let mut events = [EpollEvent::empty(); 256];
    while missing > 0 {
        let n = epoll.wait(&mut events, EpollTimeout::NONE).expect("epoll");
        for event in &events[..n] {
            let reader = &readers[event.data() as usize];
            while let Some(n @ 1..) = receive(reader, &mut buffer) {
                missing -= PacketReader::new(&buffer[..n]).filter(is_sound).count();
            }
        }
    }
    let took = started.elapsed().as_nanos() as u64;
    end(&pids);
    took
}

fn is_sound(message: &Message) -> bool {
    let Message::Echo(head, payload) = message else { return false };
    crc32fast::hash(payload) == head.digest
}

fn write_messages(link: &mut Link, count: usize, batch: usize) {
    let payload = [7u8; PAYLOAD];
    let digest = crc32fast::hash(&payload);
    for token in 0..count as u64 {
        AnswerHead { token, digest, ..AnswerHead::default() }.put_echo(link, &payload);
        if (token + 1) % batch as u64 == 0 || token + 1 == count as u64 {
            while link.flush() == Sent::Full {
                let mut fds = [PollFd::new(link.as_fd(), PollFlags::POLLOUT)];
                poll(&mut fds, PollTimeout::NONE).expect("poll");
            }
        }
    }
}

/// 100 messages in a packet through a link, taken apart by another process, and its acknowledgement.
fn bus_batch(messages: usize, times: usize) -> Vec<u64> {
    let (ours, theirs) = pair();
    let pid = child(|| {
        let mut buffer = vec![0; MAX_PACKET];
        let mut link = Link::new(theirs, 1, 1);
        while let Some(n @ 1..) = await_packet(link.socket(), &mut buffer) {
            let sound = PacketReader::new(&buffer[..n]).filter(is_sound).count();
            AnswerHead { seq: sound as u64, ..AnswerHead::default() }.put_answer(&mut link);
            link.flush();
        }
    });
    let mut link = Link::new(ours, 0, 1);
    let mut buffer = vec![0; MAX_PACKET];
    let payload = [7u8; PAYLOAD];
    let digest = crc32fast::hash(&payload);
    let samples = (0..times)
        .map(|_| {
            let started = Instant::now();
            for token in 0..messages as u64 {
                AnswerHead { token, digest, ..AnswerHead::default() }.put_echo(&mut link, &payload);
            }
            link.flush();
            let n = await_packet(link.socket(), &mut buffer).expect("an acknowledgement");
            let Some(Message::Answer(head)) = PacketReader::new(&buffer[..n]).next() else {
                panic!("no answer")
            };
            assert_eq!(head.seq as usize, messages);
            started.elapsed().as_nanos() as u64
        })
        .collect();
    end(&[pid]);
    samples
}

fn batches() {
    let (mut floors, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        floors.extend(measure("batch", &[100, 500]));
        ours.extend(measure("bus-batch", &[100, 500]));
    }
    let (floor, our) = (quantile(&floors, 0.5), quantile(&ours, 0.5));
    say(&format!("a batch of 100 messages of {PAYLOAD} B and its acknowledgement"));
    say(&format!("  floor  p50 {:6.3} ms", ms(floor)));
    say(&format!("  bus    p50 {:6.3} ms  p99 {:.3} ms  (reach 0.5)", ms(our), ms(quantile(&ours, 0.99))));
    say(&format!("  ratio      {:6.2}", our as f64 / floor as f64));
}

/// Tasks through the whole runtime as its client sees it: protocol, gateway, coordinator, worker and back.
fn whole() {
    let mut swarm = Swarm::launch(json!({"shape": "flat", "workers": 100}));
    let mut single = Vec::new();
    for _ in 0..200 {
        let before = swarm.ledger.order.len();
        let started = Instant::now();
        swarm.send(100, PAYLOAD as u32, Work::Echo {});
        answered(&mut swarm, before + 100);
        single.push(started.elapsed().as_nanos() as u64);
    }
    let mut rates = Vec::new();
    for _ in 0..TURNS {
        let before = swarm.ledger.order.len();
        let started = Instant::now();
        for _ in 0..50 {
            swarm.send(2_000, PAYLOAD as u32, Work::Echo {});
        }
        answered(&mut swarm, before + 100_000);
        rates.push((100_000.0 / started.elapsed().as_secs_f64()) as u64);
    }
    swarm.ledger.assert_clean(PAYLOAD);
    say("the whole runtime, 100 workers, over the protocol, every answer checked");
    say(&format!(
        "  {:10} tasks/s, {} messages/s on the bus",
        quantile(&rates, 0.5),
        4 * quantile(&rates, 0.5)
    ));
    say(&format!("  100 tasks and all their answers  p50 {:.3} ms", ms(quantile(&single, 0.5))));
    swarm.stop();
}

fn answered(swarm: &mut Swarm, count: usize) {
    while swarm.ledger.order.len() < count {
        swarm.until("answers", |r| matches!(r, Report::Answers { .. }));
    }
}
