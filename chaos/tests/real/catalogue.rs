//! Each kind of fault bites, is undone, and is not proven where it was only claimed.

use std::time::Duration;

use chaos::process::Identity;
use chaos::{Healed, Injected, Victim};
use evidence::event::{FaultStep, Proof, Victim as Evidence};
use evidence::role::Role;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use scenarios::plan::{Fault, FaultKind, Signal, StormSignal, Victims};

use crate::run::{Run, assert_none_alive, wait_until};
use crate::snapshot;

const MIB: u64 = 1 << 20;

/// How long a fault acts.
const WINDOW: Duration = Duration::from_millis(350);

fn fault(kind: FaultKind, on_agents: bool, pretend: bool) -> Fault {
    let victims = Victims { role: Role::Worker, places: Vec::new() };
    Fault { pretend, ..Fault::new("one", kind, on_agents.then_some(victims), 0, 60_000_000_000) }
}

fn inject(run: &Run, fault: &Fault, victims: &[Victim]) -> Injected {
    let site = run.guardian().site(chaos::clock::monotonic_ns()).unwrap();
    chaos::inject(&site, fault, victims).unwrap()
}

/// What a fault came to in the end, with everything that was read.
fn proofs(injected: &[Evidence], healed: Option<&Healed>) -> Vec<Proof> {
    let observed = healed.map(|h| h.observed.as_slice()).filter(|o| !o.is_empty());
    observed.unwrap_or(injected).iter().map(|v| v.proof).collect()
}

/// Everything is as it was. A process that helped ends with the one that started it, but is buried by whoever adopted it:
/// for a harness, which adopts, that is before it is healed, here it may be a moment after.
fn assert_as_before(before: &snapshot::Snapshot, guardian: Identity, all: &[Identity]) {
    let left = || snapshot::difference(before, &snapshot::of(guardian, all));
    wait_until("those that helped are gone", || {
        !left().iter().all(|l| l.starts_with("aide ")) || left().is_empty()
    });
    let left = left();
    assert!(left.is_empty(), "left behind: {left:#?}");
}

fn everybody(run: &Run) -> Vec<Identity> {
    let mut all = run.agents.clone();
    all.extend([run.guardian().target(), run.guardian().identity()]);
    all
}

/// Applies the fault, lets it act, heals it, and compares the host with what it was; then claims it only.
fn bites_and_is_undone(kind: FaultKind, on_agents: bool) {
    let run = Run::of(&["lively", "2"]);
    let (guardian, all) = (run.guardian().identity(), everybody(&run));
    let before = snapshot::of(guardian, &all);

    let injected = inject(&run, &fault(kind.clone(), on_agents, false), &run.victims());
    assert_eq!(injected.step, FaultStep::Injected, "{injected:#?}");
    std::thread::sleep(WINDOW);
    let healed = injected.guard.unwrap().heal();
    let proven = proofs(&injected.victims, Some(&healed));
    let seen = (&injected.victims, &healed);
    assert!(!proven.is_empty() && proven.iter().all(|p| *p == Proof::Proven), "{seen:#?}");
    assert_eq!((healed.step, healed.why.as_deref()), (FaultStep::Healed, None), "{healed:#?}");
    assert_as_before(&before, guardian, &all);

    let claimed = inject(&run, &fault(kind, on_agents, true), &run.victims());
    std::thread::sleep(WINDOW);
    let healed = claimed.guard.map(chaos::Guard::heal);
    let proven = proofs(&claimed.victims, healed.as_ref());
    let seen = (&claimed.victims, &healed);
    assert!(!proven.is_empty() && proven.iter().all(|p| *p != Proof::Proven), "{seen:#?}");
    assert_as_before(&before, guardian, &all);
}

macro_rules! bites {
    ($($name:ident: $kind:expr, $on_agents:expr;)*) => {$(
        #[test]
        fn $name() {
            bites_and_is_undone($kind, $on_agents);
        }
    )*};
}

