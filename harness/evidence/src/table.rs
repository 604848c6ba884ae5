//! The CSV tables: one header, one row a record, appended and flushed.

use std::fs::File;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};

use crate::segment::{self, Counted};
use crate::{EvidenceError, torn};

/// Appends rows of one kind to a CSV file.
#[derive(Debug)]
pub struct Writer<Row> {
    path: PathBuf,
    csv: csv::Writer<Counted>,
    /// Whether only the newest part is kept.
    bounded: bool,
    row: PhantomData<fn(Row)>,
}

impl<Row: Serialize> Writer<Row> {
    /// A new file, with its header written with the first row.
    ///
    /// # Errors
    /// If the file exists or cannot be made.
    pub fn create(path: &Path) -> Result<Self, EvidenceError> {
        let file = File::create_new(path).map_err(|e| EvidenceError::io("create", path, e))?;
        Ok(Self {
            path: path.to_path_buf(),
            csv: csv::Writer::from_writer(Counted::new(file, 0)),
            bounded: false,
            row: PhantomData,
        })
    }

    /// The file of a run that is resumed, behind its last whole row; made if it is not there.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn resume(path: &Path) -> Result<Self, EvidenceError> {
        let (file, length) = torn::open(path)?;
        let csv = csv::WriterBuilder::new().has_headers(length == 0).from_writer(Counted::new(file, length));
        Ok(Self { path: path.to_path_buf(), csv, bounded: false, row: PhantomData })
    }

    /// The same file, of which only the newest part is kept: see [`segment`].
    #[must_use]
    pub fn bounded(self, bounded: bool) -> Self {
        Self { bounded, ..self }
    }

    /// Appends one row; it reaches the file with the next [`Self::flush`] at the latest.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn append(&mut self, row: &Row) -> Result<(), EvidenceError> {
        if self.bounded && self.csv.get_ref().bytes() >= segment::BYTES {
            self.flush()?;
            self.csv = csv::Writer::from_writer(segment::renew(&self.path)?);
        }
        self.csv.serialize(row).map_err(|e| self.failed(e.into()))
    }

    /// Hands everything to the kernel.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn flush(&mut self) -> Result<(), EvidenceError> {
        self.csv.flush().map_err(|e| EvidenceError::io("write", &self.path, e))
    }

    fn failed(&self, source: std::io::Error) -> EvidenceError {
        EvidenceError::io("write", &self.path, source)
    }
}

/// Bytes that a row takes in its file, which need not be there.
///
/// # Panics
/// Never: a row is made of numbers, texts and nothing.
#[must_use]
pub fn row_bytes<Row: Serialize>(row: &Row) -> u64 {
    let mut csv = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    csv.serialize(row).expect("a row is made of numbers, texts and nothing");
    csv.into_inner().map_or(0, |bytes| bytes.len() as u64)
}

/// All rows of a file; none if there is no file. A row torn by a crash at the very end is left out.
pub(crate) fn read<Row: DeserializeOwned>(path: &Path) -> Result<Vec<Row>, EvidenceError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(EvidenceError::io("read", path, e)),
    };
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    csv::Reader::from_reader(whole.as_bytes())
        .deserialize()
        .map(|row| {
            row.map_err(|e: csv::Error| EvidenceError::Record {
                path: path.to_path_buf(),
                line: e.position().map_or(0, csv::Position::line),
                found: e.to_string(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout;
    use crate::round::{Interval, IntervalWriter};

    #[test]
    fn a_row_is_as_long_as_it_is_said_to_be() {
        let run = tempfile::tempdir().unwrap();
        let path = layout::INTERVALS.within(run.path());
        let row =
            Interval { at_ns: 12_345, phase: "a, b".to_owned(), failed: vec![3, 0], ..Interval::default() };
        let mut writer = IntervalWriter::create(&path).unwrap();
        let mut sizes = [(); 2].map(|()| {
            writer.append(&row).unwrap();
            writer.flush().unwrap();
            std::fs::metadata(&path).unwrap().len()
        });
        sizes.reverse();
        assert_eq!(sizes[0] - sizes[1], row_bytes(&row));
        assert_eq!(read::<Interval>(&path).unwrap(), [row.clone(), row]);
    }
}
