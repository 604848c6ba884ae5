//! Nothing is left behind, whoever is killed when.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use chaos::HealReport;
use chaos::journal::{self, By, Record, Undo};
use chaos::process::Identity;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::run::{STAND_IN, assert_none_alive, state, wait_until};

/// A harness in a process of its own that has got as far as a step.
struct Harness {
    child: Child,
    output: BufReader<ChildStdout>,
    dir: tempfile::TempDir,
}

impl Harness {
    fn at(step: &str) -> Self {
        let mut harness = Self::started(step);
        let mut line = String::new();
        harness.output.read_line(&mut line).unwrap();
        assert_eq!(line, format!("at {step}\n"));
        harness
    }

    fn started(step: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(STAND_IN)
            .args([Path::new("harness"), dir.path(), Path::new(step)])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output, dir }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn records(&self) -> Vec<Record> {
        journal::read(self.dir.path()).unwrap()
    }

    fn guardian(&self) -> Identity {
        find(&self.records(), |r| match r {
            Record::Guarding { guardian } => Some(*guardian),
            _ => None,
        })
    }

    fn target(&self) -> Identity {
        find(&self.records(), |r| match r {
            Record::Launched { target } => Some(*target),
            _ => None,
        })
    }

    /// The agents: the target starts them and nothing else.
    fn agents(&self) -> Vec<Identity> {
        let target = self.target().pid;
        let children = std::fs::read_to_string(format!("/proc/{target}/task/{target}/children")).unwrap();
        children.split_whitespace().map(|pid| crate::run::identity(pid.parse().unwrap())).collect()
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn find<T>(records: &[Record], wanted: impl Fn(&Record) -> Option<T>) -> T {
    records.iter().find_map(wanted).unwrap_or_else(|| panic!("not in {records:?}"))
}

fn signal(process: Identity, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(process.pid).unwrap()), signal).unwrap();
}

#[test]
fn a_harness_that_is_killed_at_any_step_of_any_fault_leaves_nothing() {
    // Step, what the guardian has to undo, processes that are alive when the harness is killed (`None` where
    // some may still be dying).
    let steps = [
        ("idle", false, Some(4)),
        ("kill_prepared", false, Some(4)),
        ("kill_signalled", false, None),
        ("kill_applied", false, Some(1)),
        ("pause_prepared", true, Some(4)),
        ("pause_signalled", true, Some(4)),
        ("pause_applied", true, Some(4)),
        ("pause_continued", true, Some(4)),
    ];
    for (step, undoes, alive) in steps {
        let mut harness = Harness::at(step);
        let (guardian, target, agents) = (harness.guardian(), harness.target(), harness.agents());
        harness.kill();
        wait_until("the guardian has ended", || !guardian.is_alive().unwrap());
        assert_none_alive(&agents);
        assert_none_alive(&[target]);
        let records = harness.records();
        let undone = Record::Undone { fault: "one".into(), by: By::Guardian, failed: Vec::new() };
        assert_eq!(records.contains(&undone), undoes, "{step}: {records:?}");
        let Some(Record::Ended { by: By::Guardian, left_behind, still_alive: 0 }) = records.last() else {
            panic!("{step}: {records:?}");
        };
        assert!(alive.is_none_or(|alive| alive == *left_behind), "{step}: {left_behind} were alive");
        assert_eq!(chaos::heal(harness.dir.path()).unwrap(), HealReport::Nothing, "{step}");
    }
}

#[test]
fn a_harness_that_is_killed_in_the_midst_of_injecting_and_healing_leaves_nothing() {
    for delay in [0, 1, 2, 3, 5, 8, 13, 21] {
        let mut harness = Harness::at("churn");
        let (guardian, target, agents) = (harness.guardian(), harness.target(), harness.agents());
        // Not a wait for anything: another moment to be killed at.
        std::thread::sleep(Duration::from_micros(delay * 1_370));
        harness.kill();
        wait_until("the guardian has ended", || !guardian.is_alive().unwrap());
        assert_none_alive(&agents);
        assert_none_alive(&[target]);
        assert_eq!(chaos::heal(harness.dir.path()).unwrap(), HealReport::Nothing);
    }
}

