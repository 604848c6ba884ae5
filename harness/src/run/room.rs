//! Room on the disk for the end of a run: a full disk ends it, but must not cost its last record.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::error::HarnessError;

/// What the last record and the reports take, with room to spare.
const BYTES: usize = 1 << 20;

/// Blocks of the disk that are held by a file without a name; the kernel frees them even if the harness is
/// killed.
#[derive(Debug)]
pub(super) struct Room(File);

impl Room {
    pub(super) fn reserve(run: &Path) -> Result<Self, HarnessError> {
        let path = run.join(".room");
        let take = || -> std::io::Result<File> {
            // One that was killed here has left it.
            let mut file = File::create(&path)?;
            let written = file.write_all(&vec![0x5a; BYTES]).and_then(|()| file.sync_data());
            std::fs::remove_file(&path)?;
            written.map(|()| file)
        };
        take().map(Self).map_err(|e| {
            HarnessError::evidence(&format_args!(
                "could not set {BYTES} bytes aside in {}: {e}",
                run.display()
            ))
        })
    }

    pub(super) fn give_back(self) {
        drop(self.0);
    }
}
