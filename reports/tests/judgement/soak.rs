//! Soaks of some hours with planted series: what is found in them, and what becomes of their gates.

use evidence::event::{Edge, Fact, FaultStep, Proof, Takeover};
use evidence::gate::{Limit, MetricRef, Op};
use evidence::latency::{self, IntervalHistogram, Series};
use evidence::round::Interval;
use evidence::sample::{Group, Mark, Process};
use reports::{Finding, Name, Outcome, Verdict, Watched};

use crate::fixture::{Fixture, MS, S, ZERO, gate, sample};

/// A tick each ten seconds.
const EVERY: u64 = 10 * S;
const PAGE: f64 = 4096.0;
const KIB: f64 = 1024.0;

/// What is planted: each a function of hours under load.
pub(crate) struct Planted {
    /// Private memory per process, in bytes.
    pub(crate) memory: fn(f64) -> f64,
    /// Descriptors of one worker of twenty beyond those of the others.
    pub(crate) descriptors: fn(f64) -> u64,
    /// Time of a round and of a response, in milliseconds.
    pub(crate) took_ms: fn(f64) -> f64,
    /// How many rounds after a kill are slow.
    pub(crate) slow_rounds: fn(f64) -> u64,
    /// Ticks.
    pub(crate) ticks: u64,
}

/// Eighty minutes in which nothing drifts.
pub(crate) const STEADY: Planted = Planted {
    memory: |_| 40.0 * 1024.0 * KIB,
    descriptors: |_| 0,
    took_ms: |_| 4.0,
    slow_rounds: |_| 1,
    ticks: 480,
};

