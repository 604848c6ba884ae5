//! `shakedown resume`: go on with a run whose harness died or whose host restarted.

use std::path::Path;

use harness::Resumable;

use crate::args::Resume;
use crate::detach::{self, Detached};
use crate::exit::Exit;
use crate::going_on;
use crate::run::{Work, carry_out, conclude, programs};
use crate::run_dir::RunDir;

/// Goes on with a run, judges it, and says so, as `run` would have done.
pub(crate) fn command(args: &Resume) -> Exit {
    if args.detach {
        return detach::start();
    }
    match detach::begin(args.detached) {
        Ok(detached) => go_on(&args.run, args.quiet, detached),
        Err(exit) => exit,
    }
}

fn go_on(run: &Path, quiet: bool, mut detached: Option<Detached>) -> Exit {
    let refused = |why: &dyn std::fmt::Display, exit| {
        note!("error: {} cannot be resumed\n  {why}", run.display());
        exit
    };
    if let Some(why) = going_on::refusal(run) {
        return refused(&why, Exit::Unusable);
    }
    let binary = match harness::binary() {
        Ok(binary) => binary,
        Err(why) => return refused(&why, Exit::Unusable),
    };
    let past = match Resumable::read(run, env!("CARGO_PKG_VERSION"), &binary) {
        Ok(past) => past,
        Err(why) => return refused(&why, Exit::Invalid),
    };
    let dir = match RunDir::again(run, &past.manifest.run) {
        Ok(dir) => dir,
        Err(why) => return refused(&why, Exit::Unusable),
    };
    if let Some(Err(e)) = detached.as_mut().map(|detached| detached.settle(&dir.path)) {
        let log = evidence::layout::LOG.within(&dir.path);
        return refused(&format!("could not log to {}: {e}", log.display()), Exit::Unusable);
    }
    let (bundled, guardian) = match programs() {
        Ok(programs) => programs,
        Err(why) => return refused(&why, Exit::Unusable),
    };
    let manifest = &past.manifest;
    let name = manifest.scenario.clone();
    let setup = harness::Setup {
        run_dir: dir.path.clone(),
        run_id: manifest.run.clone(),
        scenario_text: past.scenario_text.clone(),
        command: manifest.command.clone(),
        bundled,
        guardian,
        fingerprint: manifest.fingerprint.clone(),
        certificate: Path::new(crate::run_dir::RUNS).join(evidence::certificate::NEWEST),
        version: manifest.shakedown.clone(),
        binary,
        started_wall: manifest.started.clone(),
    };
    let outcome = carry_out(Work::Resumed(Box::new(past)), setup, quiet, detached);
    conclude(&dir.path, &name, outcome)
}
