//! How a run went: incidents, outages, gaps, interruptions, clocks, points of rest.

use evidence::end::How;
use evidence::event::{ClockChange, Edge, Fact, IncidentKind, Severity, Takeover};
use evidence::gate::{MetricRef, Op};
use evidence::sample::{Group, Mark, Process, Sample};
use reports::{Name, Outcome, Verdict};

use crate::fixture::{Fixture, MS, S, ZERO, gate};

fn value(verdict: &Verdict, metric: &str) -> f64 {
    let name = Name { metric: MetricRef::parse(metric).unwrap(), phase: None };
    verdict.findings.get(&name).unwrap_or_else(|| panic!("there is a {metric}")).value
}

/// A run of which only this gate is asked.
fn asked(mut fixture: Fixture, id: &str, op: Op, limit: f64) -> Verdict {
    fixture.manifest.gates = vec![gate(id, op, limit)];
    fixture.judged()
}

fn incident(kind: IncidentKind, severity: Severity, edge: Edge, fault: Option<&str>) -> Fact {
    let fault = fault.map(str::to_owned);
    Fact::Incident { incident: 1, kind, severity, edge, agent: Some(7), fault, what: "agent 7 ended".into() }
}

#[test]
fn incidents_count_by_severity_once_each_and_not_those_of_faults_or_of_the_harness() {
    use IncidentKind::{Crash, Instrument};
    for (kind, severity, fault, expected) in [
        (Crash, Severity::Minor, None, (0.0, 1.0)),
        (Crash, Severity::Critical, None, (1.0, 0.0)),
        (Crash, Severity::Critical, Some("1"), (0.0, 0.0)),
        (Instrument, Severity::Critical, None, (0.0, 0.0)),
    ] {
        let mut fixture = Fixture::calm();
        fixture.fact(ZERO + 4 * S, incident(kind, severity, Edge::Begin, fault));
        fixture.fact(ZERO + 6 * S, incident(kind, severity, Edge::End, fault));
        let verdict = asked(fixture, "incidents.critical == 0", Op::Equal, 0.0);
        let found = (value(&verdict, "incidents.critical"), value(&verdict, "incidents.minor"));
        assert_eq!(found, expected, "{kind:?} {fault:?}");
        let outcome = if expected.0 > 0.0 { Outcome::NoGo } else { Outcome::Go };
        assert_eq!(verdict.outcome, outcome);
        assert_eq!(verdict.course.incidents.len(), 1, "all are shown");
        assert!((verdict.course.incidents[0].end_s.unwrap() - 6.2).abs() < 1e-9);
        let rate = (expected.0 + expected.1) * 360.0;
        assert!((value(&verdict, "incidents.rate") - rate).abs() < 1e-6, "of ten seconds");
    }
}

/// Nothing is answered from the fourth second to the seventh, though rounds are due.
fn standing_still() -> Fixture {
    let mut fixture = Fixture::unhurt();
    for round in fixture.rounds.iter_mut().filter(|r| (200..350).contains(&r.round)) {
        (round.delivered, round.timed_out) = (0, round.expected);
        round.ended_ns = Some(round.due_ns + S);
    }
    for row in &mut fixture.intervals[4..7] {
        row.answered = 0;
    }
    let ledger = &mut fixture.end().ledger;
    (ledger.in_time, ledger.lost) = (ledger.in_time - 3000, 3000);
    fixture
}

#[test]
fn a_target_that_answers_nothing_is_down_until_it_answers_again() {
    let verdict = asked(standing_still(), "availability >= 99%", Op::GreaterOrEqual, 0.99);
    assert_eq!(verdict.outcome, Outcome::NoGo, "{}", reports::terminal(&verdict, None));
    assert!((value(&verdict, "availability") - 0.7).abs() < 0.01, "{}", value(&verdict, "availability"));
    assert!((value(&verdict, "availability.downtime") - 3.0).abs() < 0.05);
    assert!((value(&verdict, "availability.mttr") - 3.0).abs() < 0.05);
    let calm = asked(Fixture::calm(), "availability >= 99%", Op::GreaterOrEqual, 0.99);
    assert_eq!((calm.outcome, value(&calm, "availability.downtime")), (Outcome::Go, 0.0));
}

#[test]
fn an_outage_that_the_harness_saw_counts_also_where_a_fault_caused_it() {
    let mut fixture = Fixture::calm();
    for (edge, at) in [(Edge::Begin, 4), (Edge::End, 5)] {
        fixture.fact(ZERO + at * S, incident(IncidentKind::Outage, Severity::Critical, edge, Some("1")));
    }
    let verdict = fixture.judged();
    assert!((value(&verdict, "availability") - 0.9).abs() < 1e-9);
    assert!(value(&verdict, "incidents.critical") < 0.5);
}