/// Numbers between -1 and 1 that look like chance and are the same each time.
fn noise(i: u64, salt: u64) -> f64 {
    let mut x = i.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ salt.wrapping_mul(0xD1B5_4A32_D192_ED03);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// The run, with a coordinator killed each two hundred seconds and a point of rest each twenty minutes.
pub(crate) fn soak(planted: &Planted) -> Fixture {
    let mut fixture = Fixture::unhurt();
    fixture.manifest.sampling.every_ns = EVERY;
    fixture.manifest.workload.rounds_every_ns = Some(EVERY);
    fixture.manifest.soak.horizon_ns = Some(30 * 24 * 3600 * S);
    fixture.manifest.soak.quiesce_every_ns = Some(1200 * S);
    fixture.fact(ZERO, Fact::Limits { descriptors: 1024 });
    let end_ns = ZERO + planted.ticks * EVERY;
    fixture.manifest.phases[1].length_ns = end_ns - ZERO - 2 * S;
    stretch(&mut fixture, end_ns);
    work(&mut fixture, planted);
    readings(&mut fixture, planted);
    rests(&mut fixture, planted);
    let kills = planted.ticks / 20;
    for kill in 1..kills {
        let at = ZERO + kill * 200 * S;
        fixture.kill(&format!("raid.{kill}"), at + 2 * MS, 1 + u32::from(kill % 2 == 0));
        let slow = at + (planted.slow_rounds)(hours(at)) * EVERY;
        for round in fixture.rounds.iter_mut().filter(|r| (at..slow).contains(&r.due_ns)) {
            round.ended_ns = Some(round.due_ns + 60 * MS);
        }
    }
    let sent = fixture.intervals.iter().map(|r| r.sent).sum();
    let end = fixture.end();
    (end.at_ns, end.ledger.sent, end.ledger.acknowledged, end.ledger.in_time) =
        (end_ns + 300 * MS, sent, sent, sent);
    (end.ticks.planned, end.ticks.in_time) = (planted.ticks + 1, planted.ticks + 1);
    fixture
}

fn hours(at_ns: u64) -> f64 {
    (at_ns - ZERO) as f64 / 3.6e12
}

/// The hold phase goes on until then, and what came after it comes after that.
pub(crate) fn stretch(fixture: &mut Fixture, end_ns: u64) {
    for event in &mut fixture.events {
        if event.at_ns >= ZERO + 10 * S {
            event.at_ns = event.at_ns - (ZERO + 10 * S) + end_ns;
        }
    }
}

fn work(fixture: &mut Fixture, planted: &Planted) {
    let first = fixture.rounds[0].clone();
    fixture.rounds.clear();
    fixture.intervals.clear();
    fixture.latency.clear();
    for i in 0..planted.ticks {
        let at_ns = ZERO + i * EVERY;
        let phase = if i == 0 { "warm_up" } else { "hold" };
        let took = ((planted.took_ms)(hours(at_ns)) + 0.2 * noise(i, 3)) * 1e6;
        let mut round = first.clone();
        (round.round, round.phase, round.due_ns) = (i, phase.into(), at_ns);
        (round.started_ns, round.ended_ns) = (Some(at_ns + MS / 10), Some(at_ns + took as u64));
        let tasks = u64::from(round.expected);
        fixture.rounds.push(round);
        fixture.intervals.push(Interval {
            at_ns,
            length_ns: EVERY,
            phase: phase.into(),
            sent: tasks,
            acknowledged: tasks,
            answered: tasks,
            ..Interval::default()
        });
        for series in [Series::Response, Series::Service, Series::Round, Series::TargetRound] {
            let mut histogram = latency::empty();
            (0..tasks).for_each(|_| latency::record(&mut histogram, took as u64));
            fixture.latency.push(IntervalHistogram {
                series,
                at_ns,
                length_ns: EVERY,
                histogram: histogram.into(),
            });
        }
    }
}

fn readings(fixture: &mut Fixture, planted: &Planted) {
    fixture.samples.clear();
    let one = fixture.processes.iter().find(|p| p.agent == Some(5)).unwrap().clone();
    for tick in 0..=planted.ticks {
        let at_ns = ZERO + tick * EVERY;
        let memory = (planted.memory)(hours(at_ns));
        for (group, processes) in
            [(Group::Master, 1), (Group::Coordinator, 2), (Group::Worker, 20), (Group::Harness, 1)]
        {
            let own = group != Group::Harness;
            let level = if own { memory } else { 20.0 * 1024.0 * KIB };
            let private = ((level + 30.0 * KIB * noise(tick, group as u64)) / PAGE).round() * PAGE;
            let mut s = sample(at_ns, group, processes, 0);
            s.private_sum = Some(private as u64 * u64::from(processes));
            s.private_max = Some(private as u64 + 4096);
            s.cpu_ns = Some(tick * MS);
            if group == Group::Worker {
                let more = (planted.descriptors)(hours(at_ns));
                s.descriptors_sum = s.descriptors_sum.map(|n| n + more);
                s.descriptors_max = Some(9 + more);
            }
            fixture.samples.push(s);
        }
        if tick % 6 == 0 {
            for agent in 3..9 {
                let private = ((memory + 30.0 * KIB * noise(tick, 100 + agent)) / PAGE).round() * PAGE;
                fixture.processes.push(Process {
                    at_ns,
                    mark: Mark::Tick,
                    agent: u32::try_from(agent).ok(),
                    pid: 1000 + u32::try_from(agent).unwrap(),
                    private: Some(private as u64),
                    ..one.clone()
                });
            }
        }
    }
}

fn rests(fixture: &mut Fixture, planted: &Planted) {
    let baseline: Vec<Process> =
        fixture.processes.iter().filter(|p| p.mark == Mark::Baseline).cloned().collect();
    for point in 1..=planted.ticks / 120 {
        let at_ns = ZERO + point * 1200 * S - 5 * S;
        let number = u32::try_from(point).unwrap();
        fixture.fact(at_ns, Fact::Quiesce { point: number, edge: Edge::Begin, rested: None, withheld: 0 });
        fixture.fact(
            at_ns + 2 * S,
            Fact::Quiesce { point: number, edge: Edge::End, rested: Some(true), withheld: 0 },
        );
        let more = (planted.descriptors)(hours(at_ns));
        fixture.processes.extend(baseline.iter().map(|p| Process {
            at_ns: at_ns + S,
            mark: Mark::Quiesced,
            descriptors: Some(if p.agent == Some(5) { 9 + more } else { 9 }),
            ..p.clone()
        }));
    }
}

fn finding<'a>(verdict: &'a Verdict, metric: &str) -> &'a Finding {
    let name = Name { metric: MetricRef::parse(metric).unwrap(), phase: None };
    verdict.findings.get(&name).unwrap_or_else(|| panic!("there is a {metric}"))
}

