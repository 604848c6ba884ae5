use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use chaos::process::Identity;

use super::*;

/// A process that does as it is told, a line at a time.
struct Told {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Told {
    fn new() -> Self {
        let mut child = Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut told = Self { child, input, output };
        told.to("");
        told
    }

    /// Has it done this, and waits until it is done.
    fn to(&mut self, command: &str) {
        writeln!(self.input, "{command}\necho done").unwrap();
        self.output.read_line(&mut String::new()).unwrap();
    }

    fn id(&self, group: Group, agent: u32) -> ProcessId {
        let Identity { pid, starttime } = Identity::of(self.child.id()).unwrap().unwrap();
        ProcessId { group, agent: Some(agent), epoch: Some(1), pid, starttime }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn of(tick: &Tick, group: Group) -> &Sample {
    tick.samples.iter().find(|sample| sample.group == group).unwrap()
}

fn now() -> u64 {
    chaos::clock::monotonic_ns()
}

#[test]
fn each_group_has_a_row_with_its_sums_and_its_greatest() {
    let (one, other, boss) = (Told::new(), Told::new(), Told::new());
    let members = [one.id(Group::Worker, 1), other.id(Group::Worker, 2), boss.id(Group::Coordinator, 3)];
    let zero = now();
    let tick = Sampler::new().tick(zero, &members, false, None);
    assert_eq!(
        tick.samples.iter().map(|s| (s.group, s.processes)).collect::<Vec<_>>(),
        [(Group::Coordinator, 1), (Group::Worker, 2), (Group::Harness, 1), (Group::Host, 0)]
    );
    let workers = of(&tick, Group::Worker);
    assert!(workers.at_ns > 0 && workers.at_ns <= now() - zero);
    assert_eq!((workers.threads_sum, workers.threads_max), (Some(2), Some(1)));
    let (sum, max) = (workers.rss_sum.unwrap(), workers.rss_max.unwrap());
    assert!(max >= 100 << 10 && sum > max && sum <= 2 * max, "{workers:?}");
    assert!(workers.private_sum.unwrap() < sum, "a shell shares the pages of its program");
    assert!(workers.descriptors_max.unwrap() >= 3);
    assert_eq!((workers.pss_sum, workers.available), (None, None));
    assert!(of(&tick, Group::Host).available.is_some());
    assert!(tick.processes.is_empty() && tick.vanished.is_empty());
}

#[test]
fn a_descriptor_and_a_mebibyte_more_are_seen() {
    let mut told = Told::new();
    let members = [told.id(Group::Worker, 1)];
    let mut sampler = Sampler::new();
    let before = sampler.tick(0, &members, false, None);
    told.to("exec 9</dev/null 8</dev/null; x=$(head -c 1048576 /dev/zero | tr '\\0' x)");
    let after = sampler.tick(0, &members, false, None);
    let (before, after) = (of(&before, Group::Worker), of(&after, Group::Worker));
    assert_eq!(after.descriptors_sum.unwrap() - before.descriptors_sum.unwrap(), 2);
    let grown = after.private_sum.unwrap() - before.private_sum.unwrap();
    assert!(grown >= 1 << 20, "{grown}");
}

#[test]
fn the_dead_have_vanished_and_are_never_zero() {
    let mut dead = Told::new();
    let alive = Told::new();
    let members = [dead.id(Group::Worker, 1), alive.id(Group::Worker, 2)];
    let mut sampler = Sampler::new();
    let both = sampler.tick(0, &members, false, None);
    assert_eq!(of(&both, Group::Worker).processes, 2);
    dead.child.kill().unwrap();
    // Not reaped: a zombie is as dead.
    let pid = members[0].pid;
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline
        && chaos::process::Stat::read(pid).unwrap().is_some_and(|stat| stat.is_alive())
    {
        std::thread::yield_now();
    }
    for reaped in [false, true] {
        if reaped {
            dead.child.wait().unwrap();
        }
        let tick = sampler.tick(0, &members, true, None);
        assert_eq!(tick.vanished, [pid]);
        let workers = of(&tick, Group::Worker);
        assert_eq!((workers.processes, workers.threads_sum), (1, Some(1)));
        assert!(tick.processes.iter().all(|p| p.pid != pid));
    }
    let last = sampler.tick(0, &members[..1], false, None);
    let workers = of(&last, Group::Worker);
    assert_eq!((workers.processes, workers.rss_sum, workers.rss_max), (0, None, None));
}

#[test]
fn another_process_with_the_same_id_is_not_read() {
    let told = Told::new();
    let mut member = told.id(Group::Worker, 1);
    member.starttime -= 1;
    let tick = Sampler::new().tick(0, &[member], false, None);
    assert_eq!(tick.vanished, [member.pid]);
}

#[test]
fn an_agent_without_a_process_is_passed_over() {
    let told = Told::new();
    let inside = ProcessId { pid: 0, ..told.id(Group::Worker, 1) };
    let tick = Sampler::new().tick(0, &[inside], true, Some(Mark::Baseline));
    assert_eq!(tick.vanished, [0; 0]);
    assert_eq!(tick.samples.iter().map(|s| s.group).collect::<Vec<_>>(), [Group::Harness, Group::Host]);
}

#[test]
fn cpu_time_of_a_group_keeps_what_its_dead_have_used() {
    let mut told = Told::new();
    let members = [told.id(Group::Worker, 1)];
    let mut sampler = Sampler::new();
    let used = |tick: &Tick| of(tick, Group::Worker).cpu_ns.unwrap();
    let before = used(&sampler.tick(0, &members, false, None));
    let mut after = before;
    while after < before + 50_000_000 {
        told.to("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done");
        let now = used(&sampler.tick(0, &members, false, None));
        assert!(now >= after, "it never sinks");
        after = now;
    }
    drop(told);
    assert_eq!(used(&sampler.tick(0, &members, false, None)), after);
    // As a coordinator, and of another process: what went before stays with the workers.
    let heir = Told::new();
    let tick = sampler.tick(0, &[heir.id(Group::Coordinator, 1)], false, None);
    assert_eq!(used(&tick), after);
    assert!(of(&tick, Group::Coordinator).cpu_ns.unwrap() < after);
}

#[test]
fn slow_ticks_and_marks_have_rows_of_single_processes() {
    let told = Told::new();
    let members = [told.id(Group::Worker, 7)];
    let mut sampler = Sampler::new();
    let tick = sampler.tick(0, &members, true, None);
    let rows: Vec<_> = tick.processes.iter().map(|p| (p.group, p.agent, p.epoch, p.mark)).collect();
    assert_eq!(
        rows,
        [(Group::Worker, Some(7), Some(1), Mark::Tick), (Group::Harness, None, None, Mark::Tick)]
    );
    let process = &tick.processes[0];
    assert!(process.pss.unwrap() <= process.rss.unwrap() && process.pss.unwrap() > 0);
    assert_eq!(of(&tick, Group::Worker).pss_processes, Some(1));
    assert_eq!(process.at_ns, tick.samples[0].at_ns);
    let tick = sampler.tick(0, &members, false, Some(Mark::Baseline));
    assert!(tick.processes.iter().all(|p| p.mark == Mark::Baseline && p.pss.is_none()));
    assert_eq!(tick.processes.len(), 2);
}

#[test]
fn proportional_memory_of_a_large_group_is_read_in_turn_until_all_had_theirs() {
    let ids = |count: u32, group| {
        (1..=count).map(move |pid| ProcessId { group, agent: Some(pid), epoch: Some(1), pid, starttime: 0 })
    };
    let members: Vec<ProcessId> = ids(3, Group::Coordinator).chain(ids(600, Group::Worker)).collect();
    let mut turn = [0; GROUPS];
    let mut read = vec![0; 601];
    for _ in 0..3 {
        let mut turns = PssTurns::new(&members, &mut turn, true);
        let next: Vec<bool> = members.iter().map(|m| turns.is_next(m.group)).collect();
        assert_eq!(next[..3], [true; 3], "a small group is read whole each time");
        assert_eq!(next.iter().filter(|n| **n).count(), 3 + PSS_PER_GROUP);
        next[3..].iter().enumerate().for_each(|(at, next)| read[at] += u32::from(*next));
    }
    assert!(read[..600].iter().all(|times| *times >= 1), "three turns of 256 reach all 600");
    let mut turns = PssTurns::new(&members, &mut turn, false);
    assert!(members.iter().all(|m| !turns.is_next(m.group)), "not in a cheap tick");
}
