//! Known-bad targets: the gate that each control names must turn red.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use support::{Place, repository, text, verdict};

#[test]
fn every_control_is_judged_no_go_by_the_gate_that_it_names() {
    let folder = repository("scenarios/controls");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 11, "a control for each defect");
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if let Err(why) = control(&file) {
            wrong.push(format!("{name}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn control(file: &std::path::Path) -> Result<(), String> {
    let place = Place::new();
    let run = place.path("run");
    let loaded = scenarios::read(file, &scenarios::Options::default()).map_err(|p| p.to_string())?;
    let gate = loaded.scenario.control().ok_or("names no gate")?.to_owned();
    let out = place.output(&["run", "--quiet", "--out", run.to_str().unwrap(), file.to_str().unwrap()]);
    place.assert_nothing_left_within(Duration::from_secs(5));
    let said = format!("{}{}", text(&out.stdout), text(&out.stderr));
    if out.status.code() != Some(30) {
        return Err(format!("exit {:?}\n{said}", out.status.code()));
    }
    let judged = verdict(&run);
    let found = judged["gates"].as_array().and_then(|gates| gates.iter().find(|g| g["id"] == gate.as_str()));
    match found.map(|g| &g["outcome"]) {
        Some(outcome) if outcome == "NO-GO" => Ok(()),
        other => Err(format!("gate {gate:?} is {other:?}\n{said}")),
    }
}
