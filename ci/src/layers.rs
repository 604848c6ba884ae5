//! Who may import whom. The table is the architecture; see `docs/architecture.md`.

use std::collections::BTreeMap;
use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Crate, the crates of ours that it may import, the outside crates that it must never import.
const TABLE: &[(&str, &[&str], &[&str])] = &[
    ("evidence", &[], &["tokio"]),
    ("scenarios", &["evidence"], &["tokio", "nix", "libc", "sysinfo"]),
    ("chaos", &["scenarios", "evidence"], &["rand", "rand_chacha", "tokio"]),
    ("protocol", &[], &["tokio", "nix", "libc"]),
    ("runtime", &["protocol"], &[]),
    ("harness", &["evidence", "scenarios", "chaos", "protocol"], &["clap", "plotters"]),
    ("reports", &["evidence"], &["tokio", "nix", "libc", "sysinfo", "rand"]),
    ("cli", &["evidence", "scenarios", "chaos", "protocol", "runtime", "harness", "reports"], &[]),
    ("ci", &[], &[]),
];

/// Every edge that the table does not allow, every crate that it does not know.
///
/// # Errors
/// If cargo cannot describe the workspace.
pub fn check(root: &Path) -> Result<Vec<String>, String> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .map_err(|e| format!("could not read the workspace: {e}"))?;
    let edges = metadata.workspace_packages().into_iter().map(|package| {
        let imports = package
            .dependencies
            .iter()
            .filter(|d| d.kind == DependencyKind::Normal)
            .map(|d| short(&d.name).to_owned())
            .collect();
        (short(&package.name).to_owned(), imports)
    });
    Ok(violations(&edges.collect()))
}

/// The name by which the table knows a crate.
fn short(package: &str) -> &str {
    if package == "shakedown" { "cli" } else { package.strip_prefix("shakedown-").unwrap_or(package) }
}

fn violations(edges: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, imports) in edges {
        let Some((_, may, never)) = TABLE.iter().find(|(known, ..)| known == name) else {
            found.push(format!("{name} is not in the table of layers; decide what it may import"));
            continue;
        };
        for import in imports {
            let ours = TABLE.iter().any(|(known, ..)| known == import);
            if (ours && !may.contains(&import.as_str())) || never.contains(&import.as_str()) {
                found.push(format!("{name} must not import {import}"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(list: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        list.iter().map(|(n, i)| ((*n).to_owned(), i.iter().map(|s| (*s).to_owned()).collect())).collect()
    }

    #[test]
    fn a_forbidden_edge_is_named() {
        let found =
            violations(&edges(&[("reports", &["evidence", "harness"]), ("harness", &["chaos", "tokio"])]));
        assert_eq!(found, ["reports must not import harness"]);
    }

    #[test]
    fn an_outside_crate_that_a_layer_must_not_know_is_named() {
        assert_eq!(violations(&edges(&[("reports", &["tokio"])])), ["reports must not import tokio"]);
    }

    #[test]
    fn a_crate_that_the_table_does_not_know_is_named() {
        assert_eq!(violations(&edges(&[("extra", &[])])).len(), 1);
    }
}
