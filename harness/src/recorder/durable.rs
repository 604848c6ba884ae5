//! What survives a loss of power. The kernel writes what it was handed when it likes, unless it is asked to.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use evidence::EvidenceError;

/// The least time from once to the next: a run of short intervals must not keep a disk busy.
const EVERY: Duration = Duration::from_secs(10);

/// The clock by which a file system dates a change stands still between two ticks of the kernel.
const COARSE: Duration = Duration::from_secs(1);

/// Has the files of a run written to the disk now and then.
#[derive(Debug)]
pub(super) struct Durable {
    run: PathBuf,
    last: Instant,
    changed_since: SystemTime,
}

impl Durable {
    pub(super) fn new(run: &Path) -> Self {
        Self { run: run.to_path_buf(), last: Instant::now(), changed_since: SystemTime::UNIX_EPOCH }
    }

    /// Everything that was handed to the kernel until here is on the disk afterwards, if it is time for that; whether it was.
    pub(super) fn if_due(&mut self) -> Result<bool, EvidenceError> {
        if self.last.elapsed() < EVERY {
            return Ok(false);
        }
        self.now().map(|()| true).map_err(|source| EvidenceError::Io {
            action: "write to the disk what is in",
            path: self.run.clone(),
            source,
        })
    }

    fn now(&mut self) -> io::Result<()> {
        let began = SystemTime::now();
        for entry in fs::read_dir(&self.run)? {
            let entry = entry?;
            let about = entry.metadata()?;
            if about.is_file() && about.modified()? + COARSE >= self.changed_since {
                written(&entry.path())?;
            }
        }
        (self.last, self.changed_since) = (Instant::now(), began);
        Ok(())
    }
}

/// A file system that cannot be asked keeps what it keeps.
fn written(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|file| file.sync_data()) {
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_directory_is_written_to_the_disk_and_one_that_is_gone_is_told() {
        let run = tempfile::tempdir().unwrap();
        fs::write(run.path().join("rounds.csv"), "round\n").unwrap();
        fs::create_dir(run.path().join("left")).unwrap();
        let mut durable = Durable::new(run.path());
        durable.now().unwrap();
        assert!(durable.changed_since > SystemTime::UNIX_EPOCH);
        assert!(!durable.if_due().unwrap(), "not so soon");
        durable.last = Instant::now().checked_sub(EVERY).unwrap();
        let gone = run.path().to_path_buf();
        drop(run);
        let told = durable.if_due().unwrap_err().to_string();
        assert!(told.contains(gone.to_str().unwrap()), "{told}");
    }
}
