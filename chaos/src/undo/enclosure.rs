//! Undoing what was done to what the run made for its target. With the guardian, or the process in between,
//! that is gone as well: whoever finds this ends the run's processes, and mounts and rules end with them.

use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use super::Between;
use crate::enclosure::control::{Control, Request};
use crate::enclosure::{bus, files, files_control, namespace, network_control, shuttle};
use crate::process::Identity;

/// How long it is waited for a moment in which no file is open for writing.
const CLOSED_WITHIN: Duration = Duration::from_millis(200);

/// How the name of everything begins that a fault makes in a bus directory.
pub(crate) const OURS: &str = ".shakedown-";

fn is_gone(guardian: Identity) -> Result<bool, String> {
    guardian.is_alive().map(|alive| !alive).map_err(|e| format!("could not look at the guardian: {e}"))
}

/// Removes a file or directory that a fault has made in the bus directory. `path` is seen from outside. Where there
/// are rules for files, it is done behind them.
pub(super) fn remove(guardian: Identity, path: &Path) -> Result<(), String> {
    let root = format!("/proc/{}/root/", guardian.pid);
    if is_gone(guardian)? {
        return Ok(());
    }
    let name = path.file_name().filter(|name| name.as_encoded_bytes().starts_with(OURS.as_bytes()));
    let Some(name) =
        name.filter(|_| path.starts_with(&root) && !path.components().any(|c| c.as_os_str() == ".."))
    else {
        return Err(format!("{} is not in the run's bus directory", path.display()));
    };
    let removed = match files::behind(guardian) {
        Ok(Some(directory)) => remove_all(&files::path_of(&directory).join(name)),
        _ => remove_all(path),
    };
    match removed {
        Err(e) if !is_gone(guardian)? => Err(format!("could not remove {}: {e}", path.display())),
        _ => Ok(()),
    }
}

/// A file is emptied first: whoever holds it open would keep what it takes.
pub(crate) fn remove_all(path: &Path) -> io::Result<()> {
    let removed = match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => {
            // Whatever stands there by now: a link is not followed, and nobody is waited for at a pipe.
            let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
            let _ = std::fs::File::options().write(true).truncate(true).custom_flags(flags).open(path);
            std::fs::remove_file(path)
        }
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// How the kernel keeps a directory from being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadOnly {
    /// The file system is read-only.
    FileSystem,
    /// Only who reaches it by its path finds it so, through a mount over it: a file in it is open for writing all
    /// the time, and the kernel makes no file system read-only then.
    Path,
}

/// How the mount on top of `path`, seen from within, is kept from being written; `None` if it is not.
pub(crate) fn read_only(guardian: Identity, path: &Path) -> io::Result<Option<ReadOnly>> {
    let mounts = std::fs::read_to_string(format!("/proc/{}/mountinfo", guardian.pid))?;
    let wanted = path.to_string_lossy().replace(' ', "\\040");
    let top = mounts.lines().rfind(|line| line.split(' ').nth(4) == Some(&*wanted));
    Ok(top.and_then(state))
}

/// Of a line of `mountinfo`: the options of the file system come last, those of the mount in the sixth place.
fn state(line: &str) -> Option<ReadOnly> {
    let ro = |options: Option<&str>| options.is_some_and(|o| o.split(',').any(|option| option == "ro"));
    if ro(line.rsplit(' ').next()) {
        Some(ReadOnly::FileSystem)
    } else {
        ro(line.split(' ').nth(5)).then_some(ReadOnly::Path)
    }
}

/// Keeps the mount at `path`, seen from within, from being written.
pub(crate) fn forbid_writing(guardian: Identity, path: &Path) -> io::Result<()> {
    let deadline = Instant::now() + CLOSED_WITHIN;
    loop {
        match remount(guardian, path, true) {
            // On a bus of files that are written and closed the next moment may do.
            Err(e) if e.raw_os_error() == Some(Errno::EBUSY as i32) && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_micros(500));
            }
            Err(e) if e.raw_os_error() == Some(Errno::EBUSY as i32) => break,
            done => return done,
        }
    }
    namespace::inside(guardian.pid, || {
        mount(Some(path), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | bus::FLAGS;
        mount(None::<&str>, path, None::<&str>, flags, None::<&str>).inspect_err(|_| {
            let _ = bus::uncover(path);
        })
    })
}

fn remount(guardian: Identity, path: &Path, read_only: bool) -> io::Result<()> {
    let mut flags = MsFlags::MS_REMOUNT | bus::FLAGS;
    flags.set(MsFlags::MS_RDONLY, read_only);
    namespace::inside(guardian.pid, || mount(None::<&str>, path, None::<&str>, flags, None::<&str>))
}

pub(super) fn writable(guardian: Identity, path: &Path) -> Result<(), String> {
    let undone = || loop {
        match read_only(guardian, path)? {
            None => return Ok(()),
            Some(ReadOnly::Path) => namespace::inside(guardian.pid, || bus::uncover(path))?,
            Some(ReadOnly::FileSystem) => remount(guardian, path, false)?,
        }
    };
    match if is_gone(guardian)? { Ok(()) } else { undone() } {
        Err(e) if !is_gone(guardian)? => {
            let e: io::Error = e;
            Err(format!("could not make {} writable: {e}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Ends a rule of a process in between.
pub(super) fn clear(guardian: Identity, between: Between, rule: &str) -> Result<(), String> {
    let cleared = match between {
        Between::Files => cleared::<files::Act>(&files_control(guardian), rule),
        Between::Hosts => cleared::<shuttle::Act>(&network_control(guardian), rule),
    };
    match cleared {
        Err(e) if !is_gone(guardian)? => Err(format!("could not end rule {rule}: {e}")),
        _ => Ok(()),
    }
}

fn cleared<A: serde::Serialize + serde::de::DeserializeOwned>(name: &str, rule: &str) -> io::Result<()> {
    let Some(control) = Control::<A>::connect(name)? else { return Ok(()) };
    let left = control.ask(&Request::Clear(rule.to_owned()))?;
    if left.iter().any(|told| told.rule.id == rule && told.in_force) {
        return Err(io::Error::other("it is still in force"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_read_only_by_itself_or_by_its_file_system() {
        let line = |mount, file_system| {
            format!(
                "99 25 0:55 / /run/bus {mount},nosuid shared:7 - tmpfs shakedown {file_system},size=4096k"
            )
        };
        assert_eq!(state(&line("ro", "rw")), Some(ReadOnly::Path));
        assert_eq!(state(&line("ro", "ro")), Some(ReadOnly::FileSystem));
        assert_eq!(state(&line("rw", "rw")), None);
    }

    #[test]
    fn only_what_a_fault_has_made_is_removed() {
        let own = Identity::own().unwrap();
        for path in ["/etc/passwd", "/proc/1/root/etc/.shakedown-x", "bus/.shakedown-x"] {
            assert!(remove(own, Path::new(path)).unwrap_err().contains("is not in the run's bus directory"));
        }
        let through_root = format!("/proc/{}/root/etc/../.shakedown-x", own.pid);
        assert!(remove(own, Path::new(&through_root)).is_err());
    }
}
