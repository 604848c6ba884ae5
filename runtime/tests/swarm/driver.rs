//! Drives a real swarm over the control protocol, as a harness does, and keeps account of every token.

#![allow(dead_code, reason = "tests and benchmarks each use a part")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "driver/ledger.rs"]
mod ledger;
#[path = "driver/processes.rs"]
mod processes;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command as Process, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use protocol::{Command, Member, Report, Role, Tasks, Work};
use serde_json::Value;

pub(crate) use ledger::Ledger;
#[allow(unused_imports, reason = "tests and benchmarks each use a part")]
pub(crate) use processes::{cpu_ms, descriptors, in_session, set_limit, signal, wait_until};

/// No single wait may take longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running swarm. Dropping it kills the root; nothing must then be left.
pub(crate) struct Swarm {
    pub(crate) root: Child,
    stdin: Option<ChildStdin>,
    reports: Receiver<Report>,
    pub(crate) members: BTreeMap<u32, Member>,
    pub(crate) ledger: Ledger,
    /// Everything else that was told, in order.
    pub(crate) told: Vec<Report>,
    next_token: u64,
    next_round: u64,
    spawner: Option<i32>,
}

impl Swarm {
    /// Starts the program and greets it.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut root = Process::new(env!("CARGO_BIN_EXE_swarm-under-test"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = root.stdin.take();
        let stdout = root.stdout.take().unwrap();
        let (send, reports) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let report = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
                if send.send(report).is_err() {
                    break;
                }
            }
        });
        let mut swarm = Self {
            root,
            stdin,
            reports,
            members: BTreeMap::new(),
            ledger: Ledger::default(),
            told: Vec::new(),
            next_token: 0,
            next_round: 0,
            spawner: None,
        };
        swarm.say(&Command::Hello { protocol: protocol::VERSION, run: "test".into() });
        swarm.until("hello", |report| matches!(report, Report::Hello { .. }));
        swarm
    }

    /// Starts the program and launches this swarm.
    pub(crate) fn launch(config: Value) -> Self {
        Self::launch_with(&[], config)
    }

    pub(crate) fn launch_with(arguments: &[&str], config: Value) -> Self {
        let mut swarm = Self::start(arguments);
        swarm.say(&Command::Launch { config });
        swarm.until("ready", |report| matches!(report, Report::Ready { .. }));
        swarm
    }

    /// Kills the root and launches another swarm at once that is to go on with what this one was asked.
    pub(crate) fn killed_and_launched(self, arguments: &[&str], config: Value) -> Self {
        let mut next = self.killed_and_begun(arguments, config);
        next.until("ready", |report| matches!(report, Report::Ready { .. }));
        next
    }

    /// The same without waiting until it is ready.
    pub(crate) fn killed_and_begun(mut self, arguments: &[&str], config: Value) -> Self {
        self.root.kill().unwrap();
        self.root.wait().unwrap();
        while let Ok(report) = self.reports.recv_timeout(PATIENCE) {
            self.take(report);
        }
        // The next one waits until the processes of this one are gone.
        self.spawner = None;
        let mut next = Self::start(arguments);
        next.ledger = std::mem::take(&mut self.ledger);
        (next.next_token, next.next_round) = (self.next_token, self.next_round);
        next.say(&Command::Launch { config });
        next
    }

    pub(crate) fn say(&mut self, command: &Command) {
        let mut line = serde_json::to_string(command).unwrap();
        line.push('\n');
        self.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Takes in what was told meanwhile.
    pub(crate) fn catch_up(&mut self) {
        while let Ok(report) = self.reports.try_recv() {
            self.take(report);
        }
    }

    /// Waits for something that may have been told already.
    pub(crate) fn until_told(&mut self, what: &str, mut wanted: impl FnMut(&Report) -> bool) {
        if !self.told.iter().any(&mut wanted) {
            self.until(what, wanted);
        }
    }

    /// Takes in reports until one is as wanted, which is returned.
    pub(crate) fn until(&mut self, what: &str, wanted: impl FnMut(&Report) -> bool) -> Report {
        self.until_within(PATIENCE, what, wanted)
    }

    pub(crate) fn until_within(
        &mut self,
        patience: Duration,
        what: &str,
        mut wanted: impl FnMut(&Report) -> bool,
    ) -> Report {
        let end = Instant::now() + patience;
        loop {
            match self.reports.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(report) => {
                    let found = wanted(&report);
                    self.take(report.clone());
                    if found {
                        return report;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!(
                        "no {what} within {patience:?}; lost so far: {:?}; told: {:?}",
                        self.ledger.lost(),
                        self.told
                    )
                }
                Err(RecvTimeoutError::Disconnected) => panic!("the target ended before {what}"),
            }
        }
    }

    fn take(&mut self, report: Report) {
        match &report {
            Report::Ready { members } => {
                self.members = members.iter().map(|m| (m.agent, m.clone())).collect();
                self.spawner = members.first().and_then(|m| processes::parent_of(m.pid));
            }
            Report::Member { member, .. } => {
                self.members.insert(member.agent, member.clone());
            }
            Report::Accepted { first, count, refused } => {
                self.ledger.accepted.extend(*first..*first + u64::from(*count));
                self.ledger.refused += u64::from(*refused);
            }
            Report::Answers { items } => {
                for answer in items {
                    self.ledger.answers.entry(answer.token).or_default().push(*answer);
                    self.ledger.order.push(*answer);
                }
                return;
            }
            Report::Gauge { .. } => return,
            _ => {}
        }
        self.told.push(report);
    }

    pub(crate) fn workers(&self) -> u32 {
        self.members.values().filter(|m| m.role == Role::Worker).count() as u32
    }

    fn tasks(&mut self, count: u32, payload: u32, timeout_ms: u64, work: Work) -> Tasks {
        let first = self.next_token;
        self.next_token += u64::from(count);
        Tasks { first, count, payload, timeout_ms, work }
    }

    /// Begins a round with one task for each worker; its number.
    pub(crate) fn begin_round(&mut self, payload: u32, timeout_ms: u64, work: Work) -> u64 {
        let count = self.workers();
        let tasks = self.tasks(count, payload, timeout_ms, work);
        let round = self.next_round;
        self.next_round += 1;
        self.say(&Command::Round { round, tasks });
        round
    }

    /// Waits for a round's end: delivered, timed out, nanoseconds.
    pub(crate) fn end_round(&mut self, round: u64) -> (u32, u32, u64) {
        match self.until("round", |r| matches!(r, Report::Round { round: n, .. } if *n == round)) {
            Report::Round { delivered, timed_out, elapsed_ns, .. } => (delivered, timed_out, elapsed_ns),
            _ => unreachable!(),
        }
    }

    /// A whole round of echoes; it must be complete. Nanoseconds inside the target.
    pub(crate) fn round(&mut self, payload: u32) -> u64 {
        let round = self.begin_round(payload, 15_000, Work::Echo {});
        let (delivered, timed_out, elapsed_ns) = self.end_round(round);
        assert_eq!((delivered, timed_out), (self.workers(), 0));
        elapsed_ns
    }

    /// Sends single tasks; the first token.
    pub(crate) fn send(&mut self, count: u32, payload: u32, work: Work) -> u64 {
        let tasks = self.tasks(count, payload, 15_000, work);
        let first = tasks.first;
        self.say(&Command::Send { tasks, to: None });
        first
    }

    /// Sends single tasks to one worker; the first token.
    pub(crate) fn send_to(&mut self, count: u32, payload: u32, work: Work, to: u32) -> u64 {
        let tasks = self.tasks(count, payload, 15_000, work);
        let first = tasks.first;
        self.say(&Command::Send { tasks, to: Some(to) });
        first
    }

    /// The drain barrier; what is outstanding behind it.
    pub(crate) fn drain(&mut self, deadline_ms: u64) -> u64 {
        self.say(&Command::Drain { deadline_ms });
        match self.until("drained", |r| matches!(r, Report::Drained { .. })) {
            Report::Drained { outstanding } => outstanding,
            _ => unreachable!(),
        }
    }

    /// All gauges; every one of ours is a count.
    pub(crate) fn gauges(&mut self) -> BTreeMap<String, u64> {
        self.say(&Command::Snapshot {});
        match self.until("snapshot", |r| matches!(r, Report::Snapshot { .. })) {
            Report::Snapshot { gauges } => {
                gauges.into_iter().map(|(name, value)| (name, value as u64)).collect()
            }
            _ => unreachable!(),
        }
    }

    pub(crate) fn pid(&self, agent: u32) -> i32 {
        self.members[&agent].pid as i32
    }

    pub(crate) fn kill(&self, agent: u32) {
        signal(self.pid(agent), nix::libc::SIGKILL);
    }

    pub(crate) fn spawner(&self) -> i32 {
        self.spawner.expect("launched")
    }

    /// Stops it in order: it must say so and exit with 0, and nothing must be left.
    pub(crate) fn stop(mut self) {
        self.say(&Command::Stop {});
        self.until("stopped", |r| *r == Report::Stopped {});
        assert_eq!(self.exit_status(), Some(0));
        self.assert_nothing_left();
    }

    /// The status with which the root ends, by itself.
    pub(crate) fn exit_status(&mut self) -> Option<i32> {
        let mut status = None;
        wait_until("the root ends", || {
            status = self.root.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }

    /// No process of the swarm is alive, soon.
    pub(crate) fn assert_nothing_left(&self) {
        let Some(spawner) = self.spawner else { return };
        wait_until("no process is left", || in_session(spawner).is_empty());
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        let _ = self.root.kill();
        let _ = self.root.wait();
        if !std::thread::panicking() {
            self.assert_nothing_left();
        }
    }
}
