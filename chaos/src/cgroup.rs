//! Control groups of our own, below the group that this process is in: of version 1 where the host has the
//! controller there, else of version 2.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::process::{Identity, is_gone};
use crate::undo::Undo;

/// What a group is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Controller {
    Freezer,
    Memory,
    Pids,
    Cpu,
}

impl Controller {
    fn name(self) -> &'static str {
        match self {
            Self::Freezer => "freezer",
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Cpu => "cpu",
        }
    }
}

/// The two interfaces of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

/// A mounted hierarchy of groups.
#[derive(Debug, Clone)]
struct Hierarchy {
    version: Version,
    controllers: Vec<String>,
    mount: PathBuf,
    /// What of the hierarchy is mounted there.
    root: PathBuf,
}

/// Where groups of our own can be made.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) version: Version,
    hierarchy: Hierarchy,
    parent: PathBuf,
}

impl Place {
    /// Where a group with this controller can be made. The error says why nowhere.
    pub(crate) fn of(controller: Controller) -> Result<Self, String> {
        let mut tried = Self::all(controller)?.into_iter();
        let mut why = format!("this host has no control groups with the controller `{}`", controller.name());
        tried.find_map(|place| place.map_err(|found| why = found).ok()).ok_or(why)
    }

    /// Each place where the host has the controller, and why it is none for us.
    pub(crate) fn all(controller: Controller) -> Result<Vec<Result<Self, String>>, String> {
        let all =
            hierarchies().map_err(|e| format!("could not read the control groups of this host: {e}"))?;
        Ok(all.iter().filter_map(|hierarchy| hierarchy.place(controller).transpose()).collect())
    }

    /// The group that a process is in; `None` if it is gone.
    pub(crate) fn home(&self, process: Identity) -> io::Result<Option<PathBuf>> {
        let home = self.hierarchy.directory_of(&format!("/proc/{}/cgroup", process.pid));
        match home {
            Err(e) if is_gone(&e) => Ok(None),
            found => Ok(found?.filter(|_| process.is_alive().unwrap_or(false))),
        }
    }
}

impl Hierarchy {
    fn parse(line: &str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let fields: Vec<&str> = before.split(' ').collect();
        let (root, mount) = (PathBuf::from(fields.get(3)?), PathBuf::from(fields.get(4)?));
        let mut after = after.split(' ');
        let version = match after.next()? {
            "cgroup" => Version::V1,
            "cgroup2" => Version::V2,
            _ => return None,
        };
        let controllers = after.nth(1)?.split(',').map(str::to_owned).collect();
        Some(Self { version, controllers, mount, root })
    }

    /// Where a group with this controller can be made; `None` if the hierarchy does not have it.
    fn place(&self, controller: Controller) -> Result<Option<Place>, String> {
        if self.version == Version::V1 && !self.controllers.iter().any(|c| c == controller.name()) {
            return Ok(None);
        }
        let own = self.directory_of("/proc/self/cgroup").map_err(|e| e.to_string())?;
        let Some(own) = own else { return Ok(None) };
        let enables = |group: &Path| {
            std::fs::read_to_string(group.join("cgroup.subtree_control"))
                .is_ok_and(|on| on.split_whitespace().any(|c| c == controller.name()))
        };
        // In version 2 a group with processes has no controllers for its children, so ours goes beside it.
        let beside = own.parent().filter(|parent| parent.starts_with(&self.mount)).map(Path::to_path_buf);
        let parent = match (self.version, controller) {
            (Version::V1, _) | (Version::V2, Controller::Freezer) => own,
            (Version::V2, _) if enables(&own) => own,
            (Version::V2, _) => match beside.filter(|parent| enables(parent)) {
                Some(parent) => parent,
                None => return Ok(None),
            },
        };
        if !is_writable(&parent) {
            return Err(format!(
                "{} is not writable for this user; run as root or have it delegated",
                parent.display()
            ));
        }
        Ok(Some(Place { version: self.version, hierarchy: self.clone(), parent }))
    }

