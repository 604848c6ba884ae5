//! Run directories made with the writers that the harness uses.

use std::path::Path;

use evidence::end::{Drain, End, How, Ledger, Shed, Ticks};
use evidence::event::{
    Edge, Event, Fact, FaultStep, Level, MemberState, Proof, Reading, RecoveryStep, Victim,
};
use evidence::gate::{Gate, Limit, MetricRef, Op};
use evidence::latency::{IntervalHistogram, Series};
use evidence::manifest::{Host, Manifest, Phase, PlannedFault, Sampling, Target, Workload};
use evidence::role::Role;
use evidence::round::{Interval, IntervalWriter, Round, RoundWriter};
use evidence::sample::{Group, Mark, Process, ProcessWriter, Sample, SampleWriter};
use evidence::{event, latency, layout, manifest};

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const S: u64 = 1_000 * MS;

/// When the first planned phase begins: the launch took that long.
pub(crate) const ZERO: u64 = 200 * MS;

const WORKERS: u32 = 20;
const COORDINATORS: [u32; 2] = [1, 2];

/// A run before it is on disk. Everything in it may be changed.
pub(crate) struct Fixture {
    pub(crate) manifest: Manifest,
    pub(crate) events: Vec<Event>,
    pub(crate) rounds: Vec<Round>,
    pub(crate) intervals: Vec<Interval>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) processes: Vec<Process>,
    pub(crate) latency: Vec<IntervalHistogram>,
    pub(crate) end: Option<End>,
}

pub(crate) fn gate(id: &str, op: Op, value: f64) -> Gate {
    let name = id.split(' ').next().unwrap();
    let phase = id.split_once(" during ").map(|(_, phase)| phase.to_owned());
    Gate {
        id: id.to_owned(),
        metric: MetricRef::parse(name).unwrap(),
        go: Limit { op, value },
        conditional: None,
        phase,
        cites: None,
    }
}

impl Fixture {
    /// Ten seconds of rounds on two coordinators and twenty workers, one coordinator killed at 5 s in the
    /// middle of a round; all is well.
    pub(crate) fn calm() -> Self {
        let mut fixture = Self::unhurt();
        fixture.kill("1", ZERO + 5 * S + 2 * MS, 1);
        fixture
    }

    /// The same without a fault.
    pub(crate) fn unhurt() -> Self {
        let mut fixture = Self {
            manifest: manifest(),
            events: Vec::new(),
            rounds: Vec::new(),
            intervals: Vec::new(),
            samples: Vec::new(),
            processes: Vec::new(),
            latency: Vec::new(),
            end: None,
        };
        fixture.launch();
        fixture.work();
        fixture.sampling();
        fixture.finish();
        fixture
    }

    /// Both coordinators killed one after the other, messages lost, rounds timed out, and holes in the rounds
    /// and in the samples: every outcome is among its gates.
    pub(crate) fn troubled() -> Self {
        let mut fixture = Self::unhurt();
        fixture.kill("1", ZERO + 4 * S + 2 * MS, 1);
        fixture.kill("2", ZERO + 7 * S + 2 * MS, 2);
        let mut second = gate("response.time.p99 < 3ms", Op::Less, 0.003);
        second.conditional = Some(Limit { op: Op::Less, value: 0.05 });
        second.cites = Some("Responses below 3 ms at the 99th percentile, 50 ms under faults.".into());
        fixture.manifest.gates.extend([
            gate("round.time.max < 20ms", Op::Less, 0.02),
            second,
            gate("recovery.time.p99 < 1s", Op::Less, 1.0),
        ]);
        for round in fixture.rounds.iter_mut().filter(|r| (350..375).contains(&r.round)) {
            round.timed_out = u32::try_from(round.round % 9).unwrap();
            round.delivered -= round.timed_out;
            round.ended_ns = Some(round.due_ns + 20 * MS + (round.round % 11) * 30 * MS);
        }
        fixture.rounds.retain(|r| !(420..440).contains(&r.round));
        fixture.samples.retain(|s| !(ZERO + 5 * S + 1..ZERO + 8 * S).contains(&s.at_ns));
        let ledger = &mut fixture.end().ledger;
        (ledger.lost, ledger.late) = (3, 87);
        ledger.in_time -= 90;
        fixture
    }

