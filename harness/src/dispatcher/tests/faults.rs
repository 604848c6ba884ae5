//! What is broken, put back, and seen of the recovery.

use evidence::event::{Fact, FaultStep, RecoveryStep};
use scenarios::plan::When;

use super::super::{What, event::Applied};
use super::simulation::fault;
use super::*;

fn steps(run: &Simulation) -> Vec<(u64, String)> {
    run.facts(|fact| match fact {
        Fact::Fault { fault, step, .. } => Some(format!("{fault} {step:?}")),
        Fact::Recovery { fault, step } => Some(format!("{fault} {step:?}")),
        Fact::Cost { fault, open, late, lost, .. } => Some(format!("{fault} cost {open} {late} {lost}")),
        _ => None,
    })
}

fn names(run: &Simulation) -> Vec<String> {
    steps(run).into_iter().map(|(_, name)| name).collect()
}

#[test]
fn a_kill_in_the_middle_of_a_round_waits_for_the_next_round_and_its_recovery_is_seen_from_outside() {
    let mut plan = plan(8);
    plan.faults.push(fault("k", 3 * SECOND + MS, 0, &[2], When::RoundInFlight { after_ns: 2 * MS }));
    let deeds = Deeds { answer_after_ns: Some(50 * MS), ..Deeds::default() };
    let run = Simulation::new(plan, deeds).run();
    let ready = run.state.timeline.zero_ns().unwrap();
    let injected = ready + 4 * SECOND + 2 * MS + MS / 2;
    assert_eq!(
        steps(&run).into_iter().map(|(at, name)| (at - injected, name)).take(4).collect::<Vec<_>>(),
        [
            (0, "k Injected".to_owned()),
            (50 * MS - 2 * MS - MS / 2, "k Round".to_owned()),
            (50 * MS - 2 * MS - MS / 2, "k Drained".to_owned()),
            (SECOND + 50 * MS - 2 * MS - MS / 2, "k FirstSuccess".to_owned()),
        ]
    );
    assert_eq!(names(&run)[4], "k cost 4 0 0");
    let left = run.facts(|fact| match fact {
        Fact::Member { agent, fault: Some(fault), .. } => Some((*agent, fault.clone())),
        _ => None,
    });
    assert_eq!(left[0].1, (3, "k".to_owned()), "the third worker, and its death is the fault's");
    assert!(run.facts(|f| matches!(f, Fact::Incident { .. }).then_some(())).is_empty());
}

#[test]
fn answers_that_come_before_the_injection_is_known_count_from_the_injection_on() {
    let mut plan = plan(8);
    plan.faults.push(fault("k", 3 * SECOND, 0, &[0], When::RoundInFlight { after_ns: 100_000 }));
    // The kernel acknowledges 0.5 ms after the order, the answer comes 0.6 ms after it, the news 1 ms after it.
    let deeds = Deeds { answer_after_ns: Some(700_000), ..Deeds::default() };
    let run = Simulation::new(plan, deeds).run();
    let injected = steps(&run)[0].0;
    let round = steps(&run).iter().find(|(_, name)| name == "k Round").map(|(at, _)| *at);
    assert_eq!(round, Some(injected + 100_000));
    assert!(names(&run).contains(&"k cost 4 0 0".to_owned()), "{:?}", names(&run));
}

#[test]
fn a_pause_is_healed_when_its_time_is_over_and_what_was_sent_during_it_belongs_to_it() {
    let mut plan = plan(8);
    plan.faults.push(fault("p", 3 * SECOND + 500 * MS, 2 * SECOND, &[0], When::Due {}));
    let deeds = Deeds { answer_after_ns: Some(10 * MS), ..Deeds::default() };
    let run = Simulation::new(plan, deeds).run();
    let ready = run.state.timeline.zero_ns().unwrap();
    let injected = ready + 3 * SECOND + 500 * MS + MS / 2;
    assert_eq!(run.when("heal"), [injected + 2 * SECOND]);
    // The rounds at 4 s and 5 s; none was open when it began.
    assert_eq!(
        names(&run),
        ["p Injected", "p FirstSuccess", "p Healed", "p Drained", "p cost 8 0 0"].map(str::to_owned)
    );
}

