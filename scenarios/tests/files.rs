//! The scenario files of this repository, and the pages made from the format.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what it could not do")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scenarios::Options;

fn crate_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every scenario file, by its path below `scenarios/`.
fn files() -> BTreeMap<String, PathBuf> {
    let mut files = BTreeMap::new();
    for folder in ["smoke", "load", "chaos", "controls"] {
        for entry in std::fs::read_dir(crate_root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(crate_root()).unwrap().display().to_string();
            files.insert(name, path);
        }
    }
    files
}

fn load(path: &Path) -> scenarios::Loaded {
    scenarios::read(path, &Options::default()).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn every_scenario_file_is_valid() {
    let files = files();
    assert!(files.len() >= 30, "{}", files.len());
    for path in files.values() {
        load(path);
    }
}
