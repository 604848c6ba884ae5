//! A target, a nemesis and a sampler that exist only as events in a queue.

use std::collections::{BTreeMap, HashMap};

use evidence::event::{Event as Logged, Fact, FaultStep, Proof, Subject};
use evidence::latency::Series;
use evidence::role::Role;
use evidence::round::{Interval, Round};
use hdrhistogram::Histogram;
use protocol::{Answer, Capability, FaultState, Member, Report, Tasks};
use scenarios::plan::{
    Agents, Fault, FaultKind, Phase, Plan, Rounds, SCHEMA, Sample, Signal, Target, Victims, When, Work,
    Workload,
};

use crate::clocks::Clocks;
use crate::dispatcher::{Applied, Command, Conclusion, Event, Notice, State, TickSummary, What, step};
use crate::ledger::Digests;
use crate::recorder::Record;

pub(super) const MS: u64 = 1_000_000;
pub(super) const SECOND: u64 = 1_000_000_000;

/// One coordinator (0) with four workers (1 to 4); rounds each second for `hold_s` seconds.
pub(super) fn plan(hold_s: u64) -> Plan {
    let phase = |name: &str, at: u64, length: u64| Phase {
        name: name.into(),
        at_ns: at * SECOND,
        length_ns: length * SECOND,
    };
    Plan {
        schema: SCHEMA,
        scenario: "simulated".into(),
        why: "A test.".into(),
        seed: 1,
        rehearsal: None,
        target: Target {
            command: None,
            config: serde_json::Value::Null,
            agents: Some(Agents { master: 0, coordinator: 1, worker: 4 }),
            shape: "flat".into(),
            enclosure: scenarios::plan::Enclosure::default(),
            ready_within_ms: 1_000,
            stop_within_ms: 1_000,
        },
        workload: Workload {
            rounds: Some(Rounds {
                every_ns: SECOND,
                timeout_ns: 5 * SECOND,
                payload: 64,
                work: Work::Echo {},
                open: 10,
                levels: Vec::new(),
            }),
            arrivals: None,
        },
        phases: vec![phase("warm_up", 0, 2), phase("hold", 2, hold_s), phase("drain", 2 + hold_s, 10)],
        sample: Sample { every_ns: SECOND, slow_every_ns: 10 * SECOND },
        faults: Vec::new(),
        soak: scenarios::plan::Soak::default(),
        gates: Vec::new(),
    }
}

/// A kill or a pause of the workers at these places.
pub(super) fn fault(id: &str, at_ns: u64, for_ns: u64, places: &[u32], when: When) -> Fault {
    let kind = if for_ns == 0 {
        FaultKind::Kill { signal: Signal::Kill, then_kill_ns: None }
    } else {
        FaultKind::Pause {}
    };
    let victims = Victims { role: Role::Worker, places: places.to_vec() };
    Fault { when, ..Fault::new(id, kind, Some(victims), at_ns, for_ns) }
}

/// How the target misbehaves.
#[derive(Debug, Clone, Default)]
pub(super) struct Deeds {
    /// From a task's coming to its answer, in nanoseconds; the default is 1 ms.
    pub(super) answer_after_ns: Option<u64>,
    /// No answer leaves the target between these two times.
    pub(super) stall_ns: Option<(u64, u64)>,
    /// Every task whose token is a multiple of this is accepted and never answered.
    pub(super) drop_1_in: Option<u64>,
    /// The commands that it does not answer, by name.
    pub(super) deaf_to: Vec<&'static str>,
    /// Its process ends by itself at this time.
    pub(super) dies_at_ns: Option<u64>,
    /// It refuses every task.
    pub(super) refuses: bool,
    /// This process of its is gone from this time on.
    pub(super) gone: Option<(u32, u64)>,
    /// What it does not tell in its `hello`.
    pub(super) lacks: Vec<Capability>,
    /// It ends every fault that it is asked for after this time, whether or not it was asked to.
    pub(super) fault_expires_ns: Option<u64>,
    /// Messages that its faults hit.
    pub(super) hits: u64,
    /// It answers at this attempt while one of its faults acts.
    pub(super) attempt: u32,
    /// The host sleeps at this time, so long.
    pub(super) sleep_ns: Option<(u64, u64)>,
    /// Its wall clock is set back at this time, by so much.
    pub(super) set_back_ns: Option<(u64, u64)>,
    /// This worker takes its tasks and answers none that comes between these two times.
    pub(super) silent: Option<(u32, u64, u64)>,
    /// What every tick reads of groups, and what is free on the disk.
    pub(super) reading: TickSummary,
}

