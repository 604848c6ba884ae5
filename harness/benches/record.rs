//! CPU time to account for one task: issued, acknowledged, answered, entered into the histograms. Beside it, in
//! the same run, the floor: one look at the clock and one value recorded.
//!
//! `cargo bench -p shakedown-harness --bench record`

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::hint::black_box;
use std::time::Instant;

use evidence::latency::{self, Series};
use harness::dispatcher::{Command, Event, State, What, step};
use harness::latency::Latency;
use harness::ledger::{Digests, Kind, Ledger, Terms};
use nix::time::{ClockId, clock_gettime};
use protocol::{Answer, Member, Report, Role};

const TASKS: u64 = 400_000;
const REPEATS: usize = 7;
const PAYLOAD: u32 = 256;

fn main() {
    let mut rows: [(&str, Vec<f64>); 5] = [
        ("floor: one look at the clock, one value recorded", Vec::new()),
        ("single tasks: ledger and histograms", Vec::new()),
        ("rounds of 708: ledger and histograms", Vec::new()),
        ("rounds of 708: through the dispatcher", Vec::new()),
        ("the same, with the lines read as JSON", Vec::new()),
    ];
    // Interleaved, so that whatever else the machine does falls on all of them.
    for _ in 0..REPEATS {
        rows[0].1.push(per_task(floor));
        rows[1].1.push(per_task(|| ledger(1)));
        rows[2].1.push(per_task(|| ledger(708)));
        rows[3].1.push(per_task(|| dispatcher(false)));
        rows[4].1.push(per_task(|| dispatcher(true)));
    }
    let medians: Vec<f64> = rows.iter_mut().map(|(_, times)| median(times)).collect();
    println!("CPU time a task, median of {REPEATS} repeats of {TASKS} tasks, {PAYLOAD} B of payload");
    for ((name, _), median) in rows.iter().zip(&medians) {
        println!("{median:8.1} ns  {:6.1} x floor  {name}", median / medians[0]);
    }
    println!("to reach: below 2,000 ns");
    memory();
}

/// What the accounting of as many rounds as an hour has at one each half second takes, and how much of that
/// came after the first tenth.
fn memory() {
    let mut run = Driven::new(false);
    let mut now_ns = 10_000_000;
    let mut after_a_tenth = 0;
    for round in 0..7200 {
        now_ns += 50_000_000;
        run.step(now_ns, What::Due);
        if round == 720 {
            after_a_tenth = private_bytes();
        }
    }
    let after_all = private_bytes();
    println!(
        "{:.1} MiB private after 7,200 rounds of 708, {} KiB more than after 720",
        mebibytes(after_all),
        after_all.saturating_sub(after_a_tenth) >> 10
    );
}

#[expect(clippy::cast_precision_loss, reason = "a number for a person")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Resident memory less what is shared, of this process.
fn private_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let mut pages = text.split(' ').filter_map(|word| word.parse::<u64>().ok()).skip(1);
    let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
    (resident - shared) * 4096
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// CPU time of this thread for one task, in nanoseconds.
fn per_task(work: impl FnOnce()) -> f64 {
    let cpu = || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(0.0, |t| nanos(&t));
    let before = cpu();
    work();
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
    let tasks = TASKS as f64;
    (cpu() - before) / tasks
}

#[expect(clippy::cast_precision_loss, reason = "a benchmark lasts seconds")]
fn nanos(time: &nix::sys::time::TimeSpec) -> f64 {
    time.tv_sec() as f64 * 1e9 + time.tv_nsec() as f64
}

fn floor() {
    let mut histogram = latency::empty();
    let begun = Instant::now();
    for _ in 0..TASKS {
        let elapsed = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(0);
        latency::record(&mut histogram, black_box(elapsed));
    }
    black_box(histogram);
}

fn answer(token: u64, digests: &Digests) -> Answer {
    let agent = u32::try_from(token % 708).unwrap_or(0) + 1;
    Answer { token, agent, epoch: 1, seq: token, attempt: 1, digest: digests.of(token) }
}

