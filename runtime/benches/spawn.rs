//! From nothing to a swarm whose agents can all take work, against bare forks; and what an idle swarm takes.

#[path = "../tests/swarm/driver.rs"]
mod driver;
mod floor;

use std::time::Instant;

use driver::Swarm;
use floor::{measure, ms, quantile, say};
use protocol::{Command, Report, Role};
use serde_json::{Value, json};

const TURNS: usize = 7;

fn main() {
    floor::run_if_asked();
    let deep = json!({"shape": "deep", "level_1": 7, "level_2": 49, "workers": 1943});
    compare(708, 150, json!({"shape": "hybrid", "coordinators": 7, "workers": 700}));
    compare(2_000, 400, deep.clone());
    memory(deep);
}

fn compare(agents: usize, reach_ms: u64, config: Value) {
    let (mut floors, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        floors.extend(measure("spawn", &[agents]));
        let mut swarm = Swarm::start(&[]);
        let started = Instant::now();
        swarm.say(&Command::Launch { config: config.clone() });
        swarm.until("ready", |r| matches!(r, Report::Ready { .. }));
        ours.push(started.elapsed().as_nanos() as u64);
        swarm.stop();
    }
    let (floor, our) = (quantile(&floors, 0.5), quantile(&ours, 0.5));
    say(&format!("spawn of {agents} agents, median of {TURNS} turns"));
    say(&format!("  floor    {:6.1} ms", ms(floor)));
    say(&format!("  runtime  {:6.1} ms, launch to ready over the protocol  (reach {reach_ms})", ms(our)));
    say(&format!("  ratio    {:6.2}  (reach 2.5)", our as f64 / floor as f64));
}

/// Proportional set sizes of an idle swarm, after one round.
fn memory(config: Value) {
    let mut swarm = Swarm::launch(config);
    swarm.round(256);
    let pss = |pid: u32| -> u64 {
        let path = format!("/proc/{pid}/smaps_rollup");
        let text = std::fs::read_to_string(path).expect("the agent lives");
        let line = text.lines().find_map(|l| l.strip_prefix("Pss:")).expect("the kernel tells");
        line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
    };
    let of = |role: Role| -> Vec<u64> {
        swarm.members.values().filter(|m| m.role == role).map(|m| pss(m.pid)).collect()
    };
    let (workers, coordinators, master) = (of(Role::Worker), of(Role::Coordinator), of(Role::Master));
    let gateway = pss(swarm.root.id());
    let all: u64 = [&workers, &coordinators, &master].into_iter().flatten().sum::<u64>() + gateway;
    say("memory of an idle swarm of 2,000 after a round, PSS");
    say(&format!("  worker       {:6} KiB  (reach 200)", quantile(&workers, 0.5)));
    say(&format!(
        "  coordinator  {:6} KiB, master {} KiB, gateway {gateway} KiB",
        quantile(&coordinators, 0.5),
        master[0]
    ));
    say(&format!("  all          {:6} MiB  (reach 400)", all / 1024));
    swarm.stop();
}
