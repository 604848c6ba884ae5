//! What a user would notice of the analysis of one series.

use proptest::prelude::*;

use super::{Drift, Point, Question, Series, Shape, confidence_at, drift, drifting, levels, pooled};

const KIB: f64 = 1_024.0;
const MIB: f64 = 1_024.0 * KIB;
const HOUR: f64 = 3_600.0;

/// Samples once a second.
fn every_second(n: u32, value: impl Fn(f64) -> f64) -> Series {
    let point = |i: u32| Point { at_s: f64::from(i), value: value(f64::from(i)), work: 10.0 * f64::from(i) };
    Series { points: (0..n).map(point).collect(), ..Series::default() }
}

/// Numbers between -1 and 1 that look like chance and are the same every time.
fn noise(t: f64) -> f64 {
    let x = (t * 12.989_8 + 4.1).sin() * 43_758.545_3;
    2.0 * (x - x.floor()) - 1.0
}

fn judged(series: &Series) -> Drift {
    drift(series, &Question::over(HOUR))
}

/// The mean private memory of 100 workers in pages, each of which leaks from a moment of its own on.
fn hundred_workers(leak_per_min: f64) -> Series {
    let resident = |worker: u32, t: f64| {
        let warm = 300.0 * KIB * (1.0 - (-t / 5.0).exp());
        let held = 2.0 * MIB + warm + leak_per_min * t / 60.0 + 37.0 * f64::from(worker);
        (held / (4.0 * KIB)).ceil() * 4.0 * KIB
    };
    let series = every_second(600, |t| (0..100).map(|worker| resident(worker, t)).sum::<f64>() / 100.0);
    Series { declared_warm_up_s: 30.0, quantum: Some(4.0 * KIB / 100.0), ..series }
}

#[test]
fn a_leak_of_64_kib_a_minute_lies_within_its_interval_after_ten_minutes() {
    let found = judged(&hundred_workers(64.0 * KIB));
    let per_minute = found.per_hour.times(1.0 / 60.0);
    assert_eq!(found.shape, Shape::Drifting, "{found:?}");
    assert!(per_minute.lo <= 64.0 * KIB && 64.0 * KIB <= per_minute.hi, "{per_minute:?}");
    assert!(found.per_hour.lo > MIB, "{per_minute:?}");
}

#[test]
fn its_clean_twin_passes_a_gate_of_a_mebibyte_an_hour() {
    let found = judged(&hundred_workers(0.0));
    assert!(found.per_hour.hi < MIB && found.per_hour.lo <= 0.0, "{found:?}");
    assert!(found.smallest_visible_per_hour < MIB, "{found:?}");
}

#[test]
fn a_count_that_never_changes_may_grow_by_less_than_one_by_the_hour_by_the_work_and_to_its_limit() {
    let series = Series { quantum: Some(1.0), ..every_second(600, |_| 9.0) };
    let found = drift(&series, &Question { limit: Some(1_009.0), ..Question::over(HOUR) });
    let (per_work, left) = (found.per_work.unwrap(), found.exhaustion.unwrap());
    // One in the 599 s and 5,990 tasks that were seen.
    assert!((found.per_hour.hi - HOUR / 599.0).abs() < 1e-9, "{found:?}");
    assert!((per_work.hi - 1.0 / 5_990.0).abs() < 1e-9 && per_work.lo < 0.0, "{per_work:?}");
    assert!((left.lo - 1_000.0 / found.per_hour.hi).abs() < 1e-6 && left.value.is_infinite(), "{left:?}");
}

#[test]
fn growth_by_the_work_is_as_uncertain_as_that_by_the_clock_where_a_step_may_be_growth() {
    let series = every_second(600, |t| 100.0 + noise(t) + if t > 400.0 { 8.0 } else { 0.0 });
    let (found, per_s) = (judged(&series), 10.0);
    let per_work = found.per_work.unwrap();
    assert_eq!(found.shape, Shape::Step);
    assert!(per_work.hi >= found.per_hour.hi / HOUR / per_s - 1e-12, "{per_work:?} {:?}", found.per_hour);
}

