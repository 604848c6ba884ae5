//! The running ledger: what happened to the work within each interval.

use evidence::round::Interval;

use super::command::Commands;
use super::state::State;
use crate::ledger::Counts;
use crate::recorder::Record;

/// The interval that is open, if one is.
#[derive(Debug, Default)]
pub(super) struct Tally {
    began_ns: Option<u64>,
    phase: String,
    before: Counts,
    /// Single tasks that became due in it.
    pub(super) due: u64,
    /// Of those, the ones that found no slot.
    pub(super) shed: u64,
    /// Intervals of the grid that have ended.
    ended: u64,
}

impl Tally {
    /// Goes on where so much of the plan's time has passed, in intervals of this length.
    pub(super) fn go_on(&mut self, passed_ns: u64, interval_ns: u64) {
        self.ended = passed_ns / interval_ns.max(1);
    }

    pub(super) fn begin(&mut self, at_ns: u64, phase: &str, counts: Counts) {
        let (phase, ended) = (phase.to_owned(), self.ended);
        *self = Self { began_ns: Some(at_ns), phase, before: counts, due: 0, shed: 0, ended };
    }

    fn row(&self, (began_ns, end_ns): (u64, u64), now: Counts, open: u64, failed: Vec<u64>) -> Interval {
        let before = self.before;
        let (work, was) = (now.work, before.work);
        Interval {
            at_ns: began_ns,
            length_ns: end_ns.saturating_sub(began_ns),
            phase: self.phase.clone(),
            due: self.due,
            shed: self.shed,
            sent: work.sent - was.sent,
            acknowledged: work.acknowledged - was.acknowledged,
            refused: work.refused - was.refused,
            answered: work.in_time - was.in_time,
            late: work.late - was.late,
            retried: now.retried - before.retried,
            duplicated: now.duplicated + now.executed_again - before.duplicated - before.executed_again,
            reordered: now.reordered - before.reordered,
            corrupt: now.corrupt - before.corrupt,
            phantom: now.phantom - before.phantom,
            open,
            failed,
        }
    }
}

impl State {
    /// Writes down the open interval, which ends at `at_ns`, and leaves none open.
    pub(super) fn close_interval(&mut self, at_ns: u64, out: &mut Commands) {
        let Some(began_ns) = self.tally.began_ns.take() else { return };
        self.ledger.expire(self.now_ns);
        self.interval_over(out);
        let (failed, open) = (self.ledger.settle(), self.ledger.open_work());
        let row = self.tally.row((began_ns, at_ns), self.ledger.counts(), open, failed);
        for histogram in self.latency.take(began_ns, row.length_ns) {
            out.record(Record::Latency(histogram));
        }
        out.record(Record::Interval(row));
        out.record(Record::Flush);
        self.write_checkpoint(out);
    }

    /// When the next interval begins: every so many sampling intervals, until the target is drained.
    pub(super) fn next_interval_ns(&self) -> Option<u64> {
        let zero_ns = self.timeline.zero_ns().filter(|_| self.is_sampled())?;
        Some(zero_ns + (self.tally.ended + 1) * self.interval_ns)
    }

    /// The open interval ends and the next begins in the same phase.
    pub(super) fn interval_due(&mut self, at_ns: u64, out: &mut Commands) {
        self.tally.ended += 1;
        self.note_lag(at_ns);
        // A phase that began at this very moment has begun an interval.
        if self.tally.began_ns.is_none_or(|began_ns| began_ns >= at_ns) {
            return;
        }
        let phase = self.tally.phase.clone();
        self.close_interval(at_ns, out);
        self.tally.begin(at_ns, &phase, self.ledger.counts());
    }

    /// What is looked for at the end of each interval.
    fn interval_over(&mut self, out: &mut Commands) {
        self.watch_interval(out);
        self.look_for_outage(out);
        self.look_for_overdue(out);
        self.end_quiet_errors(out);
    }
}
