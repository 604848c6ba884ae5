//! Known-bad targets: the gate that each control names must turn red.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::PathBuf;

use support::{Place, is_breached, repository, spoiled, text, verdict};

#[test]
fn every_control_is_judged_no_go_by_the_gate_that_it_names() {
    let folder = repository("scenarios/controls");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 11, "a control for each defect");
    files.retain(|file| is_short(file) && !claimed(file));
    // A driver that is to be saturated wants the machine for itself; the rest are idle for most of their time.
    let (alone, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| names_a_condition(file));
    let wrong: Vec<String> =
        alone.chunks(1).chain(others.chunks(2)).flat_map(beside_each_other).filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn beside_each_other(files: &[PathBuf]) -> Vec<Result<(), String>> {
    let place = Place::new();
    let judged = std::thread::scope(|scope| {
        let runs: Vec<_> = files.iter().map(|file| scope.spawn(|| control(&place, file))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    place.assert_nothing_left();
    judged
}

/// Everything is done but the act itself: whoever took the fault for proven would go by what was asked for.
#[test]
fn faults_that_are_only_claimed_leave_every_run_inconclusive() {
    let folder = std::fs::read_dir(repository("scenarios/controls")).unwrap();
    let files: Vec<_> = folder.map(|e| e.unwrap().path()).filter(|file| claimed(file)).collect();
    assert!(files.len() >= 6, "a control for each family of faults");
    // They load nothing, so that they may run beside each other.
    let place = Place::new();
    let started: Vec<_> = files.iter().map(|file| (file, start_claimed(&place, file))).collect();
    let wrong: Vec<String> =
        started.into_iter().filter_map(|(file, run)| told(&place, file, run).err()).collect();
    place.assert_nothing_left();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn start_claimed(place: &Place, file: &std::path::Path) -> std::process::Child {
    let run = place.path(file.file_stem().unwrap().to_str().unwrap());
    let mut command =
        place.command(&["run", "--quiet", "--out", run.to_str().unwrap(), file.to_str().unwrap()]);
    // A target may stand in the repository.
    command
        .current_dir(repository(""))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    command.spawn().unwrap()
}

fn told(place: &Place, file: &std::path::Path, run: std::process::Child) -> Result<(), String> {
    let stem = file.file_stem().unwrap().to_str().unwrap();
    let out = run.wait_with_output().unwrap();
    let said = format!("{stem}: exit {:?}\n{}{}", out.status.code(), text(&out.stdout), text(&out.stderr));
    if is_unprivileged() && out.status.code() == Some(69) {
        // What this user may not do is refused, and claims nothing.
        return Ok(());
    }
    if out.status.code() != Some(20) {
        return Err(said);
    }
    let judged = verdict(&place.path(stem));
    let proven = |fault: &&serde_json::Value| fault["evidence"]["proof"] == "proven";
    match judged["faults"].as_array().map(|faults| (faults.len(), faults.iter().filter(proven).count())) {
        Some((1.., 0)) => Ok(()),
        other => Err(format!("faults and proven ones: {other:?}\n{said}")),
    }
}

fn is_unprivileged() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid() != 0
}

/// Whether it is a control of another sort: its faults are only claimed.
fn claimed(file: &std::path::Path) -> bool {
    scenarios::read(file, &scenarios::Options::default()).is_ok_and(|loaded| loaded.scenario.claimed())
}

/// Whether what the control names is a condition of the run's evidence, and not a gate.
fn names_a_condition(file: &std::path::Path) -> bool {
    scenarios::read(file, &scenarios::Options::default())
        .is_ok_and(|loaded| loaded.scenario.control_condition().is_some())
}

/// What only time shows is left to `shakedown prove`.
fn is_short(file: &std::path::Path) -> bool {
    scenarios::read(file, &scenarios::Options::default()).is_ok_and(|loaded| {
        loaded.plan.phases.iter().map(|phase| phase.length_ns).sum::<u64>() <= 10_000_000_000
    })
}

/// A machine that is too busy may spoil one run of a control and not the next.
fn control(place: &Place, file: &std::path::Path) -> Result<(), String> {
    for time in 0..3 {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        if is_red(place, file, &place.path(&format!("{stem}-{time}")))? {
            return Ok(());
        }
    }
    Err(format!("{}: the machine is too busy: three runs in a row measured nothing", file.display()))
}

/// Runs a control. Where the machine spoiled the evidence, so that no gate may be decided, what was measured must still
/// be beyond the limit of the gate that is to turn red, and the run must not be GO. `false` if nothing was measured then.
fn is_red(place: &Place, file: &std::path::Path, run: &std::path::Path) -> Result<bool, String> {
    let loaded = scenarios::read(file, &scenarios::Options::default()).map_err(|p| p.to_string())?;
    let condition = loaded.scenario.control_condition();
    let gate = loaded.scenario.control().or(condition).ok_or("names no gate")?.to_owned();
    let (list, word, code) = match condition {
        Some(_) => ("coverage", "INCONCLUSIVE", 20),
        None => ("gates", "NO-GO", 30),
    };
    let out = place.output(&["run", "--quiet", "--out", run.to_str().unwrap(), file.to_str().unwrap()]);
    let said = format!("{}{}", text(&out.stdout), text(&out.stderr));
    let judged = verdict(run);
    let found = judged[list].as_array().and_then(|gates| gates.iter().find(|g| g["id"] == gate.as_str()));
    let Some(found) = found else {
        return Err(format!("{}: {list} has no {gate:?}\n{said}", file.display()));
    };
    if out.status.code() == Some(code) && found["outcome"] == word {
        return Ok(true);
    }
    let is_spoiled = !spoiled(&judged).is_empty() && matches!(out.status.code(), Some(20 | 30));
    match is_breached(found) {
        Some(true) if is_spoiled && list == "gates" => return Ok(true),
        None if is_spoiled => return Ok(false),
        _ => {}
    }
    Err(format!(
        "{}: exit {:?}, {list} {gate:?} is {}\n{said}",
        file.display(),
        out.status.code(),
        found["outcome"]
    ))
}
