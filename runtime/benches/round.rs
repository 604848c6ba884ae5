//! One task to every worker and all answers back, inside the runtime, against the same tree of bare processes.

#[path = "../tests/swarm/driver.rs"]
mod driver;
mod floor;

use driver::Swarm;
use floor::{measure, ms, quantile, say};
use serde_json::{Value, json};

const TURNS: usize = 5;

fn main() {
    floor::run_if_asked();
    let deep = json!({"shape": "deep", "level_1": 7, "level_2": 49, "workers": 1943});
    compare(
        "708 agents, 7x100",
        json!({"shape": "hybrid", "coordinators": 7, "workers": 700}),
        &[7, 100],
        200,
    );
    compare("2,000 agents, deep", deep, &[7, 7, 40], 60);
}

/// Takes turns between floor and runtime, so that both see the same host, and compares medians.
fn compare(name: &str, config: Value, tree: &[usize], rounds: usize) {
    let (mut floors, mut ours, mut outside) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let numbers: Vec<usize> = std::iter::once(rounds).chain(tree.iter().copied()).collect();
        floors.extend(measure("round", &numbers).split_off(rounds / 10));
        let mut swarm = Swarm::launch(config.clone());
        for turn in 0..rounds {
            let started = std::time::Instant::now();
            let inside_ns = swarm.round(floor::PAYLOAD as u32);
            if turn >= rounds / 10 {
                ours.push(inside_ns);
                outside.push(started.elapsed().as_nanos() as u64);
            }
        }
        swarm.ledger.assert_clean(floor::PAYLOAD);
        swarm.stop();
    }
    let (floor, our) = (quantile(&floors, 0.5), quantile(&ours, 0.5));
    say(&format!("round of {name}, {} rounds each in {TURNS} turns", ours.len()));
    say(&format!("  floor    p50 {:6.2} ms  p99 {:6.2} ms", ms(floor), ms(quantile(&floors, 0.99))));
    say(&format!("  runtime  p50 {:6.2} ms  p99 {:6.2} ms", ms(our), ms(quantile(&ours, 0.99))));
    say(&format!("  seen by a client over the protocol  p50 {:6.2} ms", ms(quantile(&outside, 0.5))));
    say(&format!("  ratio of p50  {:.2}  (reach 1.5)", our as f64 / floor as f64));
}
