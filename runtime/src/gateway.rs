//! The gateway: the root of a swarm and its only client. It speaks the control protocol, holds every accepted
//! task until it is answered, sends again what a failure swallowed, and gathers rounds.

mod book;
mod client;
mod exits;
mod faults;
mod journal;
mod keeping;
mod launch;
mod members;
mod metrics;
mod news;
mod overseeing;
mod recovery;
mod resend;
mod running;
mod tamper;
mod traffic;
mod wire;

use std::path::PathBuf;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use protocol::{Capability, Command, Report};

use crate::bus::packet_buffer;
use crate::clock::now_ns;
use crate::config::Config;
use crate::poller::{self, Poller, Ready};
use crate::process::{hold, ignore_strays, keep_reserve};

use client::{Client, Incoming};
use running::Running;

/// How long agents may take to end when asked to.
const GRACE_MS: u64 = 2_000;

const INPUT: u64 = 3;
const OUTPUT: u64 = 4;
const SPAWNER: u64 = 5;
const FIRST_LINK: u64 = poller::FIRST_FREE;

/// Speaks the control protocol on standard input and output until it is over; the status to exit with.
pub(crate) fn run(files: Files) -> i32 {
    match Gateway::new(files) {
        Ok(mut gateway) => gateway.live(),
        Err(_) => 70,
    }
}

/// Where the gateway keeps files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
    /// Where metrics are written, if anywhere.
    pub(crate) metrics: Option<PathBuf>,
    /// The directory of the bus; one of its own if none is given.
    pub(crate) bus: Option<PathBuf>,
}

struct Gateway {
    client: Client,
    poller: Poller,
    signals: SignalFd,
    files: Files,
    /// Standard input is a file, which is always ready.
    input_is_file: bool,
    input_open: bool,
    /// No commands are taken while the harness does not read what it is told.
    input_paused: bool,
    output_waits: bool,
    running: Option<Running>,
    /// The status to exit with, once it is decided.
    ended: Option<i32>,
}

impl Gateway {
    fn new(files: Files) -> nix::Result<Self> {
        let client = Client::on_stdio().map_err(|_| nix::Error::EBADF)?;
        let ends: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
        hold(&ends);
        ignore_strays();
        keep_reserve();
        nix::sys::prctl::set_child_subreaper(true)?;
        let poller = Poller::new()?;
        let signals = SignalFd::with_flags(&ends, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        poller.add(&signals, poller::SIGNALS)?;
        let input_is_file = poller.add(client.input(), INPUT).is_err();
        Ok(Self {
            client,
            poller,
            signals,
            files,
            input_is_file,
            input_open: true,
            input_paused: false,
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
            self.on_time(buffer);
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
                Capability::To,
                Capability::Faults,
                Capability::Attach,
            ],
        });
    }

    fn launch(&mut self, config: &serde_json::Value) {
        let result = if self.running.is_some() {
            Err("launch: the swarm is launched already".to_owned())
        } else {
            Config::from_json(config).map_err(|error| error.to_string()).and_then(|config| {
                let Files { metrics, bus } = &self.files;
                Running::launch(config, metrics.as_deref(), bus.as_deref(), &self.poller)
                    .map_err(|error| error.to_string())
            })
        };
        match result {
            Ok(running) => self.running = Some(running),
            Err(message) => self.client.report(&Report::Error { message }),
        }
    }

    fn on_time(&mut self, buffer: &mut [u8]) {
        if let Some(running) = &mut self.running {
            running.read_due(buffer, &self.poller);
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
        if let Some(running) = self.running.as_mut().filter(|_| !waits && !self.client.is_broken()) {
            running.keep_told();
        }
        if self.client.is_broken() && self.input_open {
            self.input_open = false;
            self.end(0, false, 0);
        }
        if self.client.is_behind() != self.input_paused && self.input_open {
            self.input_paused = !self.input_paused;
            self.poller.pause(self.client.input(), INPUT, self.input_paused);
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
        Command::Attach { .. } => "attach",
        Command::Round { .. } => "round",
        Command::Send { .. } => "send",
        Command::Fault { .. } => "fault",
        Command::Heal { .. } => "heal",
        Command::Quiesce {} => "quiesce",
        Command::Drain { .. } => "drain",
        Command::Snapshot {} => "snapshot",
        Command::Stop {} => "stop",
    }
}