/// A run in progress, and what was recorded of it.
pub(super) struct Simulation {
    pub(super) state: State,
    pub(super) now_ns: u64,
    pub(super) deeds: Deeds,
    queue: BTreeMap<(u64, u64), What>,
    serial: u64,
    seq: HashMap<u32, u64>,
    digests: Digests,
    pub(super) effects: u64,
    /// Faults that it was asked for and that act.
    acting: Vec<String>,
    /// Whom single tasks were sent to, how many at a time.
    pub(super) sent_to: Vec<(Option<u32>, u32)>,
    /// What rounds and single tasks were, in the order in which they were sent.
    pub(super) kinds: Vec<(u32, protocol::Work)>,
    pub(super) events: Vec<Logged>,
    pub(super) notices: Vec<(u64, Notice)>,
    pub(super) rounds: Vec<Round>,
    pub(super) intervals: Vec<Interval>,
    pub(super) times: HashMap<Series, Histogram<u64>>,
    /// Every command but records, by name and time.
    pub(super) log: Vec<(u64, &'static str)>,
    pub(super) steps: u64,
    pub(super) most_lots: usize,
    pub(super) conclusion: Option<Conclusion>,
    pub(super) checkpoint: Option<crate::checkpoint::Checkpoint>,
    /// What the readings that were asked for were for.
    pub(super) marks: Vec<Option<evidence::sample::Mark>>,
    /// Keep nothing but counts, for runs of a month.
    pub(super) forgets: bool,
}

impl Simulation {
    pub(super) fn new(plan: Plan, deeds: Deeds) -> Self {
        let size = plan.workload.rounds.as_ref().map(|r| r.payload);
        let size = size.or(plan.workload.arrivals.as_ref().map(|a| a.payload)).unwrap_or(0);
        let mut simulation = Self {
            state: State::new(plan, "run".into(), 0),
            now_ns: 0,
            queue: BTreeMap::new(),
            serial: 0,
            seq: HashMap::new(),
            digests: Digests::new(size),
            effects: 0,
            acting: Vec::new(),
            sent_to: Vec::new(),
            kinds: Vec::new(),
            events: Vec::new(),
            notices: Vec::new(),
            rounds: Vec::new(),
            intervals: Vec::new(),
            times: HashMap::new(),
            log: Vec::new(),
            steps: 0,
            most_lots: 0,
            conclusion: None,
            checkpoint: None,
            marks: Vec::new(),
            forgets: false,
            deeds,
        };
        simulation.at(0, What::Started { pid: 99 });
        if let Some(dies_ns) = simulation.deeds.dies_at_ns {
            simulation.at(dies_ns, What::Exited { status: "signal 9".into() });
        }
        simulation
    }

    /// Something will happen.
    pub(super) fn at(&mut self, at_ns: u64, what: What) {
        self.serial += 1;
        self.queue.insert((at_ns.max(self.now_ns), self.serial), what);
    }

    fn soon(&mut self, report: Report) {
        self.at(self.now_ns + 10_000, What::Report(report));
    }

    /// Runs to the end; panics where the run hangs.
    pub(super) fn run(mut self) -> Self {
        while self.conclusion.is_none() {
            self.turn();
        }
        self
    }

    pub(super) fn turn(&mut self) {
        let queued = self.queue.first_key_value().map(|((at_ns, _), _)| *at_ns);
        let due = self.state.next_due_ns();
        let (at_ns, what) = match (queued, due) {
            (Some(queued), Some(due)) if due < queued => (due, What::Due),
            (Some(_), _) => self.queue.pop_first().map(|((at, _), what)| (at, what)).expect("it is there"),
            (None, Some(due)) => (due, What::Due),
            (None, None) => panic!("nothing is due and nothing will happen: {:?}", self.log.last()),
        };
        self.now_ns = self.now_ns.max(at_ns);
        self.steps += 1;
        for command in step(&mut self.state, Event { at_ns: self.now_ns, what }) {
            self.obey(command);
        }
    }