bites! {
    pausing_is_proven_and_undone: FaultKind::Pause {}, true;
    freezing_is_proven_and_undone: FaultKind::Freeze {}, true;
    slowness_is_proven_and_undone: FaultKind::Slow { stopped_percent: 80, period_ns: 50_000_000 }, true;
    a_storm_of_signals_is_proven_and_ends: FaultKind::Signals { signal: StormSignal::Urg, per_second: 2_000 }, true;
    a_limit_of_memory_is_proven_and_raised: FaultKind::MemoryLimit { headroom: 256 * MIB }, true;
    used_up_descriptors_are_proven_and_given_back: FaultKind::Descriptors { limit: None }, true;
    a_limit_of_descriptors_is_proven_and_raised: FaultKind::Descriptors { limit: Some(512) }, true;
    a_limit_of_file_sizes_is_proven_and_raised: FaultKind::FileSize { limit: MIB }, true;
    a_memory_stall_is_proven_and_ends: FaultKind::MemoryStall { limit: 16 * MIB }, true;
    a_memory_hog_is_proven_and_ends: FaultKind::MemoryHog { bytes: 512 * MIB, reserve: 512 * MIB }, false;
    a_cap_on_processes_is_proven_and_removed: FaultKind::Processes { headroom: 20 }, false;
    one_cpu_for_agents_is_proven_and_undone: FaultKind::CpuPin { cpu: 0 }, true;
    one_cpu_for_the_target_is_proven_and_undone: FaultKind::CpuPin { cpu: 1 }, false;
    busy_cpus_are_proven_and_freed: FaultKind::CpuHog { threads: 2 }, false;
    a_quota_of_cpu_time_is_proven_and_removed: FaultKind::CpuQuota { percent: 5 }, true;
    a_quota_for_the_target_is_proven_and_removed: FaultKind::CpuQuota { percent: 5 }, false;
}

#[test]
fn out_of_memory_the_kernel_ends_the_victim_and_nothing_is_left() {
    let run = Run::of(&["lively", "2"]);
    let (guardian, all) = (run.guardian().identity(), everybody(&run));
    let before = snapshot::of(guardian, &all);
    let kind = FaultKind::OutOfMemory { limit: 24 * MIB };
    let once = |pretend| Fault { for_ns: 0, ..fault(kind.clone(), true, pretend) };

    let claimed = inject(&run, &once(true), &run.victims()[..1]);
    assert!(claimed.victims[0].proof != Proof::Proven && claimed.guard.is_none(), "{claimed:#?}");
    assert_as_before(&before, guardian, &all);

    let injected = inject(&run, &once(false), &run.victims()[..1]);
    assert_eq!(
        (injected.step, injected.victims[0].proof),
        (FaultStep::Injected, Proof::Proven),
        "{injected:#?}"
    );
    assert!(injected.guard.is_none(), "it acts once");
    assert_none_alive(&all[..1]);
    let left = snapshot::difference(&snapshot::of(guardian, &all[1..]), &{
        let mut before = before;
        before.retain(|name, _| !name.starts_with(&format!("{} ", all[0].pid)) && !name.ends_with(" CPUs"));
        let now = snapshot::of(guardian, &all[1..]);
        before.extend(now.into_iter().filter(|(name, _)| name.ends_with(" CPUs")));
        before
    });
    assert!(left.is_empty(), "left behind: {left:#?}");
}

#[test]
fn who_does_not_end_when_asked_is_killed_after_that() {
    let run = Run::of(&["stubborn"]);
    let kind = FaultKind::Kill { signal: Signal::Term, then_kill_ns: Some(50_000_000) };
    let injected = inject(&run, &fault(kind, true, false), &run.victims());
    assert_eq!(
        (injected.step, injected.victims[0].proof),
        (FaultStep::Injected, Proof::Proven),
        "{injected:#?}"
    );
    let found: Vec<&str> = injected.victims[0].readings.iter().map(|r| r.found.as_str()).collect();
    assert_eq!(found, ["SIGTERM taken", "alive 50ms after SIGTERM", "SIGKILL taken", "exited", "signal 9"]);
}

#[test]
fn each_signal_that_ends_a_process_is_told_by_its_number() {
    for (signal, number) in [(Signal::Segv, 11), (Signal::Abort, 6), (Signal::Term, 15), (Signal::Kill, 9)] {
        let run = Run::of(&["target", "1"]);
        let kind = FaultKind::Kill { signal, then_kill_ns: None };
        let injected = inject(&run, &fault(kind, true, false), &run.victims());
        assert_eq!(injected.victims[0].proof, Proof::Proven, "{injected:#?}");
        assert_eq!(injected.victims[0].readings.last().unwrap().found, format!("signal {number}"));
    }
}

