//! A target cannot look good by not doing its work.

use evidence::end::{Drain, End};
use evidence::gate::Op;
use evidence::round::{Interval, Round};
use reports::{Outcome, Verdict};

use crate::fixture::{Fixture, MS, gate};

/// A run of which only this gate is asked.
fn judged(mut fixture: Fixture, id: &str, op: Op, limit: f64) -> Verdict {
    fixture.manifest.gates = vec![gate(id, op, limit)];
    fixture.judged()
}

fn all_rounds(change: impl Fn(&mut Round)) -> Fixture {
    let mut fixture = Fixture::calm();
    fixture.rounds.iter_mut().for_each(change);
    fixture
}

#[test]
fn a_target_that_answers_nobody_and_takes_nothing_is_never_go() {
    let mut fixture = Fixture::calm();
    let ledger = &mut fixture.end().ledger;
    (ledger.acknowledged, ledger.in_time, ledger.unknown) = (0, 0, ledger.sent);
    let verdict = judged(fixture, "agents.crashed == 0", Op::Equal, 0.0);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert_eq!(verdict.why, "no task was answered, so that nothing is known of how the target works");
}

#[test]
fn what_was_neither_taken_nor_answered_may_be_lost() {
    let mut fixture = Fixture::calm();
    let ledger = &mut fixture.end().ledger;
    (ledger.acknowledged, ledger.in_time, ledger.unknown) = (ledger.sent - 7, ledger.sent - 7, 7);
    let verdict = judged(fixture, "messages.lost == 0", Op::Equal, 0.0);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert_eq!(
        verdict.gates[0].why,
        "0 (0 – 7) may or may not be == 0; of tasks that were neither acknowledged, refused nor answered it is not known"
    );
}

#[test]
fn a_round_that_was_refused_is_not_a_fast_one() {
    let refused = all_rounds(|r| {
        (r.refused, r.delivered, r.ended_ns) = (r.expected, 0, Some(r.due_ns + MS));
    });
    let verdict = judged(refused, "round.time.p50 < 50ms", Op::Less, 0.05);
    assert_eq!(verdict.outcome, Outcome::Inconclusive, "{}", reports::terminal(&verdict, None));
    let verdict = judged(Fixture::calm(), "round.time.p50 < 50ms", Op::Less, 0.05);
    assert_eq!(verdict.outcome, Outcome::Go);
}

#[test]
fn a_round_that_was_given_up_took_no_less_than_its_time_out() {
    let given_up = || {
        all_rounds(|r| {
            if r.round % 2 == 0 {
                (r.delivered, r.timed_out, r.ended_ns) = (0, r.expected, Some(r.due_ns + 1000 * MS));
            }
        })
    };
    for (limit, outcome) in [(0.5, Outcome::NoGo), (2.0, Outcome::Inconclusive)] {
        let verdict = judged(given_up(), "round.time.max < limit", Op::Less, limit);
        assert_eq!(verdict.outcome, outcome, "below {limit} s");
    }
}

#[test]
fn what_was_due_and_not_started_was_not_delivered() {
    let shed = || {
        let mut fixture = all_rounds(|r| {
            if r.round % 2 == 0 {
                (r.started_ns, r.ended_ns, r.expected, r.delivered) = (None, None, 0, 0);
            }
        });
        fixture.end().ledger.sent /= 2;
        fixture.end().ledger.in_time /= 2;
        fixture
    };
    for id in ["delivery.rate >= 95%", "delivery.rate >= 95% during hold", "delivery.rate.min >= 95%"] {
        let verdict = judged(shed(), id, Op::GreaterOrEqual, 0.95);
        assert_eq!(verdict.outcome, Outcome::NoGo, "{id}: {}", reports::terminal(&verdict, None));
    }
}

/// Single tasks beside rounds, and an interval, the sixth, in which no round was due and one single task.
fn at_rest(tasks: impl FnOnce(&mut [Interval])) -> Fixture {
    let mut fixture = Fixture::unhurt().with_arrivals();
    let row = &mut fixture.intervals[5];
    (row.due, row.sent, row.acknowledged, row.answered) = (1, 1, 1, 1);
    tasks(&mut fixture.intervals);
    let sum = |of: fn(&Interval) -> u64| fixture.intervals.iter().map(of).sum::<u64>();
    let (sent, in_time) = (sum(|r| r.sent), sum(|r| r.answered));
    let ledger = &mut fixture.end().ledger;
    (ledger.sent, ledger.acknowledged, ledger.in_time, ledger.lost) = (sent, sent, in_time, sent - in_time);
    fixture
}

const WORST: [&str; 2] = ["delivery.rate.min >= 90%", "delivery.rate.min >= 90% during hold"];

