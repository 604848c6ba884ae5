//! One descriptor kept back, for what must work although there is no other left.

use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

const NONE: RawFd = -1;

static RESERVE: AtomicI32 = AtomicI32::new(NONE);

/// Opens the reserve of this process, unless it has one. Early is best: a limit is one of numbers, and low ones
/// are freed first.
pub(crate) fn keep_reserve() {
    if RESERVE.load(Ordering::Relaxed) == NONE
        && let Ok(fd) = open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
    {
        RESERVE.store(fd.into_raw_fd(), Ordering::Relaxed);
    }
}

/// Does something that opens a descriptor for a moment; once more with the reserve if there was no other.
pub(crate) fn with_reserve<T>(mut attempt: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    let result = attempt();
    if !matches!(result, Err(Errno::EMFILE | Errno::ENFILE)) {
        return result;
    }
    let fd = RESERVE.swap(NONE, Ordering::Relaxed);
    if fd == NONE {
        return result;
    }
    #[expect(unsafe_code, reason = "a descriptor that only this place owns")]
    // SAFETY: it came from `open`, nobody else has it, and the swap gave it away once.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
    let result = attempt();
    keep_reserve();
    result
}
