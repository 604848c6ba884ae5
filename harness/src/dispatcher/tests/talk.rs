//! A target that talks too much.

use evidence::end::How;
use protocol::{How as Sign, Report};

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
    assert!(run.events.len() < 50_100, "what came after is not written down: {}", run.events.len());
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
