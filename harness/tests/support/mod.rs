//! Short plans, real targets, and what they left behind.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "every test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use evidence::end::End;
use evidence::event::{Edge, Event, Fact, IncidentKind};
use harness::{Finished, HarnessError, Interrupt, Progress, Setup};
use scenarios::plan::{Agents, Phase, Plan, Rounds, SCHEMA, Sample, Target, Work, Workload};
use tokio::sync::{mpsc, watch};

pub const MS: u64 = 1_000_000;

/// A plan for a target that is a program: `hold_ms` of rounds each 50 ms. Everything has far more time than it takes,
/// so that a machine that is slow or busy changes nothing of what comes out.
pub fn plan(command: &[&str], config: serde_json::Value, hold_ms: u64) -> Plan {
    let phase =
        |name: &str, at_ms: u64, ms: u64| Phase { name: name.into(), at_ns: at_ms * MS, length_ns: ms * MS };
    Plan {
        schema: SCHEMA,
        scenario: "test".into(),
        why: "A test.".into(),
        seed: 1,
        rehearsal: None,
        target: Target {
            command: Some(command.iter().map(|s| (*s).to_owned()).collect()),
            config,
            agents: Some(Agents { master: 0, coordinator: 1, worker: 4 }),
            shape: "test".into(),
            enclosure: scenarios::plan::Enclosure::default(),
            ready_within_ms: 60_000,
            stop_within_ms: 60_000,
        },
        workload: Workload {
            rounds: Some(Rounds {
                every_ns: 50 * MS,
                timeout_ns: 30_000 * MS,
                payload: 100,
                work: Work::Echo {},
                open: 100,
                levels: Vec::new(),
            }),
            arrivals: None,
        },
        phases: vec![
            phase("warm_up", 0, 200),
            phase("hold", 200, hold_ms),
            phase("drain", 200 + hold_ms, 60_000),
        ],
        sample: Sample { every_ns: 100 * MS, slow_every_ns: 500 * MS },
        faults: Vec::new(),
        soak: scenarios::plan::Soak::default(),
        gates: Vec::new(),
    }
}

/// The path of a file of the repository.
pub fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).display().to_string()
}

/// A plan for the scripted target, which misbehaves as its config says.
pub fn scripted(config: serde_json::Value, hold_ms: u64) -> Plan {
    plan(&["python3", &repository("harness/tests/support/scripted_target.py")], config, hold_ms)
}

/// A run in a directory of its own.
pub struct Trial {
    pub dir: tempfile::TempDir,
    pub outcome: Result<Finished, HarnessError>,
}

impl Trial {
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn end(&self) -> End {
        End::read(self.path()).unwrap().expect("the run has a last record")
    }

    pub fn events(&self) -> Vec<Event> {
        evidence::event::read(self.path()).unwrap()
    }

    /// The incidents beside outages: any machine that is busy enough answers nothing for three sampling intervals,
    /// and that is an outage. When one is told is for the tests of the dispatcher, whose clock stands still.
    pub fn incidents(&self) -> Vec<String> {
        self.incidents_by(|_| true)
    }

    /// Those of them that no fault of the plan explains.
    pub fn unplanned(&self) -> Vec<String> {
        self.incidents_by(|fault| fault.is_none())
    }

    fn incidents_by(&self, wanted: impl Fn(&Option<String>) -> bool) -> Vec<String> {
        self.events()
            .into_iter()
            .filter_map(|e| match e.fact {
                Fact::Incident { kind: IncidentKind::Outage, .. } => None,
                Fact::Incident { what, edge: Edge::Begin, fault, .. } if wanted(&fault) => Some(what),
                _ => None,
            })
            .collect()
    }

    /// What the user would be told.
    pub fn error(&self) -> String {
        self.outcome.as_ref().map_or_else(ToString::to_string, |finished| format!("no error: {finished:?}"))
    }
}

/// Runs a plan and asserts that nothing of it is alive afterwards.
pub fn run(plan: Plan) -> Trial {
    run_with(plan, |_, _| async {})
}

/// The same while something else happens: `meanwhile` gets the run directory and a way to interrupt.
pub fn run_with<F>(plan: Plan, meanwhile: impl FnOnce(PathBuf, mpsc::Sender<Interrupt>) -> F) -> Trial
where
    F: Future<Output = ()>,
{
    let dir = tempfile::tempdir().unwrap();
    let outcome = run_in(dir.path(), plan, meanwhile);
    assert_nothing_is_left(dir.path());
    Trial { dir, outcome }
}

pub fn run_in<F>(
    dir: &Path,
    plan: Plan,
    meanwhile: impl FnOnce(PathBuf, mpsc::Sender<Interrupt>) -> F,
) -> Result<Finished, HarnessError>
where
    F: Future<Output = ()>,
{
    let setup = Setup {
        run_dir: dir.to_path_buf(),
        scenario_text: "name: test\n".into(),
        run_id: "test-run".into(),
        command: vec!["test".into()],
        bundled: Vec::new(),
        guardian: vec![env!("CARGO_BIN_EXE_guardian-under-test").into()],
        fingerprint: "0".repeat(64),
        certificate: std::path::PathBuf::from("no-certificate"),
        version: "0".into(),
        binary: String::new(),
        started_wall: "2026-01-01T00:00:00Z".into(),
    };
    let (interrupter, interrupts) = mpsc::channel(4);
    let (observer, _watched) = watch::channel(Progress::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let run = harness::run(plan, setup, observer, interrupts);
        let (outcome, ()) = tokio::join!(run, meanwhile(dir.to_path_buf(), interrupter));
        outcome
    })
}

/// Waits until a line of the history holds this text.
pub async fn until_event(run: &Path, text: &str) {
    let events = || std::fs::read_to_string(run.join("events.jsonl")).unwrap_or_default();
    until(&format!("an event with {text}"), || events().contains(text)).await;
}

/// Waits until it is so.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "waited a minute for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// No process has the run directory on its command line or in its working files.
pub fn assert_nothing_is_left(run: &Path) {
    let wanted = run.display().to_string();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        assert!(!line.contains(&wanted), "still alive: {line}");
    }
}