    /// Half an hour with a coordinator killed every five seconds.
    pub(crate) fn long() -> Self {
        let mut fixture = Self::calm();
        let (rounds, ten) = (fixture.rounds.clone(), 10 * S);
        let samples: Vec<Sample> = fixture.samples.iter().filter(|s| s.at_ns > ZERO).cloned().collect();
        for again in 1..200_u64 {
            let later = samples.iter().map(|s| Sample { at_ns: s.at_ns + again * ten, ..s.clone() });
            fixture.samples.extend(later);
            fixture.rounds.extend(rounds.iter().cloned().map(|mut r| {
                r.round += again * 500;
                r.due_ns += again * ten;
                r.started_ns = r.started_ns.map(|ns| ns + again * ten);
                r.ended_ns = r.ended_ns.map(|ns| ns + again * ten);
                r.phase = "hold".into();
                r
            }));
        }
        for kill in 1..300_u64 {
            let agent = 1 + u32::from(kill % 2 == 0);
            fixture.kill(&format!("raid.{kill}"), ZERO + 7 * S + kill * 5 * S + 2 * MS, agent);
        }
        for event in &mut fixture.events {
            if let Fact::Phase { phase, edge } = &event.fact
                && (phase == "drain" || phase == "stop" || phase == "hold" && *edge == Edge::End)
            {
                event.at_ns += 1990 * S;
            }
        }
        fixture.end().at_ns = ZERO + 2001 * S;
        fixture
    }

    /// A foreign target, which tells only what it must.
    pub(crate) fn foreign() -> Self {
        let mut fixture = Self::unhurt();
        fixture.manifest.target = Target {
            bundled: false,
            command: vec!["python3".into(), "echo target.py".into()],
            shape: "20 agents in one process".into(),
            agents: Some(20),
            coordinators: None,
        };
        fixture.manifest.gates.retain(|g| !g.metric.name.starts_with("recovery"));
        fixture.events.retain(|e| {
            matches!(
                e.fact,
                Fact::Phase { .. }
                    | Fact::TargetReady { .. }
                    | Fact::TargetStarted { .. }
                    | Fact::TargetExited { .. }
            )
        });
        fixture.latency.retain(|l| l.series != Series::TargetRound);
        fixture.processes.clear();
        let end = fixture.end.as_mut().unwrap();
        end.gauges.clear();
        end.left_behind = None;
        end.ledger.effects_duplicated = None;
        fixture
    }

    /// Single tasks beside the rounds, at twenty each second.
    pub(crate) fn with_arrivals(mut self) -> Self {
        self.manifest.workload.arrivals = true;
        for row in &mut self.intervals {
            row.due += 20;
            row.sent += 20;
            row.answered += 20;
        }
        self
    }

    pub(crate) fn end(&mut self) -> &mut End {
        self.end.as_mut().expect("the run has an end")
    }

    pub(crate) fn fact(&mut self, at_ns: u64, fact: Fact) {
        self.events.push(Event { at_ns, fact });
    }

    fn member(&mut self, at_ns: u64, agent: u32, role: Role, parent: Option<u32>, state: MemberState) {
        let pid = 1000 + agent;
        self.fact(
            at_ns,
            Fact::Member { agent, role, pid, epoch: 1, parent, state, status: None, fault: None },
        );
    }

    fn launch(&mut self) {
        let phase = |phase: &str, edge| Fact::Phase { phase: phase.into(), edge };
        self.fact(0, phase("launch", Edge::Begin));
        let started = Fact::TargetStarted { pid: 999, name: "swarm".into(), version: "0.1.0".into() };
        self.fact(10 * MS, started);
        self.member(150 * MS, 0, Role::Master, None, MemberState::Ready);
        for agent in COORDINATORS {
            self.member(160 * MS, agent, Role::Coordinator, Some(0), MemberState::Ready);
        }
        for worker in 0..WORKERS {
            let parent = Some(COORDINATORS[worker as usize % 2]);
            self.member(170 * MS, 3 + worker, Role::Worker, parent, MemberState::Ready);
        }
        self.fact(ZERO, Fact::TargetReady { took_ns: 190 * MS, agents: WORKERS + 3 });
        self.fact(ZERO, phase("launch", Edge::End));
        for (name, from, to) in [("warm_up", 0, 2), ("hold", 2, 10)] {
            self.fact(ZERO + from * S, phase(name, Edge::Begin));
            self.fact(ZERO + to * S, phase(name, Edge::End));
        }
        self.fact(ZERO + 10 * S, phase("drain", Edge::Begin));
        self.fact(ZERO + 10 * S + 40 * MS, phase("drain", Edge::End));
    }