#[test]
fn each_shape_has_its_name() {
    let steady = |t: f64| 100.0 + noise(t);
    let cases: [(&str, Shape, Series); 7] = [
        ("noise", Shape::Flat, every_second(600, steady)),
        ("growth", Shape::Drifting, every_second(600, |t| steady(t) + t / 50.0)),
        ("shrinking", Shape::Drifting, every_second(600, |t| steady(t) - t / 50.0)),
        ("approach", Shape::Settling, every_second(600, |t| steady(t) - 40.0 * (-t / 200.0).exp())),
        ("teeth", Shape::Sawtooth, every_second(600, |t| steady(t) + t % 25.0)),
        ("a step", Shape::Step, every_second(600, |t| steady(t) + if t > 400.0 { 8.0 } else { 0.0 })),
        ("few samples", Shape::TooShort, every_second(6, steady)),
    ];
    for (name, shape, series) in cases {
        let found = judged(&series);
        assert_eq!(found.shape, shape, "{name}: {found:?}");
        assert!(!found.why.is_empty(), "{name}");
    }
}

#[test]
fn a_series_that_cannot_tell_neither_passes_nor_fails() {
    let few = judged(&every_second(6, |t| t));
    assert!(few.per_hour.lo < -1e12 && few.per_hour.hi > 1e12 && few.hours_needed.is_some(), "{few:?}");
    let settling = judged(&every_second(600, |t| noise(t) - 40.0 * (-t / 200.0).exp()));
    assert!(settling.per_hour.lo <= 0.0 && settling.per_hour.hi > 0.0, "{settling:?}");
}

#[test]
fn a_run_of_the_hours_that_are_named_for_a_slope_has_one() {
    let disturbed =
        |n: u32, until_s: f64| Series { excluded: vec![(2.0, until_s)], ..every_second(n, noise) };
    for (n, until_s) in [(3, 0.0), (6, 0.0), (30, 25.0), (30, 40.0), (300, 296.0)] {
        let few = judged(&disturbed(n, until_s));
        assert_eq!(few.shape, Shape::TooShort, "{n}: {few:?}");
        let seconds = few.hours_needed.unwrap() * HOUR;
        let enough = judged(&disturbed(seconds.ceil() as u32, until_s));
        assert_ne!(enough.shape, Shape::TooShort, "{n}: {seconds} s: {enough:?}");
    }
}

#[test]
fn one_step_up_is_no_drift_but_does_not_pass_as_none() {
    let found = judged(&every_second(600, |t| noise(t) + if t > 400.0 { 50.0 } else { 0.0 }));
    assert_eq!(found.steps.len(), 1, "{found:?}");
    assert!((found.steps[0].at_s - 401.0).abs() < 3.0 && (found.steps[0].by - 50.0).abs() < 3.0, "{found:?}");
    assert!(found.over_run.lo <= 0.0 && found.over_run.hi > 50.0, "{found:?}");
}

#[test]
fn a_step_at_a_fault_names_the_fault() {
    let mut series = every_second(600, |t| noise(t) + if t > 400.0 { 50.0 } else { 0.0 });
    series.faults = vec![(200.0, "pause-1".into()), (398.0, "kill-2".into())];
    assert_eq!(judged(&series).steps[0].fault.as_deref(), Some("kill-2"));
}

#[test]
fn what_each_fault_leaves_behind_is_measured_against_moments_without_one() {
    let leak = |t: f64| 5.0 * (t / 100.0).floor() + 0.2 * noise(t);
    let mut series = every_second(1_000, leak);
    series.faults = (1..10).map(|k| (100.0 * f64::from(k), format!("kill-{k}"))).collect();
    let each = judged(&series).per_fault.expect("nine faults");
    assert!(each.lo > 4.0 && each.lo <= 5.0 && each.hi >= 5.0 && each.hi < 6.0, "{each:?}");
    let mut clean = every_second(1_000, |t| t / 50.0 + 0.2 * noise(t));
    clean.faults = series.faults;
    let each = judged(&clean).per_fault.expect("nine faults");
    assert!(each.lo <= 0.0 && each.hi < 1.0, "growth in time is none at faults: {each:?}");
}

#[test]
fn excluded_windows_leave_slopes() {
    let burst = |t: f64| if (500.0..600.0).contains(&t) { 1e6 } else { 0.0 };
    let mut series = every_second(600, |t| noise(t) + burst(t));
    series.excluded = vec![(500.0, 600.0)];
    let found = judged(&series);
    assert_eq!((found.shape, found.n), (Shape::Flat, 500), "{found:?}");
}

