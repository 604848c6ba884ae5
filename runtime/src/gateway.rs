//! The gateway: the root of a swarm and its only client. It speaks the control protocol, holds every accepted
//! task until it is answered, sends again what a failure swallowed, and gathers rounds.

mod book;
mod client;
mod exits;
mod launch;
mod members;
mod metrics;
mod news;
mod recovery;
mod tamper;
mod traffic;
mod wire;

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use protocol::{Capability, Command, Report, Tasks};

use crate::bus::{Link, packet_buffer, receive};
use crate::clock::now_ns;
use crate::config::Config;
use crate::poller::{self, Poller, Ready};
use crate::process::hold;
use crate::spawner::{Order, Told};
use crate::swarm::Swarm;

use book::Book;
use client::{Client, Incoming};
use members::Members;
use metrics::Metrics;
use recovery::Recovery;
use tamper::Tamper;

/// How long agents may take to end when asked to.
const GRACE_MS: u64 = 2_000;
/// How long a launch may take.
const LAUNCH_NS: u64 = 60_000_000_000;

const INPUT: u64 = 3;
const OUTPUT: u64 = 4;
const SPAWNER: u64 = 5;
const FIRST_LINK: u64 = poller::FIRST_FREE;

/// Speaks the control protocol on standard input and output until it is over; the status to exit with.
pub(crate) fn run(metrics_file: Option<PathBuf>) -> i32 {
    match Gateway::new(metrics_file) {
        Ok(mut gateway) => gateway.live(),
        Err(_) => 70,
    }
}

struct Gateway {
    client: Client,
    poller: Poller,
    signals: SignalFd,
    metrics_file: Option<PathBuf>,
    /// Standard input is a file, which is always ready.
    input_is_file: bool,
    input_open: bool,
    output_waits: bool,
    running: Option<Running>,
    /// The status to exit with, once it is decided.
    ended: Option<i32>,
}

/// A launched swarm.
struct Running {
    swarm: &'static Swarm,
    spawner: OwnedFd,
    listener: OwnedFd,
    links: Vec<Option<Link>>,
    /// The link to the present leader.
    route: Option<usize>,
    route_full: bool,
    book: Book,
    members: Members,
    recovery: Recovery,
    tamper: Tamper,
    metrics: Metrics,
    answers: Vec<protocol::Answer>,
    reports: Vec<Report>,
    restarts: Vec<(u64, u32)>,
    doubts: Vec<exits::Doubt>,
    /// Executions in epochs that are over.
    effects_past: u64,
    launched_ns: u64,
    ready: bool,
    drain_until: Option<u64>,
    phase: Phase,
    /// All processes are gone.
    gone: bool,
}

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Working,
    /// Asked to end by a signal: what is in hand is finished first.
    Draining {
        until_ns: u64,
    },
    /// The spawner ends the agents.
    Ending {
        /// Whether the harness is told.
        told: bool,
        status: i32,
    },
}

