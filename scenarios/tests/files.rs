//! The scenario files of this repository, and the pages made from the format.
//!
//! `SHAKEDOWN_BLESS=1` rewrites the pages and the fingerprints.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what it could not do")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use scenarios::plan::Plan;
use scenarios::{Loaded, Options};
use serde_json::Value as Json;

fn crate_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every scenario file, by its path below `scenarios/`.
fn files() -> BTreeMap<String, PathBuf> {
    let folders = std::fs::read_dir(crate_root()).unwrap().map(|entry| entry.unwrap().path());
    // Gate files are no scenarios; `gate_files.rs` reads them.
    let folders = folders.filter(|path| path.is_dir() && !path.ends_with("gates"));
    let inside = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let paths = inside.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .map(|path| (path.strip_prefix(crate_root()).unwrap().display().to_string(), path))
        .collect()
}

fn load(path: &Path) -> Loaded {
    scenarios::read(path, &Options::default()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn folder(name: &str) -> Vec<(String, Loaded)> {
    let inside = files().into_iter().filter(|(path, _)| path.starts_with(name));
    inside.map(|(path, file)| (path, load(&file))).collect()
}

/// How long a run of this plan takes at most, without launch and stop.
fn length(plan: &Plan) -> Duration {
    Duration::from_nanos(plan.phases.iter().map(|phase| phase.length_ns).sum())
}

/// Compares a committed file with what it should hold, or rewrites it.
fn is_current(path: &Path, expected: &str) {
    if std::env::var_os("SHAKEDOWN_BLESS").is_some() {
        std::fs::write(path, expected).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == expected, "{} is not current; run the tests with SHAKEDOWN_BLESS=1", path.display());
}

#[test]
fn every_scenario_file_is_valid_and_named_after_its_file() {
    let files = files();
    assert!(files.len() >= 30, "only {} were found", files.len());
    for (path, file) in files {
        let loaded = load(&file);
        let stem = file.file_stem().unwrap().to_str().unwrap();
        assert!(loaded.scenario.name().ends_with(stem), "{path}: {}", loaded.scenario.name());
        assert!(loaded.scenario.why().len() > 20, "{path} does not say why");
    }
}

#[test]
fn every_scenario_file_validates_against_the_schema() {
    let schema = scenarios::schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (path, file) in files() {
        // Another reader than ours, so that the schema is tried on what the file says.
        let json: Json = serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let errors: Vec<_> =
            validator.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new(), "{path}");
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let validator = jsonschema::validator_for(&scenarios::schema()).unwrap();
    let good = "name: a\nwhy: b\ntarget: { swarm: { shape: flat, workers: 3 } }\nworkload: { rounds: { every: 1s } }\n\
                phases: { hold: 5s }\ngates: [messages.lost == 0]\n";
    let check = |text: &str| {
        let json: Json = serde_saphyr::from_str(text).unwrap();
        (validator.is_valid(&json), scenarios::parse(text, "x.yaml", &Options::default()).is_ok())
    };
    assert_eq!(check(good), (true, true));
    for (old, new) in [
        ("name: a", "name: A"),
        ("why: b\n", ""),
        ("why: b", "why: b\nwhat: c"),
        ("workers: 3", "workers: 0"),
        ("workers: 3", "workers: 3, workers_per_coordinator: 3"),
        ("shape: flat", "shape: round"),
        ("swarm: { shape: flat, workers: 3 }", "ready_within: 1s"),
        ("every: 1s", "every: 1"),
        ("every: 1s", "every: 1s, work: dance"),
        ("every: 1s", "every: 1s, work: { sleep: 5ms, cpu: 5ms }"),
        ("hold: 5s", "hold: [5s]"),
        ("[messages.lost == 0]", "[]"),
        ("gates:", "faults: [{ at: 1s }]\ngates:"),
        ("gates:", "faults: [{ kill: { count: 1 }, at: 1s }]\ngates:"),
        ("gates:", "faults: [{ kill: { role: worker, count: 1, all: true }, at: 1s }]\ngates:"),
        ("gates:", "faults: [{ kill: { role: worker }, pause: { role: worker, for: 1s }, at: 1s }]\ngates:"),
        ("gates:", "faults: [{ kill: { role: worker }, at: 1s, days: [1] }]\ngates:"),
        ("gates:", "faults: [{ kill: { role: worker }, at: 1s, keep: most }]\ngates:"),
        ("gates:", "faults: [{ bus_drop: { rate: 5, for: 1s }, at: 1s }]\ngates:"),
        ("gates:", "faults: [{ clock: { role: worker, offset: soon, for: 1s }, at: 1s }]\ngates:"),
        ("gates:", "control: {}\ngates:"),
        ("every: 1s", "every: 1s, daily: [{ from: 24:00, workers: 1 }]"),
        ("every: 1s", "every: 1s, daily: [{ from: 00:00, workers: 0 }]"),
        ("every: 1s", "every: 1s, work: { mix: [{ work: { mix: [{ work: echo }] } }] }"),
        ("gates:", "soak: { on_harness_death: wait }\ngates:"),
        ("gates:", "soak: { quiesce: { within: 1s } }\ngates:"),
        ("gates:", "soak: { end_early: { looks: 101 } }\ngates:"),
        ("gates:", "soak: { alerts: [memory.growth] }\ngates:"),
        ("gates:", "soak: { alerts: [] }\ngates:"),
        ("gates:", "soak: { notify: { command: true } }\ngates:"),
        ("[messages.lost == 0]", "[messages.lost]"),
    ] {
        let bad = good.replacen(old, new, 1);
        assert_ne!(bad, good, "{old}");
        assert_eq!(check(&bad), (false, false), "{bad}");
    }
}

#[test]
fn the_pages_made_from_the_format_are_current() {
    let reference = crate_root().join("../docs/reference");
    is_current(&reference.join("scenario.schema.json"), &format!("{:#}\n", scenarios::schema()));
    is_current(&reference.join("scenario-files.md"), &scenarios::reference());
}

/// A changed fingerprint means that the same file and seed would do something else than before.
#[test]
fn every_scenario_file_has_the_plan_that_it_always_had() {
    let mut fingerprints = String::new();
    for (path, file) in files() {
        fingerprints += &format!("{path} {}\n", load(&file).plan.fingerprint());
    }
    is_current(&crate_root().join("tests/fingerprints.txt"), &fingerprints);
}

#[test]
fn the_examples_of_the_reference_page_are_valid() {
    let page = scenarios::reference();
    let examples: Vec<_> =
        page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [whole, faults, days, soak] = examples[..] else { panic!("{examples:?}") };
    let valid = |text: &str| {
        scenarios::parse(text, "example.yaml", &Options::default()).unwrap_or_else(|p| panic!("{p}\n{text}"))
    };
    valid(whole);
    let head = "name: a\nwhy: b\ntarget: { swarm: { shape: hybrid, coordinators: 10, workers: 200, bus: files } }\n\
                workload: { rounds: { every: 1s } }\nphases: { hold: 1m }\ngates: [messages.lost == 0]\n";
    assert_eq!(valid(&format!("{head}{faults}")).plan.faults.len(), 4);
    let days = head.replace("workload: { rounds: { every: 1s } }\n", days);
    assert_eq!(valid(&days).plan.workload.rounds.unwrap().levels[0].workers, 100);
    let long = head.replace("hold: 1m", "hold: 7d");
    assert_eq!(valid(&format!("{long}{soak}")).plan.soak.alerts.len(), 3);
}

#[test]
fn every_load_file_takes_less_than_half_a_minute_and_has_the_agents_of_its_name() {
    let loaded = folder("load/");
    assert_eq!(loaded.len(), 10);
    for (path, loaded) in loaded {
        assert!(length(&loaded.plan) < Duration::from_secs(25), "{path}");
        let named: u32 = path.trim_start_matches("load/").trim_end_matches(".yaml").parse().unwrap();
        let agents = loaded.plan.target.agents.unwrap().all();
        // Shapes of 5×50 and so on have their master and coordinators beside the workers.
        assert!(agents >= named && agents - named <= 11, "{path}: {agents}");
    }
}

#[test]
fn every_chaos_file_breaks_something_and_allows_no_loss() {
    for (path, loaded) in folder("chaos/") {
        assert!(!loaded.plan.faults.is_empty(), "{path}");
        assert!(loaded.plan.gates.iter().any(|gate| gate.metric.name == "messages.lost"), "{path}");
    }
}

#[test]
fn every_control_names_its_gate_first_and_every_defect_has_a_control() {
    let mut planted = BTreeSet::new();
    for (path, loaded) in folder("controls/").into_iter().filter(|(_, loaded)| !loaded.scenario.claimed()) {
        if loaded.scenario.control_condition().is_some() {
            continue;
        }
        let control = loaded.scenario.control().unwrap_or_else(|| panic!("{path} names no gate"));
        assert_eq!(loaded.plan.gates[0].id, control, "{path}");
        assert!(loaded.plan.gates.len() > 2, "{path} has no gates that stay green");
        // What only time shows has a name that says so, and is left to `shakedown prove`.
        let slow = loaded.scenario.name().starts_with("control-drift-") || path.ends_with("-10m.yaml");
        assert!(slow || length(&loaded.plan) <= Duration::from_secs(8), "{path}");
        planted.extend(loaded.plan.target.config["defects"].as_object().unwrap().keys().cloned());
    }
    for defect in [
        "drop_1_in",
        "duplicate_1_in",
        "reexecute_1_in",
        "reorder_1_in",
        "corrupt_1_in",
        "late_1_in",
        "leak_bytes_per_task",
        "leak_descriptor_per_task",
        "die_on_task",
        "hang_on_task",
        "never_reassign",
        "reassign_after_ms",
        "leak_thread_1_in",
        "die_every_ms",
        "slower_per_minute",
        "reassign_slower_ms",
        "false_gauges",
    ] {
        assert!(planted.contains(defect), "{defect} has no control");
    }
}

/// Every kind of fault, as the schema names them.
fn kinds() -> BTreeSet<String> {
    let schema = scenarios::schema();
    let ways = schema["$defs"]["fault"]["allOf"][0]["oneOf"].as_array().unwrap();
    let kinds: BTreeSet<_> = ways.iter().map(|way| way["required"][0].as_str().unwrap().to_owned()).collect();
    assert!(kinds.len() >= 34, "{kinds:?}");
    kinds
}

#[test]
fn every_kind_of_fault_has_a_control_that_only_claims_it() {
    let mut claimed = BTreeSet::new();
    for (path, loaded) in folder("controls/").into_iter().filter(|(_, loaded)| loaded.scenario.claimed()) {
        assert!(length(&loaded.plan) <= Duration::from_secs(8), "{path}");
        assert!(loaded.plan.faults.iter().all(|fault| fault.pretend), "{path}");
        claimed.extend(loaded.plan.faults.iter().map(|fault| fault.kind.name().to_owned()));
    }
    assert_eq!(claimed, kinds());
}

#[test]
fn every_kind_of_fault_is_applied_by_a_chaos_file_and_the_storm_has_all_that_need_no_network() {
    let names = |loaded: &Loaded| -> BTreeSet<String> {
        loaded.plan.faults.iter().map(|fault| fault.kind.name().to_owned()).collect()
    };
    let files = folder("chaos/");
    let (storms, others): (Vec<_>, Vec<_>) =
        files.iter().partition(|(path, _)| path == "chaos/everything.yaml");
    let elsewhere: BTreeSet<_> = others.iter().flat_map(|(_, loaded)| names(loaded)).collect();
    assert_eq!(elsewhere, kinds());
    let (_, storm) = storms.first().unwrap();
    let network = |kind: &String| kind.starts_with("network_") || kind == "connection_kill";
    assert_eq!(names(storm), kinds().into_iter().filter(|kind| !network(kind)).collect());
    assert!(storm.plan.faults.len() >= 100, "{}", storm.plan.faults.len());
}

#[test]
fn a_chaos_file_takes_less_than_half_a_minute_unless_it_is_a_storm_a_series_or_a_soak() {
    let long = [
        "chaos/everything.yaml",
        "chaos/sixty-kills.yaml",
        "chaos/scheduled-14d.yaml",
        "chaos/weekly-30d.yaml",
    ];
    for (path, loaded) in folder("chaos/").into_iter().filter(|(path, _)| !long.contains(&path.as_str())) {
        let load = Duration::from_nanos(loaded.plan.load_ends_ns());
        assert!(load <= Duration::from_secs(25), "{path}: {load:?}");
    }
}

#[test]
fn a_soak_can_be_rehearsed_in_three_minutes() {
    let options = Options { rehearse: Some(Duration::from_secs(180)), ..Options::default() };
    for (path, file) in
        files().into_iter().filter(|(path, _)| path.ends_with("14d.yaml") || path.ends_with("30d.yaml"))
    {
        let whole = load(&file).plan;
        let rehearsed = scenarios::read(&file, &options).unwrap_or_else(|problems| panic!("{problems}")).plan;
        assert_eq!(length(&rehearsed), Duration::from_secs(180), "{path}");
        let victims = |plan: &Plan| {
            let mut victims: Vec<_> = plan.faults.iter().map(|f| (f.id.clone(), f.victims.clone())).collect();
            victims.sort_by(|a, b| a.0.cmp(&b.0));
            victims
        };
        assert_eq!(victims(&rehearsed), victims(&whole), "{path}");
    }
}