#[test]
fn a_signal_that_the_kernel_does_not_deliver_is_no_fault() {
    let run = Run::of(&["target", "1"]);
    let kind = FaultKind::Signals { signal: StormSignal::Winch, per_second: 1_000 };
    let injected = inject(&run, &fault(kind, true, false), &run.victims());
    assert_eq!((injected.step, injected.victims[0].proof), (FaultStep::Failed, Proof::Mismatch));
    assert!(injected.guard.is_none(), "it was ended at once");
}

#[test]
fn a_signal_that_waited_before_the_storm_is_no_evidence_of_it() {
    let run = Run::of(&["lively", "1"]);
    let pid = Pid::from_raw(run.agents[0].pid.try_into().unwrap());
    // Stopped, it takes none.
    for signal in [nix::sys::signal::Signal::SIGSTOP, nix::sys::signal::Signal::SIGURG] {
        nix::sys::signal::kill(pid, signal).unwrap();
    }
    let kind = FaultKind::Signals { signal: StormSignal::Urg, per_second: 1_000 };
    let claimed = inject(&run, &fault(kind, true, true), &run.victims());
    assert_eq!(claimed.victims[0].proof, Proof::Unproven, "{claimed:#?}");
    assert!(claimed.victims[0].readings.iter().any(|r| r.found == "pending before the first was sent"));
}

#[test]
fn what_would_leave_the_host_too_little_is_refused() {
    let run = Run::of(&["target", "1"]);
    let site = run.guardian().site(0).unwrap();
    for (kind, on_agents, says) in [
        (
            FaultKind::MemoryHog { bytes: 1 << 50, reserve: 0 },
            false,
            "would leave less than the reserve of 0",
        ),
        (FaultKind::OutOfMemory { limit: 1 << 50 }, true, "choose a smaller limit or fewer victims"),
        (FaultKind::Processes { headroom: 1 << 30 }, false, "choose a smaller headroom"),
        (FaultKind::CpuPin { cpu: 4_000 }, true, "there is no CPU 4000 among"),
    ] {
        let refused = chaos::inject(&site, &fault(kind, on_agents, false), &run.victims()).unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
    }
}

#[test]
fn a_process_that_was_on_that_cpu_before_stays_there() {
    let run = Run::of(&["lively", "2"]);
    let (guardian, all) = (run.guardian().identity(), everybody(&run));
    let mut cpus = CpuSet::new();
    cpus.set(1).unwrap();
    sched_setaffinity(Pid::from_raw(all[0].pid.try_into().unwrap()), &cpus).unwrap();
    let before = snapshot::of(guardian, &all);
    let injected = inject(&run, &fault(FaultKind::CpuPin { cpu: 1 }, false, false), &[]);
    let healed = injected.guard.unwrap().heal();
    assert_eq!((healed.step, healed.why.as_deref()), (FaultStep::Healed, None), "{healed:#?}");
    assert_as_before(&before, guardian, &all);
}

#[test]
fn two_faults_of_one_kind_are_both_undone_whichever_is_healed_first() {
    let pairs = [
        (FaultKind::Descriptors { limit: Some(512) }, FaultKind::Descriptors { limit: Some(100) }),
        (FaultKind::CpuPin { cpu: 0 }, FaultKind::CpuPin { cpu: 0 }),
        (FaultKind::Freeze {}, FaultKind::Freeze {}),
    ];
    for (first, second) in pairs {
        let run = Run::of(&["lively", "1"]);
        let (guardian, all) = (run.guardian().identity(), everybody(&run));
        let before = snapshot::of(guardian, &all);
        let named =
            |id: &str, kind: &FaultKind| Fault { id: id.to_owned(), ..fault(kind.clone(), true, false) };
        let older = inject(&run, &named("older", &first), &run.victims());
        let younger = inject(&run, &named("younger", &second), &run.victims());
        for guard in [older.guard, younger.guard] {
            assert_eq!(guard.unwrap().heal().step, FaultStep::Healed, "{first:?}");
        }
        assert_as_before(&before, guardian, &all);
    }
}