#[test]
fn tasks_lost_during_a_fault_are_its_cost_and_it_is_never_drained() {
    let mut plan = plan(8);
    plan.faults.push(fault("k", 3 * SECOND, 0, &[0], When::RoundInFlight { after_ns: MS }));
    plan.workload.rounds.as_mut().unwrap().timeout_ns = SECOND / 2;
    let deeds = Deeds { answer_after_ns: Some(50 * MS), drop_1_in: Some(4), ..Deeds::default() };
    let run = Simulation::new(plan, deeds).run();
    let names = names(&run);
    assert!(names.contains(&"k cost 4 0 1".to_owned()), "{names:?}");
    assert!(!names.contains(&"k Drained".to_owned()) && !names.contains(&"k Round".to_owned()), "{names:?}");
}

#[test]
fn a_fault_that_finds_no_round_before_the_load_ends_is_skipped_and_says_why() {
    let mut plan = plan(8);
    plan.workload.rounds = None;
    plan.faults.push(fault("k", 3 * SECOND, 0, &[0], When::RoundInFlight { after_ns: MS }));
    let run = Simulation::new(plan, Deeds::default()).run();
    let why = run.facts(|fact| match fact {
        Fact::Fault { step: FaultStep::Skipped, why, .. } => why.clone(),
        _ => None,
    });
    assert_eq!(why[0].1, "no round was in flight from when it was due; the load was over");
    assert!(run.when("inject").is_empty());
}

#[test]
fn a_fault_that_was_not_applied_is_not_healed_and_not_watched() {
    let mut plan = plan(8);
    plan.faults.push(fault("p", 3 * SECOND, 2 * SECOND, &[0], When::Due {}));
    let mut run = Simulation::new(plan, Deeds::default());
    while run.when("inject").is_empty() {
        run.turn();
    }
    let skipped = Applied { step: FaultStep::Skipped, at_ns: run.now_ns, victims: Vec::new(), why: None };
    run.at(run.now_ns, What::Injected { fault: 0, injected: skipped });
    run.turn();
    run.forget_queued_injections();
    let run = run.run();
    assert!(run.when("heal").is_empty());
    assert_eq!(names(&run), ["p Skipped"]);
}

#[test]
fn an_interrupt_heals_first_then_drains_and_a_second_one_leaves_out_the_drain() {
    for (interrupts, drained) in [(1, true), (2, false)] {
        let mut plan = plan(100);
        plan.faults.push(fault("p", 3 * SECOND + 500 * MS, 50 * SECOND, &[0], When::Due {}));
        plan.faults.push(fault("later", 60 * SECOND, 0, &[1], When::Due {}));
        let mut run = Simulation::new(plan, Deeds::default());
        for _ in 0..interrupts {
            run.at(10 * SECOND, What::Interrupted);
        }
        let run = run.run();
        let order: Vec<&str> = run
            .log
            .iter()
            .filter(|(at, name)| *at >= 10 * SECOND && *name != "sample")
            .map(|(_, n)| *n)
            .collect();
        let expected: &[&str] = if drained {
            &["heal", "quiesce", "drain", "snapshot", "stop", "end target", "finish"]
        } else {
            &["heal", "stop", "end target", "finish"]
        };
        assert_eq!(order, expected);
        assert_eq!(run.end().drain.is_some_and(|d| d.completed), drained);
        assert_eq!(run.end().how, evidence::end::How::Interrupted);
        let names = names(&run);
        assert!(names.contains(&"later Skipped".to_owned()), "{names:?}");
        assert!(!names.iter().any(|n| n.contains(&format!("{:?}", RecoveryStep::Round))), "{names:?}");
    }
}
