//! What is done again and again to victims while a fault lasts, by a thread of this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::ChaosError;

/// A thread that works in a beat until it is ended; ended when dropped.
#[derive(Debug)]
pub(super) struct Beat<T> {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<T>>,
}

/// Whether the work is over, for the thread that does it.
pub(super) struct Over {
    told: Arc<AtomicBool>,
    next: Instant,
}

impl Over {
    /// Sleeps until so much later than the last time, or goes on at once if that has passed; `false` when it is
    /// over.
    pub(super) fn after(&mut self, pause: Duration) -> bool {
        self.next += pause;
        let now = Instant::now();
        // A thread that comes late goes on from there and does not make up for it.
        self.next = self.next.max(now);
        while Instant::now() < self.next {
            if self.told.load(Ordering::Relaxed) {
                return false;
            }
            // So that an end is seen soon.
            std::thread::sleep((self.next - Instant::now().min(self.next)).min(Duration::from_millis(20)));
        }
        !self.told.load(Ordering::Relaxed)
    }
}

impl<T: Send + 'static> Beat<T> {
    pub(super) fn start(
        name: &str,
        work: impl FnOnce(&mut Over) -> T + Send + 'static,
    ) -> Result<Self, ChaosError> {
        let told = Arc::new(AtomicBool::new(false));
        let mut over = Over { told: told.clone(), next: Instant::now() };
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(&mut over))
            .map_err(|e| ChaosError::io("start", "the thread of a fault", e))?;
        Ok(Self { over: told, thread: Some(thread) })
    }

    /// Ends it and takes what came of it; `None` if it had panicked.
    pub(super) fn end(mut self) -> Option<T> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.take().and_then(|thread| thread.join().ok())
    }
}

impl<T> Drop for Beat<T> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked does nothing any more, which is what is wanted.
            let _ = thread.join();
        }
    }
}
