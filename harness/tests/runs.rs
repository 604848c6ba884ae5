//! A run against real target processes, from launch to the last record.

mod support;

use evidence::end::How;
use evidence::event::{Edge, Fact};
use evidence::round;
use support::{plan, repository, run};

#[test]
fn the_python_example_is_launched_loaded_drained_and_accounted_for() {
    let example = repository("docs/examples/echo_target.py");
    let trial = run(plan(&["python3", &example], serde_json::json!({ "workers": 4 }), 1_000));
    assert!(trial.outcome.is_ok(), "{}", trial.error());
    let end = trial.end();
    assert_eq!(end.how, How::Finished);
    assert_eq!((end.ledger.sent, end.ledger.acknowledged, end.ledger.in_time), (96, 96, 96), "{end:#?}");
    assert_eq!(end.ledger.effects_duplicated, Some(0));
    assert!(end.drain.unwrap().completed);
    assert_eq!(end.left_behind, None, "its agents have no processes");
    assert_eq!(end.gauges.get("effects"), Some(&96.0));
    assert!(end.stop_ns.is_some());

    let rounds = round::rounds(trial.path()).unwrap();
    assert_eq!(rounds.len(), 24);
    assert!(rounds.iter().all(|r| r.delivered == 4 && r.timed_out == 0 && r.target_ns.is_some()));
    let intervals = round::intervals(trial.path()).unwrap();
    assert_eq!(intervals.iter().map(|i| i.answered).sum::<u64>(), 96);
    let phases: Vec<String> = trial
        .events()
        .into_iter()
        .filter_map(|e| match e.fact {
            Fact::Phase { phase, edge: Edge::Begin } => Some(phase),
            _ => None,
        })
        .collect();
    assert_eq!(phases, ["launch", "warm_up", "hold", "drain", "stop"]);
}