fn judged(planted: &Planted, gates: &[(&str, Op, f64)]) -> Verdict {
    let mut fixture = soak(planted);
    fixture.manifest.gates = gates.iter().map(|(id, op, limit)| gate(id, *op, *limit)).collect();
    fixture.judged()
}

/// Every gate on drift, with a limit that a steady target keeps.
const GATES: [(&str, Op, f64); 14] = [
    ("memory.growth < 5%/h", Op::Less, 0.05),
    ("memory.growth.bytes[worker] < 1MiB/h", Op::Less, 1024.0 * KIB),
    ("memory.growth.run < 10%", Op::Less, 0.1),
    ("memory.growth.horizon < 1000%", Op::Less, 10.0),
    ("memory.spread < 10%", Op::Less, 0.1),
    ("descriptors.growth < 1/h", Op::Less, 1.0),
    ("descriptors.quiesced == 0", Op::Equal, 0.0),
    ("threads.growth < 1/h", Op::Less, 1.0),
    ("agents.drifting == 0", Op::Equal, 0.0),
    ("memory.exhaustion > 12h", Op::Greater, 12.0 * 3600.0),
    ("descriptors.exhaustion > 12h", Op::Greater, 12.0 * 3600.0),
    ("coordination.drift < 15%", Op::Less, 0.15),
    ("response.drift < 15%", Op::Less, 0.15),
    ("recovery.drift < 50%", Op::Less, 0.5),
];

#[test]
fn a_steady_soak_is_go_by_every_gate_on_drift() {
    let verdict = judged(&STEADY, &GATES);
    assert_eq!(verdict.outcome, Outcome::Go, "{}", reports::terminal(&verdict, None));
    let memory = finding(&verdict, "memory.growth.bytes[worker]");
    let sight = memory.sight.unwrap();
    assert!(memory.interval.lo <= 0.0 && memory.interval.hi >= 0.0, "{memory:?}");
    assert!(sight.n_eff > 20.0 && sight.smallest < 100.0 * KIB, "{sight:?}");
    assert!(verdict.course.trends.iter().any(|t| t.watched == Watched::Memory && t.role == Some("worker")));
}

#[test]
fn each_planted_drift_turns_its_gate_red_and_the_interval_holds_what_was_planted() {
    let cases: [(Planted, &[&str], &str, f64); 4] = [
        (
            Planted { memory: |h| (40.0 * 1024.0 + 4.0 * 1024.0 * h) * KIB, ..STEADY },
            &[
                "memory.growth.bytes[worker] < 1MiB/h",
                "memory.growth < 5%/h",
                "agents.drifting == 0",
                "memory.growth.run < 10%",
            ],
            "memory.growth.bytes[worker]",
            4.0 * 1024.0 * KIB,
        ),
        (
            Planted { descriptors: |h| (h * 180.0) as u64, ..STEADY },
            &["descriptors.growth < 1/h", "descriptors.quiesced == 0"],
            "descriptors.growth[worker]",
            9.0,
        ),
        (
            Planted { took_ms: |h| 4.0 + 3.0 * h, ..STEADY },
            &["coordination.drift < 15%", "response.drift < 15%"],
            "coordination.drift",
            1.0,
        ),
        (
            Planted { slow_rounds: |h| 1 + (3.0 * h) as u64, ..STEADY },
            &["recovery.drift < 50%"],
            "recovery.drift",
            f64::NAN,
        ),
    ];
    for (planted, red, metric, size) in cases {
        let verdict = judged(&planted, &GATES);
        for id in red {
            let found = verdict.gates.iter().find(|g| g.id == *id).unwrap();
            assert_eq!(found.outcome, Outcome::NoGo, "{id}: {}", found.why);
        }
        let found = finding(&verdict, metric);
        let near = 0.03 * size;
        if size.is_nan() {
            continue; // What a recovery is counted in are whole rounds.
        }
        assert!(
            found.interval.lo <= size + near && found.interval.hi >= size - near,
            "{metric}: {size} in {:?}",
            found.interval
        );
    }
}