    fn obey(&mut self, command: Command) {
        let now_ns = self.now_ns;
        let name = match &command {
            Command::Record(_) => return self.record(command),
            Command::Tell(command) => told_name(command),
            Command::Identify(_) => "identify",
            Command::Inject { .. } => "inject",
            Command::Heal { .. } => "heal",
            Command::KillTarget => "kill target",
            Command::StartTarget => "start target",
            Command::Sample(_) => "sample",
            Command::Notify(_) => "notify",
            Command::EndTarget => "end target",
            Command::Finish(_) => "finish",
        };
        if !self.forgets {
            self.log.push((now_ns, name));
        }
        match command {
            Command::Tell(_) if self.deeds.deaf_to.contains(&name) => {}
            Command::Tell(command) => self.told(command),
            Command::Identify(pids) => {
                let processes = pids.into_iter().map(|pid| (pid, 1)).collect();
                self.at(now_ns, What::Identified { processes, descriptors: Some(1024) });
            }
            Command::Inject { fault, victims } => self.inject(fault, &victims),
            Command::Heal { fault } => {
                let healed = Applied {
                    step: FaultStep::Healed,
                    at_ns: now_ns + MS / 2,
                    victims: Vec::new(),
                    why: None,
                };
                self.at(now_ns + MS, What::Healed { fault, observed: Vec::new(), healed });
            }
            Command::KillTarget => {
                // What was in it is lost, but what it had taken is answered after its restart.
                let status = "signal 9".to_owned();
                self.at(now_ns + 5 * MS, What::Killed { status, ended: 6, still_alive: 0 });
            }
            Command::StartTarget => self.at(now_ns + 10 * MS, What::StartedAgain { pid: 199 }),
            Command::Sample(order) => {
                if !self.forgets {
                    self.marks.push(order.mark);
                }
                let gone = self.deeds.gone.filter(|(_, from_ns)| *from_ns <= now_ns).map(|(pid, _)| pid);
                let vanished = order.processes.iter().map(|p| p.pid).filter(|pid| Some(*pid) == gone);
                let vanished = vanished.collect();
                let tick = TickSummary { clocks: self.clocks(), ..self.deeds.reading.clone() };
                self.at(now_ns + 5 * MS, What::Sampled { vanished, mark: order.mark, tick });
            }
            Command::EndTarget => self.at(now_ns + MS, What::Ended { left_behind: Some(0) }),
            Command::Finish(conclusion) => {
                assert!(self.conclusion.replace(*conclusion).is_none(), "a run finishes once");
            }
            Command::Notify(notice) => self.notices.push((now_ns, notice)),
            Command::Record(_) => {}
        }
    }

    /// The clocks of a host that does what the deeds say.
    fn clocks(&self) -> Option<Clocks> {
        let since =
            |deed: Option<(u64, u64)>| deed.filter(|(at, _)| *at <= self.now_ns).map_or(0, |(_, by)| by);
        let (slept, back) = (since(self.deeds.sleep_ns), since(self.deeds.set_back_ns));
        let signed = |ns: u64| i64::try_from(ns).expect("a test is short");
        let boot_ns = signed(self.now_ns + slept);
        let real_ns = 1_700_000_000_000_000_000 + boot_ns - signed(back);
        Some(Clocks { monotonic_ns: signed(self.now_ns), boot_ns, real_ns })
    }

    /// A killed worker leaves at once and is replaced 20 ms later.
    fn inject(&mut self, fault: usize, victims: &[chaos::Victim]) {
        let now_ns = self.now_ns;
        let injected = Applied {
            step: FaultStep::Injected,
            at_ns: now_ns + MS / 2,
            victims: proven(victims),
            why: None,
        };
        if matches!(self.state.plan().faults[fault].kind, FaultKind::Kill { .. }) {
            for victim in victims {
                let agent = self.state.members.get(victim.agent).expect("a victim is a member");
                let mut member = worker(victim.agent, victim.pid, agent.epoch);
                let state = protocol::MemberState::Left;
                let status = Some("signal 9".into());
                let left = Report::Member { member: member.clone(), state, status, at_ns: now_ns };
                self.at(now_ns + MS / 2, What::Report(left));
                member.epoch += 1;
                member.pid += 1000;
                let state = protocol::MemberState::Replaced;
                let back = Report::Member { member, state, status: None, at_ns: now_ns + 20 * MS };
                self.at(now_ns + 20 * MS, What::Report(back));
            }
        }
        self.at(now_ns + MS, What::Injected { fault, injected });
    }

