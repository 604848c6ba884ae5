//! One reading of 2,000 processes, one behind the other, beside the bare reads in the same run.

use std::time::Duration;

use evidence::sample::Group;
use harness::probes::{ProcessId, Sampler};

use crate::idle::{Bare, Idle, cpu_of};

const PROCESSES: usize = 2_000;
const ROUNDS: usize = 21;
/// What the project promises for a cheap tick.
const PROMISED: Duration = Duration::from_millis(80);

pub(crate) fn measure() {
    let idle = Idle::start(PROCESSES);
    let members = members(&idle);
    let bare: Vec<Bare> = members.iter().map(|member| Bare::of(member.pid)).collect();
    let mut sampler = Sampler::new();
    let mut buffer = vec![0; 8192];
    let (mut floors, mut cheap, mut slow) = (Vec::new(), Vec::new(), Vec::new());
    // Turn by turn, so that a change of the machine's speed meets all alike.
    for _ in 0..ROUNDS {
        floors.push(cpu_of(|| bare.iter().for_each(|bare| bare.cheap(&mut buffer))).0);
        let (took, tick) = cpu_of(|| sampler.tick(0, &members, false, None));
        assert!(tick.vanished.is_empty(), "{} of the processes are gone", tick.vanished.len());
        cheap.push(took);
        slow.push(cpu_of(|| drop(sampler.tick(0, &members, true, None))).0);
    }
    let (floor, cheap, slow) = (median(floors), median(cheap), median(slow));
    let ratio = cheap.as_secs_f64() / floor.as_secs_f64();
    println!("{PROCESSES} idle processes, CPU time of one reading, median of {ROUNDS}:");
    println!("  floor, the bare reads   {:7.1} ms", floor.as_secs_f64() * 1e3);
    println!("  cheap reading           {:7.1} ms   {ratio:.2} x the floor", cheap.as_secs_f64() * 1e3);
    println!("  slow reading            {:7.1} ms", slow.as_secs_f64() * 1e3);
    let kept = if cheap < PROMISED { "kept" } else { "NOT KEPT" };
    println!("  promised: a cheap one below {} ms of CPU: {kept}", PROMISED.as_millis());
}

fn members(idle: &Idle) -> Vec<ProcessId> {
    let id = |(agent, (pid, starttime))| ProcessId {
        group: Group::Worker,
        agent: Some(agent),
        epoch: Some(1),
        pid,
        starttime,
    };
    (0..).zip(idle.processes()).map(id).collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
