//! Reads the processes on a thread of its own: a reading of two thousand of them takes longer than the loop
//! may stand still.

use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;

use evidence::sample::Mark;
use tokio::sync::mpsc::UnboundedSender;

use crate::clock::Clock;
use crate::clocks::Clocks;
use crate::dispatcher::{Event, SampleOrder, TickSummary, What};
use crate::probes;
use crate::recorder::{Record, Recorder};

/// The thread that reads. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Sampler {
    orders: mpsc::Sender<SampleOrder>,
    thread: JoinHandle<()>,
}

impl Sampler {
    pub(crate) fn start(
        clock: Clock,
        mut tick: Tick,
        events: UnboundedSender<Event>,
    ) -> std::io::Result<Self> {
        let (orders, received) = mpsc::channel::<SampleOrder>();
        let thread = std::thread::Builder::new().name("sampler".to_owned()).spawn(move || {
            for order in received {
                let what = tick.read(&order);
                if events.send(Event { at_ns: clock.now_ns(), what }).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { orders, thread })
    }

    /// Orders a reading; a `Sampled` event tells when it is done.
    pub(crate) fn order(&self, order: SampleOrder) {
        // If the thread is gone, the reading that does not come is noticed.
        let _ = self.orders.send(order);
    }

    /// Waits until nothing is being read any more. Blocks.
    pub(crate) fn finish(self) {
        drop(self.orders);
        let _ = self.thread.join();
    }
}

/// What that thread does for a tick.
#[derive(Debug)]
pub struct Tick {
    probes: probes::Sampler,
    zero_ns: u64,
    run_dir: PathBuf,
    budgeted: bool,
    recorder: Recorder,
}

impl Tick {
    /// Ticks of a run that began at this time of `CLOCK_MONOTONIC`. `budgeted`: whether what the run directory
    /// takes has to be known, for which all of it is listed.
    #[must_use]
    pub fn new(zero_ns: u64, (run_dir, budgeted): (PathBuf, bool), recorder: Recorder) -> Self {
        Self { probes: probes::Sampler::new(), zero_ns, run_dir, budgeted, recorder }
    }

    /// Reads everything, hands the rows to the recorder, and says what the run has to know of it.
    pub fn read(&mut self, order: &SampleOrder) -> What {
        let mark: Option<Mark> = order.mark;
        let tick = self.probes.tick(self.zero_ns, &order.processes, order.slow, mark);
        let summary = TickSummary {
            samples: tick.samples.clone(),
            clocks: Clocks::read(),
            run_bytes: self.budgeted.then(|| run_bytes(&self.run_dir)).flatten(),
            free_bytes: free_bytes(&self.run_dir),
        };
        self.recorder.record(Record::Samples(tick.samples));
        if !tick.processes.is_empty() {
            self.recorder.record(Record::Processes(tick.processes));
        }
        self.recorder.record(Record::Flush);
        What::Sampled { vanished: tick.vanished, mark, tick: summary }
    }
}

/// What the files of the run directory take.
fn run_bytes(path: &std::path::Path) -> Option<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path).ok()? {
        // A file that was put aside, or deleted, between the two looks is of no weight.
        bytes += entry.ok().and_then(|entry| entry.metadata().ok()).map_or(0, |found| found.len());
    }
    Some(bytes)
}

/// Bytes that an unprivileged user may still write there.
fn free_bytes(path: &std::path::Path) -> Option<u64> {
    let found = nix::sys::statvfs::statvfs(path).ok()?;
    Some(found.blocks_available().saturating_mul(found.fragment_size()))
}
