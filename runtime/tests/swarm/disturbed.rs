//! A bus that loses, delays, doubles, swaps and changes packets, or does not carry some at all.

use std::collections::BTreeMap;

use protocol::{Command, Direction, FaultKind, FaultState, How, MemberState, Report, Work};
use serde_json::json;

use crate::driver::{Swarm, wait_until};
use crate::failing::{hybrid, is_replaced};

/// Begins a fault; it must be told as applied.
pub(crate) fn begin(swarm: &mut Swarm, id: &str, kind: FaultKind, agents: &[u32], ttl_ms: u64) {
    let agents = agents.to_vec();
    swarm.say(&Command::Fault { fault: id.into(), kind, agents, ttl_ms, seed: 7 });
    match told_of(swarm, id) {
        (FaultState::Applied, ..) => {}
        other => panic!("{id}: {other:?}"),
    }
}

/// Ends it; how it ended and its counters.
pub(crate) fn heal(swarm: &mut Swarm, id: &str) -> (FaultState, BTreeMap<String, u64>) {
    swarm.say(&Command::Heal { fault: id.into() });
    let (state, _, counters) = told_of(swarm, id);
    (state, counters)
}

fn told_of(swarm: &mut Swarm, id: &str) -> (FaultState, Option<String>, BTreeMap<String, u64>) {
    match swarm.until("the fault", |r| matches!(r, Report::Fault { fault, .. } if fault == id)) {
        Report::Fault { state, why, counters, .. } => (state, why, counters),
        _ => unreachable!(),
    }
}

/// Work under a disturbance of the whole bus: nothing may be lost, doubled or changed. What the swarm counted.
fn work_under(kind: FaultKind) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    let mut swarm = hybrid();
    begin(&mut swarm, "f", kind, &[], 60_000);
    for _ in 0..10 {
        swarm.send(100, 64, Work::Echo {});
        swarm.begin_round(64, 15_000, Work::Echo {});
    }
    assert_eq!(swarm.drain(20_000), 0);
    let (state, counters) = heal(&mut swarm, "f");
    assert_eq!(state, FaultState::Healed);
    swarm.ledger.assert_clean(64);
    let gauges = swarm.gauges();
    assert_eq!(gauges["effects"], 1_400);
    assert!(counters["hit"] > 0 && counters["hit"] <= counters["considered"], "{counters:?}");
    swarm.round(64);
    swarm.stop();
    (counters, gauges)
}

#[test]
fn dropped_packets_cost_no_task_and_double_none() {
    let (counters, gauges) = work_under(FaultKind::BusDrop { per_million: 40_000 });
    assert!(gauges["retried"] > 0, "{counters:?} {gauges:?}");
}

#[test]
fn changed_packets_are_noticed_and_their_tasks_sent_again() {
    let (counters, gauges) = work_under(FaultKind::BusCorrupt { per_million: 40_000 });
    assert!(gauges["bus.corrupt"] > 0 && gauges["retried"] > 0, "{counters:?} {gauges:?}");
}

#[test]
fn doubled_packets_have_one_effect() {
    let (_, gauges) = work_under(FaultKind::BusDuplicate { per_million: 300_000 });
    assert!(gauges["bus.repeated"] > 0, "{gauges:?}");
}

#[test]
fn swapped_packets_are_put_back_into_order() {
    let (_, gauges) = work_under(FaultKind::BusReorder { per_million: 300_000 });
    assert!(gauges["bus.reordered"] > 0, "{gauges:?}");
}

#[test]
fn delayed_packets_make_rounds_slow_and_cost_nothing() {
    let mut swarm = hybrid();
    let delay = FaultKind::BusDelay { per_million: 1_000_000, delay_us: 20_000, jitter_us: 5_000 };
    begin(&mut swarm, "slow", delay, &[], 60_000);
    let round = swarm.begin_round(64, 15_000, Work::Echo {});
    let (delivered, _, elapsed_ns) = swarm.end_round(round);
    assert_eq!(delivered, 40);
    assert!(elapsed_ns >= 120_000_000, "six hops of 20 ms each: {elapsed_ns}");
    assert_eq!(heal(&mut swarm, "slow").0, FaultState::Healed);
    assert_eq!(swarm.drain(10_000), 0);
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.gauges()["effects"], 40);
    swarm.stop();
}