#[test]
fn a_target_that_was_kept_over_deaths_of_its_harness_is_one_series_and_each_harness_its_own() {
    let leak = Planted { memory: |h| (40.0 * 1024.0 + 4.0 * 1024.0 * h) * KIB, ..STEADY };
    let estimate = |target: Option<Takeover>| {
        let mut fixture = soak(&leak);
        // Each harness holds a MiB more than the one before.
        let deaths = |at_ns: u64| (at_ns - ZERO) / (200 * S) * u64::from(target.is_some());
        for sample in fixture.samples.iter_mut().filter(|s| s.group == Group::Harness) {
            sample.private_sum = sample.private_sum.map(|sum| sum + (deaths(sample.at_ns) << 20));
        }
        for (segment, tick) in (2..24).zip((19..).step_by(20)) {
            let (from_ns, at_ns) = (ZERO + tick * EVERY, ZERO + tick * EVERY + S);
            if let Some(target) = target {
                fixture.fact(at_ns, Fact::Resumed { segment, from_ns, hidden: 0, target });
            }
        }
        let verdict = fixture.judged();
        let trend = |watched, role| {
            let of = |t: &&reports::Trend| t.watched == watched && t.role == role;
            verdict.course.trends.iter().find(of).unwrap().drift.clone()
        };
        (trend(Watched::Memory, Some("worker")), trend(Watched::Harness, None))
    };
    let unbroken = estimate(None);
    let kept = estimate(Some(Takeover::Kept));
    assert_eq!(kept.0, unbroken.0, "the same processes");
    assert!(kept.1.per_hour.lo <= 0.0 && kept.1.per_hour.hi >= 0.0, "{:?}", kept.1);
    let again = estimate(Some(Takeover::StartedAgain));
    assert!(again.0.n_eff < unbroken.0.n_eff, "levels of different segments are not compared: {:?}", again.0);
}

/// The growth of the harness where each lives for so many ticks. Each begins with 3 MiB less, and has filled them after
/// so many ticks; it may gain some MiB an hour while it lives, and begin with some KiB more than the last.
fn growth_of_harnesses(lives: u64, fills: u64, gains_mib: f64, inherits_kib: f64) -> reports::drift::Drift {
    let mut fixture = soak(&STEADY);
    fixture.manifest.sampling.slow_every_ns = fills * EVERY;
    let life_ns = lives * EVERY;
    for (segment, tick) in (2..).zip((lives - 1..STEADY.ticks).step_by(lives as usize)) {
        let (from_ns, at_ns) = (ZERO + tick * EVERY, ZERO + tick * EVERY + S);
        fixture.fact(at_ns, Fact::Resumed { segment, from_ns, hidden: 0, target: Takeover::Kept });
    }
    let first_ns = ZERO + (lives - 1) * EVERY + S;
    for sample in fixture.samples.iter_mut().filter(|s| s.group == Group::Harness) {
        let Some(since_ns) = sample.at_ns.checked_sub(first_ns) else { continue };
        let (life, age_ns) = (since_ns / life_ns, since_ns % life_ns);
        let less = if age_ns <= fills * EVERY { 3.0 * 1024.0 * KIB } else { 0.0 };
        let more = gains_mib * 1024.0 * KIB * age_ns as f64 / 3.6e12 + inherits_kib * KIB * life as f64;
        sample.private_sum = sample.private_sum.map(|sum| (sum as f64 - less + more) as u64);
    }
    let trends = fixture.judged().course.trends;
    trends.into_iter().find(|trend| trend.watched == Watched::Harness).unwrap().drift
}

