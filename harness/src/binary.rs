//! Which build of the program this is: two builds may carry the same version.

use std::fs::File;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::error::HostFailure;
use crate::resume::hexadecimal;

/// SHA-256 of the file that this process was started from, in hexadecimal; of that file itself, whatever lies at its
/// path by now.
///
/// # Errors
/// If the kernel does not let it be read.
pub fn binary() -> Result<String, HostFailure> {
    let digest = File::open("/proc/self/exe").and_then(digest);
    digest.map_err(|e| HostFailure::Refused {
        action: "read the shakedown program itself, by which a run is resumed",
        found: e.to_string(),
    })
}

/// Piece by piece: the memory of the harness is measured, and the program would be the largest part of it.
fn digest(mut file: File) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hexadecimal(&digest.finalize())),
            read => digest.update(&piece[..read]),
        }
    }
}
