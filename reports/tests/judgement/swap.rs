//! A target of which a part was swapped out: what it holds is not what is resident.

use evidence::gate::{Gate, MetricRef, Op};
use evidence::sample::{Group, Sample};
use reports::{Name, Outcome, Verdict};

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
        ("a leak, counted", &LEAK, true, the_leak, [NoGo, NoGo, NoGo, Go, NoGo, Go, Go, Go, Go]),
        (
            "a leak, not counted, so that it seems steady",
            &STEADY,
            false,
            the_leak,
            [Unknown, Unknown, Unknown, Unknown, Unknown, Unknown, Unknown, Unknown, Go],
        ),
        ("a steady target of which the same part is always out", &STEADY, true, always_the_same, [Go; 9]),
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
        for gate in verdict.gates.iter().filter(|g| !counts_swap && g.outcome == Unknown) {
            assert_eq!(Some(gate.why.as_str()), told, "{case}: {}", gate.id);
        }
    }
}

#[test]
fn what_was_swapped_out_is_told_with_how_much_and_when() {
    let mut fixture = soak(&STEADY);
    // In the middle of the run, and of the workers alone.
    let middle = fixture.samples[fixture.samples.len() / 2].at_ns;
    let workers = |s: &&mut Sample| s.group == Group::Worker && s.at_ns == middle;
    fixture.samples.iter_mut().find(workers).unwrap().swap = Some(12 << 20);
    let told = |fixture: &Fixture| {
        let verdict = fixture.judged();
        verdict.coverage.into_iter().find(|c| c.id == "swap").unwrap().why
    };
    let counted = told(&fixture);
    insta::assert_snapshot!(counted, @"12 MiB of the target was swapped out at 40 min");
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

/// What becomes of these gates where at the tick of this row all workers together have `held` MiB in memory, and so much
/// has the largest of them, and this much is swapped out of them.
fn with_swapped(row: usize, held: u64, swap: Option<u64>, gates: &[Gate]) -> Vec<(Outcome, String)> {
    let mut fixture = soak(&STEADY);
    fixture.manifest.gates = gates.to_vec();
    let at_ns = fixture.samples[row].at_ns;
    let workers = |s: &&mut Sample| s.group == Group::Worker && s.at_ns == at_ns;
    let sample = fixture.samples.iter_mut().find(workers).unwrap();
    (sample.rss_max, sample.pss_max, sample.pss_sum) = (Some(held << 20), Some(held << 20), Some(held << 20));
    (sample.swap, sample.private_max) = (swap, swap.map(|swap| (held << 20) + swap));
    let verdict = fixture.judged();
    let of = |gate: &Gate| verdict.gates.iter().find(|judged| judged.id == gate.id).unwrap();
    gates.iter().map(|gate| (of(gate).outcome, of(gate).why.clone())).collect()
}

/// A row in the middle of the run.
const MIDDLE: usize = 1000;

#[test]
fn what_was_swapped_out_decides_only_where_the_limit_lies_within_it() {
    use Outcome::{Go, Inconclusive as Unknown, NoGo};
    let resident: Vec<Gate> =
        ["memory.rss.max", "memory.pss.max", "memory.total.max", "memory.total.max[worker]"]
            .map(|metric| gate(&format!("{metric} < 512MiB"), Op::Less, 512.0 * MIB))
            .to_vec();
    for (held, swap, expected) in [
        (100, Some(4096), Go),
        (500, Some(0), Go),
        (500, Some(50 << 20), Unknown),
        (500, None, Unknown),
        (600, Some(4096), NoGo),
        (600, None, NoGo),
    ] {
        for (outcome, why) in with_swapped(MIDDLE, held, swap, &resident) {
            assert_eq!(outcome, expected, "{held} MiB and {swap:?} bytes swapped out: {why}");
        }
    }
    let why = |swap| with_swapped(MIDDLE, 500, swap, &resident[..1]).remove(0).1;
    insta::assert_snapshot!(why(Some(50 << 20)), @"500 MiB (500 MiB – 550 MiB) may or may not be < 512 MiB; up to 50 MiB more was swapped out; a host that swaps nothing would settle it");
    insta::assert_snapshot!(why(None), @"≥ 500 MiB (500 MiB – ?) may or may not be < 512 MiB; how much more was swapped out could not be read");
}

#[test]
fn what_was_swapped_out_concerns_its_own_role_and_phase() {
    use Outcome::{Go, Inconclusive as Unknown};
    let gates = [
        "memory.rss.max[worker] < 512MiB",
        "memory.rss.max[worker] < 512MiB during hold",
        "memory.rss.max[master] < 512MiB",
        "memory.rss.max[master] < 512MiB during hold",
    ]
    .map(|id| gate(id, Op::Less, 512.0 * MIB));
    for (row, expected) in [(MIDDLE, [Unknown, Unknown, Go, Go]), (0, [Unknown, Go, Go, Go])] {
        let found = with_swapped(row, 1, Some(1 << 30), &gates);
        let outcomes: Vec<Outcome> = found.iter().map(|(outcome, _)| *outcome).collect();
        assert_eq!(outcomes, expected, "{found:?}");
    }
}

#[test]
fn the_mean_of_a_process_has_its_part_of_what_was_swapped_out() {
    let mut fixture = soak(&STEADY);
    for sample in &mut fixture.samples {
        (sample.pss_sum, sample.pss_processes) = (Some(10 << 20), Some(1));
        sample.swap = Some(u64::from(sample.processes) << 20);
    }
    let verdict = fixture.judged();
    let metric = MetricRef { name: "memory.pss.mean".to_owned(), selector: Some("worker".to_owned()) };
    let mean = &verdict.findings[&Name { metric, phase: None }];
    assert_eq!((mean.value, mean.interval.hi), (10.0 * MIB, 11.0 * MIB));
}