#[test]
fn a_harness_that_is_killed_while_it_starts_leaves_nothing() {
    for delay in [0, 1, 2, 3, 4, 6, 8, 12] {
        let mut harness = Harness::started("idle");
        std::thread::sleep(Duration::from_millis(delay));
        harness.kill();
        let run = harness.dir.path();
        if !evidence::layout::JOURNAL.within(run).exists() {
            continue;
        }
        wait_until("nothing of the run is alive", || {
            let mark = format!("--run\0{}\0", run.display());
            let named = |pid: &str| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            !std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
                let line = named(&entry.file_name().to_string_lossy());
                String::from_utf8_lossy(&line).contains(&mark)
            })
        });
        let records = harness.records();
        let launched = records.iter().any(|r| matches!(r, Record::Launched { .. }));
        assert_eq!(launched, records.iter().any(|r| matches!(r, Record::Ended { .. })), "{records:?}");
        assert_eq!(chaos::heal(run).unwrap(), HealReport::Nothing);
    }
}

#[test]
fn an_overdue_fault_is_undone_although_the_harness_lives() {
    let mut harness = Harness::at("pause_overdue");
    let agents = harness.agents();
    assert!(agents.iter().all(|a| state(*a) == Some('T')));
    let undone = Record::Undone { fault: "one".into(), by: By::Guardian, failed: Vec::new() };
    wait_until("the guardian has undone it", || harness.records().contains(&undone));
    assert!(agents.iter().all(|a| state(*a).is_some_and(|state| state != 'T')));
    assert!(harness.child.try_wait().unwrap().is_none(), "the harness is still there");
    let guardian = harness.guardian();
    harness.kill();
    wait_until("the guardian has ended", || !guardian.is_alive().unwrap());
}

#[test]
fn when_the_guardian_is_killed_the_harness_heals_and_ends_everything() {
    let mut harness = Harness::started("guardian_killed");
    let mut said = String::new();
    harness.output.read_to_string(&mut said).unwrap();
    let guardian = harness.guardian().pid;
    assert_eq!(
        said,
        format!(
            "Healed, Ended {{ left_behind: 4, still_alive: 0 }}, \
             refused to apply a fault: the guardian (process {guardian}) is gone, nobody would undo it\n"
        )
    );
    assert!(harness.child.wait().unwrap().success());
    assert_none_alive(&[harness.target()]);
    let paused = find(&harness.records(), |record| match record {
        Record::Prepare { undo, .. } => Some(undo.clone()),
        _ => None,
    });
    let process = |undo: &Undo| match undo {
        Undo::Continue { process } => *process,
        other => panic!("{other:?} does not undo a pause"),
    };
    assert_none_alive(&paused.iter().map(process).collect::<Vec<_>>());
}

#[test]
fn what_is_left_when_both_are_killed_can_be_healed_later() {
    let mut harness = Harness::at("pause_applied");
    let run = harness.dir.path().to_path_buf();
    let (guardian, target, agents) = (harness.guardian(), harness.target(), harness.agents());
    let running = HealReport::Running { harness: harness.child.id() };
    assert_eq!(chaos::heal(&run).unwrap(), running);
    signal(guardian, Signal::SIGKILL);
    wait_until("the guardian is dead", || !guardian.is_alive().unwrap());
    harness.kill();
    assert!(agents.iter().all(|a| state(*a) == Some('T')), "nobody was there to undo it");
    let healed = HealReport::Healed { undone: vec!["one".into()], ended: 4, failed: Vec::new() };
    assert_eq!(chaos::heal(&run).unwrap(), healed);
    assert_none_alive(&agents);
    assert_none_alive(&[target]);
    assert_eq!(chaos::heal(&run).unwrap(), HealReport::Nothing);
}

#[test]
fn a_guardian_that_was_stopped_is_let_finish_its_work() {
    let mut harness = Harness::at("pause_applied");
    let (guardian, target, agents) = (harness.guardian(), harness.target(), harness.agents());
    signal(guardian, Signal::SIGSTOP);
    wait_until("the guardian is stopped", || state(guardian) == Some('T'));
    harness.kill();
    // It may have ended everything by itself or found that somebody else is at it; nothing is left.
    assert!(chaos::heal(harness.dir.path()).unwrap().is_clean());
    assert_none_alive(&agents);
    assert_none_alive(&[guardian, target]);
    let ended = Record::Ended { by: By::Guardian, left_behind: 4, still_alive: 0 };
    assert_eq!(harness.records().last(), Some(&ended));
}
