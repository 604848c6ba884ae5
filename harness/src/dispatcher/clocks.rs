//! What a tick shows beside the processes: whether the clocks agree, and whether there is room left.

use evidence::event::Fact;

use super::command::Commands;
use super::event::TickSummary;
use super::state::State;

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
}