    /// A round each 20 ms from zero to 10 s, of 4 ms and a little; slower in the one at 5 s.
    fn work(&mut self) {
        for i in 0..500_u64 {
            let due_ns = ZERO + i * 20 * MS;
            let in_flight = i == 250;
            let took = if in_flight { 15 * MS } else { 4 * MS + (i % 7) * 100_000 };
            self.rounds.push(Round {
                round: i,
                phase: if i < 100 { "warm_up" } else { "hold" }.into(),
                due_ns,
                started_ns: Some(due_ns + 100_000),
                ended_ns: Some(due_ns + took),
                expected: WORKERS,
                refused: 0,
                delivered: WORKERS,
                late: 0,
                timed_out: 0,
                duplicated: 0,
                target_ns: Some(took - 500_000),
            });
        }
        for second in 0..10_u64 {
            let at_ns = ZERO + second * S;
            let tasks = 50 * u64::from(WORKERS);
            self.intervals.push(Interval {
                at_ns,
                length_ns: S,
                phase: if second < 2 { "warm_up" } else { "hold" }.into(),
                sent: tasks,
                acknowledged: tasks,
                answered: tasks,
                failed: vec![0],
                ..Interval::default()
            });
            for series in Series::ALL {
                let mut histogram = latency::empty();
                let count = if matches!(series, Series::Round | Series::TargetRound) { 50 } else { tasks };
                for task in 0..count {
                    latency::record(&mut histogram, 1_500_000 + task * 2_500_000 / count);
                }
                if second == 5 {
                    latency::record(&mut histogram, 15 * MS);
                }
                self.latency.push(IntervalHistogram {
                    series,
                    at_ns,
                    length_ns: S,
                    histogram: histogram.into(),
                });
            }
        }
    }

    /// A coordinator killed and everything that followed.
    pub(crate) fn kill(&mut self, id: &str, at_ns: u64, agent: u32) {
        self.manifest.faults.push(PlannedFault {
            id: id.into(),
            kind: "kill".into(),
            words: "SIGKILL to 1 coordinator, in the middle of a round".into(),
            role: Some(Role::Coordinator),
            recovers_within_ns: None,
            count: 1,
            at_ns: at_ns - ZERO,
            for_ns: 0,
            requires: Level::E1,
        });
        let pid = 1000 + agent;
        let reading = |level, source: &str, found: &str| Reading {
            at_ns,
            level,
            source: source.into(),
            expected: found.into(),
            found: found.into(),
        };
        let victim = Victim {
            subject: evidence::event::Subject::Agent { agent, role: Role::Coordinator },
            pid,
            proof: Proof::Proven,
            readings: vec![
                reading(Level::E0, "pidfd_send_signal", "sent"),
                reading(Level::E1, "pidfd", "exited"),
                reading(Level::E1, "wait status", "signal 9"),
            ],
        };
        let fault = id.to_owned();
        let victims = vec![victim];
        self.fact(at_ns, Fact::Fault { fault: fault.clone(), step: FaultStep::Injected, victims, why: None });
        self.fact(
            at_ns + MS / 10,
            Fact::Member {
                agent,
                role: Role::Coordinator,
                pid,
                epoch: 1,
                parent: Some(0),
                state: MemberState::Left,
                status: Some("signal 9".into()),
                fault: Some(fault.clone()),
            },
        );
        self.fact(at_ns + MS / 5, Fact::Suspected { agent, by: Some(0), how: "death".into() });
        self.fact(at_ns + MS / 2, Fact::Elected { agent: 2, replaces: agent, epoch: 2 });
        let to = COORDINATORS.into_iter().filter(|c| *c != agent).collect();
        self.fact(
            at_ns + 2 * MS,
            Fact::Assigned { from: agent, to, workers: WORKERS / 2, resent: 10, epoch: 2 },
        );
        for (step, after_ms) in
            [(RecoveryStep::FirstSuccess, 4), (RecoveryStep::Round, 13), (RecoveryStep::Drained, 14)]
        {
            self.fact(at_ns + after_ms * MS, Fact::Recovery { fault: fault.clone(), step });
        }
        self.fact(ZERO + 10 * S + 50 * MS, Fact::Cost { fault, open: 20, late: 0, retried: 0, lost: 0 });
    }

