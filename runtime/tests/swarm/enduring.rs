//! A host that has not enough: of descriptors, memory, processes, CPU time; signals that mean nothing; clocks that
//! jump. Nothing is lost or done twice, nobody spins, and all is well again afterwards.

use nix::libc::{SIGCONT, SIGHUP, SIGSTOP, SIGURG, SIGUSR1, SIGWINCH};
use protocol::{FaultKind, FaultState, MemberState, Report, Work};
use serde_json::json;

use crate::disturbed::{begin, heal};
use crate::driver::{Swarm, cpu_ms, descriptors, set_limit, signal, wait_until};
use crate::failing::{SLOW, hybrid, is_replaced};

#[test]
fn a_coordinator_without_descriptors_rests_and_serves_again_when_it_has_some() {
    let mut swarm = hybrid();
    let coordinator = swarm.pid(2);
    let before = set_limit(coordinator, nix::libc::RLIMIT_NOFILE, descriptors(coordinator));
    // Those that come back to it find nobody.
    for worker in [15, 16, 17] {
        swarm.kill(worker);
        swarm.until("it left", |r| matches!(r, Report::Member { state: MemberState::Left, .. }));
    }
    wait_until("it lacks descriptors", || swarm.gauges()["exhausted.descriptors"] > 0);
    let (used, started) = (cpu_ms(coordinator), std::time::Instant::now());
    let round = swarm.begin_round(64, 500, Work::Echo {});
    let (_, _, elapsed_ns) = swarm.end_round(round);
    assert!(elapsed_ns > 0);
    wait_until("some time is over", || started.elapsed().as_millis() > 300);
    let busy = cpu_ms(coordinator) - used;
    assert!(busy < 100, "{busy} ms of CPU time in {:?}", started.elapsed());
    set_limit(coordinator, nix::libc::RLIMIT_NOFILE, before);
    assert_eq!(swarm.drain(20_000), 0);
    wait_until("all agents are back", || swarm.gauges()["agents.attached"] == 45);
    swarm.round(64);
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

#[test]
fn work_waits_for_memory_and_programs_for_descriptors() {
    let mut swarm = Swarm::launch(json!({"shape": "flat", "workers": 2}));
    let workers = [swarm.pid(1), swarm.pid(2)];
    let limits = [(nix::libc::RLIMIT_DATA, 1), (nix::libc::RLIMIT_NOFILE, 3)];
    let works = [Work::Alloc { bytes: 64 << 20 }, Work::Exec { argv: vec!["true".into()] }];
    for ((limit, value), work) in limits.into_iter().zip(works) {
        let before: Vec<u64> = workers.iter().map(|pid| set_limit(*pid, limit, value)).collect();
        let waited = swarm.gauges()["exhausted.work"];
        swarm.send(4, 64, work);
        wait_until("work waits", || swarm.gauges()["exhausted.work"] > waited + 2);
        for (pid, before) in workers.iter().zip(before) {
            set_limit(*pid, limit, before);
        }
        assert_eq!(swarm.drain(15_000), 0);
    }
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.pid(1), workers[0], "nobody had to be replaced");
    swarm.stop();
}

#[test]
fn signals_that_mean_nothing_end_nobody_and_break_nothing() {
    let mut swarm = hybrid();
    let victims: Vec<i32> = swarm.members.keys().map(|agent| swarm.pid(*agent)).collect();
    for turn in 0..20 {
        swarm.begin_round(64, 15_000, Work::Sleep { p50_us: 1_000, p99_us: 5_000 });
        swarm.send(20, 64, Work::Relay {});
        for number in [SIGHUP, SIGUSR1, SIGWINCH, SIGURG, SIGCONT] {
            for pid in &victims {
                signal(*pid, number);
            }
        }
        if turn == 10 {
            swarm.send(5, 64, Work::Exec { argv: vec!["true".into()] });
        }
        swarm.catch_up();
    }
    assert_eq!(swarm.drain(20_000), 0);
    swarm.ledger.assert_clean(64);
    assert!(!swarm.told.iter().any(|r| matches!(r, Report::Member { .. })), "{:?}", swarm.told);
    swarm.stop();
}

#[test]
fn clocks_that_jump_are_seen_and_change_nothing() {
    for offset_us in [3_600_000_000, -3_600_000_000] {
        let mut swarm = hybrid();
        swarm.round(64);
        begin(&mut swarm, "clock", FaultKind::Clock { offset_us }, &[0, 1, 2, 5, 6, 30], 60_000);
        for _ in 0..5 {
            swarm.begin_round(64, 15_000, SLOW);
            swarm.send(20, 64, Work::Relay {});
        }
        assert_eq!(swarm.drain(20_000), 0);
        let started = std::time::Instant::now();
        wait_until("some leases are over", || started.elapsed().as_millis() > 1_200);
        let (state, counters) = heal(&mut swarm, "clock");
        assert_eq!((state, counters["hit"]), (FaultState::Healed, 6), "{counters:?}");
        assert!(counters["skew_us"].abs_diff(3_600_000_000) < 1_000_000, "{counters:?}");
        let round = swarm.begin_round(64, 15_000, SLOW);
        swarm.kill(1);
        assert_eq!(swarm.end_round(round).1, 0);
        swarm.until_told("replacement", is_replaced(1));
        swarm.ledger.assert_clean(64);
        let others = swarm.told.iter().any(|r| matches!(r, Report::Suspected { agent, .. } if *agent != 1));
        assert!(!others, "{:?}", swarm.told);
        swarm.stop();
    }
}

#[test]
fn an_agent_that_cannot_be_started_is_done_without_and_tried_again() {
    let mut swarm = hybrid();
    let spawner = swarm.spawner();
    // It has no descriptor for a coordinator's socket.
    let before = set_limit(spawner, nix::libc::RLIMIT_NOFILE, descriptors(spawner));
    let round = swarm.begin_round(64, 15_000, SLOW);
    swarm.kill(2);
    assert_eq!(swarm.end_round(round).1, 0);
    swarm.until("it says so", |r| matches!(r, Report::Error { message } if message.contains("agent 2")));
    assert!(swarm.gauges()["spawn_retries"] >= 8);
    swarm.round(64);
    set_limit(spawner, nix::libc::RLIMIT_NOFILE, before);
    swarm.until("it is started when it can be", is_replaced(2));
    swarm.round(64);
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

#[test]
fn a_paused_only_coordinator_is_replaced_too() {
    let mut swarm = Swarm::launch(json!({"shape": "flat", "workers": 10}));
    let paused = swarm.pid(0);
    let round = swarm.begin_round(64, 15_000, SLOW);
    signal(paused, SIGSTOP);
    assert_eq!(swarm.end_round(round).1, 0);
    assert_ne!(swarm.pid(0), paused);
    wait_until("all agents are back", || swarm.gauges()["agents.attached"] == 11);
    swarm.round(64);
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.gauges()["effects"], 20);
    swarm.stop();
}
