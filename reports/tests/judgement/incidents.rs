//! Incidents: what counts, and rates of what is rare, which need long runs.
#![expect(clippy::float_cmp, reason = "the numbers are whole")]

use evidence::event::{Edge, Fact, IncidentKind, Severity};
use evidence::gate::{MetricRef, Op};
use reports::{Name, Outcome, Verdict};

use crate::fixture::{Fixture, S, ZERO, gate};
use crate::soak::stretch;

/// An incident of these times, in seconds of the load.
fn lasted(fixture: &mut Fixture, incident: u64, kind: IncidentKind, (from, to): (u64, u64), what: &str) {
    for (edge, at) in [(Edge::Begin, from), (Edge::End, to)] {
        let (severity, agent, fault, what) = (Severity::Minor, Some(7), None, what.to_owned());
        fixture.fact(ZERO + at * S, Fact::Incident { incident, kind, severity, edge, agent, fault, what });
    }
}

#[test]
fn an_agent_that_hung_for_a_while_and_came_back_has_hung() {
    let judged = |hangs: bool| {
        let mut fixture = Fixture::calm();
        fixture.manifest.gates = vec![gate("agents.hung == 0", Op::Equal, 0.0)];
        if hangs {
            lasted(&mut fixture, 1, IncidentKind::Hang, (3, 5), "worker 7 hung until it answered");
        }
        let verdict = fixture.judged();
        (verdict.gates[0].outcome, value(&verdict, "agents.hung"))
    };
    assert_eq!(judged(false), (Outcome::Go, 0.0));
    assert_eq!(judged(true), (Outcome::NoGo, 1.0));
}

#[test]
fn what_happens_once_is_counted_once_however_many_thresholds_show_it() {
    for (what, with_crash, minor) in [
        ("agents.crashed > 0: it is 1, and should be <= 0", true, 1.0),
        ("agents.crashed > 0: it is 1, and should be <= 0", false, 1.0),
        ("error.rate[worker] > 1%: it is 2 %, and should be <= 1 %", true, 1.0),
        ("memory.growth > 10%/h: it is 12 %/h, and should be <= 10 %/h", true, 2.0),
        ("disk.free < 1GiB: it is 0.5 GiB, and should be >= 1 GiB", false, 0.0),
        ("host.available < 1GiB: it is 0.5 GiB, and should be >= 1 GiB", true, 1.0),
    ] {
        let mut fixture = Fixture::calm();
        if with_crash {
            lasted(&mut fixture, 1, IncidentKind::Crash, (4, 5), "worker 7 ended: signal 9");
        }
        lasted(&mut fixture, 2, IncidentKind::Threshold, (5, 9), what);
        let verdict = fixture.judged();
        assert_eq!(value(&verdict, "incidents.minor"), minor, "{what}, beside a crash: {with_crash}");
        assert!(verdict.course.incidents.iter().any(|i| i.what == what), "all are shown");
    }
}

#[test]
fn recovery_is_told_of_every_incident_that_lasted() {
    let mut fixture = Fixture::calm();
    assert_eq!(value(&fixture.judged(), "availability.mttr"), 0.0);
    lasted(&mut fixture, 1, IncidentKind::Crash, (3, 4), "worker 7 ended: signal 9");
    lasted(&mut fixture, 2, IncidentKind::Hang, (5, 8), "worker 7 hung until it answered");
    // Another of what was wrong already.
    lasted(&mut fixture, 3, IncidentKind::FailedRounds, (5, 7), "2 rounds failed");
    let verdict = fixture.judged();
    assert!((value(&verdict, "availability.mttr") - 2.0).abs() < 1e-9);
    assert_eq!(value(&verdict, "availability.downtime"), 0.0);
}

fn value(verdict: &Verdict, metric: &str) -> f64 {
    let name = Name { metric: MetricRef::parse(metric).unwrap(), phase: None };
    verdict.findings.get(&name).unwrap_or_else(|| panic!("there is a {metric}")).value
}

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
