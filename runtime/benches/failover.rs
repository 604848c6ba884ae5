//! A coordinator with 100 workers is killed in the middle of a round: from the kill to the round's end. Then a
//! thousand kills of any agents under load, after which every accepted task must be answered, by one execution.

#[path = "../tests/swarm/driver.rs"]
mod driver;
mod floor;

use std::time::{Duration, Instant};

use driver::{Swarm, signal};
use floor::{ms, quantile, say};
use protocol::{MemberState, Report, Work};
use serde_json::json;

const KILLS: usize = 100;
const RANDOM_KILLS: usize = 1_000;

fn main() {
    coordinator_kills(2);
    coordinator_kills(7);
    random_kills();
}

fn coordinator_kills(coordinators: u32) {
    let workers = coordinators * 100;
    let mut swarm =
        Swarm::launch(json!({"shape": "hybrid", "coordinators": coordinators, "workers": workers}));
    for _ in 0..20 {
        swarm.round(256);
    }
    let (mut complete, mut detected, mut assigned) = (Vec::new(), Vec::new(), Vec::new());
    let mut without_effect = 0;
    while complete.len() < KILLS {
        let victim = 1 + (complete.len() as u32 + without_effect) % coordinators;
        swarm.told.clear();
        let round = swarm.begin_round(256, 30_000, Work::Echo {});
        swarm.until("the first answers", |r| matches!(r, Report::Answers { .. }));
        let killed_ns = runtime::clock::now_ns();
        swarm.kill(victim);
        assert_eq!(swarm.end_round(round).1, 0);
        let ended_ns = runtime::clock::now_ns();
        wait_until_home(&mut swarm, victim);
        let since_kill = |at_ns: u64| at_ns.saturating_sub(killed_ns);
        let resent = swarm.told.iter().find_map(|r| match r {
            Report::Assigned { from, resent, at_ns, .. } if *from == victim => Some((*resent, *at_ns)),
            _ => None,
        });
        let Some((1.., assigned_ns)) = resent else {
            // Its part of the round was over already: this kill says nothing.
            without_effect += 1;
            continue;
        };
        complete.push(since_kill(ended_ns));
        assigned.push(since_kill(assigned_ns));
        detected.extend(swarm.told.iter().find_map(|r| match r {
            Report::Suspected { agent, at_ns, .. } if *agent == victim => Some(since_kill(*at_ns)),
            _ => None,
        }));
    }
    swarm.ledger.assert_clean(256);
    say(&format!(
        "one of {coordinators} coordinators killed in a round, 100 workers each, {KILLS} kills with tasks in flight ({without_effect} without)"
    ));
    for (name, samples) in
        [("detected", &detected), ("all workers attached", &assigned), ("round complete", &complete)]
    {
        let (p50, p99) = (ms(quantile(samples, 0.5)), ms(quantile(samples, 0.99)));
        say(&format!("  kill to {name:<22} p50 {p50:6.2} ms  p99 {p99:6.2} ms"));
    }
    say("  (reach: round complete p50 10 ms, p99 25 ms)");
    swarm.stop();
}

/// Waits until the victim is replaced and all its workers have returned to it.
fn wait_until_home(swarm: &mut Swarm, victim: u32) {
    let away = |swarm: &Swarm| {
        let mut home: std::collections::HashMap<u32, bool> = std::collections::HashMap::new();
        let mut replaced = false;
        for report in &swarm.told {
            if let Report::Member { member, state, .. } = report {
                match state {
                    MemberState::Replaced => replaced |= member.agent == victim,
                    MemberState::Moved => drop(home.insert(member.agent, member.parent == Some(victim))),
                    _ => {}
                }
            }
        }
        !replaced || home.len() < 100 || home.values().any(|home| !home)
    };
    while away(swarm) {
        swarm.until("a return", |r| matches!(r, Report::Member { .. }));
    }
}

fn random_kills() {
    let mut swarm = Swarm::launch(json!({"shape": "hybrid", "coordinators": 5, "workers": 100}));
    let agents = swarm.members.len() as u64;
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let started = Instant::now();
    for kill in 0..RANDOM_KILLS {
        swarm.send(50, 64, Work::Cpu { us: 100 });
        if kill % 10 == 0 {
            swarm.begin_round(64, 30_000, Work::Echo {});
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        signal(swarm.pid((random % agents) as u32), nix::libc::SIGKILL);
        std::thread::sleep(Duration::from_millis(10));
        swarm.catch_up();
    }
    let outstanding = swarm.drain(30_000);
    let took = started.elapsed().as_secs_f64();
    let killed = swarm
        .told
        .iter()
        .filter(|r| matches!(r, Report::Member { state: MemberState::Left, status: Some(s), .. } if s == "signal 9"))
        .count();
    let gauges = swarm.gauges();
    let accepted = swarm.ledger.accepted.len() as u64;
    let doubles = swarm.ledger.doubly_executed().len() as u64 + gauges["effects"].abs_diff(accepted);
    say(&format!("{killed} processes killed at random in {took:.0} s under load, {accepted} tasks accepted"));
    say(&format!("  lost {}  (reach 0)", swarm.ledger.lost().len() as u64 + outstanding));
    say(&format!("  effects more or fewer than tasks {doubles}  (reach 0)"));
    say(&format!(
        "  sent again {}, answered again and not passed on {}",
        gauges["retried"], gauges["repeated"]
    ));
    swarm.ledger.assert_clean(64);
    swarm.stop();
}
