//! The bytes of a file as text, if they can be one of ours at all.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::problem::{Place, Problem};

/// The largest file; the largest one that makes sense is a hundredth of it.
const MOST_BYTES: u64 = 1 << 20;

/// Reads a file.
pub(crate) fn of_file(path: &Path) -> Result<String, Problem> {
    let unreadable = |error: std::io::Error| {
        let problem = Problem::new(&Place::File, format!("cannot be read: {error}"));
        if path.is_dir() { problem.help("give the files in it, one by one") } else { problem }
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    of_bytes(bytes)
}

fn of_bytes(bytes: Vec<u8>) -> Result<String, Problem> {
    let help = "is it the file you meant? it takes a YAML text of a few kilobytes";
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Problem::new(&Place::File, "is larger than 1 MiB").help(help));
    }
    if bytes.contains(&0) {
        return Err(Problem::new(&Place::File, "is binary: it holds bytes of zero").help(help));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
        Problem::new(&Place::File, format!("is not UTF-8: line {line} holds other bytes")).help(help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_refused() {
        for (bytes, what) in [
            (b"a\0b".to_vec(), "is binary: it holds bytes of zero"),
            (b"a: 1\nb: \xff".to_vec(), "is not UTF-8: line 2 holds other bytes"),
            (vec![b'a'; (1 << 20) + 1], "is larger than 1 MiB"),
        ] {
            assert_eq!(of_bytes(bytes).unwrap_err().what, what);
        }
    }
}
