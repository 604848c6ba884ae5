//! Faults of the bus directory: nothing but a mount of the run's own is ever filled, changed or intercepted.

pub(super) mod full;
pub(super) mod intercepted;
pub(super) mod read_only;

use std::path::{Path, PathBuf};

use scenarios::plan::BusDirectory;

use super::Setting;
use crate::ChaosError;
use crate::enclosure::bus;
use crate::process::Identity;
use crate::undo::enclosure::OURS;

/// The bus directory of a run that has one of its own.
#[derive(Debug, Clone)]
struct Bus {
    guardian: Identity,
    plan: BusDirectory,
    /// As this process reaches it.
    outside: PathBuf,
    /// As the target has it.
    inside: PathBuf,
}

impl Bus {
    fn of(setting: &Setting) -> Result<Self, ChaosError> {
        let site = &setting.site;
        let Some(plan) = site.enclosure.bus.clone().filter(bus::is_mount) else {
            let found = "the run has no bus directory with a size of its own, and no other is touched; give it \
                         one (bus_dir, or bus: files)";
            return Err(unable(setting, found));
        };
        let run = std::fs::canonicalize(&site.run).map_err(|e| ChaosError::file("find", &site.run, e))?;
        let guardian = site.scope.guardian();
        let outside = bus::from_outside(&site.enclosure, guardian, &run).unwrap_or_default();
        Ok(Self { guardian, plan, outside, inside: bus::mount_point(&run) })
    }

    /// A name of ours in it. The target never sees names that begin so as its own.
    fn ours(&self, what: &str, fault: &str) -> PathBuf {
        let tame = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        self.outside.join(format!("{OURS}{what}-{}", fault.chars().map(tame).collect::<String>()))
    }
}

fn unable(setting: &Setting, found: &str) -> ChaosError {
    ChaosError::Unable { kind: setting.fault.kind.name(), found: found.to_owned() }
}

/// How a call ended, in a word.
fn word<T>(result: &std::io::Result<T>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(e) => e
            .raw_os_error()
            .map_or_else(|| e.to_string(), |errno| format!("{:?}", nix::errno::Errno::from_raw(errno))),
    }
}

/// Free bytes and inodes.
fn room(path: &Path) -> Result<(u64, u64), ChaosError> {
    let failed = |e: nix::Error| ChaosError::file("ask for the room in", path, e.into());
    let stat = nix::sys::statvfs::statvfs(path).map_err(failed)?;
    Ok((stat.blocks_available() * stat.fragment_size(), stat.files_free()))
}
