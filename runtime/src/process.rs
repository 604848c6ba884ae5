//! Processes: forking them, tying their lives together, waking them, and looking at how they do.

mod reserve;
mod vitals;

use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{ForkResult, Pid, fork, getppid};

use crate::table::Slot;

pub(crate) use reserve::{keep_reserve, with_reserve};
pub(crate) use vitals::{Vitals, resident_kib, vitals};

/// The signal that makes an agent look at its slot.
pub(crate) const NUDGE: Signal = Signal::SIGUSR1;

/// Forks a child that runs `body` and ends with the status it returns; 101 if it panics. The caller must have
/// no other threads, and `body` must not depend on any.
pub(crate) fn fork_child(body: impl FnOnce() -> i32) -> nix::Result<Pid> {
    #[expect(unsafe_code, reason = "fork")]
    // SAFETY: the callers (root at launch, spawner) are single-threaded, so that no lock of theirs is held.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let status = catch_unwind(AssertUnwindSafe(body)).unwrap_or(101);
            #[expect(unsafe_code, reason = "a forked child must not run its parent's exit handlers")]
            // SAFETY: ends the process; nothing is left to be run.
            unsafe {
                nix::libc::_exit(status)
            }
        }
    }
}

/// Makes the kernel kill this process when the given parent ends; false if it has ended already.
pub(crate) fn die_with(parent: Pid) -> bool {
    prctl::set_pdeathsig(Signal::SIGKILL).is_ok() && getppid() == parent
}

/// Gives the process the name that `ps` shows.
pub(crate) fn set_name(name: &str) {
    if let Ok(name) = std::ffi::CString::new(name) {
        // A name is a courtesy; without it all works the same.
        let _ = prctl::set_name(&name);
    }
}

/// The signals that agents take only where they wait for them.
pub(crate) fn held_signals() -> SigSet {
    [Signal::SIGTERM, NUDGE].into_iter().collect()
}

/// Holds these signals back.
pub(crate) fn hold(signals: &SigSet) {
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(signals), None).expect("the mask is valid");
}

/// Lets these signals through, those that were held back at once.
pub(crate) fn let_through(signals: &SigSet) {
    sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(signals), None).expect("the mask is valid");
}

/// Makes this process, and those that it forks, deaf to signals that are meant for others or tell nothing: by
/// default they would end it. A wrong access to memory ends it at once.
pub(crate) fn ignore_strays() {
    for signal in [Signal::SIGHUP, Signal::SIGUSR2, Signal::SIGXFSZ] {
        set_disposition(signal, SigHandler::SigIgn);
    }
    // The standard library's own handler lets the first of these pass when it came from somebody else.
    for signal in [Signal::SIGSEGV, Signal::SIGBUS] {
        set_disposition(signal, SigHandler::SigDfl);
    }
    hold(&NUDGE.into());
}

fn set_disposition(signal: Signal, handler: SigHandler) {
    #[expect(unsafe_code, reason = "sigaction")]
    // SAFETY: no handler of ours is installed, only the kernel's ways of ignoring and of doing what is usual.
    unsafe { nix::sys::signal::signal(signal, handler) }.expect("the signal is valid");
}

/// Lets all signals through and takes them as usual, as a program expects that is started anew.
pub(crate) fn hold_none() -> std::io::Result<()> {
    for signal in [Signal::SIGHUP, Signal::SIGUSR2, Signal::SIGXFSZ] {
        set_disposition(signal, SigHandler::SigDfl);
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None).map_err(std::io::Error::from)
}

/// Wakes the agent of a slot so that it looks at it. Never hits a stranger: the spawner clears the slot before
/// it reaps, so a number that still stands in the slot after the handle was opened is ours.
pub(crate) fn nudge(slot: &Slot) {
    signal_agent(slot, NUDGE);
}

/// Kills the agent of a slot.
pub(crate) fn kill_agent(slot: &Slot) {
    signal_agent(slot, Signal::SIGKILL);
}

fn signal_agent(slot: &Slot, signal: Signal) {
    // One that has ended needs no signal; without any descriptor it is left to find out by itself.
    let _ = with_reserve(|| {
        let pid = slot.pid();
        if pid == 0 {
            return Ok(());
        }
        let handle = open_handle(pid)?;
        if slot.pid() == pid {
            send_signal(&handle, signal);
        }
        Ok(())
    });
}

fn send_signal(handle: &std::os::fd::OwnedFd, signal: Signal) {
    #[expect(unsafe_code, reason = "no wrapper exists for pidfd_send_signal")]
    // SAFETY: the descriptor is open, the siginfo pointer may be null, flags must be 0.
    unsafe {
        use std::os::fd::AsRawFd;
        nix::libc::syscall(
            nix::libc::SYS_pidfd_send_signal,
            handle.as_raw_fd(),
            signal as i32,
            std::ptr::null::<nix::libc::siginfo_t>(),
            0,
        );
    }
}

fn open_handle(pid: u32) -> nix::Result<std::os::fd::OwnedFd> {
    use std::os::fd::{FromRawFd, OwnedFd, RawFd};
    #[expect(unsafe_code, reason = "no wrapper exists for pidfd_open")]
    // SAFETY: takes two numbers; on success the descriptor is new and ours.
    unsafe {
        let fd = nix::libc::syscall(nix::libc::SYS_pidfd_open, pid, 0);
        Errno::result(fd).map(|fd| OwnedFd::from_raw_fd(fd as RawFd))
    }
}

/// Processes whose parent is this thread, adopted ones included.
pub(crate) fn children() -> Vec<Pid> {
    let path = format!("/proc/self/task/{}/children", std::process::id());
    let listed = std::fs::read_to_string(path).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect()
}
