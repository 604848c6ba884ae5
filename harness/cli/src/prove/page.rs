//! A certificate as people read it.

use std::fmt::Write;

use evidence::certificate::{Certificate, Found, Proof};

/// One defect in one line.
pub(super) fn line(proof: &Proof) -> String {
    let twin = match &proof.twin.why {
        None => format!("twin {}", proof.twin.verdict),
        Some(why) => format!("twin {}: {why}", proof.twin.verdict),
    };
    let mark = if proof.holds() { "caught" } else { "NOT PROVEN" };
    format!("{mark}: {} is {}{}; {twin}", proof.by, proof.outcome, size(proof))
}

/// `, planted 3 MiB/h, found 2.9 MiB/h (2.8 MiB/h – 3.1 MiB/h)`
fn size(proof: &Proof) -> String {
    let Some(found) = &proof.found else { return String::new() };
    let planted = proof.planted.map(|planted| format!(", planted {}", found.unit.show(planted)));
    format!("{}, found {}", planted.unwrap_or_default(), shown(found))
}

fn shown(found: &Found) -> String {
    let show = |value: f64| found.unit.show(value);
    match found.hi {
        #[expect(clippy::float_cmp, reason = "an exact number has equal bounds by construction")]
        Some(hi) if hi == found.lo => show(found.value),
        Some(hi) => format!("{} ({} – {})", show(found.value), show(found.lo), show(hi)),
        None => format!("{} (at least {})", show(found.value), show(found.lo)),
    }
}

/// What is printed at the end.
pub(super) fn terminal(certificate: &Certificate) -> String {
    let mut text = format!("{}\n\n", certificate.citation());
    for proof in &certificate.proofs {
        let _ = writeln!(text, "  {:<18} {}", proof.defect, line(proof));
    }
    text
}

/// `certificate.md`.
pub(super) fn markdown(certificate: &Certificate) -> String {
    let host = &certificate.host;
    let mut page = format!(
        "# Certificate: {}\n\n{}\n\n| | |\n|---|---|\n| shakedown | {} |\n| made | {} |\n| took | {:.0} s |\n| host class | {} |\n\
         | host | {}, {}, {} cores |\n\n",
        certificate.word(),
        certificate.citation(),
        certificate.shakedown,
        certificate.made,
        certificate.took_s,
        host.class,
        host.kernel,
        host.cpu,
        host.cores,
    );
    page.push_str(
        "| defect | planted | must be caught by | outcome | size planted | size found | smallest visible | clean twin | proven |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for proof in &certificate.proofs {
        let unit = proof.found.map(|found| found.unit);
        let show = |value: Option<f64>| match (unit, value) {
            (Some(unit), Some(value)) => unit.show(value),
            _ => "–".to_owned(),
        };
        let twin = proof
            .twin
            .why
            .as_ref()
            .map_or_else(|| proof.twin.verdict.clone(), |why| format!("{}: {why}", proof.twin.verdict));
        let cells = [
            proof.defect.clone(),
            proof.what.clone(),
            proof.by.clone(),
            proof.outcome.clone(),
            show(proof.planted),
            proof.found.as_ref().map_or_else(|| "–".to_owned(), shown),
            show(proof.found.and_then(|found| found.smallest)),
            twin,
            if proof.holds() { "yes" } else { "no" }.to_owned(),
        ];
        let _ = writeln!(
            page,
            "| {} |",
            cells.map(|cell| cell.replace('|', "\\|").replace('\n', " ")).join(" | ")
        );
    }
    page
}