    /// The directory of the group that a file of `/proc` names; `None` if it is not below what is mounted.
    fn directory_of(&self, file: &str) -> io::Result<Option<PathBuf>> {
        let text = std::fs::read_to_string(file)?;
        let path = text.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            let same = match self.version {
                Version::V2 => controllers.is_empty(),
                Version::V1 => controllers.split(',').any(|c| self.controllers.iter().any(|own| own == c)),
            };
            same.then_some(path)
        });
        let inside = path.and_then(|path| Path::new(path).strip_prefix(&self.root).ok());
        // Joining nothing would end the path with a slash.
        Ok(inside.map(|inside| match inside.as_os_str().is_empty() {
            true => self.mount.clone(),
            false => self.mount.join(inside),
        }))
    }
}

fn is_writable(directory: &Path) -> bool {
    nix::unistd::access(directory, nix::unistd::AccessFlags::W_OK).is_ok()
        && nix::unistd::access(&directory.join("cgroup.procs"), nix::unistd::AccessFlags::W_OK).is_ok()
}

/// Those of version 2 first: a frozen process there can still be killed.
fn hierarchies() -> io::Result<Vec<Hierarchy>> {
    let text = std::fs::read_to_string("/proc/self/mountinfo")?;
    let mut all: Vec<Hierarchy> = text.lines().filter_map(Hierarchy::parse).collect();
    all.sort_by_key(|h| h.version == Version::V1);
    Ok(all)
}

/// Processes and the group that they came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// The directory of the group.
    pub group: PathBuf,
    /// The processes.
    pub processes: Vec<Identity>,
}

/// A group of our own for a fault.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) place: Place,
    pub(crate) path: PathBuf,
    homes: Vec<Home>,
}

impl Group {
    /// One for these processes, of which those that are gone are left out. Nothing is made yet.
    pub(crate) fn plan(
        place: &Place,
        name: &str,
        processes: impl IntoIterator<Item = Identity>,
    ) -> io::Result<Self> {
        let mut homes: Vec<Home> = Vec::new();
        for process in processes {
            let Some(group) = place.home(process)? else { continue };
            match homes.iter_mut().find(|home| home.group == group) {
                Some(home) => home.processes.push(process),
                None => homes.push(Home { group, processes: vec![process] }),
            }
        }
        Ok(Self { place: place.clone(), path: place.parent.join(name), homes })
    }

    pub(crate) fn undo(&self) -> Undo {
        Undo::Group { path: self.path.clone(), homes: self.homes.clone() }
    }

    /// How many processes it was planned for.
    pub(crate) fn processes(&self) -> usize {
        self.homes.iter().map(|home| home.processes.len()).sum()
    }

    pub(crate) fn make(&self) -> io::Result<()> {
        std::fs::create_dir(&self.path)
    }

    pub(crate) fn set(&self, file: &str, value: &str) -> io::Result<()> {
        std::fs::write(self.path.join(file), value)
            .map_err(|e| io::Error::new(e.kind(), format!("{file} = {value}: {e}")))
    }

    pub(crate) fn get(&self, file: &str) -> io::Result<String> {
        Ok(std::fs::read_to_string(self.path.join(file))?.trim_end().to_owned())
    }

    /// The number of a line `NAME NUMBER` of a file.
    pub(crate) fn count(&self, file: &str, name: &str) -> io::Result<Option<u64>> {
        Ok(number_of(&self.get(file)?, name))
    }

    /// Takes a process in; `false` if it is gone.
    pub(crate) fn take_in(&self, process: Identity) -> io::Result<bool> {
        if !process.is_alive()? {
            return Ok(false);
        }
        move_to(&self.path, process.pid)
    }

    /// Whether a process is in it.
    pub(crate) fn holds(&self, process: Identity) -> io::Result<bool> {
        Ok(self.place.home(process)?.is_some_and(|home| home == self.path))
    }

    /// Its file with this name of the version that it has.
    pub(crate) fn file(&self, v1: &'static str, v2: &'static str) -> &'static str {
        match self.place.version {
            Version::V1 => v1,
            Version::V2 => v2,
        }
    }
}

