//! A swarm, a nemesis and a host that exist only as events in a queue, for any plan whose faults are kills: the real
//! dispatcher goes through the plan in seconds, on time that nothing waits for. What it has written down is given to
//! a sink, and the only thing that is read and not made up is this process itself, as the harness.
#![allow(dead_code, reason = "every user of it uses a part")]
#![allow(clippy::unwrap_used, reason = "what cannot be simulated ends the test or the benchmark")]

use std::collections::BTreeMap;

use evidence::event::{FaultStep, Proof, Reading, Subject, Victim};
use evidence::role::Role;
use evidence::sample::{Group, Process, Sample};
use harness::clocks::Clocks;
use harness::dispatcher::{Applied, Command, Conclusion, Event, SampleOrder, State, TickSummary, What, step};
use harness::ledger::Digests;
use harness::probes;
use harness::recorder::Record;
use protocol::{Answer, Capability, How, Member, MemberState, Report, Tasks};
use scenarios::plan::{FaultKind, Plan};

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000 * MS;
pub(crate) const HOUR: u64 = 3_600 * SECOND;
pub(crate) const DAY: u64 = 24 * HOUR;
/// Answers that come in one line.
const LINE: u32 = 20;
/// From the death of a coordinator until its workers have another, and until it is back.
const MOVED_NS: u64 = 50 * MS;
const BACK_NS: u64 = 400 * MS;

/// One agent of the swarm.
#[derive(Debug, Clone)]
struct Agent {
    role: Role,
    pid: u32,
    epoch: u32,
    /// The coordinator that it has by the shape.
    home: Option<u32>,
    /// Tasks that this life has executed.
    seq: u64,
}

/// What the clocks of the host do beside going on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    /// The host sleeps at this time of the run, so long.
    pub(crate) sleeps: Option<(u64, u64)>,
    /// The wall clock is set at this time, by so much.
    pub(crate) is_set: Option<(u64, i64)>,
}

/// A run in progress.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) now_ns: u64,
    clock: Clock,
    /// When which fault was injected, and how many victims it had.
    pub(crate) injected: Vec<(u64, usize, usize)>,
    pub(crate) conclusion: Option<Conclusion>,
    queue: BTreeMap<(u64, u64), What>,
    serial: u64,
    agents: Vec<Agent>,
    next_pid: u32,
    digests: BTreeMap<u32, Digests>,
    dice: u64,
    effects: u64,
    own: probes::Sampler,
}

impl World {
    pub(crate) fn new(plan: Plan, clock: Clock) -> Self {
        let agents = agents(&plan);
        let mut world = Self {
            state: State::new(plan, "month".to_owned(), 0),
            now_ns: 0,
            clock,
            injected: Vec::new(),
            conclusion: None,
            queue: BTreeMap::new(),
            serial: 0,
            next_pid: 1_000_000,
            agents,
            digests: BTreeMap::new(),
            dice: 1,
            effects: 0,
            own: probes::Sampler::new(),
        };
        world.at(0, What::Started { pid: 99 });
        world
    }

    /// Zero of the plan, in nanoseconds since the start of the run: when the swarm was ready.
    pub(crate) const ZERO_NS: u64 = MS + SECOND;

    /// Goes through the whole plan.
    pub(crate) fn run(&mut self, mut sink: impl FnMut(u64, Record)) {
        while self.conclusion.is_none() {
            self.turn(&mut sink);
        }
    }

    /// Does whatever comes next.
    pub(crate) fn turn(&mut self, sink: &mut impl FnMut(u64, Record)) {
        let queued = self.queue.first_key_value().map(|((at_ns, _), _)| *at_ns);
        let due = self.state.next_due_ns();
        let (at_ns, what) = match (queued, due) {
            (Some(queued), Some(due)) if due < queued => (due, What::Due),
            (Some(_), _) => self.queue.pop_first().map(|((at_ns, _), what)| (at_ns, what)).unwrap(),
            (None, Some(due)) => (due, What::Due),
            (None, None) => panic!("nothing is due and nothing will happen"),
        };
        self.now_ns = self.now_ns.max(at_ns);
        for command in step(&mut self.state, Event { at_ns: self.now_ns, what }) {
            self.obey(command, sink);
        }
    }

    /// Something will happen.
    pub(crate) fn at(&mut self, at_ns: u64, what: What) {
        self.serial += 1;
        self.queue.insert((at_ns.max(self.now_ns), self.serial), what);
    }

    fn tell(&mut self, after_ns: u64, report: Report) {
        self.at(self.now_ns + after_ns, What::Report(report));
    }