#[test]
fn what_a_harness_fills_when_it_takes_over_is_no_growth_and_what_it_gains_later_is() {
    let (steady, gains) = (growth_of_harnesses(20, 6, 0.0, 0.0), growth_of_harnesses(20, 6, 40.0, 0.0));
    let mib = 1024.0 * KIB;
    assert!(steady.per_hour.lo > -mib && steady.per_hour.hi < mib, "{steady:?}");
    assert!(gains.per_hour.lo > 0.0 && gains.per_hour.hi > 40.0 * mib, "{gains:?}");
    let inherits = growth_of_harnesses(20, 6, 0.0, 500.0);
    assert!(inherits.per_hour.lo < 0.0 && inherits.per_hour.hi > 0.0, "other processes: {inherits:?}");
}

#[test]
fn of_harnesses_that_lived_too_short_to_drift_it_is_asked_whether_one_holds_more_than_the_last() {
    let (steady, inherits) = (growth_of_harnesses(10, 2, 0.0, 0.0), growth_of_harnesses(10, 2, 0.0, 250.0));
    let mib = 1024.0 * KIB;
    assert!(steady.per_hour.lo > -mib && steady.per_hour.hi < mib, "{steady:?}");
    // 250 KiB each 100 seconds.
    let planted = 36.0 * 250.0 * KIB;
    assert!(inherits.per_hour.lo > planted / 2.0, "{inherits:?}");
    assert!(inherits.per_hour.lo < planted && inherits.per_hour.hi > planted, "{inherits:?}");
    assert!(steady.why.ends_with("their levels are compared."), "{}", steady.why);
}

#[test]
fn a_gate_that_the_run_is_too_short_for_says_so() {
    let verdict = judged(&Planted { ticks: 4, ..STEADY }, &GATES[..1]);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert!(verdict.gates[0].why.starts_with("too short to tell: "), "{}", verdict.gates[0].why);
    assert!(verdict.gates[0].why.contains(" of load, sampled as often, would give one; it had "));
    assert_eq!(verdict.gates[0].measured(), "–");
}

/// One worker of twenty keeps a descriptor of each coordinator that dies.
#[test]
fn what_each_fault_leaves_open_is_told_of_descriptors_too() {
    let planted = Planted { descriptors: |hours| (hours * 18.0) as u64, ..STEADY };
    let gates = [("descriptors.growth.fault[worker] < 0.02", Op::Less, 0.02)];
    let (steady, keeping) = (judged(&STEADY, &gates), judged(&planted, &gates));
    assert_eq!(steady.gates[0].outcome, Outcome::Go, "{}", steady.gates[0].why);
    assert_eq!(keeping.gates[0].outcome, Outcome::NoGo, "{}", keeping.gates[0].why);
    let left = finding(&keeping, "descriptors.growth.fault[worker]").interval;
    assert!((left.lo..left.hi).contains(&0.05), "{left:?}");
    assert!(finding(&keeping, "descriptors.growth.task[worker]").interval.lo > 0.0);
}

#[test]
fn exhaustion_that_never_comes_is_go_and_only_what_cannot_be_told_is_inconclusive() {
    let leak = || Planted { memory: |h| (40.0 * 1024.0 + 4.0 * 1024.0 * h) * KIB, ..STEADY };
    let outcome = |planted: &Planted, limit: f64| {
        judged(planted, &[("memory.exhaustion > limit", Op::Greater, limit)]).gates[0].outcome
    };
    let steady = finding(&judged(&STEADY, &[]), "memory.exhaustion").interval;
    assert!(steady.lo.is_finite() && steady.hi.is_infinite(), "{steady:?}");
    assert_eq!(outcome(&STEADY, steady.lo * 0.9), Outcome::Go);
    assert_eq!(outcome(&STEADY, steady.lo * 1.1), Outcome::Inconclusive);
    let growing = finding(&judged(&leak(), &[]), "memory.exhaustion").interval;
    assert!(growing.lo > 0.0 && growing.hi.is_finite(), "{growing:?}");
    assert_eq!(outcome(&leak(), growing.lo * 0.9), Outcome::Go);
    assert_eq!(outcome(&leak(), growing.hi * 1.1), Outcome::NoGo);
}

