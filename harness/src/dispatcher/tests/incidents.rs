//! What should not happen, told once, with its begin and its end.

use evidence::event::{Edge, Fact, IncidentKind, Severity};
use protocol::{Member, MemberState, Report, Role};
use scenarios::plan::{FaultKind, When};

use super::super::What;
use super::simulation::fault;
use super::*;
use crate::error::HostFailure;

/// Every edge of every incident: when, what kind, how bad, whose, by which fault.
type Told = (u64, IncidentKind, Edge, Severity, Option<u32>, Option<String>);

fn told(run: &Simulation) -> Vec<Told> {
    let edges = run.facts(|fact| match fact {
        Fact::Incident { kind, edge, severity, agent, fault, .. } => {
            Some((*kind, *edge, *severity, *agent, fault.clone()))
        }
        _ => None,
    });
    edges
        .into_iter()
        .map(|(at, (kind, edge, severity, agent, by))| (at, kind, edge, severity, agent, by))
        .collect()
}

/// Begin and end of the incidents of this kind, in milliseconds since the target was ready.
fn spans(run: &Simulation, wanted: IncidentKind) -> Vec<(u64, u64)> {
    let ready_ns = run.state.timeline.zero_ns().unwrap();
    let at = |edge| {
        let edges = told(run).into_iter().filter(move |t| t.1 == wanted && t.2 == edge);
        edges.map(|t| (t.0 - ready_ns) / MS).collect::<Vec<_>>()
    };
    at(Edge::Begin).into_iter().zip(at(Edge::End)).collect()
}

fn member_report(agent: u32, pid: u32, epoch: u32, state: MemberState, at_ns: u64) -> What {
    let member = Member { agent, role: Role::Worker, pid, epoch, parent: Some(0) };
    let status = (state == MemberState::Left).then(|| "signal 11".to_owned());
    What::Report(Report::Member { member, state, status, at_ns })
}

#[test]
fn a_calm_run_has_no_incident() {
    assert!(told(&Simulation::new(plan(20), Deeds::default()).run()).is_empty());
}

#[test]
fn a_crash_lasts_until_another_process_takes_the_place_and_is_one_incident() {
    let mut run = Simulation::new(plan(20), Deeds::default());
    run.at(5 * SECOND, member_report(2, 102, 1, MemberState::Left, 5 * SECOND));
    run.at(8 * SECOND, member_report(2, 202, 2, MemberState::Replaced, 8 * SECOND));
    let run = run.run();
    let crash = |at, edge| (at, IncidentKind::Crash, edge, Severity::Minor, Some(2), None);
    assert_eq!(told(&run), [crash(5 * SECOND, Edge::Begin), crash(8 * SECOND, Edge::End)]);
}

#[test]
fn an_agent_that_is_replaced_without_a_reason_is_a_restart_and_one_that_a_fault_killed_is_nothing() {
    let mut run = Simulation::new(plan(20), Deeds::default());
    run.at(5 * SECOND, member_report(2, 202, 2, MemberState::Replaced, 5 * SECOND));
    assert_eq!(spans(&run.run(), IncidentKind::Restart).len(), 1);

    let mut killed = plan(20);
    killed.faults.push(fault("k", 5 * SECOND, 0, &[1], When::Due {}));
    assert!(told(&Simulation::new(killed, Deeds::default()).run()).is_empty());
}

#[test]
fn a_worker_that_answers_nothing_while_others_do_hangs_until_it_answers() {
    // It begins to be silent with the round at 6 s, and the third such round is over 5 s after it was sent.
    let deeds = Deeds { silent: Some((1, 6 * SECOND, 20 * SECOND)), ..Deeds::default() };
    let run = Simulation::new(plan(30), deeds).run();
    let hangs = spans(&run, IncidentKind::Hang);
    assert_eq!(hangs.len(), 1, "{:?}", told(&run));
    let (begin, end) = hangs[0];
    assert!((7_000..14_000).contains(&begin), "{begin}");
    assert!((19_000..21_000).contains(&end), "{end}");
    assert!(told(&run).iter().all(|t| t.1 != IncidentKind::Outage));
}

#[test]
fn a_worker_that_is_paused_by_the_plan_does_not_hang() {
    let mut plan = plan(30);
    plan.faults.push(fault("p", 5 * SECOND, 15 * SECOND, &[0], When::Due {}));
    let deeds = Deeds { silent: Some((1, 5 * SECOND, 20 * SECOND)), ..Deeds::default() };
    assert!(spans(&Simulation::new(plan, deeds).run(), IncidentKind::Hang).is_empty());
}

#[test]
fn rounds_that_fail_one_after_the_other_are_one_incident_that_ends_with_a_complete_one() {
    let mut plan = plan(30);
    plan.workload.rounds.as_mut().unwrap().timeout_ns = SECOND / 2;
    let deeds = Deeds { silent: Some((1, 8 * SECOND, 12 * SECOND)), ..Deeds::default() };
    let run = Simulation::new(plan, deeds).run();
    let failed = spans(&run, IncidentKind::FailedRounds);
    assert_eq!(failed.len(), 1, "{:?}", told(&run));
    assert!((7_900..9_100).contains(&failed[0].0) && (11_900..13_100).contains(&failed[0].1), "{failed:?}");
}

