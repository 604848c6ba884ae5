//! A run without input or output: the real dispatcher, and a target that answers every round at once.

use harness::dispatcher::{Command, Event, State, What, step};
use harness::ledger::Digests;
use protocol::{Answer, Member, Report, Role};
use scenarios::plan::Plan;

/// Bytes of payload of a task.
pub(crate) const PAYLOAD: u32 = 256;

/// How long the target takes for a round, in nanoseconds.
const ROUND_NS: u64 = 5_000_000;

/// The run.
pub(crate) struct Driven {
    pub(crate) state: State,
    /// Rounds that were sent.
    pub(crate) rounds: u64,
    digests: Digests,
    workers: u64,
    as_json: bool,
}

impl Driven {
    /// A run at the beginning of its timeline, with a worker for each of these processes, given by id and start
    /// time; an id of 0 is a worker without one. What the dispatcher orders meanwhile is handed to `other`.
    /// `as_json` has every report written and read as one.
    pub(crate) fn new(
        plan: Plan,
        processes: &[(u32, u64)],
        as_json: bool,
        mut other: impl FnMut(Command),
    ) -> Self {
        let state = State::new(plan, "bench".to_owned(), 0);
        let (digests, workers) = (Digests::new(PAYLOAD), processes.len() as u64);
        let mut run = Self { state, rounds: 0, digests, workers, as_json };
        let hello = Report::Hello {
            protocol: protocol::VERSION,
            name: "bench".into(),
            version: "1".into(),
            tells: Vec::new(),
        };
        let started = processes.iter().copied().filter(|(pid, _)| *pid != 0).collect();
        for (at_ns, what) in (0..).zip([
            What::Started { pid: 0 },
            What::Report(hello),
            What::Report(Report::Ready { members: members(processes) }),
            What::Identified { processes: started, descriptors: None },
        ]) {
            run.step(at_ns, what, &mut other);
        }
        run
    }

    /// Something happens; rounds that come of it are answered, and what else is ordered is handed to `other`.
    pub(crate) fn step(&mut self, at_ns: u64, what: What, mut other: impl FnMut(Command)) {
        for command in step(&mut self.state, Event { at_ns, what }) {
            let Command::Tell(protocol::Command::Round { round, tasks }) = command else {
                other(command);
                continue;
            };
            self.rounds += 1;
            for (at_ns, report) in self.reports(at_ns, round, &tasks) {
                let what = What::Report(self.told(report));
                step(&mut self.state, Event { at_ns, what }).into_iter().for_each(&mut other);
            }
        }
    }

    /// What the target says to a round, and when.
    fn reports(&self, at_ns: u64, round: u64, tasks: &protocol::Tasks) -> [(u64, Report); 3] {
        let (first, count) = (tasks.first, tasks.count);
        let tokens = first..first + u64::from(count);
        let items = tokens.map(|token| answer(token, self.workers, &self.digests)).collect();
        let done_ns = at_ns + ROUND_NS;
        [
            (at_ns, Report::Accepted { first, count, refused: 0 }),
            (done_ns, Report::Answers { items }),
            (done_ns, Report::Round { round, delivered: count, timed_out: 0, elapsed_ns: ROUND_NS }),
        ]
    }

    fn told(&self, report: Report) -> Report {
        if !self.as_json {
            return report;
        }
        let line = serde_json::to_vec(&report).expect("a report is JSON");
        serde_json::from_slice(&line).expect("it reads back")
    }
}

/// The right answer to a task, of one of so many workers.
pub(crate) fn answer(token: u64, workers: u64, digests: &Digests) -> Answer {
    let agent = u32::try_from(token % workers).unwrap_or(0) + 1;
    Answer { token, agent, epoch: 1, seq: token, attempt: 1, digest: digests.of(token) }
}

/// The plan of a scenario with a round each so often, read each second, for so long; the times in the words of a
/// scenario.
pub(crate) fn plan(workers: usize, round_every: &str, length: &str) -> Plan {
    let text = format!(
        "name: bench\nwhy: what does it cost?\n\
         target:\n  swarm: {{ shape: flat, workers: {workers} }}\n\
         workload:\n  rounds: {{ every: {round_every}, timeout: 30s, payload: {PAYLOAD}B, open: 100 }}\n\
         phases: {{ hold: {length} }}\n\
         sample: {{ every: 1s }}\n\
         gates: [delivery.rate >= 100%]\n"
    );
    let folder = tempfile::tempdir().expect("there is room for a scenario");
    let file = folder.path().join("bench.yaml");
    std::fs::write(&file, text).expect("there is room for a scenario");
    scenarios::read(&file, &scenarios::Options::default()).expect("it is a scenario").plan
}

/// A coordinator without a process and its workers.
fn members(processes: &[(u32, u64)]) -> Vec<Member> {
    let boss = Member { agent: 0, role: Role::Coordinator, pid: 0, epoch: 1, parent: None };
    let worker = |(agent, (pid, _)): (u32, &(u32, u64))| Member {
        agent,
        role: Role::Worker,
        pid: *pid,
        epoch: 1,
        parent: Some(0),
    };
    std::iter::once(boss).chain((1..).zip(processes).map(worker)).collect()
}
