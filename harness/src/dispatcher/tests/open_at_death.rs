//! What is open when a harness dies goes on where another takes over, and is told once.

use evidence::event::{Edge, Fact, IncidentKind, RecoveryStep};
use evidence::gate::{Limit, Op};
use evidence::sample::{Group, Mark, Sample};
use protocol::{Member, MemberState, Report, Role};
use scenarios::plan::{Alert, Live, Plan, Quiesce, When};

use super::super::{TickSummary, What};
use super::resume::until;
use super::simulation::fault;
use super::*;

/// Begin and end of each incident of this kind, in whole seconds.
fn spans(run: &Simulation, wanted: IncidentKind) -> Vec<(u64, u64)> {
    let at = |wanted_edge| {
        let edges = run.facts(|fact| match fact {
            Fact::Incident { kind, edge, .. } if (*kind, *edge) == (wanted, wanted_edge) => Some(()),
            _ => None,
        });
        edges.into_iter().map(|(at_ns, ())| at_ns / SECOND).collect::<Vec<_>>()
    };
    let (begins, ends) = (at(Edge::Begin), at(Edge::End));
    assert_eq!(begins.len(), ends.len(), "each that began has ended");
    begins.into_iter().zip(ends).collect()
}

fn member_report(pid: u32, epoch: u32, state: MemberState, at_ns: u64) -> What {
    let member = Member { agent: 2, role: Role::Worker, pid, epoch, parent: Some(0) };
    What::Report(Report::Member { member, state, status: None, at_ns })
}

#[test]
fn a_crash_goes_on_until_another_process_takes_the_place_and_ends_with_a_target_that_is_gone() {
    let crash = |resume: fn(&mut Simulation, u64)| {
        let mut run = Simulation::new(plan(20), Deeds::default());
        run.at(5 * SECOND, member_report(102, 1, MemberState::Left, 5 * SECOND));
        until(&mut run, 7 * SECOND);
        resume(&mut run, SECOND);
        run
    };
    let mut kept = crash(Simulation::die_and_resume);
    kept.at(12 * SECOND, member_report(202, 2, MemberState::Replaced, 12 * SECOND));
    let kept = kept.run();
    assert_eq!(spans(&kept, IncidentKind::Crash), [(5, 12)]);
    assert!(spans(&kept, IncidentKind::Restart).is_empty(), "its end was told");
    let again = crash(Simulation::die_and_start_again).run();
    assert_eq!(spans(&again, IncidentKind::Crash), [(5, 8)]);
}

#[test]
fn a_crash_of_which_only_the_incident_was_written_down_is_not_told_again() {
    let mut run = Simulation::new(plan(20), Deeds::default());
    run.at(5 * SECOND, member_report(102, 1, MemberState::Left, 5 * SECOND));
    until(&mut run, 5 * SECOND + 10 * MS);
    run.events.retain(|event| {
        !matches!(event.fact, Fact::Member { state: evidence::event::MemberState::Left, .. })
    });
    run.die_and_resume(SECOND);
    run.at(8 * SECOND, member_report(102, 1, MemberState::Left, 5 * SECOND));
    run.at(9 * SECOND, member_report(202, 2, MemberState::Replaced, 9 * SECOND));
    let run = run.run();
    assert_eq!(spans(&run, IncidentKind::Crash), [(5, 9)]);
    assert!(spans(&run, IncidentKind::Restart).is_empty());
}

#[test]
fn an_agent_whose_end_is_told_after_its_replacement_is_one_incident() {
    let mut run = Simulation::new(plan(20), Deeds::default());
    run.at(5 * SECOND, member_report(202, 2, MemberState::Replaced, 5 * SECOND));
    run.at(6 * SECOND, member_report(102, 1, MemberState::Left, 5 * SECOND));
    let run = run.run();
    assert_eq!(spans(&run, IncidentKind::Restart), [(5, 5)]);
    assert!(spans(&run, IncidentKind::Crash).is_empty());
}

#[test]
fn an_outage_goes_on_until_something_is_answered() {
    let deeds = Deeds { stall_ns: Some((6 * SECOND, 15 * SECOND)), ..Deeds::default() };
    let mut run = Simulation::new(plan(20), deeds);
    until(&mut run, 11 * SECOND);
    run.die_and_resume(SECOND);
    let outages = spans(&run.run(), IncidentKind::Outage);
    assert!(matches!(outages[..], [(6, 15 | 16)]), "{outages:?}");
}

