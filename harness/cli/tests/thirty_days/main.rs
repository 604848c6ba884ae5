//! Months in seconds: the real dispatcher and the real recorder, a swarm that is simulated, the scenarios of the
//! repository with fewer ticks and rounds.
//!
//! The whole month, a tick each ten seconds, is `cargo bench -p shakedown --bench thirty_days`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod month;
mod world;

use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use evidence::event::{ClockChange, Edge, Fact};
use evidence::round::Round;
use harness::recorder::Record;
use scenarios::plan::Plan;
use world::{Clock, DAY, HOUR, SECOND, World};

/// The memory of this process is measured; nothing else may happen in it.
static ALONE: Mutex<()> = Mutex::new(());

/// How long a round may have to be waited for by a fault that needs one.
const ROUND: u64 = HOUR;
const SLEEP: (u64, u64) = (5 * DAY, 2 * HOUR);
const SET_BACK: (u64, i64) = (9 * DAY, -3_600_000_000_000);

/// Fewer ticks, rounds and jobs, at the same times of the day.
const COARSE: [(&str, &str); 6] = [
    ("sample.every", "20m"),
    ("sample.slow_every", "4h"),
    ("workload.rounds.every", "1h"),
    ("workload.arrivals.daily.0.poisson", "1/h"),
    ("workload.arrivals.daily.1.poisson", "6/h"),
    ("workload.arrivals.daily.2.poisson", "2/h"),
];

#[test]
fn a_month_of_500_agents_happens_when_it_should_and_leaves_the_harness_as_it_was() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let loaded = month::plan("soak/30d-500.yaml", &COARSE);
    let folder = tempfile::tempdir().unwrap();
    let mut memory: Vec<(u64, u64)> = Vec::new();
    let clock = Clock { sleeps: Some(SLEEP), is_set: Some(SET_BACK) };
    let world = month::carry_out(folder.path(), &loaded, clock, |own| {
        memory.push((own.at_ns / DAY, own.private_sum.unwrap()));
    });
    stays_as_it_was(&memory);
    is_whole(folder.path(), &world);
    clocks_are_told(folder.path());
    let week = |n: u64| (58 + 168 * n) * HOUR..(58 + 6 + 168 * n) * HOUR + ROUND + SECOND;
    happens_within(&world, "weekly", &[week(0), week(1), week(2), week(3)], 3);
    let day = [(0, 100), (7, 300), (9, 500), (18, 300), (22, 100)];
    follows_the_day(&evidence::round::rounds(folder.path()).unwrap(), &day, 600);
}

/// Private memory of this process by day. What is kept of a round, a task or an interval
/// would be some mebibytes after a month.
fn stays_as_it_was(memory: &[(u64, u64)]) {
    let most =
        |days: Range<u64>| memory.iter().filter(|(day, _)| days.contains(day)).map(|(_, bytes)| *bytes).max();
    let (before, after) = (most(1..5).unwrap(), most(26..30).unwrap());
    assert!(after < before + (1 << 20), "{before} bytes in the first days, {after} in the last");
    assert!(after < 64 << 20, "{after}");
}

fn is_whole(run: &Path, world: &World) {
    let end = evidence::end::End::read(run).unwrap().unwrap();
    assert_eq!((&end.how, end.dropped_records), (&evidence::end::How::Finished, 0));
    assert_eq!(end.damage(run), None);
    let of = &end.ledger;
    assert_eq!(of.sent, of.in_time, "{of:?}");
    assert_eq!(end.ticks.planned, end.ticks.in_time);
    assert!(end.ticks.planned >= 30 * 72 && of.sent > 150_000, "{end:?}");
    is_as_large_as_told(run, world.state.plan());
}

/// The run is judged, and what it then holds on disk is what `plan` says, within a fifth.
fn is_as_large_as_told(run: &Path, plan: &Plan) {
    reports::render(run).unwrap();
    let files = month::on_disk(run, plan);
    let off = month::off(&files);
    assert!(
        off.abs() <= 0.2,
        "{}: {:+.0} %, of each file told and found: {files:?}",
        plan.scenario,
        off * 100.0
    );
}

/// A sleep and a step of the wall clock are told once, and move nothing.
fn clocks_are_told(run: &Path) {
    let events = evidence::event::read(run).unwrap();
    let changes: Vec<_> = events
        .iter()
        .filter_map(|event| match event.fact {
            Fact::Clock { change, by_ns } => Some((event.at_ns / DAY, change, by_ns / 1_000_000_000)),
            _ => None,
        })
        .collect();
    assert_eq!(changes, [(5, ClockChange::Suspended, 7_200), (9, ClockChange::Stepped, -3_600)]);
    let points =
        events.iter().filter(|e| matches!(e.fact, Fact::Quiesce { edge: Edge::End, .. })).map(|e| e.at_ns);
    let points: Vec<u64> = points.map(|at_ns| (at_ns - World::ZERO_NS) / HOUR).collect();
    let expected: Vec<u64> = (1..=points.len() as u64).map(|n| 1 + 6 * n).collect();
    assert_eq!((points.len(), points), (119, expected));
}

