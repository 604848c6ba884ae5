//! What a worker writes down about a task that it has executed.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// One executed task. It counts only once the worker's slot has committed its number.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Record {
    token: AtomicU64,
    seq: AtomicU64,
    digest: AtomicU32,
    epoch: AtomicU32,
}

impl Record {
    pub(crate) fn write(&self, token: u64, digest: u32, seq: u64, epoch: u32) {
        self.token.store(token, Ordering::Relaxed);
        self.digest.store(digest, Ordering::Relaxed);
        self.epoch.store(epoch, Ordering::Relaxed);
        self.seq.store(seq, Ordering::Release);
    }

    /// Number of the execution and digest, if it is one of that task in that epoch.
    pub(crate) fn read(&self, token: u64, epoch: u32) -> Option<(u64, u32)> {
        let seq = self.seq.load(Ordering::Acquire);
        let mine = self.token.load(Ordering::Relaxed) == token && self.epoch.load(Ordering::Relaxed) == epoch;
        (mine && seq > 0).then(|| (seq, self.digest.load(Ordering::Relaxed)))
    }
    /// Token, number of the execution and digest, if it was executed in that epoch.
    pub(crate) fn of_epoch(&self, epoch: u32) -> Option<(u64, u64, u32)> {
        let token = self.token.load(Ordering::Relaxed);
        self.read(token, epoch).map(|(seq, digest)| (token, seq, digest))
    }
}
