//! CPU time to account for one task: issued, acknowledged, answered, entered into the histograms. Beside it, in
//! the same run, the floor: one look at the clock and one value recorded.
//!
//! `cargo bench -p shakedown-harness --bench record`

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

#[path = "support/driven.rs"]
mod driven;

use std::hint::black_box;
use std::time::Instant;

use evidence::latency::{self, Series};
use harness::dispatcher::What;
use harness::latency::Latency;
use harness::ledger::{Digests, Kind, Ledger, Terms};
use nix::time::{ClockId, clock_gettime};

use driven::{Driven, PAYLOAD, answer, plan};

const TASKS: u64 = 400_000;
const REPEATS: usize = 7;
/// Workers of the run, which take a round's tasks.
const WORKERS: u64 = 708;

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
    let mut run = driven(false);
    let mut now_ns = 10_000_000;
    let mut after_a_tenth = 0;
    for round in 0..7200 {
        now_ns += 50_000_000;
        run.step(now_ns, What::Due, drop);
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
            black_box(ledger.answer(&answer(answered, WORKERS, &digests), clock));
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
    let mut run = driven(as_json);
    let mut now_ns = 10_000_000;
    for _ in 0..TASKS / WORKERS {
        now_ns += 50_000_000;
        run.step(now_ns, What::Due, drop);
    }
    let done = run.state.progress(now_ns);
    assert!(done.delivery == Some(1.0) && done.rounds_done >= TASKS / WORKERS, "{done:?}");
}

/// A run of an hour with a round each 50 ms.
fn driven(as_json: bool) -> Driven {
    let processes = [(0, 0); WORKERS as usize];
    Driven::new(plan(processes.len(), "50ms", "1h"), &processes, as_json, drop)
}
