//! What an ordinary user can break, and that of the rest it is said why not; and victims by the hundred.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use evidence::role::Role;
use scenarios::plan::{Fault, FaultKind, Signal, StormSignal, Victims};

use crate::run::{STAND_IN, copy_program};

/// A user that nobody is.
const NOBODY: u32 = 54_321;
const MIB: u64 = 1 << 20;

/// What became of a fault on the agents of a run that this user has started: `Injected` or `Failed`, whether all
/// is proven and whether it was healed; or the error.
fn tried(user: Option<u32>, kind: FaultKind, on_agents: bool, agents: u32) -> String {
    let dir = tempfile::tempdir().unwrap();
    // Wherever it was built, the other user may not be allowed to look.
    let program = dir.path().join("program");
    copy_program(STAND_IN, &program);
    let victims = Victims { role: Role::Worker, places: Vec::new() };
    let for_ns = if matches!(kind, FaultKind::Kill { .. }) { 0 } else { 60_000_000_000 };
    let fault = Fault::new("one", kind, on_agents.then_some(victims), 0, for_ns);
    let json = serde_json::to_string(&fault).unwrap();
    let mut command = Command::new(program);
    command.args([Path::new("tries"), dir.path(), Path::new(&json), Path::new(&agents.to_string())]);
    if let Some(user) = user {
        std::os::unix::fs::chown(dir.path(), Some(user), Some(user)).unwrap();
        command.uid(user).gid(user);
    }
    let output = command.output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn an_ordinary_user_can_do_what_needs_no_privilege_and_is_told_why_not_the_rest() {
    if !nix::unistd::Uid::effective().is_root() {
        return;
    }
    let works = [
        (FaultKind::Kill { signal: Signal::Kill, then_kill_ns: None }, true),
        (FaultKind::Pause {}, true),
        (FaultKind::Slow { stopped_percent: 50, period_ns: 20_000_000 }, true),
        (FaultKind::Signals { signal: StormSignal::Urg, per_second: 2_000 }, true),
        (FaultKind::MemoryLimit { headroom: 256 * MIB }, true),
        (FaultKind::MemoryHog { bytes: 64 * MIB, reserve: 256 * MIB }, false),
        (FaultKind::Descriptors { limit: None }, true),
        (FaultKind::Descriptors { limit: Some(512) }, true),
        (FaultKind::FileSize { limit: MIB }, true),
        (FaultKind::CpuPin { cpu: 0 }, true),
        (FaultKind::CpuHog { threads: 1 }, false),
    ];
    for (kind, on_agents) in works {
        let what = format!("{kind:?}");
        let said = tried(Some(NOBODY), kind, on_agents, 2);
        assert!(said.starts_with("Injected"), "{what}: {said}");
        assert!(said.ends_with("Healed") || said.ends_with("acts once"), "{what}: {said}");
    }
    let refused = [
        (FaultKind::Freeze {}, true),
        (FaultKind::OutOfMemory { limit: 16 * MIB }, true),
        (FaultKind::Processes { headroom: 10 }, false),
        (FaultKind::CpuQuota { percent: 20 }, false),
    ];
    for (kind, on_agents) in refused {
        let name = kind.name();
        let said = tried(Some(NOBODY), kind, on_agents, 2);
        assert!(said.starts_with(&format!("cannot apply {name}: ")), "{said}");
        assert!(said.contains("not writable for this user; run as root or have it delegated"), "{said}");
    }
}

#[test]
fn processes_that_were_started_to_reach_a_cap_are_gone_with_it() {
    let said = tried(None, FaultKind::Processes { headroom: 20 }, false, 2);
    assert_eq!(said, "Injected, 0 of 1 proven, Healed", "what is refused is counted when it is undone");
}

#[test]
fn victims_may_be_more_than_the_descriptors_that_the_harness_began_with() {
    let said = tried(None, FaultKind::Pause {}, true, 300);
    assert_eq!(said, "Injected, 300 of 300 proven, Healed");
}
