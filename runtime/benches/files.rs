//! The bus as files, against the least that the file system asks for the same, and what persistence costs.

#[path = "../tests/swarm/driver.rs"]
mod driver;
mod floor;

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Instant;

use driver::Swarm;
use floor::{PAYLOAD, child, end, measure, ms, pair, quantile, say};
use protocol::{Report, Work};
use runtime::bus::{AnswerHead, Link, MAX_PACKET, Mail, Message, PacketReader, Spool, await_packet};
use serde_json::{Value, json};

const TURNS: usize = 5;
const MESSAGES: usize = 100;
const MEMORY: &str = "/dev/shm";

fn main() {
    floor::run_if_asked_or(|what, numbers| match what {
        "file" => Some(one_file(numbers[0])),
        "file-batch" => Some(batch(numbers[0])),
        "letters" => Some(vec![letters(numbers[0] as u32, numbers[1] as u32, numbers[2])]),
        _ => None,
    });
    batches();
    rounds();
    contention();
    persistence();
}

/// A directory in memory that goes with this value.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in(MEMORY).expect("memory holds files")
}

/// What no bus of files can do without: one file with so many payloads is written, renamed, read and removed.
fn one_file(times: usize) -> Vec<u64> {
    let directory = in_memory();
    let (draft, path) = (directory.path().join("draft"), directory.path().join("letter"));
    let bytes = vec![7u8; MESSAGES * PAYLOAD];
    (0..times)
        .map(|_| {
            let started = Instant::now();
            std::fs::write(&draft, &bytes).expect("there is room");
            std::fs::rename(&draft, &path).expect("it is there");
            let read = std::fs::read(&path).expect("it is there");
            std::fs::remove_file(&path).expect("it is there");
            assert_eq!(read.len(), bytes.len());
            started.elapsed().as_nanos() as u64
        })
        .collect()
}

fn by_mail(fd: OwnedFd, spool: &'static Spool, me: u32, peer: u32) -> Link {
    let mut link = Link::by_mail(Mail::new(fd, spool, me), me, 1);
    link.set_peer(peer);
    link
}

fn spool(directory: &Path, shards: u32, agents: u32) -> &'static Spool {
    Box::leak(Box::new(Spool::create(directory, shards, agents).expect("memory holds files")))
}

/// So many messages in a letter, taken apart by another process, and its acknowledgement in another letter.
fn batch(times: usize) -> Vec<u64> {
    let directory = in_memory();
    let spool = spool(directory.path(), 10, 2);
    let (ours, theirs) = pair();
    let pid = child(|| {
        let mut buffer = vec![0; MAX_PACKET];
        let mut link = by_mail(theirs, spool, 1, 0);
        loop {
            match link.await_packet(&mut buffer) {
                Some(0) => return,
                Some(n) => {
                    let sound = PacketReader::new(&buffer[..n]).filter(is_sound).count();
                    AnswerHead { seq: sound as u64, ..AnswerHead::default() }.put_answer(&mut link);
                    link.flush();
                }
                None => {}
            }
        }
    });
    let mut link = by_mail(ours, spool, 0, 1);
    let mut buffer = vec![0; MAX_PACKET];
    let payload = [7u8; PAYLOAD];
    let digest = crc32fast::hash(&payload);
    let samples = (0..times)
        .map(|_| {
            let started = Instant::now();
            for token in 0..MESSAGES as u64 {
                AnswerHead { token, digest, ..AnswerHead::default() }.put_echo(&mut link, &payload);
            }
            link.flush();
            let n = link.await_packet(&mut buffer).expect("an acknowledgement");
            let Some(Message::Answer(head)) = PacketReader::new(&buffer[..n]).next() else {
                panic!("no answer")
            };
            assert_eq!(head.seq as usize, MESSAGES);
            started.elapsed().as_nanos() as u64
        })
        .collect();
    end(&[pid]);
    samples
}

fn is_sound(message: &Message) -> bool {
    let Message::Echo(head, payload) = message else { return false };
    crc32fast::hash(payload) == head.digest
}

fn batches() {
    let (mut floors, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        floors.extend(measure("file", &[500]));
        ours.extend(measure("file-batch", &[500]));
    }
    let (floor, our) = (quantile(&floors, 0.5), quantile(&ours, 0.5));
    say(&format!("a batch of {MESSAGES} messages of {PAYLOAD} B over files, and its acknowledgement"));
    say(&format!("  floor, one such file written, renamed, read, removed  p50 {:6.3} ms", ms(floor)));
    say(&format!(
        "  bus, two letters and two processes  p50 {:6.3} ms  p99 {:.3} ms  (reach 10)",
        ms(our),
        ms(quantile(&ours, 0.99))
    ));
    say(&format!("  ratio  {:6.2}", our as f64 / floor as f64));
}

fn config(agents: (u32, u32), bus: &str, persist: bool) -> Value {
    json!({"shape": "hybrid", "coordinators": agents.0, "workers": agents.1, "bus": bus, "persist": persist})
}

