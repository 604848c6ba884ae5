//! How many of the tasks that were sent in an interval were not answered in time, in whichever interval an answer came.
//!
//! Rows of `intervals.csv` tell it of every interval that came to its end: see `failed` there. Of those that did not,
//! since the harness died or the run was over, it is known for all of them together.

use std::ops::Range;

use evidence::event::Fact;
use evidence::round::Interval as Row;

use super::{Basis, Measured, number, round_size, total};
use crate::reading::Evidence;
use crate::statistics::Interval;

/// How many tasks it is at least, and at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bounds {
    least: u64,
    most: u64,
}

impl Bounds {
    fn exactly(tasks: u64) -> Self {
        Self { least: tasks, most: tasks }
    }

    fn plus(self, other: Self) -> Self {
        Self { least: self.least.saturating_add(other.least), most: self.most.saturating_add(other.most) }
    }

    /// Of these, those among `part` of all `sent` tasks: what the others cannot hold, and what the part can.
    fn among(self, part: u64, sent: u64) -> Self {
        Self { least: self.least.saturating_sub(sent.saturating_sub(part)), most: self.most.min(part) }
    }
}

/// What became of tasks. Those of which nobody saw it, because the harness was dead, are hidden: neither delivered nor
/// failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Fate {
    /// Answered in time.
    delivered: Bounds,
    /// Not answered in time, or not sent.
    failed: Bounds,
}

impl Fate {
    /// Of these tasks, and of others of which it is known independently.
    fn plus(self, other: Self) -> Self {
        Self { delivered: self.delivered.plus(other.delivered), failed: self.failed.plus(other.failed) }
    }

    fn among(self, part: u64, sent: u64) -> Self {
        Self { delivered: self.delivered.among(part, sent), failed: self.failed.among(part, sent) }
    }

    /// Tasks that should have been sent and were not.
    fn shed(tasks: u64) -> Self {
        Self { failed: Bounds::exactly(tasks), ..Self::default() }
    }

    /// The share that was answered in time; `None` where nothing is known to have been seen.
    fn share(&self) -> Option<Measured> {
        let Self { delivered, failed } = *self;
        let of = |delivered: u64, failed: u64| match failed {
            0 => 1.0,
            _ => number(delivered) / number(delivered.saturating_add(failed)),
        };
        let seen = delivered.least.saturating_add(failed.most);
        let lo = of(delivered.least, failed.most);
        (seen > 0).then_some(Measured {
            basis: Basis::Intervals,
            n: seen,
            value: lo,
            interval: Interval { lo, hi: of(delivered.most, failed.least) },
            needs: None,
        })
    }
}

/// The fates of the tasks of all intervals.
pub(super) struct Fates<'a> {
    rows: &'a [Row],
    /// What is known of each interval by itself, in order.
    alone: Vec<Fate>,
    tails: Vec<Tail>,
}

/// The last intervals of a harness, of which no row tells. What became of their tasks is known for all together.
struct Tail {
    rows: Range<usize>,
    sent: u64,
    fate: Fate,
}

impl<'a> Fates<'a> {
    pub(super) fn of(evidence: &'a Evidence) -> Self {
        let rows = evidence.intervals.as_slice();
        let mut fates = Self { rows, alone: Vec::with_capacity(rows.len()), tails: Vec::new() };
        let resumed = evidence.events.iter().filter_map(|e| match e.fact {
            Fact::Resumed { .. } => Some(rows.partition_point(|row| row.at_ns < e.at_ns)),
            _ => None,
        });
        for end in resumed {
            fates.enter_until(end, After::Death);
        }
        fates.enter_until(rows.len(), if evidence.end.is_some() { After::End } else { After::Crash });
        fates.enter_rounds(evidence);
        fates
    }

    /// Enters the intervals of one harness: those that were not entered, before the place `end`.
    fn enter_until(&mut self, end: usize, after: After) {
        let begin = self.alone.len();
        let rows = self.rows.get(begin..end).unwrap_or_default();
        let told = || rows.iter().flat_map(|row| row.failed.iter().copied()).take(rows.len());
        self.alone.extend(rows.iter().zip(told()).map(|(row, failed)| told_of(row, failed)));
        let (over, rest) = rows.split_at(told().count());
        self.alone.extend(rest.iter().map(|row| Fate::shed(row.shed)));
        let (sent, fate) = together(over, total(told()), rest, after);
        self.tails.push(Tail { rows: begin + over.len()..begin + rows.len(), sent, fate });
    }

