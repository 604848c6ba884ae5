//! Thirty days of `scenarios/soak/30d-500.yaml`, a tick each ten seconds, in minutes: the real dispatcher decides, the
//! real recorder writes, the swarm of 511 agents is simulated. This process is the harness, and is read by the real
//! probe at each tick, so that the product's own gates judge whether it grows.
//!
//! `cargo bench -p shakedown --bench thirty_days`, or with a directory to keep the run in: `-- DIR`
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure has nothing else to do")]
#![expect(clippy::cast_precision_loss, reason = "numbers of a benchmark")]

#[path = "../tests/thirty_days/month.rs"]
mod month;
#[path = "../tests/thirty_days/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use evidence::sample::Sample;
use world::DAY;

/// The days after which the memory of the harness is printed.
const DAYS: [u64; 5] = [1, 2, 7, 14, 30];
/// What it must reach.
const DISK: u64 = 1 << 30;
const MEMORY: u64 = 64 << 20;
/// How far the estimate of the disk may be off.
const OFF: f64 = 0.2;

fn main() -> ExitCode {
    let kept = std::env::args().nth(1).filter(|arg| !arg.starts_with('-'));
    let folder = tempfile::tempdir().unwrap();
    let run = kept.map_or_else(|| folder.path().join("run"), Into::into);
    std::fs::create_dir_all(&run).unwrap();
    let loaded = month::plan("soak/30d-500.yaml", &[]);
    let began = Instant::now();
    let mut days = Days::default();
    let world = month::carry_out(&run, &loaded, world::Clock::default(), |own| days.saw(own));
    let took = began.elapsed();
    let end = &world.conclusion.as_ref().unwrap().end;
    println!("{:?} after {} ticks and {} tasks", end.how, end.ticks.planned, end.ledger.sent);
    println!("{:.2} s for each day of the run", took.as_secs_f64() / 30.0);
    days.print();
    // The reports are part of what a run leaves behind.
    let held = [judged(&run, days.most), disk(&run, &loaded.plan)];
    println!(
        "{}",
        if held == [true, true] { "it reaches what it must" } else { "IT DOES NOT REACH WHAT IT MUST" }
    );
    ExitCode::from(u8::from(held != [true, true]))
}

/// Memory of the harness at the end of some days, and the most of it.
#[derive(Debug, Default)]
struct Days {
    at: BTreeMap<u64, (u64, u64)>,
    most: u64,
}

impl Days {
    fn saw(&mut self, own: &Sample) {
        let (private, resident) = (own.private_sum.unwrap(), own.rss_sum.unwrap());
        self.most = self.most.max(private);
        let done = own.at_ns.div_ceil(DAY);
        if DAYS.contains(&done) {
            self.at.insert(done, (private, resident));
        }
    }

    fn print(&self) {
        println!("\n  day    private   resident   MiB");
        for (day, (private, resident)) in &self.at {
            println!("{day:5} {:10.2} {:10.2}", mebibytes(*private), mebibytes(*resident));
        }
    }
}

/// What is on the disk, beside what `plan` says of it; whether that is no more than allowed, and about what was said.
fn disk(run: &Path, plan: &scenarios::plan::Plan) -> bool {
    let files = month::on_disk(run, plan);
    println!("\n      found   `plan`   MiB");
    for (name, (told, found)) in &files {
        println!("{:11.2} {:8.2}   {name}", mebibytes(*found), mebibytes(*told));
    }
    let (told, found) = files.values().fold((0, 0), |sum, file| (sum.0 + file.0, sum.1 + file.1));
    let off = month::off(&files);
    println!(
        "on disk {:.1} MiB, of {} at most; `plan` says {:.1} MiB, {:+.1} %",
        mebibytes(found),
        mebibytes(DISK),
        mebibytes(told),
        off * 100.0
    );
    found < DISK && off.abs() <= OFF
}

/// Whether the gates on the harness hold, and nothing of the run was left out.
fn judged(run: &Path, most: u64) -> bool {
    let began = Instant::now();
    let verdict = reports::render(run).unwrap().verdict;
    println!("\njudged in {:.2} s: {} ({})", began.elapsed().as_secs_f64(), verdict.outcome, verdict.why);
    let go = verdict.gates.iter().filter(|gate| gate.outcome == reports::Outcome::Go).count();
    println!("{go} of {} gates are GO", verdict.gates.len());
    for gate in verdict.gates.iter().filter(|gate| gate.outcome != reports::Outcome::Go) {
        println!("{}: {}, {}", gate.id, gate.outcome, gate.why);
    }
    let own: Vec<_> = verdict.gates.iter().filter(|gate| gate.id.starts_with("harness.")).collect();
    for gate in &own {
        println!("{}: {}, {}", gate.id, gate.outcome, gate.why);
    }
    assert!(own.len() == 2, "the scenario has two gates on the harness");
    own.iter().all(|gate| gate.outcome == reports::Outcome::Go) && most < MEMORY
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
