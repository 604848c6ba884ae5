//! Going on with a file whose writer was killed in the middle of a line.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::EvidenceError;

/// How much is read at once, from the end.
const CHUNK: u64 = 64 << 10;

/// A file of lines, made if it is not there and open for appending behind its last whole line; what was torn
/// after that is cut off. With its length.
pub(crate) fn open(path: &Path) -> Result<(File, u64), EvidenceError> {
    let file = File::options()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .map_err(|e| EvidenceError::io("go on with", path, e))?;
    let cut = || -> std::io::Result<u64> {
        let (length, whole) = (file.metadata()?.len(), whole(&file)?);
        if whole < length {
            file.set_len(whole)?;
        }
        Ok(whole)
    };
    let length = cut().map_err(|e| EvidenceError::io("cut the torn end off", path, e))?;
    Ok((file, length))
}

/// Where the last whole line ends.
fn whole(file: &File) -> std::io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut chunk = vec![0; usize::try_from(CHUNK).unwrap_or_default()];
    while end > 0 {
        let begin = end.saturating_sub(CHUNK);
        let bytes = &mut chunk[..usize::try_from(end - begin).unwrap_or_default()];
        file.read_exact_at(bytes, begin)?;
        if let Some(at) = bytes.iter().rposition(|b| *b == b'\n') {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_was_torn_is_cut_off_and_the_next_line_stands_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        let long = "x".repeat(200_000);
        for (was, becomes) in [
            ("", "new\n".to_owned()),
            ("torn", "new\n".to_owned()),
            ("a\nb\n", "a\nb\nnew\n".to_owned()),
            ("a\nto", "a\nnew\n".to_owned()),
            (&format!("a\n{long}"), "a\nnew\n".to_owned()),
            (&format!("{long}\n{long}"), format!("{long}\nnew\n")),
        ] {
            std::fs::write(&path, was).unwrap();
            let (mut file, length) = open(&path).unwrap();
            assert_eq!(length, file.metadata().unwrap().len());
            file.write_all(b"new\n").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), becomes);
        }
    }

    #[test]
    fn a_table_that_is_resumed_has_one_header() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("intervals.csv");
        let row = crate::round::Interval::default();
        for _ in 0..3 {
            let mut writer = crate::round::IntervalWriter::resume(&path).unwrap();
            writer.append(&row).unwrap();
            writer.flush().unwrap();
            // The harness dies while it writes the next row.
            drop(writer);
            File::options().append(true).open(&path).unwrap().write_all(b"17,18").unwrap();
        }
        assert_eq!(
            crate::table::read::<crate::round::Interval>(&path).unwrap(),
            [row.clone(), row.clone(), row]
        );
    }
}
