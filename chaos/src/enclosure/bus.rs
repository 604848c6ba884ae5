//! The directory of the target's bus.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use scenarios::plan::{BusDirectory, Enclosure};

use super::name;
use crate::process::Identity;

/// Where plain directories are made: memory, on every Linux.
const MEMORY: &str = "/dev/shm";
/// The mount point within the run directory.
const MOUNT_POINT: &str = "bus";
/// What every mount of a run is made with, and must be given again when it is changed.
pub(crate) const FLAGS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// Whether a bus directory is a mount of the run's own, and not a plain directory.
pub(crate) fn is_mount(plan: &BusDirectory) -> bool {
    plan.bytes.is_some() || plan.inodes.is_some() || plan.intercepted
}

/// The plain directory of a guardian's run, whether it is there or not.
pub(crate) fn plain(guardian: Identity) -> PathBuf {
    Path::new(MEMORY).join(name(guardian))
}

/// Where a run that has a mount has it, seen from within.
pub(crate) fn mount_point(run: &Path) -> PathBuf {
    run.join(MOUNT_POINT)
}

/// The bus directory as processes outside of the run's namespaces reach it; `None` if the run has none.
/// `run` is absolute.
pub(crate) fn from_outside(plan: &Enclosure, guardian: Identity, run: &Path) -> Option<PathBuf> {
    let bus = plan.bus.as_ref()?;
    if !is_mount(bus) {
        return Some(plain(guardian));
    }
    let within = mount_point(run);
    let below_root = within.strip_prefix("/").unwrap_or(&within);
    Some(PathBuf::from(format!("/proc/{}/root", guardian.pid)).join(below_root))
}

/// Makes the plain directory.
pub(crate) fn make_plain(guardian: Identity) -> Result<PathBuf, String> {
    let path = plain(guardian);
    private_directory(&path)
        .map_err(|e| format!("could not create the bus directory {}: {e}", path.display()))?;
    Ok(path)
}

/// Mounts a memory file system in the run directory. The calling process has a mount namespace of its own.
pub(crate) fn make_mount(plan: &BusDirectory, run: &Path) -> Result<PathBuf, String> {
    let path = mount_point(run);
    let failed = |what: &str, e: &dyn std::fmt::Display| format!("could not {what} {}: {e}", path.display());
    match private_directory(&path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            return Err(failed("create the mount point", &e));
        }
        _ => {}
    }
    let mut options = String::from("mode=0700");
    for (option, value) in [("size", plan.bytes), ("nr_inodes", plan.inodes)] {
        if let Some(value) = value {
            options.push_str(&format!(",{option}={value}"));
        }
    }
    mount(Some("shakedown"), &path, Some("tmpfs"), FLAGS, Some(options.as_str()))
        .map_err(|e| failed("mount a memory file system at", &e))?;
    Ok(path)
}

fn private_directory(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

/// Takes what is mounted on top away; the one below, if there is one, is seen again.
pub(crate) fn uncover(path: &Path) -> nix::Result<()> {
    umount2(path, MntFlags::MNT_DETACH)
}

/// Removes what is left of a run's bus directory. Nothing of the run may live.
pub(crate) fn remove(guardian: Identity, run: &Path) -> io::Result<()> {
    let gone = |result: io::Result<()>| match result {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    // The mount point is an empty directory wherever the mount itself is not seen; if it is not, it is not ours.
    let _ = std::fs::remove_dir(mount_point(run));
    gone(std::fs::remove_dir_all(plain(guardian)))
}

/// Removes the plain directories of guardians that are dead, of this user only, and says which.
pub(crate) fn sweep() -> io::Result<Vec<PathBuf>> {
    let own = nix::unistd::Uid::effective().as_raw();
    let mut removed = Vec::new();
    for entry in std::fs::read_dir(MEMORY)?.flatten() {
        let Some(guardian) = entry.file_name().to_str().and_then(super::guardian_of) else { continue };
        let ours = entry.metadata().is_ok_and(|m| m.is_dir() && m.uid() == own);
        if ours && !guardian.is_alive()? {
            std::fs::remove_dir_all(entry.path())?;
            removed.push(entry.path());
        }
    }
    Ok(removed)
}
