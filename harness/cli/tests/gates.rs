//! One decision over several runs: from the command line to the files.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{Place, text};

#[test]
fn everything_that_cannot_be_read_is_said_at_once() {
    let place = Place::new();
    let gates = place.write("gates.yaml", "name: x\n");
    let facts = place.write("facts.yaml", "facts: 3\n");
    let (gates, facts) = (gates.to_str().unwrap(), facts.to_str().unwrap());
    let out = place.output(&["judge", "nowhere", "elsewhere", "--gates", gates, "--facts", facts]);
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(65), "{said}");
    for part in
        ["not a valid gate file", "not a valid facts file", "nowhere cannot be judged", "elsewhere cannot"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!place.path("decisions").exists());
    for args in [&["judge"][..], &["judge", "run", "--facts", "facts.yaml"]] {
        assert_eq!(place.output(args).status.code(), Some(64));
    }
}
