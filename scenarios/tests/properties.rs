//! What holds for any input.

use proptest::prelude::*;
use scenarios::Options;

const GOOD: &str = "\
name: good
why: &why Is it good?
target:
  swarm: { shape: hybrid, coordinators: 5, workers: 60, lease: 500ms, defects: { late_1_in: 10, late: 1s } }
workload:
  rounds: { every: 100ms, timeout: 5s, payload: 256B, work: { sleep: { p50: 5ms, p99: 20ms } } }
  arrivals: { segments: [{ for: 1s, rate: 5/s }, { for: 2s, ramp: { from: 1/s, to: 9/s } }], slots: 10 }
phases: { warm_up: 2s, hold: 10s, drain: 10s }
sample: { every: 500ms, slow_every: 5s }
faults:
  - { kill: { role: coordinator, percent: 40 }, at: 5s, when: round in flight, expect: { lost: 0 } }
  - { pause: { role: worker, count: 3, for: 1s }, every: 2s, jitter: 500ms }
gates:
  - delivery.rate >= 95%
  - { metric: \"fault[1].recovery_time\", go: \"< 5s\", conditional: \"< 9s\", cites: *why }
";

/// Whatever comes out, the reader has not panicked and a refusal says something.
fn read(text: &str) {
    if let Err(problems) = scenarios::parse(text, "any.yaml", &Options::default()) {
        assert!(!problems.all.is_empty());
        assert!(problems.to_string().lines().count() > 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same text and seed give the same bytes.
    #[test]
    fn a_plan_is_decided_by_text_and_seed(seed: u64) {
        let options = Options { seed: Some(seed), ..Options::default() };
        let bytes = || scenarios::parse(GOOD, "good.yaml", &options).unwrap().plan.to_json();
        prop_assert_eq!(bytes(), bytes());
    }

    /// A plan survives being written and read.
    #[test]
    fn a_plan_is_read_back_as_it_was(seed: u64) {
        let options = Options { seed: Some(seed), ..Options::default() };
        let plan = scenarios::parse(GOOD, "good.yaml", &options).unwrap().plan;
        let back: scenarios::plan::Plan = serde_json::from_slice(&plan.to_json()).unwrap();
        prop_assert_eq!(&back, &plan);
        prop_assert_eq!(back.fingerprint(), plan.fingerprint());
    }

    /// Every fault is due while there is load, in order, on victims that are there.
    #[test]
    fn faults_stay_within_their_bounds(seed: u64) {
        let options = Options { seed: Some(seed), ..Options::default() };
        let plan = scenarios::parse(GOOD, "good.yaml", &options).unwrap().plan;
        prop_assert!(plan.faults.windows(2).all(|pair| pair[0].at_ns <= pair[1].at_ns));
        for fault in &plan.faults {
            prop_assert!(fault.at_ns < plan.load_ends_ns());
            let victims = fault.victims.as_ref().unwrap();
            let there = plan.target.agents.unwrap().of(victims.role);
            prop_assert!(!victims.places.is_empty());
            prop_assert!(victims.places.iter().all(|place| *place < there));
        }
    }

    /// No text makes the reader panic.
    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,200}") {
        read(&text);
    }

    /// Nor does any file of bytes.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any.yaml");
        std::fs::write(&path, bytes).unwrap();
        prop_assert!(scenarios::read(&path, &Options::default()).is_err());
    }

    /// Nor does a good scenario with a piece cut out and another text in its place.
    #[test]
    fn a_damaged_scenario_is_read_or_refused(at in 0..GOOD.len(), length in 0usize..40, new in "[ -~\\n]{0,12}") {
        let end = (at + length).min(GOOD.len());
        read(&format!("{}{new}{}", &GOOD[..at], &GOOD[end..]));
    }

    /// Nor does any value for any key, given by a flag.
    #[test]
    fn any_flag_is_read_or_refused(key in "[a-z_.0-9]{0,30}", value in "\\PC{0,30}") {
        let options = Options { set: vec![(key, value)], ..Options::default() };
        let _ = scenarios::parse(GOOD, "good.yaml", &options);
    }

    /// Nor does any number in any place of one.
    #[test]
    fn any_number_is_read_or_refused(which in 0usize..40, number in "[0-9]{1,22}(\\.[0-9]{1,5})?") {
        let digits = |c: char| c.is_ascii_digit();
        let starts: Vec<_> = GOOD.match_indices(digits).map(|(at, _)| at)
            .filter(|at| !GOOD[..*at].ends_with(digits)).collect();
        let at = starts[which % starts.len()];
        let end = at + GOOD[at..].find(|c| !digits(c)).unwrap();
        read(&format!("{}{number}{}", &GOOD[..at], &GOOD[end..]));
    }
}