#[test]
fn a_drift_near_its_limit_says_how_much_longer_it_would_take() {
    let limit = finding(&judged(&STEADY, &[]), "memory.growth.bytes[worker]").interval.hi * 0.6;
    let verdict = judged(&STEADY, &[("memory.growth.bytes[worker] < limit", Op::Less, limit)]);
    let why = &verdict.gates[0].why;
    assert_eq!(verdict.outcome, Outcome::Inconclusive, "{why}");
    assert!(why.contains("of load would settle it, it had 80 min; the smallest that this run"), "{why}");
}

#[test]
fn a_fault_window_is_left_out_of_the_slope_and_not_of_the_ceiling() {
    let mut fixture = soak(&STEADY);
    fixture.manifest.gates = vec![
        gate("memory.growth < 5%/h", Op::Less, 0.05),
        gate("memory.private.max < 100MiB", Op::Less, 100.0 * 1024.0 * KIB),
    ];
    for s in fixture.samples.iter_mut().filter(|s| (s.at_ns - ZERO).is_multiple_of(200 * S) && s.at_ns > ZERO)
    {
        // More with each fault, as long as it lasts: a slope over all would not be flat.
        let more = 20 * (s.at_ns - ZERO) / (200 * S) * 1024 * 1024;
        s.private_sum = s.private_sum.map(|sum| sum + more * u64::from(s.processes));
        s.private_max = s.private_max.map(|most| most + more);
    }
    let verdict = fixture.judged();
    let of = |id: &str| verdict.gates.iter().find(|g| g.id.starts_with(id)).unwrap().outcome;
    assert_eq!((of("memory.growth"), of("memory.private.max")), (Outcome::Go, Outcome::NoGo));
}

/// A fault that is planned and of which nothing has been heard yet.
fn plan_another(fixture: &mut Fixture) {
    let mut planned = fixture.manifest.faults[0].clone();
    planned.id = "another".to_owned();
    fixture.manifest.faults.push(planned);
}

/// The same, and this is what became of it.
fn step(fixture: &mut Fixture, step: FaultStep) {
    plan_another(fixture);
    let why = Some("nobody was there".to_owned());
    let fact = Fact::Fault { fault: "another".to_owned(), step, victims: Vec::new(), why };
    fixture.fact(ZERO + 60 * S, fact);
}

#[test]
fn a_greatest_value_ends_a_soak_only_beyond_its_second_limit_too() {
    for (second, expected) in [(6.0, None), (5.5, Some("round.time.max < 5s: it was 5.75 s already"))] {
        let mut fixture = soak(&STEADY);
        fixture.end = None;
        let mut asked = gate("round.time.max < 5s", Op::Less, 5.0);
        asked.conditional = Some(Limit { op: Op::Less, value: second });
        fixture.manifest.gates = vec![asked];
        fixture.rounds[9].ended_ns = Some(fixture.rounds[9].due_ns + 5750 * MS);
        let look = reports::Look { number: 3, of: 4 };
        let reason = reports::interim(fixture.write().path(), look).unwrap();
        assert_eq!(reason.map(|r| r.why).as_deref(), expected);
    }
}

