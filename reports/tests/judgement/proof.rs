//! A defect is caught by the gate named for it and by no other.

use evidence::gate::Op;
use reports::proof::{By, caught};

use crate::fixture::{Fixture, gate};

#[test]
fn a_defect_is_caught_only_if_its_gate_is_no_go_and_no_other_is() {
    let lost = || gate("messages.lost == 0", Op::Equal, 0.0);
    let delivered = |share| gate("delivery.rate >= 90%", Op::GreaterOrEqual, share);
    let judged = |gates| {
        let mut fixture = Fixture::troubled();
        fixture.manifest.gates = gates;
        let found = caught(&fixture.judged(), &By::Gate("messages.lost == 0".into()));
        (found.caught, found.outcome)
    };
    assert_eq!(judged(vec![lost(), delivered(0.9)]), (true, "NO-GO".into()));
    let both = judged(vec![lost(), delivered(1.0)]);
    assert_eq!(both, (false, "NO-GO, but so are delivery.rate >= 90%".into()));
    assert_eq!(judged(vec![delivered(0.9)]), (false, "there is no such gate".into()));
    let calm = caught(&Fixture::calm().judged(), &By::Gate("messages.lost == 0".into()));
    assert!(!calm.caught, "a green gate catches nothing: {}", calm.outcome);
    assert!(!caught(&Fixture::calm().judged(), &By::Condition("driver".into())).caught);
}