fn watched(metric: Live) -> Plan {
    let mut plan = plan(40);
    let limit = Limit { op: Op::Less, value: 100.0 };
    plan.soak.alerts.push(Alert { id: "watched".into(), metric, role: None, limit, for_ns: 0 });
    plan
}

fn descriptors(most: u64) -> TickSummary {
    let workers = Sample {
        processes: 4,
        descriptors_sum: Some(4 * most),
        descriptors_max: Some(most),
        ..Sample::empty(0, Group::Worker)
    };
    TickSummary { samples: vec![workers], ..TickSummary::default() }
}

/// The edges of the alert, in whole seconds of the run.
fn edges(run: &Simulation) -> Vec<(u64, Edge)> {
    let edges = run.facts(|fact| if let Fact::Alert { edge, .. } = fact { Some(*edge) } else { None });
    edges.into_iter().map(|(at_ns, edge)| (at_ns / SECOND, edge)).collect()
}

#[test]
fn a_threshold_stays_crossed_over_a_death_and_is_told_once() {
    for (metric, resume, ends) in [
        (Live::Descriptors, Simulation::die_and_resume as fn(&mut Simulation, u64), 20..22),
        (Live::DescriptorsGrowth, Simulation::die_and_resume, 20..22),
        (Live::Descriptors, Simulation::die_and_start_again, 12..13),
    ] {
        let mut run = Simulation::new(watched(metric), Deeds::default());
        run.deeds.reading = descriptors(10);
        until(&mut run, 8 * SECOND);
        run.deeds.reading = descriptors(150);
        until(&mut run, 11 * SECOND);
        let again = ends.start == 12;
        resume(&mut run, SECOND);
        run.deeds.reading = descriptors(if again { 10 } else { 150 });
        until(&mut run, 20 * SECOND);
        run.deeds.reading = descriptors(10);
        let run = run.run();
        let told = edges(&run);
        assert!(
            matches!(told[..], [(8 | 9, Edge::Begin), (at, Edge::End)] if ends.contains(&at)),
            "{metric:?}: {told:?}"
        );
        assert_eq!(spans(&run, IncidentKind::Threshold).len(), 1, "{metric:?}");
    }
}

#[test]
fn crashes_before_a_death_are_counted_after_it() {
    let mut run = Simulation::new(watched(Live::Crashed), Deeds::default());
    run.state.plan.soak.alerts[0].limit = Limit { op: Op::Equal, value: 0.0 };
    run.at(5 * SECOND, member_report(102, 1, MemberState::Left, 5 * SECOND));
    until(&mut run, 10 * SECOND);
    run.die_and_resume(SECOND);
    until(&mut run, 30 * SECOND);
    assert!(matches!(edges(&run)[..], [(5 | 6, Edge::Begin)]), "{:?}", edges(&run));
}

#[test]
fn a_share_of_an_interval_is_counted_from_the_takeover_and_not_from_the_start() {
    let mut plan = watched(Live::Delivery);
    plan.soak.alerts[0].limit = Limit { op: Op::GreaterOrEqual, value: 0.999 };
    let mut run = Simulation::new(plan, Deeds::default());
    until(&mut run, 10 * SECOND);
    run.die_and_resume(SECOND);
    let run = run.run();
    assert_eq!(edges(&run), [], "what nobody saw was not undelivered");
}

#[test]
fn a_first_success_that_nobody_saw_before_the_death_is_looked_for_after_it() {
    let mut plan = plan(20);
    plan.faults.push(fault("k", 5 * SECOND, 0, &[1], When::Due {}));
    let mut run = Simulation::new(plan, Deeds::default());
    // Injected at 5.1 s; the next round is sent at 6.1 s, and its answers come after the death.
    until(&mut run, 5 * SECOND + 600 * MS);
    let steps = |run: &Simulation| {
        let told = run.facts(|fact| match fact {
            Fact::Recovery { step: RecoveryStep::FirstSuccess, .. } => Some(()),
            _ => None,
        });
        told.into_iter().map(|(at_ns, ())| at_ns / SECOND).collect::<Vec<_>>()
    };
    assert!(steps(&run).is_empty());
    run.die_and_resume(SECOND);
    let run = run.run();
    assert_eq!(steps(&run), [8], "with the first round after the takeover");
    let costs = run.facts(|fact| matches!(fact, Fact::Cost { .. }).then_some(()));
    assert_eq!(costs.len(), 1, "a fault costs once");
}

