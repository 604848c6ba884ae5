//! The work and its times.

use evidence::end::How;
use evidence::event::Fact;
use evidence::latency::Series;
use scenarios::plan::{Arrivals, Level, Part, Segment, Shape, Work};

use super::super::{Event, What, step};
use super::*;

/// Single tasks at this rate for ten seconds instead of rounds.
fn arrivals(shape: Shape, slots: u32) -> scenarios::plan::Plan {
    let mut plan = plan(8);
    plan.workload.rounds = None;
    plan.workload.arrivals = Some(Arrivals {
        segments: vec![Segment { at_ns: 0, length_ns: 10 * SECOND, shape }],
        timeout_ns: 3 * SECOND,
        payload: 64,
        work: Work::Echo {},
        slots,
    });
    plan
}

#[test]
fn a_stall_of_one_second_is_one_second_in_the_tail_of_the_response_time() {
    let deeds = Deeds { stall_ns: Some((5 * SECOND, 6 * SECOND)), ..Deeds::default() };
    let run = Simulation::new(arrivals(Shape::Constant { per_second: 100.0 }, 10_000), deeds).run();
    let response = &run.times[&Series::Response];
    assert_eq!(response.len(), 1_000);
    let longer_than = |millis: u64| response.len() - response.count_between(0, millis * 1000);
    // Whoever came in the middle of the stall waited half of it.
    for (millis, expected) in [(10, 99), (500, 50), (900, 10)] {
        assert!(longer_than(millis).abs_diff(expected) <= 2, "{millis} ms: {}", longer_than(millis));
    }
    assert!(response.max().abs_diff(1_000_000) < 2_000, "{}", response.max());
}

#[test]
fn what_finds_no_slot_is_shed_and_counted_and_a_slot_is_free_again_when_its_task_is_given_up() {
    let deeds = Deeds { drop_1_in: Some(1), ..Deeds::default() };
    let run = Simulation::new(arrivals(Shape::Constant { per_second: 10.0 }, 5), deeds).run();
    let end = run.end();
    // Five at once, then five more each time the first five have timed out after 3 s.
    assert_eq!((end.ledger.sent, end.ledger.lost), (20, 20), "{end:#?}");
    assert_eq!(end.shed.operations, 80);
    let (due, shed): (u64, u64) = run.intervals.iter().fold((0, 0), |(d, s), i| (d + i.due, s + i.shed));
    assert_eq!((due, shed), (100, 80));
}

#[test]
fn tasks_that_are_due_together_are_sent_together() {
    let run =
        Simulation::new(arrivals(Shape::Burst { count: 500, every_ns: SECOND }, 10_000), Deeds::default())
            .run();
    assert_eq!(run.when("send").len(), 10);
    assert_eq!(run.end().ledger.in_time, 5_000);
}

#[test]
fn a_loop_that_was_held_up_catches_up_with_intended_times_and_says_how_late_it_was() {
    let mut run = Simulation::new(arrivals(Shape::Constant { per_second: 10.0 }, 10_000), Deeds::default());
    while run.when("send").is_empty() {
        run.turn();
    }
    // Nothing is stepped for two seconds.
    let late = step(&mut run.state, Event { at_ns: run.now_ns + 2 * SECOND, what: What::Due });
    let told = late.into_iter().filter(|c| matches!(c, super::super::Command::Tell(_))).count();
    assert!((1..=5).contains(&told), "20 tasks in {told} commands: one ends where something else is due");
    assert_eq!(run.state.ledger.counts().work.sent, 21);
    assert!(run.state.lag_ns > 1_800_000_000);
}

/// A thousand million tasks a second, and a loop that comes round once in a second.
#[test]
fn of_a_load_that_no_loop_can_start_every_task_is_counted_and_the_run_ends_when_it_should() {
    let mut run = Simulation::new(arrivals(Shape::Constant { per_second: 1e9 }, 1_000), Deeds::default());
    while run.when("send").is_empty() {
        run.turn();
    }
    while run.conclusion.is_none() {
        run.now_ns += SECOND;
        run.turn();
    }
    let (due, shed): (u64, u64) = run.intervals.iter().fold((0, 0), |(d, s), i| (d + i.due, s + i.shed));
    let end = run.end();
    assert_eq!(due, 10 * SECOND, "one a nanosecond");
    assert_eq!(shed, due - end.ledger.sent);
    assert_eq!((end.shed.operations, &end.how), (shed, &How::Finished));
    // The last of the load was ten seconds after its beginning, and was looked at then.
    assert!((9 * SECOND..12 * SECOND).contains(&run.state.lag_ns), "{}", run.state.lag_ns);
    assert!(end.at_ns < 60 * SECOND, "{}", end.at_ns);
}

