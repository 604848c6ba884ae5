//! `shakedown run`: scenario → plan → run → evidence → verdict → report.

use std::ffi::OsString;
use std::path::Path;
use std::time::SystemTime;

use scenarios::Loaded;
use tokio::sync::watch;

use crate::args::Run;
use crate::detach::{self, Detached};
use crate::exit::Exit;
use crate::run_dir::RunDir;
use crate::{early, plan, progress, signals};

/// Carries out every file. All are read first, so that a mistake in the last one costs no run of the first.
pub(crate) fn command(args: &Run) -> Exit {
    if args.out.is_some() && args.files.len() > 1 {
        note!(
            "error: --out names one directory, but there are {} scenarios; run them one by one",
            args.files.len()
        );
        return Exit::Usage;
    }
    if (args.detach || args.detached) && args.files.len() > 1 {
        note!(
            "error: --detach starts one run, but there are {} scenarios; detach them one by one",
            args.files.len()
        );
        return Exit::Usage;
    }
    if args.detach {
        return detach::start();
    }
    let mut detached = match detach::begin(args.detached) {
        Ok(detached) => detached,
        Err(exit) => return exit,
    };
    let options = args.scenario.to_reader();
    let mut loaded = Vec::new();
    let mut invalid = false;
    for file in &args.files {
        match scenarios::read(file, &options) {
            Ok(scenario) => loaded.push(scenario),
            Err(problems) => {
                note!("{problems}");
                invalid = true;
            }
        }
    }
    if invalid {
        return Exit::Invalid;
    }
    // What cannot be removed now keeps no run from being carried out; `heal` says why.
    for path in chaos::sweep().into_iter().flatten() {
        note!("removed {}, left by a run whose processes are dead", path.display());
    }
    let mut exit = Exit::Go;
    for scenario in loaded {
        exit = exit.and(one(args, scenario, detached.take()));
        if exit == Exit::Interrupted {
            break;
        }
    }
    exit
}

fn one(args: &Run, loaded: Loaded, mut detached: Option<Detached>) -> Exit {
    let name = loaded.plan.scenario.clone();
    let refusals = plan::refusals(&loaded.plan);
    if !refusals.is_empty() {
        note!("error: {name} cannot be launched on this host");
        refusals.iter().for_each(|why| note!("  {why}"));
        return Exit::Unusable;
    }
    let now = SystemTime::now();
    let fingerprint = loaded.plan.fingerprint();
    let dir = match RunDir::begin(args.out.as_deref(), &name, &fingerprint, now) {
        Ok(dir) => dir,
        Err(why) => {
            note!("error: {why}");
            return Exit::Unusable;
        }
    };
    if let Some(Err(e)) = detached.as_mut().map(|detached| detached.settle(&dir.path)) {
        note!("error: could not log to {}: {e}", evidence::layout::LOG.within(&dir.path).display());
        return Exit::Unusable;
    }
    let (bundled, guardian) = match programs() {
        Ok(programs) => programs,
        Err(why) => {
            note!("error: {why}");
            return Exit::Unusable;
        }
    };
    let binary = match harness::binary() {
        Ok(binary) => binary,
        Err(why) => {
            note!("error: {why}");
            return Exit::Unusable;
        }
    };
    let setup = harness::Setup {
        run_dir: dir.path.clone(),
        run_id: dir.id.clone(),
        scenario_text: loaded.text,
        command: std::env::args_os()
            .map(|a| a.to_string_lossy().into_owned())
            .map(|a| if a == "--detached" { "--detach".to_owned() } else { a })
            .collect(),
        bundled,
        guardian,
        fingerprint,
        certificate: Path::new(crate::run_dir::RUNS).join(evidence::certificate::NEWEST),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        binary,
        started_wall: humantime::format_rfc3339_seconds(now).to_string(),
    };
    let outcome = carry_out(Work::New(Box::new(loaded.plan)), setup, args.quiet, detached);
    conclude(&dir.path, &name, outcome)
}

/// The bundled target and the guardian, which are this program in other roles.
pub(crate) fn programs() -> Result<(Vec<OsString>, Vec<OsString>), String> {
    let exe = std::env::current_exe().map_err(|e| {
        format!("could not find the shakedown program itself, which is also its reference runtime: {e}")
    })?;
    let in_role =
        |words: &[&str]| std::iter::once(exe.clone().into()).chain(words.iter().map(Into::into)).collect();
    Ok((in_role(&["swarm", "--control"]), in_role(&["guardian"])))
}

