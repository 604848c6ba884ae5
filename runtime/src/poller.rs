//! Waiting for many descriptors at once.

use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

pub(crate) const LISTENER: u64 = 0;
pub(crate) const SIGNALS: u64 = 1;
pub(crate) const UP: u64 = 2;
/// Keys from here on are free.
pub(crate) const FIRST_FREE: u64 = 16;

/// How many events one wait takes.
const BATCH: usize = 256;

/// One thing that is ready.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    pub(crate) key: u64,
    pub(crate) flags: EpollFlags,
}

/// An epoll instance.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: Epoll,
}

impl Poller {
    pub(crate) fn new() -> nix::Result<Self> {
        Ok(Self { epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)? })
    }

    pub(crate) fn add(&self, fd: impl AsFd, key: u64) -> nix::Result<()> {
        self.epoll.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, key))
    }

    /// Must come before the descriptor is closed: a copy in another process would keep it ready for ever.
    pub(crate) fn remove(&self, fd: impl AsFd) {
        // It may not have been added.
        let _ = self.epoll.delete(fd);
    }

    /// Whether to wait for room as well.
    pub(crate) fn wants_out(&self, fd: impl AsFd, key: u64, out: bool) {
        let flags = if out { EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT } else { EpollFlags::EPOLLIN };
        let _ = self.epoll.modify(fd, &mut EpollEvent::new(flags, key));
    }

    /// Whether to wait for anything but a hang-up.
    pub(crate) fn pause(&self, fd: impl AsFd, key: u64, paused: bool) {
        let flags = if paused { EpollFlags::empty() } else { EpollFlags::EPOLLIN };
        let _ = self.epoll.modify(fd, &mut EpollEvent::new(flags, key));
    }

    /// Waits for at most this long, rounded up to a millisecond, and appends what is ready.
    pub(crate) fn wait(&self, at_most_ns: u64, ready: &mut Vec<Ready>) {
        let mut events = [EpollEvent::empty(); BATCH];
        let mut timeout = EpollTimeout::try_from(Duration::from_millis(at_most_ns.div_ceil(1_000_000)))
            .unwrap_or(EpollTimeout::MAX);
        // A process that was stopped and goes on finds its wait interrupted, and first sees what has come; but
        // many signals must not make the wait longer.
        let n = loop {
            match self.epoll.wait(&mut events, timeout) {
                Ok(n) => break n,
                Err(Errno::EINTR) => timeout = EpollTimeout::ZERO,
                Err(_) => break 0,
            }
        };
        ready.extend(events[..n].iter().map(|e| Ready { key: e.data(), flags: e.events() }));
    }
}
