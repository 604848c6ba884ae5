//! 500 processes sampled each second as a run does it: the dispatcher says when, the probes read, the recorder
//! writes to the disk. Beside it, what ends an interval of the workload, which is as often in a run of up to three
//! days. A run of a day is the dearest: its tables have tiers.
//!
//! Not in it are the wake-ups between the threads, since here the loop and the sampler are one.

use std::time::Duration;

use harness::dispatcher::{Command, SampleOrder, What};
use harness::probes::PSS_PER_GROUP;
use harness::recorder::{Record, Recorder};
use harness::sampler::Tick;

use crate::driven::{Driven, plan};
use crate::idle::{Bare, Idle, cpu_of};

const PROCESSES: usize = 500;
const SECONDS: u32 = 60;
/// What sampling may take of one core, in per cent.
const REACH: f64 = 2.0;
/// Nearly every interval has the times of a round to write down, and few begin with one.
const ROUND_EVERY: &str = "900ms";
/// How long the recorder is given until it has written.
const WRITING: Duration = Duration::from_millis(60);
/// How long after a reading its floor is taken: about in the middle between two readings, so that it does not
/// find everything in the caches.
const APART: Duration = Duration::from_millis(400);

/// CPU time of one part, over so many times.
#[derive(Default)]
struct Part {
    cpu: Duration,
    times: u32,
}

/// The parts of sampling for a second.
#[derive(Default)]
struct Parts {
    floor: Part,
    cheap: Part,
    slow: Part,
    dispatcher: Part,
    rows: Part,
    interval: Part,
    interval_rows: Part,
}

/// The run, and what it is read by and written with.
struct Bench {
    run: Driven,
    tick: Tick,
    recorder: Recorder,
    zero_ns: u64,
    bare: Vec<Bare>,
    buffer: Vec<u8>,
    parts: Parts,
}

pub(crate) fn measure() {
    let idle = Idle::start(PROCESSES);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let plan = plan(PROCESSES, ROUND_EVERY, "24h");
    let kept = scenarios::retention::of(&plan);
    assert!(kept.samples_ns.len() == 2 && kept.interval_ns == 1_000_000_000, "{kept:?}");
    let (recorder, writing) = Recorder::begin(folder.path(), &kept, |why| panic!("{why}")).unwrap();
    let zero_ns = chaos::clock::monotonic_ns();
    let mut bench = Bench {
        run: Driven::new(plan, &idle.processes(), false, |command| record(command, &recorder)),
        tick: Tick::new(zero_ns, (folder.path().to_path_buf(), true), recorder.clone()),
        recorder,
        zero_ns,
        bare: idle.processes().iter().map(|(pid, _)| Bare::of(*pid)).collect(),
        buffer: vec![0; 8192],
        parts: Parts::default(),
    };
    while bench.parts.floor.times < SECONDS {
        bench.next();
    }
    bench.parts.print();
    drop((bench.run, bench.tick, bench.recorder));
    assert_eq!(writing.finish(), 0, "records were dropped");
}

/// What a step of the dispatcher brought.
#[derive(Default)]
struct Ordered {
    sample: Option<SampleOrder>,
    /// Whether an interval ended.
    interval: bool,
}

impl Bench {
    /// Waits for what is due next and does it.
    fn next(&mut self) {
        let due_ns = self.run.state.next_due_ns().unwrap();
        std::thread::sleep(Duration::from_nanos(due_ns.saturating_sub(self.now_ns())));
        let (rounds, before) = (self.run.rounds, recorder_cpu());
        let (took, Ordered { sample, interval }) = self.step(What::Due);
        if let Some(order) = sample {
            self.parts.dispatcher.add(took);
            self.sample(&order);
        } else if interval && rounds == self.run.rounds {
            self.parts.interval.add(took);
            std::thread::sleep(WRITING);
            self.parts.interval_rows.add(recorder_cpu() - before);
        }
    }

