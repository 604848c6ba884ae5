//! A real target that is killed as a whole and started again.

mod support;

use evidence::event::{Fact, FaultStep, Proof};
use evidence::round;
use scenarios::plan::{Fault, FaultKind};
use support::{MS, plan, repository, run};

#[test]
fn a_target_that_was_killed_and_started_again_works_on_and_that_is_proven() {
    let example = repository("docs/examples/echo_target.py");
    let mut plan = plan(&["python3", &example], serde_json::json!({ "workers": 4 }), 1_500);
    plan.faults.push(Fault::new("r", FaultKind::Restart {}, None, 375 * MS, 200 * MS));
    let trial = run(plan);
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
    let last = rounds.iter().max_by_key(|r| r.due_ns).unwrap();
    assert_eq!(last.delivered, 4, "it works again");
    let end = trial.end();
    assert!(end.drain.unwrap().completed);
    assert_eq!(end.ledger.sent, end.ledger.in_time + end.ledger.lost + end.ledger.unknown);
}
