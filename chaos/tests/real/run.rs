//! A run to break: a guardian, a target and its agents, in a directory of their own.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use chaos::journal::{self, Record};
use chaos::process::{Identity, Stat};
use chaos::{Guardian, Journal, TargetCommand, TargetStdio, Victim};
use evidence::event::Level;
use evidence::role::Role;
use scenarios::plan::{Fault, FaultKind, Victims, When};

pub(crate) const STAND_IN: &str = env!("CARGO_BIN_EXE_chaos-stand-in");

/// The time by which anything must have happened; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Run {
    // Before the directory: its end is written there.
    pub(crate) guardian: Option<Guardian>,
    pub(crate) agents: Vec<Identity>,
    pub(crate) journal: Journal,
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
            Guardian::start(&guardian_command(), dir.path(), target(dir.path(), argv)).unwrap();
        let journal = guardian.journal().unwrap();
        let lines = BufReader::new(File::from(stdout));
        let mut run =
            Self { guardian: Some(guardian), agents: Vec::new(), journal, dir, lines, _stdin: stdin };
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
        chaos::inject(&self.guardian().scope(), &self.journal, &fault("one", kind), victims, zero)
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        journal::read(self.dir.path()).unwrap()
    }
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
    Fault {
        id: id.to_owned(),
        kind,
        victims: Victims { role: Role::Worker, places: Vec::new() },
        at_ns: 0,
        when: When::Due {},
        requires: Level::E1,
    }
}

pub(crate) fn identity(pid: u32) -> Identity {
    Identity::of(pid).unwrap().unwrap()
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
