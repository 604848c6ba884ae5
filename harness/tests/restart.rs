//! A real target that is killed as a whole and started again.

mod support;

use evidence::event::{Event, Fact, FaultStep, Proof};
use evidence::round::{self, Round};
use harness::Interrupt;
use scenarios::plan::{Fault, FaultKind};
use support::{MS, plan, repository, run_with, until, until_event};

/// When the fault came to this step.
fn step_at(run: &std::path::Path, wanted: FaultStep) -> Option<u64> {
    let is_it = |event: &Event| matches!(event.fact, Fact::Fault { step, .. } if step == wanted);
    evidence::event::read(run).ok()?.iter().find(|event| is_it(event)).map(|event| event.at_ns)
}

#[test]
fn a_target_that_was_killed_and_started_again_works_on_and_that_is_proven() {
    let example = repository("docs/examples/echo_target.py");
    let mut plan = plan(&["python3", &example], serde_json::json!({ "workers": 4 }), 60_000);
    plan.faults.push(Fault::new("r", FaultKind::Restart {}, None, 375 * MS, 200 * MS));
    let trial = run_with(plan, |run, interrupter| async move {
        until_event(&run, "\"healed\"").await;
        // However long the target took to start again.
        let healed_ns = step_at(&run, FaultStep::Healed).unwrap();
        let works = |r: &Round| r.started_ns.is_some_and(|at| at > healed_ns) && r.delivered == 4;
        until("a whole round of the new target", || round::rounds(&run).unwrap().iter().any(works)).await;
        interrupter.send(Interrupt::First).await.unwrap();
    });
    assert!(trial.outcome.is_ok(), "{}", trial.error());
    let steps: Vec<(FaultStep, Proof)> = trial
        .events()
        .into_iter()
        .filter_map(|event| match event.fact {
            Fact::Fault { step, victims, .. } => Some((step, victims[0].proof)),
            _ => None,
        })
        .collect();
    let proven = [FaultStep::Injected, FaultStep::Observed, FaultStep::Healed].map(|s| (s, Proof::Proven));
    assert_eq!(steps, proven, "{:#?}", trial.events());
    assert!(trial.unplanned().is_empty(), "{:?}", trial.unplanned());
    let rounds = round::rounds(trial.path()).unwrap();
    assert!(rounds.iter().any(|r| r.started_ns.is_none()), "what was due while it was down was not started");
    let end = trial.end();
    assert!(end.drain.unwrap().completed);
    assert_eq!(end.ledger.sent, end.ledger.in_time + end.ledger.lost + end.ledger.unknown);
}
