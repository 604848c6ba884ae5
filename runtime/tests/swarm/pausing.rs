//! Agents that are stopped for a while, or starved.

use nix::libc::{SIGCONT, SIGSTOP};
use protocol::{How, MemberState, Report, Work};
use serde_json::json;

use crate::driver::{Swarm, signal, wait_until};
use crate::failing::{SLOW, hybrid, is_replaced};

#[test]
fn a_paused_coordinator_loses_its_workers_within_a_second_and_is_refused_when_it_wakes() {
    let mut swarm = hybrid();
    swarm.round(64);
    let round = swarm.begin_round(64, 15_000, Work::Sleep { p50_us: 50_000, p99_us: 200_000 });
    swarm.until("the first answer", |r| matches!(r, Report::Answers { .. }));
    let paused = swarm.pid(2);
    signal(paused, SIGSTOP);
    let (_, timed_out, elapsed_ns) = swarm.end_round(round);
    assert_eq!(timed_out, 0);
    assert!(elapsed_ns > 300_000_000, "the lease is half a second: {elapsed_ns}");
    let fenced = swarm
        .told
        .iter()
        .any(|r| matches!(r, Report::Member { member, state: MemberState::Fenced, .. } if member.agent == 2));
    assert!(fenced);
    assert!(swarm.told.iter().any(|r| matches!(r, Report::Suspected { agent: 2, how: How::Lease, .. })));
    swarm.round(64);
    signal(paused, SIGCONT);
    swarm.until_told("it is back in a new epoch", is_replaced(2));
    assert_eq!(swarm.pid(2), paused);
    assert_eq!(swarm.members[&2].epoch, 2);
    wait_until("its stale answers were refused", || swarm.gauges()["refused_stale"] > 0);
    swarm.round(64);
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

#[test]
fn paused_coordinators_of_both_levels_of_a_deep_swarm_are_survived() {
    let mut swarm = Swarm::launch(json!({"shape": "deep", "level_1": 3, "level_2": 6, "workers": 30}));
    for agent in [2, 6] {
        let paused = swarm.pid(agent);
        let round = swarm.begin_round(64, 15_000, SLOW);
        signal(paused, SIGSTOP);
        assert_eq!(swarm.end_round(round).1, 0);
        signal(paused, SIGCONT);
        swarm.until_told("it is back in a new epoch", is_replaced(agent));
        swarm.round(64);
    }
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.gauges()["effects"], 120);
    swarm.stop();
}

#[test]
fn a_starved_coordinator_is_not_taken_for_dead() {
    let mut swarm =
        Swarm::launch(json!({"shape": "hybrid", "coordinators": 2, "workers": 8, "lease_ms": 100}));
    // Workers that keep all cores busy, many times over.
    for _ in 0..10 {
        swarm.send(8, 64, Work::Cpu { us: 50_000 });
    }
    assert_eq!(swarm.drain(20_000), 0);
    assert!(!swarm.told.iter().any(|r| matches!(r, Report::Suspected { .. })), "{:?}", swarm.told);
    swarm.stop();
}

#[test]
fn a_paused_master_is_replaced_as_leader_and_follows_when_it_wakes() {
    let mut swarm = hybrid();
    let master = swarm.pid(0);
    signal(master, SIGSTOP);
    swarm.until("an election", |r| matches!(r, Report::Elected { replaces: 0, .. }));
    swarm.round(64);
    signal(master, SIGCONT);
    swarm.until_told("it is back in a new epoch", is_replaced(0));
    swarm.round(64);
    assert_ne!(swarm.gauges()["leader"], 0);
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

#[test]
fn a_paused_worker_is_late_and_not_replaced() {
    let mut swarm = hybrid();
    let worker = swarm.pid(7);
    signal(worker, SIGSTOP);
    let round = swarm.begin_round(64, 300, Work::Echo {});
    assert_eq!(swarm.end_round(round).1, 1);
    signal(worker, SIGCONT);
    assert_eq!(swarm.drain(15_000), 0);
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.pid(7), worker);
    swarm.stop();
}
