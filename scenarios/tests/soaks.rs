//! The long scenario files of this repository: they are planned and rehearsed here, not run.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what it could not do")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use scenarios::Options;
use scenarios::plan::{Alert, FaultKind, Live, Plan, Work};

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SECOND;
const DAY: u64 = 24 * HOUR;
const REHEARSAL: Duration = Duration::from_secs(180);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("soak")
}

fn plan(name: &str, rehearse: Option<Duration>) -> Plan {
    let options = Options { rehearse, ..Options::default() };
    let read = scenarios::read(&folder().join(format!("{name}.yaml")), &options);
    read.unwrap_or_else(|problems| panic!("{problems}")).plan
}

fn names() -> BTreeSet<String> {
    let inside = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    inside.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn each_soak_that_is_asked_for_has_its_length_and_its_agents() {
    let asked = [
        ("1h-100", HOUR, 100),
        ("8h-250", 8 * HOUR, 250),
        ("24h-500", DAY, 500),
        ("7d-100", 7 * DAY, 100),
        ("14d-300", 14 * DAY, 300),
        ("14d-708", 14 * DAY, 708),
        ("30d-500", 30 * DAY, 500),
    ];
    for (name, hold_ns, agents) in asked {
        let plan = plan(name, None);
        let found = plan.target.agents.unwrap().all();
        assert!((agents..=agents + 11).contains(&found), "{name}: {found}");
        assert_eq!(
            plan.phases.iter().find(|phase| phase.name == "hold").unwrap().length_ns,
            hold_ns,
            "{name}"
        );
        let cited = plan.gates.iter().filter(|gate| gate.cites.is_some()).count();
        assert!(cited >= 6, "{name} has {cited} gates that stand for what is asked");
        assert!(plan.soak.disk_bytes.is_some() && plan.soak.quiesce.is_some(), "{name}");
    }
    let all: BTreeSet<_> =
        asked.iter().map(|(name, ..)| (*name).to_owned()).chain(["ci-10m".to_owned()]).collect();
    assert_eq!(names(), all);
}

#[test]
fn no_soak_plans_to_take_more_of_the_disk_than_it_may() {
    for name in names() {
        let plan = plan(&name, None);
        let (takes, may) = (scenarios::cost::of(&plan).disk_bytes, plan.soak.disk_bytes.unwrap());
        assert!(takes <= may, "{name} would take {takes} bytes and end at {may}");
    }
}

#[test]
fn the_short_one_takes_ten_minutes() {
    assert_eq!(plan("ci-10m", None).load_ends_ns(), 600 * SECOND);
}

#[test]
fn coordinators_die_on_the_days_and_weeks_that_are_asked_for() {
    let days = |plan: &Plan| plan.faults.iter().map(|fault| fault.at_ns / DAY + 1).collect::<Vec<_>>();
    let fortnight = plan("14d-300", None);
    assert_eq!(days(&fortnight), [3, 7, 10]);
    let month = plan("30d-500", None);
    assert_eq!(days(&month), [3, 10, 17, 24]);
    for fault in &month.faults {
        assert!(matches!(fault.kind, FaultKind::Kill { .. }));
        assert_eq!(fault.victims.as_ref().unwrap().places.len(), 3);
        assert_eq!(workers(&month, fault.at_ns), 500, "fault {} comes when all take part", fault.id);
    }
    // The same days in the files of the chaos folder, which other gates are for.
    let chaos = |name: &str| {
        let file = folder().join(format!("../chaos/{name}.yaml"));
        scenarios::read(&file, &Options::default()).unwrap().plan
    };
    assert_eq!(days(&chaos("scheduled-14d")), [3, 7, 10]);
    let weekly = chaos("weekly-30d");
    let of_week: Vec<_> = weekly.faults.iter().filter(|fault| fault.id.starts_with("weekly.")).collect();
    assert!(of_week.len() >= 4, "{}", of_week.len());
    assert!(of_week.iter().all(|fault| fault.victims.as_ref().unwrap().places.len() == 3));
}

fn workers(plan: &Plan, at_ns: u64) -> u32 {
    let levels = &plan.workload.rounds.as_ref().unwrap().levels;
    levels.iter().rev().find(|level| level.at_ns <= at_ns).unwrap().workers
}

#[test]
fn the_load_of_a_month_has_the_same_hours_every_day() {
    let month = plan("30d-500", None);
    for day in 0..30 {
        let at = |hour: u64| workers(&month, day * DAY + hour * HOUR);
        assert_eq!([0, 8, 12, 20, 23].map(at), [100, 300, 500, 300, 100], "day {day}");
    }
    let most = plan("14d-708", None);
    assert_eq!((workers(&most, 3 * HOUR), workers(&most, 12 * HOUR)), (100, 700));
}

#[test]
fn a_rehearsal_of_three_minutes_shows_every_part_of_a_soak() {
    for name in names() {
        let (whole, short) = (plan(&name, None), plan(&name, Some(REHEARSAL)));
        let length: u64 = short.phases.iter().map(|phase| phase.length_ns).sum();
        assert_eq!(u128::from(length), REHEARSAL.as_nanos(), "{name}");
        let phases = |plan: &Plan| plan.phases.iter().map(|phase| phase.name.clone()).collect::<Vec<_>>();
        assert_eq!(phases(&short), phases(&whole), "{name}");
        assert!(short.phases.iter().all(|phase| phase.length_ns > 0), "{name}");
        let faults =
            |plan: &Plan| plan.faults.iter().map(|f| (f.id.clone(), f.victims.clone())).collect::<Vec<_>>();
        assert_eq!(faults(&short), faults(&whole), "{name}");
        let rest = short.soak.quiesce.unwrap();
        assert!(
            short.phases[1].length_ns / rest.every_ns >= 3,
            "{name} comes to rest every {}",
            rest.every_ns
        );
        assert!(rest.within_ns * 2 <= rest.every_ns, "{name}");
        assert_eq!(short.soak.end_early, None, "{name}: all of it is to be seen");
        levels_are_shown(&name, &whole, &short);
        let changes = |plan: &Plan| plan.workload.arrivals.as_ref().map(|arrivals| arrivals.segments.len());
        assert_eq!(changes(&short), changes(&whole), "{name}");
    }
}

/// Memory that grows by a page is much of an hour in half a minute, and nothing of a month: what an alert lets grow in an
/// hour of the timeline may grow in the time that stands for it.
#[test]
fn alerts_of_a_rehearsal_let_grow_in_all_as_much_as_those_of_the_soak() {
    let mut seen = 0;
    for name in names() {
        let (whole, short) = (plan(&name, None), plan(&name, Some(REHEARSAL)));
        for (whole_alert, short_alert) in whole.soak.alerts.iter().zip(&short.soak.alerts) {
            let in_all = |plan: &Plan, alert: &Alert| alert.limit.value * plan.load_ends_ns() as f64;
            let (before, after) = (in_all(&whole, whole_alert), in_all(&short, short_alert));
            if whole_alert.metric == Live::MemoryGrowth {
                assert!((after / before - 1.0).abs() < 1e-9, "{name}: {before} is {after}");
                seen += 1;
            } else {
                assert_eq!(short_alert.limit, whole_alert.limit, "{name}: {}", whole_alert.id);
            }
            assert!(short_alert.for_ns < short.phases[1].length_ns, "{name}: {}", whole_alert.id);
        }
    }
    assert!(seen >= 6, "{seen} alerts of growth");
}

/// Every change of the number of workers is there, with at least one round before the next.
fn levels_are_shown(name: &str, whole: &Plan, short: &Plan) {
    let rounds = short.workload.rounds.as_ref().unwrap();
    let counts = |plan: &Plan| {
        plan.workload.rounds.as_ref().unwrap().levels.iter().map(|level| level.workers).collect::<Vec<_>>()
    };
    assert_eq!(counts(short), counts(whole), "{name}");
    for pair in rounds.levels.windows(2) {
        let due = |at_ns: u64| at_ns.div_ceil(rounds.every_ns);
        assert!(due(pair[1].at_ns) > due(pair[0].at_ns), "{name}: no round from {} on", pair[0].at_ns);
    }
}

#[test]
fn the_mixed_work_of_a_month_is_done_for_real_and_leaves_nothing_behind() {
    let Work::Mix { parts } = plan("30d-500", None).workload.arrivals.unwrap().work else {
        panic!("no mixture")
    };
    assert_eq!(parts.len(), 3);
    let place = tempfile::tempdir().unwrap();
    for part in parts {
        let Work::Exec { argv } = part.work else { panic!("{:?} is no program", part.work) };
        let status = Command::new(&argv[0]).args(&argv[1..]).env("TMPDIR", place.path()).status().unwrap();
        assert!(status.success(), "{argv:?}: {status}");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "{argv:?} left something");
    }
}

