//! A run of 30 days with 500 agents, sampled each 10 s with a round each 10 s, as the real writers leave it on
//! disk; then what `plan` says of its size beforehand, and what judging it takes in time and memory, beside the floor
//! of the same run: the bytes of its evidence read and looked at one by one.
//!
//! `cargo bench -p shakedown --bench month`, or with a directory to keep the run in: `-- DIR`. A month that is in it
//! already is judged as it is.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure has nothing else to do")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of a benchmark"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use evidence::end::{Drain, End, How, Ledger, Shed, Ticks};
use evidence::event::{self, Edge, Event, Fact, MemberState};
use evidence::latency::{self, IntervalHistogram, Series};
use evidence::layout;
use evidence::manifest::SCHEMA;
use evidence::role::Role;
use evidence::round::{Interval, IntervalWriter, Round, RoundWriter};
use evidence::sample::{Group, Mark, Process, Sample};
use evidence::tier::Tables;
use scenarios::plan::Plan;

const S: u64 = 1_000_000_000;
const SCENARIO: &str = "name: month
why: How large is a month, and how long does it take to judge?
target:
  swarm: { shape: hybrid, coordinators: 10, workers_per_coordinator: 49 }
workload:
  rounds: { every: 10s, timeout: 30s, payload: 256B, work: echo }
phases: { warm_up: 1h, hold: 719h, drain: 30s }
sample: { every: 10s, slow_every: 1m40s }
soak:
  quiesce: { every: 6h, within: 30s }
gates:
  - delivery.rate >= 95%
  - round.time.max < 5s
  - memory.growth < 10%/h
  - memory.private.max < 64MiB
  - messages.lost == 0
";
const COORDINATORS: u32 = 10;
const WORKERS: u32 = 490;
/// How often it is judged; the median counts.
const JUDGINGS: usize = 5;

fn main() {
    let kept = std::env::args().nth(1).filter(|arg| !arg.starts_with('-'));
    let folder = tempfile::tempdir().unwrap();
    let run = kept.map_or_else(|| folder.path().join("run"), Into::into);
    std::fs::create_dir_all(&run).unwrap();
    let file = folder.path().join("month.yaml");
    std::fs::write(&file, SCENARIO).unwrap();
    let plan =
        scenarios::read(&file, &scenarios::Options::default()).map_err(|e| e.to_string()).unwrap().plan;
    if layout::END.within(&run).exists() {
        println!("judged as it was left: {}", run.display());
    } else {
        let begun = Instant::now();
        Month::write(&run, &plan);
        println!("written in {:.1} s", begun.elapsed().as_secs_f64());
    }
    let (told, found) = (scenarios::cost::of(&plan).disk_bytes, sizes(&run));
    let (mut floors, mut times, mut outcome) = (Vec::new(), Vec::new(), String::new());
    // Turn by turn, so that a change of the machine's speed meets both alike.
    for _ in 0..JUDGINGS {
        let begun = Instant::now();
        let sum = looked_at(&run);
        floors.push(begun.elapsed().as_secs_f64());
        assert_ne!(sum, 0, "a month has bytes");
        let begun = Instant::now();
        outcome = reports::render(&run).unwrap().verdict.outcome.to_string();
        times.push(begun.elapsed().as_secs_f64());
    }
    let (floor, took) = (median(floors), median(times));
    let page = layout::REPORT_HTML.within(&run).metadata().unwrap().len();
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let off = (told as f64 / found as f64 - 1.0) * 100.0;
    println!(
        "on disk   {:8.1} MiB, of 1,024 at most; `plan` says {:.1} MiB, {off:+.0} %",
        mebibytes(found),
        mebibytes(told)
    );
    println!("floor     {floor:8.3} s, reading all of it on one core, median of {JUDGINGS}");
    println!("judged in {took:8.2} s, of 2 at most, {:.1} x the floor: {outcome}", took / floor);
    println!("page      {:8.2} MiB, of 2 at most", mebibytes(page));
    println!("memory    {:8.1} MiB at most, of judging", mebibytes(peak()));
}

/// The bytes of all files, each looked at.
fn looked_at(run: &Path) -> u64 {
    let files = std::fs::read_dir(run).unwrap().map(|entry| entry.unwrap().path());
    files.flat_map(|path| std::fs::read(path).unwrap()).map(u64::from).sum()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The greatest resident memory of this process.
fn peak() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
}

/// What each file takes, printed, and all of them.
fn sizes(run: &Path) -> u64 {
    let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
    for entry in std::fs::read_dir(run).unwrap() {
        let entry = entry.unwrap();
        sizes.insert(entry.file_name().to_string_lossy().into_owned(), entry.metadata().unwrap().len());
    }
    sizes.iter().for_each(|(name, bytes)| println!("{:10.1} KiB  {name}", *bytes as f64 / 1024.0));
    sizes.values().sum()
}

