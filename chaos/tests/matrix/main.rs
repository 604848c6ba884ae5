//! The harness is killed at each step of each fault, and nothing is left of it.
//!
//! Two steps of each by default; all with `cargo test -p shakedown-chaos --test matrix -- --ignored --nocapture`,
//! which also prints how long after the kill each was undone.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![expect(clippy::print_stdout, reason = "the table is for whoever asks for it")]

#[path = "../real/snapshot.rs"]
mod snapshot;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chaos::HealReport;
use chaos::journal::{self, By, Record};
use chaos::process::Identity;
use evidence::role::Role;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use scenarios::plan::{self, Fault, FaultKind, StormSignal, Victims};

const STAND_IN: &str = env!("CARGO_BIN_EXE_chaos-stand-in");
const STEPS: [&str; 6] = ["Prepared", "HalfApplied", "Applied", "Observed", "HalfHealed", "Healed"];
const PATIENCE: Duration = Duration::from_secs(30);
const MIB: u64 = 1 << 20;

/// Every fault that is done to processes, and whether to agents.
fn catalogue() -> Vec<(FaultKind, bool)> {
    vec![
        (FaultKind::Kill { signal: plan::Signal::Kill, then_kill_ns: None }, true),
        (FaultKind::Kill { signal: plan::Signal::Term, then_kill_ns: Some(20_000_000) }, true),
        (FaultKind::Pause {}, true),
        (FaultKind::Freeze {}, true),
        (FaultKind::Slow { stopped_percent: 80, period_ns: 20_000_000 }, true),
        (FaultKind::Signals { signal: StormSignal::Urg, per_second: 1_000 }, true),
        (FaultKind::MemoryLimit { headroom: 256 * MIB }, true),
        (FaultKind::OutOfMemory { limit: 24 * MIB }, true),
        (FaultKind::MemoryStall { limit: 16 * MIB }, true),
        (FaultKind::MemoryHog { bytes: 128 * MIB, reserve: 512 * MIB }, false),
        (FaultKind::Descriptors { limit: None }, true),
        (FaultKind::Descriptors { limit: Some(512) }, true),
        (FaultKind::Processes { headroom: 20 }, false),
        (FaultKind::CpuPin { cpu: 0 }, false),
        (FaultKind::CpuHog { threads: 2 }, false),
        (FaultKind::CpuQuota { percent: 20 }, false),
        (FaultKind::FileSize { limit: MIB }, true),
    ]
}

fn fault(kind: FaultKind, on_agents: bool, for_ns: u64) -> Fault {
    let victims = Victims { role: Role::Worker, places: Vec::new() };
    Fault::new("one", kind, on_agents.then_some(victims), 0, for_ns)
}

/// A harness in a process of its own that hangs at a step, with a run of two agents.
struct Harness {
    child: Child,
    output: BufReader<ChildStdout>,
    dir: tempfile::TempDir,
}

impl Harness {
    fn start(fault: &Fault, step: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let json = serde_json::to_string(fault).unwrap();
        let mut child = Command::new(STAND_IN)
            .args([Path::new("step"), dir.path(), Path::new(&json), Path::new(step)])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output, dir }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The guardian, the target and the agents, who are there before the fault.
    fn processes(&mut self) -> Vec<Identity> {
        let line = self.line();
        let pids = line.split_whitespace().map(|pid| pid.parse().unwrap());
        pids.map(|pid| Identity::of(pid).unwrap().unwrap()).collect()
    }

    fn records(&self) -> Vec<Record> {
        journal::read(self.dir.path()).unwrap()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_undone(records: &[Record]) -> bool {
    let nothing =
        records.iter().all(|record| !matches!(record, Record::Prepare { undo, .. } if !undo.is_empty()));
    let undone = |record: &Record| matches!(record, Record::Undone { .. });
    nothing || records.iter().any(undone)
}

/// Kills the harness at this step; the result is how long it took until the fault was undone, `None` if the
/// fault has no such step.
fn killed_at(kind: &FaultKind, on_agents: bool, step: &str) -> Option<Duration> {
    let what = format!("{kind:?} at {step}");
    let mut harness = Harness::start(&fault(kind.clone(), on_agents, 60_000_000_000), step);
    let processes = harness.processes();
    harness_goes_on(&harness);
    let reached = harness.line();
    if reached == "over" {
        harness.kill();
        let guardian = processes[0];
        wait_until("the guardian has ended", || !guardian.is_alive().unwrap());
        return None;
    }
    assert_eq!(reached, format!("at {step}"), "{what}");
    let killed = Instant::now();
    harness.kill();
    wait_until(&format!("{what} is undone"), || is_undone(&harness.records()));
    let took = killed.elapsed();
    let guardian = processes[0];
    wait_until("the guardian has ended", || !guardian.is_alive().unwrap());
    nothing_is_left(&what, &processes);
    for record in harness.records() {
        if let Record::Undone { failed, .. } = &record {
            assert!(failed.is_empty(), "{what}: {record:?}");
        }
    }
    let ended =
        matches!(harness.records().last(), Some(Record::Ended { by: By::Guardian, still_alive: 0, .. }));
    assert!(ended, "{what}: {:?}", harness.records().last());
    assert_eq!(chaos::heal(harness.dir.path()).unwrap(), HealReport::Nothing, "{what}");
    Some(took)
}

/// No process of the run, no control group, no process that helped the fault.
fn nothing_is_left(what: &str, processes: &[Identity]) {
    let dead: snapshot::Snapshot =
        processes.iter().map(|p| (format!("{} alive", p.pid), "false".to_owned())).collect();
    // A process that helped ends by itself a moment after the harness.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = snapshot::difference(&dead, &snapshot::of(processes[0], processes));
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "{what}: left behind {left:#?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Every fault at each of these steps, some at the same time.
fn matrix(steps: &[&'static str]) {
    let todo: Vec<(usize, &'static str)> =
        (0..catalogue().len()).flat_map(|at| steps.iter().map(move |step| (at, *step))).collect();
    let todo = Mutex::new(todo);
    let took = Mutex::new(BTreeMap::<usize, Vec<Duration>>::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some((at, step)) = todo.lock().unwrap().pop() else { return };
                    let (kind, on_agents) = &catalogue()[at];
                    if let Some(undone) = killed_at(kind, *on_agents, step) {
                        took.lock().unwrap().entry(at).or_default().push(undone);
                    }
                }
            });
        }
    });
    println!("| fault | kills | undone after, longest | typical |\n|---|---|---|---|");
    for (at, mut times) in took.into_inner().unwrap() {
        times.sort_unstable();
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        let (typical, longest) = (times[times.len() / 2], times[times.len() - 1]);
        println!("| {} | {} | {} | {} |", catalogue()[at].0.name(), times.len(), ms(longest), ms(typical));
    }
}

