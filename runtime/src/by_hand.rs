//! A swarm without a harness: launches it, runs some rounds, prints how they went.
//!
//! It drives a gateway over pipes with the control protocol, as any harness would.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, close, dup2_stdin, dup2_stdout, pipe};
use protocol::{Command, Member, Report, Role, Tasks, Work};

use crate::gateway::{self, Files};
use crate::process::fork_child;

/// What to run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) config: serde_json::Value,
    pub(crate) rounds: u64,
    pub(crate) payload: u32,
    pub(crate) kill_at: Option<u64>,
    pub(crate) files: Files,
}

#[derive(Debug, thiserror::Error)]
enum HandError {
    #[error("cannot start the gateway: {0}")]
    Start(nix::Error),
    #[error("the gateway does not take a command: {0}")]
    Write(std::io::Error),
    #[error("{0}")]
    Told(String),
    #[error("the swarm ended before its time")]
    Ended,
}

/// Runs the plan; the status to exit with.
pub(crate) fn run(plan: &Plan) -> i32 {
    match Hand::start(plan).and_then(|mut hand| hand.run(plan)) {
        Ok(()) => 0,
        Err(error) => {
            say(std::io::stderr(), &format!("shakedown swarm: {error}"));
            69
        }
    }
}

/// Somebody who closed our output wants to hear no more.
fn say(mut to: impl Write, line: &str) {
    let _ = writeln!(to, "{line}");
}

struct Hand {
    to: std::fs::File,
    from: BufReader<std::fs::File>,
    gateway: Pid,
    members: Vec<Member>,
}

impl Hand {
    fn start(plan: &Plan) -> Result<Self, HandError> {
        let (their_in, to) = pipe().map_err(HandError::Start)?;
        let (from, their_out) = pipe().map_err(HandError::Start)?;
        let files = plan.files.clone();
        let ours = [to.as_raw_fd(), from.as_raw_fd()];
        let gateway = fork_child(move || become_gateway(&their_in, &their_out, ours, files))
            .map_err(HandError::Start)?;
        let from = BufReader::new(from.into());
        Ok(Self { to: to.into(), from, gateway, members: Vec::new() })
    }

    fn run(&mut self, plan: &Plan) -> Result<(), HandError> {
        self.say(&Command::Hello { protocol: protocol::VERSION, run: "by-hand".into() })?;
        self.say(&Command::Launch { config: plan.config.clone() })?;
        let started_ns = crate::clock::now_ns();
        while self.members.is_empty() {
            if let Report::Ready { members } = self.hear()? {
                self.members = members;
            }
        }
        let took_ms = (crate::clock::now_ns() - started_ns) as f64 / 1e6;
        say(std::io::stdout(), &format!("{} agents ready in {took_ms:.1} ms\n", self.members.len()));
        say(std::io::stdout(), "round  delivered  timed out      ms");
        for round in 0..plan.rounds {
            self.round(round, plan)?;
        }
        self.health()?;
        self.say(&Command::Stop {})?;
        while self.hear()? != (Report::Stopped {}) {}
        // It has said its last word; its status tells nothing more.
        let _ = waitpid(self.gateway, None);
        Ok(())
    }

    fn round(&mut self, round: u64, plan: &Plan) -> Result<(), HandError> {
        let workers = self.members.iter().filter(|member| member.role == Role::Worker).count() as u64;
        let tasks = Tasks {
            first: round * workers,
            count: workers as u32,
            payload: plan.payload,
            timeout_ms: 30_000,
            work: Work::Echo {},
        };
        self.say(&Command::Round { round, tasks })?;
        if plan.kill_at == Some(round) {
            self.kill_coordinator();
        }
        loop {
            match self.hear()? {
                Report::Round { round: ended, delivered, timed_out, elapsed_ns } if ended == round => {
                    let ms = elapsed_ns as f64 / 1e6;
                    let line = format!("{round:>5}  {delivered:>9}  {timed_out:>9}  {ms:>6.2}");
                    say(std::io::stdout(), &line);
                    return Ok(());
                }
                Report::Assigned { from, workers, resent, .. } => {
                    let line = format!(
                        "       coordinator {from} lost: {workers} workers moved, {resent} tasks sent again"
                    );
                    say(std::io::stdout(), &line);
                }
                _ => {}
            }
        }
    }

    fn kill_coordinator(&self) {
        if let Some(victim) = self.members.iter().find(|member| member.role == Role::Coordinator) {
            // It may have died by itself.
            let _ = kill(Pid::from_raw(victim.pid as i32), Signal::SIGKILL);
        }
    }

    fn health(&mut self) -> Result<(), HandError> {
        self.say(&Command::Snapshot {})?;
        loop {
            if let Report::Snapshot { gauges } = self.hear()? {
                say(std::io::stdout(), "\nhealth");
                for (name, value) in gauges {
                    say(std::io::stdout(), &format!("  {name:<18} {value}"));
                }
                return Ok(());
            }
        }
    }

    fn say(&mut self, command: &Command) -> Result<(), HandError> {
        let mut line = serde_json::to_string(command).expect("a command is plain data");
        line.push('\n');
        self.to.write_all(line.as_bytes()).map_err(HandError::Write)
    }

    fn hear(&mut self) -> Result<Report, HandError> {
        let mut line = String::new();
        match self.from.read_line(&mut line) {
            Ok(n) if n > 0 => {}
            _ => return Err(HandError::Ended),
        }
        match serde_json::from_str(&line) {
            Ok(Report::Error { message }) => Err(HandError::Told(message)),
            Ok(report) => Ok(report),
            Err(error) => Err(HandError::Told(error.to_string())),
        }
    }
}

fn become_gateway(input: &OwnedFd, output: &OwnedFd, theirs: [i32; 2], files: Files) -> i32 {
    for fd in theirs {
        // The other side's ends: with them open its end would not be noticed.
        let _ = close(fd);
    }
    if dup2_stdin(input).is_err() || dup2_stdout(output).is_err() {
        return 70;
    }
    gateway::run(files)
}
