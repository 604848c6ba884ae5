//! Letting processes go on, and ending those of our own.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::pidfd::{PidFd, wait_one};
use crate::process::Identity;

/// How long a process may take to go on after SIGCONT.
const CONTINUE_WITHIN: Duration = Duration::from_secs(1);
/// How long a process of ours may take to be gone after SIGKILL.
const END_WITHIN: Duration = Duration::from_secs(2);

pub(super) fn go_on(process: Identity) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("could not continue process {}: {e}", process.pid);
    let Some(fd) = PidFd::of(process).map_err(failed)? else { return Ok(()) };
    fd.send(Signal::SIGCONT).map_err(failed)?;
    if goes_on(process, Instant::now() + CONTINUE_WITHIN).map_err(failed)? {
        Ok(())
    } else {
        Err(format!("process {} is still stopped {CONTINUE_WITHIN:?} after SIGCONT", process.pid))
    }
}

/// Waits until the process is not stopped, or gone; `false` if it is stopped at the deadline.
fn goes_on(process: Identity, deadline: Instant) -> std::io::Result<bool> {
    loop {
        if !process.stat()?.is_some_and(|stat| stat.is_stopped()) {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_micros(100));
    }
}

pub(super) fn end(process: Identity) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("could not end process {}: {e}", process.pid);
    let Some(fd) = PidFd::of(process).map_err(failed)? else { return Ok(()) };
    fd.send(Signal::SIGKILL).map_err(failed)?;
    if wait_one(&fd, Instant::now() + END_WITHIN).map_err(failed)? {
        Ok(())
    } else {
        Err(format!("process {} is still alive {END_WITHIN:?} after SIGKILL", process.pid))
    }
}

pub(super) fn score(process: Identity, score: i32) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("could not set oom_score_adj of process {}: {e}", process.pid);
    if !process.is_alive().map_err(failed)? {
        return Ok(());
    }
    match std::fs::write(format!("/proc/{}/oom_score_adj", process.pid), score.to_string()) {
        Err(e) if !crate::process::is_gone(&e) => Err(failed(e)),
        _ => Ok(()),
    }
}
