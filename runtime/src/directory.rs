//! The directory of a swarm: where its bus keeps its files. A given one stays; one of its own goes with the swarm.
//!
//! Every process of the swarm holds the directory's lock, so that it is free only when none of them is left.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::geteuid;

use crate::clock::now_ns;

/// Where directories of a swarm's own are made: memory.
const MEMORY: &str = "/dev/shm";
const NAME: &str = "shakedown-bus-";
/// How long the processes of an earlier swarm may take to be gone.
const PATIENCE_NS: u64 = 10_000_000_000;

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    #[error(
        "launch: cannot {doing} {path}: {error}; give a directory that can be written to with SHAKEDOWN_BUS_DIR or --bus-dir"
    )]
    Path { doing: &'static str, path: String, error: io::Error },
    #[error("launch: another swarm uses the bus directory {path}; end it, or give another directory")]
    Busy { path: String },
}

/// The directory of a swarm.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    own: bool,
    lock: OwnedFd,
}

impl Directory {
    /// The given directory, or one of its own in memory. Waits until the processes of an earlier swarm in it are
    /// gone.
    pub(crate) fn open(given: Option<&Path>) -> Result<Self, DirectoryError> {
        let path = match given {
            Some(path) => path.to_owned(),
            None => own_path(),
        };
        let failed = |doing| {
            let path = path.display().to_string();
            move |error| DirectoryError::Path { doing, path, error }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(failed("make"))?;
        let file = lock_file(&path).map_err(failed("open the lock in"))?;
        let lock = wait_for_lock(file).map_err(|errno| match errno {
            Errno::EWOULDBLOCK => DirectoryError::Busy { path: path.display().to_string() },
            other => failed("lock")(other.into()),
        })?;
        Ok(Self { path, own: given.is_none(), lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What holds the lock as long as it is open anywhere.
    pub(crate) fn lock(&self) -> &OwnedFd {
        &self.lock
    }

    /// Removes what belongs to a swarm that has ended: all of its own directory, of a given one the mail.
    pub(crate) fn leave(&self) {
        // What cannot be removed now is removed by the next swarm.
        let _ = fs::remove_dir_all(if self.own { self.path.clone() } else { self.path.join("spool") });
    }
}

fn own_path() -> PathBuf {
    sweep(Path::new(MEMORY));
    Path::new(MEMORY).join(format!("{NAME}{}-{:x}", std::process::id(), now_ns()))
}

/// Open for reading alone: a file that is open for writing would keep its file system from being made read-only.
fn lock_file(directory: &Path) -> io::Result<File> {
    let flags = OFlag::O_CREAT | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let fd = open(&directory.join("lock"), flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    Ok(fd.into())
}

fn wait_for_lock(mut file: File) -> Result<OwnedFd, Errno> {
    let give_up_ns = now_ns() + PATIENCE_NS;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return keep(lock),
            Err((back, Errno::EWOULDBLOCK)) if now_ns() < give_up_ns => {
                file = back;
                std::thread::sleep(Duration::from_millis(2));
            }
            Err((back, Errno::EINTR)) => file = back,
            Err((_, errno)) => return Err(errno),
        }
    }
}

/// The descriptor without the wrapper that would unlock it for all processes once one of them drops it.
fn keep(lock: Flock<File>) -> Result<OwnedFd, Errno> {
    // A second descriptor of the same open file keeps its lock; the wrapper must not be dropped.
    let copy = lock.try_clone().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))?;
    std::mem::forget(lock);
    Ok(copy.into())
}

/// Removes directories of swarms of which no process is left: all of them were killed at once.
fn sweep(memory: &Path) {
    let Ok(entries) = fs::read_dir(memory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(NAME)) else { continue };
        let maker = rest.split('-').next().unwrap_or_default();
        let mine = entry.metadata().is_ok_and(|data| data.uid() == geteuid().as_raw());
        if !mine || Path::new("/proc").join(maker).exists() {
            continue;
        }
        let Ok(file) = lock_file(&entry.path()) else { continue };
        if Flock::lock(file, FlockArg::LockExclusiveNonblock).is_ok() {
            // It may be that another launch is doing the same.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_in_use_is_refused_and_an_own_one_goes_with_its_swarm() {
        let own = Directory::open(None).unwrap();
        assert!(own.path().join("lock").exists());
        let file = lock_file(own.path()).unwrap();
        assert!(Flock::lock(file, FlockArg::LockExclusiveNonblock).is_err());
        own.leave();
        assert!(!own.path().exists());
    }

    #[test]
    fn what_a_swarm_that_was_killed_left_is_swept_and_what_lives_is_not() {
        let memory = tempfile::tempdir().unwrap();
        // No process has such a number.
        let dead = memory.path().join(format!("{NAME}4999999-1"));
        let living = memory.path().join(format!("{NAME}{}-1", std::process::id()));
        for directory in [&dead, &living] {
            fs::create_dir(directory).unwrap();
            fs::write(directory.join("mail"), "x").unwrap();
        }
        sweep(memory.path());
        assert!(!dead.exists() && living.exists());
    }
}
