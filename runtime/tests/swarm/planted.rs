//! Each planted defect shows in the ledger as what it is, and in no other way.

use std::collections::BTreeMap;

use protocol::{MemberState, Report, Work};
use serde_json::{Value, json};

use crate::driver::{Swarm, wait_until};

fn with(defects: Value) -> Swarm {
    Swarm::launch(json!({"shape": "hybrid", "coordinators": 2, "workers": 10, "defects": defects}))
}

fn after_400_tasks(defects: Value) -> Swarm {
    let mut swarm = with(defects);
    for _ in 0..4 {
        swarm.send(100, 64, Work::Echo {});
    }
    swarm.drain(3_000);
    assert_eq!(swarm.ledger.accepted.len(), 400);
    swarm
}

#[test]
fn dropped_answers_are_lost_for_good() {
    let swarm = after_400_tasks(json!({"drop_1_in": 40}));
    assert_eq!(swarm.ledger.lost().len(), 10);
    assert!(swarm.ledger.answered_twice().is_empty());
    swarm.stop();
}

#[test]
fn duplicated_answers_are_of_one_execution() {
    let swarm = after_400_tasks(json!({"duplicate_1_in": 40}));
    assert_eq!(swarm.ledger.answered_twice().len(), 10);
    assert!(swarm.ledger.doubly_executed().is_empty());
    swarm.stop();
}

#[test]
fn tasks_executed_twice_are_duplicate_effects() {
    let mut swarm = after_400_tasks(json!({"reexecute_1_in": 40}));
    wait_until("all second answers are here", || {
        swarm.catch_up();
        swarm.ledger.order.len() == 410
    });
    assert_eq!(swarm.ledger.doubly_executed().len(), 10);
    assert_eq!(swarm.gauges()["effects"], 410);
    swarm.stop();
}

#[test]
fn reordered_answers_come_after_later_ones_of_their_worker() {
    let swarm = after_400_tasks(json!({"reorder_1_in": 37}));
    assert!(swarm.ledger.lost().is_empty());
    let mut last: BTreeMap<u32, u64> = BTreeMap::new();
    let inversions = swarm
        .ledger
        .order
        .iter()
        .filter(|a| last.insert(a.agent, a.seq).is_some_and(|before| before > a.seq))
        .count();
    assert!(inversions >= 5, "{inversions}");
    swarm.stop();
}

#[test]
fn corrupt_payloads_have_another_digest() {
    let swarm = after_400_tasks(json!({"corrupt_1_in": 40}));
    assert_eq!(swarm.ledger.corrupt(64).len(), 10);
    swarm.stop();
}

#[test]
fn late_answers_come_late_but_come() {
    let mut swarm = with(json!({"late_1_in": 5, "late_ms": 300}));
    let round = swarm.begin_round(64, 100, Work::Echo {});
    assert_eq!(swarm.end_round(round).1, 2);
    assert_eq!(swarm.drain(5_000), 0);
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

#[test]
fn leaks_grow_with_every_task() {
    let mut swarm = with(json!({"leak_bytes_per_task": 100_000, "leak_descriptor_per_task": 1}));
    let worker = swarm.pid(5);
    let descriptors = || std::fs::read_dir(format!("/proc/{worker}/fd")).unwrap().count();
    let resident_pages = || -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{worker}/statm")).unwrap();
        statm.split(' ').nth(1).unwrap().parse().unwrap()
    };
    let before = (descriptors(), resident_pages());
    for _ in 0..20 {
        swarm.round(64);
    }
    assert_eq!(descriptors(), before.0 + 20);
    assert!(resident_pages() >= before.1 + 20 * 24);
    swarm.stop();
}