#[test]
fn a_look_at_a_running_soak_ends_it_only_for_a_reason() {
    use reports::{Kind, Look};
    type Change = fn(&mut Fixture);
    let leak = Planted { memory: |h| (40.0 * 1024.0 + 16.0 * 1024.0 * h) * KIB, ..STEADY };
    let steady: Planted = STEADY;
    let cases: [(&Planted, Change, Option<Kind>); 14] = [
        (&steady, |_| {}, None),
        (&leak, |_| {}, Some(Kind::Drift)),
        (&steady, |f| f.intervals[9].corrupt = 1, Some(Kind::Broken)),
        (&steady, |f| f.intervals[9..30].iter_mut().for_each(|r| r.answered = 0), None),
        (
            &steady,
            |f| {
                f.intervals[9..30].iter_mut().for_each(|r| r.answered = 0);
                f.rounds[9..30].iter_mut().for_each(|r| r.delivered = 0);
            },
            Some(Kind::BudgetSpent),
        ),
        (
            &steady,
            |f| {
                f.fact(
                    ZERO + 60 * S,
                    Fact::Clock { change: evidence::event::ClockChange::Suspended, by_ns: 1 },
                )
            },
            Some(Kind::Worthless),
        ),
        (&steady, |f| f.rounds[9].ended_ns = Some(f.rounds[9].due_ns + 6 * S), Some(Kind::Broken)),
        (&steady, |f| f.rounds[9].ended_ns = Some(f.rounds[9].due_ns + 4 * S), None),
        (&steady, |f| f.rounds[9].ended_ns = None, None),
        (&steady, |f| f.rounds[9].delivered = 0, Some(Kind::Broken)),
        (&steady, |f| step(f, FaultStep::Skipped), Some(Kind::Worthless)),
        (&steady, |f| step(f, FaultStep::Failed), Some(Kind::Worthless)),
        (&steady, |f| plan_another(f), None),
        (
            &steady,
            |f| {
                let of_kill = |e: &&mut evidence::event::Event| matches!(e.fact, Fact::Fault { .. });
                let Fact::Fault { victims, .. } = &mut f.events.iter_mut().find(of_kill).unwrap().fact else {
                    unreachable!("only such were looked for")
                };
                victims[0].proof = Proof::Mismatch;
            },
            Some(Kind::Worthless),
        ),
    ];
    for (place, (planted, change, expected)) in cases.into_iter().enumerate() {
        let mut fixture = soak(planted);
        fixture.end = None;
        fixture.manifest.gates = vec![
            gate("messages.corrupt == 0", Op::Equal, 0.0),
            gate("availability >= 99%", Op::GreaterOrEqual, 0.99),
            gate("memory.growth < 5%/h", Op::Less, 0.05),
            gate("round.time.max < 5s", Op::Less, 5.0),
            gate("delivery.rate.min >= 50%", Op::GreaterOrEqual, 0.5),
        ];
        change(&mut fixture);
        let reason = reports::interim(fixture.write().path(), Look { number: 3, of: 4 }).unwrap();
        assert_eq!(reason.as_ref().map(|r| r.kind), expected, "case {place}: {reason:?}");
    }
}

#[test]
fn the_reports_of_a_soak_tell_its_drift_its_points_of_rest_and_stay_small() {
    let run = soak(&STEADY).write();
    reports::render(run.path()).unwrap();
    let read = |file: evidence::layout::File| std::fs::read_to_string(file.within(run.path())).unwrap();
    let (page, markdown) = (read(evidence::layout::REPORT_HTML), read(evidence::layout::REPORT_MD));
    for text in ["Drift", "Points of rest", "private memory per worker", "time of a round", "flat"] {
        assert!(page.contains(text) && markdown.contains(text), "{text}");
    }
    assert!(page.len() < 2 << 20, "{} bytes", page.len());
}

/// The drift section of a page, and its charts.
pub(crate) fn drift_section(fixture: &Fixture) -> (String, Vec<String>) {
    let run = fixture.write();
    reports::render(run.path()).unwrap();
    let page = std::fs::read_to_string(evidence::layout::REPORT_HTML.within(run.path())).unwrap();
    let section = page.split("<h2>Drift</h2>").nth(1).unwrap().split("</section>").next().unwrap().to_owned();
    let charts = section.split("<svg").skip(1).map(|svg| svg.split("</svg>").next().unwrap().to_owned());
    let charts = charts.collect();
    (section, charts)
}

