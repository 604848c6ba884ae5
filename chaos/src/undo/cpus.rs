//! Letting threads run on all the CPUs again that they had.

use std::io;

use super::Threads;
use crate::cpus::Cpus;
use crate::find::below;
use crate::process::{Identity, children, threads};

/// How often it is looked again for threads that were started meanwhile.
const ROUNDS: u32 = 10;

/// Gives each thread of the process the CPUs that it had; one that is elsewhere by now, because another fault has
/// put it there, keeps those too. Threads that came to be meanwhile get those of the first.
pub(super) fn give_back(process: Identity, pinned: &Cpus, before: &[Threads]) -> Result<(), String> {
    let failed = |e: io::Error| format!("could not give process {} its CPUs back: {e}", process.pid);
    let Some(first) = before.first() else { return Ok(()) };
    // Again for those that were started meanwhile by a thread that was still pinned.
    for _ in 0..ROUNDS {
        let mut some = false;
        for tid in threads(process).map_err(failed)? {
            some |= match before.iter().find(|group| group.threads.contains(&tid)) {
                Some(own) => widen(tid, pinned, &own.cpus),
                None => unpin(tid, pinned, &first.cpus),
            }
            .map_err(failed)?;
        }
        if !some {
            break;
        }
    }
    Ok(())
}

/// The same for every process below this one that came to be meanwhile.
pub(super) fn give_back_below(
    root: Identity,
    pinned: &Cpus,
    before: &Cpus,
    already: &[u32],
) -> Result<(), String> {
    let failed = |e: io::Error| format!("could not give the target its CPUs back: {e}");
    if !root.is_alive().map_err(failed)? {
        return Ok(());
    }
    // Of many roots most have no children, and a look at all processes of the host for each takes long.
    for _ in 0..ROUNDS {
        if children(root).map_err(failed)?.is_empty() {
            break;
        }
        let mut some = false;
        for process in below(root.pid).map_err(failed)? {
            for tid in threads(process).map_err(failed)?.into_iter().filter(|tid| !already.contains(tid)) {
                some |= unpin(tid, pinned, before).map_err(failed)?;
            }
        }
        if !some {
            break;
        }
    }
    Ok(())
}

/// Whether there was something to be changed, as of the next.
fn widen(tid: u32, pinned: &Cpus, before: &Cpus) -> io::Result<bool> {
    let Some(now) = Cpus::of_thread(tid)? else { return Ok(false) };
    let wanted = if now == *pinned { before.clone() } else { before.and(&now)? };
    Ok(wanted != now && wanted.give_to(tid)?)
}

fn unpin(tid: u32, pinned: &Cpus, before: &Cpus) -> io::Result<bool> {
    Ok(pinned != before && Cpus::of_thread(tid)?.as_ref() == Some(pinned) && before.give_to(tid)?)
}
