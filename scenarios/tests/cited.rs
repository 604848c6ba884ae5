//! What the gates of the bundled scenarios cite stands on the page that says what it means.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what it could not do")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use scenarios::Options;

const PAGE: &str = include_str!("../../docs/reference/requirements.md");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn yaml_below(folder: &Path) -> Vec<PathBuf> {
    let inside = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    inside.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect()
}

/// The words of the page's first columns, which may hold several ids.
fn explained() -> BTreeSet<&'static str> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    rows.flat_map(|ids| ids.split(' ')).collect()
}

#[test]
fn every_requirement_that_a_bundled_scenario_cites_is_explained() {
    let explained = explained();
    for folder in ["smoke", "load", "chaos", "soak", "controls"] {
        for file in yaml_below(&root().join(folder)) {
            let loaded = scenarios::read(&file, &Options::default()).unwrap();
            for cites in loaded.plan.gates.iter().filter_map(|gate| gate.cites.as_deref()) {
                assert!(explained.contains(cites), "{} cites {cites}", file.display());
            }
        }
    }
}

#[test]
fn every_scenario_that_the_page_names_is_there() {
    for name in PAGE.split('`').filter(|word| word.starts_with("chaos/") || word.starts_with("soak/")) {
        assert!(root().join(format!("{name}.yaml")).exists(), "{name}");
    }
}