#[test]
fn a_round_that_is_due_while_too_many_are_open_is_shed_and_has_a_row() {
    let mut plan = plan(8);
    plan.workload.rounds.as_mut().unwrap().open = 2;
    let deeds = Deeds { answer_after_ns: Some(3 * SECOND + MS), ..Deeds::default() };
    let run = Simulation::new(plan, deeds).run();
    assert_eq!(run.rounds.len(), 10);
    let shed = run.rounds.iter().filter(|r| r.started_ns.is_none()).count();
    assert_eq!(shed as u64, run.end().shed.rounds);
    assert_eq!(shed, 4, "{:#?}", run.rounds);
}

#[test]
fn a_round_whose_time_is_over_is_written_then_and_its_late_answers_are_counted() {
    let mut plan = plan(3);
    plan.workload.rounds.as_mut().unwrap().timeout_ns = SECOND / 2;
    let deeds = Deeds { answer_after_ns: Some(SECOND), ..Deeds::default() };
    let run = Simulation::new(plan, deeds).run();
    for round in &run.rounds {
        assert_eq!((round.delivered, round.timed_out), (0, 4));
        assert_eq!(round.ended_ns.unwrap() - round.started_ns.unwrap(), SECOND / 2);
    }
    assert_eq!((run.end().ledger.late, run.end().ledger.lost), (20, 0));
    assert_eq!(run.intervals.iter().map(|i| i.late).sum::<u64>(), 20);
}

#[test]
fn refused_tasks_complete_their_round_and_are_not_lost() {
    let run = Simulation::new(plan(3), Deeds { refuses: true, ..Deeds::default() }).run();
    assert!(run.rounds.iter().all(|r| r.refused == 4 && r.timed_out == 0));
    assert_eq!((run.end().ledger.refused, run.end().ledger.lost), (20, 0));
}

#[test]
fn the_processes_are_read_at_each_tick_after_the_warm_up_and_after_the_drain() {
    let mut run = Simulation::new(plan(8), Deeds::default());
    let mut marks = Vec::new();
    while run.conclusion.is_none() {
        let before = run.log.len();
        run.turn();
        marks.extend(run.log[before..].iter().filter(|(_, name)| *name == "sample").map(|(at, _)| *at));
    }
    let ready = run.state.timeline.zero_ns().unwrap();
    // Ten seconds of load, up to six of drain, and one reading behind it.
    assert_eq!(marks.len() as u64, run.end().ticks.planned + 1);
    assert_eq!(run.end().ticks.planned, run.end().ticks.in_time);
    assert_eq!(marks[2], ready + 2 * SECOND + SECOND * 3 / 8);
}

#[test]
fn a_month_is_stepped_through_in_seconds_and_nothing_grows() {
    let days = 30;
    let mut plan = plan(days * 86_400);
    plan.workload.rounds.as_mut().unwrap().every_ns = 60 * SECOND;
    plan.sample = scenarios::plan::Sample { every_ns: 60 * SECOND, slow_every_ns: 600 * SECOND };
    for hour in 0..days * 24 {
        let (id, at_ns) = (format!("{hour}"), hour * 3600 * SECOND + 10 * SECOND);
        let when = scenarios::plan::When::RoundInFlight { after_ns: 100_000 };
        let for_ns = if hour % 2 == 0 { 0 } else { 5 * SECOND };
        plan.faults.push(simulation::fault(&id, at_ns, for_ns, &[u32::try_from(hour % 4).unwrap()], when));
    }
    let mut run = Simulation::new(plan, Deeds::default());
    run.forgets = true;
    let run = run.run();
    let end = run.end();
    assert_eq!(end.how, How::Finished);
    assert!(end.at_ns > 30 * 86_400 * SECOND);
    assert_eq!(end.ledger.in_time, end.ledger.sent);
    assert_eq!(end.ledger.sent, 4 * (30 * 1440 + 1));
    assert_eq!(end.ticks.planned, end.ticks.in_time);
    assert_eq!(run.state.faults.done(), 720);
    assert!(run.most_lots < 4, "the ledger kept {} lots", run.most_lots);
    assert!(run.steps > 150_000, "{} steps", run.steps);
}

