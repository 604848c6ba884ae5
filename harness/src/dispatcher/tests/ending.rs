//! What is said of a target that was ended.

use evidence::end::How;

use super::super::What;
use super::*;
use crate::error::HostFailure;

#[test]
fn agents_are_left_behind_only_by_a_target_that_was_given_the_time_to_end_them() {
    let deaf = Deeds { deaf_to: vec!["stop"], ..Deeds::default() };
    let dies = Deeds { dies_at_ns: Some(4 * SECOND), ..Deeds::default() };
    let cases = [
        (Deeds::default(), None, Some(0)),
        (deaf, None, Some(0)),
        (dies, None, Some(0)),
        (Deeds::default(), Some((50 * MS, What::Interrupted)), None),
        (Deeds::default(), Some((4 * SECOND, What::HostFailed(HostFailure::GuardianGone))), None),
    ];
    for (deeds, cut_short, expected) in cases {
        let mut run = Simulation::new(plan(8), deeds);
        if let Some((at_ns, what)) = cut_short {
            run.at(at_ns, what);
        }
        let run = run.run();
        assert_eq!(run.end().left_behind, expected, "{:?}", run.end().how);
        assert!(expected.is_some() || run.end().how != How::Finished);
    }
}