#[test]
fn a_drift_is_seen_as_a_line_beside_the_growth_that_its_gate_allows() {
    let leak = Planted { memory: |h| (40.0 * 1024.0 + 4.0 * 1024.0 * h) * KIB, ..STEADY };
    let mut fixture = soak(&leak);
    fixture.manifest.gates = vec![gate("memory.growth.bytes[worker] < 1MiB/h", Op::Less, 1024.0 * KIB)];
    let (section, charts) = drift_section(&fixture);
    assert!(charts[0].contains("points of rest") && charts[0].contains("faults"), "the strip comes first");
    let worst = &charts[1];
    assert!(worst.contains("aria-label=\"Private memory per worker\""), "the series of the red gate is next");
    for (what, class) in [
        ("the fitted line", "stroke c2"),
        ("the limit", "stroke alarm"),
        ("bounds", "fill band"),
        ("warm-up", "fill warm-up"),
    ] {
        assert!(worst.contains(class), "{what}");
    }
    let dots = worst.split("<circle").skip(1).filter(|dot| dot.contains("fill c1")).count();
    assert!((8..=48).contains(&dots), "{dots} dots, one for each block");
    assert!(section.contains("drifting") && section.contains("drift no-go"), "{section}");
}

#[test]
fn a_hole_in_the_samples_is_a_hole_in_the_chart_of_a_drift() {
    let memory = |charts: &[String]| {
        let chart = charts.iter().find(|c| c.contains("aria-label=\"Private memory per worker\"")).unwrap();
        chart.matches("polyline class=\"stroke sampled\"").count()
    };
    let whole = memory(&drift_section(&soak(&STEADY)).1);
    let mut holed = soak(&STEADY);
    holed.samples.retain(|s| !(ZERO + 2000 * S..ZERO + 2400 * S).contains(&s.at_ns));
    assert_eq!(memory(&drift_section(&holed).1), whole + 1);
}

#[test]
fn a_series_that_is_too_short_for_a_slope_is_named_with_the_load_that_would_do_and_not_drawn() {
    let (section, charts) = drift_section(&soak(&Planted { ticks: 4, ..STEADY }));
    let short = section.split("Too short for a slope: ").nth(1).unwrap().split("</p>").next().unwrap();
    insta::assert_snapshot!(short, @"private memory per process, open descriptors per process, threads per process, private memory per master, open descriptors per master, threads per master, private memory per coordinator, open descriptors per coordinator, threads per coordinator, private memory per worker, open descriptors per worker, threads per worker, time of a round, private memory of the harness: 3 samples in 3 blocks are too few for a slope. About 4 min of load, sampled as often, would give one. median response time: 4 samples in 4 blocks are too few for a slope. About 3 min of load, sampled as often, would give one.");
    assert!(!charts.iter().any(|c| c.contains("Private memory")));
    // Four minutes of them do.
    let (section, charts) = drift_section(&soak(&Planted { ticks: 24, ..STEADY }));
    assert!(!section.contains("Too short for a slope"), "{section}");
    assert!(charts.iter().any(|c| c.contains("Private memory")));
}

#[test]
fn the_length_of_a_rehearsal_is_not_held_against_its_scenario() {
    let asked = |rehearsal| {
        let mut fixture = soak(&Planted { ticks: 60, ..STEADY });
        fixture.manifest.rehearsal = rehearsal;
        fixture.manifest.gates = vec![gate("run.length >= 64m", Op::GreaterOrEqual, 64.0 * 60.0)];
        fixture.judged().gates.remove(0)
    };
    assert_eq!(asked(None).outcome, Outcome::NoGo);
    let found = asked(Some(100.0));
    assert_eq!(found.outcome, Outcome::Inconclusive);
    assert!(found.why.contains("the time of a rehearsal is compressed"), "{}", found.why);
}