/// A sequence of numbers between 0 and 1.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A time in nanoseconds around 3 ms, of which the logarithm spreads normally by 0.4.
    fn time(&mut self) -> u64 {
        let normal: f64 = (0..12).map(|_| self.roll()).sum::<f64>() - 6.0;
        (3e6 * (0.4 * normal).exp()) as u64
    }
}

/// What is written, tick by tick.
struct Month {
    dice: Dice,
    events: event::Writer,
    rounds: RoundWriter,
    intervals: IntervalWriter,
    tables: Tables,
}

impl Month {
    fn write(run: &Path, plan: &Plan) {
        std::fs::write(layout::PLAN.within(run), plan.to_json()).unwrap();
        std::fs::write(layout::SCENARIO.within(run), SCENARIO).unwrap();
        harness::manifest::of(plan, &setup(run, plan), 0).write(run).unwrap();
        let mut month = Self {
            dice: Dice(1),
            events: event::Writer::create(run).unwrap(),
            rounds: RoundWriter::create(&layout::ROUNDS.within(run)).unwrap(),
            intervals: IntervalWriter::create(&layout::INTERVALS.within(run)).unwrap(),
            tables: Tables::create(run, &scenarios::retention::of(plan)).unwrap(),
        };
        month.launch();
        let ticks = plan.load_ends_ns() / (10 * S);
        for tick in 0..ticks {
            month.tick(tick, if tick < 360 { "warm_up" } else { "hold" });
        }
        month.finish(run, ticks);
    }

    fn event(&mut self, at_ns: u64, fact: Fact) {
        let event = Event { at_ns, fact };
        self.tables.saw(&event).unwrap();
        self.events.append(&event).unwrap();
    }

    fn phase(&mut self, at_ns: u64, phase: &str, edge: Edge) {
        self.event(at_ns, Fact::Phase { phase: phase.to_owned(), edge });
    }

    fn launch(&mut self) {
        self.phase(0, "launch", Edge::Begin);
        self.event(1, Fact::TargetStarted { pid: 9, name: "swarm".into(), version: "1".into() });
        self.event(S, Fact::TargetReady { took_ns: S, agents: COORDINATORS + WORKERS });
        self.event(S, Fact::Limits { descriptors: 1024 });
        for agent in 0..COORDINATORS + WORKERS {
            let role = if agent < COORDINATORS { Role::Coordinator } else { Role::Worker };
            let state = MemberState::Ready;
            let (pid, parent) = (1_000 + agent, (role == Role::Worker).then_some(agent % COORDINATORS));
            self.event(
                S,
                Fact::Member { agent, role, pid, epoch: 1, parent, state, status: None, fault: None },
            );
        }
        self.phase(S, "launch", Edge::End);
        self.phase(S, "warm_up", Edge::Begin);
    }

    fn tick(&mut self, tick: u64, phase: &str) {
        let at_ns = S + tick * 10 * S;
        if tick == 360 {
            self.phase(at_ns, "warm_up", Edge::End);
            self.phase(at_ns, "hold", Edge::Begin);
        }
        self.round(tick, at_ns, phase);
        let slow = tick.is_multiple_of(10);
        let groups = [
            (Group::Coordinator, COORDINATORS),
            (Group::Worker, WORKERS),
            (Group::Support, 1),
            (Group::Harness, 1),
            (Group::Host, 0),
        ];
        let rows: Vec<Sample> =
            groups.into_iter().map(|(group, count)| self.sample(at_ns + 4 * S, group, count, slow)).collect();
        self.tables.samples(&rows).unwrap();
        let rest = tick > 360 && (tick - 360).is_multiple_of(2_160);
        if tick == 360 || slow || rest {
            let mark = if tick == 360 {
                Mark::Baseline
            } else if rest {
                Mark::Quiesced
            } else {
                Mark::Tick
            };
            self.processes(at_ns + 4 * S, mark);
        }
        if rest {
            let point = u32::try_from((tick - 360) / 2_160).unwrap();
            for (edge, rested) in [(Edge::Begin, None), (Edge::End, Some(true))] {
                self.event(at_ns + 3 * S, Fact::Quiesce { point, edge, rested, withheld: 0 });
            }
        }
    }

