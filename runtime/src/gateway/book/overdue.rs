//! Which tasks are to be sent again although their worker lives: a packet was lost on the way to it or back.

use super::Book;

/// So much later must another task have left that was answered: a packet may overtake another by less.
const OVERTAKEN_NS: u64 = 40_000_000;
/// So many times the patience is the longest pause between two sendings.
const LONGEST: u64 = 4;
/// So many times the patience is waited for what is starved.
const LENIENT: u64 = 8;
/// How many tasks of one worker are sent again at a time.
const MOST_AT_ONCE: usize = 256;

impl Book {
    /// An answer of a task is here and withheld until then: it is not missing.
    pub(in crate::gateway) fn withhold(&mut self, token: u64, until_ns: u64) {
        if let Some(task) = self.tasks.get_mut(&token) {
            task.sent_ns = until_ns;
        }
    }

    /// The tasks of a worker that were not sent yet for want of room, or are overdue: they left longer ago than
    /// `patience_ns`, twice that at the second attempt and four times from the third on, and the worker is `idle`
    /// or has answered others that left later. An idle one is believed to be so for long only if nobody on the way
    /// to it is `starved`: what waits for a process that does not get to run is not lost.
    pub(in crate::gateway) fn overdue(
        &mut self,
        worker: u32,
        now_ns: u64,
        patience_ns: u64,
        idle: bool,
        starved: impl FnOnce() -> bool,
    ) -> Vec<u64> {
        let queue = &mut self.queues[(worker - self.first_worker) as usize];
        // All that wait are tried again, in order.
        let lenient_ns = LENIENT * patience_ns;
        let had_stalled = std::mem::take(&mut queue.stalled);
        let starved = std::cell::LazyCell::new(starved);
        let mut again = 0;
        let mut overdue = Vec::new();
        for token in queue.tokens() {
            let Some(task) = self.tasks.get(&token).filter(|task| task.worker == worker) else { continue };
            let patience_ns = patience_ns * (1 << (task.attempt.max(1) - 1).min(8)).min(LONGEST);
            let late_ns = now_ns.saturating_sub(task.sent_ns);
            let skipped = task.sent_ns.saturating_add(OVERTAKEN_NS) < queue.answered_sent_ns;
            if task.sent_ns == 0 {
                overdue.push(token);
            } else if late_ns > patience_ns && (skipped || (idle && (late_ns > lenient_ns || !*starved))) {
                overdue.extend((again < MOST_AT_ONCE).then_some(token));
                again += 1;
            } else if task.attempt == 1 && !had_stalled {
                // All others left later, or were looked at when they were sent again.
                break;
            }
        }
        overdue
    }
}
