//! A harness that dies at any moment, and one that goes on with its run.

use evidence::end::How;
use evidence::event::{ClockChange, Edge, Fact, FaultStep, Takeover};
use proptest::prelude::*;
use scenarios::plan::When;

use super::simulation::fault;
use super::{Deeds, MS, SECOND, Simulation, plan};

/// Runs until this time, or to the end.
pub(super) fn until(simulation: &mut Simulation, at_ns: u64) {
    while simulation.now_ns < at_ns && simulation.conclusion.is_none() {
        simulation.turn();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whenever harnesses die, and however long it takes until another one comes, every task is accounted for,
    /// nothing is lost that was answered, and the run ends when its plan says.
    #[test]
    fn every_task_is_accounted_for_over_all_segments(
        deaths in prop::collection::vec((1..25 * SECOND, MS..4 * SECOND), 1..6),
        answer_after_ns in MS..7 * SECOND,
    ) {
        let deeds = Deeds { answer_after_ns: Some(answer_after_ns), ..Deeds::default() };
        let mut simulation = Simulation::new(plan(20), deeds);
        until(&mut simulation, SECOND);
        let mut died = 0;
        for (from_now_ns, gap_ns) in deaths {
            let at_ns = simulation.now_ns + from_now_ns;
            until(&mut simulation, at_ns);
            if simulation.conclusion.is_some() {
                break;
            }
            died += 1;
            simulation.die_and_resume(gap_ns);
            // Another one that dies before it has taken over ends no segment.
            let taken_over = simulation.now_ns + 100 * MS;
            until(&mut simulation, taken_over);
        }
        let simulation = simulation.run();
        let end = simulation.end();
        let of = end.ledger;
        prop_assert_eq!(&end.how, &How::Finished);
        prop_assert_eq!(end.interruptions, died);
        prop_assert_eq!(of.sent, of.refused + of.in_time + of.late + of.lost + of.unknown + of.hidden);
        prop_assert_eq!((of.lost, of.unknown, of.phantom, of.corrupt), (0, 0, 0, 0), "{:?}", of);
        prop_assert!(of.hidden_answers <= of.hidden);
        let mut numbers: Vec<u64> = simulation.rounds.iter().map(|round| round.round).collect();
        numbers.sort_unstable();
        prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "no round comes twice: {:?}", numbers);
        let phases = simulation.facts(|fact| match fact {
            Fact::Phase { edge, .. } => Some(*edge),
            _ => None,
        });
        let begun = phases.iter().filter(|(_, edge)| *edge == Edge::Begin).count();
        prop_assert_eq!(2 * begun, phases.len(), "every phase that began has ended");
    }
}

#[test]
fn at_most_one_interval_is_hidden_and_the_rest_of_the_plan_is_carried_out() {
    let mut simulation = Simulation::new(plan(20), Deeds::default());
    until(&mut simulation, 10 * SECOND + 500 * MS);
    simulation.die_and_resume(2 * SECOND);
    let simulation = simulation.run();
    let resumed = simulation.facts(|fact| match fact {
        Fact::Resumed { segment, from_ns, hidden, target } => Some((*segment, *from_ns, *hidden, *target)),
        _ => None,
    });
    let [(at_ns, (segment, from_ns, hidden, target))] = resumed[..] else { panic!("{resumed:?}") };
    assert_eq!((segment, target), (2, Takeover::Kept));
    assert!(at_ns - from_ns <= 2 * SECOND + SECOND + MS, "from {from_ns} to {at_ns}");
    assert!(hidden <= 4, "one round of four tasks at most: {hidden}");
    // 22 rounds are due; the gap took two of them, the death at most one.
    assert!((19..=20).contains(&simulation.rounds.len()), "{}", simulation.rounds.len());
    assert_eq!(simulation.end().ledger.lost, 0);
}

#[test]
fn a_host_that_sleeps_while_no_harness_is_there_is_told_and_the_death_itself_is_no_stall() {
    let changes = |sleep_ns| {
        let mut simulation = Simulation::new(plan(20), Deeds { sleep_ns, ..Deeds::default() });
        until(&mut simulation, 10 * SECOND + 500 * MS);
        simulation.die_and_resume(8 * SECOND);
        let simulation = simulation.run();
        let changes = simulation.facts(|fact| match fact {
            Fact::Clock { change, by_ns } => Some((*change, *by_ns / SECOND as i64)),
            _ => None,
        });
        changes.into_iter().map(|(_, change)| change).collect::<Vec<_>>()
    };
    assert_eq!(changes(None), []);
    assert_eq!(changes(Some((12 * SECOND, 3_600 * SECOND))), [(ClockChange::Suspended, 3_600)]);
}

#[test]
fn a_target_that_loses_what_it_accepted_cannot_hide_that_behind_a_death() {
    let deeds = Deeds { drop_1_in: Some(7), ..Deeds::default() };
    let mut simulation = Simulation::new(plan(30), deeds);
    // Past the time-out of the first rounds.
    until(&mut simulation, 20 * SECOND + 300 * MS);
    simulation.die_and_resume(SECOND);
    let simulation = simulation.run();
    let of = simulation.end().ledger;
    assert!(of.lost >= 8, "{of:?}");
    assert_eq!(of.sent, of.in_time + of.late + of.lost + of.hidden, "{of:?}");
}

#[test]
fn faults_due_in_the_gap_are_skipped_with_the_reason_and_later_ones_are_injected_once() {
    let mut plan = plan(20);
    for (id, at_s) in [("before", 3), ("gap", 9), ("after", 14)] {
        plan.faults.push(fault(id, at_s * SECOND, SECOND, &[1], When::Due {}));
    }
    let mut simulation = Simulation::new(plan, Deeds::default());
    until(&mut simulation, 8 * SECOND);
    simulation.die_and_resume(3 * SECOND);
    let simulation = simulation.run();
    let steps = simulation.facts(|fact| match fact {
        Fact::Fault { fault, step, why, .. } => Some((fault.clone(), *step, why.clone())),
        _ => None,
    });
    let of = |id: &str| -> Vec<FaultStep> {
        steps.iter().filter(|(_, (fault, ..))| fault == id).map(|(_, (_, step, _))| *step).collect()
    };
    assert_eq!(of("before"), [FaultStep::Injected, FaultStep::Healed]);
    assert_eq!(of("gap"), [FaultStep::Skipped]);
    assert_eq!(of("after"), [FaultStep::Injected, FaultStep::Healed]);
    let why = steps.iter().find_map(|(_, (id, _, why))| why.clone().filter(|_| id == "gap"));
    assert_eq!(why.as_deref(), Some("no harness was there when it was due"));
}
