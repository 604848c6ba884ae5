//! One run of the proof: `shakedown run` as a process of its own, as a person would start it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use harness::Interrupt;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, Command};
use tokio::sync::mpsc;

use super::defects::Stopped;

/// How much of what a run says is kept.
const MAX_WORDS: u64 = 64 << 10;

/// A run to be carried out.
#[derive(Debug)]
pub(super) struct Order {
    /// The scenario file.
    pub(super) file: PathBuf,
    /// Where the run is kept.
    pub(super) out: PathBuf,
    /// Values to change.
    pub(super) set: Vec<(String, String)>,
    /// Whether it is the clean twin.
    pub(super) twin: bool,
    /// What is done to the harness.
    pub(super) stopped: Option<Stopped>,
}

/// Why a run did not come to its verdict.
#[derive(Debug)]
pub(super) enum Failure {
    /// The user interrupted it.
    Interrupted,
    /// What was found.
    Failed(String),
}

/// Carries it out; it has then left its evidence and its verdict.
pub(super) async fn carry_out(
    order: &Order,
    interrupts: &mut mpsc::Receiver<Interrupt>,
) -> Result<(), Failure> {
    let failed =
        |action: &str, e: &dyn std::fmt::Display| Failure::Failed(format!("could not {action}: {e}"));
    let exe = std::env::current_exe().map_err(|e| failed("find the program itself", &e))?;
    let mut command = Command::new(exe);
    command.args(["run", "--quiet", "--out"]).arg(&order.out).arg(&order.file);
    if order.twin {
        command.arg("--twin");
    }
    for (key, value) in &order.set {
        command.arg("--set").arg(format!("{key}={value}"));
    }
    // In a group of its own, so that Ctrl-C on the terminal reaches it once, from here.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|e| failed("start a run", &e))?;
    // Read while it goes on: a full pipe would hold it up.
    let said = tokio::spawn(words(child.stderr.take()));
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
    let stopping = stop_for_a_while(order, pid);
    let mut interrupted = false;
    let mut stopping = std::pin::pin!(stopping);
    let mut stopped = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(|e| failed("wait for a run", &e))?,
            Some(interrupt) = interrupts.recv() => {
                interrupted = true;
                let signal = if interrupt == Interrupt::First { Signal::SIGINT } else { Signal::SIGTERM };
                if let Some(pid) = pid {
                    let _ = kill(pid, Signal::SIGCONT).and_then(|()| kill(pid, signal));
                }
            }
            () = &mut stopping, if !stopped && !interrupted => stopped = true,
        }
    };
    let said = said.await.unwrap_or_default();
    match status.code() {
        _ if interrupted => Err(Failure::Interrupted),
        Some(0 | 10 | 20 | 30) => Ok(()),
        _ => Err(Failure::Failed(format!("the run ended with {status}: {}", said.trim()))),
    }
}

/// The beginning of what a run said on its standard error; little, since it was asked to be quiet.
async fn words(stderr: Option<ChildStderr>) -> String {
    let mut said = Vec::new();
    if let Some(mut stderr) = stderr {
        let _ = (&mut stderr).take(MAX_WORDS).read_to_end(&mut said).await;
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// Waits for the hold phase, then stops the harness for a while, where that is asked for.
async fn stop_for_a_while(order: &Order, pid: Option<Pid>) {
    let (Some(stopped), Some(pid)) = (order.stopped, pid) else { return };
    while !holds(&order.out) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(stopped.after).await;
    // One that has ended meanwhile is not waited for yet, so that its id is still its own.
    if kill(pid, Signal::SIGSTOP).is_ok() {
        tokio::time::sleep(stopped.lasting).await;
        let _ = kill(pid, Signal::SIGCONT);
    }
}

/// Whether the hold phase of a run has begun.
fn holds(run: &Path) -> bool {
    std::fs::read_to_string(evidence::layout::EVENTS.within(run))
        .is_ok_and(|events| events.lines().any(|line| line.contains(r#""phase":"hold""#)))
}
