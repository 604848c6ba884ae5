//! What becomes of a run: the word, the gate and the reason.

use evidence::end::{Drain, How, Shed, Ticks};
use evidence::event::{Fact, FaultStep, MemberState, Proof, RecoveryStep};
use evidence::gate::{Limit, Op};
use evidence::role::Role;
use reports::{Outcome, Verdict};

use crate::fixture::{Fixture, MS, S, ZERO, gate};

fn of<'a>(verdict: &'a Verdict, id: &str) -> &'a reports::GateVerdict {
    verdict.gates.iter().find(|g| g.id == id).unwrap_or_else(|| panic!("there is a gate {id}"))
}

const LOST: &str = "messages.lost == 0";
const ROUND: &str = "round.time.p99 < 50ms during hold";
const RECOVERY: &str = "recovery.time.max < 1s";
const MEMORY: &str = "memory.private.max[worker] < 1MiB";
const DELIVERY: &str = "delivery.rate >= 99.9%";

#[test]
fn a_calm_run_is_go() {
    let verdict = Fixture::calm().judged();
    assert_eq!(verdict.outcome, Outcome::Go, "{}", reports::terminal(&verdict, None));
    assert_eq!(verdict.why, "all 5 gates hold; faults: 1 of 1 proven");
}

#[test]
fn a_foreign_target_that_tells_little_is_judged_from_outside() {
    let verdict = Fixture::foreign().judged();
    assert_eq!(verdict.outcome, Outcome::Go, "{}", reports::terminal(&verdict, None));
    assert!(!verdict.findings.keys().any(|name| name.metric.name.starts_with("recovery")));
}

#[test]
fn a_lost_message_is_no_go_also_where_the_evidence_is_poor() {
    let mut fixture = Fixture::calm();
    fixture.end().ledger.lost = 3;
    fixture.end().ledger.in_time -= 3;
    fixture.end().dropped_records = 12;
    let verdict = fixture.judged();
    assert_eq!(verdict.outcome, Outcome::NoGo);
    assert_eq!(verdict.why, "messages.lost == 0: 3 is not == 0");
    assert_eq!(of(&verdict, ROUND).outcome, Outcome::Inconclusive, "what is not counted is withheld");
}

#[test]
fn without_the_drain_barrier_nothing_is_proven_lost_or_kept() {
    for (lost, drain) in
        [(3, None), (0, None), (3, Some(Drain { completed: false, took_ns: 5 * S, outstanding: 3 }))]
    {
        let mut fixture = Fixture::calm();
        fixture.end().ledger.lost = lost;
        fixture.end().ledger.in_time -= lost;
        fixture.end().drain = drain;
        let verdict = fixture.judged();
        assert_eq!(of(&verdict, LOST).outcome, Outcome::Inconclusive);
        assert_eq!(of(&verdict, MEMORY).outcome, Outcome::Go, "other gates stand");
    }
}

#[test]
fn the_second_limit_makes_it_conditional() {
    let mut fixture = Fixture::calm();
    let late = fixture.manifest.gates.iter_mut().find(|g| g.id == RECOVERY).unwrap();
    late.go = Limit { op: Op::Less, value: 0.005 };
    late.conditional = Some(Limit { op: Op::Less, value: 0.1 });
    let verdict = fixture.judged();
    assert_eq!(verdict.outcome, Outcome::Conditional);
    assert_eq!(of(&verdict, RECOVERY).why, "22.6 ms is not proven < 5 ms, but is < 100 ms");
}

#[test]
fn a_percentile_beyond_the_data_is_inconclusive_and_says_how_much_it_needs() {
    let mut fixture = Fixture::calm();
    fixture.rounds.retain(|r| r.round >= 240 && r.round < 340);
    let verdict = fixture.judged();
    let judged = of(&verdict, ROUND);
    assert_eq!(judged.outcome, Outcome::Inconclusive);
    assert_eq!(
        judged.why,
        "4.60 ms may or may not be < 50 ms; it rests on 100 values and needs at least 299"
    );
}

