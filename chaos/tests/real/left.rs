//! Nothing is left of a bus directory, a network or a fault in them, whoever is killed at whatever step; and what an
//! ordinary user can have of it.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use chaos::HealReport;
use chaos::journal::{self, By, Record};
use chaos::process::Identity;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use scenarios::plan::{Direction, Enclosure, Fault, FaultKind, FileError, FileOperation};

use crate::enclosure::{INTERCEPTED, SMALL, with_bus, with_hosts};
use crate::run::{copy_program, wait_until};

const ENCLOSED: &str = env!("CARGO_BIN_EXE_chaos-enclosed");
const STEPS: [&str; 6] = ["Prepared", "HalfApplied", "Applied", "Observed", "HalfHealed", "Healed"];

fn cases() -> Vec<(Enclosure, FaultKind)> {
    let operations = vec![FileOperation::Open];
    vec![
        (with_bus(SMALL), FaultKind::DiskFull { leave: 0 }),
        (with_bus(SMALL), FaultKind::InodesFull { leave: 0 }),
        (with_bus(SMALL), FaultKind::ReadOnly {}),
        (
            with_bus(INTERCEPTED),
            FaultKind::FileErrors {
                error: FileError::Eio,
                operations: operations.clone(),
                per_million: 1_000_000,
            },
        ),
        (with_bus(INTERCEPTED), FaultKind::FileDelay { delay_ns: 10_000_000, jitter_ns: 0, operations }),
        (with_hosts(2), FaultKind::NetworkDelay { hosts: Vec::new(), delay_ns: 5_000_000, jitter_ns: 0 }),
        (with_hosts(2), FaultKind::NetworkLoss { hosts: Vec::new(), per_million: 100_000 }),
        (with_hosts(2), FaultKind::NetworkRate { hosts: Vec::new(), bytes_per_second: 1 << 20 }),
        (with_hosts(2), FaultKind::NetworkPartition { hosts: vec![2], direction: Direction::Both }),
    ]
}

/// A harness that was started, as this or another user.
struct Harness {
    child: Child,
    output: BufReader<ChildStdout>,
    dir: tempfile::TempDir,
}

