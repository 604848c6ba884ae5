//! `shakedown heal`: undo whatever dead runs left behind.

use std::path::{Path, PathBuf};

use crate::exit::Exit;
use crate::run_dir::RUNS;

/// Heals one run, or every run below `runs/`.
pub(crate) fn command(run: Option<&Path>) -> Exit {
    let runs = match run {
        Some(run) if !evidence::layout::MANIFEST.within(run).exists() => {
            note!(
                "error: {} is no run directory: it has no {}",
                run.display(),
                evidence::layout::MANIFEST.name
            );
            return Exit::Invalid;
        }
        Some(run) => vec![run.to_path_buf()],
        None => below(Path::new(RUNS)),
    };
    if runs.is_empty() {
        say!("no runs below {RUNS}/: nothing to undo");
    }
    // One that waits for another harness is ended only by name.
    let waits = |one: &Path| run.is_none() && chaos::is_kept(one).unwrap_or(false);
    let healed = runs.iter().fold(Exit::Go, |exit, one| {
        if waits(one) {
            let one = one.display();
            say!("{one}: kept for `shakedown resume {one}`, not touched; `shakedown heal {one}` ends it");
            return exit;
        }
        exit.and(heal(one))
    });
    if run.is_none() { healed.and(sweep()) } else { healed }
}

/// Removes what runs whose directories are gone have left with a name on this host.
fn sweep() -> Exit {
    match chaos::sweep() {
        Ok(removed) => {
            removed.iter().for_each(|path| say!("removed {}", path.display()));
            Exit::Go
        }
        Err(why) => {
            note!("error: what dead runs have left cannot all be removed\n  {why}");
            Exit::Unusable
        }
    }
}

fn heal(run: &Path) -> Exit {
    match chaos::heal(run) {
        Ok(report) => {
            say!("{}: {report}", run.display());
            if report.is_clean() { Exit::Go } else { Exit::Unusable }
        }
        Err(why) => {
            note!("error: {} cannot be healed\n  {why}", run.display());
            Exit::Unusable
        }
    }
}

/// Every run directory two levels below: `runs/<scenario>/<run>`.
fn below(runs: &Path) -> Vec<PathBuf> {
    let children = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| p.is_dir()).collect();
        paths.sort();
        paths
    };
    children(runs)
        .iter()
        .flat_map(|scenario| children(scenario))
        .filter(|run| evidence::layout::MANIFEST.within(run).exists())
        .collect()
}