    fn told(&mut self, command: protocol::Command) {
        use protocol::Command as Told;
        match command {
            Told::Hello { .. } => self.soon(Report::Hello {
                protocol: protocol::VERSION,
                name: "simulated".into(),
                version: "1".into(),
                tells: [Capability::Members, Capability::Effects, Capability::To, Capability::Faults]
                    .into_iter()
                    .filter(|c| !self.deeds.lacks.contains(c))
                    .collect(),
            }),
            Told::Attach { .. } => self.soon(Report::Attached { members: everybody(), gone: Vec::new() }),
            Told::Launch { .. } => {
                self.at(self.now_ns + 100 * MS, What::Report(Report::Ready { members: everybody() }));
            }
            // The i-th task of a round is the i-th worker's.
            Told::Round { tasks, .. } => self.work(&tasks, tasks.first),
            Told::Send { tasks, to } => {
                self.sent_to.push((to, tasks.count));
                self.work(&tasks, 0);
            }
            Told::Fault { fault, .. } => {
                self.acting.push(fault.clone());
                self.tell_of_fault(self.now_ns + MS, &fault, FaultState::Applied);
                if let Some(after_ns) = self.deeds.fault_expires_ns {
                    self.tell_of_fault(self.now_ns + after_ns, &fault, FaultState::Expired);
                }
            }
            Told::Heal { fault } => {
                self.acting.retain(|id| *id != fault);
                self.tell_of_fault(self.now_ns + MS, &fault, FaultState::Healed);
            }
            Told::Quiesce {} => self.soon(Report::Quiesced {}),
            // Behind every answer that is under way.
            Told::Drain { .. } => {
                self.at(self.now_ns + 6 * SECOND, What::Report(Report::Drained { outstanding: 0 }));
            }
            Told::Snapshot {} => {
                #[expect(clippy::cast_precision_loss, reason = "a test has few tasks")]
                let gauges = BTreeMap::from([("effects".to_owned(), self.effects as f64)]);
                self.soon(Report::Snapshot { gauges });
            }
            Told::Stop {} => {
                self.soon(Report::Stopped {});
                self.at(self.now_ns + 20_000, What::Exited { status: "exit 0".into() });
            }
        }
    }

    fn tell_of_fault(&mut self, at_ns: u64, fault: &str, state: FaultState) {
        let counters = BTreeMap::from([("considered".into(), 40), ("hit".into(), self.deeds.hits)]);
        let fault = fault.to_owned();
        self.at(at_ns, What::Report(Report::Fault { fault, state, why: None, counters, at_ns }));
    }

    fn work(&mut self, tasks: &Tasks, base: u64) {
        if !self.forgets {
            self.kinds.push((tasks.count, tasks.work.clone()));
        }
        if self.deeds.refuses {
            return self.soon(Report::Accepted { first: tasks.first, count: 0, refused: tasks.count });
        }
        self.soon(Report::Accepted { first: tasks.first, count: tasks.count, refused: 0 });
        let mut at_ns = self.now_ns + self.deeds.answer_after_ns.unwrap_or(MS);
        if let Some((from, to)) = self.deeds.stall_ns
            && (from..to).contains(&at_ns)
        {
            at_ns = to;
        }
        let mut items = Vec::new();
        for token in tasks.first..tasks.first + u64::from(tasks.count) {
            self.effects += 1;
            if self.deeds.drop_1_in.is_some_and(|n| token.is_multiple_of(n)) {
                continue;
            }
            let agent = u32::try_from((token - base) % 4).expect("below 4") + 1;
            let silent = self.deeds.silent.filter(|(_, from, to)| (*from..*to).contains(&self.now_ns));
            if silent.is_some_and(|(silent, ..)| silent == agent) {
                continue;
            }
            let seq = self.seq.entry(agent).or_default();
            *seq += 1;
            let digest = self.digests.of(token);
            let attempt = if self.acting.is_empty() { 1 } else { self.deeds.attempt.max(1) };
            items.push(Answer { token, agent, epoch: 1, seq: *seq, attempt, digest });
        }
        self.at(at_ns, What::Report(Report::Answers { items }));
    }

    fn record(&mut self, command: Command) {
        let kept = self.state.ledger.lane(crate::ledger::Kind::Round).lots_kept()
            + self.state.ledger.lane(crate::ledger::Kind::Single).lots_kept();
        self.most_lots = self.most_lots.max(kept);
        let Command::Record(record) = command else { return };
        match record {
            _ if self.forgets => {}
            Record::Latency(interval) => {
                let sum = self.times.entry(interval.series).or_insert_with(evidence::latency::empty);
                sum.add(&*interval.histogram).expect("they have the same bounds");
            }
            Record::Event(event) => self.events.push(event),
            Record::Round(round) => self.rounds.push(round),
            Record::Interval(interval) => self.intervals.push(interval),
            Record::Checkpoint(checkpoint) => self.checkpoint = Some(*checkpoint),
            Record::Samples(_) | Record::Processes(_) | Record::Flush => {}
        }
    }

