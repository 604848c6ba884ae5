//! A report says what is known of the instrument that made it.

use evidence::certificate::Certificate;
use evidence::layout;
use evidence::manifest::{Manifest, SCHEMA};

use crate::fixture::Fixture;

fn markdown(of: impl FnOnce(&Manifest) -> Option<Certificate>) -> String {
    let run = Fixture::calm().write();
    let manifest = Manifest::read(run.path()).unwrap();
    if let Some(certificate) = of(&manifest) {
        certificate.replace(&layout::CERTIFICATE.within(run.path())).unwrap();
    }
    reports::render(run.path()).unwrap();
    std::fs::read_to_string(layout::REPORT_MD.within(run.path())).unwrap()
}

#[test]
fn a_report_cites_the_certificate_that_its_run_was_made_under() {
    let text = markdown(|manifest| {
        Some(Certificate {
            schema: SCHEMA,
            shakedown: manifest.shakedown.clone(),
            made: "2026-11-25T20:00:00Z".into(),
            took_s: 1.0,
            quick: true,
            host: manifest.host.clone(),
            finished: false,
            proofs: Vec::new(),
        })
    });
    assert!(text.contains("INTERRUPTED on 2026-11-25, short form: 0 of 0 planted defects"), "{text}");
}

#[test]
fn a_report_without_a_certificate_says_so_and_how_to_get_one() {
    let text = markdown(|_| None);
    assert!(text.contains("none for this version on this class of host"), "{text}");
    assert!(text.contains("shakedown prove"), "{text}");
}
