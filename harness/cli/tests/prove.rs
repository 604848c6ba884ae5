//! The proof of the instrument: the short form passes here, and one that was interrupted certifies nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Place, text, wait_for};

fn certificate(path: &std::path::Path) -> evidence::certificate::Certificate {
    evidence::certificate::Certificate::read(path).unwrap().expect("there is a certificate")
}

/// Run it with `cargo test -p shakedown --test prove -- --ignored`.
#[test]
#[ignore = "takes a minute; the rules of a proof are in the unit tests, the controls in a test of their own"]
fn every_defect_of_the_short_form_is_caught_and_later_runs_cite_it() {
    let place = Place::new();
    let out = place.output(&["prove", "--quick", "--out", "proof"]);
    let said = format!("{}{}", text(&out.stdout), text(&out.stderr));
    assert_eq!(out.status.code(), Some(0), "{said}");
    let newest = certificate(&place.path("runs/.certificate.json"));
    assert_eq!(newest, certificate(&place.path("proof/certificate.json")));
    assert!(newest.passes() && newest.proofs.len() >= 9, "{said}");
    let run = place.output(&["run", "--quiet", "--out", "run", "proof/drop.yaml", "--twin"]);
    assert_eq!(run.status.code(), Some(0), "{}{}", text(&run.stdout), text(&run.stderr));
    let report = std::fs::read_to_string(place.path("run/report.md")).unwrap();
    assert!(report.contains(&newest.citation()), "{report}");
    place.assert_nothing_left();
}

#[test]
fn a_proof_that_was_interrupted_says_so_certifies_nothing_and_leaves_nothing() {
    let place = Place::new();
    let child = place.spawn(&["prove", "--quick", "--out", "proof"]);
    wait_for("the first run", || place.path("proof/drop-twin/events.jsonl").exists().then_some(()));
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    let out = child.wait_with_output().unwrap();
    let said = format!("{}{}", text(&out.stdout), text(&out.stderr));
    assert_eq!(out.status.code(), Some(130), "{said}");
    assert!(said.contains("nothing is certified"), "{said}");
    assert_eq!(certificate(&place.path("proof/certificate.json")).word(), "INTERRUPTED");
    assert!(!place.path("runs/.certificate.json").exists());
    place.assert_nothing_left();
}
