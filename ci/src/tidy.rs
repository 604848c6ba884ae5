//! House rules that no lint knows: file sizes, unfinished marks, names that say nothing.

use std::path::{Path, PathBuf};

/// The longest source file; a longer one holds more than one idea.
const MAX_LINES: usize = 600;

/// File names that name nothing.
const EMPTY_NAMES: &[&str] =
    &["utils", "util", "common", "helpers", "types", "manager", "engine", "misc", "v2"];

/// Every breach of a rule.
///
/// # Errors
/// If a file cannot be read.
pub fn check(root: &Path, files: &[PathBuf]) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for path in files {
        let is = |extension: &str| path.extension().is_some_and(|e| e == extension);
        if !is("rs") && !is("md") {
            continue;
        }
        let text = std::fs::read_to_string(root.join(path))
            .map_err(|e| format!("could not read {}: {e}", path.display()))?;
        let rules = if is("rs") { source(path, &text) } else { page(&text) };
        found.extend(rules.into_iter().map(|what| format!("{}: {what}", path.display())));
    }
    Ok(found)
}

fn source(path: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        found.push(format!("{lines} lines; the most is {MAX_LINES}: is it one idea?"));
    }
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    if EMPTY_NAMES.contains(&stem) {
        found.push(format!("\"{stem}\" names nothing; name the idea"));
    }
    for (index, line) in text.lines().enumerate() {
        let marks =
            [concat!("// TO", "DO"), concat!("// FIX", "ME"), concat!("// X", "XX"), concat!("// HA", "CK")];
        if marks.iter().any(|mark| line.contains(mark)) {
            found.push(format!(
                "line {}: an unfinished mark; finish it or say so in the documents",
                index + 1
            ));
        }
        if line.trim_start().starts_with("#[ignore]") {
            found.push(format!("line {}: an ignored test without a reason", index + 1));
        }
    }
    found
}

fn page(text: &str) -> Vec<String> {
    let mut in_code = false;
    let mut titles = 0;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code && line.starts_with("# ") {
            titles += 1;
        }
    }
    if titles == 1 { Vec::new() } else { vec![format!("{titles} titles; a page has one")] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_breach() {
        let long = "x\n".repeat(MAX_LINES + 1);
        assert_eq!(source(Path::new("a.rs"), &long).len(), 1);
        assert_eq!(source(Path::new("src/utils.rs"), "").len(), 1);
        assert_eq!(source(Path::new("a.rs"), concat!("// TO", "DO: later")).len(), 1);
        assert_eq!(page("# One\n```\n# in code\n```\n"), Vec::<String>::new());
        assert_eq!(page("# One\n# Two\n").len(), 1);
    }
}