impl Gateway {
    fn new(metrics_file: Option<PathBuf>) -> nix::Result<Self> {
        let client = Client::on_stdio().map_err(|_| nix::Error::EBADF)?;
        let ends: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
        hold(&ends);
        nix::sys::prctl::set_child_subreaper(true)?;
        let poller = Poller::new()?;
        let signals = SignalFd::with_flags(&ends, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        poller.add(&signals, poller::SIGNALS)?;
        let input_is_file = poller.add(client.input(), INPUT).is_err();
        Ok(Self {
            client,
            poller,
            signals,
            metrics_file,
            input_is_file,
            input_open: true,
            output_waits: false,
            running: None,
            ended: None,
        })
    }

    fn live(&mut self) -> i32 {
        let Ok(buffer) = packet_buffer() else { return 70 };
        let mut ready = Vec::new();
        loop {
            let patience_ns = self.patience_ns();
            self.poller.wait(patience_ns, &mut ready);
            if self.input_is_file && self.input_open {
                self.read_input();
            }
            for event in ready.drain(..) {
                self.on_event(event, buffer);
            }
            self.on_time();
            self.pass_on();
            if let Some(status) = self.ended {
                self.client.flush_all();
                return status;
            }
        }
    }

    fn patience_ns(&mut self) -> u64 {
        if self.input_is_file && self.input_open && !self.client.is_behind() {
            return 0;
        }
        let next = self.running.as_mut().map_or(u64::MAX, Running::next_time_ns);
        next.saturating_sub(now_ns())
    }

    fn on_event(&mut self, event: Ready, buffer: &mut [u8]) {
        match event.key {
            INPUT => self.read_input(),
            OUTPUT => {}
            poller::SIGNALS => self.read_signals(),
            key => {
                let Some(running) = &mut self.running else { return };
                match key {
                    SPAWNER => running.read_spawner(buffer),
                    poller::LISTENER => running.take_connections(&self.poller),
                    _ => running.read_link((key - FIRST_LINK) as usize, event.flags, buffer, &self.poller),
                }
            }
        }
    }

    fn read_input(&mut self) {
        if self.client.is_behind() || !self.input_open {
            return;
        }
        for incoming in self.client.read() {
            match incoming {
                Incoming::Command(command) => self.on_command(*command),
                Incoming::Bad(message) => self.client.report(&Report::Error { message }),
                Incoming::End => {
                    self.input_open = false;
                    self.poller.remove(self.client.input());
                    self.end(0, false, 0);
                }
            }
        }
    }

    fn read_signals(&mut self) {
        while let Ok(Some(_)) = self.signals.read_signal() {
            match &mut self.running {
                Some(running) => running.begin_drain(),
                None => self.ended = Some(0),
            }
        }
    }

    /// Ends the swarm; a swarm that is not there has ended already.
    fn end(&mut self, grace_ms: u64, told: bool, status: i32) {
        match &mut self.running {
            Some(running) => running.end(grace_ms, told, status),
            None => {
                if told {
                    self.client.report(&Report::Stopped {});
                }
                self.ended = Some(status);
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Hello { protocol, .. } => self.hello(protocol),
            Command::Launch { config } => self.launch(&config),
            Command::Stop {} => self.end(GRACE_MS, true, 0),
            other => match &mut self.running {
                Some(running) if running.ready => running.on_command(other),
                _ => {
                    let message = format!("{} before the swarm is ready", name_of(&other));
                    self.client.report(&Report::Error { message });
                }
            },
        }
    }

    fn hello(&mut self, version: u32) {
        if version != protocol::VERSION {
            let message = format!(
                "the harness speaks protocol {version}, this target speaks {}; use one of the same release",
                protocol::VERSION
            );
            self.client.report(&Report::Error { message });
            return;
        }
        self.client.report(&Report::Hello {
            protocol: protocol::VERSION,
            name: "shakedown-swarm".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            tells: vec![
                Capability::Members,
                Capability::Recovery,
                Capability::RoundTime,
                Capability::Effects,
                Capability::Gauges,
            ],
        });
    }

    fn launch(&mut self, config: &serde_json::Value) {
        let result = if self.running.is_some() {
            Err("launch: the swarm is launched already".to_owned())
        } else {
            Config::from_json(config).map_err(|error| error.to_string()).and_then(|config| {
                Running::launch(config, self.metrics_file.as_deref(), &self.poller)
                    .map_err(|error| error.to_string())
            })
        };
        match result {
            Ok(running) => self.running = Some(running),
            Err(message) => self.client.report(&Report::Error { message }),
        }
    }

    fn on_time(&mut self) {
        if let Some(running) = &mut self.running {
            running.on_time(now_ns());
        }
    }

    /// Hands over what has come together in this turn: tasks to the leader, reports to the harness.
    fn pass_on(&mut self) {
        if let Some(running) = &mut self.running {
            running.flush_route(&self.poller);
            running.take_reports(|report| self.client.report(report));
            if let Some(status) = running.has_ended() {
                self.ended = Some(status);
            }
        }
        let waits = self.client.flush();
        if self.client.is_broken() && self.input_open {
            self.input_open = false;
            self.end(0, false, 0);
        }
        if waits != self.output_waits {
            self.output_waits = waits;
            if !waits {
                self.poller.remove(self.client.output());
            } else if self.poller.add(self.client.output(), OUTPUT).is_ok() {
                self.poller.wants_out(self.client.output(), OUTPUT, true);
            }
        }
    }
}

fn name_of(command: &Command) -> &'static str {
    match command {
        Command::Hello { .. } => "hello",
        Command::Launch { .. } => "launch",
        Command::Round { .. } => "round",
        Command::Send { .. } => "send",
        Command::Quiesce {} => "quiesce",
        Command::Drain { .. } => "drain",
        Command::Snapshot {} => "snapshot",
        Command::Stop {} => "stop",
    }
}

impl Running {
    fn on_command(&mut self, command: Command) {
        match command {
            Command::Round { round, tasks } => self.take_tasks(&tasks, Some(round)),
            Command::Send { tasks } => self.take_tasks(&tasks, None),
            // It makes no work of its own.
            Command::Quiesce {} => self.reports.push(Report::Quiesced {}),
            Command::Drain { deadline_ms } => {
                self.drain_until = Some(now_ns().saturating_add(deadline_ms.saturating_mul(1_000_000)));
            }
            Command::Snapshot {} => {
                let gauges = self.gauges();
                self.reports.push(Report::Snapshot { gauges });
            }
            Command::Hello { .. } | Command::Launch { .. } | Command::Stop {} => {}
        }
    }

