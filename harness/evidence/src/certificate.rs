//! The certificate of `shakedown prove`: which planted defects were caught on this machine, and by which gate.
//!
//! One file below `runs/` holds the newest. A run copies it when it begins, if the same version made it on the same class of
//! host, so that its reports can cite what is known of the instrument that made them.

use std::fmt::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::manifest::{Host, read_json};
use crate::unit::Unit;
use crate::{EvidenceError, layout};

/// The name of the newest certificate, below the folder of runs.
pub const NEWEST: &str = ".certificate.json";

/// What `shakedown prove` found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// Version of this format, which is that of run directories.
    pub schema: u32,
    /// The version of the program that was proven.
    pub shakedown: String,
    /// When it was made by the wall clock, in RFC 3339, UTC.
    pub made: String,
    /// How long the proof took, in seconds.
    pub took_s: f64,
    /// Whether only the short part was done.
    pub quick: bool,
    /// The machine.
    pub host: Host,
    /// Whether it was done to its end.
    pub finished: bool,
    /// Every defect, in the order in which they were planted.
    pub proofs: Vec<Proof>,
}

/// One planted defect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// Its name: that of its scenario.
    pub defect: String,
    /// What was planted, in words.
    pub what: String,
    /// Its size where it has one, in the unit of what was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planted: Option<f64>,
    /// The gate that must be NO-GO, or the condition that must be INCONCLUSIVE.
    pub by: String,
    /// What became of that gate or condition: `NO-GO`, `INCONCLUSIVE`, or why it is not known.
    pub outcome: String,
    /// Whether it was caught: by that gate or condition, with the right word.
    pub caught: bool,
    /// What was measured, where it is a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// The same load without the defect, judged by the same gates.
    pub twin: Twin,
    /// Its run directory, from that of the certificate.
    pub run: String,
    /// The fingerprint of its plan.
    pub fingerprint: String,
    /// How long the run lasted, in seconds.
    pub took_s: f64,
}

/// A number with the bounds between which the true one lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The best single number.
    pub value: f64,
    /// The lower bound.
    pub lo: f64,
    /// The upper bound; absent where it is not known.
    pub hi: Option<f64>,
    /// Its unit.
    pub unit: Unit,
    /// The smallest drift that the run could have seen, where it is a drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smallest: Option<f64>,
}

/// A sound target under the load of a planted one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twin {
    /// Its verdict by the gates of the planted one.
    pub verdict: String,
    /// Whether that is GO.
    pub clean: bool,
    /// Why it is not, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Its run directory, from that of the certificate.
    pub run: String,
}

impl Proof {
    /// Whether the defect was caught and its clean twin was not.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.caught && self.twin.clean
    }
}

