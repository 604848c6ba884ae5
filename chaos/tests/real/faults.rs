//! Kill and pause, with what is read back.

use std::process::Command;

use evidence::event::{FaultStep, Level, Proof, Victim};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use scenarios::plan::{self, FaultKind};

use crate::run::{Run, assert_none_alive, identity, state, victim, wait_until};
use chaos::journal::Record;

const KILL: FaultKind = FaultKind::Kill { signal: plan::Signal::Kill, then_kill_ns: None };
const TERM: FaultKind = FaultKind::Kill { signal: plan::Signal::Term, then_kill_ns: None };
const PAUSE: FaultKind = FaultKind::Pause {};

/// Source, expectation and finding of what was read back, without the times and without the sending.
fn readings(victim: &Victim) -> Vec<String> {
    let read_back = victim.readings.iter().filter(|r| r.level > Level::E0);
    read_back.map(|r| format!("{}: {} / {}", r.source, r.expected, r.found)).collect()
}

fn proofs(victims: &[Victim]) -> Vec<(u32, Proof)> {
    victims.iter().map(|v| (v.subject.agent().unwrap(), v.proof)).collect()
}

fn faults(records: &[Record]) -> Vec<&str> {
    records
        .iter()
        .filter_map(|record| match record {
            Record::Prepare { .. } => Some("prepare"),
            Record::Applied { .. } => Some("applied"),
            Record::Undone { .. } => Some("undone"),
            _ => None,
        })
        .collect()
}