/// Tasks in lots of this size, a thousand lots open at any time.
fn ledger(lot: u32) {
    let terms = Terms { payload: PAYLOAD, timeout_ns: 30_000_000_000 };
    let mut ledger = Ledger::new(terms, terms);
    let mut times = Latency::default();
    let digests = Digests::new(PAYLOAD);
    let behind = u64::from(lot) * if lot == 1 { 1000 } else { 2 };
    let mut clock = 0;
    let mut answered = 1;
    for _ in 0..TASKS / u64::from(lot) {
        clock += 1_000;
        let first = ledger.issue(Kind::Single, 0, lot, clock, clock + 100);
        let accepted = ledger.accept(first, lot, 0, |_| ());
        black_box(accepted).ok();
        while answered + behind < first + u64::from(lot) {
            black_box(ledger.answer(&answer(answered, &digests), clock));
            times.record(Series::Response, clock);
            times.record(Series::Service, clock);
            answered += 1;
        }
    }
    assert_eq!(ledger.counts().work.in_time, answered - 1, "every answer was a right one");
    black_box(times);
}

/// Whole rounds as the run does them, with a report for each thing that a target says.
fn dispatcher(as_json: bool) {
    let mut run = Driven::new(as_json);
    let mut now_ns = 10_000_000;
    for _ in 0..TASKS / 708 {
        now_ns += 50_000_000;
        run.step(now_ns, What::Due);
    }
    let done = run.state.progress(now_ns);
    assert!(done.delivery == Some(1.0) && done.rounds_done >= TASKS / 708, "{done:?}");
}

/// A run whose target answers every round at once.
struct Driven {
    state: State,
    digests: Digests,
    as_json: bool,
}

impl Driven {
    fn new(as_json: bool) -> Self {
        let plan = serde_json::from_value(plan()).expect("the plan of this benchmark is one");
        let state = State::new(plan, "bench".to_owned(), 0);
        let mut run = Self { state, digests: Digests::new(PAYLOAD), as_json };
        run.step(0, What::Started { pid: 0 });
        let hello = Report::Hello {
            protocol: protocol::VERSION,
            name: "bench".into(),
            version: "1".into(),
            tells: Vec::new(),
        };
        run.step(1, What::Report(hello));
        let members = (0..=708)
            .map(|agent| Member {
                agent,
                role: if agent == 0 { Role::Coordinator } else { Role::Worker },
                pid: 0,
                epoch: 1,
                parent: None,
            })
            .collect();
        run.step(2, What::Report(Report::Ready { members }));
        run.step(3, What::Identified(Vec::new()));
        run
    }

    fn step(&mut self, at_ns: u64, what: What) {
        for command in step(&mut self.state, Event { at_ns, what }) {
            let Command::Tell(protocol::Command::Round { round, tasks }) = command else {
                continue;
            };
            let end = tasks.first + u64::from(tasks.count);
            self.report(at_ns, Report::Accepted { first: tasks.first, count: tasks.count, refused: 0 });
            let items = (tasks.first..end).map(|token| answer(token, &self.digests)).collect();
            self.report(at_ns + 5_000_000, Report::Answers { items });
            let told = Report::Round { round, delivered: tasks.count, timed_out: 0, elapsed_ns: 5_000_000 };
            self.report(at_ns + 5_000_000, told);
        }
    }

    fn report(&mut self, at_ns: u64, report: Report) {
        let report = if self.as_json {
            let line = serde_json::to_vec(&report).expect("a report is JSON");
            serde_json::from_slice(&line).expect("it reads back")
        } else {
            report
        };
        self.step(at_ns, What::Report(report));
    }
}

fn plan() -> serde_json::Value {
    serde_json::json!({
        "schema": 1, "scenario": "bench", "why": "", "seed": 1, "rehearsal": null,
        "target": {
            "command": null, "config": null, "agents": null, "shape": "",
            "ready_within_ms": 1000, "stop_within_ms": 1000
        },
        "workload": {
            "rounds": {
                "every_ns": 50_000_000, "timeout_ns": 30_000_000_000_u64, "payload": PAYLOAD,
                "work": { "kind": "echo" }, "open": 100
            },
            "arrivals": null
        },
        "phases": [{ "name": "hold", "at_ns": 0, "length_ns": 3_600_000_000_000_u64 }],
        "sample": { "every_ns": 1_000_000_000, "slow_every_ns": 10_000_000_000_u64 },
        "faults": [], "gates": []
    })
}
