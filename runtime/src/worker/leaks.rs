//! What the planted leaks of a worker hold on to.

use std::fs::File;
use std::thread;

use nix::sys::prctl::set_thp_disable;

use crate::defects::{Defects, EveryNth};
use crate::process::{held_signals, hold, let_through};

/// Memory is taken from the kernel in blocks of so many bytes, whose pages count only once they are written to.
const BLOCK: usize = 1 << 20;
const PAGE: usize = 4096;
/// A page by the golden section: its multiples, less whole pages, spread evenly however many there are.
const SPREAD: usize = 2531;
/// The stack of a thread that does nothing.
const STACK: usize = 16 << 10;

/// What is held.
pub(super) struct Leaks {
    memory: Vec<Vec<u8>>,
    descriptors: Vec<File>,
    thread: EveryNth,
}

impl Leaks {
    /// Nothing yet, but for part of a page: were all workers to begin at the beginning of one, all would come to the
    /// next at the same time, as no real leak does.
    pub(super) fn new(defects: &Defects, worker: u32) -> Self {
        let mut leaks = Self {
            memory: Vec::new(),
            descriptors: Vec::new(),
            thread: EveryNth::new(defects.leak_thread_1_in),
        };
        if defects.leak_bytes_per_task.is_some() {
            // A huge page would be a leak of 2 MiB at once. Where it cannot be switched off, it is not on.
            let _ = set_thp_disable(true);
            leaks.keep_memory(worker as usize * SPREAD % PAGE);
        }
        leaks
    }

    /// Leaks once more, as far as asked for.
    pub(super) fn leak(&mut self, defects: &Defects) {
        self.keep_memory(defects.leak_bytes_per_task.unwrap_or(0) as usize);
        for _ in 0..defects.leak_descriptor_per_task.unwrap_or(0) {
            if let Ok(null) = File::open("/dev/null") {
                self.descriptors.push(null);
            }
        }
        if self.thread.fires() {
            leave_thread();
        }
    }

    /// Writes to so many bytes more, without a gap between them: the process grows by just that, to the page.
    fn keep_memory(&mut self, bytes: usize) {
        let mut left = bytes;
        while left > 0 {
            match self.memory.last_mut().filter(|block| block.len() < block.capacity()) {
                Some(block) => {
                    let now = left.min(block.capacity() - block.len());
                    block.resize(block.len() + now, 1);
                    left -= now;
                }
                None => self.memory.push(Vec::with_capacity(BLOCK)),
            }
        }
    }
}

/// Starts a thread that waits for ever and takes no signal that is meant for the worker.
fn leave_thread() {
    hold(&held_signals());
    // One that cannot be started is no leak.
    let _ = thread::Builder::new().stack_size(STACK).spawn(|| {
        loop {
            thread::park();
        }
    });
    let_through(&held_signals());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_held_to_the_byte_across_blocks() {
        let defects = Defects { leak_bytes_per_task: Some(700_000), ..Defects::default() };
        let mut leaks = Leaks::new(&Defects::default(), 3);
        for _ in 0..5 {
            leaks.leak(&defects);
        }
        assert_eq!(leaks.memory.iter().map(Vec::len).sum::<usize>(), 3_500_000);
        assert!(Leaks::new(&defects, 3).memory.iter().map(Vec::len).sum::<usize>() < PAGE);
        assert!(leaks.memory.iter().all(|block| block.capacity() <= 2 * BLOCK));
    }
}