impl Harness {
    fn start(user: Option<u32>, enclosure: &Enclosure, fault: &Fault, step: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut program = PathBuf::from(ENCLOSED);
        if let Some(user) = user {
            // Wherever it was built, the other user may not be allowed to look.
            program = dir.path().join("program");
            copy_program(ENCLOSED, &program);
            std::os::unix::fs::chown(dir.path(), Some(user), Some(user)).unwrap();
        }
        let mut command = Command::new(program);
        command.arg(dir.path());
        for json in [serde_json::to_string(enclosure), serde_json::to_string(fault)] {
            command.arg(json.unwrap());
        }
        command.arg(step).stdout(Stdio::piped());
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output, dir }
    }

    fn says(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn records(&self) -> Vec<Record> {
        journal::read(self.dir.path()).unwrap()
    }

    fn guardian(&self) -> Identity {
        let guarding = |r: &Record| match r {
            Record::Guarding { guardian } => Some(*guardian),
            _ => None,
        };
        self.records().iter().find_map(guarding).unwrap()
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processes of a run: the guardian, its target, and those that serve the target.
fn processes(guardian: Identity) -> Vec<Identity> {
    let pid = guardian.pid;
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let children = children.split_whitespace().map(|pid| crate::run::identity(pid.parse().unwrap()));
    children.chain([guardian]).collect()
}

fn mounts() -> String {
    std::fs::read_to_string("/proc/self/mountinfo").unwrap()
}

/// Namespaces, with what is mounted in them, end with the last process that is in them.
fn assert_nothing_left(harness: &Harness, processes: &[Identity]) {
    wait_until("the guardian has ended", || processes.iter().all(|p| !p.is_alive().unwrap()));
    for guardian in processes {
        let plain = format!("/dev/shm/shakedown-{}-{}", guardian.pid, guardian.starttime);
        assert!(!Path::new(&plain).exists());
    }
    assert!(!harness.dir.path().join("bus").exists());
    assert_eq!(chaos::heal(harness.dir.path()).unwrap(), HealReport::Nothing);
}

fn fault(kind: FaultKind) -> Fault {
    Fault::new("one", kind, None, 0, 3_600_000_000_000)
}

/// Kills a harness at a step; gives the time until its fault was undone.
fn killed_at(step: &str, enclosure: &Enclosure, kind: &FaultKind) -> Option<Duration> {
    let mut harness = Harness::start(None, enclosure, &fault(kind.clone()), step);
    let said = harness.says();
    if said != step {
        // A fault without such a step ran to its end.
        assert_eq!(said, "Injected [Proven] Some(Healed)", "{} at {step}", kind.name());
        return None;
    }
    let processes = processes(harness.guardian());
    assert!(processes.len() >= 2, "the guardian and the target at least");
    harness.child.kill().unwrap();
    let killed = Instant::now();
    let undone = Record::Undone { fault: "one".into(), by: By::Guardian, failed: Vec::new() };
    wait_until("it is undone", || harness.records().contains(&undone));
    let took = killed.elapsed();
    harness.child.wait().unwrap();
    assert_nothing_left(&harness, &processes);
    Some(took)
}

#[test]
fn a_harness_that_is_killed_with_a_fault_in_effect_leaves_nothing() {
    let before = mounts();
    for (enclosure, kind) in cases() {
        assert!(killed_at("Applied", &enclosure, &kind).is_some());
    }
    assert_eq!(mounts(), before);
}

/// Run it with `cargo test -p shakedown-chaos --test real -- --ignored --nocapture every_step`.
#[test]
#[ignore = "takes half a minute; the steps that differ most are in the other tests"]
fn a_harness_that_is_killed_at_every_step_of_every_fault_leaves_nothing() {
    let before = mounts();
    for (enclosure, kind) in cases() {
        let took: Vec<String> = STEPS
            .iter()
            .map(|step| {
                killed_at(step, &enclosure, &kind).map_or_else(|| "–".to_owned(), |t| format!("{t:.1?}"))
            })
            .collect();
        println!("{:20} {}", kind.name(), took.join("  "));
    }
    assert_eq!(mounts(), before);
}

#[test]
fn what_is_left_when_harness_and_guardian_are_killed_is_healed() {
    let everything = Enclosure { network: with_hosts(2).network, ..with_bus(INTERCEPTED) };
    let mut harness = Harness::start(None, &everything, &fault(FaultKind::DiskFull { leave: 0 }), "Applied");
    assert_eq!(harness.says(), "Applied");
    let guardian = harness.guardian();
    let processes = processes(guardian);
    assert_eq!(processes.len(), 4, "the guardian, the target, and one each for files and packets");
    kill(Pid::from_raw(i32::try_from(guardian.pid).unwrap()), Signal::SIGKILL).unwrap();
    harness.kill();
    let healed = chaos::heal(harness.dir.path()).unwrap();
    assert!(healed.is_clean() && healed != HealReport::Nothing, "{healed}");
    assert_nothing_left(&harness, &processes);
}

#[test]
fn a_fault_that_is_overdue_is_undone_although_the_harness_lives() {
    let short = Fault { for_ns: 1, ..fault(FaultKind::DiskFull { leave: 0 }) };
    let mut harness = Harness::start(None, &with_bus(SMALL), &short, "Applied");
    assert_eq!(harness.says(), "Applied");
    let bus = harness.dir.path().join("bus");
    let seen = format!("/proc/{}/root{}", harness.guardian().pid, bus.display());
    assert_eq!(std::fs::read_dir(&seen).unwrap().count(), 1, "what fills it");
    wait_until("it is undone", || std::fs::read_dir(&seen).unwrap().count() == 0);
}

#[test]
fn an_ordinary_user_has_all_that_the_devices_allow_and_the_reason_for_the_rest() {
    const SOMEBODY: u32 = 54_321;
    if !nix::unistd::Uid::effective().is_root() {
        // Then the other tests are this one.
        return;
    }
    let open_to_all = |device: &str| std::fs::metadata(device).is_ok_and(|m| m.mode() & 0o006 == 0o006);
    for (enclosure, kind) in cases() {
        let device = match (&enclosure.bus, &enclosure.network) {
            (Some(bus), _) if bus.intercepted => Some("/dev/fuse"),
            (_, Some(_)) => Some("/dev/net/tun"),
            _ => None,
        };
        let mut harness = Harness::start(Some(SOMEBODY), &enclosure, &fault(kind.clone()), "");
        let said = harness.says();
        match device.filter(|device| !open_to_all(device)) {
            None => assert_eq!(said, "Injected [Proven] Some(Healed)", "{}", kind.name()),
            Some(device) => assert!(
                said.starts_with(&format!(
                    "could not make the bus directory or the network of the target: could not open {device}: "
                )),
                "{said}"
            ),
        }
    }
}
