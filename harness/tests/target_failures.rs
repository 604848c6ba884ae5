//! Targets that cannot be used: each gets a clear error that says what was found, the evidence is kept, and
//! nothing is left running.

mod support;

use std::time::Duration;

use evidence::end::{End, How};
use evidence::round;
use harness::{HarnessError, Interrupt};
use serde_json::json;
use support::{Trial, plan, repository, run, run_with, scripted, until, until_event};

/// Asserts what holds for every target that cannot be used, and returns what the user is told.
fn failed(trial: &Trial) -> String {
    let error = trial.outcome.as_ref().expect_err("the target cannot be used");
    assert!(matches!(error, HarnessError::Target { .. }), "{error}");
    assert!(!error.is_our_fault());
    let end: End = trial.end();
    assert!(matches!(end.how, How::TargetFailed { .. }), "{end:?}");
    assert!(!trial.incidents().is_empty(), "the evidence tells of it");
    error.to_string()
}

/// The scripted target with an argument.
fn with_argument(argument: &str) -> scenarios::plan::Plan {
    let script = repository("harness/tests/support/scripted_target.py");
    plan(&["python3", &script, argument], json!({}), 500)
}

#[test]
fn a_program_that_is_not_there() {
    let trial = run(plan(&["/no/such/program"], json!({}), 500));
    insta::assert_snapshot!(
        failed(&trial),
        @"the target `/no/such/program` does not start: No such file or directory (os error 2); check target.command in the scenario"
    );
}

#[test]
fn a_target_that_answers_nonsense() {
    insta::assert_snapshot!(failed(&run(with_argument("--nonsense"))), @"
    the target answered nonsense: Listening on port 80
      standard output is for reports only, one JSON object a line; what a target logs belongs on standard error
    ");
}

#[test]
fn a_target_that_speaks_another_version() {
    insta::assert_snapshot!(
        failed(&run(with_argument("--other-version"))),
        @"the target speaks version 99 of the control protocol, this harness speaks version 1; use a target and a harness of the same version"
    );
}

#[test]
fn a_target_that_dies_in_launch_has_its_last_words_shown() {
    insta::assert_snapshot!(failed(&run(scripted(json!({ "dies_in_launch": true }), 500))), @"
    the target died in launch: exit 3
      the last lines of its standard error (target.log):
        no room for agents
    ");
}

#[test]
fn a_target_that_is_silent_or_never_ready_is_given_up_when_its_time_is_over() {
    let mut silent = with_argument("--silent");
    silent.target.ready_within_ms = 300;
    insta::assert_snapshot!(
        failed(&run(silent)),
        @"the target never became ready: `hello` did not come within 300 ms of its start; raise target.ready_within if it needs longer"
    );
    // A machine on which it takes longer than that until it says `hello` gives it more.
    let mut said = String::new();
    for within_ms in [500, 5_000, 50_000] {
        let mut never = scripted(json!({ "never_ready": true }), 500);
        never.target.ready_within_ms = within_ms;
        said = failed(&run(never)).replace(&within_ms.to_string(), "N");
        if !said.contains("`hello`") {
            break;
        }
    }
    insta::assert_snapshot!(
        said,
        @"the target never became ready: `ready` did not come within N ms of its start; raise target.ready_within if it needs longer"
    );
}

#[test]
fn a_target_without_workers() {
    insta::assert_snapshot!(
        failed(&run(scripted(json!({ "workers": 0 }), 500))),
        @"the target broke the control protocol: `ready` without a single worker"
    );
}

#[test]
fn a_target_with_fewer_agents_than_its_scenario_says() {
    insta::assert_snapshot!(
        failed(&run(scripted(json!({ "workers": 3 }), 500))),
        @"the target broke the control protocol: `ready` with 3 of the role worker, but the scenario says 4; make its target.agents and target.config agree"
    );
}

#[test]
fn what_a_target_says_does_not_reach_the_terminal_as_orders_to_it() {
    let refusal = failed(&run(with_argument("--refuses-in-colour")));
    insta::assert_snapshot!(refusal, @"
    the target reported an error: no �[31mroom�
      the last lines of its standard error (target.log):
        �[2Jhidden�
    ");
}

#[test]
fn a_target_that_stops_by_itself_under_load_is_a_result_that_says_so() {
    let trial = run(scripted(json!({ "stops_after_ms": 300 }), 60_000));
    assert!(trial.outcome.is_ok(), "{}", trial.error());
    let How::TargetFailed { why } = trial.end().how else { panic!("it failed") };
    assert!(why.starts_with("the target stopped by itself under load"), "{why}");
}

#[test]
fn a_target_that_talks_nonsense_under_load_is_not_believed_any_further() {
    let trial = run(scripted(json!({ "talks_nonsense_after_ms": 300 }), 60_000));
    assert!(failed(&trial).contains("oops, a log line"));
    assert!(trial.end().ledger.in_time > 0, "what came before counts");
}

#[test]
fn a_target_that_closes_its_output_and_goes_on() {
    let trial = run(scripted(json!({ "closes_output_after_ms": 300, "processes": true }), 60_000));
    insta::assert_snapshot!(
        failed(&trial),
        @"the target closed its standard output and did not end; it must keep it open until it exits"
    );
}

#[test]
fn a_target_that_dies_under_load_is_a_result_and_no_error() {
    let trial = run(scripted(json!({ "dies_after_ms": 400, "processes": true }), 60_000));
    assert!(trial.outcome.is_ok(), "{}", trial.error());
    let end = trial.end();
    assert_eq!(end.how, How::TargetFailed { why: "the target died under load: signal 9".into() });
    assert!(end.left_behind.unwrap() >= 5, "its agents outlived it and were ended: {end:?}");
    assert!(end.drain.is_none(), "so nothing is proven lost");
}

#[test]
fn a_target_that_reports_an_error_under_load_goes_on_and_it_is_an_incident() {
    let trial = run_with(scripted(json!({ "error_after_ms": 50 }), 60_000), |run, interrupter| async move {
        until_event(&run, "a disk is slow").await;
        let before = round::rounds(&run).unwrap().len();
        until("rounds after it", || round::rounds(&run).unwrap().len() > before + 3).await;
        interrupter.send(Interrupt::First).await.unwrap();
    });
    assert!(trial.outcome.is_ok(), "{}", trial.error());
    assert_eq!(trial.incidents(), ["the target reported an error: a disk is slow"]);
    assert_eq!(trial.end().how, How::Interrupted);
}

#[test]
fn a_target_that_neither_drains_nor_stops_is_ended_and_the_barrier_stays_open() {
    let mut plan = scripted(json!({ "never_drains": true, "ignores_stop": true }), 300);
    plan.phases[2].length_ns = Duration::from_millis(200).as_nanos().try_into().unwrap();
    plan.target.stop_within_ms = 200;
    let trial = run(plan);
    assert!(trial.outcome.is_ok(), "{}", trial.error());
    let end = trial.end();
    assert!(!end.drain.unwrap().completed);
    assert_eq!(end.stop_ns, None);
    assert_eq!(trial.incidents(), ["the target was asked to stop and did not end in time; it was ended"]);
}
