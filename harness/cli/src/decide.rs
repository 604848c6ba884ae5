//! `shakedown judge --gates`: one decision over several runs and outside facts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use evidence::gatefile::{Facts, GateFile};
use reports::{Earlier, Run};

use crate::args::Judge;
use crate::exit::Exit;
use crate::going_on;

/// The folder of decisions, below the working directory.
const DECISIONS: &str = "decisions";

/// Reads everything, so that all that is wrong is said at once; decides; writes; shows.
pub(crate) fn command(gates: &Path, args: &Judge) -> Exit {
    let gates = told(scenarios::gatefile::read(gates));
    let facts = match &args.facts {
        Some(file) => told(scenarios::gatefile::read_facts(file)),
        None => Ok(Facts::default()),
    };
    let (gates, facts, (runs, earlier)) = match (gates, facts, given(&args.runs)) {
        (Ok(gates), Ok(facts), Ok(given)) => (gates, facts, given),
        (gates, facts, given) => {
            let refused = [gates.err(), facts.err(), given.err()];
            return refused.into_iter().flatten().fold(Exit::Invalid, Exit::and);
        }
    };
    let decision = reports::decide(&gates, runs, &earlier, &facts);
    let out = match directory(args.out.as_deref(), &gates) {
        Ok(out) => out,
        Err(why) => {
            note!("error: {why}");
            return Exit::Unusable;
        }
    };
    match reports::write_decision(&decision, &out) {
        Ok(files) => {
            crate::terminal::say_fitted(|width| reports::decision_terminal(&decision, width));
            files.first().into_iter().for_each(|page| say!("report: {}", page.display()));
            decision.outcome.into()
        }
        Err(why) => {
            note!("error: {why}");
            Exit::Unusable
        }
    }
}

fn told<T>(read: Result<T, scenarios::Problems>) -> Result<T, Exit> {
    read.map_err(|problems| {
        note!("{problems}");
        Exit::Invalid
    })
}

/// Every run and every earlier decision that was given, if all can be read and none goes on.
fn given(directories: &[PathBuf]) -> Result<(Vec<Run>, Vec<Earlier>), Exit> {
    let (mut runs, mut earlier, mut exit) = (Vec::new(), Vec::new(), Exit::Go);
    for directory in directories {
        let read = if Earlier::is_in(directory) {
            Earlier::read(directory).map(|decision| earlier.push(decision)).map_err(invalid)
        } else if let Some(why) = going_on::refusal(directory) {
            Err((why, Exit::Unusable))
        } else {
            Run::read(directory).map(|run| runs.push(run)).map_err(invalid)
        };
        if let Err((why, refused)) = read {
            note!("error: {} cannot be judged\n  {why}", directory.display());
            exit = exit.and(refused);
        }
    }
    if exit == Exit::Go { Ok((runs, earlier)) } else { Err(exit) }
}

fn invalid(why: impl std::fmt::Display) -> (String, Exit) {
    (why.to_string(), Exit::Invalid)
}

/// Where the decision goes: never into a run, which is evidence and nothing else.
fn directory(out: Option<&Path>, gates: &GateFile) -> Result<PathBuf, String> {
    let made = |path: &Path| {
        fs::create_dir_all(path).map_err(|e| {
            format!(
                "could not make {} for the decision: {e}; name another place with --out DIR",
                path.display()
            )
        })
    };
    let Some(out) = out else {
        let parent = Path::new(DECISIONS).join(&gates.name);
        made(&parent)?;
        return free(&parent);
    };
    if evidence::layout::MANIFEST.within(out).exists() {
        return Err(format!(
            "could not write the decision into {}: it holds a run, and a run holds evidence only; name another place \
             with --out DIR",
            out.display()
        ));
    }
    made(out)?;
    Ok(out.to_path_buf())
}

/// A new directory named after the time, or with a number behind it where two were made in the same second.
fn free(parent: &Path) -> Result<PathBuf, String> {
    let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace(['-', ':'], "");
    let time = time.trim_end_matches('Z');
    for number in 1..1000 {
        let path = parent.join(if number == 1 { time.to_owned() } else { format!("{time}-{number}") });
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(format!("could not make {} for the decision: {e}", path.display())),
        }
    }
    Err(format!("could not find a free name below {}; name one with --out DIR", parent.display()))
}
