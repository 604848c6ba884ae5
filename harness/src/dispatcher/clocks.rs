//! What a tick shows beside the processes: whether the clocks agree, and whether there is room left.

use evidence::end::How;
use evidence::event::Fact;

use super::command::Commands;
use super::event::TickSummary;
use super::state::{Stage, State};

/// Room that the end of a run may take: what is under way, the last records and the reports.
const ROOM_FOR_THE_END: u64 = 16 << 20;

impl State {
    /// Compares the clocks with those of the last tick. A gap is told, never bridged.
    pub(super) fn compare_clocks(&mut self, tick: &TickSummary, out: &mut Commands) {
        let before = self.clocks;
        self.clocks = tick.clocks.or(before);
        let Some((before, now)) = before.zip(tick.clocks) else { return };
        for (change, by_ns) in now.changes_since(before, self.sampling.every_ns()) {
            out.fact(self.now_ns, Fact::Clock { change, by_ns });
        }
    }

    /// Ends the run in order when its disk budget is spent, or the file system has hardly room for its end: what is
    /// there can then still be judged.
    pub(super) fn watch_disk(&mut self, tick: &TickSummary, out: &mut Commands) {
        if self.stage != Stage::Running || self.how.is_some() {
            return;
        }
        let budget = self.plan.soak.disk_bytes;
        let spent = budget.zip(tick.run_bytes).filter(|(budget, used)| used >= budget);
        let full = tick.free_bytes.filter(|free| *free < ROOM_FOR_THE_END);
        let why = match (spent, full) {
            (Some((budget, used)), _) => {
                format!("the run directory holds {used} bytes, and soak.disk allows {budget}")
            }
            (None, Some(free)) => {
                format!(
                    "{free} bytes are free where the run is kept, and its end may take {ROOM_FOR_THE_END}; make room \
                     or name another directory"
                )
            }
            (None, None) => return,
        };
        let saved_ns = self.timeline.load_ends_ns().map_or(0, |end_ns| end_ns.saturating_sub(self.now_ns));
        out.fact(self.now_ns, Fact::EndingEarly { why: why.clone(), saved_ns });
        self.how = Some(How::DiskSpent { why });
        self.end_early(out);
    }
}
