//! Limits of other processes. Only the soft one is ever changed: without privilege a hard limit that was lowered
//! could never be raised again.

use std::io;

use serde::{Deserialize, Serialize};

use crate::process::Identity;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// The number that a new descriptor may have, exclusive.
    Descriptors,
    /// The data segment, in bytes.
    Data,
    /// The size of a file that is written, in bytes.
    FileSize,
}

impl Resource {
    /// Its line in `/proc/PID/limits`.
    pub(crate) fn line(self) -> &'static str {
        match self {
            Self::Descriptors => "Max open files",
            Self::Data => "Max data size",
            Self::FileSize => "Max file size",
        }
    }

    fn raw(self) -> libc::__rlimit_resource_t {
        match self {
            Self::Descriptors => libc::RLIMIT_NOFILE,
            Self::Data => libc::RLIMIT_DATA,
            Self::FileSize => libc::RLIMIT_FSIZE,
        }
    }
}

/// Sets the soft limit of a process; `false` if it is gone.
pub(crate) fn set_soft(process: Identity, resource: Resource, soft: u64) -> io::Result<bool> {
    if !process.is_alive()? {
        return Ok(false);
    }
    match prlimit(process.pid, resource, None) {
        Ok(now) => {
            let wanted = libc::rlimit64 { rlim_cur: soft.min(now.rlim_max), rlim_max: now.rlim_max };
            prlimit(process.pid, resource, Some(wanted)).map(|_| true)
        }
        Err(e) if e.raw_os_error() == Some(libc::ESRCH) => Ok(false),
        Err(e) => Err(e),
    }
}

/// The soft limit of a process, `u64::MAX` where there is none; `None` if it is gone.
pub(crate) fn soft(process: Identity, resource: Resource) -> io::Result<Option<u64>> {
    match prlimit(process.pid, resource, None) {
        Ok(now) => Ok(process.is_alive()?.then_some(now.rlim_cur)),
        Err(e) if e.raw_os_error() == Some(libc::ESRCH) => Ok(None),
        Err(e) => Err(e),
    }
}

#[expect(unsafe_code, reason = "nix has the limits of the calling process only")]
fn prlimit(pid: u32, resource: Resource, new: Option<libc::rlimit64>) -> io::Result<libc::rlimit64> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    let mut old = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    let new = new.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: both pointers are null or to structs that outlive the call.
    let done = unsafe { libc::prlimit64(pid, resource.raw(), new, &raw mut old) };
    if done == 0 { Ok(old) } else { Err(io::Error::last_os_error()) }
}

/// What `/proc/PID/limits` says of the soft limit, in its own words.
pub(crate) fn soft_as_told(process: Identity, resource: Resource) -> io::Result<Option<String>> {
    let text = match std::fs::read_to_string(format!("/proc/{}/limits", process.pid)) {
        Ok(text) => text,
        Err(e) if crate::process::is_gone(&e) => return Ok(None),
        Err(e) => return Err(e),
    };
    let told = text.lines().find_map(|line| line.strip_prefix(resource.line())?.split_whitespace().next());
    Ok(told.filter(|_| process.is_alive().unwrap_or(false)).map(str::to_owned))
}

/// The number as `/proc/PID/limits` words it.
pub(crate) fn words(soft: u64) -> String {
    if soft == u64::MAX { "unlimited".to_owned() } else { soft.to_string() }
}
