//! What people and build servers read. Renderers only lay out; no number is made here.

mod chart;
pub(crate) mod columns;
mod course;
mod drift;
mod events;
mod junit;
pub(crate) mod markdown;
mod next;
pub(crate) mod page;
mod series;
mod terminal;
mod words;
pub(crate) mod wrap;

use std::io::Write;
use std::path::{Path, PathBuf};

use evidence::{EvidenceError, layout};

pub(crate) use chart::decimate;
pub use terminal::terminal;

use crate::analysis::analyse;
use crate::reading::Evidence;
use crate::verdict::{Verdict, judge, verdict_json};

/// Could not render a run.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The evidence could not be read.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// A report could not be written.
    #[error("could not write {path}: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What was found.
        source: std::io::Error,
    },
}

/// A run, judged and written down.
#[derive(Debug)]
pub struct Rendered {
    /// The verdict.
    pub verdict: Verdict,
    /// The files that were written, the page first.
    pub files: Vec<PathBuf>,
}

/// Reads a run directory, judges it by the gates of its manifest, and writes the derived files into it, each
/// whole or not at all; what was there of them is replaced.
///
/// # Errors
/// If the evidence cannot be read or a file cannot be written.
pub fn render(run: &Path) -> Result<Rendered, RenderError> {
    let evidence = Evidence::read(run)?;
    let analysis = analyse(&evidence);
    let verdict = judge(&analysis, &analysis.gates);
    let mut files = Vec::new();
    for (file, bytes) in [
        (layout::REPORT_HTML, page::page(&verdict, &evidence).into_bytes()),
        (layout::REPORT_MD, markdown::markdown(&verdict, &evidence).into_bytes()),
        (layout::JUNIT, junit::junit(&verdict).into_bytes()),
        (layout::VERDICT, verdict_json(&verdict)),
    ] {
        let path = file.within(run);
        replace(&path, &bytes).map_err(|source| RenderError::Write { path: path.clone(), source })?;
        files.push(path);
    }
    Ok(Rendered { verdict, files })
}

/// Writes beside the file and renames, so that a reader sees the old one or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let write = || {
        let mut file = std::fs::File::create(&partial)?;
        file.write_all(bytes)?;
        std::fs::rename(&partial, path)
    };
    write().inspect_err(|_| {
        let _ = std::fs::remove_file(&partial);
    })
}

/// The command that makes this run again, with its seed.
fn command(evidence: &Evidence) -> String {
    let quoted = evidence.manifest.command.iter().map(|word| {
        let plain =
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:,%+@".contains(c));
        if plain { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) }
    });
    let command = quoted.collect::<Vec<_>>().join(" ");
    let seeded = evidence.manifest.command.iter().any(|w| w == "--seed" || w.starts_with("--seed="));
    if seeded { command } else { format!("{command} --seed {}", evidence.manifest.seed) }
}

/// Where and with what the run was made: name and value.
fn run_facts(evidence: &Evidence) -> Vec<(&'static str, String)> {
    let m = &evidence.manifest;
    let target = if m.target.bundled { "the bundled runtime".to_owned() } else { m.target.command.join(" ") };
    let mut facts = vec![
        ("scenario", m.scenario.clone()),
        ("run", m.run.clone()),
        ("seed", m.seed.to_string()),
        ("plan fingerprint", m.fingerprint.clone()),
        ("started", m.started.clone()),
        ("shakedown", m.shakedown.clone()),
        ("target", target),
        ("shape", m.target.shape.clone()),
        ("workload", m.workload.words.clone()),
        ("kernel", m.host.kernel.clone()),
        ("processor", format!("{}, {} cores", m.host.cpu, m.host.cores)),
        ("memory", evidence::unit::Unit::Bytes.show(crate::analysis::number(m.host.memory))),
        ("host class", m.host.class.clone()),
    ];
    let started = evidence.events.iter().find_map(|e| match &e.fact {
        evidence::event::Fact::TargetStarted { name, version, .. } => Some(format!("{name} {version}")),
        _ => None,
    });
    facts.extend(started.map(|version| ("target version", version)));
    let proof = evidence.certificate.as_ref().map_or_else(
        || "none for this version on this class of host; `shakedown prove` makes one".to_owned(),
        evidence::certificate::Certificate::citation,
    );
    facts.push(("instrument", proof));
    facts
}
