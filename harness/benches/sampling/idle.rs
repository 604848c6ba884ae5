//! Processes that do nothing, and the least that reading them can cost.

use std::ffi::{CStr, CString};
use std::process::{Child, Command};
use std::time::Duration;

use chaos::process::Identity;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, stat};
use nix::time::{ClockId, clock_gettime};

/// Idle processes, ended when dropped.
pub(crate) struct Idle(Vec<Child>);

impl Idle {
    pub(crate) fn start(count: usize) -> Self {
        let mut idle = Self(Vec::with_capacity(count));
        for _ in 0..count {
            idle.0.push(Command::new("sleep").arg("300").spawn().unwrap());
        }
        idle
    }

    /// The id and start time of each.
    pub(crate) fn processes(&self) -> Vec<(u32, u64)> {
        let identity = |child: &Child| Identity::of(child.id()).unwrap().unwrap();
        self.0.iter().map(identity).map(|Identity { pid, starttime }| (pid, starttime)).collect()
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}

/// The bare reads of a process: the same files opened, read and closed, with nothing done about them. The paths
/// are made beforehand.
pub(crate) struct Bare {
    files: [CString; 2],
    descriptors: CString,
    proportional: CString,
}

impl Bare {
    pub(crate) fn of(pid: u32) -> Self {
        let path = |name| CString::new(format!("/proc/{pid}/{name}")).unwrap();
        Self {
            files: [path("stat"), path("statm")],
            descriptors: path("fd"),
            proportional: path("smaps_rollup"),
        }
    }

    /// What is read at every tick.
    pub(crate) fn cheap(&self, buffer: &mut [u8]) {
        self.files.iter().for_each(|file| read(file, buffer));
        stat(self.descriptors.as_c_str()).unwrap();
    }

    /// What is read at slow ticks, in turn.
    pub(crate) fn proportional(&self, buffer: &mut [u8]) {
        read(&self.proportional, buffer);
    }
}

fn read(file: &CStr, buffer: &mut [u8]) {
    let fd = open(file, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
    nix::unistd::read(fd.unwrap(), buffer).unwrap();
}

/// CPU time that this thread takes for something, and what came of it.
pub(crate) fn cpu_of<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let used = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let before = used();
    let result = work();
    (used() - before, result)
}
