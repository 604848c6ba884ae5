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
            let there = plan.target.agents.unwrap().of(fault.victims.role);
            prop_assert!(!fault.victims.places.is_empty());
            prop_assert!(fault.victims.places.iter().all(|place| *place < there));
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
