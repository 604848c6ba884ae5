//! A run to break: a guardian, a target and its agents, in a directory of their own.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use chaos::journal::{self, Record};
use chaos::process::{Identity, Stat};
use chaos::{Guardian, TargetCommand, TargetStdio, Victim};
use evidence::role::Role;
use scenarios::plan::{Enclosure, Fault, FaultKind, Victims};

pub(crate) const STAND_IN: &str = env!("CARGO_BIN_EXE_chaos-stand-in");

/// The time by which anything must have happened; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Run {
    // Before the directory: its end is written there.
    pub(crate) guardian: Option<Guardian>,
    pub(crate) agents: Vec<Identity>,
    pub(crate) dir: tempfile::TempDir,
    lines: BufReader<File>,
    _stdin: std::os::fd::OwnedFd,
}

impl Run {
    /// Starts a stand-in in this role as the target and reads the agents that it names.
    pub(crate) fn of(role: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut argv = vec![STAND_IN.into()];
        argv.extend(role.iter().map(OsString::from));
        let (guardian, TargetStdio { stdin, stdout }) =
            Guardian::start(&guardian_command(), dir.path(), target(dir.path(), argv), &Enclosure::default())
                .unwrap();
        let lines = BufReader::new(File::from(stdout));
        let mut run = Self { guardian: Some(guardian), agents: Vec::new(), dir, lines, _stdin: stdin };
        let line = run.line();
        run.agents = line.split_whitespace().map(|pid| identity(pid.parse().unwrap())).collect();
        run
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line
    }

    pub(crate) fn guardian(&self) -> &Guardian {
        self.guardian.as_ref().unwrap()
    }

    pub(crate) fn victims(&self) -> Vec<Victim> {
        (1..).zip(&self.agents).map(|(agent, process)| victim(agent, *process)).collect()
    }

    pub(crate) fn inject(
        &self,
        kind: FaultKind,
        victims: &[Victim],
    ) -> Result<chaos::Injected, chaos::ChaosError> {
        let zero = chaos::clock::monotonic_ns();
        chaos::inject(&self.guardian().site(zero).unwrap(), &fault("one", kind), victims)
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        journal::read(self.dir.path()).unwrap()
    }
}

/// A copy of a program, made by a process of its own: a file that this process has open for writing would be
/// open in what another test starts just then, and could not be run.
pub(crate) fn copy_program(from: &str, to: &Path) {
    assert!(std::process::Command::new("cp").arg(from).arg(to).status().unwrap().success());
}

pub(crate) fn guardian_command() -> Vec<OsString> {
    vec![STAND_IN.into(), "guardian".into()]
}

pub(crate) fn target(dir: &Path, argv: Vec<OsString>) -> TargetCommand {
    TargetCommand { argv, env: Vec::new(), cwd: None, stderr_file: dir.join("target.log") }
}

pub(crate) fn victim(agent: u32, process: Identity) -> Victim {
    Victim { agent, role: Role::Worker, pid: process.pid, starttime: process.starttime }
}

pub(crate) fn fault(id: &str, kind: FaultKind) -> Fault {
    let for_ns = if kind == (FaultKind::Pause {}) { 60_000_000_000 } else { 0 };
    let victims = Victims { role: Role::Worker, places: Vec::new() };
    Fault::new(id, kind, Some(victims), 0, for_ns)
}

pub(crate) fn identity(pid: u32) -> Identity {
    Identity::of(pid).unwrap().unwrap()
}

pub(crate) fn identity_of(pid: u32) -> Option<Identity> {
    Identity::of(pid).unwrap()
}

pub(crate) fn state(process: Identity) -> Option<char> {
    process.stat().unwrap().filter(Stat::is_alive).map(|stat| char::from(stat.state))
}

/// Waits until it is so; fails the test, saying what it waited for, if it never is.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn assert_none_alive(processes: &[Identity]) {
    let alive: Vec<&Identity> = processes.iter().filter(|p| p.is_alive().unwrap()).collect();
    assert!(alive.is_empty(), "still alive: {alive:?}");
}