/// The harness is dead from the third second to the fifth; a resumed run has no rows of that time.
fn interrupted(hidden: u64) -> Fixture {
    let mut fixture = Fixture::unhurt();
    let dead = ZERO + 3 * S..ZERO + 5 * S;
    let resumed = Fact::Resumed { segment: 2, from_ns: dead.start, hidden, target: Takeover::Kept };
    fixture.fact(dead.end, resumed);
    fixture.rounds.retain(|r| !dead.contains(&r.due_ns));
    fixture.intervals.retain(|r| !dead.contains(&r.at_ns));
    fixture.samples.retain(|s| !(dead.start + 1..dead.end).contains(&s.at_ns));
    let (sent, end) = (fixture.intervals.iter().map(|r| r.sent).sum::<u64>(), fixture.end());
    (end.interruptions, end.ledger.hidden) = (1, hidden);
    (end.ledger.sent, end.ledger.in_time) = (sent + hidden, sent);
    fixture
}

#[test]
fn a_resumed_run_judges_like_an_unbroken_one_gap_apart() {
    let verdict = interrupted(40).judged();
    let gates: Vec<_> = verdict.gates.iter().filter(|g| !g.id.starts_with("recovery")).collect();
    assert!(gates.iter().all(|g| g.outcome == Outcome::Go), "{}", reports::terminal(&verdict, None));
    assert_eq!((value(&verdict, "interruptions"), value(&verdict, "delivery.rate")), (1.0, 1.0));
    assert!(value(&verdict, "availability") > 0.999_999, "what nobody saw was no outage");
    assert_eq!(verdict.course.hidden, 40);
    let ledger = verdict.coverage.iter().find(|c| c.id == "ledger").unwrap();
    assert_eq!(ledger.outcome, Outcome::Go);
    assert!(ledger.found.contains("40 of 8040 tasks"), "{}", ledger.found);
}

#[test]
fn the_length_of_a_run_leaves_out_long_times_without_a_harness_and_no_short_ones() {
    for (dead_ns, expected) in [(500 * MS, 10.0), (2900 * MS, 10.0), (3100 * MS, 6.9)] {
        let mut fixture = Fixture::unhurt();
        let (from_ns, to_ns) = (ZERO + 3 * S, ZERO + 3 * S + dead_ns);
        let phase = |edge| Fact::Phase { phase: "hold".into(), edge };
        fixture.fact(from_ns, phase(Edge::End));
        fixture.fact(to_ns, Fact::Resumed { segment: 2, from_ns, hidden: 0, target: Takeover::Kept });
        fixture.fact(to_ns, phase(Edge::Begin));
        fixture.events.sort_by_key(|event| event.at_ns);
        let sampled_s = fixture.manifest.sampling.every_ns / S;
        let found = value(&fixture.judged(), "run.length");
        assert!(sampled_s == 1 && (found - expected).abs() < 1e-6, "{dead_ns} ns: {found} s");
    }
}

/// Its harness dies so many seconds into the ten of the load, and another takes over when the load was to be over.
fn given_up_after(s: u64) -> Fixture {
    let mut fixture = Fixture::unhurt();
    let (from_ns, to_ns) = (ZERO + s * S, ZERO + 10 * S);
    let ends_the_load =
        |fact: &Fact| matches!(fact, Fact::Phase { phase, edge: Edge::End } if phase == "hold");
    fixture.events.iter_mut().filter(|e| ends_the_load(&e.fact)).for_each(|e| e.at_ns = from_ns);
    fixture.fact(to_ns, Fact::Resumed { segment: 2, from_ns, hidden: 0, target: Takeover::Kept });
    fixture.rounds.retain(|r| r.due_ns < from_ns);
    fixture.intervals.retain(|r| r.at_ns < from_ns);
    fixture.samples.retain(|s| s.at_ns <= from_ns);
    let sent = fixture.intervals.iter().map(|r| r.sent).sum::<u64>();
    let end = fixture.end();
    (end.interruptions, end.ledger.sent, end.ledger.in_time) = (1, sent, sent);
    fixture
}

#[test]
fn a_run_of_which_no_harness_gave_a_twentieth_of_the_load_is_not_the_planned_one() {
    let kept = asked(given_up_after(10), "delivery.rate >= 99%", Op::GreaterOrEqual, 0.99);
    assert_eq!(kept.outcome, Outcome::Go, "{}", reports::terminal(&kept, None));
    let dead = asked(given_up_after(3), "delivery.rate >= 99%", Op::GreaterOrEqual, 0.99);
    assert_eq!((dead.gates[0].outcome, dead.outcome), (Outcome::Go, Outcome::Inconclusive), "{}", dead.why);
    assert_eq!(
        dead.why,
        "there was no harness for 70 % of the planned load, at most 5 % may be, so that it is not the run that was planned"
    );
}

