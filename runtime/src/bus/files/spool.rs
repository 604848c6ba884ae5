//! Where the files of a bus lie: a directory for each agent, the agents spread over shards by their number.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The number that stands for the gateway.
const GATEWAY: u32 = u32::MAX;
/// How many files that could not be read are kept to be looked at.
const MOST_ASIDE: u64 = 100;

/// What all agents together met in their spools: in memory that forked processes share.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Counts {
    /// Operations that the file system refused; each is tried again.
    pub errors: AtomicU64,
    /// Files that were torn or changed, and were set aside.
    pub aside: AtomicU64,
    /// Files that were announced and not there.
    pub missing: AtomicU64,
}

/// Why a directory cannot serve as a bus.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {path}: {error}; give the bus a directory that can be written to")]
pub struct SpoolError {
    doing: &'static str,
    path: String,
    error: io::Error,
}

/// The spools of all agents.
#[derive(Debug)]
pub struct Spool {
    root: PathBuf,
    shards: u32,
    counts: &'static Counts,
}

impl Spool {
    /// Makes the spools of `agents` and the gateway below `root`, empty, spread over so many shards; 0 is the flat
    /// layout: all files of all agents in one directory.
    pub fn create(root: &Path, shards: u32, agents: u32) -> Result<Self, SpoolError> {
        let failed =
            |doing, path: &Path, error| SpoolError { doing, path: path.display().to_string(), error };
        let root = root.join("spool");
        match fs::remove_dir_all(&root) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("empty", &root, error)),
        }
        let counts = shared_counts().map_err(|errno| failed("share memory for", &root, errno.into()))?;
        let spool = Self { root, shards, counts };
        let mut places = vec![spool.root.join("aside")];
        if shards > 0 {
            places.extend((0..agents).chain([GATEWAY]).map(|agent| spool.place(agent)));
        }
        for place in places {
            fs::create_dir_all(&place).map_err(|error| failed("make", &place, error))?;
        }
        Ok(spool)
    }

    /// The spools that another process has made below `root`; what is met is counted for this one alone.
    pub fn open(root: &Path, shards: u32) -> Result<Self, SpoolError> {
        let root = root.join("spool");
        let counts = shared_counts().map_err(|errno| {
            let path = root.display().to_string();
            SpoolError { doing: "share memory for", path, error: errno.into() }
        })?;
        Ok(Self { root, shards, counts })
    }

    /// What all agents met.
    #[must_use]
    pub fn counts(&self) -> &'static Counts {
        self.counts
    }

    /// The directory in which an agent's mail lies.
    fn place(&self, agent: u32) -> PathBuf {
        if self.shards == 0 {
            return self.root.clone();
        }
        self.root.join(format!("shard-{}/{}", agent % self.shards, name_of(agent)))
    }

    /// The path of a letter to an agent, without its number.
    pub(super) fn stem(&self, to: u32, connected_ns: u64, by: u32) -> String {
        let mut stem = self.prefix(to);
        // Writing to a string cannot fail.
        let _ = write!(stem, "{connected_ns:016x}-{}-", name_of(by));
        stem
    }

    /// The path under which `from` writes a letter to `to` before it is there. There is one for each pair, so that
    /// those who are killed while they write leave no more than that behind.
    pub(super) fn draft(&self, to: u32, from: u32) -> PathBuf {
        let place = self.place(to);
        if self.shards == 0 {
            place.join(format!(".{}-{}", name_of(to), name_of(from)))
        } else {
            place.join(format!(".{}", name_of(from)))
        }
    }

    fn prefix(&self, to: u32) -> String {
        let place = self.place(to).display().to_string();
        if self.shards == 0 { format!("{place}/{}-", name_of(to)) } else { format!("{place}/") }
    }

    /// The same letter as the flat layout names it.
    pub(super) fn flat_stem(&self, to: u32, connected_ns: u64, by: u32) -> String {
        format!("{}/{}-{connected_ns:016x}-{}-", self.root.display(), name_of(to), name_of(by))
    }

    /// Makes the directory of an agent again that somebody has removed.
    pub(super) fn make_place(&self, agent: u32) -> io::Result<()> {
        fs::create_dir_all(self.place(agent))
    }

    /// Removes what was sent to an agent over connections of before this moment: nobody reads it any more.
    pub fn sweep(&self, agent: u32, before_ns: u64) {
        let place = self.place(agent);
        // What cannot be listed or removed now goes with the whole spool.
        let Ok(entries) = fs::read_dir(&place) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(mut name) = name.to_str() else { continue };
            if self.shards == 0 {
                let Some(rest) = name.strip_prefix(&format!("{}-", name_of(agent))) else { continue };
                name = rest;
            }
            let connected_ns = name.get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok());
            if connected_ns.is_some_and(|connected_ns| connected_ns < before_ns) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Takes a file that is not a whole packet out of the way, to be looked at, or removes it once there are many.
    pub(super) fn set_aside(&self, path: &str) {
        let earlier = self.counts.aside.fetch_add(1, Ordering::Relaxed);
        let kept = earlier < MOST_ASIDE
            && fs::rename(path, self.root.join(format!("aside/{}-{earlier}", std::process::id()))).is_ok();
        if !kept {
            let _ = fs::remove_file(path);
        }
    }

    /// How many letters lie in each shard.
    #[must_use]
    pub fn letters(&self) -> Vec<usize> {
        let count = |place: &Path| {
            let entries = fs::read_dir(place).into_iter().flatten().flatten();
            entries
                .filter(|e| !e.file_name().as_encoded_bytes().starts_with(b".") && e.path().is_file())
                .count()
        };
        if self.shards == 0 {
            return vec![count(&self.root)];
        }
        let shard = |shard| self.root.join(format!("shard-{shard}"));
        let agents = |shard: &Path| fs::read_dir(shard).into_iter().flatten().flatten().collect::<Vec<_>>();
        (0..self.shards)
            .map(|number| agents(&shard(number)).iter().map(|agent| count(&agent.path())).sum())
            .collect()
    }
}

/// An agent's name in paths.
fn name_of(agent: u32) -> String {
    if agent == GATEWAY { "gateway".into() } else { agent.to_string() }
}

fn shared_counts() -> nix::Result<&'static Counts> {
    let base = crate::table::map_shared(size_of::<Counts>())?;
    #[expect(unsafe_code, reason = "a typed view of a mapping")]
    // SAFETY: the mapping is zeroed, never unmapped, page-aligned and large enough; all fields are atomics, for
    // which any bits are valid and which may be shared.
    Ok(unsafe { &*base.as_ptr().cast::<Counts>() })
}