/// The number of a line `NAME NUMBER`.
pub(crate) fn number_of(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Puts a process into a group; `false` if it is gone.
pub(crate) fn move_to(group: &Path, pid: u32) -> io::Result<bool> {
    match std::fs::write(group.join("cgroup.procs"), pid.to_string()) {
        Ok(()) => Ok(true),
        Err(e) if e.raw_os_error() == Some(libc::ESRCH) => Ok(false),
        Err(e) => Err(io::Error::new(e.kind(), format!("process {pid} into {}: {e}", group.display()))),
    }
}

/// The name of a group of a run: what it is for stands behind the guardian, so that it can be swept away.
pub(crate) fn name(guardian: Identity, fault: &str, number: usize) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let fault: String = fault.chars().map(plain).take(100).collect();
    format!("shakedown-{}-{}-{fault}-{number}", guardian.pid, guardian.starttime)
}

/// Removes the groups of runs whose guardians are dead, wherever this process could have made them, and says
/// which. The processes in them go to the group above.
pub(crate) fn sweep() -> io::Result<Vec<PathBuf>> {
    let controllers = [Controller::Freezer, Controller::Memory, Controller::Pids, Controller::Cpu];
    let mut removed = Vec::new();
    for hierarchy in hierarchies()? {
        for place in controllers.iter().filter_map(|c| hierarchy.place(*c).ok().flatten()) {
            for path in left_in(&place.parent)? {
                crate::undo::group::remove(&path, &[]).map_err(io::Error::other)?;
                removed.push(path);
            }
        }
    }
    Ok(removed)
}

fn left_in(parent: &Path) -> io::Result<Vec<PathBuf>> {
    let mut left = Vec::new();
    for entry in std::fs::read_dir(parent)? {
        let entry = entry?;
        let guardian = entry.file_name().to_str().and_then(guardian_of);
        if let Some(guardian) = guardian
            && !guardian.is_alive()?
        {
            left.push(entry.path());
        }
    }
    Ok(left)
}

fn guardian_of(name: &str) -> Option<Identity> {
    let mut parts = name.strip_prefix("shakedown-")?.split('-');
    let (pid, starttime) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().map(|_| Identity { pid, starttime })
}

/// Whether a directory is not there any more.
pub(crate) fn is_removed(path: &Path) -> bool {
    matches!(std::fs::symlink_metadata(path), Err(e) if e.kind() == ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hierarchy_is_read_from_its_mount() {
        let v1 = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory";
        let found = Hierarchy::parse(v1).unwrap();
        assert_eq!((found.version, found.mount.as_path()), (Version::V1, Path::new("/sys/fs/cgroup/memory")));
        assert!(found.controllers.iter().any(|c| c == "memory"));
        let v2 = "41 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate";
        assert_eq!(Hierarchy::parse(v2).unwrap().version, Version::V2);
        assert!(Hierarchy::parse("31 23 0:28 / /sys rw - tmpfs tmpfs rw").is_none());
    }

    #[test]
    fn a_group_is_known_by_the_guardian_in_its_name() {
        let guardian = Identity { pid: 17, starttime: 4711 };
        assert_eq!(name(guardian, "a/b-1", 3), "shakedown-17-4711-a_b_1-3");
        assert_eq!(guardian_of(&name(guardian, "a/b-1", 3)), Some(guardian));
        for other in ["shakedown-17-4711", "shakedown-x-1-f-0", "user.slice"] {
            assert_eq!(guardian_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_count_is_found_by_its_whole_name() {
        assert_eq!(number_of("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "oom_kill"), Some(3));
        assert_eq!(number_of("max 7", "max"), Some(7));
        assert_eq!(number_of("low 0\n", "max"), None);
    }

    #[test]
    fn only_the_groups_of_dead_guardians_are_swept_away_and_their_processes_stay() {
        let Ok(place) = Place::of(Controller::Freezer) else { return };
        let mut short = std::process::Command::new("true").spawn().unwrap();
        let dead = Identity::of(short.id()).unwrap().unwrap();
        short.wait().unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Identity::of(child.id()).unwrap().unwrap();
        let group = |guardian, processes: &[Identity]| {
            let group = Group::plan(&place, &name(guardian, "swept", 0), processes.to_vec()).unwrap();
            group.make().unwrap();
            group
        };
        let (left, ours) = (group(dead, &[process]), group(Identity::own().unwrap(), &[]));
        assert!(left.take_in(process).unwrap());
        assert!(sweep().unwrap().contains(&left.path));
        assert!(!left.path.exists() && ours.path.exists());
        assert_eq!(place.home(process).unwrap().as_deref(), left.path.parent());
        std::fs::remove_dir(&ours.path).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
