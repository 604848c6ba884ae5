//! A target that talks too much, or not of everything.

use evidence::end::How;
use evidence::event::{Fact, MemberState as Became};
use protocol::{How as Sign, Member, MemberState, Report, Role};

use super::super::What;
use super::*;

fn suspicion(at_ns: u64) -> What {
    What::Report(Report::Suspected { agent: 1, by: Some(0), how: Sign::Lease, at_ns })
}

#[test]
fn a_target_that_talks_without_end_is_not_listened_to_any_further() {
    let mut run = Simulation::new(plan(10), Deeds::default());
    for nth in 0..60_000_u64 {
        let at_ns = 5 * SECOND + nth;
        let error = What::Report(Report::Error { message: "again".into() });
        run.at(at_ns, if nth % 2 == 0 { suspicion(at_ns) } else { error });
    }
    let run = run.run();
    let How::TargetFailed { why } = &run.end().how else { panic!("{:?}", run.end().how) };
    assert_eq!(
        why,
        "the target broke the control protocol: more than 50000 reports on agents, or errors, within a second"
    );
    let suspected = run.facts(|fact| matches!(fact, Fact::Suspected { .. }).then_some(())).len();
    assert_eq!(suspected, 25_000, "what came after is not written down");
}

#[test]
fn a_target_may_tell_much_as_long_as_it_is_not_all_at_once() {
    let mut run = Simulation::new(plan(10), Deeds::default());
    for nth in 0..100_000_u64 {
        let at_ns = 3 * SECOND + nth * 50_000;
        run.at(at_ns, suspicion(at_ns));
    }
    assert_eq!(run.run().end().how, How::Finished);
}

/// When each agent left, and how, as the evidence tells.
fn departures(run: &Simulation) -> Vec<(u64, (u32, Option<String>))> {
    run.facts(|fact| match fact {
        Fact::Member { agent, state: Became::Left, status, .. } => Some((*agent, status.clone())),
        _ => None,
    })
}

#[test]
fn a_process_that_is_gone_has_left_even_if_the_target_hides_it_or_tells_late() {
    let deeds = Deeds { gone: Some((102, 4 * SECOND)), ..Deeds::default() };
    let member = Member { agent: 2, role: Role::Worker, pid: 102, epoch: 1, parent: Some(0) };
    let left = |at_ns| {
        let (member, status) = (member.clone(), Some("exit 3".into()));
        What::Report(Report::Member { member, state: MemberState::Left, status, at_ns })
    };
    let hidden = Simulation::new(plan(8), deeds.clone()).run();
    let seen = departures(&hidden);
    let untold = (2, Some("gone, which the target did not tell".to_owned()));
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].1, untold);
    assert!((4 * SECOND..6 * SECOND).contains(&seen[0].0), "when it was first missed: {seen:?}");
    // The last reading is at 16.1 s.
    let deeds_late = Deeds { gone: Some((102, 15 * SECOND)), ..Deeds::default() };
    let seen = departures(&Simulation::new(plan(8), deeds_late).run());
    assert_eq!(seen.len(), 1, "two seconds are not waited for at the end: {seen:?}");
    for (told_ns, expected) in [(5 * SECOND, (2, Some("exit 3".to_owned()))), (9 * SECOND, untold)] {
        let mut run = Simulation::new(plan(8), deeds.clone());
        run.at(told_ns, left(told_ns));
        let seen = departures(&run.run());
        assert_eq!(seen.into_iter().map(|(_, s)| s).collect::<Vec<_>>(), [expected], "told at {told_ns}");
    }
}
