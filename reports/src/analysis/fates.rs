//! How many of the tasks that were sent in an interval were not answered in time, in whichever interval an answer came.
//!
//! Rows of `intervals.csv` tell it of every interval that came to its end: see `failed` there. Of those that did not,
//! since the harness died or the run was over, it is known for all of them together.

use evidence::event::Fact;
use evidence::round::Interval as Row;

use super::{Basis, Measured, number, round_size, total};
use crate::reading::Evidence;
use crate::statistics::Interval;

/// What became of the tasks of one interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fate {
    /// Tasks that were sent, and those that should have been.
    due: u64,
    /// Of those, at least so many were not answered in time, and at most so many.
    least: u64,
    most: u64,
    /// Tasks of which nobody saw what became of them, because the harness was dead.
    hidden: u64,
}

impl Fate {
    /// Of intervals together.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            due: self.due.saturating_add(other.due),
            least: self.least.saturating_add(other.least),
            most: self.most.saturating_add(other.most),
            hidden: self.hidden.saturating_add(other.hidden),
        }
    }

    /// The same with more tasks that should have been sent and were not.
    fn with_shed(self, tasks: u64) -> Self {
        self.plus(Self { due: tasks, least: tasks, most: tasks, hidden: 0 })
    }

    /// The share that was answered in time; `None` where nothing was due. What is hidden was neither delivered nor lost.
    pub(super) fn share(&self) -> Option<Measured> {
        let seen = self.due.saturating_sub(self.hidden);
        let lo = number(seen.saturating_sub(self.most)) / number(seen);
        // Not all that may be hidden of this one need be.
        let hi = number(self.due.saturating_sub(self.least)) / number(self.due);
        (seen > 0).then_some(Measured {
            basis: Basis::Intervals,
            n: seen,
            value: lo,
            interval: Interval { lo, hi },
            needs: None,
        })
    }
}

/// The fate of every interval, in order.
pub(super) fn of(evidence: &Evidence) -> Vec<Fate> {
    let rows = &evidence.intervals;
    let resumed = evidence.events.iter().filter_map(|e| match e.fact {
        Fact::Resumed { .. } => Some(rows.partition_point(|row| row.at_ns < e.at_ns)),
        _ => None,
    });
    let mut fates = Vec::with_capacity(rows.len());
    let mut begin = 0;
    for end in resumed {
        fates.extend(of_segment(&rows[begin..end.max(begin)], After::Death));
        begin = end.max(begin);
    }
    let after = if evidence.end.is_some() { After::End } else { After::Crash };
    fates.extend(of_segment(&rows[begin..], after));
    // Rounds that were due and not started have no part in the rows.
    let tasks = round_size(evidence);
    for round in evidence.rounds.iter().filter(|round| round.started_ns.is_none()) {
        let within = rows.partition_point(|row| row.at_ns <= round.due_ns).checked_sub(1);
        if let Some(fate) = within.map(|place| &mut fates[place]) {
            *fate = fate.with_shed(tasks);
        }
    }
    fates
}

/// What came after the last row of a harness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// Nothing: the run was over.
    End,
    /// Another harness, for which the tasks of the dead one are hidden.
    Death,
    /// Nobody knows.
    Crash,
}

fn of_segment(rows: &[Row], after: After) -> Vec<Fate> {
    let told = rows.iter().flat_map(|row| row.failed.iter().copied());
    let mut fates: Vec<Fate> =
        rows.iter().zip(told).map(|(row, failed)| fate(row, failed, failed, 0)).collect();
    let rest = &rows[fates.len()..];
    let sent = total(rest.iter().map(|row| row.sent));
    // What was shed was not sent and failed all the same.
    let delivered = total(fates.iter().map(|fate| fate.due.saturating_sub(fate.most)));
    let answered = total(rows.iter().map(|row| row.answered)).saturating_sub(delivered);
    let unanswered = sent.saturating_sub(answered);
    let open = if after == After::End { 0 } else { rows.last().map_or(0, |row| row.open).min(unanswered) };
    let failed = unanswered - open;
    fates.extend(rest.iter().map(|row| {
        // Of all that failed of several intervals, as little and as much as there can be in this one.
        let least = failed.saturating_sub(sent - row.sent);
        match after {
            After::Crash => fate(row, least, (failed + open).min(row.sent), 0),
            _ => fate(row, least, failed.min(row.sent), open.min(row.sent)),
        }
    }));
    fates
}