#[test]
fn a_metric_without_data_is_never_a_pass() {
    for (id, op) in [
        ("effects.duplicated == 0", Op::Equal),
        ("messages.lost == 0 during sleep", Op::Equal),
        ("no.such.metric == 0", Op::Equal),
        ("fault[9].lost == 0", Op::Equal),
        ("recovery.time.max < 9", Op::Less),
    ] {
        let mut fixture = Fixture::foreign();
        fixture.manifest.gates = vec![gate(id, op, 0.0)];
        let verdict = fixture.judged();
        assert_eq!(verdict.outcome, Outcome::Inconclusive, "{id}");
        assert!(verdict.gates[0].why.starts_with("no data"), "{}", verdict.gates[0].why);
    }
}

#[test]
fn a_run_without_gates_is_inconclusive() {
    let mut fixture = Fixture::calm();
    fixture.manifest.gates.clear();
    let verdict = fixture.judged();
    assert_eq!(
        (verdict.outcome, verdict.why.as_str()),
        (Outcome::Inconclusive, "nothing was asked: there is no gate")
    );
}

#[test]
fn a_run_that_is_no_whole_run_is_never_go() {
    type Change = fn(&mut Fixture);
    let cases: [(&str, Change, &str); 6] = [
        ("crashed", |f| f.end = None, "the run crashed: its evidence has no end"),
        (
            "interrupted",
            |f| f.end().how = How::Interrupted,
            "the run was interrupted before its plan was over",
        ),
        (
            "rehearsal",
            |f| f.manifest.rehearsal = Some(480.0),
            "this is a rehearsal, 480 times faster than planned: it shows that the scenario works, not that the target does; 5 of 5 gates would hold",
        ),
        (
            "harness failed",
            |f| f.end().how = How::HarnessFailed { why: "the disk is full".into() },
            "the harness could not go on: the disk is full",
        ),
        (
            "dropped records",
            |f| f.end().dropped_records = 2,
            "2 records dropped: what they would have said is not known",
        ),
        (
            "saturated",
            |f| {
                f.end().shed = Shed { rounds: 4, ..Shed::default() };
                f.end().lag_ns = 900 * MS;
            },
            "the harness was saturated: 4 due and not started, harness up to 900 ms late, so the load was not the planned one",
        ),
    ];
    for (what, change, why) in cases {
        let mut fixture = Fixture::calm();
        change(&mut fixture);
        let verdict = fixture.judged();
        assert_eq!((verdict.outcome, verdict.why.as_str()), (Outcome::Inconclusive, why), "{what}");
    }
}

#[test]
fn a_run_that_crashed_still_tells_what_it_counted() {
    let mut fixture = Fixture::calm();
    fixture.end = None;
    fixture.intervals[4].corrupt = 1;
    fixture.manifest.gates.push(gate("messages.corrupt == 0", Op::Equal, 0.0));
    assert_eq!(fixture.judged().outcome, Outcome::NoGo);
}

#[test]
fn a_target_that_ended_by_itself_is_no_go_whatever_the_gates_ask() {
    let mut fixture = Fixture::calm();
    fixture.end().how = How::TargetFailed { why: "signal 11 after 6 s".into() };
    let verdict = fixture.judged();
    assert_eq!(verdict.outcome, Outcome::NoGo);
    assert_eq!(verdict.why, "the target failed before it was asked to stop: signal 11 after 6 s");
}

#[test]
fn a_target_that_was_never_ready_is_inconclusive() {
    let mut fixture = Fixture::unhurt();
    fixture.events.retain(|e| !matches!(e.fact, Fact::TargetReady { .. }));
    fixture.end().how = How::TargetFailed { why: "not ready within 30 s".into() };
    assert_eq!(fixture.judged().outcome, Outcome::Inconclusive);
}

