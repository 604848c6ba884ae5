//! A month with 500 agents, carried out by the real dispatcher and written down by the real recorder.
#![allow(dead_code, reason = "every user of it uses a part")]
#![allow(clippy::unwrap_used, reason = "what cannot be simulated ends the test or the benchmark")]
#![allow(clippy::cast_precision_loss, reason = "bytes, far below 2^53")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evidence::layout;
use evidence::sample::{Group, Sample};
use harness::recorder::{Record, Recorder};
use scenarios::plan::Plan;

use crate::world::{Clock, World};

/// Bytes that may wait for the recorder: about what waits for it in a real run, where a tick comes each few seconds.
const MAY_WAIT: usize = 256 << 10;

/// The plan of a scenario file of this repository, with some values changed.
pub(crate) fn plan(file: &str, set: &[(&str, &str)]) -> scenarios::Loaded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(file);
    let set = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let options = scenarios::Options { set, ..scenarios::Options::default() };
    scenarios::read(&path, &options).unwrap_or_else(|e| panic!("{e}"))
}

/// Carries out the plan into a directory that is there and empty, on a host with these clocks. `watch` sees every
/// reading of this process, with its time in the run.
pub(crate) fn carry_out(
    run: &Path,
    loaded: &scenarios::Loaded,
    clock: Clock,
    mut watch: impl FnMut(&Sample),
) -> World {
    let plan = &loaded.plan;
    std::fs::write(layout::PLAN.within(run), plan.to_json()).unwrap();
    std::fs::write(layout::SCENARIO.within(run), &loaded.text).unwrap();
    harness::manifest::of(plan, &setup(run, &loaded.text, plan), 0).write(run).unwrap();
    let failed = |e| panic!("{e}");
    let (recorder, writing) = Recorder::begin(run, &scenarios::retention::of(plan), failed).unwrap();
    let mut world = World::new(plan.clone(), clock);
    world.run(|_, record| {
        if let Record::Samples(rows) = &record {
            rows.iter().filter(|row| row.group == Group::Harness).for_each(&mut watch);
        }
        recorder.record(record);
        while recorder.waiting() > MAY_WAIT {
            std::thread::yield_now();
        }
    });
    drop(recorder);
    let mut end = world.conclusion.as_ref().unwrap().end.clone();
    end.dropped_records = writing.finish();
    end.files = evidence::end::sizes(run);
    end.write(run).unwrap();
    world
}

fn setup(run: &Path, text: &str, plan: &Plan) -> harness::Setup {
    harness::Setup {
        run_dir: run.to_path_buf(),
        scenario_text: text.to_owned(),
        run_id: "month".to_owned(),
        command: Vec::new(),
        bundled: Vec::new(),
        guardian: Vec::new(),
        fingerprint: plan.fingerprint(),
        certificate: PathBuf::new(),
        version: "1".to_owned(),
        binary: String::new(),
        started_wall: "2026-01-01T00:00:00Z".to_owned(),
    }
}

/// Of each file of a run what `plan` says of it and what there is of it, in bytes; a file in segments is one.
pub(crate) fn on_disk(run: &Path, plan: &Plan) -> BTreeMap<String, (u64, u64)> {
    let told =
        scenarios::cost::files(plan).into_iter().map(|(file, bytes)| (file.name.to_owned(), (bytes, 0)));
    let mut files: BTreeMap<String, (u64, u64)> = told.collect();
    for entry in std::fs::read_dir(run).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        files.entry(of_all_segments(&name)).or_default().1 += entry.metadata().unwrap().len();
    }
    files
}

/// `samples.csv` of `samples.000007.csv`.
fn of_all_segments(name: &str) -> String {
    match name.split('.').collect::<Vec<_>>()[..] {
        [stem, number, extension] if number.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{stem}.{extension}")
        }
        _ => name.to_owned(),
    }
}

/// How far the estimate of these files is off, as a share of what there is.
pub(crate) fn off(files: &BTreeMap<String, (u64, u64)>) -> f64 {
    let sum = |of: fn(&(u64, u64)) -> u64| files.values().map(of).sum::<u64>() as f64;
    sum(|of| of.0) / sum(|of| of.1) - 1.0
}
