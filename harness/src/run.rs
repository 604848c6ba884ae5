//! One run, from an empty directory to the last record.

mod live;
mod room;

use std::path::Path;

use evidence::certificate::Certificate;
use evidence::end::End;
use evidence::layout;
use evidence::manifest::Manifest;
use scenarios::plan::Plan;
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::dispatcher::{Conclusion, State, Trouble};
use crate::error::{HarnessError, HostFailure};
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::target::tail;
use crate::{Finished, Interrupt, Resumable, Setup};
use live::Live;
pub(crate) use live::Start;
use room::Room;

/// Carries out a plan. When this returns, whatever it returns, every process of the run has ended, every fault
/// is undone, and what evidence there is lies in the run directory.
///
/// A target that fails under load is a result and no error: the evidence tells of it.
///
/// # Errors
/// If the target cannot be used, this machine does not let the run go on, or the harness itself fails.
pub async fn run(
    plan: Plan,
    setup: Setup,
    observer: watch::Sender<Progress>,
    interrupts: mpsc::Receiver<Interrupt>,
) -> Result<Finished, HarnessError> {
    let clock = Clock::start();
    let (first_files, first_setup) = (plan.clone(), setup.clone());
    let room = blocking(move || begin(&first_files, &first_setup, clock)).await??;
    let state = State::new(plan, setup.run_id.clone(), clock.zero_ns);
    Box::pin(carry_out((state, Start::New), setup, clock, room, observer, interrupts)).await
}

/// Goes on with a run whose harness died, and carries it out to its end, as [`run`] would have done.
///
/// # Errors
/// As [`run`]; and if the processes that were left can be neither taken over nor ended.
pub async fn resume(
    past: Resumable,
    setup: Setup,
    observer: watch::Sender<Progress>,
    interrupts: mpsc::Receiver<Interrupt>,
) -> Result<Finished, HarnessError> {
    let first_setup = setup.clone();
    let (state, start, clock, room) = blocking(move || -> Result<_, HarnessError> {
        let room = Room::reserve(&first_setup.run_dir)?;
        let (state, start, clock) = past.go_on(&first_setup)?;
        Ok((state, start, clock, room))
    })
    .await??;
    Box::pin(carry_out((state, start), setup, clock, room, observer, interrupts)).await
}

async fn carry_out(
    (state, start): (State, Start),
    setup: Setup,
    clock: Clock,
    room: Room,
    observer: watch::Sender<Progress>,
    interrupts: mpsc::Receiver<Interrupt>,
) -> Result<Finished, HarnessError> {
    let (events, received) = mpsc::unbounded_channel();
    let retention = scenarios::retention::of(state.plan());
    let failed = live::writing_failed(clock, events.clone());
    let recorder = match start {
        Start::New => Recorder::begin(&setup.run_dir, &retention, failed),
        Start::Again | Start::TakenOver(..) => Recorder::resume(&setup.run_dir, &retention, failed),
    };
    let (recorder, writing) = recorder.map_err(|e| HarnessError::evidence(&e))?;
    let conclusion =
        Live::carry_out((state, start), &setup, clock, recorder, (events, received), observer, interrupts)
            .await;
    let dropped_records = blocking(move || writing.finish()).await?;
    let Conclusion { mut end, trouble } = conclusion?;
    end.dropped_records = dropped_records;
    end.files = evidence::end::sizes(&setup.run_dir);
    let run_dir = setup.run_dir.clone();
    let how = end.how.clone();
    let written = blocking(move || last(&end, room, &run_dir)).await?;
    match (trouble, written) {
        (Some(Trouble::Target(failure)), _) => {
            Err(HarnessError::Target { failure, log: tail(&setup.run_dir) })
        }
        (Some(Trouble::Host(failure)), _) => Err(failure.into()),
        (None, written) => written.map(|()| Finished { how, run_dir: setup.run_dir }),
    }
}

/// The files that say what is going to happen.
fn begin(plan: &Plan, setup: &Setup, clock: Clock) -> Result<Room, HarnessError> {
    let manifest = crate::manifest::of(plan, setup, clock.zero_ns);
    manifest.write(&setup.run_dir).map_err(|e| HarnessError::evidence(&e))?;
    write_new(&layout::SCENARIO.within(&setup.run_dir), setup.scenario_text.as_bytes())?;
    write_new(&layout::PLAN.within(&setup.run_dir), &plan.to_json())?;
    copy_certificate(setup, &manifest)?;
    Room::reserve(&setup.run_dir)
}

/// What is known of the instrument. A certificate that cannot be read, or of another version or class of host, says
/// nothing of this run.
fn copy_certificate(setup: &Setup, manifest: &Manifest) -> Result<(), HarnessError> {
    let newest = Certificate::read(&setup.certificate).ok().flatten();
    match newest.filter(|newest| newest.is_of(&manifest.shakedown, &manifest.host.class)) {
        Some(newest) => newest
            .replace(&layout::CERTIFICATE.within(&setup.run_dir))
            .map_err(|e| HarnessError::evidence(&e)),
        None => Ok(()),
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), HarnessError> {
    std::fs::File::create_new(path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, bytes))
        .map_err(|e| HarnessError::evidence(&format_args!("could not write {}: {e}", path.display())))
}

/// The file that makes a run a whole one. The room kept for it is given back first.
fn last(end: &End, room: Room, run_dir: &Path) -> Result<(), HarnessError> {
    room.give_back();
    end.write(run_dir).map_err(|e| HarnessError::evidence(&e))
}

/// Runs what blocks on a thread for that.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, HarnessError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| HarnessError::internal("finish work that it had begun", &e))
}

/// A call of the kernel that was refused.
fn refused(action: &'static str, found: &dyn std::fmt::Display) -> HostFailure {
    HostFailure::Refused { action, found: found.to_string() }
}