/// From a third of the run on, a value of the workers is missing in every sample.
fn half_blind(blank: fn(&mut Sample)) -> Verdict {
    let mut fixture = Fixture::unhurt();
    fixture.manifest.gates = vec![
        gate("memory.private.max[worker] < 1GiB", Op::Less, 1_073_741_824.0),
        gate("memory.private.max[worker] < 1KiB", Op::Less, 1_024.0),
        gate("descriptors.max[worker] < 1000", Op::Less, 1_000.0),
        gate("descriptors.max < 1000", Op::Less, 1_000.0),
        gate("descriptors.max[coordinator] < 1000", Op::Less, 1_000.0),
    ];
    let later = |s: &&mut Sample| s.group == Group::Worker && s.at_ns > ZERO + 3 * S;
    fixture.samples.iter_mut().filter(later).for_each(blank);
    fixture.judged()
}

#[test]
fn a_value_that_is_read_for_a_part_of_the_load_decides_no_gate_that_it_does_not_break() {
    use Outcome::{Go, Inconclusive as Unknown, NoGo};
    let memory = half_blind(|s| s.private_sum = None);
    let descriptors = half_blind(|s| s.descriptors_sum = None);
    for (verdict, expected) in [
        (half_blind(|_| ()), [Go, NoGo, Go, Go, Go]),
        (memory, [Unknown, NoGo, Go, Go, Go]),
        (descriptors, [Go, NoGo, Unknown, Unknown, Go]),
    ] {
        let asked = [
            "memory.private.max[worker] < 1GiB",
            "memory.private.max[worker] < 1KiB",
            "descriptors.max[worker] < 1000",
            "descriptors.max < 1000",
            "descriptors.max[coordinator] < 1000",
        ];
        let found = asked.map(|id| verdict.gates.iter().find(|g| g.id == id).unwrap().outcome);
        assert_eq!(found, expected, "{}", reports::terminal(&verdict, None));
    }
}

#[test]
fn a_ledger_that_does_not_close_withholds_every_gate() {
    let mut fixture = interrupted(40);
    fixture.end().ledger.hidden = 39;
    let verdict = fixture.judged();
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert_eq!(
        verdict.why,
        "the ledger does not close: 8040 tasks sent, 8039 accounted for, so that its counts cannot be trusted"
    );
}

#[test]
fn clocks_that_do_not_agree_withhold_every_gate_and_a_stall_does_not() {
    for (change, by_ns, why) in [
        (ClockChange::Suspended, 90 * S, Some("the host slept for 90 s")),
        (ClockChange::Stepped, 5 * S, Some("the wall clock was set by 5 s")),
        (ClockChange::Stalled, 2 * S, None),
    ] {
        let mut fixture = Fixture::calm();
        fixture.fact(ZERO + 6 * S, Fact::Clock { change, by_ns: -i64::try_from(by_ns).unwrap() });
        let verdict = fixture.judged();
        let outcome = if why.is_some() { Outcome::Inconclusive } else { Outcome::Go };
        assert_eq!(verdict.outcome, outcome, "{}", verdict.why);
        assert!(verdict.why.starts_with(why.unwrap_or_default()), "{}", verdict.why);
        assert_eq!(verdict.course.clocks.len(), 1);
    }
}

#[test]
fn a_harness_that_stood_still_left_a_gap_also_where_a_row_stands_for_many_ticks() {
    let mut fixture = Fixture::unhurt();
    let every = fixture.manifest.sampling.every_ns;
    // A gap between rows would be one of thirty intervals.
    fixture.samples.iter_mut().for_each(|s| s.ticks = 10);
    let (change, by_ns) = (ClockChange::Stalled, i64::try_from(4 * every).unwrap());
    fixture.fact(ZERO + 8 * every, Fact::Clock { change, by_ns });
    let verdict = fixture.judged();
    let gaps = value(&verdict, "samples.gaps");
    let load = value(&verdict, "run.length") / (1.0 - gaps);
    assert!((gaps * load - 5.0 * every as f64 / 1e9).abs() < 0.01, "{gaps} of {load} s");
}