    fn obey(&mut self, command: Command, sink: &mut impl FnMut(u64, Record)) {
        let now_ns = self.now_ns;
        match command {
            Command::Record(record) => sink(now_ns, record),
            Command::Tell(command) => self.told(command),
            Command::Identify(pids) => {
                let processes = pids.into_iter().map(|pid| (pid, 1)).collect();
                self.at(now_ns, What::Identified { processes, descriptors: Some(1024) });
            }
            Command::Inject { fault, victims } => self.kill(fault, &victims),
            Command::Sample(order) => self.read(&order, sink),
            Command::EndTarget => self.at(now_ns + MS, What::Ended { left_behind: Some(0) }),
            Command::Finish(conclusion) => self.conclusion = Some(*conclusion),
            Command::Notify(_) => {}
            Command::Heal { .. } | Command::KillTarget | Command::StartTarget => {
                panic!("only kills are simulated")
            }
        }
    }

    fn told(&mut self, command: protocol::Command) {
        use Capability as C;
        use protocol::Command as Told;
        match command {
            Told::Hello { .. } => {
                let tells =
                    vec![C::Members, C::Recovery, C::RoundTime, C::Effects, C::Gauges, C::To, C::Attach];
                let (name, version) = ("simulated".to_owned(), "1".to_owned());
                self.tell(MS, Report::Hello { protocol: protocol::VERSION, name, version, tells });
            }
            Told::Launch { .. } => {
                let members = self.members();
                self.tell(SECOND, Report::Ready { members });
            }
            Told::Attach { .. } => {
                let members = self.members();
                self.tell(MS, Report::Attached { members, gone: Vec::new() });
            }
            Told::Round { round, tasks } => self.round(round, &tasks),
            Told::Send { tasks, .. } => self.work(&tasks, 300 * MS),
            Told::Quiesce {} => self.tell(MS, Report::Quiesced {}),
            Told::Drain { .. } => self.tell(SECOND, Report::Drained { outstanding: 0 }),
            Told::Snapshot {} => {
                #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
                let gauges = BTreeMap::from([("effects".to_owned(), self.effects as f64)]);
                self.tell(MS, Report::Snapshot { gauges });
            }
            Told::Stop {} => {
                self.tell(MS, Report::Stopped {});
                self.at(self.now_ns + 2 * MS, What::Exited { status: "exit 0".to_owned() });
            }
            Told::Fault { .. } | Told::Heal { .. } => panic!("only kills are simulated"),
        }
    }

    fn round(&mut self, round: u64, tasks: &Tasks) {
        let before_ns = self.now_ns;
        let slowest_ns = self.work_until(tasks, 10 * MS);
        let (delivered, elapsed_ns) = (tasks.count, slowest_ns - before_ns);
        self.at(slowest_ns, What::Report(Report::Round { round, delivered, timed_out: 0, elapsed_ns }));
    }

    fn work(&mut self, tasks: &Tasks, takes_ns: u64) {
        self.work_until(tasks, takes_ns);
    }

    /// Takes tasks, executes them, some in a line, and answers; when the last answer comes.
    fn work_until(&mut self, tasks: &Tasks, takes_ns: u64) -> u64 {
        self.tell(10_000, Report::Accepted { first: tasks.first, count: tasks.count, refused: 0 });
        let workers = self.agents.iter().position(|a| a.role == Role::Worker).unwrap();
        let mut last_ns = self.now_ns;
        for line in (0..tasks.count).step_by(LINE as usize) {
            let items = (line..tasks.count.min(line + LINE)).map(|n| {
                let place = workers + n as usize % (self.agents.len() - workers);
                let token = tasks.first + u64::from(n);
                let digest = self.digests.entry(tasks.payload).or_insert_with(|| Digests::new(tasks.payload));
                let digest = digest.of(token);
                let agent = &mut self.agents[place];
                agent.seq += 1;
                Answer { token, agent: place as u32, epoch: agent.epoch, seq: agent.seq, attempt: 1, digest }
            });
            let items: Vec<Answer> = items.collect();
            self.effects += items.len() as u64;
            let at_ns = self.now_ns + takes_ns + self.spread_ns();
            last_ns = last_ns.max(at_ns);
            self.at(at_ns, What::Report(Report::Answers { items }));
        }
        last_ns
    }

