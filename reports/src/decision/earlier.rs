//! Earlier decisions: a stage begins only when the one before it has passed.

use std::path::Path;

use evidence::EvidenceError;
use evidence::gatefile::Criterion;
use serde::Deserialize;

use super::criterion::{CriterionVerdict, Found, Rest};
use super::render::{DECISION, SCHEMA};
use crate::verdict::Outcome;

/// A decision that was taken before.
#[derive(Debug, Clone)]
pub struct Earlier {
    /// The name of its gate.
    pub gate: String,
    /// Where it comes from: the directory as it was given.
    pub source: String,
    /// What it came to.
    pub outcome: Outcome,
    /// What it was called.
    pub word: String,
    /// Whether it was a rehearsal.
    pub rehearsal: bool,
    /// How sure it was, from 0 to 1.
    pub confidence: f64,
}

#[derive(Deserialize)]
struct Document {
    schema: u32,
    gate: String,
    decision: String,
    outcome: Outcome,
    rehearsal: bool,
    confidence: f64,
}

impl Earlier {
    /// Whether this directory holds a decision.
    #[must_use]
    pub fn is_in(directory: &Path) -> bool {
        directory.join(DECISION).exists()
    }

    /// Reads the decision in a directory.
    ///
    /// # Errors
    /// If it cannot be read or another version wrote it.
    pub fn read(directory: &Path) -> Result<Self, EvidenceError> {
        let path = directory.join(DECISION);
        let text = std::fs::read(&path).map_err(|source| EvidenceError::Io {
            action: "read",
            path: path.clone(),
            source,
        })?;
        let read: Document = serde_json::from_slice(&text).map_err(|e| EvidenceError::Record {
            path: path.clone(),
            line: e.line() as u64,
            found: e.to_string(),
        })?;
        if read.schema != SCHEMA {
            return Err(EvidenceError::Schema { path, found: read.schema, expected: SCHEMA });
        }
        Ok(Self {
            gate: read.gate,
            source: directory.display().to_string(),
            outcome: read.outcome,
            word: read.decision,
            rehearsal: read.rehearsal,
            confidence: read.confidence,
        })
    }
}

/// Of several decisions by the same gate the worst counts.
pub(super) fn judge(criterion: &Criterion, gate: &str, earlier: &[Earlier]) -> CriterionVerdict {
    let of_gate = earlier.iter().filter(|e| e.gate == gate);
    let Some(worst) = of_gate.max_by_key(|e| e.outcome) else {
        let why = format!("no evidence: no decision by the gate {gate} was given");
        return CriterionVerdict::unknown(criterion, why).limits("GO".to_owned(), None);
    };
    let why = format!("{gate} was decided {} ({})", worst.word, worst.source);
    let rest = Rest {
        on: worst.source.clone(),
        outcome: worst.outcome,
        measured: worst.word.clone(),
        why: why.clone(),
        environment: None,
        sureness: worst.confidence,
        found: Found::default(),
    };
    let verdict = CriterionVerdict {
        why,
        measured: worst.word.clone(),
        rests: vec![rest],
        ..CriterionVerdict::unknown(criterion, String::new())
    };
    verdict.limits("GO".to_owned(), None).settled(worst.outcome, worst.confidence)
}