#[test]
fn a_fault_that_is_not_proven_withholds_every_gate() {
    let victims = |fixture: &mut Fixture, change: fn(&mut Vec<evidence::event::Victim>)| {
        for event in &mut fixture.events {
            if let Fact::Fault { victims, .. } = &mut event.fact {
                change(victims);
            }
        }
    };
    type Change = fn(&mut Vec<evidence::event::Victim>);
    let cases: [(Change, &str); 4] = [
        (|v| v[0].proof = Proof::Mismatch, "1 of 1 victims mismatch, such as coordinator 1"),
        (|v| v[0].proof = Proof::Skipped, "1 of 1 victims skipped, such as coordinator 1"),
        (|v| v[0].readings.truncate(1), "no reading of coordinator 1 is as strong as E1"),
        (Vec::clear, "0 of 1 planned victims were hit"),
    ];
    for (change, why) in cases {
        let mut fixture = Fixture::calm();
        victims(&mut fixture, change);
        let verdict = fixture.judged();
        assert_eq!(verdict.outcome, Outcome::Inconclusive, "{why}");
        assert!(verdict.why.ends_with(why), "{}", verdict.why);
        assert!(verdict.gates.iter().all(|g| g.outcome == Outcome::Inconclusive));
    }
    let mut skipped = Fixture::calm();
    for event in &mut skipped.events {
        if let Fact::Fault { victims, step, why, .. } = &mut event.fact {
            victims.clear();
            *step = FaultStep::Skipped;
            *why = Some("agent 1 had left".into());
        }
    }
    let why = skipped.judged().why;
    assert!(why.ends_with("is not: it was skipped: agent 1 had left"), "{why}");
}

#[test]
fn a_pause_counts_only_once_it_was_undone() {
    let mut fixture = Fixture::calm();
    fixture.manifest.faults[0].for_ns = S;
    let verdict = fixture.judged();
    assert!(verdict.why.ends_with("that it was undone was not read back"), "{}", verdict.why);
    let victims = fixture.events.iter().find_map(|e| match &e.fact {
        Fact::Fault { victims, .. } => Some(victims.clone()),
        _ => None,
    });
    let healed =
        Fact::Fault { fault: "1".into(), step: FaultStep::Healed, victims: victims.unwrap(), why: None };
    fixture.fact(ZERO + 6 * S, healed);
    assert_eq!(fixture.judged().outcome, Outcome::Go);
}

#[test]
fn holes_in_the_sampling_withhold_the_gates_on_samples_and_no_other() {
    let mut fixture = Fixture::calm();
    fixture.end().ticks = Ticks { planned: 11, in_time: 8 };
    let poor_share = fixture.judged();
    let mut fixture = Fixture::calm();
    fixture.samples.retain(|s| s.at_ns < ZERO + 4 * S || s.at_ns > ZERO + 8 * S);
    let gap = fixture.judged();
    for verdict in [poor_share, gap] {
        assert_eq!(of(&verdict, MEMORY).outcome, Outcome::Inconclusive);
        assert!(of(&verdict, MEMORY).why.contains("holes"), "{}", of(&verdict, MEMORY).why);
        assert_eq!(of(&verdict, DELIVERY).outcome, Outcome::Go);
    }
}

#[test]
fn a_target_that_does_not_answer_does_not_look_fast() {
    let mut fixture = Fixture::calm();
    let id = "response.time.p50 < 50ms";
    fixture.manifest.gates = vec![gate(id, Op::Less, 0.05)];
    assert_eq!(fixture.judged().outcome, Outcome::Go);
    fixture.end().ledger.lost = 12_000;
    fixture.end().ledger.sent += 12_000;
    let verdict = fixture.judged();
    assert_eq!(of(&verdict, id).outcome, Outcome::Inconclusive);
    assert!(of(&verdict, id).why.contains("never answered"), "{}", of(&verdict, id).why);
}

#[test]
fn a_breach_that_the_harness_may_have_caused_is_inconclusive() {
    let mut fixture = Fixture::calm();
    let id = "response.time.max < 10ms";
    fixture.manifest.gates = vec![gate(id, Op::Less, 0.01)];
    assert_eq!(fixture.judged().outcome, Outcome::NoGo);
    fixture.end().lag_ns = 8 * MS;
    let verdict = fixture.judged();
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert!(of(&verdict, id).why.contains("harness itself was up to 8 ms late"), "{}", verdict.why);
}