    fn roll(&mut self) -> f64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        #[expect(clippy::cast_precision_loss, reason = "53 bits")]
        let unit = (self.dice >> 11) as f64 / (1_u64 << 53) as f64;
        unit
    }

    /// A time around 3 ms, of which the logarithm spreads normally by 0.4.
    fn spread_ns(&mut self) -> u64 {
        let normal: f64 = (0..12).map(|_| self.roll()).sum::<f64>() - 6.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some milliseconds")]
        let spread_ns = (3e6 * (0.4 * normal).exp()) as u64;
        spread_ns
    }

    /// Kills these at once. Orphans have another coordinator soon, and their own again when it is back.
    fn kill(&mut self, fault: usize, victims: &[chaos::Victim]) {
        assert!(
            matches!(self.state.plan().faults[fault].kind, FaultKind::Kill { .. }),
            "only kills are simulated"
        );
        self.injected.push((self.now_ns, fault, victims.len()));
        let at_ns = self.now_ns + MS / 2;
        let level = self.state.plan().faults[fault].requires;
        let reading = || {
            let (source, expected, found) = ("pidfd".to_owned(), "gone".to_owned(), "gone".to_owned());
            Reading { at_ns, level, source, expected, found }
        };
        let proven = |v: &chaos::Victim| Victim {
            subject: Subject::Agent { agent: v.agent, role: v.role },
            pid: v.pid,
            proof: Proof::Proven,
            readings: vec![reading()],
        };
        let injected = Applied {
            step: FaultStep::Injected,
            at_ns,
            victims: victims.iter().map(proven).collect(),
            why: None,
        };
        self.at(self.now_ns + MS, What::Injected { fault, injected });
        let dead: Vec<u32> = victims.iter().map(|v| v.agent).collect();
        for agent in &dead {
            self.leave(*agent, at_ns);
        }
        for agent in dead.iter().copied() {
            let heir =
                (0..).find(|n| self.agents[*n as usize].role == Role::Coordinator && !dead.contains(n));
            self.move_children(agent, heir.unwrap(), at_ns + MOVED_NS);
            self.come_back(agent, at_ns + BACK_NS);
            self.move_children(agent, agent, at_ns + BACK_NS + MS);
        }
    }

    fn member(&self, number: u32, parent: Option<u32>) -> Member {
        let agent = &self.agents[number as usize];
        let role = harness::members::to_protocol(agent.role);
        Member { agent: number, role, pid: agent.pid, epoch: agent.epoch, parent }
    }

    fn members(&self) -> Vec<Member> {
        (0..self.agents.len() as u32).map(|n| self.member(n, self.agents[n as usize].home)).collect()
    }

    fn leave(&mut self, agent: u32, at_ns: u64) {
        let member = self.member(agent, self.agents[agent as usize].home);
        let (state, status) = (MemberState::Left, Some("signal 9".to_owned()));
        self.at(at_ns, What::Report(Report::Member { member, state, status, at_ns }));
        self.at(at_ns, What::Report(Report::Suspected { agent, by: None, how: How::Death, at_ns }));
    }

    fn come_back(&mut self, agent: u32, at_ns: u64) {
        self.next_pid += 1;
        let life = &mut self.agents[agent as usize];
        (life.pid, life.epoch, life.seq) = (self.next_pid, life.epoch + 1, 0);
        let member = self.member(agent, self.agents[agent as usize].home);
        let (state, status) = (MemberState::Replaced, None);
        self.at(at_ns, What::Report(Report::Member { member, state, status, at_ns }));
    }

    fn move_children(&mut self, of: u32, to: u32, at_ns: u64) {
        let mine = |(_, agent): &(usize, &Agent)| agent.home == Some(of);
        let children: Vec<u32> = self.agents.iter().enumerate().filter(mine).map(|(n, _)| n as u32).collect();
        let workers = children.len() as u32;
        for child in children {
            let member = self.member(child, Some(to));
            let (state, status) = (MemberState::Moved, None);
            self.at(at_ns, What::Report(Report::Member { member, state, status, at_ns }));
        }
        if workers > 0 {
            let (to, epoch) = (vec![to], self.agents[of as usize].epoch);
            self.at(at_ns, What::Report(Report::Assigned { from: of, to, workers, resent: 0, epoch, at_ns }));
        }
    }

    /// The processes are read. Those of the swarm are made up; this one, the harness, is read by the real probe.
    fn read(&mut self, order: &SampleOrder, sink: &mut impl FnMut(u64, Record)) {
        let at_ns = self.now_ns + 4 * MS;
        let own = self.own.tick(0, &[], order.slow, order.mark);
        let groups = [Group::Master, Group::Coordinator, Group::Worker, Group::Support];
        let mut samples: Vec<Sample> =
            groups.into_iter().filter_map(|group| self.group(order, group, at_ns)).collect();
        samples.extend(own.samples.into_iter().map(|sample| Sample { at_ns, ..sample }));
        sink(self.now_ns, Record::Samples(samples.clone()));
        if order.slow || order.mark.is_some() {
            let mut rows: Vec<Process> =
                order.processes.iter().map(|p| self.process(order, p, at_ns)).collect();
            rows.extend(own.processes.into_iter().map(|process| Process { at_ns, ..process }));
            sink(self.now_ns, Record::Processes(rows));
            self.gauges();
        }
        sink(self.now_ns, Record::Flush);
        let tick = TickSummary {
            samples,
            clocks: self.clocks(),
            run_bytes: Some(1 << 20),
            free_bytes: Some(1 << 40),
        };
        self.at(at_ns, What::Sampled { vanished: Vec::new(), mark: order.mark, tick });
    }

    fn group(&mut self, order: &SampleOrder, group: Group, at_ns: u64) -> Option<Sample> {
        let processes = order.processes.iter().filter(|p| p.group == group).count() as u32;
        let count = u64::from(processes);
        let private = self.private();
        let read = order.slow.then_some(count.min(256));
        (processes > 0).then(|| Sample {
            processes,
            rss_sum: Some(count * 2_300_000),
            rss_max: Some(2_400_000),
            private_sum: Some(count * private),
            private_max: Some(private + 40_960),
            pss_sum: read.map(|read| read * 520_000),
            pss_max: read.map(|_| 580_000),
            pss_processes: read.map(|read| read as u32),
            descriptors_sum: Some(count * 9),
            descriptors_max: Some(61),
            threads_sum: Some(count),
            threads_max: Some(1),
            cpu_ns: Some(at_ns / 400 * count),
            major_faults: Some(7),
            swap: Some(0),
            ..Sample::empty(at_ns, group)
        })
    }

    fn process(&mut self, order: &SampleOrder, of: &probes::ProcessId, at_ns: u64) -> Process {
        Process {
            at_ns,
            mark: order.mark.unwrap_or(evidence::sample::Mark::Tick),
            group: of.group,
            agent: of.agent,
            epoch: of.epoch,
            pid: of.pid,
            rss: Some(2_300_000),
            private: Some(self.private()),
            pss: of.pid.is_multiple_of(2).then_some(520_000),
            descriptors: Some(9),
            threads: Some(1),
            cpu_ns: Some(at_ns / 400),
        }
    }

    /// Private memory of an agent that keeps nothing: one of ten pages more or less.
    fn private(&mut self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below ten")]
        let pages = (self.roll() * 10.0) as u64;
        460_000 + pages * 4_096
    }

    /// What the bundled runtime tells now and then: how the work is spread over the coordinators.
    fn gauges(&mut self) {
        let at_ns = self.now_ns;
        let leads = |n: &u32| self.agents[*n as usize].role == Role::Coordinator;
        let coordinators: Vec<u32> = (0..self.agents.len() as u32).filter(leads).collect();
        for agent in coordinators {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let value = self.effects as f64;
            let name = format!("handled.{agent}");
            self.at(at_ns, What::Report(Report::Gauge { name, value, at_ns }));
        }
    }

    fn clocks(&self) -> Option<Clocks> {
        let slept = self.clock.sleeps.filter(|(at_ns, _)| *at_ns <= self.now_ns).map_or(0, |(_, by)| by);
        let set = self.clock.is_set.filter(|(at_ns, _)| *at_ns <= self.now_ns).map_or(0, |(_, by)| by);
        let monotonic_ns = i64::try_from(self.now_ns).unwrap();
        let boot_ns = monotonic_ns + i64::try_from(slept).unwrap();
        Some(Clocks { monotonic_ns, boot_ns, real_ns: 1_700_000_000_000_000_000 + boot_ns + set })
    }
}

/// Everybody: masters, then coordinators, then workers, who belong to the coordinators in equal parts.
fn agents(plan: &Plan) -> Vec<Agent> {
    let of = plan.target.agents.unwrap();
    let each = (of.worker / of.coordinator.max(1)).max(1);
    let roles = [(Role::Master, of.master), (Role::Coordinator, of.coordinator), (Role::Worker, of.worker)];
    let roles = roles.into_iter().flat_map(|(role, count)| (0..count).map(move |nth| (role, nth)));
    let agent = |(number, (role, nth)): (usize, (Role, u32))| {
        let home = (role == Role::Worker).then(|| of.master + (nth / each).min(of.coordinator - 1));
        Agent { role, pid: 1_000 + number as u32, epoch: 1, home, seq: 0 }
    };
    roles.enumerate().map(agent).collect()
}
