//! Whatever ends a run early, what was broken is put back, the evidence is whole and nothing is left running.

mod support;

use std::time::Duration;

use evidence::end::How;
use evidence::event::{Fact, FaultStep, Proof};
use evidence::role::Role;
use harness::Interrupt;
use scenarios::plan::{Fault, FaultKind, Signal, Victims};
use serde_json::json;
use support::{MS, Trial, run, run_with, scripted, until_event};

fn fault(id: &str, for_ms: u64, places: &[u32], at_ms: u64) -> Fault {
    let kind = if for_ms == 0 {
        FaultKind::Kill { signal: Signal::Kill, then_kill_ns: None }
    } else {
        FaultKind::Pause {}
    };
    let victims = Victims { role: Role::Worker, places: places.to_vec() };
    Fault::new(id, kind, Some(victims), at_ms * MS, for_ms * MS)
}

/// Each step of each fault, with how far its first victim is proven.
fn steps(trial: &Trial) -> Vec<(String, FaultStep, Option<Proof>)> {
    trial
        .events()
        .into_iter()
        .filter_map(|event| match event.fact {
            Fact::Fault { fault, step, victims, .. } => Some((fault, step, victims.first().map(|v| v.proof))),
            _ => None,
        })
        .collect()
}

/// The process id of the guardian of this run.
fn guardian_of(run: &std::path::Path) -> i32 {
    let records = chaos::journal::read(run).expect("the journal is there");
    let guardian = records.iter().find_map(|record| match record {
        chaos::journal::Record::Guarding { guardian } => i32::try_from(guardian.pid).ok(),
        _ => None,
    });
    guardian.expect("the guardian is in the journal")
}

#[test]
fn real_processes_are_killed_and_paused_with_evidence_and_the_run_goes_on() {
    let mut plan = scripted(json!({ "processes": true }), 1_500);
    plan.faults.push(fault("kill", 0, &[0, 2], 300));
    plan.faults.push(fault("pause", 300, &[1], 600));
    let trial = run(plan);
    assert!(trial.outcome.is_ok(), "{}", trial.error());
    let proven = Some(Proof::Proven);
    assert_eq!(
        steps(&trial),
        [
            ("kill".to_owned(), FaultStep::Injected, proven),
            ("pause".to_owned(), FaultStep::Injected, proven),
            ("pause".to_owned(), FaultStep::Healed, proven),
        ]
    );
    assert!(trial.unplanned().is_empty(), "{:?}", trial.unplanned());
    let killed = trial
        .events()
        .into_iter()
        .filter(|event| matches!(&event.fact, Fact::Member { fault: Some(fault), .. } if fault == "kill"));
    assert_eq!(killed.count(), 2, "the deaths belong to the fault");
    let end = trial.end();
    assert_eq!((end.how, end.ledger.lost, end.left_behind), (How::Finished, 0, Some(0)));
    let costs = trial.events().into_iter().filter(|e| matches!(e.fact, Fact::Cost { .. })).count();
    assert_eq!(costs, 2);
}

#[test]
fn the_first_interrupt_heals_drains_and_finishes_the_evidence() {
    let mut plan = scripted(json!({ "processes": true }), 60_000);
    plan.faults.push(fault("pause", 50_000, &[1], 250));
    let trial = run_with(plan, |run, interrupter| async move {
        until_event(&run, "\"injected\"").await;
        interrupter.send(Interrupt::First).await.unwrap();
    });
    let finished = trial.outcome.as_ref().unwrap();
    assert!(finished.interrupted());
    let end = trial.end();
    assert_eq!(end.how, How::Interrupted);
    assert!(end.drain.unwrap().completed);
    assert_eq!((end.ledger.lost, end.ledger.unknown), (0, 0));
    assert_eq!(steps(&trial).last().unwrap().1, FaultStep::Healed);
}

#[test]
fn the_second_interrupt_leaves_out_the_drain_and_still_heals() {
    let mut plan = scripted(json!({ "processes": true, "never_drains": true }), 60_000);
    plan.phases[2].length_ns = 3_600_000 * MS;
    plan.faults.push(fault("pause", 50_000, &[1], 250));
    let begun = std::time::Instant::now();
    let trial = run_with(plan, |run, interrupter| async move {
        until_event(&run, "\"injected\"").await;
        interrupter.send(Interrupt::First).await.unwrap();
        until_event(&run, "\"healed\"").await;
        interrupter.send(Interrupt::Second).await.unwrap();
    });
    assert!(trial.outcome.as_ref().unwrap().interrupted());
    assert!(begun.elapsed() < Duration::from_secs(600), "it did not wait for the drain");
    assert!(!trial.end().drain.unwrap().completed);
    assert_eq!(steps(&trial).last().unwrap().1, FaultStep::Healed);
}

#[test]
fn a_guardian_that_is_killed_ends_the_run_and_nothing_stays_broken_or_alive() {
    let mut plan = scripted(json!({ "processes": true }), 60_000);
    plan.faults.push(fault("pause", 50_000, &[1], 250));
    let trial = run_with(plan, |run, _| async move {
        until_event(&run, "\"injected\"").await;
        let guardian = nix::unistd::Pid::from_raw(guardian_of(&run));
        nix::sys::signal::kill(guardian, nix::sys::signal::Signal::SIGKILL).unwrap();
    });
    let error = trial.outcome.as_ref().expect_err("nobody would undo faults any more");
    insta::assert_snapshot!(
        error,
        @"the guardian process of the run was ended from outside; something on this host kills processes"
    );
    let end = trial.end();
    assert!(matches!(end.how, How::HarnessFailed { .. }), "{end:?}");
    assert_eq!(end.left_behind, None, "the target was not asked to end anybody");
    assert_eq!(steps(&trial).last().unwrap().1, FaultStep::Healed);
}

#[test]
fn an_interrupt_before_the_target_is_ready_ends_it_at_once() {
    let mut plan = scripted(json!({ "never_ready": true }), 1_000);
    plan.target.ready_within_ms = 60_000;
    let trial = run_with(plan, |run, interrupter| async move {
        until_event(&run, "target_started").await;
        interrupter.send(Interrupt::First).await.unwrap();
    });
    assert!(trial.outcome.as_ref().unwrap().interrupted(), "{}", trial.error());
    assert_eq!(trial.end().how, How::Interrupted);
}
