//! Points of rest, and clocks that do not agree.

use evidence::end::How;
use evidence::event::{ClockChange, Edge, Fact};
use scenarios::plan::{Arrivals, Quiesce, Segment, Shape, Work};

use super::super::{TickSummary, What};
use super::*;

fn resting(hold_s: u64, every_s: u64, within_s: u64) -> scenarios::plan::Plan {
    let mut plan = plan(hold_s);
    plan.soak.quiesce = Some(Quiesce { every_ns: every_s * SECOND, within_ns: within_s * SECOND });
    plan
}

/// Begin and end of every point, in seconds of the run, and what the end says.
fn points(run: &Simulation) -> Vec<(f64, f64, Option<bool>, u64)> {
    let facts = run.facts(|fact| match fact {
        Fact::Quiesce { point, edge, rested, withheld } => Some((*point, *edge, *rested, *withheld)),
        _ => None,
    });
    let seconds = |ns: u64| (ns / MS) as f64 / 1e3;
    let pairs = facts.chunks(2).map(|pair| {
        let [(begin_ns, begin), (end_ns, end)] = pair else { panic!("a point has two ends: {pair:?}") };
        assert_eq!((begin.0, begin.1, end.1), (end.0, Edge::Begin, Edge::End));
        (seconds(*begin_ns), seconds(*end_ns), end.2, end.3)
    });
    pairs.collect()
}

#[test]
fn at_a_point_of_rest_no_work_is_given_out_and_the_processes_are_read() {
    let mut planned = resting(40, 10, 5);
    planned.workload.arrivals = Some(Arrivals {
        segments: vec![Segment {
            at_ns: 0,
            length_ns: 42 * SECOND,
            shape: Shape::Constant { per_second: 10.0 },
        }],
        timeout_ns: 5 * SECOND,
        payload: 64,
        work: Work::Echo {},
        slots: 100,
    });
    let run = Simulation::new(planned, Deeds::default()).run();
    // Ready after 0.1 s, held from 2 s on; a fourth would end with the load.
    let points = points(&run);
    assert_eq!(points.len(), 3, "{points:?}");
    for (nth, (begin, end, rested, withheld)) in (1_u32..).zip(&points) {
        assert!((begin - (2.1 + 10.0 * f64::from(nth))).abs() < 0.01, "{points:?}");
        // Whatever is open is answered within a millisecond, then it rests, then it is read.
        assert!((2.0..2.1).contains(&(end - begin)), "{points:?}");
        assert_eq!(*rested, Some(true));
        // Three rounds and twenty single tasks, give or take one at each end.
        assert!((20..=25).contains(withheld), "{points:?}");
        let during = |at: &&u64| (**at as f64 / 1e9) > begin + 0.001 && (**at as f64 / 1e9) < *end;
        let (rounds, sends) = (run.when("round"), run.when("send"));
        assert_eq!(rounds.iter().chain(&sends).filter(during).count(), 0);
    }
    // What was withheld was not due: it is neither shed nor missing.
    assert_eq!((run.end().shed.rounds, run.end().shed.operations), (0, 0));
    assert_eq!(run.rounds.len() as u64 + withheld_rounds(&run), 42);
    assert!(run.rounds.iter().all(|round| round.delivered == round.expected));
}

/// Rounds of the plan that have no row.
fn withheld_rounds(run: &Simulation) -> u64 {
    run.state.next_round - run.rounds.len() as u64
}

#[test]
fn a_target_that_does_not_come_to_rest_is_read_all_the_same_and_that_is_told() {
    let stall_ns = Some((11 * SECOND, 30 * SECOND));
    let run = Simulation::new(resting(20, 10, 3), Deeds { stall_ns, ..Deeds::default() }).run();
    let points = points(&run);
    assert_eq!(points.len(), 1);
    let (begin, end, rested, _) = points[0];
    assert_eq!(rested, Some(false));
    assert!((5.0..5.1).contains(&(end - begin)), "three seconds of waiting, two of rest: {points:?}");
}

#[test]
fn a_point_of_rest_that_an_interrupt_cuts_short_has_an_end() {
    let mut run = Simulation::new(resting(40, 10, 5), Deeds::default());
    run.at(13 * SECOND, What::Interrupted);
    let run = run.run();
    assert_eq!(points(&run).iter().map(|p| p.2).collect::<Vec<_>>(), [Some(false)]);
    assert!(run.end().at_ns < 25 * SECOND);
}

#[test]
fn a_sleeping_host_and_a_clock_that_is_set_back_are_told_once_each() {
    let deeds = Deeds {
        sleep_ns: Some((10 * SECOND, 3_600 * SECOND)),
        set_back_ns: Some((15 * SECOND, 7 * SECOND)),
        ..Deeds::default()
    };
    let run = Simulation::new(plan(30), deeds).run();
    let changes = run.facts(|fact| match fact {
        Fact::Clock { change, by_ns } => Some((*change, *by_ns / SECOND as i64)),
        _ => None,
    });
    let found: Vec<_> = changes.iter().map(|(_, change)| *change).collect();
    assert_eq!(found, [(ClockChange::Suspended, 3_600), (ClockChange::Stepped, -7)]);
    assert!((10 * SECOND..12 * SECOND).contains(&changes[0].0), "{changes:?}");
    let calm = Simulation::new(plan(30), Deeds::default()).run();
    assert!(calm.facts(|f| matches!(f, Fact::Clock { .. }).then_some(())).is_empty());
}

#[test]
fn a_run_whose_disk_budget_is_spent_or_whose_file_system_fills_up_ends_in_order_and_is_whole() {
    let reading = |run_bytes, free_bytes| TickSummary { run_bytes, free_bytes, ..TickSummary::default() };
    for (budget, tick, spent) in [
        (
            Some(1_000_000),
            reading(Some(1_000_001), None),
            Some("holds 1000001 bytes, and soak.disk allows 1000000"),
        ),
        (Some(1_000_000), reading(Some(999_999), Some(1 << 20)), Some("1048576 bytes are free")),
        (Some(1_000_000), reading(Some(999_999), Some(1 << 30)), None),
        (None, reading(None, Some(0)), Some("0 bytes are free")),
        (None, reading(Some(u64::MAX), Some(1 << 30)), None),
        (None, reading(None, None), None),
    ] {
        let mut planned = plan(20);
        planned.soak.disk_bytes = budget;
        let run = Simulation::new(planned, Deeds { reading: tick, ..Deeds::default() }).run();
        let end = run.end();
        match (&end.how, spent) {
            (How::DiskSpent { why }, Some(words)) => assert!(why.contains(words), "{why}"),
            (How::Finished, None) => continue,
            other => panic!("{other:?}"),
        }
        assert!(end.drain.is_some_and(|drain| drain.completed) && end.stop_ns.is_some(), "{end:?}");
        assert_eq!(end.ledger.sent, end.ledger.in_time);
        assert!(end.at_ns < 15 * SECOND);
    }
}