#[test]
fn letters_between_workers_are_disturbed_too_and_come_back_as_they_were() {
    let mut swarm = hybrid();
    let kinds = [
        FaultKind::BusDrop { per_million: 50_000 },
        FaultKind::BusCorrupt { per_million: 50_000 },
        FaultKind::BusDuplicate { per_million: 50_000 },
    ];
    for (id, kind) in ["drop", "corrupt", "twice"].into_iter().zip(kinds) {
        begin(&mut swarm, id, kind, &[5, 6, 7, 8, 9, 10], 60_000);
    }
    for _ in 0..3 {
        swarm.begin_round(64, 15_000, Work::Relay {});
    }
    assert_eq!(swarm.drain(20_000), 0);
    for id in ["drop", "corrupt", "twice"] {
        assert!(heal(&mut swarm, id).1["considered"] > 100);
    }
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

#[test]
fn a_fault_ends_by_itself_and_tells_so() {
    let mut swarm = hybrid();
    begin(&mut swarm, "short", FaultKind::BusDrop { per_million: 1 }, &[1], 30);
    assert_eq!(told_of(&mut swarm, "short").0, FaultState::Expired);
    assert_eq!(heal(&mut swarm, "short").0, FaultState::Expired);
    swarm.stop();
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    let mut swarm = hybrid();
    begin(&mut swarm, "one", FaultKind::BusDrop { per_million: 1 }, &[9_999], 60_000);
    let mut refused = Vec::new();
    for (id, per_million) in [("one", 1), ("two", 1_000_001)] {
        let kind = FaultKind::BusDrop { per_million };
        swarm.say(&Command::Fault { fault: id.into(), kind, agents: vec![], ttl_ms: 1_000, seed: 1 });
        let (state, why, _) = told_of(&mut swarm, id);
        assert_eq!(state, FaultState::Refused);
        refused.extend(why);
    }
    swarm.say(&Command::Heal { fault: "three".into() });
    refused.extend(told_of(&mut swarm, "three").1);
    insta::assert_snapshot!(refused.join("\n"), @"
    fault one acts already; heal it first
    a rate of 1000001 out of a million is too much
    there is no fault three
    ");
    assert_eq!(heal(&mut swarm, "one").1["considered"], 0, "nobody is concerned");
    swarm.stop();
}

#[test]
fn tasks_wait_for_a_worker_that_is_cut_off_and_are_executed_once() {
    for direction in [Direction::Both, Direction::From, Direction::To] {
        let mut swarm = hybrid();
        begin(&mut swarm, "cut", FaultKind::Partition { direction }, &[7], 60_000);
        let round = swarm.begin_round(64, 300, Work::Echo {});
        assert_eq!(swarm.end_round(round).1, 1, "{direction:?}");
        let (_, counters) = heal(&mut swarm, "cut");
        assert!(counters["hit"] > 0, "{direction:?} {counters:?}");
        assert_eq!(swarm.drain(10_000), 0);
        swarm.ledger.assert_clean(64);
        assert_eq!(swarm.gauges()["effects"], 40, "{direction:?}");
        assert!(!swarm.told.iter().any(|r| matches!(r, Report::Member { state: MemberState::Left, .. })));
        swarm.stop();
    }
}

#[test]
fn tasks_for_one_worker_go_to_that_worker_as_far_as_its_inbox_has_room() {
    let mut swarm =
        Swarm::launch(json!({"shape": "hybrid", "coordinators": 2, "workers": 10, "inbox": 1_000}));
    swarm.send_to(10_000, 64, Work::Cpu { us: 20 }, 5);
    let neighbours = swarm.send(100, 64, Work::Echo {});
    swarm.send_to(1, 64, Work::Echo {}, 2);
    swarm.send_to(1, 64, Work::Echo {}, 9_999);
    assert_eq!(swarm.drain(20_000), 0);
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.ledger.refused, 9_002, "what does not fit, and what is for no worker");
    let by_5 = swarm.ledger.order.iter().filter(|a| a.token < neighbours && a.agent == 5).count();
    assert_eq!(by_5, 1_000);
    swarm.kill(5);
    wait_until("it is dead", || {
        swarm.gauges()["agents.attached"] == 13 || swarm.gauges()["agents.spawned"] == 14
    });
    swarm.stop();
}

/// Cuts agents off: a round still ends whole, before they are healed.
fn cut_off(agents: &[u32], direction: Direction) -> Swarm {
    let mut swarm = hybrid();
    swarm.round(64);
    begin(&mut swarm, "cut", FaultKind::Partition { direction }, agents, 60_000);
    let round = swarm.begin_round(64, 15_000, Work::Echo {});
    let timed_out = swarm.end_round(round).1;
    assert_eq!(timed_out, 0, "{agents:?} {direction:?} {:?}", swarm.told);
    swarm
}

/// Heals it; those that were cut off come back, and nothing was lost or done twice.
fn come_back(mut swarm: Swarm, agents: &[u32]) {
    let (_, counters) = heal(&mut swarm, "cut");
    assert!(counters["hit"] > 0, "{counters:?}");
    for agent in agents {
        swarm.until_told("it is back in a new epoch", is_replaced(*agent));
    }
    swarm.round(64);
    assert_eq!(swarm.drain(10_000), 0);
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.gauges()["effects"], swarm.ledger.accepted.len() as u64);
    assert!(!swarm.told.iter().any(|r| matches!(r, Report::Member { state: MemberState::Left, .. })));
    swarm.stop();
}

#[test]
fn a_coordinator_that_is_cut_off_loses_its_workers_to_others_until_it_is_back() {
    for direction in [Direction::Both, Direction::From, Direction::To] {
        let swarm = cut_off(&[2], direction);
        let suspected = |r: &Report| matches!(r, Report::Suspected { agent: 2, how: How::Lease, .. });
        assert!(swarm.told.iter().any(suspected), "{direction:?} {:?}", swarm.told);
        let others = |r: &Report| matches!(r, Report::Suspected { agent, .. } if *agent != 2);
        assert!(!swarm.told.iter().any(others), "{direction:?} {:?}", swarm.told);
        come_back(swarm, &[2]);
    }
}

#[test]
fn a_leader_that_is_cut_off_is_deposed_and_accuses_nobody() {
    for direction in [Direction::Both, Direction::From, Direction::To] {
        let swarm = cut_off(&[0], direction);
        assert!(swarm.told.iter().any(|r| matches!(r, Report::Elected { replaces: 0, .. })), "{direction:?}");
        let others = |r: &Report| matches!(r, Report::Suspected { agent, .. } if *agent != 0);
        assert!(!swarm.told.iter().any(others), "{direction:?} {:?}", swarm.told);
        come_back(swarm, &[0]);
    }
}
