//! Giving a process its soft limit back, and whom it has started meanwhile.

use std::io;

use crate::process::{Identity, children};
use crate::rlimit::{Resource, set_soft, soft, words};

/// How deep descendants are looked for.
const GENERATIONS: usize = 8;

/// Raises the soft limit to what it was. One that is higher by now is left: another fault has been undone
/// since.
pub(super) fn give_back(
    process: Identity,
    resource: Resource,
    lowered: u64,
    before: u64,
) -> Result<(), String> {
    let failed = |e: io::Error| {
        let (resource, before) = (resource.line().to_lowercase(), words(before));
        format!("could not raise the {resource} of process {} to {before}: {e}", process.pid)
    };
    // Descendants first: they are found as long as their parent is there.
    descendants(process, lowered, resource, before, GENERATIONS).map_err(failed)?;
    match soft(process, resource).map_err(failed)? {
        Some(now) if now < before => set_soft(process, resource, before).map(drop).map_err(failed),
        _ => Ok(()),
    }
}

/// Those that were started with the lowered limit.
fn descendants(
    of: Identity,
    lowered: u64,
    resource: Resource,
    before: u64,
    generations: usize,
) -> io::Result<()> {
    if generations == 0 {
        return Ok(());
    }
    for child in children(of)? {
        if soft(child, resource)? == Some(lowered) {
            set_soft(child, resource, before)?;
            descendants(child, lowered, resource, before, generations - 1)?;
        }
    }
    Ok(())
}
