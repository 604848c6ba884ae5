//! What a user gets: whole runs of `shakedown run`, every answer checked by the ledger, against the same tree of
//! bare processes, in turns on the same host.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops if it cannot go on"
)]

#[path = "../../../runtime/benches/floor.rs"]
mod floor;

use std::process::{Command, Stdio};

/// Runs of each scenario; medians are quoted.
const TURNS: usize = 3;

fn main() {
    floor::run_if_asked();
    compare("708 agents, 7x100", "scenarios/load/708.yaml", &[7, 100], 708);
    compare("2,000 agents, deep", "scenarios/load/2000.yaml", &[7, 7, 40], 2000);
}

/// What one run found.
struct Found {
    round_s: f64,
    target_s: f64,
    launch_s: f64,
    harness_cores: f64,
}

fn compare(name: &str, scenario: &str, tree: &[usize], agents: usize) {
    let (mut rounds, mut launches, mut found) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let numbers: Vec<usize> = std::iter::once(60).chain(tree.iter().copied()).collect();
        rounds.extend(floor::measure("round", &numbers).split_off(6));
        launches.extend(floor::measure("spawn", &[agents]));
        found.push(run(scenario));
    }
    let (round_floor, launch_floor) = (seconds(&rounds), seconds(&launches));
    let of = |read: fn(&Found) -> f64| middle(found.iter().map(read).collect());
    println!("{name}: medians of {TURNS} runs of {scenario}");
    println!("  round, bare processes               {:8.2} ms", round_floor * 1e3);
    line("round inside the target             ", of(|f| f.target_s), round_floor, 1.5);
    line("round as the harness sees it        ", of(|f| f.round_s), round_floor, 3.0);
    println!("  launch, bare forks                  {:8.2} ms", launch_floor * 1e3);
    line("launch as the harness sees it       ", of(|f| f.launch_s), launch_floor, 2.5);
    println!("  harness, cores in use               {:8.3}", of(|f| f.harness_cores));
}

fn line(what: &str, found: f64, floor: f64, reach: f64) {
    println!("  {what}{:8.2} ms  ratio {:.2}  (reach {reach})", found * 1e3, found / floor);
}

fn run(scenario: &str) -> Found {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/../../").to_owned() + scenario;
    let status = Command::new(env!("CARGO_BIN_EXE_shakedown"))
        .args(["run", "--quiet", &scenario, "--out", run.to_str().unwrap()])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    println!("  {status} of {}", scenario.rsplit('/').next().unwrap());
    let verdict: serde_json::Value =
        serde_json::from_slice(&std::fs::read(run.join("verdict.json")).unwrap()).unwrap();
    let metric = |name: &str| verdict["metrics"][name]["value"].as_f64().unwrap();
    Found {
        round_s: metric("round.time.p50"),
        target_s: metric("round.target_time.p50"),
        launch_s: metric("launch.time"),
        harness_cores: metric("harness.cpu.cores"),
    }
}

fn seconds(nanos: &[u64]) -> f64 {
    floor::quantile(nanos, 0.5) as f64 / 1e9
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