#[test]
fn answers_that_a_late_harness_may_have_read_late_are_inconclusive_and_lost_ones_are_not() {
    for (lag_ns, late, lost, outcome) in [
        (100 * MS, 300, 0, Outcome::NoGo),
        (400 * MS, 300, 0, Outcome::Inconclusive),
        (400 * MS, 0, 300, Outcome::NoGo),
    ] {
        let mut fixture = Fixture::calm();
        fixture.manifest.gates = vec![gate("delivery.rate >= 99%", Op::GreaterOrEqual, 0.99)];
        fixture.end().lag_ns = lag_ns;
        let ledger = &mut fixture.end().ledger;
        (ledger.in_time, ledger.late, ledger.lost) = (ledger.in_time - 300, late, lost);
        let verdict = fixture.judged();
        assert_eq!(verdict.outcome, outcome, "{}", verdict.why);
    }
}

#[test]
fn an_agent_that_left_without_a_fault_has_crashed_and_one_that_left_at_the_stop_has_not() {
    let left = |agent| Fact::Member {
        agent,
        role: Role::Worker,
        pid: 1000 + agent,
        epoch: 1,
        parent: Some(2),
        state: MemberState::Left,
        status: Some("exit 0".into()),
        fault: None,
    };
    let mut fixture = Fixture::calm();
    fixture.manifest.gates = vec![gate("agents.crashed == 0", Op::Equal, 0.0)];
    fixture.fact(ZERO + 10 * S + 180 * MS, left(7));
    assert_eq!(fixture.judged().outcome, Outcome::Go, "it left after the stop command");
    fixture.fact(ZERO + 7 * S, left(8));
    assert_eq!(fixture.judged().outcome, Outcome::NoGo);
}

#[test]
fn recovery_is_told_in_steps_from_the_injection() {
    let verdict = Fixture::calm().judged();
    let steps = verdict.faults[0].recovery.steps();
    let shown: Vec<String> = steps
        .iter()
        .map(|(name, step)| match step {
            Some(reports::Step::Took(s)) => format!("{name} {:.1} ms", s * 1e3),
            other => format!("{name} {other:?}"),
        })
        .collect();
    assert_eq!(
        shown,
        [
            "detected 0.2 ms",
            "elected 0.5 ms",
            "reassigned 2.0 ms",
            "first success 4.0 ms",
            "round 13.0 ms",
            "steady 22.6 ms",
            "drained 14.0 ms"
        ]
    );
}

#[test]
fn recovery_counts_from_the_first_sign_and_not_from_a_late_acknowledgement() {
    let mut fixture = Fixture::calm();
    for event in &mut fixture.events {
        if let Fact::Fault { victims, .. } = &mut event.fact {
            event.at_ns += 20 * MS;
            victims.iter_mut().flat_map(|v| &mut v.readings).for_each(|r| r.at_ns += 20 * MS);
        }
    }
    let verdict = fixture.judged();
    let recovery = verdict.faults[0].recovery;
    assert_eq!(
        recovery.detect.map(|s| (s.at_least() * 1e6).round()),
        Some(100.0),
        "from the death at 0.1 ms"
    );
    assert_eq!(recovery.reassign.map(|s| (s.at_least() * 1e6).round()), Some(1900.0));
}

#[test]
fn a_target_that_never_comes_back_is_no_go_once_the_limit_has_passed() {
    let slow = |limit: f64| {
        let mut fixture = Fixture::calm();
        let worst = fixture.manifest.gates.iter_mut().find(|g| g.id == RECOVERY).unwrap();
        worst.go.value = limit;
        for round in fixture.rounds.iter_mut().filter(|r| r.round >= 250) {
            round.delivered -= 5;
        }
        fixture.judged()
    };
    let over = slow(1.0);
    assert_eq!(of(&over, RECOVERY).outcome, Outcome::NoGo);
    assert_eq!(of(&over, RECOVERY).measured(), "≥ 5.25 s");
    let not_yet = slow(30.0);
    assert_eq!(of(&not_yet, RECOVERY).outcome, Outcome::Inconclusive);
    assert!(of(&not_yet, RECOVERY).why.contains("hold longer after the fault"));
}

