//! Descriptors of processes: a signal sent through one reaches that process or nobody.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use crate::process::Identity;

/// One process, whatever becomes of its id.
#[derive(Debug)]
pub(crate) struct PidFd(OwnedFd);

impl PidFd {
    /// Opens the process that has this id now; `None` if there is none.
    pub(crate) fn open(pid: u32) -> io::Result<Option<Self>> {
        match raw_open(pid) {
            Ok(fd) => Ok(Some(Self(fd))),
            Err(e) if e.raw_os_error() == Some(libc::ESRCH) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Opens exactly this process; `None` if it is gone or a zombie.
    pub(crate) fn of(process: Identity) -> io::Result<Option<Self>> {
        let Some(fd) = Self::open(process.pid)? else { return Ok(None) };
        // Read after opening: what has this start time now is what was opened, for an id in use cannot
        // be given to another.
        Ok(process.is_alive()?.then_some(fd))
    }

    /// Another descriptor of the same process.
    pub(crate) fn share(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Sends a signal; `false` if the process has ended and was reaped.
    pub(crate) fn send(&self, signal: Signal) -> io::Result<bool> {
        match raw_send(self.as_fd(), signal) {
            Ok(()) => Ok(true),
            Err(e) if e.raw_os_error() == Some(libc::ESRCH) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// How the process ended, in the form of `wait(2)`, from whoever was its parent. `None` while it has not
    /// been reaped, and always where the kernel cannot tell (older than 6.15).
    pub(crate) fn wait_status(&self) -> Option<i32> {
        raw_exit_info(self.as_fd())
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits until one of the processes has ended or the deadline has passed; says for each whether it has ended.
pub(crate) fn wait_any(processes: &[&PidFd], deadline: Instant) -> io::Result<Vec<bool>> {
    let mut polled: Vec<PollFd<'_>> =
        processes.iter().map(|p| PollFd::new(p.as_fd(), PollFlags::POLLIN)).collect();
    match poll(&mut polled, timeout_until(deadline)) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(e) => return Err(e.into()),
    }
    Ok(polled.iter().map(|p| p.any().unwrap_or(false)).collect())
}

/// Waits until the process has ended; `false` if it has not by the deadline.
pub(crate) fn wait_one(process: &PidFd, deadline: Instant) -> io::Result<bool> {
    loop {
        if wait_any(&[process], deadline)? == [true] {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
    }
}

/// Rounded up, so that the deadline has passed when `poll` returns empty-handed.
fn timeout_until(deadline: Instant) -> PollTimeout {
    let left = deadline.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
    PollTimeout::try_from(left.as_millis()).unwrap_or(PollTimeout::MAX)
}

#[expect(unsafe_code, reason = "neither std nor nix wraps pidfd_open")]
fn raw_open(pid: u32) -> io::Result<OwnedFd> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    // SAFETY: takes two integers, touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    match i32::try_from(fd) {
        // SAFETY: the kernel has just given us this descriptor; nobody else owns it. It is close-on-exec.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

#[expect(unsafe_code, reason = "neither std nor nix wraps pidfd_send_signal")]
fn raw_send(process: BorrowedFd<'_>, signal: Signal) -> io::Result<()> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null `siginfo` is allowed and means "as kill(2) would"; the descriptor is open.
    let sent = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal as libc::c_int, no_info, 0)
    };
    if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[expect(unsafe_code, reason = "neither std nor nix wraps the ioctl PIDFD_GET_INFO")]
fn raw_exit_info(process: BorrowedFd<'_>) -> Option<i32> {
    // SAFETY: the struct is made of integers, for which all zeroes is a value.
    let mut info: libc::pidfd_info = unsafe { std::mem::zeroed() };
    info.mask = u64::from(libc::PIDFD_INFO_EXIT);
    // SAFETY: the request carries the size of the struct, the kernel writes no more than that, and the
    // pointer is to a struct that outlives the call.
    let got = unsafe { libc::ioctl(process.as_raw_fd(), libc::PIDFD_GET_INFO, &raw mut info) };
    (got == 0 && info.mask & u64::from(libc::PIDFD_INFO_EXIT) != 0).then_some(info.exit_code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command};

    fn sleeper() -> (Child, Identity) {
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Identity::of(child.id()).unwrap().unwrap();
        (child, process)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn a_signal_reaches_the_process_and_its_end_is_seen() {
        let (mut child, process) = sleeper();
        let fd = PidFd::of(process).unwrap().unwrap();
        assert!(!wait_one(&fd, Instant::now()).unwrap());
        assert!(fd.send(Signal::SIGKILL).unwrap());
        assert!(wait_one(&fd, soon()).unwrap());
        assert_eq!(fd.wait_status(), None, "not reaped yet");
        child.wait().unwrap();
        // Where the kernel can tell it, it must be this; older kernels never tell.
        assert!(matches!(fd.wait_status(), Some(9) | None));
        assert!(!fd.send(Signal::SIGKILL).unwrap(), "there is nobody any more");
    }

    #[test]
    fn a_zombie_and_a_namesake_are_not_opened() {
        let (mut child, process) = sleeper();
        let namesake = Identity { starttime: process.starttime + 1, ..process };
        assert!(PidFd::of(namesake).unwrap().is_none());
        let fd = PidFd::of(process).unwrap().unwrap();
        child.kill().unwrap();
        assert!(wait_one(&fd, soon()).unwrap());
        assert!(PidFd::of(process).unwrap().is_none());
        child.wait().unwrap();
        assert!(PidFd::open(process.pid).unwrap().is_none());
    }
}