/// What is to be carried out.
pub(crate) enum Work {
    /// A plan, from its beginning.
    New(Box<scenarios::plan::Plan>),
    /// A run whose harness died.
    Resumed(Box<harness::Resumable>),
}

impl Work {
    fn looks(&self, setup: &harness::Setup) -> Option<early::Looks> {
        let (plan, resumed) = match self {
            Self::New(plan) => (&**plan, false),
            Self::Resumed(past) => (&past.plan, true),
        };
        early::Looks::of(plan, setup.bundled[0].clone(), &setup.run_dir, resumed)
    }
}

pub(crate) fn carry_out(
    work: Work,
    setup: harness::Setup,
    quiet: bool,
    detached: Option<Detached>,
) -> Result<harness::Finished, harness::HarnessError> {
    crate::heap::share();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| harness::HarnessError::internal("start the event loop", &e))?;
    runtime.block_on(async {
        let (ask, interrupts) =
            signals::interrupts().map_err(|e| harness::HarnessError::internal("listen for Ctrl-C", &e))?;
        let (sender, receiver) = watch::channel(harness::Progress::default());
        let receiver_for_ready = receiver.clone();
        let shown = tokio::spawn(progress::show(receiver, quiet));
        if let Some(detached) = detached {
            tokio::spawn(tell_when_ready(receiver_for_ready, detached));
        }
        let looks = work.looks(&setup);
        let looking = looks.map(|looks| tokio::spawn(looks.take(sender.subscribe(), ask)));
        let outcome = match work {
            Work::New(plan) => harness::run(*plan, setup, sender, interrupts).await,
            Work::Resumed(past) => harness::resume(*past, setup, sender, interrupts).await,
        };
        // A look that is under way cannot change anything any more.
        looking.inspect(tokio::task::JoinHandle::abort);
        // The display ends when the run has dropped its sender; a panic in it changes no verdict.
        let _ = shown.await;
        outcome
    })
}

/// What an early end has saved.
fn tell_saved(how: &evidence::end::How) {
    if let evidence::end::How::EndedEarly { why, saved_ns } = how {
        let saved =
            evidence::unit::Unit::Seconds.show(std::time::Duration::from_nanos(*saved_ns).as_secs_f64());
        note!("ended early, which saved {saved}: {why}");
    }
}

/// Tells whoever detached the run that its target is ready, if it ever is.
async fn tell_when_ready(mut updates: watch::Receiver<harness::Progress>, detached: Detached) {
    let begun = |progress: &harness::Progress| !matches!(progress.phase.as_str(), "" | "launch" | "stop");
    if updates.wait_for(begun).await.is_ok() {
        detached.ready();
    }
}

/// Judges what there is, whichever way the run ended, and says so.
pub(crate) fn conclude(
    run: &Path,
    name: &str,
    outcome: Result<harness::Finished, harness::HarnessError>,
) -> Exit {
    let mut exit = Exit::Go;
    let mut begun = true;
    match &outcome {
        Ok(finished) if finished.interrupted() => exit = Exit::Interrupted,
        Ok(finished) => tell_saved(&finished.how),
        Err(why) => {
            note!("error: {name} could not be carried out\n  {why}");
            exit = if why.is_our_fault() { Exit::OurFault } else { Exit::Unusable };
            begun = evidence::layout::MANIFEST.within(run).exists();
        }
    }
    if !begun {
        return exit;
    }
    match reports::render(run) {
        Ok(rendered) => {
            crate::terminal::say_fitted(|width| reports::terminal(&rendered.verdict, width));
            say!("report: {}", near(&evidence::layout::REPORT_HTML.within(run)).display());
            exit.and(rendered.verdict.outcome.into())
        }
        Err(why) => {
            note!("error: {} was kept but cannot be judged\n  {why}", run.display());
            exit.and(Exit::Invalid)
        }
    }
}

/// The path as seen from here, where it lies below; it is shorter to read and to type.
pub(crate) fn near(path: &Path) -> &Path {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    here.ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)
}
