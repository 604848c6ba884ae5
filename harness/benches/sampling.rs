//! What one sampling tick of 2,000 processes costs in CPU time, beside its floor: the same files opened, read
//! and closed with nothing done about them, in the same run.
//!
//! `cargo bench -p shakedown-harness --bench sampling`
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure has nothing else to do")]

use std::ffi::CString;
use std::process::{Child, Command};
use std::time::Duration;

use chaos::process::Identity;
use evidence::sample::Group;
use harness::probes::{ProcessId, Sampler};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

const PROCESSES: usize = 2_000;
const ROUNDS: usize = 21;
/// What the project promises for a cheap tick.
const PROMISED: Duration = Duration::from_millis(80);

/// Idle processes, ended when dropped.
struct Idle(Vec<Child>);

impl Idle {
    fn start(count: usize) -> Self {
        let mut idle = Self(Vec::with_capacity(count));
        for _ in 0..count {
            idle.0.push(Command::new("sleep").arg("300").spawn().unwrap());
        }
        idle
    }

    fn members(&self) -> Vec<ProcessId> {
        let id = |(agent, child): (u32, &Child)| {
            let Identity { pid, starttime } = Identity::of(child.id()).unwrap().unwrap();
            ProcessId { group: Group::Worker, agent: Some(agent), epoch: Some(1), pid, starttime }
        };
        (0..).zip(&self.0).map(id).collect()
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}

/// The paths of one process, made beforehand.
struct Paths {
    files: [CString; 2],
    descriptors: CString,
}

impl Paths {
    fn of(pid: u32) -> Self {
        let path = |name| CString::new(format!("/proc/{pid}/{name}")).unwrap();
        Self { files: [path("stat"), path("statm")], descriptors: path("fd") }
    }

    fn read(&self, buffer: &mut [u8]) {
        use nix::fcntl::{OFlag, open};
        for file in &self.files {
            let fd = open(file.as_c_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty());
            nix::unistd::read(fd.unwrap(), buffer).unwrap();
        }
        nix::sys::stat::stat(self.descriptors.as_c_str()).unwrap();
    }
}

/// CPU time that this thread takes for something.
fn cpu_of(work: impl FnOnce()) -> Duration {
    let used = || {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
        let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        Duration::from_micros(u64::try_from(microseconds).unwrap())
    };
    let before = used();
    work();
    used() - before
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() {
    let idle = Idle::start(PROCESSES);
    let members = idle.members();
    let paths: Vec<Paths> = members.iter().map(|member| Paths::of(member.pid)).collect();
    let mut sampler = Sampler::new();
    let mut buffer = vec![0; 8192];
    let (mut floors, mut cheap, mut slow) = (Vec::new(), Vec::new(), Vec::new());
    // Turn by turn, so that a change of the machine's speed meets all alike.
    for _ in 0..ROUNDS {
        floors.push(cpu_of(|| paths.iter().for_each(|paths| paths.read(&mut buffer))));
        cheap.push(cpu_of(|| {
            let tick = sampler.tick(0, &members, false, None);
            assert!(tick.vanished.is_empty(), "{} of the processes are gone", tick.vanished.len());
        }));
        slow.push(cpu_of(|| drop(sampler.tick(0, &members, true, None))));
    }
    let (floor, cheap, slow) = (median(floors), median(cheap), median(slow));
    let ratio = cheap.as_secs_f64() / floor.as_secs_f64();
    println!("{PROCESSES} idle processes, CPU time of one tick, median of {ROUNDS}:");
    println!("  floor, the bare reads   {:7.1} ms", floor.as_secs_f64() * 1e3);
    println!("  cheap tick              {:7.1} ms   {ratio:.2} x the floor", cheap.as_secs_f64() * 1e3);
    println!("  slow tick               {:7.1} ms", slow.as_secs_f64() * 1e3);
    let kept = if cheap < PROMISED { "kept" } else { "NOT KEPT" };
    println!("  promised: a cheap tick below {} ms of CPU: {kept}", PROMISED.as_millis());
}
