//! A harness that dies in every phase of a run: what comes after its successor has taken over is what would have come
//! anyway.

use evidence::end::How;
use evidence::event::{Edge, Fact};
use scenarios::plan::{Level, Plan, Quiesce, When};

use super::simulation::fault;
use super::{Deeds, MS, SECOND, Simulation, plan};

/// From a death until another harness is there, and until that one has taken over.
const GAP_NS: u64 = 2 * SECOND + 300 * MS;
const TAKEN_OVER_NS: u64 = 10 * MS;

/// Warm-up until 2 s; a pause from 10 s to 16 s; points of rest at 22 s and 42 s; other levels from 26 s and 46 s on; a
/// kill in the round of 30 s; a pause that outlasts the load, which ends at 52 s; drained at 60 s.
fn everything() -> Plan {
    let mut plan = plan(50);
    let level = |at_s, workers| Level { at_ns: at_s * SECOND, workers };
    plan.workload.rounds.as_mut().unwrap().levels = vec![level(0, 4), level(26, 2), level(46, 3)];
    plan.soak.quiesce = Some(Quiesce { every_ns: 20 * SECOND, within_ns: 5 * SECOND });
    plan.faults = vec![
        fault("pause", 10 * SECOND, 6 * SECOND, &[1], When::Due {}),
        fault("kill", 30 * SECOND, 0, &[2], When::RoundInFlight { after_ns: 100_000 }),
        fault("late", 50 * SECOND, 4 * SECOND, &[3], When::Due {}),
    ];
    plan
}

/// What happens from this time of the run on: rounds by number and size, steps of faults, ends of points of rest,
/// phases.
fn course(run: &Simulation, from_ns: u64) -> Vec<(u64, String)> {
    let mut course: Vec<(u64, String)> =
        run.rounds.iter().map(|r| (r.due_ns, format!("round {} of {}", r.round, r.expected))).collect();
    course.extend(run.facts(|fact| match fact {
        Fact::Fault { fault, step, .. } => Some(format!("{fault} {step:?}")),
        Fact::Quiesce { point, edge: Edge::End, .. } => Some(format!("rest {point}")),
        Fact::Phase { phase, edge } => Some(format!("{phase} {edge:?}")),
        _ => None,
    }));
    course.retain(|(at_ns, _)| *at_ns >= from_ns);
    course.sort();
    course
}

/// When the plan's zero was.
fn zero_ns(run: &Simulation) -> u64 {
    run.state.timeline.zero_ns().unwrap()
}

/// When this point of rest, which was cut short, came to its end after all.
fn made_up_for_ns(run: &Simulation, wanted: u32) -> u64 {
    let ends = run.facts(|fact| match fact {
        Fact::Quiesce { point, edge: Edge::End, rested, .. } if *point == wanted => *rested,
        _ => None,
    });
    let [(_, false), (at_ns, true)] = ends[..] else { panic!("{ends:?}") };
    at_ns
}

/// Dies at this time of the plan; the run to its end, and when it was taken over.
fn resumed(plan: Plan, at_ns: u64) -> (Simulation, u64) {
    let mut run = Simulation::new(plan, Deeds::default());
    until(&mut run, at_ns);
    run.die_and_resume(GAP_NS);
    let back_ns = run.now_ns + TAKEN_OVER_NS;
    (run.run(), back_ns)
}

fn until(run: &mut Simulation, at_ns: u64) {
    while run.state.timeline.zero_ns().is_none_or(|zero_ns| run.now_ns < zero_ns + at_ns) {
        run.turn();
        assert!(run.conclusion.is_none(), "it was over before {at_ns}");
    }
}

#[test]
fn after_a_death_in_any_phase_of_the_load_the_rest_of_the_plan_is_as_without_it() {
    let whole = Simulation::new(everything(), Deeds::default()).run();
    // What is in effect at the death is undone by the guardian, and not when it is due.
    for (phase, at_ms, in_effect) in [
        ("warm-up", 800, None),
        ("the end of the warm-up", 1_999, None),
        ("hold", 5_500, None),
        ("a fault window", 12_500, Some("pause Healed")),
        ("the end of a fault", 15_990, Some("pause Healed")),
        ("a point of rest", 22_400, None),
        ("the reading at a point of rest", 24_004, None),
        ("a recovery", 30_003, None),
        ("a change of level", 45_500, None),
        ("the last of the load", 47_000, None),
    ] {
        let (run, mut back_ns) = resumed(everything(), at_ms * MS);
        if phase == "a point of rest" {
            back_ns = made_up_for_ns(&run, 1) + 1;
        }
        let mut rest = course(&whole, back_ns);
        rest.retain(|(_, what)| Some(what.as_str()) != in_effect);
        assert_eq!(course(&run, back_ns), rest, "in {phase}");
        let (end, of) = (run.end(), &run.end().ledger);
        assert_eq!((&end.how, end.interruptions), (&How::Finished, 1), "in {phase}");
        assert_eq!(of.sent, of.in_time + of.hidden, "in {phase}: {of:?}");
        assert!(of.hidden <= 4, "more than a round is hidden in {phase}: {of:?}");
        // No round is due twice, and none is missing but those of the gap.
        let gap = zero_ns(&run) + at_ms * MS..back_ns;
        let due = whole.rounds.iter().filter(|round| !gap.contains(&round.due_ns));
        assert!(due.map(|r| u64::from(r.expected)).sum::<u64>().abs_diff(of.sent) <= 4, "in {phase}: {of:?}");
    }
}

#[test]
fn a_death_after_the_load_ends_in_another_drain_and_a_whole_run() {
    let whole = Simulation::new(everything(), Deeds::default()).run();
    for (phase, at_ms) in [("a fault", 53_000), ("drain", 56_000), ("the end of the drain", 60_000)] {
        let (run, _) = resumed(everything(), at_ms * MS);
        let (end, of) = (run.end(), &run.end().ledger);
        assert_eq!((&end.how, end.interruptions), (&How::Finished, 1), "in {phase}");
        assert_eq!((of, &run.rounds), (&whole.end().ledger, &whole.rounds), "in {phase}");
        assert!(end.drain.is_some_and(|drain| drain.completed), "in {phase}: {:?}", end.drain);
    }
}

#[test]
fn where_an_interval_is_several_ticks_long_a_resumed_run_goes_on_with_intervals_of_that_length() {
    // Five days of ticks each second are more than there may be intervals.
    let mut run = Simulation::new(plan(5 * 86_400), Deeds::default());
    until(&mut run, 100 * SECOND);
    run.die_and_resume(GAP_NS);
    let back_ns = run.now_ns;
    until(&mut run, 130 * SECOND);
    let after = run.intervals.iter().filter(|interval| interval.at_ns >= back_ns + 2 * SECOND);
    let lengths: Vec<u64> = after.map(|interval| interval.length_ns / MS).collect();
    assert!(lengths.len() >= 11 && lengths.iter().all(|ms| *ms == 2_000), "{lengths:?}");
    let checkpoint = run.checkpoint.unwrap();
    assert!(checkpoint.at_ns + 3 * SECOND > run.now_ns, "a checkpoint is no older than an interval");
}