    fn take_tasks(&mut self, tasks: &Tasks, round: Option<u64>) {
        let fault = match self.phase {
            Phase::Working => wire::fault(tasks),
            _ => Some("the swarm is ending".into()),
        };
        let accepted = match &fault {
            None => self.accept(tasks, round),
            Some(_) => 0,
        };
        self.metrics.refused(tasks.count - accepted);
        self.reports.push(Report::Accepted {
            first: tasks.first,
            count: accepted,
            refused: tasks.count - accepted,
        });
        if let Some(fault) = fault {
            let message = format!("tasks from token {} on: {fault}", tasks.first);
            self.reports.push(Report::Error { message });
        }
    }

    /// When there is something to do next, if nothing happens before.
    fn next_time_ns(&mut self) -> u64 {
        let phase = match self.phase {
            Phase::Draining { until_ns } => Some(until_ns),
            _ => None,
        };
        let launch = (!self.ready).then_some(self.launched_ns + LAUNCH_NS);
        let restart = self.restarts.iter().map(|(due, _)| *due).min();
        let times = [
            phase,
            launch,
            restart,
            self.doubts.iter().map(|doubt| doubt.due_ns).min(),
            self.drain_until,
            self.book.next_deadline(),
            self.tamper.next_due(),
            self.metrics.next_ns(),
        ];
        times.into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    fn on_time(&mut self, now: u64) {
        for answer in self.tamper.due(now) {
            self.on_answer(answer, now, false);
        }
        self.book.expire(now);
        self.restart_due(now);
        self.settle_doubts(now);
        if let Phase::Draining { until_ns } = self.phase
            && (self.is_idle() || now >= until_ns)
        {
            self.end(GRACE_MS, true, 0);
        }
        if !self.ready && self.phase == Phase::Working {
            self.check_launch(now);
        }
        if self.metrics.next_ns().is_some_and(|next| now >= next) {
            self.write_metrics(now);
        }
    }

    /// Whether everything accepted was answered.
    fn is_idle(&self) -> bool {
        self.book.len() == 0
    }

    fn begin_drain(&mut self) {
        if self.phase == Phase::Working {
            let until_ns = now_ns() + self.swarm.config.drain_ms * 1_000_000;
            self.phase = Phase::Draining { until_ns };
        }
    }

    fn end(&mut self, grace_ms: u64, told: bool, status: i32) {
        if !matches!(self.phase, Phase::Ending { .. }) {
            self.phase = Phase::Ending { told, status };
            self.order(&Order::End { grace_ms });
        }
    }

    fn order(&self, order: &Order) {
        use nix::sys::socket::{MsgFlags, send};
        // A spawner that is gone is noticed as a hang-up.
        let _ = send(self.spawner.as_raw_fd(), &order.write(), MsgFlags::MSG_NOSIGNAL);
    }

    fn read_spawner(&mut self, buffer: &mut [u8]) {
        match receive(&self.spawner, buffer) {
            None => {}
            Some(0) => self.spawner_gone(),
            Some(n) => {
                for told in Told::read(&buffer[..n]) {
                    match told {
                        Told::Exited(exit) => self.on_exit(&exit),
                        Told::Failed { agent, errno } => self.on_failed_start(agent, errno),
                    }
                }
            }
        }
    }

    /// Everything of this turn, in the order in which the protocol wants it: what was accepted, the answers,
    /// then what they complete.
    fn take_reports(&mut self, mut report: impl FnMut(&Report)) {
        let now = now_ns();
        let drained = self.drain_until.is_some_and(|until| self.is_idle() || now >= until);
        if drained || !matches!(self.phase, Phase::Working) {
            let held = self.tamper.release_all();
            self.answers.extend(held);
        }
        for one in self.reports.drain(..) {
            report(&one);
        }
        for items in self.answers.chunks(4_096) {
            report(&Report::Answers { items: items.to_vec() });
        }
        self.answers.clear();
        for round in self.book.take_ended() {
            self.metrics.on_round(&round);
            report(&round);
        }
        for moved in self.recovery.take_complete() {
            report(&moved);
        }
        if drained {
            self.drain_until = None;
            report(&Report::Drained { outstanding: self.book.len() as u64 + self.book.abandoned });
        }
        if matches!(self.phase, Phase::Ending { told: true, .. }) && self.has_ended().is_some() {
            report(&Report::Stopped {});
        }
    }
}
