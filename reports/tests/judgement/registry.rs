//! Every metric of the registry is computed by some run.

use evidence::metric;

use crate::fixture::Fixture;
use crate::soak::{STEADY, soak};

#[test]
fn every_metric_of_the_registry_is_found_in_some_run() {
    let runs = [Fixture::calm(), Fixture::unhurt().with_arrivals(), soak(&STEADY)];
    let names: Vec<String> = runs
        .iter()
        .flat_map(|fixture| fixture.judged().findings)
        .filter(|(_, finding)| !finding.value.is_nan())
        .map(|(name, _)| name.metric.name)
        .collect();
    let missing: Vec<&str> =
        metric::all().iter().map(|m| m.name.as_str()).filter(|m| !names.iter().any(|n| n == m)).collect();
    assert_eq!(missing, [""; 0]);
}
