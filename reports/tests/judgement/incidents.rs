//! Rates of what is rare, which need long runs.

use evidence::event::{Edge, Fact, IncidentKind, Severity};
use evidence::gate::Op;
use reports::Outcome;

use crate::fixture::{Fixture, S, ZERO, gate};
use crate::soak::stretch;

#[test]
fn few_incidents_a_week_are_proven_by_a_month_without_any_and_not_by_ten_minutes() {
    const DAY: u64 = 24 * 3600 * S;
    for (length, incidents, outcome, says) in [
        (30 * DAY, 0, Outcome::Go, "is < "),
        (14 * DAY, 0, Outcome::Inconclusive, "about 21.0 d of load without any"),
        (600 * S, 0, Outcome::Inconclusive, "of load without any would settle it, it had 10 min"),
        (30 * DAY, 1, Outcome::Inconclusive, "of load without a further one would settle it, it had"),
        (30 * DAY, 20, Outcome::NoGo, "is not < "),
    ] {
        let mut fixture = Fixture::calm();
        fixture.manifest.gates = vec![gate("incidents.rate < 1/week", Op::Less, 1.0 / 168.0)];
        for incident in 1..=incidents {
            let (kind, severity) = (IncidentKind::Crash, Severity::Minor);
            let (agent, fault, what) = (None, None, "a worker crashed".to_owned());
            let edge = Edge::Begin;
            fixture.fact(ZERO + 4 * S, Fact::Incident { incident, kind, severity, edge, agent, fault, what });
        }
        stretch(&mut fixture, ZERO + length);
        let verdict = fixture.judged();
        let found = &verdict.gates[0];
        assert_eq!(found.outcome, outcome, "{length} {incidents}: {}", found.why);
        assert!(found.why.contains(says), "{}", found.why);
    }
}