fn fate(row: &Row, least: u64, most: u64, hidden: u64) -> Fate {
    Fate { due: row.sent, least, most, hidden }.with_shed(row.shed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASKS: u64 = 10;

    /// Intervals of ten tasks each, of which so many were answered in it, were open at its end, and what it tells.
    fn rows(counts: &[(u64, u64, &[u64])]) -> Vec<Row> {
        let row = |(answered, open, failed): &(u64, u64, &[u64])| Row {
            sent: TASKS,
            answered: *answered,
            open: *open,
            failed: failed.to_vec(),
            ..Row::default()
        };
        counts.iter().map(row).collect()
    }

    fn shares(counts: &[(u64, u64, &[u64])], after: After) -> Vec<(f64, f64)> {
        let fates = of_segment(&rows(counts), after);
        fates.iter().map(|fate| fate.share().unwrap().interval).map(|of| (of.lo, of.hi)).collect()
    }

    #[test]
    fn an_interval_is_not_blamed_for_what_was_answered_in_time_behind_its_edge() {
        let straddling: [(_, _, &[u64]); 4] = [(2, 8, &[]), (10, 8, &[0]), (8, 10, &[0]), (20, 0, &[0, 0])];
        assert_eq!(shares(&straddling, After::End), [(1.0, 1.0); 4]);
    }

    #[test]
    fn a_shortfall_is_that_of_the_interval_in_which_the_tasks_were_sent() {
        // Six tasks of the second one are never answered, and out of time when the fourth ends.
        let lost: [(_, _, &[u64]); 5] =
            [(9, 1, &[]), (5, 6, &[0]), (10, 6, &[]), (10, 6, &[6, 0, 0]), (10, 6, &[0])];
        let found = shares(&lost, After::End);
        assert_eq!(found, [(1.0, 1.0), (0.4, 0.4), (1.0, 1.0), (1.0, 1.0), (1.0, 1.0)]);
    }

    #[test]
    fn of_what_no_row_tells_it_is_known_what_became_of_it_together() {
        // Four of twenty were not answered.
        let cut: [(_, _, &[u64]); 3] = [(10, 0, &[0]), (9, 1, &[]), (7, 4, &[])];
        assert_eq!(shares(&cut, After::End), [(1.0, 1.0), (0.6, 1.0), (0.6, 1.0)]);
        assert_eq!(shares(&cut, After::Crash), [(1.0, 1.0), (0.6, 1.0), (0.6, 1.0)]);
        assert_eq!(shares(&cut, After::Death), [(1.0, 1.0); 3], "nobody saw what became of them");
        let refused: [(_, _, &[u64]); 2] = [(10, 0, &[0]), (3, 2, &[])];
        assert_eq!(shares(&refused, After::End), [(1.0, 1.0), (0.3, 0.3)]);
        assert_eq!(shares(&refused, After::Crash), [(1.0, 1.0), (0.3, 0.5)]);
        assert_eq!(shares(&refused, After::Death), [(1.0, 1.0), (0.375, 0.5)], "3 of 8, at least");
    }

    #[test]
    fn what_was_shed_before_answers_for_nothing_that_is_not_told() {
        // Half of what was due was shed in each but the last, of which nothing was answered.
        let mut stalled = rows(&[(10, 0, &[0]), (10, 0, &[0]), (0, 10, &[])]);
        stalled[..2].iter_mut().for_each(|row| row.shed = TASKS);
        let fates = of_segment(&stalled, After::End);
        assert_eq!(fates[2], Fate { due: TASKS, least: TASKS, most: TASKS, hidden: 0 });
        assert_eq!(fates[0], Fate { due: 2 * TASKS, least: TASKS, most: TASKS, hidden: 0 });
    }
}