#[test]
fn a_harness_that_is_killed_in_the_midst_of_a_fault_leaves_nothing() {
    matrix(&["HalfApplied", "Applied"]);
}

/// Run it with `cargo test -p shakedown-chaos --test matrix -- --ignored --nocapture`.
#[test]
#[ignore = "takes a minute; two of the steps are in the test above"]
fn a_harness_that_is_killed_at_any_step_of_a_fault_leaves_nothing() {
    matrix(&STEPS);
}

#[test]
fn a_fault_that_is_overdue_is_taken_back_from_living_processes_although_the_harness_hangs() {
    let kinds = [
        (FaultKind::Pause {}, true),
        (FaultKind::Freeze {}, true),
        (FaultKind::Descriptors { limit: Some(100) }, true),
        (FaultKind::CpuPin { cpu: 0 }, false),
        (FaultKind::CpuQuota { percent: 20 }, false),
    ];
    std::thread::scope(|scope| {
        for (kind, on_agents) in kinds {
            scope.spawn(move || overdue(&kind, on_agents));
        }
    });
}

#[test]
fn what_is_left_when_harness_and_guardian_are_killed_is_undone_later() {
    let kinds = [
        (FaultKind::Freeze {}, true),
        (FaultKind::MemoryStall { limit: 16 * MIB }, true),
        (FaultKind::Processes { headroom: 20 }, false),
        (FaultKind::CpuHog { threads: 1 }, false),
        (FaultKind::Descriptors { limit: None }, true),
    ];
    for (kind, on_agents) in kinds {
        let mut harness = Harness::start(&fault(kind.clone(), on_agents, 60_000_000_000), "Applied");
        let processes = harness.processes();
        harness_goes_on(&harness);
        assert_eq!(harness.line(), "at Applied", "{kind:?}");
        let guardian = processes[0];
        kill(Pid::from_raw(i32::try_from(guardian.pid).unwrap()), Signal::SIGKILL).unwrap();
        wait_until("the guardian is dead", || !guardian.is_alive().unwrap());
        harness.kill();
        let healed = chaos::heal(harness.dir.path()).unwrap();
        let undone = matches!(&healed, HealReport::Healed { undone, failed, .. }
            if *undone == ["one"] && failed.is_empty());
        assert!(undone, "{kind:?}: {healed}");
        nothing_is_left(&format!("{kind:?}"), &processes);
        assert_eq!(chaos::heal(harness.dir.path()).unwrap(), HealReport::Nothing, "{kind:?}");
    }
}

fn overdue(kind: &FaultKind, on_agents: bool) {
    let mut harness = Harness::start(&fault(kind.clone(), on_agents, 1_000_000), "Applied");
    let processes = harness.processes();
    let (guardian, before) = (processes[0], snapshot::of(processes[0], &processes));
    harness_goes_on(&harness);
    assert_eq!(harness.line(), "at Applied", "{kind:?}");
    let bitten = snapshot::of(guardian, &processes);
    assert!(!snapshot::difference(&before, &bitten).is_empty(), "{kind:?} did nothing");
    wait_until(&format!("{kind:?} is undone"), || is_undone(&harness.records()));
    let left = snapshot::difference(&before, &snapshot::of(guardian, &processes));
    assert!(left.is_empty(), "{kind:?}: {left:#?}");
    harness.kill();
    wait_until("the guardian has ended", || !guardian.is_alive().unwrap());
}

/// It waits before the fault, so that what was there before can be read.
fn harness_goes_on(harness: &Harness) {
    let pid = i32::try_from(harness.child.id()).unwrap();
    wait_until("the harness waits", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" T"))
    });
    kill(Pid::from_raw(pid), Signal::SIGCONT).unwrap();
}
