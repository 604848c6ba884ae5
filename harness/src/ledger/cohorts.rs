//! The workload by when it was sent: what was handed over between two cuts is a cohort. How much of it was not answered
//! in time is told once, when none of it and of what was sent before it is in flight any more.
//!
//! An answer that comes just behind a cut counts for the cohort in which its task was sent.

use std::collections::VecDeque;

/// The cohorts of which something may be in flight. There are about as many as there are cuts within the longest
/// time-out.
#[derive(Debug, Default)]
pub(super) struct Cohorts {
    /// Those that are complete, the oldest first.
    cut: VecDeque<Cohort>,
    /// The one that grows.
    open: Cohort,
    /// The first token of those that have not come to their end.
    settled_before: u64,
}

#[derive(Debug, Default)]
struct Cohort {
    /// The first token behind it.
    end: u64,
    sent: u64,
    in_time: u64,
}

impl Cohorts {
    /// So many tasks were handed over.
    pub(super) fn sent(&mut self, count: u64) {
        self.open.sent += count;
    }

    /// A task was answered correctly and in time. If its cohort has come to its end, since the task had been answered
    /// wrongly before, what was told of it stands.
    pub(super) fn in_time(&mut self, token: u64) {
        if token < self.settled_before {
            return;
        }
        let place = self.cut.partition_point(|cohort| cohort.end <= token);
        self.cut.get_mut(place).unwrap_or(&mut self.open).in_time += 1;
    }

    /// Whatever is sent from the token `next` on belongs to another cohort.
    pub(super) fn cut(&mut self, next: u64) {
        self.cut.push_back(Cohort { end: next, ..std::mem::take(&mut self.open) });
    }

    /// Of each cohort that has come to its end, oldest first, the tasks that were not answered correctly and in time.
    /// Nothing before the token `in_flight_from` is in flight.
    pub(super) fn settle(&mut self, in_flight_from: Option<u64>) -> Vec<u64> {
        let over = |cohort: &mut Cohort| in_flight_from.is_none_or(|from| cohort.end <= from);
        let mut failed = Vec::new();
        while let Some(cohort) = self.cut.pop_front_if(over) {
            failed.push(cohort.sent.saturating_sub(cohort.in_time));
            self.settled_before = cohort.end;
        }
        failed
    }
}
