//! Undoing what a journal says is open, by whoever is left to do it.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::journal::{By, Journal, Open, Record, Undo};
use crate::pidfd::PidFd;
use crate::process::Identity;

/// How long a process may take to go on after SIGCONT.
pub(crate) const CONTINUE_WITHIN: Duration = Duration::from_secs(1);

/// Undoes each fault and notes it. What cannot be undone is returned, and does not keep the rest from it.
pub(crate) fn undo_all(faults: Vec<Open>, journal: &Journal, by: By) -> Vec<String> {
    let mut all_failed = Vec::new();
    for open in faults {
        let failed: Vec<String> = open.undo.iter().filter_map(|undo| undo_one(undo).err()).collect();
        all_failed.extend(failed.iter().map(|why| format!("fault {}: {why}", open.fault)));
        if let Err(e) = journal.append_synced(&Record::Undone { fault: open.fault, by, failed }) {
            all_failed.push(e.to_string());
        }
    }
    all_failed
}

fn undo_one(undo: &Undo) -> Result<(), String> {
    let Undo::Continue { process } = *undo;
    let failed = |e: std::io::Error| format!("could not continue process {}: {e}", process.pid);
    match PidFd::of(process).map_err(failed)? {
        None => Ok(()),
        Some(fd) => {
            fd.send(Signal::SIGCONT).map_err(failed)?;
            if goes_on(process, Instant::now() + CONTINUE_WITHIN).map_err(failed)? {
                Ok(())
            } else {
                Err(format!("process {} is still stopped {CONTINUE_WITHIN:?} after SIGCONT", process.pid))
            }
        }
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
        std::thread::sleep(Duration::from_millis(1));
    }
}
