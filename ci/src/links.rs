//! Links between the pages of this repository lead somewhere.

use std::path::{Path, PathBuf};

/// Every relative link in a Markdown page whose file is not there.
///
/// # Errors
/// If a page cannot be read.
pub fn check(root: &Path, files: &[PathBuf]) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for page in files.iter().filter(|p| p.extension().is_some_and(|e| e == "md")) {
        let text = std::fs::read_to_string(root.join(page))
            .map_err(|e| format!("could not read {}: {e}", page.display()))?;
        let folder = page.parent().unwrap_or(Path::new(""));
        for target in targets(&text) {
            if !root.join(folder).join(target).exists() {
                found.push(format!("{}: links to {target}, which is not there", page.display()));
            }
        }
    }
    Ok(found)
}

/// The files that a page links to: `](target)`, without fragments, outside links and code.
fn targets(text: &str) -> Vec<&str> {
    let mut in_code = false;
    let mut targets = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for part in line.split("](").skip(1) {
            let target = part.split([')', '#', ' ']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") {
                targets.push(target);
            }
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_files_count() {
        let text = "[a](b.md#c) [d](https://e) [f](#g)\n```\n[h](i.md)\n```\n";
        assert_eq!(targets(text), ["b.md"]);
    }
}