#[test]
fn a_worker_that_dies_on_its_third_task_is_replaced_and_the_task_goes_elsewhere() {
    let mut swarm = with(json!({"die_on_task": 3}));
    let mut left = 0;
    for _ in 0..3 {
        swarm.begin_round(64, 15_000, Work::Echo {});
    }
    swarm.drain(10_000);
    swarm.catch_up();
    for report in &swarm.told {
        left += u32::from(matches!(report, Report::Member { state: MemberState::Left, .. }));
    }
    assert!(left >= 1);
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

#[test]
fn hung_workers_time_out_and_stay_outstanding() {
    let mut swarm = with(json!({"hang_on_task": 2}));
    swarm.round(64);
    let round = swarm.begin_round(64, 100, Work::Echo {});
    assert_eq!(swarm.end_round(round), (0, 10, swarm_elapsed(&swarm)));
    assert_eq!(swarm.drain(100), 10);
    assert_eq!(swarm.ledger.lost().len(), 10);
}

fn swarm_elapsed(swarm: &Swarm) -> u64 {
    let mut latest = swarm.told.iter().rev();
    latest
        .find_map(|r| match r {
            Report::Round { elapsed_ns, .. } => Some(*elapsed_ns),
            _ => None,
        })
        .expect("a round has ended")
}

#[test]
fn slow_workers_are_slow() {
    let mut swarm = with(json!({"slow_ms": 50}));
    assert!(swarm.round(64) >= 50_000_000);
    swarm.stop();
}

#[test]
fn workers_that_are_never_reassigned_answer_no_more() {
    let mut swarm = with(json!({"never_reassign": true}));
    swarm.round(64);
    swarm.kill(1);
    swarm.until(
        "replacement",
        |r| matches!(r, Report::Member { member, state: MemberState::Replaced, .. } if member.agent == 1),
    );
    let round = swarm.begin_round(64, 500, Work::Echo {});
    assert_eq!(swarm.end_round(round).1, 5);
    assert!(!swarm.told.iter().any(|r| matches!(r, Report::Assigned { .. })));
    swarm.stop();
}

#[test]
fn a_delayed_reassignment_is_delayed() {
    let mut swarm = with(json!({"reassign_after_ms": 700}));
    swarm.round(64);
    swarm.kill(1);
    let at = |report: &Report| match report {
        Report::Suspected { at_ns, .. } | Report::Assigned { at_ns, .. } => *at_ns,
        _ => unreachable!(),
    };
    let suspected = at(&swarm.until("suspected", |r| matches!(r, Report::Suspected { agent: 1, .. })));
    let assigned = at(&swarm.until("assigned", |r| matches!(r, Report::Assigned { from: 1, .. })));
    assert!(assigned - suspected >= 700_000_000);
    swarm.round(64);
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

#[test]
fn every_tenth_task_of_a_worker_leaves_a_thread_and_the_worker_still_ends_when_asked() {
    let mut swarm = with(json!({"leak_thread_1_in": 10}));
    let worker = swarm.pid(5);
    let threads = || std::fs::read_dir(format!("/proc/{worker}/task")).unwrap().count();
    let before = threads();
    for _ in 0..20 {
        swarm.round(64);
    }
    assert_eq!(threads(), before + 2);
    swarm.stop();
}

#[test]
fn a_worker_dies_at_every_turn_and_nothing_is_lost() {
    let mut swarm = with(json!({"die_every_ms": 100}));
    let mut left = 0;
    wait_until("two workers have died", || {
        swarm.round(64);
        let told = swarm.told.iter();
        left = told.filter(|r| matches!(r, Report::Member { state: MemberState::Left, .. })).count();
        left >= 2
    });
    swarm.drain(10_000);
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

#[test]
fn every_lost_coordinator_is_made_good_later_than_the_one_before() {
    let mut swarm = with(json!({"reassign_slower_ms": 400}));
    swarm.round(64);
    let mut waits = Vec::new();
    for _ in 0..3 {
        swarm.kill(1);
        let suspected = match swarm.until("suspected", |r| matches!(r, Report::Suspected { agent: 1, .. })) {
            Report::Suspected { at_ns, .. } => at_ns,
            other => panic!("{other:?}"),
        };
        let assigned = match swarm.until("assigned", |r| matches!(r, Report::Assigned { from: 1, .. })) {
            Report::Assigned { at_ns, .. } => at_ns,
            other => panic!("{other:?}"),
        };
        waits.push((assigned - suspected) / 1_000_000);
        wait_until("its own workers are back", || {
            swarm.round(64);
            (3..13).filter(|worker| swarm.members[worker].parent == Some(1)).count() == 5
        });
    }
    assert!(waits[1] >= 400 && waits[2] >= 800 && waits[0] < waits[1] && waits[1] < waits[2], "{waits:?}");
    swarm.stop();
}

#[test]
fn false_gauges_tell_half_of_the_work_and_nothing_open() {
    let mut swarm = after_400_tasks(json!({"false_gauges": true, "hang_on_task": 41}));
    assert_eq!(swarm.gauges()["effects"], 200);
    swarm.begin_round(64, 100, Work::Echo {});
    assert_eq!(swarm.drain(100), 0, "ten are");
    assert_eq!(swarm.gauges()["tasks.outstanding"], 0);
}
