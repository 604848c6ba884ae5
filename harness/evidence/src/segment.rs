//! Files that are kept for their newest part only: a full one is put aside under a number, and of those put
//! aside the oldest are deleted.
//!
//! `samples.csv` is always the one that is written; `samples.000007.csv` was the seventh before it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::EvidenceError;

/// Bytes after which a file is put aside.
pub const BYTES: u64 = 4 << 20;
/// How many are kept beside the one that is written.
pub const KEPT: u64 = 4;

/// A file that is written through a buffer, and how long it is.
#[derive(Debug)]
pub(crate) struct Counted {
    file: BufWriter<File>,
    bytes: u64,
}

impl Counted {
    /// A file that has so many bytes.
    pub(crate) fn new(file: File, bytes: u64) -> Self {
        Self { file: BufWriter::new(file), bytes }
    }

    /// What was handed to it, with what it had before.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Puts a file aside and makes a new one of its name.
pub(crate) fn renew(path: &Path) -> Result<Counted, EvidenceError> {
    let aside = aside(path)?;
    let number = aside.last().map_or(1, |(number, _)| number + 1);
    std::fs::rename(path, numbered(path, number)).map_err(|e| EvidenceError::io("put aside", path, e))?;
    for (old, segment) in aside {
        if old + KEPT <= number {
            std::fs::remove_file(&segment).map_err(|e| EvidenceError::io("delete", &segment, e))?;
        }
    }
    let file = File::create_new(path).map_err(|e| EvidenceError::io("create", path, e))?;
    Ok(Counted::new(file, 0))
}

/// What there is of a file, oldest part first, the one that is written last.
pub(crate) fn all(path: &Path) -> Result<Vec<PathBuf>, EvidenceError> {
    let mut all: Vec<PathBuf> = aside(path)?.into_iter().map(|(_, segment)| segment).collect();
    all.push(path.to_path_buf());
    Ok(all)
}

/// Those that were put aside, oldest first, by number.
fn aside(path: &Path) -> Result<Vec<(u64, PathBuf)>, EvidenceError> {
    let (Some(folder), Some(stem), Some(extension)) = (path.parent(), path.file_stem(), path.extension())
    else {
        return Ok(Vec::new());
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(EvidenceError::io("list", folder, e)),
    };
    let number = |name: &OsStr| -> Option<u64> {
        let rest = name.to_str()?.strip_prefix(stem.to_str()?)?.strip_prefix('.')?;
        let digits = rest.strip_suffix(extension.to_str()?)?.strip_suffix('.')?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| EvidenceError::io("list", folder, e))?;
        found.extend(number(&entry.file_name()).map(|number| (number, entry.path())));
    }
    found.sort_unstable();
    Ok(found)
}

fn numbered(path: &Path, number: u64) -> PathBuf {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    path.with_extension(format!("{number:06}.{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_files_put_aside_the_newest_are_kept_and_other_names_are_left_alone() {
        let run = tempfile::tempdir().unwrap();
        let path = run.path().join("samples.csv");
        let other = run.path().join("samples.10m.csv");
        std::fs::write(&other, "mine").unwrap();
        std::fs::write(&path, "0").unwrap();
        for n in 1..=7 {
            let mut file = renew(&path).unwrap();
            file.write_all(n.to_string().as_bytes()).unwrap();
            file.flush().unwrap();
            assert_eq!(file.bytes(), 1);
        }
        let kept: Vec<String> =
            all(&path).unwrap().iter().map(|p| std::fs::read_to_string(p).unwrap()).collect();
        assert_eq!(kept, ["3", "4", "5", "6", "7"]);
        assert_eq!(std::fs::read_to_string(other).unwrap(), "mine");
    }
}
