//! Live thresholds, and a run that ends early.

use evidence::end::How;
use evidence::event::{Edge, Fact, IncidentKind};
use evidence::gate::{Limit, Op};
use evidence::role::Role;
use evidence::sample::{Group, Sample};
use protocol::{Member, MemberState, Report};
use scenarios::plan::{Alert, Live, Notify, Plan};

use super::super::{TickSummary, What};
use super::*;

fn alert(metric: Live, op: Op, value: f64, for_s: u64) -> Alert {
    Alert { id: "watched".into(), metric, role: None, limit: Limit { op, value }, for_ns: for_s * SECOND }
}

fn watched(hold_s: u64, alert: Alert) -> Plan {
    let mut plan = plan(hold_s);
    plan.soak.alerts.push(alert);
    plan.soak.notify = Notify { command: Some(vec!["tell".into()]), webhook: None };
    plan
}

/// A tick at which four workers have so much private memory together, and the one with most so many descriptors.
fn tick(private: u64, descriptors: u64) -> TickSummary {
    let workers = Sample {
        processes: 4,
        private_sum: Some(private),
        private_max: Some(private / 4),
        descriptors_sum: Some(4 * descriptors),
        descriptors_max: Some(descriptors),
        ..Sample::empty(0, Group::Worker)
    };
    TickSummary { samples: vec![workers], ..TickSummary::default() }
}

/// Runs to the end; `at` says what the ticks read in each second of the run.
fn ticking(plan: Plan, deeds: Deeds, at: impl Fn(u64) -> TickSummary) -> Simulation {
    let mut run = Simulation::new(plan, deeds);
    while run.conclusion.is_none() {
        let mut reading = at(run.now_ns / SECOND);
        reading.samples.iter_mut().for_each(|s| s.at_ns = run.now_ns);
        run.deeds.reading = reading;
        run.turn();
    }
    run
}

/// The edges of the alert, in whole seconds of the run.
fn edges(run: &Simulation) -> Vec<(u64, Edge)> {
    let edges = run.facts(|fact| match fact {
        Fact::Alert { alert, edge, .. } if alert == "watched" => Some(*edge),
        _ => None,
    });
    edges.into_iter().map(|(at_ns, edge)| (at_ns / SECOND, edge)).collect()
}

#[test]
fn a_threshold_is_crossed_after_its_time_and_not_any_more_after_the_same_time() {
    let plan = watched(60, alert(Live::Descriptors, Op::Less, 100.0, 5));
    let run = ticking(plan, Deeds::default(), |second| {
        // One reading above is nothing; fifteen seconds are, and a short relief does not end it.
        let many = second == 10 || (20..35).contains(&second) && second != 30;
        tick(4_000, if many { 150 } else { 50 })
    });
    let edges = edges(&run);
    assert_eq!(edges.iter().map(|(_, edge)| *edge).collect::<Vec<_>>(), [Edge::Begin, Edge::End]);
    assert!((25..27).contains(&edges[0].0) && (40..42).contains(&edges[1].0), "{edges:?}");
    let incidents = run.facts(|fact| match fact {
        Fact::Incident { kind: IncidentKind::Threshold, edge, .. } => Some(*edge),
        _ => None,
    });
    assert_eq!(incidents.into_iter().map(|(_, edge)| edge).collect::<Vec<_>>(), [Edge::Begin, Edge::End]);
}