#[test]
fn a_restart_begins_a_segment_and_its_level_is_no_drift() {
    let mut series = every_second(600, |t| noise(t) + if t < 300.0 { 0.0 } else { 500.0 });
    series.breaks = vec![300.0];
    let found = judged(&series);
    assert_eq!(found.shape, Shape::Flat, "{found:?}");
    series.points.iter_mut().for_each(|p| p.value += (p.at_s % 300.0) / 20.0);
    let found = judged(&series);
    assert!(found.per_hour.lo <= HOUR / 20.0 && HOUR / 20.0 <= found.per_hour.hi, "{found:?}");
    assert_eq!(found.shape, Shape::Drifting, "{found:?}");
}

#[test]
fn nothing_is_put_into_a_gap() {
    let mut series = every_second(900, |t| noise(t) + t / 60.0);
    series.points.retain(|p| !(300.0..600.0).contains(&p.at_s));
    let found = judged(&series);
    assert_eq!(found.n, 600);
    assert!(found.per_hour.lo <= 60.0 && 60.0 <= found.per_hour.hi, "{found:?}");
}

#[test]
fn a_constant_count_is_known_to_one_unit_and_no_better() {
    let found = judged(&Series { quantum: Some(1.0), ..every_second(600, |_| 12.0) });
    assert_eq!(found.shape, Shape::Flat);
    assert!((found.over_run.hi - 1.0).abs() < 0.01 && (found.over_run.lo + 1.0).abs() < 0.01, "{found:?}");
}

#[test]
fn a_count_that_begins_anew_is_known_to_one_unit_of_its_longest_life() {
    // It grows by nine tenths of a unit in each life, and shows nothing of it.
    let series = Series {
        quantum: Some(1.0),
        breaks: (1..10).map(|life| 60.0 * f64::from(life)).collect(),
        ..every_second(600, |t| (t % 60.0 * 0.9 / 60.0).floor())
    };
    let found = judged(&series);
    assert!(found.per_hour.hi >= 0.9 * 60.0, "{found:?}");
    assert!(found.smallest_visible_per_hour >= 60.0, "{found:?}");
}

/// Twenty lives of thirty seconds. Each is flat at a level of its own; the levels rise so much an hour.
fn twenty_lives(seed: u32, per_hour: f64) -> Series {
    let level = |t: f64| {
        let life = (t / 30.0).floor();
        4.5 * MIB + 50.0 * KIB * noise(life + 100.0 * f64::from(seed)) + per_hour * life * 30.0 / HOUR
    };
    let breaks = (1..20).map(|life| 30.0 * f64::from(life)).collect();
    Series { quantum: Some(4.0 * KIB), breaks, ..every_second(600, level) }
}

#[test]
fn the_levels_of_lives_that_begin_anew_are_compared_as_noise_without_memory() {
    let seeds = || 0..400_u32;
    let found = |seed: u32, per_hour: f64| judged(&levels(&twenty_lives(seed, per_hour)));
    let share = |count: usize| count as f64 / 400.0;
    let alarms = seeds().filter(|seed| found(*seed, 0.0).per_hour.lo > 0.0).count();
    assert!(share(alarms) <= 0.02, "{alarms} false alarms");
    let decided = seeds().filter(|seed| found(*seed, 0.0).per_hour.hi < MIB).count();
    assert!(share(decided) >= 0.9, "{decided} pass a gate of a mebibyte an hour");
    let seen = |seed: &u32| found(*seed, found(1_000, 0.0).smallest_visible_per_hour).per_hour.lo > 0.0;
    let seen = seeds().filter(seen).count();
    assert!(share(seen) >= 0.8, "{seen} of the smallest visible drift are found");
}

#[test]
fn exhaustion_is_bounded_by_the_slope_and_infinite_without_one() {
    let asked = Question { limit: Some(200.0), ..Question::over(HOUR) };
    let grows =
        drift(&every_second(600, |t| 100.0 + noise(t) + t / 60.0), &asked).exhaustion.expect("a limit");
    assert!(grows.lo < 1.5 && 1.5 < grows.hi && grows.hi < 2.0, "90 units at 60 an hour: {grows:?}");
    let flat = drift(&every_second(600, |t| 100.0 + noise(t)), &asked).exhaustion.expect("a limit");
    assert!(flat.hi.is_infinite() && flat.lo > 10.0, "{flat:?}");
}

#[test]
fn growth_is_told_per_unit_of_work() {
    let per_work = judged(&every_second(600, |t| noise(t) + t / 20.0)).per_work.expect("work was done");
    assert!(per_work.lo <= 0.005 && 0.005 <= per_work.hi && per_work.lo > 0.0, "{per_work:?}");
    let mut idle = every_second(600, noise);
    idle.points.iter_mut().for_each(|p| p.work = 0.0);
    assert_eq!(judged(&idle).per_work, None);
}