    /// Rounds that were due and not started have no part in the rows.
    fn enter_rounds(&mut self, evidence: &Evidence) {
        let shed = Fate::shed(round_size(evidence));
        for round in evidence.rounds.iter().filter(|round| round.started_ns.is_none()) {
            let within = self.rows.partition_point(|row| row.at_ns <= round.due_ns).checked_sub(1);
            if let Some(fate) = within.map(|place| &mut self.alone[place]) {
                *fate = fate.plus(shed);
            }
        }
    }

    /// The share that was answered in time of each interval of a phase, or of all, in which something is known to have
    /// been due.
    pub(super) fn each(&self, phase: Option<&str>) -> Vec<Measured> {
        let mut fates = self.alone.clone();
        for tail in &self.tails {
            for place in tail.rows.clone() {
                fates[place] = fates[place].plus(tail.fate.among(self.rows[place].sent, tail.sent));
            }
        }
        let here = |row: &Row| phase.is_none_or(|phase| phase == row.phase);
        self.rows
            .iter()
            .zip(&fates)
            .filter(|(row, _)| here(row))
            .filter_map(|(_, fate)| fate.share())
            .collect()
    }

    /// The share of all tasks of a phase that were answered in time. It is known better than those of its intervals.
    pub(super) fn together(&self, phase: &str) -> Option<Measured> {
        let here = |row: &&Row| row.phase == phase;
        let alone = self.rows.iter().zip(&self.alone).filter(|(row, _)| here(row)).map(|(_, fate)| *fate);
        let tails = self.tails.iter().map(|tail| {
            let part = total(self.rows[tail.rows.clone()].iter().filter(here).map(|row| row.sent));
            tail.fate.among(part, tail.sent)
        });
        alone.chain(tails).fold(Fate::default(), Fate::plus).share()
    }
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

/// The fate of an interval of which a later row tells that so many tasks failed.
fn told_of(row: &Row, failed: u64) -> Fate {
    let delivered = Bounds::exactly(row.sent.saturating_sub(failed));
    Fate { delivered, failed: Bounds::exactly(failed) }.plus(Fate::shed(row.shed))
}

/// How many tasks were sent in the rows of `rest`, of which none is told, and what became of them. `told` is how many of
/// those before, of the rows `over`, failed.
fn together(over: &[Row], told: u64, rest: &[Row], after: After) -> (u64, Fate) {
    let sum = |rows: &[Row], of: fn(&Row) -> u64| total(rows.iter().map(of));
    let sent = sum(rest, |row| row.sent);
    let in_time = sum(over, |row| row.answered) + sum(rest, |row| row.answered);
    let delivered = in_time.saturating_sub(sum(over, |row| row.sent).saturating_sub(told)).min(sent);
    let unanswered = sent - delivered;
    let open = rest.last().map_or(0, |row| row.open);
    // A task that is open at the end is one of these, or one of those that are told to have failed.
    let open_here = Bounds { least: open.saturating_sub(told).min(unanswered), most: open.min(unanswered) };
    let least = unanswered - open_here.most;
    let (delivered, failed) = match after {
        After::End => (Bounds::exactly(delivered), Bounds::exactly(unanswered)),
        After::Crash => (Bounds { least: delivered, most: sent - least }, Bounds { least, most: unanswered }),
        After::Death => {
            // Not more of them were seen to fail than of all tasks while they were sent.
            let were_open = over.last().map_or(0, |row| row.open).saturating_add(sent);
            let closed = were_open.saturating_sub(open).saturating_sub(sum(rest, |row| row.answered));
            let most = closed.clamp(least, unanswered - open_here.least);
            (Bounds::exactly(delivered), Bounds { least, most })
        }
    };
    (sent, Fate { delivered, failed })
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

    fn fates(rows: &[Row], after: After) -> Fates<'_> {
        let mut fates = Fates { rows, alone: Vec::new(), tails: Vec::new() };
        fates.enter_until(rows.len(), after);
        fates
    }

    fn bounds(share: &Measured) -> (f64, f64) {
        (share.interval.lo, share.interval.hi)
    }

