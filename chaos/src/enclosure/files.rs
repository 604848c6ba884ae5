//! The process through which operations in an intercepted bus directory go: a FUSE file system that passes
//! everything on to the directory below it, unless a rule lets it fail or wait.

mod passthrough;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuser::{Config, Session, SessionACL};
use nix::mount::mount;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use scenarios::plan::{FileError, FileOperation};
use serde::{Deserialize, Serialize};

use super::control::{self, Control, Sockets};
use super::rules::Rules;
use super::{bus, files_control, helper};
use crate::process::Identity;
use passthrough::Passthrough;

/// Operations that are served at the same time; one that a rule lets wait keeps one of these busy.
const THREADS: usize = 32;

/// What a rule does to an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    /// It fails.
    Error {
        error: FileError,
        operations: Vec<FileOperation>,
        /// How many out of a million.
        per_million: u32,
    },
    /// It takes longer.
    Delay { delay_ns: u64, jitter_ns: u64, operations: Vec<FileOperation> },
}

impl Act {
    fn concerns(&self, operation: FileOperation) -> bool {
        let (Self::Error { operations, .. } | Self::Delay { operations, .. }) = self;
        operations.contains(&operation)
    }
}

/// The error in the kernel's terms.
pub(crate) fn errno(error: FileError) -> i32 {
    match error {
        FileError::Eio => libc::EIO,
        FileError::Enospc => libc::ENOSPC,
        FileError::Emfile => libc::EMFILE,
        FileError::Eacces => libc::EACCES,
    }
}

/// Starts the process, which mounts itself over `bus`. The calling process has one thread and a mount
/// namespace of its own. `open_to_all`: whether processes of other users may use it, for which root is needed.
pub(crate) fn start(
    bus: &Path,
    open_to_all: bool,
    listener: OwnedFd,
    log: &Path,
) -> Result<Identity, String> {
    let below = File::open(bus).map_err(|e| format!("could not open {}: {e}", bus.display()))?;
    helper::start("shakedown-files", log, |ready| {
        // Every file that the kernel remembers holds a descriptor here.
        if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
        }
        // What the target asks for is what the files get.
        nix::sys::stat::umask(nix::sys::stat::Mode::empty());
        let rules = Arc::new(Rules::new());
        let directory = Arc::new(Below(below.try_clone().map_err(|e| e.to_string())?.into()));
        let files = Passthrough::over(below.into(), Arc::clone(&rules)).map_err(|e| e.to_string())?;
        let session = mounted(bus, open_to_all, files)?;
        let serving = std::thread::Builder::new()
            .spawn(move || control::serve(&listener, &rules, &directory))
            .map_err(|e| format!("could not start a thread: {e}"))?;
        ready.tell("");
        session.run().map_err(|e| format!("serving {} failed: {e}", bus.display()))?;
        drop(serving);
        Ok(())
    })
    .map(|(process, _)| process)
}

/// The directory below, for those who are not to be hit by rules themselves.
struct Below(OwnedFd);

impl Sockets for Below {
    fn of(&self, _host: u32) -> Vec<BorrowedFd<'_>> {
        vec![self.0.as_fd()]
    }
}

/// The directory behind the rules of a run; `None` if nothing is in between.
pub(crate) fn behind(guardian: Identity) -> io::Result<Option<OwnedFd>> {
    let Some(control) = Control::<Act>::connect(&files_control(guardian))? else { return Ok(None) };
    Ok(control.sockets(0)?.pop())
}

/// Whether the file system can be mounted. The calling process has a mount namespace of its own and ends soon.
pub(super) fn try_mount() -> Result<(), String> {
    mount_over(Path::new("/"), false).map(drop)
}

/// Mounts the file system; who reads the result serves it, and nobody when that is closed.
fn mount_over(bus: &Path, open_to_all: bool) -> Result<File, String> {
    const DEVICE: &str = "/dev/fuse";
    let device = File::options().read(true).write(true).open(DEVICE).map_err(|e| {
        format!(
            "could not open {DEVICE}: {e}; intercepting files needs it (load the module `fuse`, or allow it)"
        )
    })?;
    let others = if open_to_all { ",allow_other" } else { "" };
    let options = format!(
        "fd={},rootmode=40000,user_id={},group_id={},default_permissions{others}",
        device.as_raw_fd(),
        nix::unistd::geteuid(),
        nix::unistd::getegid(),
    );
    mount(Some("shakedown"), bus, Some("fuse"), bus::FLAGS, Some(options.as_str()))
        .map_err(|e| format!("could not mount over {}: {e}", bus.display()))?;
    Ok(device)
}

fn mounted(bus: &Path, open_to_all: bool, files: Passthrough) -> Result<Session<Passthrough>, String> {
    let device = mount_over(bus, open_to_all)?;
    let mut config = Config::default();
    config.acl = if open_to_all { SessionACL::All } else { SessionACL::Owner };
    config.n_threads = Some(THREADS);
    config.clone_fd = true;
    Session::from_fd(files, device.into(), config.acl, config)
        .map_err(|e| format!("could not talk to the kernel about {}: {e}", bus.display()))
}

/// The path of an open descriptor, for calls that take only paths.
pub(crate) fn path_of(fd: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

fn raw(e: &io::Error) -> i32 {
    e.raw_os_error().unwrap_or(libc::EIO)
}
