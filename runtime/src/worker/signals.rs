//! What signals do to a worker. It waits for work in a plain `recv`, which costs least; whatever else it must
//! notice comes as a signal and leaves its mark where the wait, or the next one, finds it: on the connection.

use std::os::fd::{IntoRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, Signal, sigaction};
use nix::sys::socket::{Shutdown, shutdown};

use super::relay::answer_asks;
use crate::bus::Rules;
use crate::clock::observe;
use crate::process::{NUDGE, held_signals, let_through};
use crate::table::{Place, Slot};

const NONE: RawFd = -1;

static ASKED_TO_END: AtomicBool = AtomicBool::new(false);
/// The connection to the coordinator, and the place that it was made for.
static UP: AtomicI32 = AtomicI32::new(NONE);
static SEAT: AtomicU64 = AtomicU64::new(0);
static INBOX: AtomicI32 = AtomicI32::new(NONE);
static AGENT: OnceLock<(&'static Rules, u32)> = OnceLock::new();
static SLOT: OnceLock<&'static Slot> = OnceLock::new();

/// Whether the worker is to leave.
pub(super) fn asked_to_end() -> bool {
    ASKED_TO_END.load(Ordering::Relaxed)
}

/// From here on signals act on this connection. Signals must be held back by the caller; one that came before
/// is then delivered afterwards.
pub(super) fn watch(up: RawFd, seat: Place) {
    SEAT.store(seat.bits(), Ordering::Relaxed);
    UP.store(up, Ordering::Relaxed);
}

/// The connection is about to be closed.
pub(super) fn unwatch() {
    UP.store(NONE, Ordering::Relaxed);
}

/// Makes the signals act on worker `me` with this slot and inbox, which stays open as long as the process.
pub(super) fn install(slot: &'static Slot, inbox: OwnedFd, rules: &'static Rules, me: u32) {
    AGENT.get_or_init(|| (rules, me));
    INBOX.store(inbox.into_raw_fd(), Ordering::Relaxed);
    SLOT.get_or_init(|| slot);
    for (signal, handler) in [(Signal::SIGTERM, on_term as extern "C" fn(i32)), (NUDGE, on_nudge)] {
        let action = SigAction::new(SigHandler::Handler(handler), SaFlags::SA_RESTART, held_signals());
        #[expect(unsafe_code, reason = "sigaction")]
        // SAFETY: the handlers only load and store atomics and make system calls, and keep errno.
        unsafe { sigaction(signal, &action) }.expect("the signal is valid");
    }
    let_through(&held_signals());
}

/// No more work is taken: what has arrived can still be read, then the connection reads as closed.
extern "C" fn on_term(_: i32) {
    let errno = Errno::last_raw();
    ASKED_TO_END.store(true, Ordering::Relaxed);
    close_for(Shutdown::Read);
    Errno::set_raw(errno);
}

/// Another place, or another worker that asks something.
extern "C" fn on_nudge(_: i32) {
    let errno = Errno::last_raw();
    let moved = SLOT.get().is_some_and(|slot| slot.parent().bits() != SEAT.load(Ordering::Relaxed));
    if moved {
        close_for(Shutdown::Both);
    }
    if let Some((rules, me)) = AGENT.get() {
        answer_asks(INBOX.load(Ordering::Relaxed), rules, *me);
    }
    observe();
    Errno::set_raw(errno);
}

fn close_for(how: Shutdown) {
    let up = UP.load(Ordering::Relaxed);
    if up != NONE {
        // A connection that is gone already is as good as closed.
        let _ = shutdown(up, how);
    }
}