impl Certificate {
    /// Whether it was done to its end, every defect was caught by its gate, and every clean twin was GO.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.finished && !self.proofs.is_empty() && self.proofs.iter().all(Proof::holds)
    }

    /// The word for it: `PASS`, `FAIL`, or `INTERRUPTED` where nothing failed before it was.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.passes(), self.finished) {
            (true, _) => "PASS",
            (false, false) if self.proofs.iter().all(Proof::holds) => "INTERRUPTED",
            (false, _) => "FAIL",
        }
    }

    /// Whether it speaks of this version on this class of host.
    #[must_use]
    pub fn is_of(&self, version: &str, class: &str) -> bool {
        self.shakedown == version && self.host.class == class
    }

    /// The smallest drift of each kind that was planted and caught: the defect and its size in its unit.
    pub fn drifts(&self) -> impl Iterator<Item = (&Proof, f64, Unit)> {
        self.proofs.iter().filter(|proof| proof.holds()).filter_map(|proof| {
            let found = proof.found.filter(|found| found.smallest.is_some())?;
            Some((proof, proof.planted?, found.unit))
        })
    }

    /// What a report cites, in one sentence.
    #[must_use]
    pub fn citation(&self) -> String {
        let held = self.proofs.iter().filter(|proof| proof.holds()).count();
        let part = if self.quick { ", short form" } else { "" };
        let mut text = format!(
            "{} on {}{part}: {held} of {} planted defects caught by their gates, each with a clean twin that was GO",
            self.word(),
            self.made.split('T').next().unwrap_or_default(),
            self.proofs.len(),
        );
        let drifts: Vec<String> = self
            .drifts()
            .map(|(proof, size, unit)| format!("{} {}", proof.defect, unit.show(size)))
            .collect();
        if !drifts.is_empty() {
            // Writing into a string cannot fail.
            let _ = write!(text, "; smallest drifts planted and caught: {}", drifts.join(", "));
        }
        text
    }

    /// Writes it in place of the one before: whoever reads it sees the old one or the new one.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn replace(&self, path: &Path) -> Result<(), EvidenceError> {
        let failed = |e| EvidenceError::io("write", path, e);
        let mut text = serde_json::to_vec_pretty(self).map_err(|e| failed(e.into()))?;
        text.push(b'\n');
        let partial = path.with_extension("partial");
        let write = || -> std::io::Result<()> {
            let mut file = std::fs::File::create(&partial)?;
            std::io::Write::write_all(&mut file, &text)?;
            file.sync_data()?;
            std::fs::rename(&partial, path)
        };
        write().map_err(failed)
    }

    /// Reads one; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read or has another schema.
    pub fn read(path: &Path) -> Result<Option<Self>, EvidenceError> {
        if path.exists() { read_json(path).map(Some) } else { Ok(None) }
    }

    /// The one that a run was made under; `None` if there was none for its version and class of host.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn of_run(run: &Path) -> Result<Option<Self>, EvidenceError> {
        Self::read(&layout::CERTIFICATE.within(run))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::SCHEMA;

    fn proof(defect: &str, caught: bool, clean: bool) -> Proof {
        Proof {
            defect: defect.into(),
            what: "leak_bytes_per_task 512".into(),
            planted: Some(7_200_000.0),
            by: "memory.growth.bytes[worker] < 3MiB/h".into(),
            outcome: if caught { "NO-GO" } else { "GO" }.into(),
            caught,
            found: Some(Found {
                value: 7.1e6,
                lo: 6.9e6,
                hi: Some(7.4e6),
                unit: Unit::BytesPerHour,
                smallest: Some(3.5e6),
            }),
            twin: Twin {
                verdict: if clean { "GO" } else { "INCONCLUSIVE" }.into(),
                clean,
                why: (!clean).then(|| "too few samples".into()),
                run: "twin-1".into(),
            },
            run: defect.into(),
            fingerprint: "abc".into(),
            took_s: 61.0,
        }
    }

    fn certificate(finished: bool, proofs: Vec<Proof>) -> Certificate {
        Certificate {
            schema: SCHEMA,
            shakedown: "0.1.0".into(),
            made: "2026-11-25T20:00:00Z".into(),
            took_s: 600.0,
            quick: false,
            host: Host {
                kernel: "6.18".into(),
                cpu: "cpu".into(),
                cores: 2,
                memory: 1 << 33,
                class: "abcdef".into(),
                limits: Vec::new(),
            },
            finished,
            proofs,
        }
    }

    #[test]
    fn it_passes_only_if_all_were_caught_and_every_twin_was_clean() {
        let good = || proof("drift-memory", true, true);
        for (finished, proofs, word) in [
            (true, vec![good(), good()], "PASS"),
            (true, vec![good(), proof("drop", false, true)], "FAIL"),
            (true, vec![good(), proof("drop", true, false)], "FAIL"),
            (false, vec![good()], "INTERRUPTED"),
            (false, vec![], "INTERRUPTED"),
            (false, vec![proof("drop", false, true)], "FAIL"),
            (true, vec![], "FAIL"),
        ] {
            let certificate = certificate(finished, proofs);
            assert_eq!(certificate.word(), word);
            assert_eq!(certificate.passes(), word == "PASS");
        }
    }

    #[test]
    fn a_report_cites_the_word_the_day_and_the_drifts_that_were_caught() {
        let certificate =
            certificate(true, vec![proof("drift-memory", true, true), proof("drop", false, true)]);
        assert_eq!(
            certificate.citation(),
            "FAIL on 2026-11-25: 1 of 2 planted defects caught by their gates, each with a clean twin that was GO; \
             smallest drifts planted and caught: drift-memory 6.87 MiB/h"
        );
    }

    #[test]
    fn the_newest_replaces_the_one_before_and_reads_back_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NEWEST);
        assert_eq!(Certificate::read(&path).unwrap(), None);
        certificate(false, vec![]).replace(&path).unwrap();
        let newest = certificate(true, vec![proof("drift-memory", true, true)]);
        newest.replace(&path).unwrap();
        assert_eq!(Certificate::read(&path).unwrap().as_ref(), Some(&newest));
        assert!(newest.is_of("0.1.0", "abcdef") && !newest.is_of("0.1.1", "abcdef"));
        assert!(!newest.is_of("0.1.0", "other"));
    }

    #[test]
    fn one_of_another_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NEWEST);
        std::fs::write(&path, r#"{"schema": 99}"#).unwrap();
        assert!(matches!(Certificate::read(&path), Err(EvidenceError::Schema { found: 99, .. })));
    }
}
