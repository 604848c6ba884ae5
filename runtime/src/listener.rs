//! A socket that takes connections, and waits where there is no descriptor for one.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;

use crate::bus::accept;
use crate::clock::now_ns;
use crate::pause::Pause;
use crate::poller::{LISTENER, Poller};

/// A listening socket in a poller. Connections that cannot be taken wait in the kernel; it is tried again with
/// growing pauses, since a socket that is ready all the time would keep the process busy.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: OwnedFd,
    pause: Pause,
    resumes_ns: Option<u64>,
    exhausted: &'static AtomicU64,
}

impl Listener {
    /// Waits for connections with the poller; counts how often there was no descriptor for one.
    pub(crate) fn new(socket: OwnedFd, poller: &Poller, exhausted: &'static AtomicU64) -> nix::Result<Self> {
        poller.add(&socket, LISTENER)?;
        Ok(Self { socket, pause: Pause::new(10, 200), resumes_ns: None, exhausted })
    }

    /// The next connection; `None` if there is none, or if none can be taken now.
    pub(crate) fn take(&mut self, poller: &Poller) -> Option<OwnedFd> {
        match accept(&self.socket) {
            Ok(connection) => {
                if connection.is_some() {
                    self.pause.reset();
                }
                connection
            }
            Err(error) => {
                if is_exhaustion(error) {
                    self.exhausted.fetch_add(1, Ordering::Relaxed);
                }
                poller.pause(&self.socket, LISTENER, true);
                self.resumes_ns = Some(now_ns() + self.pause.next_ns());
                None
            }
        }
    }

    /// When it listens again.
    pub(crate) fn due_ns(&self) -> Option<u64> {
        self.resumes_ns
    }

    /// Listens again, if it is time.
    pub(crate) fn resume(&mut self, poller: &Poller) {
        if self.resumes_ns.is_some_and(|due_ns| due_ns <= now_ns()) {
            self.resumes_ns = None;
            poller.pause(&self.socket, LISTENER, false);
        }
    }
}

/// Whether an error says that there is not enough of something, and may be again.
pub(crate) fn is_exhaustion(error: Errno) -> bool {
    matches!(error, Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOBUFS | Errno::EAGAIN)
}

#[cfg(test)]
mod tests {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    use super::*;
    use crate::bus::{address, connect, listen};
    use crate::process::fork_child;

    /// In a process of its own, whose limit it lowers.
    fn without_descriptors() -> bool {
        static EXHAUSTED: AtomicU64 = AtomicU64::new(0);
        let name = format!("shakedown-test-{}", std::process::id());
        let at = address(&name, 'l', 0);
        let poller = Poller::new().unwrap();
        let mut listener = Listener::new(listen(&at).unwrap(), &poller, &EXHAUSTED).unwrap();
        let peer = connect(&at).unwrap();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let lowest_free = std::os::fd::AsRawFd::as_raw_fd(&nix::unistd::dup(&peer).unwrap()) as u64;
        setrlimit(Resource::RLIMIT_NOFILE, lowest_free, hard).unwrap();
        let refused = listener.take(&poller).is_none() && EXHAUSTED.load(Ordering::Relaxed) == 1;
        let mut ready = Vec::new();
        poller.wait(0, &mut ready);
        let silent = ready.is_empty();
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
        while listener.due_ns().is_some() {
            listener.resume(&poller);
        }
        poller.wait(1_000_000_000, &mut ready);
        refused && silent && ready.len() == 1 && listener.take(&poller).is_some()
    }

    #[test]
    fn without_descriptors_it_rests_and_takes_the_connection_when_there_are_some_again() {
        let child = fork_child(|| i32::from(!without_descriptors())).unwrap();
        let status = nix::sys::wait::waitpid(child, None).unwrap();
        assert_eq!(status, nix::sys::wait::WaitStatus::Exited(child, 0));
    }
}