/// The time from each fault until the next moment at which no rounds come any more, in rounds.
fn rounds_after_faults(plan: &Plan) -> Vec<u64> {
    let every_ns = plan.workload.rounds.as_ref().unwrap().every_ns;
    let ends = |at_ns: u64| {
        let next = plan.faults.iter().map(|fault| fault.at_ns).find(|other| *other > at_ns);
        next.unwrap_or(plan.load_ends_ns())
    };
    plan.faults.iter().map(|fault| (ends(fault.at_ns) - fault.at_ns) / every_ns).collect()
}

#[test]
fn a_rehearsal_of_any_length_has_rounds_for_each_fault() {
    for name in names() {
        let whole = plan(&name, None);
        for seconds in [20, 60, 180] {
            let short = plan(&name, Some(Duration::from_secs(seconds)));
            assert_eq!(short.faults.len(), whole.faults.len(), "{name} in {seconds} s");
            let rounds = rounds_after_faults(&short);
            assert!(rounds.iter().all(|count| *count >= 2), "{name} in {seconds} s: {rounds:?}");
            let (every, written) =
                [&short, &whole].map(|p| p.workload.rounds.as_ref().unwrap().every_ns).into();
            assert!((SECOND / 4..=written).contains(&every) || every == written, "{name}: {every}");
            let planned = |plan: &Plan, every| plan.load_ends_ns() / every;
            assert!(
                planned(&short, every) <= planned(&whole, written),
                "{name}: more rounds than the soak has"
            );
        }
    }
}