/// A scenario with faults by chance, quiet times and repetition.
fn chaotic(times: u64, every_ms: u64, length_ms: u64, jitter_ms: u64, quiet: &[(u64, u64)]) -> String {
    let quiet: Vec<_> =
        quiet.iter().map(|(from, long)| format!("{{ from: {from}ms, until: {}ms }}", from + long)).collect();
    let quiet = if quiet.is_empty() {
        String::new()
    } else {
        format!("chaos: {{ quiet: [{}] }}\n", quiet.join(", "))
    };
    format!(
        "name: chaotic\nwhy: Chance.\ntarget:\n  swarm: {{ shape: hybrid, coordinators: 20, workers: 400 }}\n\
         workload: {{ rounds: {{ every: 1s }} }}\nphases: {{ warm_up: 2s, hold: 60s, drain: 10s }}\nfaults:\n  \
         - {{ id: chance, pause: {{ role: worker, count: 5, for: {length_ms}ms }}, random: {{ times: {times} }} }}\n  \
         - {{ id: again, kill: {{ role: worker, count: 5 }}, every: {every_ms}ms, jitter: {jitter_ms}ms, until: 40s }}\n\
         gates: [agents.crashed == 0]\n{quiet}"
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is drawn stays within the load, in order, out of quiet times, and is the same with the same seed.
    #[test]
    fn what_is_drawn_keeps_to_its_rules(
        seed: u64,
        times in 1u64..40,
        every in 500u64..5_000,
        length in 10u64..3_000,
        jitter in 0u64..500,
        quiet in proptest::collection::vec((0u64..50_000, 1u64..4_000), 0..4),
    ) {
        let text = chaotic(times, every, length, jitter, &quiet);
        let options = Options { seed: Some(seed), ..Options::default() };
        let read = || scenarios::parse(&text, "chaotic.yaml", &options);
        // Quiet times may leave no room; that is told, and never planned.
        let Ok(loaded) = read() else { return Ok(()) };
        let plan = loaded.plan;
        prop_assert_eq!(plan.to_json(), read().unwrap().plan.to_json());
        prop_assert!(plan.faults.windows(2).all(|pair| pair[0].at_ns <= pair[1].at_ns));
        for fault in &plan.faults {
            let (from, until) = (fault.at_ns, fault.at_ns + fault.for_ns);
            prop_assert!(from < plan.load_ends_ns() && until <= plan.load_ends_ns() + 10_000_000_000);
            for (begins, long) in &quiet {
                let (begins, ends) = (begins * 1_000_000, (begins + long) * 1_000_000);
                let begun_within = begins <= from && from < ends;
                let acts_within = from < ends && begins < until && until > from;
                prop_assert!(!begun_within && !acts_within, "{} at {from}, quiet from {begins}", fault.id);
            }
        }
        let of = |name: &str| plan.faults.iter().filter(|f| f.id.starts_with(name)).collect::<Vec<_>>();
        prop_assert_eq!(of("chance.").len() as u64, times);
        // Five of four hundred: that two occurrences draw the same is one in 10^10.
        let mut drawn: Vec<_> = plan.faults.iter().map(|f| f.victims.as_ref().unwrap().places.clone()).collect();
        drawn.sort();
        let count = drawn.len();
        drawn.dedup();
        prop_assert_eq!(drawn.len(), count);
    }

    /// Another seed gives other moments and victims.
    #[test]
    fn another_seed_draws_otherwise(seed: u64) {
        let text = chaotic(5, 5_000, 100, 100, &[]);
        let faults = |seed| {
            let options = Options { seed: Some(seed), ..Options::default() };
            scenarios::parse(&text, "chaotic.yaml", &options).unwrap().plan.faults
        };
        let (one, two) = (faults(seed), faults(seed.wrapping_add(1)));
        let moments = |faults: &[scenarios::plan::Fault]| faults.iter().map(|f| f.at_ns).collect::<Vec<_>>();
        prop_assert_ne!(moments(&one), moments(&two));
    }

    /// A rehearsal of any length within reason is valid wherever the whole is.
    #[test]
    fn what_can_be_planned_can_be_rehearsed(seed: u64, seconds in 15u64..60, times in 1u64..20, length in 10u64..3_000) {
        let text = chaotic(times, 2_000, length, 100, &[(20_000, 3_000)]);
        let rehearse = Some(std::time::Duration::from_secs(seconds));
        let options = Options { seed: Some(seed), rehearse, ..Options::default() };
        let plan = scenarios::parse(&text, "chaotic.yaml", &options).map_err(|p| TestCaseError::fail(p.to_string()))?.plan;
        let all: u64 = plan.phases.iter().map(|phase| phase.length_ns).sum();
        prop_assert_eq!(all, seconds * 1_000_000_000);
        prop_assert!(plan.faults.iter().all(|fault| fault.at_ns + fault.for_ns <= all));
    }
}

/// A scenario of some days whose load changes at these minutes of the day.
fn daily(minutes: &std::collections::BTreeSet<u64>, workers: &[u32], hours: u64) -> String {
    let hour = |minute: &u64| format!("{:02}:{:02}", minute / 60, minute % 60);
    let levels: Vec<_> = std::iter::once(&0)
        .chain(minutes)
        .zip(workers)
        .map(|(minute, workers)| format!("{{ from: {}, workers: {workers} }}", hour(minute)))
        .collect();
    format!(
        "name: daily\nwhy: Chance.\ntarget:\n  swarm: {{ shape: flat, workers: 200 }}\n\
         workload: {{ rounds: {{ every: 10s, daily: [{}] }} }}\nphases: {{ warm_up: 1h, hold: {hours}h }}\n\
         soak: {{ quiesce: {{ every: 10m }}, alerts: [threads > 9 for 20m] }}\ngates: [agents.crashed == 0]\n",
        levels.join(", ")
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Levels come in order from zero to the end of the load, each with another number of workers than the one before,
    /// and a rehearsal has the same.
    #[test]
    fn the_load_of_any_day_is_planned_and_rehearsed(
        minutes in proptest::collection::btree_set(1u64..1_440, 0..6),
        workers in proptest::collection::vec(1u32..=200, 7),
        hours in 1u64..2_000,
        seconds in 60u64..600,
    ) {
        let text = daily(&minutes, &workers, hours);
        let plan = |rehearse| {
            let options = Options { rehearse, ..Options::default() };
            let loaded = scenarios::parse(&text, "daily.yaml", &options);
            loaded.map(|loaded| loaded.plan).map_err(|problems| TestCaseError::fail(problems.to_string()))
        };
        let (whole, short) = (plan(None)?, plan(Some(std::time::Duration::from_secs(seconds)))?);
        let levels = |plan: &scenarios::plan::Plan| plan.workload.rounds.clone().unwrap().levels;
        for plan in [&whole, &short] {
            let levels = levels(plan);
            prop_assert_eq!(levels[0].at_ns, 0);
            let ordered = |pair: &[scenarios::plan::Level]| pair[0].at_ns < pair[1].at_ns && pair[0].workers != pair[1].workers;
            prop_assert!(levels.windows(2).all(ordered));
            prop_assert!(levels.last().unwrap().at_ns < plan.load_ends_ns());
            let rest = plan.soak.quiesce.unwrap();
            prop_assert!(rest.within_ns * 2 <= rest.every_ns && rest.every_ns < plan.phases[1].length_ns);
        }
        let workers = |plan| levels(plan).iter().map(|level| level.workers).collect::<Vec<_>>();
        prop_assert_eq!(workers(&short), workers(&whole));
    }
}