    fn round(&mut self, tick: u64, at_ns: u64, phase: &str) {
        let mut tasks = latency::empty();
        let mut slowest = 0;
        for _ in 0..WORKERS {
            let time = self.dice.time();
            slowest = slowest.max(time);
            latency::record(&mut tasks, time);
        }
        let mut whole = latency::empty();
        latency::record(&mut whole, slowest);
        for (series, histogram) in [
            (Series::Response, tasks.clone()),
            (Series::Service, tasks),
            (Series::Round, whole.clone()),
            (Series::TargetRound, whole),
        ] {
            self.tables
                .latency(IntervalHistogram { series, at_ns, length_ns: 10 * S, histogram: histogram.into() })
                .unwrap();
        }
        let round = Round {
            round: tick,
            phase: phase.to_owned(),
            due_ns: at_ns,
            started_ns: Some(at_ns + 51_234),
            ended_ns: Some(at_ns + slowest),
            expected: WORKERS,
            refused: 0,
            delivered: WORKERS,
            late: 0,
            timed_out: 0,
            duplicated: 0,
            target_ns: Some(slowest),
        };
        self.rounds.append(&round).unwrap();
        let tasks = u64::from(WORKERS);
        let interval = Interval {
            at_ns,
            length_ns: 10 * S,
            phase: phase.to_owned(),
            sent: tasks,
            acknowledged: tasks,
            answered: tasks,
            failed: vec![0],
            ..Interval::default()
        };
        self.intervals.append(&interval).unwrap();
    }

    fn sample(&mut self, at_ns: u64, group: Group, processes: u32, slow: bool) -> Sample {
        let count = u64::from(processes);
        if group == Group::Host {
            return Sample {
                cpu_ns: Some(at_ns / 5),
                available: Some(20_123_456_789),
                load: Some(0.5),
                major_faults: Some(at_ns / S / 7),
                swap: Some(0),
                ..Sample::empty(at_ns, group)
            };
        }
        let private = 460_000 + (self.dice.roll() * 10.0) as u64 * 4_096;
        let read = count.min(256);
        Sample {
            processes,
            rss_sum: Some(count * 2_300_000),
            rss_max: Some(2_400_000 + private / 10),
            private_sum: Some(count * private),
            private_max: Some(private + 40_960),
            pss_sum: slow.then_some(read * 520_000),
            pss_max: slow.then_some(580_000),
            pss_processes: slow.then_some(u32::try_from(read).unwrap()),
            descriptors_sum: Some(count * 9),
            descriptors_max: Some(61),
            threads_sum: Some(count),
            threads_max: Some(1),
            cpu_ns: Some(at_ns / 400 * count.max(1)),
            major_faults: Some(at_ns / S / 60),
            swap: Some(0),
            ..Sample::empty(at_ns, group)
        }
    }

    fn processes(&mut self, at_ns: u64, mark: Mark) {
        let rows: Vec<Process> = (0..COORDINATORS + WORKERS)
            .map(|agent| Process {
                at_ns,
                mark,
                group: if agent < COORDINATORS { Group::Coordinator } else { Group::Worker },
                agent: Some(agent),
                epoch: Some(1),
                pid: 1_000 + agent,
                rss: Some(2_300_000),
                private: Some(460_000 + (self.dice.roll() * 10.0) as u64 * 4_096),
                pss: agent.is_multiple_of(2).then_some(520_000),
                descriptors: Some(9),
                threads: Some(1),
                cpu_ns: Some(at_ns / 400),
            })
            .collect();
        self.tables.processes(&rows).unwrap();
    }

    fn finish(mut self, run: &Path, ticks: u64) {
        let at_ns = S + ticks * 10 * S;
        self.phase(at_ns, "hold", Edge::End);
        self.phase(at_ns, "drain", Edge::Begin);
        self.processes(at_ns + S, Mark::Drained);
        self.phase(at_ns + S, "drain", Edge::End);
        self.event(at_ns + 2 * S, Fact::TargetExited { status: "exit 0".into(), asked: true });
        self.tables.cut().unwrap();
        self.tables.flush().unwrap();
        self.events.flush().unwrap();
        self.rounds.flush().unwrap();
        self.intervals.flush().unwrap();
        let tasks = ticks * u64::from(WORKERS);
        let end = End {
            schema: SCHEMA,
            how: How::Finished,
            at_ns: at_ns + 2 * S,
            ledger: Ledger {
                sent: tasks,
                acknowledged: tasks,
                in_time: tasks,
                effects_duplicated: Some(0),
                ..Ledger::default()
            },
            drain: Some(Drain { completed: true, took_ns: S, outstanding: 0 }),
            shed: Shed::default(),
            ticks: Ticks { planned: ticks, in_time: ticks },
            lag_ns: 1_000_000,
            dropped_records: 0,
            interruptions: 0,
            stop_ns: Some(S),
            left_behind: Some(0),
            hung: Some(0),
            gauges: BTreeMap::new(),
            files: evidence::end::sizes(run),
        };
        end.write(run).unwrap();
    }
}

fn setup(run: &Path, plan: &Plan) -> harness::Setup {
    harness::Setup {
        run_dir: run.to_path_buf(),
        scenario_text: SCENARIO.to_owned(),
        run_id: "month".to_owned(),
        command: Vec::new(),
        bundled: Vec::new(),
        guardian: Vec::new(),
        fingerprint: plan.fingerprint(),
        certificate: std::path::PathBuf::new(),
        version: "1".to_owned(),
        binary: String::new(),
        started_wall: "2026-01-01T00:00:00Z".to_owned(),
    }
}
