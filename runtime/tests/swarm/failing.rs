//! Agents that die or are asked to leave.

use std::time::Duration;

use nix::libc::{SIGKILL, SIGTERM};
use protocol::{How, MemberState, Report, Work};
use serde_json::json;

use crate::driver::{Swarm, signal, wait_until};

/// Long enough for a kill to come in the middle of the round.
pub(crate) const SLOW: Work = Work::Sleep { p50_us: 20_000, p99_us: 20_000 };

pub(crate) fn hybrid() -> Swarm {
    Swarm::launch(json!({"shape": "hybrid", "coordinators": 4, "workers": 40}))
}

fn wait_for_all(swarm: &mut Swarm, agents: u64) {
    wait_until("all agents are back", || swarm.gauges()["agents.attached"] == agents);
}

pub(crate) fn is_replaced(agent: u32) -> impl FnMut(&Report) -> bool {
    move |report| matches!(report, Report::Member { member, state: MemberState::Replaced, .. } if member.agent == agent)
}

#[test]
fn a_coordinator_killed_in_the_middle_of_a_round_costs_no_task() {
    let mut swarm = hybrid();
    for victim in [2, 4, 2, 1] {
        let round = swarm.begin_round(256, 15_000, SLOW);
        swarm.kill(victim);
        assert_eq!(swarm.end_round(round).1, 0);
        wait_for_all(&mut swarm, 45);
    }
    swarm.ledger.assert_clean(256);
    let suspected =
        swarm.told.iter().filter(|r| matches!(r, Report::Suspected { how: How::Death, .. })).count();
    assert_eq!(suspected, 4);
    let effects = swarm.gauges()["effects"];
    assert_eq!(effects, 160, "each task was executed once");
    swarm.stop();
}

#[test]
fn the_steps_of_a_recovery_are_told_in_order() {
    let mut swarm = hybrid();
    let round = swarm.begin_round(64, 15_000, SLOW);
    swarm.kill(3);
    swarm.end_round(round);
    swarm.until_told("replacement", is_replaced(3));
    let at = |wanted: fn(&Report) -> Option<u64>| {
        swarm.told.iter().find_map(wanted).unwrap_or_else(|| panic!("not told in {:?}", &swarm.told[2..]))
    };
    let suspected = at(|r| match r {
        Report::Suspected { agent: 3, how: How::Death, at_ns, .. } => Some(*at_ns),
        _ => None,
    });
    let elected = at(|r| match r {
        Report::Elected { replaces: 3, at_ns, epoch: 2, .. } => Some(*at_ns),
        _ => None,
    });
    let assigned = at(|r| match r {
        Report::Assigned { from: 3, to, workers: 10, epoch: 2, at_ns, .. } if !to.contains(&3) => {
            Some(*at_ns)
        }
        _ => None,
    });
    assert!(suspected <= elected && elected <= assigned, "{suspected} {elected} {assigned}");
    swarm.stop();
}

#[test]
fn workers_return_to_their_coordinator_once_it_is_replaced() {
    let mut swarm = hybrid();
    swarm.kill(2);
    swarm.until("replacement", is_replaced(2));
    let mut home = 0;
    swarm.until("all workers are home again", |report| {
        if let Report::Member { member, state: MemberState::Moved, .. } = report {
            home += u32::from(member.parent == Some(2));
        }
        home == 10
    });
    let before = swarm.gauges()["handled.2"];
    swarm.round(64);
    assert_eq!(swarm.gauges()["handled.2"] - before, 10);
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

/// Kills these agents in the middle of a round: it still ends whole, and so does the next.
fn killed_at_once_cost_no_task(victims: std::ops::RangeInclusive<u32>) {
    let mut swarm = hybrid();
    let round = swarm.begin_round(64, 15_000, SLOW);
    for victim in victims {
        swarm.kill(victim);
    }
    assert_eq!(swarm.end_round(round).1, 0);
    wait_for_all(&mut swarm, 45);
    swarm.round(64);
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

#[test]
fn three_coordinators_killed_at_once_cost_no_task() {
    killed_at_once_cost_no_task(1..=3);
}

#[test]
fn all_coordinators_killed_at_once_cost_no_task() {
    killed_at_once_cost_no_task(0..=4);
}

#[test]
fn the_masters_death_is_survived_and_a_coordinator_leads() {
    let mut swarm = hybrid();
    let round = swarm.begin_round(64, 15_000, SLOW);
    swarm.kill(0);
    assert_eq!(swarm.end_round(round).1, 0);
    let elected = swarm.told.iter().find_map(|r| match r {
        Report::Elected { agent, replaces: 0, epoch, .. } => Some((*agent, *epoch)),
        _ => None,
    });
    let (leader, term) = elected.expect("an election was told");
    assert!((1..=4).contains(&leader));
    assert_eq!(term, 2);
    wait_for_all(&mut swarm, 45);
    // And the next leader's, which leads workers of its own.
    let round = swarm.begin_round(64, 15_000, SLOW);
    swarm.kill(leader);
    assert_eq!(swarm.end_round(round).1, 0);
    wait_for_all(&mut swarm, 45);
    swarm.round(64);
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.gauges()["effects"], 120);
    swarm.stop();
}

#[test]
fn the_only_coordinator_of_a_flat_swarm_is_replaced() {
    let mut swarm = Swarm::launch(json!({"shape": "flat", "workers": 20}));
    for _ in 0..3 {
        let round = swarm.begin_round(64, 15_000, SLOW);
        swarm.kill(0);
        assert_eq!(swarm.end_round(round).1, 0);
        wait_for_all(&mut swarm, 21);
    }
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.gauges()["effects"], 60);
    swarm.stop();
}

