//! The tasks that wait at one worker, in order.

use std::collections::VecDeque;

/// Tokens in the order in which they were given to the worker; some may have been answered since.
#[derive(Debug, Default)]
pub(super) struct Queue {
    tokens: VecDeque<u64>,
    open: u32,
}

impl Queue {
    pub(super) fn push(&mut self, token: u64) {
        self.tokens.push_back(token);
        self.open += 1;
    }

    /// One of its tasks is no longer open.
    pub(super) fn close(&mut self) {
        self.open -= 1;
    }

    /// One of its open tasks goes elsewhere; the usual one is the first.
    pub(super) fn remove(&mut self, token: u64) {
        if let Some(at) = self.tokens.iter().position(|other| *other == token) {
            self.tokens.remove(at);
            self.open -= 1;
        }
    }

    pub(super) fn open(&self) -> u32 {
        self.open
    }

    /// Forgets tokens that are not open any more, from the front, and everywhere once they are the most.
    pub(super) fn trim(&mut self, open: impl Fn(u64) -> bool) {
        while self.tokens.front().is_some_and(|token| !open(*token)) {
            self.tokens.pop_front();
        }
        if self.tokens.len() > 64 + 2 * self.open as usize {
            self.tokens.retain(|token| open(*token));
        }
    }

    /// The open tokens.
    pub(super) fn pending(&mut self, open: impl Fn(u64) -> bool) -> Vec<u64> {
        self.tokens.retain(|token| open(*token));
        self.tokens.iter().copied().collect()
    }
}