#[test]
fn whoever_the_plan_names_is_told_of_both_edges_in_one_line_of_json() {
    let plan = watched(30, alert(Live::Descriptors, Op::Less, 100.0, 0));
    let run = ticking(plan, Deeds::default(), |s| tick(4_000, if (10..15).contains(&s) { 150 } else { 50 }));
    let lines: Vec<serde_json::Value> =
        run.notices.iter().map(|(_, notice)| serde_json::from_str(&notice.line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{:?}", run.notices);
    assert_eq!((&lines[0]["about"], &lines[0]["edge"]), (&"watched".into(), &"begin".into()));
    assert_eq!((&lines[0]["value"], &lines[1]["edge"]), (&150.0.into(), &"end".into()));
    assert_eq!(lines[0]["what"], "watched: it is 150, and should be < 100");
}

#[test]
fn whoever_was_told_of_an_alert_is_told_that_it_stood_to_the_end() {
    let plan = watched(30, alert(Live::Descriptors, Op::Less, 100.0, 0));
    let run = ticking(plan, Deeds::default(), |s| tick(4_000, if s >= 10 { 150 } else { 50 }));
    let lines: Vec<serde_json::Value> =
        run.notices.iter().map(|(_, notice)| serde_json::from_str(&notice.line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{:?}", run.notices);
    assert_eq!(lines[1]["edge"], "end");
    assert_eq!(lines[1]["what"], "watched: it is 150, and should be < 100; still so as the run ends");
    assert_eq!(edges(&run).iter().map(|(_, edge)| *edge).collect::<Vec<_>>(), [Edge::Begin, Edge::End]);
    let news = run.state.alerts.news();
    assert_eq!(news.last().unwrap().1, "watched: it is 150, and should be < 100; still so as the run ends");
}

#[test]
fn a_threshold_that_is_kept_for_too_short_a_time_is_told_so_at_the_end() {
    let plan = watched(30, alert(Live::Descriptors, Op::Less, 100.0, 5));
    let run = ticking(plan, Deeds::default(), |s| tick(4_000, if (10..35).contains(&s) { 150 } else { 50 }));
    let news = run.state.alerts.news();
    let last = &news.last().unwrap().1;
    assert_eq!(last, "watched: it is 50, and should be < 100; not long enough to be over as the run ends");
}

#[test]
fn a_critical_incident_that_is_open_at_the_end_is_told_so() {
    let mut plan = plan(20);
    plan.soak.notify = Notify { command: Some(vec!["tell".into()]), webhook: None };
    let mut run = Simulation::new(plan, Deeds::default());
    let lead = Member { agent: 0, role: protocol::Role::Coordinator, pid: 100, epoch: 1, parent: None };
    let (state, at_ns) = (MemberState::Left, 5 * SECOND);
    run.at(at_ns, What::Report(Report::Member { member: lead, state, status: None, at_ns }));
    let run = run.run();
    let told: Vec<serde_json::Value> =
        run.notices.iter().map(|(_, notice)| serde_json::from_str(&notice.line).unwrap()).collect();
    let [begin, end] = told.as_slice() else { panic!("{told:#?}") };
    assert_eq!(
        (&begin["about"], &begin["edge"], &end["edge"]),
        (&"crash".into(), &"begin".into(), &"end".into())
    );
    let (began, ended) = (begin["what"].as_str().unwrap(), end["what"].as_str().unwrap());
    assert_eq!(ended, format!("{began}; still so as the run ends"));
    assert_eq!(run.state.alerts.news().last().unwrap().1, ended);
}

#[test]
fn a_notice_that_was_not_taken_is_told_to_whoever_looks_on() {
    let mut run = Simulation::new(plan(20), Deeds::default());
    let told = |found| What::Notified { about: "watched".into(), whom: "command".into(), found };
    run.at(5 * SECOND, told(Ok("exit 0".into())));
    run.at(6 * SECOND, told(Err("exit 1".into())));
    let mut run = run.run();
    let news = [(1, "watched: the command of `soak.notify` did not take the notice: exit 1".to_owned())];
    assert_eq!(run.state.alerts.news(), news);
    // Of what is told last it is known only when the run is over.
    run.state.notified(
        ("watched".into(), "command".into()),
        Err("exit 2".into()),
        &mut super::super::command::Commands::default(),
    );
    assert!(run.state.alerts.news()[1].1.ends_with("did not take the notice: exit 2"));
    let found = run.facts(|fact| match fact {
        Fact::Notified { found, .. } => Some(found.clone()),
        _ => None,
    });
    assert_eq!(found.into_iter().map(|(_, found)| found).collect::<Vec<_>>(), ["exit 0", "exit 1"]);
}

#[test]
fn a_planted_leak_fires_and_its_clean_twin_does_not() {
    let growing = |per_second: u64| {
        let plan = watched(120, alert(Live::MemoryGrowth, Op::Less, 0.1, 10));
        // Half a per cent up and down beside it.
        let run =
            ticking(plan, Deeds::default(), |s| tick(4_000_000 + per_second * s + s * 7_919 % 20_000, 9));
        edges(&run)
    };
    // 0.1 % a second is some 360 % an hour.
    assert_eq!(growing(4_000).first().map(|(_, edge)| *edge), Some(Edge::Begin));
    assert_eq!(growing(0), []);
}

#[test]
fn a_planted_crash_fires() {
    let plan = watched(20, alert(Live::Crashed, Op::Equal, 0.0, 0));
    let mut run = Simulation::new(plan, Deeds::default());
    let member = Member { agent: 2, role: protocol::Role::Worker, pid: 102, epoch: 1, parent: Some(0) };
    let (state, at_ns) = (MemberState::Left, 5 * SECOND);
    run.at(at_ns, What::Report(Report::Member { member, state, status: None, at_ns }));
    assert_eq!(edges(&run.run()).first().map(|(at, edge)| (*at, *edge)), Some((5, Edge::Begin)));
}

#[test]
fn tasks_not_answered_in_time_are_errors_of_their_interval() {
    for (metric, op, limit) in [(Live::Errors, Op::Less, 0.01), (Live::Delivery, Op::GreaterOrEqual, 0.9)] {
        let mut plan = watched(40, alert(metric, op, limit, 0));
        plan.workload.rounds.as_mut().unwrap().timeout_ns = SECOND / 2;
        let deeds = Deeds { silent: Some((1, 10 * SECOND, 20 * SECOND)), ..Deeds::default() };
        let edges = edges(&Simulation::new(plan, deeds).run());
        assert_eq!(edges.len(), 2, "{metric:?}: {edges:?}");
        assert!((10..13).contains(&edges[0].0) && (20..23).contains(&edges[1].0), "{metric:?}: {edges:?}");
    }
}

#[test]
fn a_role_is_watched_by_itself() {
    let of = |role| Alert { role: Some(role), ..alert(Live::Memory, Op::Less, 500.0, 0) };
    let fires =
        |role| !edges(&ticking(watched(10, of(role)), Deeds::default(), |_| tick(4_000, 9))).is_empty();
    assert!(fires(Role::Worker));
    assert!(!fires(Role::Coordinator));
}

#[test]
fn a_run_that_a_rule_ends_is_drained_and_says_what_it_saved() {
    let mut run = Simulation::new(plan(100), Deeds::default());
    run.at(30 * SECOND, What::EndEarly { why: "the gate is lost".into() });
    run.at(31 * SECOND, What::EndEarly { why: "a second look".into() });
    let run = run.run();
    let How::EndedEarly { why, saved_ns } = &run.end().how else { panic!("{:?}", run.end().how) };
    assert_eq!(why, "the gate is lost");
    assert!((71 * SECOND..73 * SECOND).contains(saved_ns), "{saved_ns}");
    assert!(run.end().drain.is_some_and(|drain| drain.completed));
    assert_eq!(run.facts(|f| matches!(f, Fact::EndingEarly { .. }).then_some(())).len(), 1);
}
