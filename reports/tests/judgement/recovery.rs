//! Recoveries of faults that come soon after one another.

use reports::Step;

use crate::fixture::{Fixture, MS, S, ZERO};

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