    /// Messages of the bus dropped for a second, as the target tells; `hit` of them.
    pub(crate) fn drop_messages(&mut self, id: &str, at_ns: u64, hit: u32) {
        self.manifest.faults.push(PlannedFault {
            id: id.into(),
            kind: "bus_drop".into(),
            words: "1 % of the messages of the target dropped for 1 s".into(),
            role: None,
            recovers_within_ns: Some(2 * S),
            count: 1,
            at_ns: at_ns - ZERO,
            for_ns: S,
            requires: Level::E3,
        });
        let victims = |proof, at_ns, level, found: String| {
            vec![Victim {
                subject: evidence::event::Subject::Part { part: "target".into() },
                pid: 999,
                proof,
                readings: vec![Reading {
                    at_ns,
                    level,
                    source: "count of the target".into(),
                    expected: "some were hit".into(),
                    found,
                }],
            }]
        };
        let healed_ns = at_ns + S + 3 * MS;
        let seen = if hit > 0 { Proof::Proven } else { Proof::Unproven };
        for (step, at_ns, victims) in [
            (FaultStep::Injected, at_ns, victims(Proof::Unproven, at_ns, Level::E1, "applied".into())),
            (FaultStep::Observed, healed_ns, victims(seen, healed_ns, Level::E3, format!("{hit} hit"))),
            (FaultStep::Healed, healed_ns, victims(Proof::Proven, healed_ns, Level::E3, "healed".into())),
        ] {
            self.fact(at_ns, Fact::Fault { fault: id.into(), step, victims, why: None });
        }
        let fault = id.to_owned();
        self.fact(ZERO + 10 * S + 50 * MS, Fact::Cost { fault, open: 900, late: 4, retried: 9, lost: 0 });
    }

    fn sampling(&mut self) {
        for tick in 0..=10_u64 {
            for (group, processes) in [
                (Group::Master, 1),
                (Group::Coordinator, 2),
                (Group::Worker, WORKERS),
                (Group::Support, 1),
                (Group::Harness, 1),
                (Group::Host, 1),
            ] {
                self.samples.push(sample(ZERO + tick * S, group, processes, tick));
            }
        }
        for (at_ns, mark) in [(ZERO + 2 * S, Mark::Baseline), (ZERO + 10 * S + 45 * MS, Mark::Drained)] {
            for agent in (0..WORKERS + 3).filter(|a| *a != 1) {
                let group = match agent {
                    0 => Group::Master,
                    1 | 2 => Group::Coordinator,
                    _ => Group::Worker,
                };
                self.processes.push(Process {
                    at_ns,
                    mark,
                    group,
                    agent: Some(agent),
                    epoch: Some(1),
                    pid: 1000 + agent,
                    rss: Some(2 << 20),
                    private: Some(200 << 10),
                    pss: Some(180 << 10),
                    descriptors: Some(9),
                    threads: Some(1),
                    cpu_ns: Some(at_ns / 50),
                });
            }
        }
    }

    fn finish(&mut self) {
        let sent = self.intervals.iter().map(|i| i.sent).sum();
        for (edge, at_ns) in [(Edge::Begin, 170 * MS), (Edge::End, 200 * MS)] {
            self.fact(ZERO + 10 * S + at_ns, Fact::Phase { phase: "stop".into(), edge });
        }
        self.fact(ZERO + 10 * S + 200 * MS, Fact::TargetExited { status: "exit 0".into(), asked: true });
        self.end = Some(End {
            schema: manifest::SCHEMA,
            how: How::Finished,
            at_ns: ZERO + 10 * S + 250 * MS,
            ledger: Ledger {
                sent,
                acknowledged: sent,
                in_time: sent,
                effects_duplicated: Some(0),
                ..Ledger::default()
            },
            drain: Some(Drain { completed: true, took_ns: 40 * MS, outstanding: 0 }),
            shed: Shed::default(),
            ticks: Ticks { planned: 11, in_time: 11 },
            lag_ns: 600_000,
            dropped_records: 0,
            interruptions: 0,
            stop_ns: Some(30 * MS),
            left_behind: Some(0),
            hung: Some(0),
            files: std::collections::BTreeMap::new(),
            gauges: [("handled.1".to_owned(), 400.0), ("handled.2".to_owned(), 9600.0)].into(),
        });
    }

    /// Writes the run and judges it.
    pub(crate) fn judged(&self) -> reports::Verdict {
        let run = self.write();
        let analysis = reports::analyse(&reports::Evidence::read(run.path()).unwrap());
        reports::judge(&analysis, &self.manifest.gates)
    }