#[test]
fn gauges_are_written_down_as_often_as_the_dear_readings_are_taken() {
    let mut run = Simulation::new(plan(60), Deeds::default());
    for tenth in 10..600_u64 {
        let at_ns = tenth * 100 * MS;
        let report = protocol::Report::Gauge { name: "depth".into(), value: 1.0, at_ns };
        run.at(at_ns, super::super::What::Report(report));
    }
    let run = run.run();
    let gauges = run.facts(|fact| matches!(fact, evidence::event::Fact::Gauge { .. }).then_some(()));
    assert_eq!(gauges.len(), 6, "each ten seconds");
}

#[test]
fn a_worker_that_lives_and_answers_none_of_the_last_rounds_hangs() {
    let hung = |deeds: Deeds| Simulation::new(plan(8), deeds).run().end().hung;
    assert_eq!(hung(Deeds::default()), Some(0));
    assert_eq!(
        hung(Deeds { drop_1_in: Some(4), ..Deeds::default() }),
        Some(1),
        "each fourth is the same worker's"
    );
    let mut late = plan(8);
    late.faults.push(super::simulation::fault("k", 8 * SECOND, 0, &[0], scenarios::plan::When::Due {}));
    assert_eq!(Simulation::new(late, Deeds::default()).run().end().hung, None, "a fault was too near");
}

#[test]
fn a_round_goes_to_as_many_workers_as_take_part_then_and_who_does_not_is_not_missed() {
    let mut day = plan(8);
    let level = |at, workers| Level { at_ns: at * SECOND, workers };
    day.workload.rounds.as_mut().unwrap().levels = vec![level(0, 4), level(3, 1), level(6, 2)];
    let run = Simulation::new(day, Deeds::default()).run();
    let expected: Vec<u32> = run.rounds.iter().map(|round| round.expected).collect();
    assert_eq!(expected, [4, 4, 4, 1, 1, 1, 2, 2, 2, 2]);
    let end = run.end();
    assert_eq!((end.ledger.sent, end.ledger.in_time, end.hung), (23, 23, Some(0)));
    let incidents = run.facts(|fact| matches!(fact, Fact::Incident { .. }).then_some(()));
    assert_eq!(incidents.len(), 0, "nobody hangs who is asked for nothing");
}

/// Two kinds, each as likely as the other.
fn mixture() -> Work {
    let part = |work| Part { weight: 1, work };
    Work::Mix { parts: vec![part(Work::Echo {}), part(Work::Relay {})] }
}

#[test]
fn each_single_task_of_a_mixture_is_drawn_by_its_number_whatever_was_shed_before() {
    let drawn = |slots| {
        let mut plan = arrivals(Shape::Burst { count: 50, every_ns: SECOND }, slots);
        plan.workload.arrivals.as_mut().unwrap().work = mixture();
        let run = Simulation::new(plan, Deeds::default()).run();
        let kinds = run.kinds.iter();
        kinds.flat_map(|(count, work)| vec![work.clone(); *count as usize]).collect::<Vec<_>>()
    };
    let (all, ten_of_each) = (drawn(10_000), drawn(10));
    assert_eq!((all.len(), ten_of_each.len()), (500, 100));
    let relayed = all.iter().filter(|work| matches!(work, protocol::Work::Relay {})).count();
    assert!((200..300).contains(&relayed), "{relayed} of 500");
    let firsts = all.chunks(50).flat_map(|burst| &burst[..10]).cloned().collect::<Vec<_>>();
    assert_eq!(ten_of_each, firsts);
}

#[test]
fn a_round_of_a_mixture_is_of_one_kind_and_the_next_may_be_of_another() {
    let mut plan = plan(38);
    plan.workload.rounds.as_mut().unwrap().work = mixture();
    let run = Simulation::new(plan, Deeds::default()).run();
    assert!(run.kinds.iter().all(|(count, _)| *count == 4));
    let relayed = run.kinds.iter().filter(|(_, work)| matches!(work, protocol::Work::Relay {})).count();
    assert_eq!(run.kinds.len(), 40);
    assert!((8..32).contains(&relayed), "{relayed} of 40");
}
