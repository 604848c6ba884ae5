//! What faults cost, and whether they are shown to have acted.

#![expect(clippy::float_cmp, reason = "the numbers are whole, or sums of the same")]

use evidence::event::Proof;
use evidence::gate::Op;
use reports::{Finding, Outcome, Verdict};

use crate::fixture::{Fixture, MS, S, ZERO, gate};

fn finding<'a>(verdict: &'a Verdict, name: &str) -> &'a Finding {
    let of = |(n, _): &(&reports::Name, &Finding)| n.to_string() == name;
    verdict.findings.iter().find(of).unwrap_or_else(|| panic!("{name} is found")).1
}

fn value(verdict: &Verdict, name: &str) -> f64 {
    finding(verdict, name).value
}

#[test]
fn what_was_seen_while_a_fault_acted_stands_for_what_was_known_at_its_injection() {
    for (hit, proof, outcome) in
        [(5, Proof::Proven, Outcome::Go), (0, Proof::Unproven, Outcome::Inconclusive)]
    {
        let mut fixture = Fixture::unhurt();
        fixture.drop_messages("d", ZERO + 5 * S, hit);
        fixture.manifest.gates = vec![gate("messages.lost == 0", Op::Equal, 0.0)];
        let verdict = fixture.judged();
        assert_eq!(verdict.faults[0].proof, proof, "{:?}", verdict.faults[0].why);
        assert_eq!(verdict.outcome, outcome, "{}", verdict.why);
        assert_eq!(value(&verdict, "fault[d].proven"), if hit > 0 { 1.0 } else { 0.0 });
    }
}

#[test]
fn a_gate_on_the_proof_of_a_fault_that_did_nothing_is_inconclusive_and_no_breach() {
    let mut fixture = Fixture::unhurt();
    fixture.drop_messages("d", ZERO + 5 * S, 0);
    fixture.manifest.gates = vec![gate("fault[d].proven >= 1", Op::GreaterOrEqual, 1.0)];
    assert_eq!(fixture.judged().outcome, Outcome::Inconclusive);
}

#[test]
fn a_fault_is_undone_when_that_was_read_back_and_counts_from_its_planned_end() {
    let mut fixture = Fixture::unhurt();
    fixture.drop_messages("d", ZERO + 5 * S, 5);
    let verdict = fixture.judged();
    assert_eq!(verdict.faults[0].undo_s.map(|s| (s * 1e3).round()), Some(3.0));
    let after = value(&verdict, "fault[d].after_heal");
    assert!(after < 0.01, "the target was steady all the time, with the first beat after it: {after}");
    assert_eq!(value(&verdict, "fault[d].retried"), 9.0);
}

#[test]
fn what_a_fault_cost_is_held_against_windows_without_any() {
    let mut fixture = Fixture::unhurt();
    fixture.drop_messages("d", ZERO + 5 * S, 5);
    for (second, row) in fixture.intervals.iter_mut().enumerate() {
        row.late = [2, 0, 1, 3, 1, 40, 30, 1, 1, 2][second];
    }
    let verdict = fixture.judged();
    let late = verdict.faults[0].placebo.and_then(|p| p.late).unwrap();
    // Its window reaches into two intervals; 2 and 3 are calm, and 8 and 9.
    assert_eq!((late.fault, late.windows), (70.0, 2));
    assert_eq!((late.least, late.median, late.greatest), (3.0, 3.5, 4.0));
    let excess = finding(&verdict, "fault[d].late_excess");
    assert_eq!((excess.value, excess.interval.lo, excess.interval.hi), (66.5, 66.0, 67.0));
}

#[test]
fn a_standstill_counts_only_where_no_fault_excuses_it() {
    let stall = |with_fault: bool| {
        let mut fixture = Fixture::unhurt();
        if with_fault {
            fixture.drop_messages("d", ZERO + 5 * S, 5);
        }
        // Nothing is answered from 5 s to 6.5 s.
        for round in fixture.rounds.iter_mut().filter(|r| (250..325).contains(&r.round)) {
            round.ended_ns = Some(ZERO + 6_500 * MS);
        }
        fixture.intervals[5].answered = 0;
        fixture.intervals[6].answered = 100;
        let verdict = fixture.judged();
        (value(&verdict, "progress.stall.max"), value(&verdict, "progress.rate"))
    };
    assert_eq!(stall(false).0, 1.5);
    assert!(stall(true).0 < 0.01, "the fault and its two seconds excuse it: {}", stall(true).0);
    assert_eq!(stall(true).1, 1.0);
}

#[test]
fn tasks_of_a_flood_are_no_part_of_what_had_to_be_delivered() {
    let mut fixture = Fixture::unhurt();
    let ledger = &mut fixture.end().ledger;
    ledger.sent += 1_000;
    ledger.acknowledged += 400;
    ledger.refused += 600;
    ledger.in_time += 400;
    ledger.floods = evidence::end::Floods {
        sent: 1_000,
        acknowledged: 400,
        refused: 600,
        in_time: 400,
        ..evidence::end::Floods::default()
    };
    let verdict = fixture.judged();
    assert_eq!(value(&verdict, "delivery.rate"), 1.0);
    assert_eq!(value(&verdict, "messages.refused"), 600.0);
    assert!(finding(&verdict, "response.time.p99").interval.hi.is_finite(), "refused, but by no user");
}

#[test]
fn work_that_was_due_while_a_fault_had_the_target_down_does_not_tell_of_a_late_harness() {
    for (down, outcome) in [(0, Outcome::Inconclusive), (4, Outcome::Go)] {
        let mut fixture = Fixture::calm();
        fixture.manifest.gates = vec![gate("messages.lost == 0", Op::Equal, 0.0)];
        fixture.end().lag_ns = 300 * MS;
        (fixture.end().shed.rounds, fixture.end().shed.down) = (4, down);
        assert_eq!(fixture.judged().outcome, outcome);
    }
}

#[test]
fn the_page_shows_safety_beside_liveness_and_how_each_kind_of_fault_was_proven() {
    let mut fixture = Fixture::calm();
    fixture.drop_messages("d", ZERO + 7 * S, 5);
    let run = fixture.write();
    reports::render(run.path()).unwrap();
    let page = std::fs::read_to_string(evidence::layout::REPORT_HTML.within(run.path())).unwrap();
    for words in ["Safety", "Liveness", "answered by two owners", "bus drop", "5 hit", "Faults at work"] {
        assert!(page.contains(words), "{words}");
    }
}
