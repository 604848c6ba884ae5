//! What a target does wrong with its tasks is in the ledger, each under its own name and nothing else.

mod support;

use evidence::end::{Ledger, Shed};
use evidence::event::{Event, Fact, IncidentKind, Severity};
use evidence::latency::{self, Series};
use evidence::round;
use harness::Interrupt;
use scenarios::plan::{Arrivals, Segment, Shape, Work};
use serde_json::json;
use support::{MS, Trial, run, run_with, scripted, until, until_event};

/// After how many milliseconds a target answers that is to be late.
const LATE_MS: u64 = 1_200;

/// Sixteen rounds of four tasks: tokens 1 to 64.
fn ledger_of(config: serde_json::Value) -> (Trial, Ledger) {
    let mut plan = scripted(config, 600);
    let late = plan.target.config["answer_ms"] == LATE_MS;
    if let Some(rounds) = plan.workload.rounds.as_mut().filter(|_| late) {
        rounds.timeout_ns = 200 * MS;
    }
    let trial = run(plan);
    assert!(trial.outcome.is_ok(), "{}", trial.error());
    let ledger = trial.end().ledger;
    assert_eq!(ledger.sent, 64);
    (trial, ledger)
}

/// A ledger in which nothing is wrong.
fn clean() -> Ledger {
    Ledger { sent: 64, acknowledged: 64, in_time: 64, effects_duplicated: Some(0), ..Ledger::default() }
}

#[test]
fn each_wrong_is_counted_under_its_own_name() {
    let cases = [
        (json!({}), clean()),
        (json!({ "drop_1_in": 16 }), Ledger { in_time: 60, lost: 4, ..clean() }),
        (json!({ "duplicate_1_in": 16 }), Ledger { duplicated: 4, ..clean() }),
        (json!({ "execute_again_1_in": 16 }), Ledger { effects_duplicated: Some(4), ..clean() }),
        (json!({ "corrupt_1_in": 16 }), Ledger { in_time: 60, lost: 4, corrupt: 4, ..clean() }),
        (json!({ "phantom_1_in": 16 }), Ledger { phantom: 4, effects_duplicated: Some(4), ..clean() }),
        (json!({ "refuses": true }), Ledger { acknowledged: 0, refused: 64, in_time: 0, ..clean() }),
        (json!({ "never_accepts": true }), Ledger { acknowledged: 0, ..clean() }),
        (json!({ "never_accepts": true, "drop_1_in": 16 }), {
            Ledger { acknowledged: 0, in_time: 60, unknown: 4, ..clean() }
        }),
        // Each round has two neighbouring tasks of one worker, answered in the wrong order.
        (json!({ "reorder": true }), Ledger { reordered: 16, ..clean() }),
        (json!({ "answer_ms": LATE_MS }), Ledger { in_time: 0, late: 64, ..clean() }),
    ];
    // Some at a time: they wait more than they work.
    for chunk in cases.chunks(4) {
        std::thread::scope(|scope| {
            for (config, expected) in chunk {
                scope.spawn(move || {
                    let (_trial, ledger) = ledger_of(config.clone());
                    assert_eq!(&ledger, expected, "{config}");
                });
            }
        });
    }
}

#[test]
fn rounds_and_intervals_tell_when_it_happened() {
    let (trial, _) = ledger_of(json!({ "drop_1_in": 16 }));
    let rounds = round::rounds(trial.path()).unwrap();
    let timed_out: Vec<u64> = rounds.iter().filter(|r| r.timed_out == 1).map(|r| r.round).collect();
    assert_eq!(timed_out, [3, 7, 11, 15], "tokens 16, 32, 48, 64");
    assert!(rounds.iter().filter(|r| r.timed_out == 0).all(|r| r.delivered == 4));
    let intervals = round::intervals(trial.path()).unwrap();
    assert_eq!(intervals.iter().map(|i| i.sent).sum::<u64>(), 64);
    assert_eq!(intervals.iter().map(|i| i.answered).sum::<u64>(), 60);
    assert!(intervals.windows(2).all(|w| w[0].at_ns + w[0].length_ns == w[1].at_ns), "without gaps");
}

#[test]
fn a_target_that_stalls_for_one_second_shows_one_second_in_the_response_tail() {
    let mut plan = scripted(json!({ "stall_ms": [400, 1400], "workers": 4 }), 1_800);
    plan.workload.rounds = None;
    plan.workload.arrivals = Some(Arrivals {
        segments: vec![Segment {
            at_ns: 0,
            length_ns: 2_000 * MS,
            shape: Shape::Constant { per_second: 200.0 },
        }],
        timeout_ns: 60_000 * MS,
        payload: 64,
        work: Work::Echo {},
        slots: 10_000,
    });
    let trial = run(plan);
    assert!(trial.outcome.is_ok(), "{}", trial.error());
    let end = trial.end();
    assert_eq!((end.ledger.in_time, end.shed), (400, Shed::default()));
    let mut response = latency::empty();
    for interval in latency::read(trial.path()).unwrap() {
        if interval.series == Series::Response {
            response.add(&*interval.histogram).unwrap();
        }
    }
    assert_eq!(response.len(), 400);
    // What was due in the first half of the stall waited for half a second or longer: a hundred tasks. (More did if the
    // machine stalled, too.) A driver that waits with the target would count one or two.
    assert!(response.max() >= 900_000, "{} µs", response.max());
    let waited = response.len() - response.count_between(0, 500_000);
    assert!(waited >= 80, "{waited} of 400 waited longer than half a second");
}

#[test]
fn a_worker_that_dies_by_itself_is_an_incident_and_service_goes_on() {
    let plan = scripted(json!({ "worker_dies_after_ms": 50, "processes": true }), 60_000);
    let trial = run_with(plan, |run, interrupter| async move {
        until_event(&run, "ended without a fault of the plan").await;
        let before = round::rounds(&run).unwrap().len();
        until("rounds after it", || round::rounds(&run).unwrap().len() > before + 3).await;
        interrupter.send(Interrupt::First).await.unwrap();
    });
    assert!(trial.outcome.is_ok(), "{}", trial.error());
    let incidents = trial.unplanned();
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert!(incidents[0].ends_with("ended without a fault of the plan: signal 9"), "{incidents:?}");
    let minor = |event: &Event| {
        matches!(event.fact, Fact::Incident { kind: IncidentKind::Crash, severity: Severity::Minor, .. })
    };
    assert!(trial.events().iter().any(minor));
    assert_eq!(trial.end().ledger.lost, 0);
}