/// The occurrences of a fault: one in each window, in order, each with so many victims.
fn happens_within(world: &World, id: &str, windows: &[Range<u64>], victims: usize) {
    let of = |plan: &Plan, fault: usize| plan.faults[fault].id.starts_with(id);
    let mine = world.injected.iter().filter(|(_, fault, _)| of(world.state.plan(), *fault));
    let found: Vec<(u64, usize)> = mine.map(|(at, _, count)| (at - World::ZERO_NS, *count)).collect();
    assert_eq!(found.len(), windows.len(), "{id}: {found:?}");
    for ((at_ns, count), window) in found.iter().zip(windows) {
        assert!(window.contains(at_ns), "{id} at {} h, not within {window:?}", at_ns / HOUR);
        assert_eq!(*count, victims, "{id}");
    }
}

/// Every round went to as many workers as take part from that hour of the day on.
fn follows_the_day(rounds: &[Round], day: &[(u64, u32)], least: usize) {
    assert!(rounds.len() >= least, "{} rounds", rounds.len());
    for round in rounds {
        let sent_ns = round.started_ns.unwrap() - World::ZERO_NS;
        let expected = day.iter().rfind(|(from, _)| *from <= sent_ns % DAY / HOUR).unwrap().1;
        assert_eq!(round.expected, expected, "{} h after the start", sent_ns / HOUR);
    }
}

/// A plan carried out, and its rounds.
fn passed(file: &str) -> (World, Vec<Round>) {
    let mut rounds = Vec::new();
    let mut world = World::new(month::plan(file, &COARSE[..3]).plan, Clock::default());
    world.run(|_, record| {
        if let Record::Round(round) = record {
            rounds.push(round);
        }
    });
    (world, rounds)
}

/// A day of so many ticks that everything is kept in tiers.
const DAY_IN_TIERS: [(&str, &str); 4] = [
    ("phases.hold", "1d"),
    ("sample.every", "4s"),
    ("sample.slow_every", "4s"),
    ("workload.rounds.every", "12s"),
];

/// Short and long, small and large, with and without kills. The month above has single tasks beside its rounds.
#[test]
fn what_a_run_holds_on_disk_is_what_its_plan_says_within_a_fifth() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let shapes: [(&str, &[(&str, &str)]); 8] = [
        ("smoke/first-go.yaml", &[]),
        ("load/10.yaml", &[]),
        ("load/708.yaml", &[]),
        ("chaos/coordinator-of-ten.yaml", &[]),
        ("chaos/sixty-kills.yaml", &[("workload.rounds.every", "500ms")]),
        ("soak/1h-100.yaml", &[("workload.rounds.every", "10s")]),
        ("load/20.yaml", &DAY_IN_TIERS),
        ("controls/leak-memory.yaml", &[("phases.hold", "1m"), ("workload.arrivals.rate", "20/s")]),
    ];
    for (file, set) in shapes {
        let loaded = month::plan(file, set);
        let folder = tempfile::tempdir().unwrap();
        month::carry_out(folder.path(), &loaded, Clock::default(), |_| ());
        is_as_large_as_told(folder.path(), &loaded.plan);
    }
}

#[test]
fn other_long_scenarios_break_and_load_the_swarm_on_their_days() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (days, _) = passed("soak/14d-300.yaml");
    let at = |day: u64| (24 * (day - 1) + 3) * HOUR..(24 * (day - 1) + 3) * HOUR + ROUND + SECOND;
    happens_within(&days, "scheduled", &[at(3), at(7), at(10)], 1);

    let (_, levels) = passed("soak/14d-708.yaml");
    follows_the_day(&levels, &[(0, 100), (6, 350), (9, 700), (18, 350), (22, 100)], 270);

    let (weeks, _) = passed("chaos/weekly-30d.yaml");
    let week = |n: u64| (2 + 7 * n) * DAY..(2 + 7 * n) * DAY + 12 * HOUR + ROUND + SECOND;
    happens_within(&weeks, "weekly", &[week(0), week(1), week(2), week(3)], 3);
    let quiet = |at_ns: u64| at_ns < 4 * HOUR || (14 * DAY..15 * DAY).contains(&at_ns);
    assert!(weeks.injected.iter().all(|(at_ns, ..)| !quiet(at_ns - World::ZERO_NS)), "{:?}", weeks.injected);
    assert!(weeks.injected.len() > 30, "{:?}", weeks.injected);
}