#[test]
fn too_coarse_a_run_says_how_many_hours_it_needs() {
    let asked = Question { slack: 0.01, ..Question::over(HOUR) };
    let hours = drift(&every_second(600, noise), &asked).hours_needed.expect("not fine enough");
    assert!(hours > 600.0 / HOUR, "{hours}");
}

#[test]
fn of_two_hundred_agents_only_those_that_leak_are_named() {
    let agents: Vec<Drift> = (0..200)
        .map(|agent| {
            let leak = if agent % 50 == 7 { 0.02 } else { 0.0 };
            judged(&every_second(300, |t| noise(t + 1_000.0 * f64::from(agent)) + leak * t))
        })
        .collect();
    assert_eq!(drifting(&agents, 0.01), vec![7, 57, 107, 157]);
}

#[test]
fn the_errors_of_all_looks_add_up_to_that_of_one() {
    let spent: f64 = (1..=10).map(|look| 1.0 - confidence_at(0.99, look, 10)).sum();
    assert!((spent - 0.01).abs() < 1e-9, "{spent}");
    assert!(confidence_at(0.99, 1, 10) > 0.999_999, "the first look is nearly free of alarms");
    assert!((confidence_at(0.99, 1, 1) - 0.99).abs() < 1e-9);
}

#[test]
fn agents_that_move_together_are_no_more_certain_than_one() {
    let wander = |t: f64| 3.0 * (t / 60.0).sin() + 2.0 * (t / 37.0).sin();
    let agent = |k: u32| every_second(600, |t| wander(t) + 0.1 * noise(t + 1_000.0 * f64::from(k)));
    let one = judged(&agent(0));
    let all = judged(&pooled(&(0..50).map(agent).collect::<Vec<_>>()));
    let width = |found: &Drift| found.per_hour.hi - found.per_hour.lo;
    assert!(width(&all) > 0.5 * width(&one), "{all:?} {one:?}");
    let apart = |k: u32| every_second(600, |t| noise(t + 1_000.0 * f64::from(k)));
    let alone = judged(&apart(0));
    let together = judged(&pooled(&(0..50).map(apart).collect::<Vec<_>>()));
    assert!(width(&together) < 0.3 * width(&alone), "independent agents are: {together:?} {alone:?}");
}

#[test]
fn an_agent_that_joins_changes_the_mean_and_is_no_drift() {
    let mut late = every_second(600, |t| 500.0 + noise(t));
    late.points.retain(|p| p.at_s >= 300.0);
    let all = pooled(&[every_second(600, |t| noise(t + 7_000.0)), late]);
    assert_eq!(all.breaks, vec![300.0]);
    assert_eq!(judged(&all).shape, Shape::Flat);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_series_breaks_the_analysis(
        values in prop::collection::vec(prop_oneof![4 => -1e12..1e12, 1 => Just(0.0), 1 => Just(f64::NAN)], 0..200),
        breaks in prop::collection::vec(0.0..200.0, 0..4),
        excluded in prop::collection::vec((0.0..200.0, 0.0..50.0), 0..4),
    ) {
        let points = values.iter().zip(0_u32..).map(|(v, i)| Point { at_s: f64::from(i), value: *v, work: 0.0 });
        let series = Series {
            points: points.collect(),
            breaks,
            faults: excluded.iter().map(|(at, _): &(f64, f64)| (*at, "fault".to_owned())).collect(),
            excluded: excluded.iter().map(|(at, length)| (*at, at + length)).collect(),
            ..Series::default()
        };
        let found = judged(&series);
        prop_assert!(found.per_hour.lo <= found.per_hour.value && found.per_hour.value <= found.per_hour.hi, "{:?}", found);
        prop_assert!(!found.n_eff.is_nan() && !found.smallest_visible_per_hour.is_nan());
    }

    #[test]
    fn units_and_levels_do_not_matter(scale in 0.001..1000.0_f64, level in -1e6..1e6_f64) {
        let one = judged(&every_second(300, |t| noise(t) + t / 100.0));
        let other = judged(&every_second(300, |t| level + scale * (noise(t) + t / 100.0)));
        prop_assert_eq!(one.shape, other.shape);
        prop_assert!((one.per_hour.lo * scale - other.per_hour.lo).abs() < 1e-3 * scale * one.per_hour.hi.abs());
    }
}
