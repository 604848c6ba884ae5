//! A target of which a part was swapped out: what it holds is not what is resident.

use evidence::gate::{Gate, Op};
use evidence::sample::Group;
use reports::{Outcome, Verdict};

use crate::fixture::{Fixture, gate};
use crate::soak::{Planted, STEADY, soak};

const MIB: f64 = 1024.0 * 1024.0;

/// 40 MiB at first and 4 MiB more each hour.
const LEAK: Planted = Planted { memory: |h| (40.0 + 4.0 * h) * MIB, ..STEADY };

fn gates() -> Vec<Gate> {
    vec![
        gate("memory.growth < 5%/h", Op::Less, 0.05),
        gate("memory.growth.bytes[worker] < 1MiB/h", Op::Less, MIB),
        gate("memory.growth.run < 3%", Op::Less, 0.03),
        gate("memory.exhaustion > 12h", Op::Greater, 12.0 * 3600.0),
        gate("agents.drifting == 0", Op::Equal, 0.0),
        gate("memory.private.max < 100MiB", Op::Less, 100.0 * MIB),
        gate("memory.rss.max < 100MiB", Op::Less, 100.0 * MIB),
        gate("memory.total.max < 10GiB", Op::Less, 10_240.0 * MIB),
        gate("descriptors.growth < 1/h", Op::Less, 1.0),
    ]
}

/// Of each process of the target this much is swapped out, as a function of the hours under load.
fn swapped(fixture: &mut Fixture, swap: fn(f64) -> f64) {
    let first_ns = fixture.samples[0].at_ns;
    for sample in fixture.samples.iter_mut().filter(|s| s.group != Group::Harness) {
        let hours = (sample.at_ns - first_ns) as f64 / 3.6e12;
        sample.swap = Some(swap(hours) as u64 * u64::from(sample.processes));
    }
}

/// What each gate came to, in the order of [`gates`].
fn outcomes(verdict: &Verdict) -> Vec<Outcome> {
    let of = |gate: &Gate| verdict.gates.iter().find(|judged| judged.id == gate.id).unwrap().outcome;
    gates().iter().map(of).collect()
}

#[test]
fn a_leak_that_is_swapped_out_is_never_go() {
    use Outcome::{Go, Inconclusive as Unknown, NoGo};
    type Swap = fn(f64) -> f64;
    let nothing: Swap = |_| 0.0;
    let the_leak: Swap = |h| 4.0 * h * MIB;
    let always_the_same: Swap = |_| 8.0 * MIB;
    // What private memory shows, whether it holds what is swapped out, and how much that is.
    let cases: [(&str, &Planted, bool, Swap, [Outcome; 9]); 5] = [
        ("nothing is swapped out", &STEADY, true, nothing, [Go; 9]),
        ("nor was it when swap did not count", &STEADY, false, nothing, [Go; 9]),
        ("a leak, counted", &LEAK, true, the_leak, [NoGo, NoGo, NoGo, Go, NoGo, Go, Unknown, Unknown, Go]),
        (
            "a leak, not counted, so that it seems steady",
            &STEADY,
            false,
            the_leak,
            [Unknown, Unknown, Unknown, Unknown, Unknown, Unknown, Unknown, Unknown, Go],
        ),
        (
            "a steady target of which the same part is always out",
            &STEADY,
            true,
            always_the_same,
            [Go, Go, Go, Go, Go, Go, Unknown, Unknown, Go],
        ),
    ];
    for (case, planted, counts_swap, swap, expected) in cases {
        let mut fixture = soak(planted);
        fixture.manifest.sampling.counts_swap = counts_swap;
        fixture.manifest.host.memory = 1 << 40;
        fixture.manifest.gates = gates();
        swapped(&mut fixture, swap);
        let verdict = fixture.judged();
        assert_eq!(outcomes(&verdict), expected, "{case}: {}", reports::terminal(&verdict, None));
        let told = verdict.coverage.iter().find(|c| c.id == "swap").map(|c| c.why.as_str());
        assert_eq!(told.is_some(), verdict.course.swapped.is_some(), "{case}");
        for gate in verdict.gates.iter().filter(|g| g.outcome == Unknown) {
            assert_eq!(Some(gate.why.as_str()), told, "{case}: {}", gate.id);
        }
    }
}

#[test]
fn what_was_swapped_out_is_told_with_how_much_and_when() {
    let mut fixture = soak(&STEADY);
    // In the middle of the run, and of the workers alone.
    let middle = fixture.samples[fixture.samples.len() / 2].at_ns;
    let workers = |s: &&mut evidence::sample::Sample| s.group == Group::Worker && s.at_ns == middle;
    fixture.samples.iter_mut().find(workers).unwrap().swap = Some(12 << 20);
    let told = |fixture: &Fixture| {
        let verdict = fixture.judged();
        verdict.coverage.into_iter().find(|c| c.id == "swap").unwrap().why
    };
    let counted = told(&fixture);
    insta::assert_snapshot!(counted, @"12 MiB of the target was swapped out at 40 min: its resident memory was less than what it held; its private memory counts both");
    fixture.manifest.sampling.counts_swap = false;
    insta::assert_snapshot!(told(&fixture), @"12 MiB of the target was swapped out at 40 min: its private memory was read without that, so that what it held is not known");
}

#[test]
fn what_is_too_much_without_the_swap_is_too_much() {
    let mut fixture = soak(&STEADY);
    fixture.manifest.sampling.counts_swap = false;
    fixture.manifest.gates = vec![
        gate("memory.private.max < 30MiB", Op::Less, 30.0 * MIB),
        gate("memory.total.max < 1KiB", Op::Less, 1024.0),
    ];
    swapped(&mut fixture, |_| MIB);
    let verdict = fixture.judged();
    assert!(
        verdict.gates.iter().all(|g| g.outcome == Outcome::NoGo),
        "{}",
        reports::terminal(&verdict, None)
    );
}