fn launch(directory: &Path, config: Value) -> Swarm {
    let directory = directory.to_str().expect("a plain path");
    Swarm::launch_with(&["--control", "--bus-dir", directory], config)
}

/// So many rounds: nanoseconds inside the runtime.
fn run_rounds(config: Value, rounds: usize) -> Vec<u64> {
    let directory = in_memory();
    let mut swarm = launch(directory.path(), config);
    let samples: Vec<u64> = (0..rounds).map(|_| swarm.round(PAYLOAD as u32)).collect();
    swarm.ledger.assert_clean(PAYLOAD);
    swarm.stop();
    samples[rounds / 10..].to_vec()
}

fn rounds() {
    let (mut sockets, mut files) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        sockets.extend(run_rounds(config((7, 700), "sockets", false), 60));
        files.extend(run_rounds(config((7, 700), "files", false), 60));
    }
    let (socket, file) = (quantile(&sockets, 0.5), quantile(&files, 0.5));
    say("round of 708 agents, 7x100");
    say(&format!("  sockets  p50 {:6.2} ms  p99 {:6.2} ms", ms(socket), ms(quantile(&sockets, 0.99))));
    say(&format!("  files    p50 {:6.2} ms  p99 {:6.2} ms", ms(file), ms(quantile(&files, 0.99))));
    say(&format!("  ratio  {:.2}", file as f64 / socket as f64));
}

/// Processes that each write so many letters, each to another agent: until the last one is done.
fn letters(writers: u32, shards: u32, each: usize) -> u64 {
    let directory = in_memory();
    let spool = spool(directory.path(), shards, writers);
    let (mut starts, mut pids, mut inboxes): (Vec<OwnedFd>, _, Vec<OwnedFd>) =
        (Vec::new(), Vec::new(), Vec::new());
    for writer in 0..writers {
        let ((start, go), (bells, out)) = (pair(), pair());
        pids.push(child(|| {
            let mut link = by_mail(out, spool, writers, writer);
            await_packet(&go, &mut [0]);
            for token in 0..each as u64 {
                AnswerHead { token, ..AnswerHead::default() }.put_echo(&mut link, &[7; PAYLOAD]);
                link.flush();
            }
            nix::unistd::write(&go, &[1]).expect("somebody waits");
            nix::unistd::pause();
        }));
        starts.push(start);
        inboxes.push(bells);
    }
    let started = Instant::now();
    for start in &starts {
        nix::unistd::write(start, &[1]).expect("the writer waits");
    }
    for start in &starts {
        await_packet(start, &mut [0]);
    }
    let took = started.elapsed().as_nanos() as u64;
    assert_eq!(spool.letters().iter().sum::<usize>(), writers as usize * each);
    end(&pids);
    took
}

fn contention() {
    const AGENTS: usize = 500;
    const EACH: usize = 100;
    let (mut flat, mut sharded) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        flat.extend(measure("letters", &[AGENTS, 0, EACH]));
        sharded.extend(measure("letters", &[AGENTS, 10, EACH]));
    }
    let each = |ns: u64| ns as f64 / 1e3 / (AGENTS * EACH) as f64;
    let (flat, sharded) = (quantile(&flat, 0.5), quantile(&sharded, 0.5));
    say(&format!("{AGENTS} processes that each write {EACH} letters"));
    say(&format!("  all in one directory      {:6.2} us a letter", each(flat)));
    say(&format!("  10 shards, one directory an agent  {:6.2} us a letter", each(sharded)));
    say(&format!("  ratio  {:.2}", flat as f64 / sharded as f64));
}

/// 100 tasks and all their answers, seen by the client, so many times.
fn hundreds(config: Value, times: usize) -> Vec<u64> {
    let directory = in_memory();
    let mut swarm = launch(directory.path(), config);
    let mut samples = Vec::new();
    for _ in 0..times {
        let before = swarm.ledger.order.len();
        let started = Instant::now();
        swarm.send(100, PAYLOAD as u32, Work::Echo {});
        while swarm.ledger.order.len() < before + 100 {
            swarm.until("answers", |r| matches!(r, Report::Answers { .. }));
        }
        samples.push(started.elapsed().as_nanos() as u64);
    }
    swarm.stop();
    samples[times / 10..].to_vec()
}

fn persistence() {
    for bus in ["sockets", "files"] {
        let (mut plain, mut kept) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for _ in 0..TURNS {
            for (samples, persist) in [(&mut plain, false), (&mut kept, true)] {
                samples[0].extend(run_rounds(config((7, 700), bus, persist), 60));
                samples[1].extend(hundreds(config((2, 100), bus, persist), 300));
            }
        }
        say(&format!("persistence over {bus}"));
        for (place, what) in ["round of 708 agents", "100 tasks and their answers"].iter().enumerate() {
            let (without, with) = (quantile(&plain[place], 0.5), quantile(&kept[place], 0.5));
            let percent = (with as f64 / without as f64 - 1.0) * 100.0;
            say(&format!(
                "  {what}  p50 without {:6.2} ms  with {:6.2} ms  overhead {percent:+.1} %  (reach 20)",
                ms(without),
                ms(with)
            ));
        }
    }
}
