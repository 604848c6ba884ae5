//! What this host can do is told for every kind of fault.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what it could not do")]

mod support;

use std::collections::BTreeSet;

use support::Place;

/// The kinds of faults that a scenario file may hold: the tables of a fault that are neither times nor gates.
fn kinds() -> BTreeSet<String> {
    let schema = include_str!("../../../docs/reference/scenario.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    let fault = schema["$defs"]["fault"]["properties"].as_object().unwrap();
    let tables = fault.iter().filter(|(_, field)| field.to_string().contains("#/$defs/"));
    tables.map(|(key, _)| key.clone()).filter(|key| key != "expect" && key != "random").collect()
}

#[test]
fn the_doctor_says_of_every_kind_of_fault_whether_it_works_and_why_not() {
    let output = Place::new().output(&["doctor"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(kinds().len() >= 34, "{:?}", kinds());
    let text = String::from_utf8(output.stdout).unwrap();
    for kind in kinds() {
        let line = text.lines().find(|line| line.split_whitespace().nth(1) == Some(&kind));
        let line = line.unwrap_or_else(|| panic!("{kind} is missing in\n{text}"));
        assert!(line.starts_with("  works ") || line.starts_with("  no ") && line.contains(": "), "{line}");
    }
}

#[test]
fn the_page_of_faults_has_every_kind() {
    let page = include_str!("../../../docs/reference/faults.md");
    for kind in kinds() {
        assert!(page.contains(&format!("`{kind}`")), "{kind}");
    }
}
