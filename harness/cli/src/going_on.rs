//! Whether a run still goes on: what it says of itself is not whole before its end.

use std::path::Path;

use evidence::layout;

/// Why nothing can be said of this run, or done to it, yet; `None` once its end is written or its harness is gone.
pub(crate) fn refusal(run: &Path) -> Option<String> {
    if layout::END.within(run).exists() {
        return None;
    }
    let harness = chaos::harness_of(run).ok().flatten()?;
    let (pid, run) = (harness.pid, run.display());
    harness.is_alive().unwrap_or(false).then(|| {
        format!(
            "it still goes on (process {pid}); look on with `shakedown watch {run}`, or wait until that has ended"
        )
    })
}
