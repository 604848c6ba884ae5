//! The last words of a target.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use evidence::layout;

use super::lines::shown;

const LINES: usize = 5;
const BYTES: u64 = 2_000;
/// How much of a line is shown, in characters.
const WIDTH: usize = 400;

/// The last lines that the target wrote to standard error, under a heading and indented; empty if there are
/// none.
pub(crate) fn tail(run: &Path) -> String {
    let text = last_bytes(&layout::TARGET_LOG.within(run)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    if last.is_empty() {
        return String::new();
    }
    let indented: Vec<String> = last.iter().map(|line| format!("    {}", shown(line, WIDTH))).collect();
    format!(
        "\n  the last lines of its standard error ({}):\n{}",
        layout::TARGET_LOG.name,
        indented.join("\n")
    )
}

fn last_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