#[test]
fn a_gap_counts_with_its_share_of_the_load_and_shortens_the_run() {
    let mut fixture = Fixture::unhurt();
    fixture.samples.retain(|s| !(ZERO + 3 * S + 1..ZERO + 7 * S).contains(&s.at_ns));
    let verdict = asked(fixture, "run.length >= 8s", Op::GreaterOrEqual, 8.0);
    assert!((value(&verdict, "samples.gaps") - 0.4).abs() < 1e-9);
    assert!((value(&verdict, "run.length") - 6.0).abs() < 1e-9);
    assert_eq!(verdict.outcome, Outcome::NoGo);
    let poor = verdict.coverage.iter().find(|c| c.id == "gaps").unwrap();
    assert_eq!(poor.found, "40 % of the load without samples");
}

#[test]
fn a_run_that_was_cut_short_is_not_proven_too_short() {
    let mut fixture = Fixture::unhurt();
    fixture.end().how = How::EndedEarly { why: "the downtime budget is spent".into(), saved_ns: S };
    let verdict = asked(fixture, "run.length >= 1h", Op::GreaterOrEqual, 3600.0);
    assert_eq!(verdict.outcome, Outcome::Inconclusive, "{}", verdict.why);
}

#[test]
fn a_series_that_is_missing_lowers_the_coverage_of_the_monitoring() {
    let whole = Fixture::unhurt().judged();
    assert!(value(&whole, "monitoring.coverage") > 0.999_999);
    let mut fixture = Fixture::unhurt();
    fixture.samples.iter_mut().filter(|s| s.group != Group::Harness).for_each(|s| s.descriptors_sum = None);
    let verdict = asked(fixture, "monitoring.coverage >= 95%", Op::GreaterOrEqual, 0.95);
    assert_eq!(verdict.outcome, Outcome::NoGo);
    assert!((value(&verdict, "monitoring.coverage") - 6.0 / 7.0).abs() < 1e-9);
}

/// Three points of rest, at each of which each agent holds so many descriptors.
fn resting(held: [u64; 3], rested: [bool; 3]) -> Fixture {
    let mut fixture = Fixture::unhurt();
    for (place, (held, rested)) in (0_u32..).zip(held.into_iter().zip(rested)) {
        let begin = ZERO + u64::from(3 + 2 * place) * S;
        let point = place + 1;
        fixture.fact(begin, Fact::Quiesce { point, edge: Edge::Begin, rested: None, withheld: 0 });
        fixture.fact(
            begin + 300 * MS,
            Fact::Quiesce { point, edge: Edge::End, rested: Some(rested), withheld: 0 },
        );
        let baseline: Vec<Process> =
            fixture.processes.iter().filter(|p| p.mark == Mark::Baseline).cloned().collect();
        fixture.processes.extend(baseline.into_iter().map(|p| Process {
            at_ns: begin + 200 * MS,
            mark: Mark::Quiesced,
            descriptors: Some(if p.agent == Some(5) { held } else { 9 }),
            ..p
        }));
    }
    fixture
}

#[test]
fn what_a_process_holds_at_rest_returns_exactly() {
    let id = "descriptors.quiesced == 0";
    for (held, rested, most, outcome) in [
        ([9, 9, 9], [true; 3], Some(0.0), Outcome::Go),
        ([9, 9, 10], [true; 3], Some(1.0), Outcome::NoGo),
        ([9, 9, 8], [true; 3], Some(0.0), Outcome::Go),
        ([9, 30, 9], [true, false, true], Some(0.0), Outcome::Go),
        ([9, 30, 9], [true, false, false], None, Outcome::Inconclusive),
    ] {
        let verdict = asked(resting(held, rested), id, Op::Equal, 0.0);
        assert_eq!(verdict.outcome, outcome, "{held:?} {}", verdict.why);
        assert_eq!(verdict.gates[0].finding.as_ref().map(|f| f.value), most);
        assert_eq!(verdict.course.rests.len(), 3);
    }
    let mut often = resting([9, 9, 9], [true, true, false]);
    for point in 4..=5 {
        for (edge, rested) in [(Edge::Begin, None), (Edge::End, Some(false))] {
            often.fact(
                ZERO + 9 * S + u64::from(point) * MS,
                Fact::Quiesce { point, edge, rested, withheld: 0 },
            );
        }
    }
    let seldom = asked(often, id, Op::Equal, 0.0);
    assert!(seldom.why.contains("came to rest at 2 of 5 points of rest"), "{}", seldom.why);
    assert_eq!(seldom.outcome, Outcome::Inconclusive);
    let verdict = resting([9, 9, 12], [true; 3]).judged();
    assert!((value(&verdict, "descriptors.quiesced[worker]") - 3.0).abs() < 1e-9);
    assert_eq!(verdict.course.rests[2].more_descriptors, Some(3));
    assert_eq!(verdict.course.rests[0].more_descriptors, None, "there is nothing to compare the first with");
}
