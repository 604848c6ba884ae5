//! What a worker writes down about a task that it has executed.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// One executed task. It counts only once the worker's slot has committed its number.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Record {
    token: AtomicU64,
    seq: AtomicU64,
    digest: AtomicU32,
    spare: AtomicU32,
}

impl Record {
    pub(crate) fn write(&self, token: u64, digest: u32, seq: u64) {
        self.token.store(token, Ordering::Relaxed);
        self.digest.store(digest, Ordering::Relaxed);
        self.seq.store(seq, Ordering::Release);
    }

    /// Number and digest, if this is execution `seq` and of that task.
    pub(crate) fn read(&self, token: u64, seq: u64) -> Option<(u64, u32)> {
        let mine = self.seq.load(Ordering::Acquire) == seq && self.token.load(Ordering::Relaxed) == token;
        mine.then(|| (seq, self.digest.load(Ordering::Relaxed)))
    }
}