#[test]
fn both_levels_of_a_deep_swarm_are_survived() {
    let mut swarm = Swarm::launch(json!({"shape": "deep", "level_1": 3, "level_2": 6, "workers": 30}));
    for victim in [1, 5, 0, 2, 9] {
        let round = swarm.begin_round(64, 15_000, SLOW);
        swarm.kill(victim);
        assert_eq!(swarm.end_round(round).1, 0, "victim {victim}");
        wait_for_all(&mut swarm, 40);
    }
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.gauges()["effects"], 150);
    swarm.stop();
}

#[test]
fn workers_killed_in_the_middle_of_a_round_cost_no_task_and_double_none() {
    let mut swarm = hybrid();
    for turn in 0..5 {
        let round = swarm.begin_round(64, 15_000, Work::Sleep { p50_us: 5_000, p99_us: 20_000 });
        for victim in 0..6 {
            swarm.kill(5 + (turn * 7 + victim * 3) % 40);
        }
        assert_eq!(swarm.end_round(round).1, 0);
        wait_for_all(&mut swarm, 45);
    }
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

#[test]
fn a_long_queue_survives_its_worker_and_its_coordinator() {
    let mut swarm = Swarm::launch(json!({"shape": "hybrid", "coordinators": 2, "workers": 4}));
    swarm.send(2_000, 200, Work::Cpu { us: 100 });
    swarm.until("some answers", |r| matches!(r, Report::Answers { .. }));
    swarm.kill(4);
    swarm.until("replacement", is_replaced(4));
    swarm.kill(1);
    swarm.until("replacement", is_replaced(1));
    assert_eq!(swarm.drain(20_000), 0);
    swarm.ledger.assert_clean(200);
    assert_eq!(swarm.gauges()["effects"], 2_000);
    swarm.stop();
}

#[test]
fn agents_asked_to_leave_finish_their_work_and_exit_with_0() {
    let mut swarm = hybrid();
    let round = swarm.begin_round(64, 15_000, SLOW);
    for agent in [6, 12, 3] {
        signal(swarm.pid(agent), SIGTERM);
    }
    assert_eq!(swarm.end_round(round).1, 0);
    wait_for_all(&mut swarm, 45);
    for agent in [6, 12, 3] {
        let left = swarm.told.iter().find_map(|r| match r {
            Report::Member { member, state: MemberState::Left, status, .. } if member.agent == agent => {
                status.clone()
            }
            _ => None,
        });
        assert_eq!(left.as_deref(), Some("exit 0"), "agent {agent}");
    }
    swarm.ledger.assert_clean(64);
    swarm.stop();
}

#[test]
fn without_replacement_the_others_take_over_for_good() {
    let mut swarm =
        Swarm::launch(json!({"shape": "hybrid", "coordinators": 3, "workers": 12, "replace": false}));
    swarm.kill(1);
    swarm.kill(5);
    for _ in 0..2 {
        swarm.until("it left", |r| matches!(r, Report::Member { state: MemberState::Left, .. }));
    }
    let round = swarm.begin_round(64, 15_000, Work::Echo {});
    assert_eq!(swarm.end_round(round).0, 12);
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.gauges()["agents.attached"], 14);
    swarm.stop();
}

#[test]
fn an_agent_that_dies_at_once_again_and_again_is_started_with_growing_pauses() {
    let mut swarm = Swarm::launch(json!({"shape": "flat", "workers": 2, "defects": {"die_on_task": 1}}));
    swarm.send(1, 64, Work::Echo {});
    let mut starts = 0;
    swarm.until_within(Duration::from_secs(10), "six starts", |r| {
        starts += u32::from(matches!(r, Report::Member { state: MemberState::Replaced, .. }));
        starts == 6
    });
    assert!(swarm.gauges()["agents.spawned"] < 60);
    swarm.stop();
}

#[test]
fn many_random_kills_cost_no_task_and_double_none() {
    let mut swarm = hybrid();
    let mut random = 0x2545_f491_4f6c_dd1du64;
    for _ in 0..60 {
        swarm.send(100, 64, Work::Cpu { us: 50 });
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        signal(swarm.pid((random % 45) as u32), SIGKILL);
        swarm.catch_up();
    }
    assert_eq!(swarm.drain(20_000), 0);
    swarm.ledger.assert_clean(64);
    wait_for_all(&mut swarm, 45);
    swarm.round(64);
    let effects = swarm.gauges()["effects"];
    assert_eq!(effects, swarm.ledger.accepted.len() as u64);
    swarm.stop();
}
