//! What the scenario files say, the bundled runtime understands: the two crates do not know each other.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn the_runtime_accepts_the_swarm_of_every_scenario_file_and_counts_the_same_agents() {
    let mut found = Vec::new();
    for folder in ["smoke", "load", "chaos", "controls"] {
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(folder), &mut found);
    }
    assert!(found.len() >= 30, "{}", found.len());
    for file in found {
        let plan = scenarios::read(&file, &scenarios::Options::default()).unwrap().plan;
        // A program of its own has a configuration of its own.
        if plan.target.command.is_some() {
            continue;
        }
        let config = runtime::Config::from_json(&plan.target.config)
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        assert_eq!(config.shape.agents(), plan.target.agents.unwrap().all(), "{}", file.display());
    }
}
