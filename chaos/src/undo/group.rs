//! Removing a control group of ours after its processes have gone back to where they came from.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cgroup::{Home, is_removed, move_to};

/// How long it may take until a group is empty and removed: a process that is just ending counts for a moment.
const REMOVED_WITHIN: Duration = Duration::from_secs(2);

/// What lets every process in a group go on; those of other controllers and versions are not there.
const RELEASES: [(&str, &str); 6] = [
    ("cgroup.freeze", "0"),
    ("freezer.state", "THAWED"),
    ("memory.memsw.limit_in_bytes", "-1"),
    ("memory.limit_in_bytes", "-1"),
    ("memory.oom_control", "0"),
    ("memory.max", "max"),
];

/// Lets go on what is in the group, puts each process back into its home (those that came to be meanwhile into
/// the first home, or above), and removes it.
pub(crate) fn remove(path: &Path, homes: &[Home]) -> Result<(), String> {
    let deadline = Instant::now() + REMOVED_WITHIN;
    let mut pause = Duration::from_micros(100);
    loop {
        if is_removed(path) {
            return Ok(());
        }
        let tried = release(path).and_then(|()| empty(path, homes)).and_then(|()| std::fs::remove_dir(path));
        match tried {
            Ok(()) => return Ok(()),
            Err(_) if is_removed(path) => return Ok(()),
            Err(e) if Instant::now() >= deadline => {
                return Err(format!("could not remove the control group {}: {e}", path.display()));
            }
            Err(_) => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
        }
    }
}

fn release(path: &Path) -> io::Result<()> {
    for (file, value) in RELEASES {
        let file = path.join(file);
        if file.exists() {
            std::fs::write(file, value)?;
        }
    }
    Ok(())
}

fn empty(path: &Path, homes: &[Home]) -> io::Result<()> {
    let above = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let first = homes.first().map_or(above.clone(), |home| home.group.clone());
    let members = std::fs::read_to_string(path.join("cgroup.procs"))?;
    for pid in members.lines().filter_map(|line| line.parse().ok()) {
        let home = home_of(pid, homes).unwrap_or(&first);
        // A home that was removed meanwhile is replaced by the group above.
        if let Err(e) = move_to(home, pid) {
            if home.exists() {
                return Err(e);
            }
            move_to(&above, pid)?;
        }
    }
    Ok(())
}

fn home_of(pid: u32, homes: &[Home]) -> Option<&PathBuf> {
    homes.iter().find(|home| home.processes.iter().any(|p| p.pid == pid)).map(|home| &home.group)
}