    /// Writes the run into a directory that ends with the value.
    pub(crate) fn write(&self) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        self.write_into(directory.path());
        directory
    }

    pub(crate) fn write_into(&self, run: &Path) {
        self.manifest.write(run).unwrap();
        let mut events = event::Writer::create(run).unwrap();
        self.events.iter().for_each(|e| events.append(e).unwrap());
        events.flush().unwrap();
        let mut rounds = RoundWriter::create(&layout::ROUNDS.within(run)).unwrap();
        self.rounds.iter().for_each(|r| rounds.append(r).unwrap());
        rounds.flush().unwrap();
        let mut intervals = IntervalWriter::create(&layout::INTERVALS.within(run)).unwrap();
        self.intervals.iter().for_each(|i| intervals.append(i).unwrap());
        intervals.flush().unwrap();
        let mut samples = SampleWriter::create(&layout::SAMPLES.within(run)).unwrap();
        self.samples.iter().for_each(|s| samples.append(s).unwrap());
        samples.flush().unwrap();
        let mut processes = ProcessWriter::create(&layout::PROCESSES.within(run)).unwrap();
        self.processes.iter().for_each(|p| processes.append(p).unwrap());
        processes.flush().unwrap();
        let mut log = latency::Writer::create(run).unwrap();
        self.latency.iter().for_each(|l| log.append(l).unwrap());
        log.flush().unwrap();
        if let Some(end) = &self.end {
            End { files: evidence::end::sizes(run), ..end.clone() }.write(run).unwrap();
        }
    }
}

pub(crate) fn sample(at_ns: u64, group: Group, processes: u32, tick: u64) -> Sample {
    let count = u64::from(processes);
    let private = (190 << 10) + tick * 1024;
    Sample {
        processes,
        rss_sum: Some(count * (2 << 20)),
        rss_max: Some(2 << 20),
        private_sum: Some(count * private),
        private_max: Some(private + 4096),
        pss_sum: Some(count * (180 << 10)),
        pss_max: Some(181 << 10),
        pss_processes: Some(processes),
        swap: Some(0),
        descriptors_sum: Some(count * 9),
        descriptors_max: Some(9 + u64::from(group == Group::Coordinator) * 12),
        threads_sum: Some(count),
        threads_max: Some(1),
        cpu_ns: Some(tick * 20 * MS * count),
        ..Sample::empty(at_ns, group)
    }
}

fn manifest() -> Manifest {
    let hash = "4c1f0e6f6b3e8a0f".repeat(4);
    Manifest {
        schema: manifest::SCHEMA,
        shakedown: "0.1.0".into(),
        binary: Some(hash.clone()),
        run: "20260412T101112Z-7".into(),
        scenario: "one-of-two".into(),
        why: "One of two coordinators dies in the middle of a round; nobody may notice.".into(),
        seed: 7,
        fingerprint: hash.clone(),
        started: "2026-04-12T10:11:12Z".into(),
        monotonic_ns: 1,
        command: ["shakedown", "run", "scenarios/chaos/one of two.yaml"].map(str::to_owned).to_vec(),
        rehearsal: None,
        host: Host {
            kernel: "6.18.44".into(),
            cpu: "Some Processor".into(),
            cores: 2,
            memory: 24 << 30,
            class: hash[..12].to_owned(),
            limits: vec![("Max open files".into(), "20000".into())],
        },
        target: Target {
            bundled: true,
            command: Vec::new(),
            shape: "hybrid, 2 coordinators, 20 workers".into(),
            agents: Some(23),
            coordinators: Some(2),
        },
        phases: [("warm_up", 2), ("hold", 8), ("drain", 5)]
            .map(|(name, seconds)| Phase { name: name.into(), length_ns: seconds * S })
            .to_vec(),
        faults: Vec::new(),
        sampling: Sampling { every_ns: S, slow_every_ns: 5 * S, counts_swap: true },
        workload: Workload {
            rounds_every_ns: Some(20 * MS),
            arrivals: false,
            timeout_ns: Some(S),
            words: "a round each 20 ms, 256 B, echo".into(),
        },
        soak: manifest::Soak::default(),
        gates: vec![
            gate("delivery.rate >= 99.9%", Op::GreaterOrEqual, 0.999),
            gate("messages.lost == 0", Op::Equal, 0.0),
            gate("round.time.p99 < 50ms during hold", Op::Less, 0.05),
            gate("recovery.time.max < 1s", Op::Less, 1.0),
            gate("memory.private.max[worker] < 1MiB", Op::Less, 1_048_576.0),
        ],
    }
}
