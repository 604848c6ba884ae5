//! What a run leaves on disk: names, units, records, and the one writer and reader of each file.
//!
//! Evidence is append-only facts, on disk as they happen. It holds no judgement and no average that cannot
//! be undone. Whoever runs a target writes it, whoever judges reads it, and neither sees the other.
//!
//! Start with [`layout`] (the files), then [`event`] (the history), [`sample`] and [`round`] (the tables),
//! [`latency`] (the histograms), [`manifest`] and [`end`] (first and last). [`metric`] names every number
//! that a gate can ask for, [`gate`] is a gate as data.

pub mod certificate;
pub mod end;
pub mod event;
pub mod fewest;
pub mod gate;
pub mod gatefile;
pub mod latency;
pub mod layout;
pub mod manifest;
pub mod metric;
pub mod role;
pub mod round;
pub mod sample;
pub mod segment;
mod table;
pub mod tier;
mod torn;
pub mod unit;

pub use table::row_bytes;

/// Could not write or read evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The file system refused.
    #[error("could not {action} {path}: {source}", path = path.display())]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// To what.
        path: std::path::PathBuf,
        /// What was found.
        source: std::io::Error,
    },
    /// A record is not what this version writes.
    #[error("could not read {path}, line {line}: {found}", path = path.display())]
    Record {
        /// The file.
        path: std::path::PathBuf,
        /// The line, from 1; 0 where the file has none.
        line: u64,
        /// What was found.
        found: String,
    },
    /// Another version wrote it.
    #[error(
        "could not read {path}: it has schema {found}, this version reads {expected}; judge it with the version that wrote it",
        path = path.display()
    )]
    Schema {
        /// The file.
        path: std::path::PathBuf,
        /// The version it names.
        found: u32,
        /// The version that is read here.
        expected: u32,
    },
}

impl EvidenceError {
    pub(crate) fn io(action: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_path_buf(), source }
    }
}
