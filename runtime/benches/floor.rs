//! The physical floor: the least that the kernel asks for the same processes and messages, without any runtime.
//!
//! A floor is measured in a fresh process of its own (this benchmark's program, started again with `--floor`),
//! so that its forks start from as little memory as the runtime's spawner does.

#![allow(dead_code, reason = "each benchmark uses a part")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops if it cannot go on"
)]

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

/// The payload of the round, in bytes.
pub(crate) const PAYLOAD: usize = 256;

/// If this process was started to measure a floor: measures it, prints the samples, and ends.
pub(crate) fn run_if_asked() {
    run_if_asked_or(|_, _| None);
}

/// The same, for a benchmark that has measurements of its own to be made in a fresh process.
pub(crate) fn run_if_asked_or(own: impl Fn(&str, &[usize]) -> Option<Vec<u64>>) {
    let arguments: Vec<String> = std::env::args().collect();
    let Some(at) = arguments.iter().position(|a| a == "--floor") else { return };
    let numbers: Vec<usize> = arguments[at + 2..].iter().map(|n| n.parse().unwrap()).collect();
    let samples = match arguments[at + 1].as_str() {
        "spawn" => vec![spawn(numbers[0])],
        "round" => round(&numbers[1..], numbers[0]),
        "writers" => vec![writers(numbers[0], numbers[1])],
        "batch" => batch(numbers[0], numbers[1]),
        other => own(other, &numbers).unwrap(),
    };
    let line: Vec<String> = samples.iter().map(u64::to_string).collect();
    std::io::stdout().write_all(line.join(" ").as_bytes()).unwrap();
    #[expect(clippy::exit, reason = "this process was started for the floor alone")]
    std::process::exit(0);
}

/// Measures a floor in a process of its own: nanoseconds.
pub(crate) fn measure(what: &str, numbers: &[usize]) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--floor", what])
        .args(numbers.iter().map(usize::to_string))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    text.split_whitespace().map(|n| n.parse().unwrap()).collect()
}

/// Forks a child that runs `body` and ends.
pub(crate) fn child(body: impl FnOnce()) -> Pid {
    #[expect(unsafe_code, reason = "fork")]
    // SAFETY: this process has one thread.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            // Nothing is left if the benchmark is stopped.
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).unwrap();
            body();
            #[expect(unsafe_code, reason = "a forked child runs none of its parent's exit handlers")]
            // SAFETY: ends the process.
            unsafe {
                nix::libc::_exit(0)
            }
        }
    }
}

pub(crate) fn pair() -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap()
}

/// Children that are forked, say so, and wait: from the first fork until all have said so.
fn spawn(count: usize) -> u64 {
    let (ours, theirs) = pair();
    let started = Instant::now();
    let pids: Vec<Pid> = (0..count)
        .map(|_| {
            child(|| {
                send(theirs.as_raw_fd(), &[1], MsgFlags::empty()).unwrap();
                nix::unistd::pause();
            })
        })
        .collect();
    let mut byte = [0];
    for _ in 0..count {
        recv(ours.as_raw_fd(), &mut byte, MsgFlags::empty()).unwrap();
    }
    let took = started.elapsed().as_nanos() as u64;
    end(&pids);
    took
}

pub(crate) fn end(pids: &[Pid]) {
    for pid in pids {
        kill(*pid, Signal::SIGKILL).unwrap();
    }
    for pid in pids {
        waitpid(*pid, None).unwrap();
    }
}

/// A tree of processes with so many children on each level; workers at the bottom send back what they get.
/// For each round: from the top's first packet down to the last one up.
fn round(fan_out: &[usize], rounds: usize) -> Vec<u64> {
    let mut children = Inner::fork(fan_out);
    let packet = [7u8; PAYLOAD];
    let samples = (0..rounds)
        .map(|_| {
            let started = Instant::now();
            children.round(&packet);
            started.elapsed().as_nanos() as u64
        })
        .collect();
    drop(std::mem::take(&mut children.links));
    for pid in &children.pids {
        waitpid(*pid, None).unwrap();
    }
    samples
}

/// A process that leads others.
struct Inner {
    links: Vec<OwnedFd>,
    pids: Vec<Pid>,
    epoll: Epoll,
    /// Workers get the payload, those in between a byte.
    leads_workers: bool,
}

