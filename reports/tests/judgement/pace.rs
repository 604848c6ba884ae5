//! A host that becomes slower or faster during a run: the harness then needs more or less CPU time for the same work.

use evidence::gate::Op;
use evidence::sample::Group;
use reports::{Outcome, Verdict};

use crate::fixture::gate;
use crate::soak::{Planted, STEADY, soak};

/// Rounds of 4 ms that come to take half as long again within eighty minutes.
const SLOWER: Planted = Planted { took_ms: |h| 4.0 + 1.5 * h, ..STEADY };

/// What comes of the gates on times if the harness comes to need so much more of the CPU for each task, as a share.
fn judged(planted: &Planted, more: f64) -> Verdict {
    let mut fixture = soak(planted);
    fixture.manifest.gates = vec![
        gate("coordination.drift < 20%", Op::Less, 0.2),
        gate("response.drift < 20%", Op::Less, 0.2),
        gate("memory.growth.run < 3%", Op::Less, 0.03),
    ];
    let ticks = planted.ticks as f64;
    let own = fixture.samples.iter_mut().filter(|s| s.group == Group::Harness);
    for (tick, sample) in (0_u32..).zip(own) {
        let tick = f64::from(tick);
        sample.cpu_ns = Some((1e6 * (tick + more * tick * tick / (2.0 * ticks))) as u64);
    }
    fixture.judged()
}

fn outcome(verdict: &Verdict, id: &str) -> Outcome {
    verdict.gates.iter().find(|g| g.id == id).unwrap().outcome
}

#[test]
fn a_drift_that_the_host_explains_or_hides_is_not_decided_and_one_that_it_does_not_is() {
    use Outcome::{Go, Inconclusive as Unknown, NoGo};
    for (planted, more, expected) in [
        (&SLOWER, 0.0, NoGo),
        // As much slower as the host.
        (&SLOWER, 0.5, Unknown),
        // Faster, so that more of it is the target's.
        (&SLOWER, -0.3, NoGo),
        // A part of it is the host's, but not enough.
        (&SLOWER, 0.1, NoGo),
        (&STEADY, 0.0, Go),
        // The times should have become shorter.
        (&STEADY, -0.4, Unknown),
        (&STEADY, 0.5, Go),
    ] {
        let verdict = judged(planted, more);
        for id in ["coordination.drift < 20%", "response.drift < 20%"] {
            assert_eq!(outcome(&verdict, id), expected, "{more}: {}", reports::terminal(&verdict, None));
        }
        assert_eq!(outcome(&verdict, "memory.growth.run < 3%"), Go, "memory does not depend on it");
        if more.abs() < 0.2 && more != 0.0 {
            continue;
        }
        let noted = verdict.coverage.iter().any(|c| c.id == "pace");
        assert_eq!(noted, more.abs() >= 0.2, "{more}: {:?}", verdict.course.pace);
    }
}

#[test]
fn what_the_host_did_is_said_where_it_decides() {
    let verdict = judged(&SLOWER, 0.5);
    let gate = verdict.gates.iter().find(|g| g.id == "coordination.drift < 20%").unwrap();
    insta::assert_snapshot!(gate.why);
}