    /// The conclusion of a run that is over.
    pub(super) fn end(&self) -> &evidence::end::End {
        &self.conclusion.as_ref().expect("the run is over").end
    }

    /// The times of every fact of which `wanted` makes something.
    pub(super) fn facts<T>(&self, wanted: impl Fn(&Fact) -> Option<T>) -> Vec<(u64, T)> {
        self.events.iter().filter_map(|e| Some((e.at_ns, wanted(&e.fact)?))).collect()
    }

    /// When each command of this name was given.
    pub(super) fn when(&self, name: &str) -> Vec<u64> {
        self.log.iter().filter(|(_, n)| *n == name).map(|(at_ns, _)| *at_ns).collect()
    }
}

/// What the nemesis reads of victims that it reached.
fn proven(victims: &[chaos::Victim]) -> Vec<evidence::event::Victim> {
    let victim = |v: &chaos::Victim| evidence::event::Victim {
        subject: Subject::Agent { agent: v.agent, role: v.role },
        pid: v.pid,
        proof: Proof::Proven,
        readings: Vec::new(),
    };
    victims.iter().map(victim).collect()
}

/// All agents in their first lives.
fn everybody() -> Vec<Member> {
    let lead = Member { agent: 0, role: protocol::Role::Coordinator, pid: 100, epoch: 1, parent: None };
    std::iter::once(lead).chain((1..=4).map(|agent| worker(agent, 100 + agent, 1))).collect()
}

fn worker(agent: u32, pid: u32, epoch: u32) -> Member {
    Member { agent, role: protocol::Role::Worker, pid, epoch, parent: Some(0) }
}

fn told_name(command: &protocol::Command) -> &'static str {
    use protocol::Command as Told;
    match command {
        Told::Hello { .. } => "hello",
        Told::Launch { .. } => "launch",
        Told::Attach { .. } => "attach",
        Told::Round { .. } => "round",
        Told::Send { .. } => "send",
        Told::Fault { .. } => "fault",
        Told::Heal { .. } => "heal",
        Told::Quiesce {} => "quiesce",
        Told::Drain { .. } => "drain",
        Told::Snapshot {} => "snapshot",
        Told::Stop {} => "stop",
    }
}

impl Simulation {
    /// The harness dies, and so much later another one goes on with its last checkpoint and the living target. What
    /// that has told since comes first.
    pub(super) fn die_and_resume(&mut self, after_ns: u64) {
        let told = self.die(after_ns, evidence::event::Takeover::Kept);
        self.at(self.now_ns, What::TakenOver { pid: 99 });
        for ((at_ns, _), what) in told {
            if matches!(what, What::Report(_)) {
                self.at(at_ns, what);
            }
        }
    }

    /// The harness dies and its target with it, and so much later another one starts the target again.
    pub(super) fn die_and_start_again(&mut self, after_ns: u64) {
        self.die(after_ns, evidence::event::Takeover::StartedAgain);
        self.at(self.now_ns, What::Started { pid: 99 });
    }

    /// Another harness has what the dead one left. Returns what nobody has heard yet.
    fn die(&mut self, after_ns: u64, takeover: evidence::event::Takeover) -> BTreeMap<(u64, u64), What> {
        let (plan, sent) = (self.state.plan().clone(), self.state.sent());
        self.now_ns += after_ns;
        let from = crate::dispatcher::Resumption {
            checkpoint: self.checkpoint.clone().expect("the timeline has begun"),
            sent,
            history: self.events.clone(),
            takeover,
            now_ns: self.now_ns,
            healed_ns: None,
            undone: BTreeMap::new(),
            exited: None,
            hidden: 0,
        };
        self.state = State::resume(plan, "run".into(), 0, from);
        std::mem::take(&mut self.queue)
    }

    /// The nemesis says nothing more of what it was asked to apply.
    pub(super) fn forget_queued_injections(&mut self) {
        self.queue.retain(|_, what| !matches!(what, What::Injected { .. }));
    }
}
