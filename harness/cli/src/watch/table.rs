//! Rows of a table that grows.

use std::marker::PhantomData;
use std::path::PathBuf;

use serde::de::DeserializeOwned;

use super::tail::{From, Tail};

/// How much of the beginning of a file is read for its header.
const HEADER: usize = 16 << 10;

/// Follows a table.
#[derive(Debug)]
pub(super) struct Table<Row> {
    path: PathBuf,
    tail: Tail,
    header: Option<csv::StringRecord>,
    row: PhantomData<fn() -> Row>,
}

impl<Row: DeserializeOwned> Table<Row> {
    /// From somewhat before its end, or from its start.
    pub(super) fn new(path: PathBuf, from: From) -> Self {
        Self { tail: Tail::new(path.clone(), from), path, header: None, row: PhantomData }
    }

    /// Hands over every row that was not read yet. What is no row of this table is passed over.
    pub(super) fn rows(&mut self, mut each: impl FnMut(Row)) -> std::io::Result<()> {
        if self.header.is_none() {
            self.header = header(&self.path)?;
        }
        let Some(header) = &self.header else { return Ok(()) };
        self.tail.lines(|line| {
            let fields = record(line).filter(|fields| fields.len() == header.len() && fields != header);
            if let Some(row) = fields.and_then(|fields| fields.deserialize(Some(header)).ok()) {
                each(row);
            }
        })
    }
}

/// The first line of the file, once it is there.
fn header(path: &std::path::Path) -> std::io::Result<Option<csv::StringRecord>> {
    use std::io::{BufRead, BufReader, Read};
    let mut line = String::new();
    match std::fs::File::open(path) {
        Ok(file) => BufReader::new(file.take(HEADER as u64)).read_line(&mut line)?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    Ok(line.ends_with('\n').then(|| record(line.trim_end())).flatten())
}

fn record(line: &str) -> Option<csv::StringRecord> {
    let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    reader.into_records().next()?.ok()
}