#[test]
fn a_killed_agent_is_proven_dead_by_that_signal_and_the_others_live() {
    let run = Run::of(&["target", "3"]);
    let injected = run.inject(KILL, &run.victims()[1..2]).unwrap();
    assert_eq!((injected.step, injected.why.as_deref()), (FaultStep::Injected, None));
    assert_eq!(proofs(&injected.victims), [(2, Proof::Proven)]);
    assert_eq!(
        readings(&injected.victims[0]),
        ["pidfd: exited / exited", "wait status: signal 9 / signal 9"]
    );
    let [sent, ended, ..] = injected.victims[0].readings.as_slice() else { panic!("{injected:?}") };
    assert_eq!((sent.level, sent.found.as_str(), sent.at_ns), (Level::E0, "SIGKILL taken", injected.at_ns));
    assert!(sent.at_ns < ended.at_ns);
    assert!(injected.guard.is_none());
    assert_eq!(run.agents.iter().map(|a| state(*a).is_some()).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(faults(&run.records()), ["prepare", "applied"]);
}

#[test]
fn many_are_killed_at_the_same_instant_and_the_spread_is_told() {
    let run = Run::of(&["target", "40"]);
    let injected = run.inject(KILL, &run.victims()).unwrap();
    assert!(injected.victims.iter().all(|v| v.proof == Proof::Proven), "{injected:?}");
    assert_none_alive(&run.agents);
    let ends: Vec<u64> = injected.victims.iter().map(|v| v.readings[1].at_ns).collect();
    assert_eq!(injected.at_ns, injected.victims.iter().map(|v| v.readings[0].at_ns).min().unwrap());
    assert_eq!(injected.spread_ns, ends.iter().max().unwrap() - ends.iter().min().unwrap());
}

#[test]
fn the_status_of_an_agent_that_the_guardian_reaps_is_told_too() {
    let run = Run::of(&["daemon"]);
    let injected = run.inject(KILL, &run.victims()).unwrap();
    assert_eq!(proofs(&injected.victims), [(1, Proof::Proven)]);
    let readings = readings(&injected.victims[0]);
    assert!(
        readings[1] == "wait status: signal 9 / signal 9" || readings[1].contains("/ not told "),
        "{readings:?}"
    );
}

#[test]
fn an_agent_that_is_asked_to_end_may_end_in_its_own_way() {
    let run = Run::of(&["graceful"]);
    let injected = run.inject(TERM, &run.victims()).unwrap();
    assert_eq!(
        readings(&injected.victims[0]),
        ["pidfd: exited / exited", "wait status: any exit, or signal 15 / exit 3"]
    );
    let run = Run::of(&["target", "1"]);
    let injected = run.inject(TERM, &run.victims()).unwrap();
    assert_eq!(readings(&injected.victims[0])[1], "wait status: any exit, or signal 15 / signal 15");
    assert_eq!(injected.victims[0].proof, Proof::Proven);
}

#[test]
fn a_victim_that_is_dead_already_is_skipped_and_never_counts_as_injected() {
    let run = Run::of(&["target", "2"]);
    let victims = run.victims();
    let first = run.inject(KILL, &victims[..1]).unwrap();
    assert_eq!(first.step, FaultStep::Injected);
    // Its parent does not reap it, so it is there as a zombie.
    let again = run.inject(KILL, &victims[..1]).unwrap();
    assert_eq!(
        (again.step, again.why.as_deref()),
        (FaultStep::Skipped, Some("every victim was dead already"))
    );
    assert_eq!(proofs(&again.victims), [(1, Proof::Skipped)]);
    assert!(readings(&again.victims[0])[0].ends_with("/ dead, not yet reaped"), "{again:?}");
    // Together with one that is alive, in the order in which they were given.
    let both = run.inject(PAUSE, &victims).unwrap();
    assert_eq!(both.step, FaultStep::Injected);
    assert_eq!(both.why.as_deref(), Some("1 of 2 victims dead already"));
    assert_eq!(proofs(&both.victims), [(1, Proof::Skipped), (2, Proof::Proven)]);
    assert_eq!(faults(&run.records()), ["prepare", "applied", "prepare", "applied"]);
}

#[test]
fn another_process_with_the_id_of_a_victim_is_not_touched() {
    let run = Run::of(&["target", "1"]);
    let mut victims = run.victims();
    victims[0].starttime -= 1;
    let injected = run.inject(KILL, &victims).unwrap();
    assert_eq!(injected.step, FaultStep::Skipped);
    assert!(injected.victims[0].readings[0].found.starts_with("another process"), "{injected:?}");
    assert!(state(run.agents[0]).is_some());
}

#[test]
fn a_process_outside_the_run_is_refused_and_nobody_is_touched() {
    let run = Run::of(&["target", "1"]);
    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    let outside = identity(stranger.id());
    let guardian = run.guardian().identity();
    for outside in [outside, guardian, identity(std::process::id()), identity(1)] {
        let victims = [run.victims()[0], victim(9, outside)];
        let refused = run.inject(KILL, &victims).unwrap_err().to_string();
        assert_eq!(
            refused,
            format!(
                "refused to touch agent 9: process {} is not a descendant of this run's guardian (process {})",
                outside.pid, guardian.pid
            )
        );
    }
    assert!(state(outside).is_some() && state(run.agents[0]).is_some());
    assert_eq!(faults(&run.records()), [""; 0]);
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn an_agent_without_a_process_is_refused_in_words() {
    let run = Run::of(&["target", "1"]);
    let inside = chaos::Victim { pid: 0, ..run.victims()[0] };
    let refused = run.inject(PAUSE, &[inside]).unwrap_err().to_string();
    assert!(refused.starts_with("cannot pause agent 1: the target gave no process id for it"), "{refused}");
}

#[test]
fn paused_agents_are_read_back_as_stopped_and_healed_ones_as_not() {
    let run = Run::of(&["target", "3"]);
    let injected = run.inject(PAUSE, &run.victims()[..2]).unwrap();
    assert_eq!(injected.step, FaultStep::Injected);
    assert_eq!(readings(&injected.victims[0]), ["/proc/PID/stat state: T / T"]);
    let states = || run.agents.iter().map(|a| state(*a).unwrap() == 'T').collect::<Vec<_>>();
    assert_eq!(states(), [true, true, false]);
    let healed = injected.guard.unwrap().heal();
    assert_eq!((healed.step, healed.why), (FaultStep::Healed, None));
    assert_eq!(proofs(&healed.victims), [(1, Proof::Proven), (2, Proof::Proven)]);
    assert!(readings(&healed.victims[0])[0].starts_with("/proc/PID/stat state: not T / "));
    assert!(healed.at_ns >= injected.at_ns);
    assert_eq!(states(), [false; 3]);
    assert_eq!(faults(&run.records()), ["prepare", "applied", "undone"]);
}

#[test]
fn a_pause_heals_when_its_guard_is_dropped() {
    let run = Run::of(&["target", "1"]);
    drop(run.inject(PAUSE, &run.victims()).unwrap());
    assert_ne!(state(run.agents[0]), Some('T'));
    assert_eq!(faults(&run.records()), ["prepare", "applied", "undone"]);
}

#[test]
fn a_paused_agent_that_is_killed_meanwhile_needs_no_healing() {
    let run = Run::of(&["target", "2"]);
    let paused = run.inject(PAUSE, &run.victims()).unwrap();
    let killed = run.inject(KILL, &run.victims()[..1]).unwrap();
    assert_eq!(killed.victims[0].proof, Proof::Proven);
    let healed = paused.guard.unwrap().heal();
    assert_eq!(healed.step, FaultStep::Healed);
    assert_eq!(readings(&healed.victims[0]), ["/proc/PID/stat state: not T / dead"]);
}

#[test]
fn a_prepared_fault_meets_its_victims_as_they_are_when_it_is_applied() {
    let run = Run::of(&["target", "2"]);
    let site = run.guardian().site(0).unwrap();
    let fault = crate::run::fault("one", KILL);
    let prepared = chaos::prepare(&site, &fault, &run.victims()).unwrap();
    assert_eq!(faults(&run.records()), [""; 0], "nothing has been done yet");
    kill(Pid::from_raw(i32::try_from(run.agents[0].pid).unwrap()), Signal::SIGTERM).unwrap();
    wait_until("the first agent is dead", || state(run.agents[0]).is_none());
    let injected = prepared.apply().unwrap();
    assert_eq!(proofs(&injected.victims), [(1, Proof::Mismatch), (2, Proof::Proven)]);
    assert_eq!(readings(&injected.victims[0])[1], "wait status: signal 9 / signal 15");
}

#[test]
fn a_journal_that_cannot_be_written_keeps_the_fault_from_being_applied() {
    let run = Run::of(&["target", "1"]);
    let full = std::path::Path::new("/dev/full");
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(full, evidence::layout::JOURNAL.within(dir.path())).unwrap();
    let journal = chaos::Journal::open(dir.path()).unwrap();
    for kind in [KILL, PAUSE] {
        let fault = crate::run::fault("one", kind);
        let site = chaos::Site { journal: journal.clone(), ..run.guardian().site(0).unwrap() };
        let refused = chaos::inject(&site, &fault, &run.victims()).unwrap_err();
        assert!(refused.to_string().contains("No space left on device"), "{refused}");
    }
    assert!(state(run.agents[0]).is_some_and(|state| state != 'T'));
}
