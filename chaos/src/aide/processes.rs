//! Starting processes until the kernel refuses.

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, fork, getpid, getppid};

use super::role::{Leave, say};

/// Starts processes that do nothing until the kernel refuses another one, at most so many; the word is that
/// number. They end with this one. `None` if it is none.
pub(super) fn start(words: &[&str], leave: &Leave) -> Option<()> {
    let most: u32 = words.first()?.parse().ok()?;
    let mut started = 0;
    let mut refused = None;
    while started < most && !leave.is_due() {
        match one() {
            Ok(()) => started += 1,
            Err(e) => {
                refused = Some(e);
                break;
            }
        }
    }
    say(&refused.map_or_else(|| format!("started {started}"), |e| format!("started {started} then {e:?}")));
    Some(())
}

#[expect(unsafe_code, reason = "processes without a program of their own are the cheapest there are")]
fn one() -> Result<(), Errno> {
    let parent = getpid();
    // SAFETY: this process has one thread, and its copy makes nothing but system calls.
    match unsafe { fork() }? {
        ForkResult::Parent { .. } => Ok(()),
        ForkResult::Child => {
            let bound = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).is_ok();
            // Asked after the signal was ordered: a parent that died before would never send it.
            while bound && getppid() == parent {
                nix::unistd::pause();
            }
            // SAFETY: ends the process at once; nothing of the parent may be run at its exit.
            unsafe { libc::_exit(0) }
        }
    }
}
