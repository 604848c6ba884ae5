//! Ending the processes of a run.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::pidfd::PidFd;
use crate::process::Identity;

/// What ending came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Processes that were alive before anything was ended.
    pub left_behind: u32,
    /// Processes that could not be ended in time.
    pub still_alive: u32,
}

/// Kills whatever `find` finds until it finds nothing or the deadline has passed. `reap` is called between,
/// for those who are (or have become) children of the caller.
pub(crate) fn stop_all(
    mut find: impl FnMut() -> io::Result<Vec<Identity>>,
    mut reap: impl FnMut(&BTreeSet<Identity>),
    deadline: Instant,
) -> io::Result<Ended> {
    let mut left_behind = None;
    let mut killed = BTreeSet::new();
    let mut pause = Duration::from_millis(1);
    loop {
        let alive = find()?;
        let first = *left_behind.get_or_insert(alive.len());
        if alive.is_empty() || Instant::now() >= deadline {
            reap(&killed);
            return Ok(Ended { left_behind: count(first), still_alive: count(alive.len()) });
        }
        for process in alive {
            // Whom we may not kill is counted as still alive in the end.
            let _ = kill(process);
            killed.insert(process);
        }
        reap(&killed);
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// SIGKILL ends a stopped process too.
fn kill(process: Identity) -> io::Result<()> {
    if let Some(fd) = PidFd::of(process)? {
        fd.send(Signal::SIGKILL)?;
    }
    Ok(())
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