impl Inner {
    fn fork(fan_out: &[usize]) -> Self {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
        let mut inner =
            Self { links: Vec::new(), pids: Vec::new(), epoll, leads_workers: fan_out.len() == 1 };
        for place in 0..fan_out[0] {
            let (ours, theirs) = pair();
            let pid = child(|| {
                // What leads to others must not be kept open here: its end would not be noticed.
                inner.links.clear();
                drop(ours.try_clone().map(|_| ()));
                nix::unistd::close(ours.as_raw_fd()).unwrap();
                match &fan_out[1..] {
                    [] => worker(&theirs),
                    below => Self::fork(below).serve(&theirs),
                }
            });
            inner.epoll.add(&ours, EpollEvent::new(EpollFlags::EPOLLIN, place as u64)).unwrap();
            inner.links.push(ours);
            inner.pids.push(pid);
        }
        inner
    }

    fn serve(mut self, up: &OwnedFd) {
        let mut buffer = [0; PAYLOAD];
        let packet = [7u8; PAYLOAD];
        while recv(up.as_raw_fd(), &mut buffer, MsgFlags::empty()).unwrap_or(0) > 0 {
            self.round(&packet);
            send(up.as_raw_fd(), &[1], MsgFlags::empty()).unwrap();
        }
        self.links.clear();
        for pid in &self.pids {
            waitpid(*pid, None).unwrap();
        }
    }

    fn round(&mut self, packet: &[u8]) {
        let packet = if self.leads_workers { packet } else { &packet[..1] };
        for link in &self.links {
            send(link.as_raw_fd(), packet, MsgFlags::empty()).unwrap();
        }
        let mut buffer = [0; PAYLOAD];
        let mut missing = self.links.len();
        let mut events = [EpollEvent::empty(); 256];
        while missing > 0 {
            let n = self.epoll.wait(&mut events, EpollTimeout::NONE).unwrap();
            for event in &events[..n] {
                let link = &self.links[event.data() as usize];
                recv(link.as_raw_fd(), &mut buffer, MsgFlags::empty()).unwrap();
                missing -= 1;
            }
        }
    }
}

fn worker(up: &OwnedFd) {
    let mut buffer = [0; PAYLOAD];
    loop {
        match recv(up.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
            Ok(n) if n > 0 => drop(send(up.as_raw_fd(), &buffer[..n], MsgFlags::MSG_NOSIGNAL)),
            _ => return,
        }
    }
}

/// So many writers that each send so many single packets to one reader: until the last one was read.
fn writers(count: usize, each: usize) -> u64 {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
    let mut links = Vec::new();
    let mut pids = Vec::new();
    for place in 0..count {
        let (ours, theirs) = pair();
        pids.push(child(|| {
            let packet = [7u8; PAYLOAD];
            recv(theirs.as_raw_fd(), &mut [0], MsgFlags::empty()).unwrap();
            for _ in 0..each {
                send(theirs.as_raw_fd(), &packet, MsgFlags::empty()).unwrap();
            }
            nix::unistd::pause();
        }));
        epoll.add(&ours, EpollEvent::new(EpollFlags::EPOLLIN, place as u64)).unwrap();
        links.push(ours);
    }
    let started = Instant::now();
    for link in &links {
        send(link.as_raw_fd(), &[1], MsgFlags::empty()).unwrap();
    }
    let mut buffer = [0; PAYLOAD];
    let mut missing = count * each;
    let mut events = [EpollEvent::empty(); 256];
    while missing > 0 {
        let n = epoll.wait(&mut events, EpollTimeout::NONE).unwrap();
        for event in &events[..n] {
            let link = &links[event.data() as usize];
            while recv(link.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT).is_ok() {
                missing -= 1;
            }
        }
    }
    let took = started.elapsed().as_nanos() as u64;
    end(&pids);
    took
}

/// A packet with so many payloads to another process, and its acknowledgement: for each of so many times.
fn batch(messages: usize, times: usize) -> Vec<u64> {
    let (ours, theirs) = pair();
    let pid = child(|| {
        let mut buffer = vec![0; messages * PAYLOAD];
        while recv(theirs.as_raw_fd(), &mut buffer, MsgFlags::empty()).unwrap() > 0 {
            send(theirs.as_raw_fd(), &[1], MsgFlags::empty()).unwrap();
        }
    });
    let packet = vec![7; messages * PAYLOAD];
    let samples = (0..times)
        .map(|_| {
            let started = Instant::now();
            send(ours.as_raw_fd(), &packet, MsgFlags::empty()).unwrap();
            recv(ours.as_raw_fd(), &mut [0], MsgFlags::empty()).unwrap();
            started.elapsed().as_nanos() as u64
        })
        .collect();
    end(&[pid]);
    samples
}

/// The value below which this share of the samples lies.
pub(crate) fn quantile(samples: &[u64], share: f64) -> u64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// One line of a benchmark's result.
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// Nanoseconds as milliseconds.
pub(crate) fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}
