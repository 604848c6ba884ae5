//! The tasks that wait at one worker, in order.

use std::collections::VecDeque;

/// Tokens in the order in which they were given to the worker, each with its number among all that ever were;
/// some may have been answered since.
#[derive(Debug, Default)]
pub(super) struct Queue {
    tokens: VecDeque<(u64, u32)>,
    open: u32,
    next: u32,
    /// A task could not be sent because it was too far ahead: no other may overtake it.
    pub(super) stalled: bool,
    /// When the latest sending of a task left that was answered.
    pub(super) answered_sent_ns: u64,
}

impl Queue {
    /// Appends a task; its number.
    pub(super) fn push(&mut self, token: u64) -> u32 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.tokens.push_back((token, number));
        self.open += 1;
        number
    }

    /// One of its tasks is no longer open.
    pub(super) fn close(&mut self) {
        self.open -= 1;
    }

    /// One of its open tasks goes elsewhere; the usual one is the first.
    pub(super) fn remove(&mut self, token: u64) {
        if let Some(at) = self.tokens.iter().position(|(other, _)| *other == token) {
            self.tokens.remove(at);
            self.open -= 1;
        }
    }

    pub(super) fn open(&self) -> u32 {
        self.open
    }

    /// How far a number is ahead of the first open task's.
    pub(super) fn ahead(&self, number: u32) -> u32 {
        self.tokens.front().map_or(0, |(_, first)| number.wrapping_sub(*first))
    }

    /// Forgets tokens that are not open any more, from the front, and everywhere once they are the most.
    pub(super) fn trim(&mut self, open: impl Fn(u64) -> bool) {
        while self.tokens.front().is_some_and(|(token, _)| !open(*token)) {
            self.tokens.pop_front();
        }
        if self.tokens.len() > 64 + 2 * self.open as usize {
            self.tokens.retain(|(token, _)| open(*token));
        }
    }

    /// The open tokens.
    pub(super) fn pending(&mut self, open: impl Fn(u64) -> bool) -> Vec<u64> {
        self.tokens.retain(|(token, _)| open(*token));
        self.tokens().collect()
    }

    /// The tokens in order, those that were answered among them.
    pub(super) fn tokens(&self) -> impl Iterator<Item = u64> {
        self.tokens.iter().map(|(token, _)| *token)
    }
}