#[test]
fn a_step_that_never_came_bounds_the_worst_of_all_faults() {
    let mut fixture = Fixture::calm();
    fixture.manifest.gates = vec![gate("recovery.drained.max < 1s", Op::Less, 1.0)];
    fixture.events.retain(|e| !matches!(e.fact, Fact::Recovery { step: RecoveryStep::Drained, .. }));
    assert_eq!(fixture.judged().outcome, Outcome::NoGo);
}

#[test]
fn orphans_count_as_reassigned_only_when_all_of_them_are() {
    let mut fixture = Fixture::calm();
    for event in &mut fixture.events {
        if let Fact::Assigned { workers, .. } = &mut event.fact {
            *workers = 9;
        }
    }
    let recovery = fixture.judged().faults[0].recovery;
    assert!(matches!(recovery.reassign, Some(reports::Step::NotBefore(_))), "{recovery:?}");
}

#[test]
fn a_series_of_faults_is_gated_under_its_common_id() {
    let mut fixture = Fixture::unhurt();
    fixture.kill("raid.1", ZERO + 5 * S + 2 * MS, 1);
    fixture.kill("raid.2", ZERO + 7 * S + 2 * MS, 2);
    fixture.manifest.gates = vec![
        gate("fault[raid].recovery_time < 1s", Op::Less, 1.0),
        gate("fault[raid.2].lost == 0", Op::Equal, 0.0),
    ];
    let verdict = fixture.judged();
    assert_eq!(verdict.outcome, Outcome::Go, "{}", reports::terminal(&verdict, None));
}

#[test]
fn evidence_that_was_cut_short_after_the_run_is_never_go() {
    type Damage<'a> = &'a dyn Fn(&std::path::Path);
    let truncate = |path: &std::path::Path| {
        std::fs::File::options().write(true).open(path).unwrap().set_len(700).unwrap();
    };
    let lengthen = |path: &std::path::Path| {
        let mut text = std::fs::read(path).unwrap();
        text.extend_from_slice(&text.clone());
        std::fs::write(path, text).unwrap();
    };
    let remove = |path: &std::path::Path| std::fs::remove_file(path).unwrap();
    let cases: [(&str, Damage<'_>, &str); 5] = [
        ("samples.csv", &truncate, "samples.csv had "),
        ("rounds.csv", &truncate, "rounds.csv had "),
        ("events.jsonl", &lengthen, "events.jsonl had "),
        ("latency.hlog", &remove, "latency.hlog is missing"),
        ("processes.csv", &remove, "processes.csv is missing"),
    ];
    for (file, damage, found) in cases {
        let run = Fixture::calm().write();
        assert_eq!(reports::render(run.path()).unwrap().verdict.outcome, Outcome::Go);
        damage(&run.path().join(file));
        let verdict = reports::render(run.path()).unwrap().verdict;
        assert_ne!(verdict.outcome, Outcome::Go, "{file}");
        let said = reports::terminal(&verdict, None);
        assert!(said.contains(&format!("not what it was when the run ended: {found}")), "{said}");
    }
}

#[test]
fn numbers_that_cannot_be_are_survived() {
    let mut fixture = Fixture::calm();
    for interval in &mut fixture.intervals {
        (interval.length_ns, interval.due, interval.answered) = (u64::MAX, u64::MAX, u64::MAX);
    }
    let mut crashed = Fixture::calm();
    crashed.intervals.clone_from(&fixture.intervals);
    crashed.end = None;
    for fixture in [fixture, crashed] {
        reports::render(fixture.write().path()).unwrap();
    }
}