#[test]
fn a_task_that_is_answered_in_time_behind_the_edge_of_its_interval_is_no_shortfall() {
    for id in WORST {
        let fixture = at_rest(|rows| {
            // One task of the busy interval before, and the one of the quiet interval, each behind its edge.
            (rows[4].answered, rows[4].open, rows[4].failed) = (rows[4].answered - 1, 1, vec![]);
            (rows[5].answered, rows[5].open, rows[5].failed) = (1, 1, vec![0]);
            (rows[6].answered, rows[6].failed) = (rows[6].answered + 1, vec![0, 0]);
        });
        let verdict = judged(fixture, id, Op::GreaterOrEqual, 0.9);
        assert_eq!(verdict.outcome, Outcome::Go, "{id}: {}", reports::terminal(&verdict, None));
    }
}

#[test]
fn a_task_that_is_not_answered_is_a_shortfall_of_the_interval_in_which_it_was_sent() {
    for id in WORST {
        let fixture = at_rest(|rows| {
            // As many are answered as are sent in each, but the one of the quiet interval never is.
            (rows[4].answered, rows[4].open, rows[4].failed) = (rows[4].answered - 1, 1, vec![]);
            (rows[5].answered, rows[5].open, rows[5].failed) = (1, 1, vec![0]);
            rows[6..9].iter_mut().for_each(|row| (row.open, row.failed) = (1, vec![]));
            rows[9].failed = vec![1, 0, 0, 0, 0];
        });
        let verdict = judged(fixture, id, Op::GreaterOrEqual, 0.9);
        let found = verdict.gates[0].finding.as_ref().unwrap();
        assert_eq!((verdict.gates[0].outcome, found.value), (Outcome::NoGo, 0.0), "{id}");
    }
}

#[test]
fn rounds_that_were_not_started_are_a_shortfall_of_their_interval_beside_single_tasks_too() {
    let mut fixture = Fixture::unhurt().with_arrivals();
    for round in fixture.rounds.iter_mut().filter(|r| (250..300).contains(&r.round)) {
        (round.started_ns, round.ended_ns, round.expected, round.delivered) = (None, None, 0, 0);
    }
    (fixture.intervals[5].sent, fixture.intervals[5].answered) = (20, 20);
    let verdict = judged(fixture, WORST[0], Op::GreaterOrEqual, 0.9);
    assert_eq!(verdict.gates[0].outcome, Outcome::NoGo, "{}", reports::terminal(&verdict, None));
}

#[test]
fn an_error_rate_at_its_limit_is_not_beyond_it() {
    let mut fixture = Fixture::calm();
    let ledger = &mut fixture.end().ledger;
    let wrong = ledger.sent / 20;
    assert_eq!(wrong * 20, ledger.sent);
    (ledger.in_time, ledger.late) = (ledger.sent - wrong, wrong);
    assert_eq!(judged(fixture, "error.rate <= 5%", Op::LessOrEqual, 0.05).outcome, Outcome::Go);
}

#[test]
fn intervals_in_which_nothing_was_done_count_in_the_throughput() {
    let throughput = |fixture: Fixture| {
        let verdict = judged(fixture, "throughput > 0", Op::Greater, 0.0);
        verdict.gates[0].finding.as_ref().unwrap().value
    };
    let mut stalled = Fixture::calm();
    let rows = stalled.intervals.len();
    for row in &mut stalled.intervals[rows / 4..rows / 2] {
        (row.sent, row.answered, row.acknowledged, row.late) = (0, 0, 0, 0);
    }
    assert!(throughput(stalled) < 0.85 * throughput(Fixture::calm()));
}

#[test]
fn a_target_that_tells_less_work_than_it_did_or_nothing_open_while_tasks_are_lost_is_refuted() {
    let refuted = |change: &dyn Fn(&mut End)| {
        let mut fixture = Fixture::calm();
        let sent = fixture.end().ledger.sent;
        fixture.end().gauges.insert("effects".into(), f64::from(u32::try_from(sent).unwrap()));
        change(fixture.end());
        judged(fixture, "claims.refuted == 0", Op::Equal, 0.0).gates[0].outcome
    };
    assert_eq!(refuted(&|_| ()), Outcome::Go);
    assert_eq!(refuted(&|end| *end.gauges.get_mut("effects").unwrap() /= 2.0), Outcome::NoGo);
    let lost = |end: &mut End, outstanding| {
        (end.ledger.in_time, end.ledger.lost) = (end.ledger.in_time - 3, 3);
        end.drain = end.drain.map(|drain| Drain { outstanding, ..drain });
    };
    assert_eq!(refuted(&|end| lost(end, 0)), Outcome::NoGo);
    assert_eq!(refuted(&|end| lost(end, 3)), Outcome::Go, "it says what it lost");
}
