//! Decisions over several environments, of which some are worse than the others.

use reports::{Decision, Interval, Name, Outcome, Run, decide};

use crate::decisions::{PLACES, Place, World, bundled, calm, facts, gates, run};
use crate::fixture::Fixture;

/// The decision of this file, all being well but that so much is delivered in these environments.
fn delivering(base: &Run, file: &str, places: &[&str], share: f64) -> Decision {
    let gates = bundled().into_iter().find(|gates| gates.name == file).unwrap();
    let delivery = |name: &Name| name.metric.name == "delivery.rate";
    World { base, odd: "", place: Place::Green }.decide_changed(&gates, |run| {
        let here = places.iter().any(|place| run.id.ends_with(&format!("-{place}")));
        for (_, found) in run.analysis.findings.iter_mut().filter(|(name, _)| here && delivery(name)) {
            (found.value, found.interval) = (share, Interval::exact(share));
        }
    })
}

#[test]
fn what_works_in_some_environments_is_decided_with_caution_and_what_works_in_none_is_not() {
    let base = calm();
    for file in ["sprint-0-day-1", "sprint-0"] {
        for (places, share, expected) in [
            (&PLACES[..0], 0.58, Outcome::Go),
            (&PLACES[..1], 0.58, Outcome::Conditional),
            (&PLACES[..2], 0.58, Outcome::Conditional),
            (&PLACES[..3], 0.58, Outcome::Conditional),
            (&PLACES, 0.82, Outcome::Conditional),
            (&PLACES, 0.58, Outcome::NoGo),
        ] {
            let decision = delivering(&base, file, places, share);
            assert_eq!(decision.outcome, expected, "{file} {places:?} {share}: {}", decision.why);
            let counted = decision.criteria.iter().find(|c| c.criterion.id == "environments").unwrap();
            let works = if share < 0.8 { PLACES.len() - places.len() } else { PLACES.len() };
            assert_eq!(counted.value, Some(works as f64), "{file} {places:?} {share}: {}", counted.why);
        }
    }
}

#[test]
fn delivery_below_the_floor_in_some_tests_is_a_pivot_and_in_all_of_them_is_not() {
    let base = calm();
    let of = |decision: &Decision, id: &str| {
        decision.criteria.iter().find(|c| c.criterion.id == id).unwrap().outcome
    };
    let some = delivering(&base, "sprint-0", &["cloud"], 0.58);
    assert_eq!((of(&some, "delivery"), of(&some, "delivery-anywhere")), (Outcome::Conditional, Outcome::Go));
    let all = delivering(&base, "sprint-0", &PLACES, 0.58);
    assert_eq!((of(&all, "delivery"), of(&all, "delivery-anywhere")), (Outcome::Conditional, Outcome::NoGo));
}

#[test]
fn the_conditional_band_of_a_loss_is_of_what_is_lost() {
    let base = calm();
    for (lost, expected) in
        [(0.04, Outcome::Go), (0.06, Outcome::Conditional), (0.07, Outcome::NoGo), (0.24, Outcome::NoGo)]
    {
        let decision = delivering(&base, "gate-2", &PLACES, 1.0 - lost);
        let found = decision.criteria.iter().find(|c| c.criterion.id == "chaos-loss").unwrap();
        assert_eq!(found.outcome, expected, "{lost}: {}", found.why);
    }
}

#[test]
fn environments_count_only_with_a_label_and_where_all_runs_of_one_hold() {
    let file = gates(
        "name: e\nwhy: w\nrule: conditional\ncriteria:\n\
        - { id: lost, what: w, metric: messages.lost, go: '== 0', minor: true }\n\
        - { id: where, what: w, environments: { hold: [lost] }, go: '>= 2', conditional: '>= 1' }\n",
    );
    let runs = || {
        let mut runs = vec![run(&mut Fixture::troubled(), "c", "s")];
        runs.extend(["a", "b"].map(|id| run(&mut Fixture::calm(), id, "s")));
        runs
    };
    let place = |labels: &str| {
        let facts = facts(&format!("runs:\n{labels}"));
        let decision = decide(&file, runs(), &[], &facts);
        let found = decision.criteria.iter().find(|c| c.criterion.id == "where").unwrap();
        (found.outcome, found.why.clone())
    };
    for (labels, expected, why) in [
        ("- { run: a, environment: x }\n- { run: b, environment: y }\n", Outcome::Go, "works in 2 (x, y)"),
        (
            "- { run: a, environment: x }\n- { run: c, environment: x }\n- { run: b, environment: y }\n",
            Outcome::Conditional,
            "works in 1 (y)",
        ),
        ("- { run: c, environment: x }\n", Outcome::NoGo, "works in 0"),
        ("- { run: other, environment: x }\n", Outcome::Inconclusive, "no evidence"),
    ] {
        let found = place(labels);
        // A minor criterion is conditional where it fails, and its runs fail all the same.
        assert_eq!(found.0, expected, "{labels}: {}", found.1);
        assert!(found.1.starts_with(why), "{}", found.1);
    }
}
