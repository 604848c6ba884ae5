//! The consolidated report: what people and scripts read of a decision.

mod json;
mod markdown;
mod page;
mod terminal;

use std::path::{Path, PathBuf};

pub use json::decision_json;
pub use page::page as decision_page;
pub use terminal::terminal as decision_terminal;

use super::Decision;
use crate::report::{RenderError, replace};

/// The decision for scripts.
pub(super) const DECISION: &str = "decision.json";

/// The version of that file.
pub(super) const SCHEMA: u32 = 1;

/// Writes `decision.html`, `decision.md` and `decision.json` into a directory that exists, each whole or not at all;
/// what was there of them is replaced. Returns their paths, the page first.
///
/// # Errors
/// If a file cannot be written.
pub fn write_decision(decision: &Decision, directory: &Path) -> Result<Vec<PathBuf>, RenderError> {
    let mut files = Vec::new();
    for (name, bytes) in [
        ("decision.html", page::page(decision).into_bytes()),
        ("decision.md", markdown::markdown(decision).into_bytes()),
        (DECISION, json::decision_json(decision)),
    ] {
        let path = directory.join(name);
        replace(&path, &bytes).map_err(|source| RenderError::Write { path: path.clone(), source })?;
        files.push(path);
    }
    Ok(files)
}

/// The response that a criterion prescribes, and what it is called.
fn responses(decision: &Decision) -> Vec<(&str, &str)> {
    let prescribed =
        decision.criteria.iter().filter_map(|c| Some((c.criterion.id.as_str(), c.response.as_deref()?)));
    prescribed.collect()
}
