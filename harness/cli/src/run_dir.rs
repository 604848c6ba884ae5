//! Where a run is kept, and that no two runs share a place.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::fcntl::{Flock, FlockArg};

/// The folder of finished runs, below the working directory.
pub(crate) const RUNS: &str = "runs";

/// A directory made for one run and locked while it goes on.
#[derive(Debug)]
pub(crate) struct RunDir {
    /// The directory.
    pub(crate) path: PathBuf,
    /// The id of the run: the UTC time of its start and the first digits of its plan's fingerprint.
    pub(crate) id: String,
    _locks: Vec<Flock<File>>,
}

/// Why there is no directory for the run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunDirError {
    /// Something is in it.
    #[error("could not use {0} for this run: it is not empty; name a directory that is empty or not there")]
    NotEmpty(PathBuf),
    /// Another run uses it.
    #[error(
        "could not begin a run below {0}: another run is going on there, and two runs on one machine disturb \
         each other's measurements; wait for it, or start this one elsewhere with --out DIR"
    )]
    Busy(PathBuf),
    /// A harness goes on with it.
    #[error(
        "a harness still holds it, or another run goes on beside it in {0}; look on with `shakedown watch`, or wait \
         until that one has ended"
    )]
    Held(PathBuf),
    /// The file system refused.
    #[error("could not make {path} for this run: {source}; name another place with --out DIR")]
    Io {
        /// The directory.
        path: PathBuf,
        /// What was found.
        source: io::Error,
    },
}

impl RunDir {
    /// Makes and locks the directory: `out`, or a new one below `runs/`.
    pub(crate) fn begin(
        out: Option<&Path>,
        scenario: &str,
        fingerprint: &str,
        now: SystemTime,
    ) -> Result<Self, RunDirError> {
        let id = run_id(fingerprint, now);
        match out {
            Some(out) => {
                make(out)?;
                let lock = lock(out)?;
                if fs::read_dir(out).map_err(|source| failed(out, source))?.next().is_some() {
                    return Err(RunDirError::NotEmpty(out.to_path_buf()));
                }
                Ok(Self { path: absolute(out)?, id, _locks: vec![lock] })
            }
            None => {
                let runs = Path::new(RUNS);
                make(runs)?;
                let above = lock(runs)?;
                let of_scenario = runs.join(scenario);
                make(&of_scenario)?;
                let path = free(&of_scenario, &id)?;
                let locks = vec![above, lock(&path)?];
                Ok(Self { path: absolute(&path)?, id, _locks: locks })
            }
        }
    }
}

impl RunDir {
    /// Locks the directory of a run that is gone on with, and where its runs lie, as its beginning did.
    pub(crate) fn again(run: &Path, id: &str) -> Result<Self, RunDirError> {
        let path = absolute(run)?;
        let runs =
            path.parent().and_then(Path::parent).filter(|above| above.file_name() == Some(RUNS.as_ref()));
        let locks = runs.into_iter().chain([path.as_path()]).map(lock).collect::<Result<_, _>>();
        let held = |e| if let RunDirError::Busy(place) = e { RunDirError::Held(place) } else { e };
        Ok(Self { path, id: id.to_owned(), _locks: locks.map_err(held)? })
    }
}

/// Whether a harness has this run in hand, from before its first file until its reports are written.
pub(crate) fn is_held(run: &Path) -> bool {
    let Ok(directory) = File::open(run) else { return false };
    matches!(Flock::lock(directory, FlockArg::LockSharedNonblock), Err((_, nix::errno::Errno::EWOULDBLOCK)))
}

fn run_id(fingerprint: &str, now: SystemTime) -> String {
    let time = humantime::format_rfc3339_seconds(now).to_string().replace(['-', ':'], "");
    format!("{}-{}", time.trim_end_matches('Z'), &fingerprint[..fingerprint.len().min(6)])
}

/// A new directory of that name, or with a number behind it where two runs began in the same second.
fn free(parent: &Path, id: &str) -> Result<PathBuf, RunDirError> {
    for number in 1..1000 {
        let path = parent.join(if number == 1 { id.to_owned() } else { format!("{id}-{number}") });
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(failed(&path, source)),
        }
    }
    Err(RunDirError::NotEmpty(parent.join(id)))
}

fn make(path: &Path) -> Result<(), RunDirError> {
    fs::create_dir_all(path).map_err(|source| failed(path, source))
}

/// The lock lives on the directory itself, so nothing has to be removed later; std opens it close-on-exec, so
/// that no agent keeps it.
fn lock(path: &Path) -> Result<Flock<File>, RunDirError> {
    let directory = File::open(path).map_err(|source| failed(path, source))?;
    Flock::lock(directory, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
        nix::errno::Errno::EWOULDBLOCK => RunDirError::Busy(path.to_path_buf()),
        other => failed(path, other.into()),
    })
}

fn absolute(path: &Path) -> Result<PathBuf, RunDirError> {
    fs::canonicalize(path).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> RunDirError {
    RunDirError::Io { path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_something_in_it_is_refused() {
        let out = tempfile::tempdir().unwrap();
        fs::write(out.path().join("precious"), "").unwrap();
        let error = RunDir::begin(Some(out.path()), "s", "abcdef012", SystemTime::UNIX_EPOCH).unwrap_err();
        assert!(matches!(error, RunDirError::NotEmpty(_)), "{error}");
    }

    #[test]
    fn a_second_run_in_the_same_place_is_refused_until_the_first_has_ended() {
        let out = tempfile::tempdir().unwrap();
        let begin = || RunDir::begin(Some(out.path()), "s", "abcdef012", SystemTime::UNIX_EPOCH);
        let first = begin().unwrap();
        assert_eq!(first.id, "19700101T000000-abcdef");
        assert!(matches!(begin().unwrap_err(), RunDirError::Busy(_)));
        drop(first);
        begin().unwrap();
    }
}