#[test]
fn an_outage_begins_when_work_was_due_that_nobody_answered_and_ends_with_an_answer() {
    let deeds = Deeds { stall_ns: Some((6 * SECOND, 16 * SECOND)), ..Deeds::default() };
    let run = Simulation::new(plan(30), deeds).run();
    let ready_ns = run.state.timeline.zero_ns().unwrap();
    let outages = spans(&run, IncidentKind::Outage);
    assert_eq!(outages, [(6_000, (16 * SECOND - ready_ns) / MS)]);
    assert!(told(&run).iter().filter(|t| t.1 == IncidentKind::Outage).all(|t| t.3 == Severity::Critical));
    assert!(spans(&run, IncidentKind::Hang).is_empty(), "where nobody answers nobody is named");
}

#[test]
fn an_outage_during_a_fault_is_told_with_the_fault() {
    let mut plan = plan(30);
    plan.faults.push(super::means::of_kind("d", FaultKind::Pause {}, 10 * SECOND, &[0, 1, 2, 3]));
    let at_ns = plan.faults[0].at_ns;
    let deeds = Deeds { stall_ns: Some((at_ns, at_ns + 9 * SECOND)), ..Deeds::default() };
    let run = Simulation::new(plan, deeds).run();
    let outage = told(&run).into_iter().filter(|t| t.1 == IncidentKind::Outage);
    assert_eq!(outage.map(|t| t.5).collect::<Vec<_>>(), [Some("d".to_owned()), Some("d".to_owned())]);
}

#[test]
fn slow_work_is_no_outage_where_the_warm_up_was_as_slow() {
    let mut plan = plan(60);
    plan.phases[0].length_ns = 20 * SECOND;
    (plan.phases[1].at_ns, plan.phases[2].at_ns) = (20 * SECOND, 80 * SECOND);
    let rounds = plan.workload.rounds.as_mut().unwrap();
    (rounds.every_ns, rounds.timeout_ns) = (10 * SECOND, 30 * SECOND);
    let deeds = Deeds { answer_after_ns: Some(5 * SECOND), ..Deeds::default() };
    let run = Simulation::new(plan, deeds).run();
    let in_hold = spans(&run, IncidentKind::Outage).into_iter().filter(|(begin, _)| *begin >= 20_000).count();
    assert_eq!(in_hold, 0, "{:?}", told(&run));
}

#[test]
fn lost_tasks_are_told_when_they_are_overdue_by_far_and_counted_behind_the_drain() {
    let mut plan = plan(120);
    plan.workload.rounds.as_mut().unwrap().timeout_ns = SECOND / 2;
    let deeds = Deeds { silent: Some((1, 10 * SECOND, 12 * SECOND)), ..Deeds::default() };
    let run = Simulation::new(plan, deeds).run();
    let lost = spans(&run, IncidentKind::Lost);
    assert_eq!(lost.len(), 1, "{:?}", told(&run));
    assert!((69_000..73_000).contains(&lost[0].0), "a minute after they were sent: {lost:?}");
    let last = run.facts(|fact| match fact {
        Fact::Incident { kind: IncidentKind::Lost, edge: Edge::End, what, .. } => Some(what.clone()),
        _ => None,
    });
    assert_eq!(last[0].1, "2 tasks were acknowledged and never answered");
}

#[test]
fn errors_that_the_target_reports_again_and_again_are_one_incident() {
    let mut run = Simulation::new(plan(200), Deeds::default());
    for second in [5, 6, 30, 70, 140] {
        run.at(second * SECOND, What::Report(Report::Error { message: "no room".into() }));
    }
    let run = run.run();
    let ready_ns = run.state.timeline.zero_ns().unwrap();
    let at = |second: u64| (second * SECOND - ready_ns) / MS;
    assert_eq!(spans(&run, IncidentKind::Protocol), [(at(5), at(70)), (at(140), at(140))]);
}

#[test]
fn every_incident_that_began_has_ended_when_the_run_is_over_however_it_ends() {
    for what in [What::Interrupted, What::HostFailed(HostFailure::GuardianGone)] {
        let deeds = Deeds { silent: Some((1, 3 * SECOND, 90 * SECOND)), ..Deeds::default() };
        let mut run = Simulation::new(plan(60), deeds);
        run.at(5 * SECOND, member_report(2, 102, 1, MemberState::Left, 5 * SECOND));
        run.at(30 * SECOND, what);
        let run = run.run();
        let numbers = |wanted| {
            let mut numbers: Vec<u64> = run
                .facts(|f| match f {
                    Fact::Incident { incident, edge, .. } if *edge == wanted => Some(*incident),
                    _ => None,
                })
                .into_iter()
                .map(|(_, number)| number)
                .collect();
            numbers.sort_unstable();
            numbers
        };
        let begun = numbers(Edge::Begin);
        assert_eq!(begun, numbers(Edge::End));
        assert_eq!(begun, (1..=begun.len() as u64).collect::<Vec<_>>(), "numbered from 1");
        assert!(begun.len() >= 3, "{:?}", told(&run));
    }
}