    /// A tick from its order to the last byte of it, and later its floor.
    fn sample(&mut self, order: &SampleOrder) {
        let before = recorder_cpu();
        let (took, what) = cpu_of(|| self.tick.read(order));
        assert!(matches!(&what, What::Sampled { vanished, .. } if vanished.is_empty()), "{what:?}");
        let reading = if order.slow { &mut self.parts.slow } else { &mut self.parts.cheap };
        reading.add(took);
        let (took, _) = self.step(what);
        self.parts.dispatcher.cpu += took;
        std::thread::sleep(WRITING);
        self.parts.rows.add(recorder_cpu() - before);
        std::thread::sleep(APART);
        let (bare, buffer) = (&self.bare, &mut self.buffer);
        let slow = if order.slow { PSS_PER_GROUP } else { 0 };
        let (took, ()) = cpu_of(|| {
            bare.iter().for_each(|bare| bare.cheap(buffer));
            bare.iter().take(slow).for_each(|bare| bare.proportional(buffer));
        });
        self.parts.floor.add(took);
    }

    /// CPU time for taking something into account and handing in what is to be written of it.
    fn step(&mut self, what: What) -> (Duration, Ordered) {
        let at_ns = self.now_ns();
        cpu_of(|| {
            let mut ordered = Ordered::default();
            self.run.step(at_ns, what, |command| match command {
                Command::Sample(order) => ordered.sample = Some(order),
                command => {
                    ordered.interval |= matches!(command, Command::Record(Record::Checkpoint(_)));
                    record(command, &self.recorder);
                }
            });
            ordered
        })
    }

    fn now_ns(&self) -> u64 {
        chaos::clock::monotonic_ns() - self.zero_ns
    }
}

fn record(command: Command, recorder: &Recorder) {
    if let Command::Record(record) = command {
        recorder.record(record);
    }
}

/// CPU time of the thread that writes, so far.
fn recorder_cpu() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path());
    let named = |thread: &std::path::PathBuf| {
        std::fs::read_to_string(thread.join("comm")).is_ok_and(|name| name == "recorder\n")
    };
    let thread = threads.into_iter().find(named).expect("the recorder has a thread");
    let text = std::fs::read_to_string(thread.join("schedstat")).unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

impl Part {
    fn add(&mut self, took: Duration) {
        self.cpu += took;
        self.times += 1;
    }

    /// In milliseconds.
    fn mean(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e3 / f64::from(self.times)
    }
}

impl Parts {
    fn print(&self) {
        let readings = (self.cheap.cpu + self.slow.cpu).as_secs_f64() * 1e3 / f64::from(self.floor.times);
        let floor = self.floor.mean();
        let sampling = readings + self.dispatcher.mean() + self.rows.mean();
        let everything = sampling + self.interval.mean() + self.interval_rows.mean();
        println!("{PROCESSES} idle processes sampled each second for {SECONDS} s, CPU time a second, mean:");
        line("floor, the bare reads", floor, floor);
        line("readings", readings, floor);
        println!("    cheap ones {:.2} ms, slow ones {:.2} ms each", self.cheap.mean(), self.slow.mean());
        line("dispatcher: a tick ordered and taken in", self.dispatcher.mean(), floor);
        line("recorder: rows of the tick", self.rows.mean(), floor);
        line("sampling", sampling, floor);
        line("dispatcher: an interval ends", self.interval.mean(), floor);
        line("recorder: rows, histograms, checkpoint of it", self.interval_rows.mean(), floor);
        line("sampling and intervals", everything, floor);
        for (name, mean) in [("sampling", sampling), ("sampling and intervals", everything)] {
            let kept = if mean / 10.0 < REACH { "kept" } else { "NOT KEPT" };
            println!("  reach: {name} below {REACH} % of one core: {kept}");
        }
    }
}

fn line(name: &str, mean_ms: f64, floor_ms: f64) {
    println!("  {name:<46}{mean_ms:7.2} ms {:6.3} % {:6.2} x floor", mean_ms / 10.0, mean_ms / floor_ms);
}
