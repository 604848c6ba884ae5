//! Sound swarms at work.

use protocol::{Report, Role, Work};
use serde_json::json;

use crate::driver::Swarm;

#[test]
fn a_flat_swarm_answers_rounds() {
    let mut swarm = Swarm::launch(json!({"shape": "flat", "workers": 20}));
    assert_eq!(swarm.members.len(), 21);
    assert_eq!(swarm.members[&0].role, Role::Coordinator);
    for _ in 0..20 {
        swarm.round(256);
    }
    swarm.ledger.assert_clean(256);
    assert_eq!(swarm.gauges()["effects"], 400);
    swarm.stop();
}

#[test]
fn a_hybrid_swarm_answers_rounds_and_spreads_them_over_its_coordinators() {
    let mut swarm = Swarm::launch(json!({"shape": "hybrid", "coordinators": 4, "workers": 40}));
    assert_eq!(swarm.members[&0].role, Role::Master);
    assert_eq!(swarm.members[&44].parent, Some(4));
    for _ in 0..10 {
        swarm.round(64);
    }
    swarm.ledger.assert_clean(64);
    let gauges = swarm.gauges();
    for coordinator in 1..=4 {
        assert_eq!(gauges[&format!("handled.{coordinator}")], 100);
    }
    swarm.stop();
}

#[test]
fn a_deep_swarm_answers_rounds() {
    let mut swarm = Swarm::launch(json!({"shape": "deep", "level_1": 3, "level_2": 9, "workers": 60}));
    assert_eq!(swarm.members.len(), 73);
    for _ in 0..10 {
        swarm.round(256);
    }
    swarm.ledger.assert_clean(256);
    swarm.stop();
}

#[test]
fn the_smallest_swarm_works() {
    let mut swarm = Swarm::launch(json!({"shape": "flat", "workers": 1}));
    swarm.round(0);
    swarm.ledger.assert_clean(0);
    swarm.stop();
}

#[test]
fn single_tasks_are_answered_in_order_by_each_worker() {
    let mut swarm = Swarm::launch(json!({"shape": "hybrid", "coordinators": 2, "workers": 8}));
    for _ in 0..40 {
        swarm.send(100, 100, Work::Echo {});
    }
    assert_eq!(swarm.drain(15_000), 0);
    swarm.ledger.assert_clean(100);
    assert_eq!(swarm.ledger.order.len(), 4_000);
    for worker in 3..11 {
        let mine: Vec<_> = swarm.ledger.order.iter().filter(|a| a.agent == worker).collect();
        assert!(!mine.is_empty(), "worker {worker} had nothing to do");
        assert!(mine.is_sorted_by_key(|a| a.token), "tokens of worker {worker}");
        assert!(mine.iter().map(|a| a.seq).eq(1..=mine.len() as u64), "executions of worker {worker}");
    }
    swarm.stop();
}

#[test]
fn large_payloads_travel_all_the_way() {
    let mut swarm = Swarm::launch(json!({"shape": "hybrid", "coordinators": 2, "workers": 4}));
    for payload in [1, 7, 4_096, 50_000, 57_344] {
        swarm.ledger = Default::default();
        let round = swarm.begin_round(payload, 15_000, Work::Echo {});
        swarm.end_round(round);
        swarm.ledger.assert_clean(payload as usize);
    }
    swarm.stop();
}

#[test]
fn every_kind_of_work_is_done() {
    let mut swarm = Swarm::launch(json!({"shape": "hybrid", "coordinators": 2, "workers": 6}));
    let works = [
        Work::Sleep { p50_us: 500, p99_us: 2_000 },
        Work::Cpu { us: 500 },
        Work::Alloc { bytes: 1 << 20 },
        Work::Exec { argv: vec!["true".into()] },
        Work::Relay {},
    ];
    for work in works {
        let round = swarm.begin_round(128, 15_000, work.clone());
        assert_eq!(swarm.end_round(round).0, 6, "{work:?}");
    }
    for _ in 0..5 {
        swarm.send(60, 128, Work::Relay {});
    }
    swarm.drain(15_000);
    swarm.ledger.assert_clean(128);
    swarm.stop();
}

#[test]
fn a_program_that_fails_makes_its_answer_corrupt() {
    let mut swarm = Swarm::launch(json!({"shape": "flat", "workers": 2}));
    let failing = [vec!["false".to_owned()], vec!["no-such-program-anywhere".to_owned()]];
    for argv in failing {
        let first = swarm.send(1, 64, Work::Exec { argv });
        swarm.drain(15_000);
        assert!(swarm.ledger.corrupt(64).contains(&first));
    }
    swarm.stop();
}

#[test]
fn a_round_that_runs_out_of_time_ends_and_its_late_answers_are_passed_on() {
    let mut swarm = Swarm::launch(json!({"shape": "hybrid", "coordinators": 2, "workers": 10}));
    let work = Work::Sleep { p50_us: 300_000, p99_us: 300_000 };
    let round = swarm.begin_round(64, 50, work);
    let (delivered, timed_out, elapsed_ns) = swarm.end_round(round);
    assert_eq!((delivered, timed_out), (0, 10));
    assert!(elapsed_ns >= 50_000_000);
    assert!(swarm.ledger.order.is_empty());
    assert_eq!(swarm.drain(15_000), 0);
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

#[test]
fn an_inbox_that_is_full_refuses_and_loses_nothing() {
    let mut swarm = Swarm::launch(json!({"shape": "flat", "workers": 2, "inbox": 50}));
    swarm.send(200, 64, Work::Sleep { p50_us: 2_000, p99_us: 2_000 });
    assert_eq!(swarm.drain(15_000), 0);
    assert_eq!(swarm.ledger.accepted.len(), 100);
    assert_eq!(swarm.ledger.refused, 100);
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

#[test]
fn long_queues_to_a_slow_worker_neither_grow_without_bound_nor_lose_anything() {
    let mut swarm = Swarm::launch(json!({"shape": "hybrid", "coordinators": 2, "workers": 2, "inbox": 1000}));
    // 1,000 tasks of 2 KiB do not fit into any socket: they wait on the way.
    swarm.send(2_000, 2_048, Work::Cpu { us: 20 });
    assert_eq!(swarm.drain(20_000), 0);
    assert_eq!(swarm.ledger.accepted.len(), 2_000);
    swarm.ledger.assert_clean(2_048);
    swarm.stop();
}

#[test]
fn quiesce_is_answered() {
    let mut swarm = Swarm::launch(json!({"shape": "flat", "workers": 2}));
    swarm.say(&protocol::Command::Quiesce {});
    swarm.until("quiesced", |r| *r == Report::Quiesced {});
    swarm.stop();
}
