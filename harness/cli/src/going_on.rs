//! Whether a run still goes on: what it says of itself is not whole before its end.

use std::path::Path;

use evidence::layout;

use crate::run_dir::is_held;

/// Why nothing can be said of this run, or done to it, yet; `None` once its end is written or no harness holds its directory.
pub(crate) fn refusal(run: &Path) -> Option<String> {
    if layout::END.within(run).exists() || !is_held(run) {
        return None;
    }
    // One that is only about to begin or to take over is in no journal yet.
    let harness = chaos::harness_of(run).ok().flatten().filter(|process| process.is_alive().unwrap_or(false));
    let process = harness.map_or_else(String::new, |process| format!(" (process {})", process.pid));
    let run = run.display();
    Some(format!(
        "it still goes on{process}; look on with `shakedown watch {run}`, or wait until that has ended"
    ))
}