#[test]
fn a_point_of_rest_that_a_death_cuts_short_is_made_up_for() {
    let mut plan = plan(30);
    plan.soak.quiesce = Some(Quiesce { every_ns: 8 * SECOND, within_ns: SECOND });
    let mut run = Simulation::new(plan, Deeds::default());
    let begun = |run: &Simulation| {
        let begun = run.facts(|fact| match fact {
            Fact::Quiesce { point, edge, rested, .. } => Some((*point, *edge, *rested)),
            _ => None,
        });
        begun.into_iter().map(|(_, told)| told).collect::<Vec<_>>()
    };
    while begun(&run).is_empty() {
        run.turn();
    }
    run.die_and_resume(3 * SECOND);
    let run = run.run();
    let told = begun(&run);
    let (cut, rested) = (Some(false), Some(true));
    assert_eq!(
        told[..4],
        [(1, Edge::Begin, None), (1, Edge::End, cut), (1, Edge::Begin, None), (1, Edge::End, rested)],
        "{told:?}"
    );
    assert_eq!(told.last(), Some(&(3, Edge::End, rested)));
}

#[test]
fn a_baseline_that_a_death_came_before_is_read_after_it() {
    let mut run = Simulation::new(plan(20), Deeds::default());
    let held = |run: &Simulation| {
        !run.facts(|fact| matches!(fact, Fact::Phase { phase, .. } if phase == "hold").then_some(()))
            .is_empty()
    };
    while !held(&run) {
        run.turn();
    }
    assert!(!run.state.sampling.baseline);
    run.die_and_resume(SECOND);
    let before = run.marks.len();
    let run = run.run();
    assert_eq!(run.marks[before..].iter().filter(|mark| **mark == Some(Mark::Baseline)).count(), 1);
}

/// The rounds end at 20 s; the harness dies once in between, and once so many milliseconds before their end.
fn hung_after_deaths(plan: Plan, deeds: &Deeds, before_ms: u64, resume: Resume) -> Option<u32> {
    let mut run = Simulation::new(plan, deeds.clone());
    until(&mut run, 16 * SECOND + 500 * MS);
    resume(&mut run, 50 * MS);
    until(&mut run, 20 * SECOND - before_ms * MS);
    resume(&mut run, 50 * MS);
    run.run().end().hung
}

/// By which a harness takes over.
type Resume = fn(&mut Simulation, u64);

#[test]
fn a_worker_that_hangs_is_found_although_the_harness_died_in_the_last_rounds() {
    let silent = Deeds { silent: Some((3, 0, 60 * SECOND)), ..Deeds::default() };
    // Rounds that are over when the harness dies, and rounds that still wait for the worker that hangs.
    let mut quick = plan(18);
    quick.workload.rounds.as_mut().unwrap().timeout_ns = 100 * MS;
    for (how, resume) in
        [("kept", Simulation::die_and_resume as Resume), ("started again", Simulation::die_and_start_again)]
    {
        for before_ms in [100, 700, 1_500, 2_500] {
            let hung = |plan: &Plan, deeds: &Deeds| hung_after_deaths(plan.clone(), deeds, before_ms, resume);
            let at = format!("{how}, {before_ms} ms before");
            assert_eq!(hung(&plan(18), &Deeds::default()), Some(0), "{at}");
            assert_eq!(hung(&quick, &silent), Some(1), "{at}");
            assert_ne!(hung(&plan(18), &silent), Some(0), "{at}: it hangs, or that is not known");
        }
    }
}

#[test]
fn who_answered_only_what_nobody_saw_is_not_said_to_hang() {
    // Every answer comes after the harness that sent the task has died.
    let deeds = Deeds { answer_after_ns: Some(900 * MS), ..Deeds::default() };
    let mut run = Simulation::new(plan(8), deeds);
    for second in 2..10 {
        until(&mut run, second * SECOND + 500 * MS);
        run.die_and_resume(MS);
    }
    assert_ne!(run.run().end().hung, Some(4), "they answered, and nobody was there");
}

#[test]
fn a_fault_in_the_last_rounds_leaves_hangs_unknown_over_a_death_as_without_one() {
    for resume in [Simulation::die_and_resume as fn(&mut Simulation, u64), Simulation::die_and_start_again] {
        let mut late = plan(18);
        late.faults.push(fault("k", 18 * SECOND, 500 * MS, &[0], When::Due {}));
        for deaths in [&[19 * SECOND + 100 * MS][..], &[9 * SECOND], &[9 * SECOND, 19 * SECOND + 100 * MS]] {
            let mut run = Simulation::new(late.clone(), Deeds::default());
            for at_ns in deaths {
                until(&mut run, *at_ns);
                resume(&mut run, 50 * MS);
            }
            assert_eq!(run.run().end().hung, None, "deaths at {deaths:?}");
        }
    }
}
