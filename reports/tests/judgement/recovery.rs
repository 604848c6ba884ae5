//! Recoveries of faults that come soon after one another.

use evidence::gate::Op;
use reports::{Outcome, Step};

use crate::fixture::{Fixture, MS, S, ZERO, gate};

#[test]
fn an_agent_that_is_struck_twice_within_a_second_recovers_from_each_fault_by_itself() {
    let mut fixture = Fixture::calm();
    let second = ZERO + 5 * S + 502 * MS;
    fixture.kill("again", second, 1);
    let verdict = fixture.judged();
    let fault = &verdict.faults[1];
    let ms = |step: Option<Step>| step.map(|step| (step.at_least() * 1e4).round() / 10.0);
    assert_eq!(fault.injected_s.map(|s| (s * 1e3).round()), Some(5702.0), "not from the first of the two");
    assert_eq!(ms(fault.recovery.detect), Some(0.2));
    assert_eq!(ms(fault.recovery.drained), Some(14.0));
}

#[test]
fn a_fault_before_anything_was_normal_says_what_recovery_needs() {
    let mut fixture = Fixture::unhurt();
    fixture.kill("early", ZERO + 2 * S + 2 * MS, 1);
    fixture.manifest.gates = vec![gate("fault[early].recovery_time < 5s", Op::Less, 5.0)];
    let verdict = fixture.judged();
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert!(verdict.gates[0].why.contains("at least three undisturbed rounds"), "{}", verdict.gates[0].why);
}
