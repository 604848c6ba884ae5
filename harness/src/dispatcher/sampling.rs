//! When the processes are read, and for what.
//!
//! Reading thousands of processes keeps a core busy for a while. The ticks lie between the whole intervals, since
//! rounds are mostly due at those: what is read should not be what was slowed down by the reading.

use std::sync::Arc;

use evidence::end::Ticks;
use evidence::sample::{Group, Mark};
use scenarios::plan;

use super::command::{Command, Commands, SampleOrder};
use super::event::TickSummary;
use super::state::{Stage, State};
use crate::probes::ProcessId;

/// The grid of ticks and what is under way.
#[derive(Debug)]
pub(super) struct Sampling {
    every_ns: u64,
    /// Every how many ticks the dear readings are taken.
    slow_every: u64,
    next: u64,
    /// Due time of the reading that is under way, where it is one of the grid.
    busy: Option<Option<u64>>,
    /// A special reading that waits for the sampler.
    waiting: Option<Mark>,
    processes: Option<Arc<[ProcessId]>>,
    /// Whether the baseline was read.
    pub(super) baseline: bool,
    pub(super) ticks: Ticks,
}

impl Sampling {
    pub(super) fn new(sample: &plan::Sample) -> Self {
        let every_ns = sample.every_ns.max(1_000_000);
        Self {
            every_ns,
            slow_every: (sample.slow_every_ns / every_ns).max(1),
            next: 0,
            busy: None,
            waiting: None,
            processes: None,
            baseline: false,
            ticks: Ticks::default(),
        }
    }

    /// Goes on where so much of the plan's time has passed.
    pub(super) fn go_on(&mut self, passed_ns: u64) {
        self.next = passed_ns.saturating_sub(self.every_ns * 3 / 8).div_ceil(self.every_ns);
    }

    pub(super) fn every_ns(&self) -> u64 {
        self.every_ns
    }

    /// Somebody came or went: the list of processes is to be made again.
    pub(super) fn forget_processes(&mut self) {
        self.processes = None;
    }
}

impl State {
    /// Whether the run is where the processes are read.
    pub(super) fn is_sampled(&self) -> bool {
        matches!(self.stage, Stage::Running | Stage::Healing | Stage::Draining { .. })
    }

    /// When the processes are next read.
    pub(super) fn next_tick_ns(&self) -> Option<u64> {
        let first_ns =
            self.timeline.zero_ns().filter(|_| self.is_sampled())? + self.sampling.every_ns * 3 / 8;
        Some(first_ns + self.sampling.next * self.sampling.every_ns)
    }

    /// A tick of the grid: the processes are read, unless the last reading is still under way; then it is
    /// missed, which the count of ticks tells.
    pub(super) fn tick_due(&mut self, at_ns: u64, out: &mut Commands) {
        let number = self.sampling.next;
        self.sampling.next += 1;
        self.sampling.ticks.planned += 1;
        if self.sampling.busy.is_none() {
            let slow = number.is_multiple_of(self.sampling.slow_every);
            let mark = self.sampling.waiting.take();
            self.order_sample(Some(at_ns), slow, mark, out);
        }
    }

    /// The warm-up is over: later readings are compared with the next one.
    pub(super) fn mark_baseline(&mut self) {
        self.sampling.waiting = Some(Mark::Baseline);
    }

    /// The target is at rest, in the middle of a run or after its drain: what it took should have been given
    /// back. It is read now, or as soon as the reading that is under way has ended.
    pub(super) fn mark(&mut self, mark: Mark, out: &mut Commands) {
        if self.sampling.busy.is_none() {
            self.order_sample(None, true, Some(mark), out);
        } else {
            self.sampling.waiting = Some(mark);
        }
    }

    fn order_sample(&mut self, due_ns: Option<u64>, slow: bool, mark: Option<Mark>, out: &mut Commands) {
        self.sampling.busy = Some(due_ns);
        let processes = self.sampled_processes();
        out.push(Command::Sample(SampleOrder { processes, slow: slow || mark.is_some(), mark }));
    }

    fn sampled_processes(&mut self) -> Arc<[ProcessId]> {
        if self.sampling.processes.is_none() {
            let starttime = |pid| self.starttimes.get(&pid).copied().unwrap_or(0);
            let agents =
                self.members.iter().filter(|(_, a)| a.alive && a.pid != 0).map(|(number, a)| ProcessId {
                    group: a.role.into(),
                    agent: Some(number),
                    epoch: Some(a.epoch),
                    pid: a.pid,
                    starttime: starttime(a.pid),
                });
            let root = (self.target_pid != 0).then(|| ProcessId {
                group: Group::Support,
                agent: None,
                epoch: None,
                pid: self.target_pid,
                starttime: starttime(self.target_pid),
            });
            self.sampling.processes = Some(root.into_iter().chain(agents).collect());
        }
        self.sampling.processes.clone().unwrap_or_default()
    }

    /// A reading is done.
    pub(super) fn sampled(
        &mut self,
        vanished: &[u32],
        mark: Option<Mark>,
        tick: &TickSummary,
        out: &mut Commands,
    ) {
        if let Some(Some(due_ns)) = self.sampling.busy.take() {
            let late = self.now_ns.saturating_sub(due_ns) > self.sampling.every_ns / 4;
            self.sampling.ticks.in_time += u64::from(!late);
        }
        self.sampling.baseline |= mark == Some(Mark::Baseline);
        self.compare_clocks(tick, out);
        self.watch_disk(tick, out);
        self.processes_vanished(vanished, mark == Some(Mark::Drained), out);
        if mark == Some(Mark::Quiesced) {
            self.quiesced(out);
        }
        if let Some(mark) = self.sampling.waiting.take() {
            self.order_sample(None, true, Some(mark), out);
        } else if mark == Some(Mark::Drained) && self.stage == Stage::LastSample {
            self.ask_to_stop(out);
        }
    }
}
