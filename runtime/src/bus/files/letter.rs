//! Letters: files that are one packet each, named by their connection and their number.

use std::fs::File;
use std::io::{self, ErrorKind, Read};

use crate::bus::MAX_PACKET;
use crate::bus::packet::is_whole;

/// The path of a letter.
pub(super) fn letter(stem: &str, number: u64) -> String {
    format!("{stem}{number:016x}")
}

/// Reads a letter. One that is too long to be a packet is cut off, and so not whole; an empty one has a byte.
pub(super) fn read_letter(path: &str, into: &mut [u8]) -> io::Result<usize> {
    let mut file = File::open(path)?;
    let room = into.len().min(MAX_PACKET);
    let mut length = 0;
    while length < room {
        match file.read(&mut into[length..room]) {
            Ok(0) => break,
            Ok(n) => {
                length += n;
                if is_whole(&into[..length]) {
                    break;
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length.max(1))
}
