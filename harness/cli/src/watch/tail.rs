//! Follows a file that grows: what was read once is never read again.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How much is read at a time.
const PART: usize = 64 << 10;
/// A line longer than this is passed over.
const MAX_LINE: usize = 1 << 20;
/// How far before its end a table is begun that was there already.
const LAST: u64 = 64 << 10;

/// Where to begin in a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// At its first line.
    Start,
    /// Somewhat before its end.
    End,
}

/// A file of lines and how far it was read.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    from: From,
    /// Which file it was, and how far it was read.
    at: Option<(u64, u64)>,
    /// The beginning of a line whose end was not there yet.
    rest: Vec<u8>,
    /// Whether what is read begins in the middle of a line.
    torn: bool,
}

impl Tail {
    pub(super) fn new(path: PathBuf, from: From) -> Self {
        Self { path, from, at: None, rest: Vec::new(), torn: false }
    }

    /// Hands over every whole line that was not read yet; nothing while there is no file.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub(super) fn lines(&mut self, mut each: impl FnMut(&str)) -> io::Result<()> {
        let Some(mut file) = open(&self.path)? else { return Ok(()) };
        let found = file.metadata()?;
        // A file that was put aside for a new one is begun anew.
        let known = self.at.filter(|(inode, read)| *inode == found.ino() && *read <= found.len());
        let mut read = known.map_or_else(|| self.begin(found.len()), |(_, read)| read);
        file.seek(SeekFrom::Start(read))?;
        let mut part = vec![0; PART];
        loop {
            let length = file.read(&mut part)?;
            if length == 0 {
                break;
            }
            read += length as u64;
            self.take(&part[..length], &mut each);
        }
        self.at = Some((found.ino(), read));
        Ok(())
    }

    fn begin(&mut self, length: u64) -> u64 {
        self.rest.clear();
        let from = match self.from {
            From::Start => 0,
            From::End => length.saturating_sub(LAST),
        };
        self.torn = from > 0;
        // Only what was there before is passed over.
        self.from = From::Start;
        from
    }

    fn take(&mut self, part: &[u8], each: &mut impl FnMut(&str)) {
        for piece in part.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if self.rest.len() > MAX_LINE {
                self.torn = true;
                self.rest.clear();
            }
            if piece.ends_with(b"\n") {
                if !std::mem::take(&mut self.torn)
                    && let Ok(line) = std::str::from_utf8(&self.rest)
                {
                    each(line.trim_end());
                }
                self.rest.clear();
            }
        }
    }
}

/// The file, if it is there.
fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(tail: &mut Tail) -> Vec<String> {
        let mut lines = Vec::new();
        tail.lines(|line| lines.push(line.to_owned())).unwrap();
        lines
    }

    #[test]
    fn each_line_is_handed_over_once_and_only_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut tail = Tail::new(path.clone(), From::Start);
        assert!(read(&mut tail).is_empty(), "there is no file yet");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(read(&mut tail), ["one"]);
        file.write_all(b"o\nthree\n").unwrap();
        assert_eq!(read(&mut tail), ["two", "three"]);
        assert!(read(&mut tail).is_empty());
    }

    #[test]
    fn of_a_long_file_only_the_end_is_read_and_a_new_file_in_its_place_from_its_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let text: String = (0..100_000).map(|n| format!("{n}\n")).collect();
        std::fs::write(&path, text).unwrap();
        let mut tail = Tail::new(path.clone(), From::End);
        let lines = read(&mut tail);
        assert!(lines.len() < 20_000, "{}", lines.len());
        assert_eq!(lines.last().unwrap(), "99999");
        assert!(lines[0].parse::<u32>().is_ok_and(|n| n > 80_000), "{}", lines[0]);

        std::fs::rename(&path, dir.path().join("log.000001")).unwrap();
        std::fs::write(&path, "new\n").unwrap();
        assert_eq!(read(&mut tail), ["new"]);
    }

    #[test]
    fn a_line_without_end_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut file = File::create(&path).unwrap();
        let mut tail = Tail::new(path.clone(), From::Start);
        file.write_all(&vec![b'x'; 3 * MAX_LINE]).unwrap();
        assert!(read(&mut tail).is_empty());
        assert!(tail.rest.len() <= MAX_LINE);
        file.write_all(b"\nafter\n").unwrap();
        assert_eq!(read(&mut tail), ["after"]);
    }
}