    fn shares(counts: &[(u64, u64, &[u64])], after: After) -> Vec<(f64, f64)> {
        fates(&rows(counts), after).each(None).iter().map(bounds).collect()
    }

    /// Of all intervals together.
    fn share(counts: &[(u64, u64, &[u64])], after: After) -> (f64, f64) {
        bounds(&fates(&rows(counts), after).together("").unwrap())
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
        assert_eq!(shares(&refused, After::Death), [(1.0, 1.0), (0.375, 0.375)], "3 of 8");
    }

    #[test]
    fn what_was_shed_before_answers_for_nothing_that_is_not_told() {
        // Half of what was due was shed in each but the last, of which nothing was answered.
        let mut stalled = rows(&[(10, 0, &[0]), (10, 0, &[0]), (0, 10, &[])]);
        stalled[..2].iter_mut().for_each(|row| row.shed = TASKS);
        let found: Vec<_> = fates(&stalled, After::End).each(None).iter().map(bounds).collect();
        assert_eq!(found, [(0.5, 0.5), (0.5, 0.5), (0.0, 0.0)]);
    }

    #[test]
    fn what_is_known_of_intervals_together_is_the_share_of_their_phase() {
        let cut: [(_, _, &[u64]); 2] = [(9, 1, &[]), (7, 4, &[])];
        assert_eq!(share(&cut, After::End), (0.8, 0.8), "16 of 20");
        assert_eq!(share(&cut, After::Crash), (0.8, 1.0));
        assert_eq!(share(&cut, After::Death), (1.0, 1.0));
        // Two of the four were refused, and two are hidden.
        let refused: [(_, _, &[u64]); 2] = [(9, 1, &[]), (7, 2, &[])];
        assert_eq!(share(&refused, After::Death), (16.0 / 18.0, 16.0 / 18.0));
        assert_eq!(shares(&refused, After::Death), [(0.75, 1.0), (0.75, 1.0)], "6 of 8 at least");
    }

    #[test]
    fn a_phase_is_not_blamed_more_than_once_for_what_no_row_tells() {
        // Five of fifty are never answered, in a run of rows that tell of nothing, of two phases.
        let mut old = rows(&[(10, 0, &[]), (5, 5, &[]), (10, 5, &[]), (10, 5, &[]), (10, 5, &[])]);
        old[3..].iter_mut().for_each(|row| "last".clone_into(&mut row.phase));
        let found = fates(&old, After::End);
        assert_eq!(found.together("").as_ref().map(bounds), Some((25.0 / 30.0, 1.0)));
        assert_eq!(found.together("last").as_ref().map(bounds), Some((0.75, 1.0)));
        assert_eq!(found.together("none").as_ref().map(bounds), None);
    }

    #[test]
    fn what_is_told_to_have_failed_hides_nothing_of_what_failed_before_a_death() {
        // Of the last ten, two were answered, and six were refused: or six of the first, which are open for long.
        let overdue: [(_, _, &[u64]); 3] = [(0, 10, &[]), (10, 10, &[10, 0]), (2, 12, &[])];
        assert_eq!(shares(&overdue, After::Death), [(0.0, 0.0), (1.0, 1.0), (0.25, 1.0)], "2 of 8 at least");
        // Nothing was refused: what is open beside the first is hidden.
        let silent: [(_, _, &[u64]); 3] = [(0, 10, &[]), (10, 10, &[10, 0]), (2, 18, &[])];
        assert_eq!(shares(&silent, After::Death), [(0.0, 0.0), (1.0, 1.0), (1.0, 1.0)]);
        // The first were refused long before, so that none of them is open.
        let refused: [(_, _, &[u64]); 3] = [(0, 0, &[10]), (10, 0, &[0]), (2, 2, &[])];
        assert_eq!(shares(&refused, After::Death), [(0.0, 0.0), (1.0, 1.0), (0.25, 0.25)], "2 of 8");
        // None of the last ten may have been seen to fail, or five, and none was seen to be answered.
        let unseen: [(_, _, &[u64]); 2] = [(0, 10, &[10]), (0, 15, &[])];
        assert_eq!(shares(&unseen, After::Death), [(0.0, 0.0), (0.0, 1.0)]);
    }
}
