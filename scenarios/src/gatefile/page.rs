//! The reference page of gate files and facts files.

use crate::format::{self, gatefile};
use crate::reference::section;

/// What stands above the tables.
const HEAD: &str = include_str!("page.md");

/// `docs/reference/gate-files.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    page += "\n## Keys of a gate file\n";
    format::below(&gatefile::GATE_FILE).into_iter().for_each(|table| section(table, &mut page));
    page += "\n## Keys of a facts file\n";
    format::below(&gatefile::FACTS_FILE).into_iter().for_each(|table| section(table, &mut page));
    page
}
