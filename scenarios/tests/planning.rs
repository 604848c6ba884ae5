//! What becomes of a valid scenario.

use std::collections::BTreeMap;
use std::time::Duration;

use evidence::event::Level;
use evidence::gate::Op;
use evidence::role::Role;
use scenarios::Options;
use scenarios::plan::{
    EndEarly, Fault, FaultKind, Live, OnHarnessDeath, Part, Plan, Quiesce, Rounds, Segment, Shape, Signal,
    Soak, When, Work,
};
use serde_json::json;

const S: u64 = 1_000_000_000;

fn planned_with(text: &str, options: &Options) -> Plan {
    scenarios::parse(text, "test.yaml", options).unwrap_or_else(|problems| panic!("{problems}")).plan
}

fn planned(text: &str) -> Plan {
    planned_with(text, &Options::default())
}

/// A scenario with this workload and these further lines.
fn scenario(workload: &str, more: &str) -> String {
    format!(
        "name: test\nwhy: A test.\ntarget:\n  swarm: {{ shape: hybrid, coordinators: 4, workers: 40 }}\n\
         workload: {workload}\nphases: {{ hold: 60s }}\ngates: [agents.crashed == 0]\n{more}"
    )
}

/// The example of the design, without its gate on drift.
const EXAMPLE: &str = "\
# scenarios/chaos/three-coordinators-at-once.yaml
name: three-coordinators-at-once
why: Three of ten coordinators die in the same instant; 500 agents must carry on.
target:
  swarm: { shape: hybrid, coordinators: 10, workers_per_coordinator: 50 }
workload:
  rounds: { every: 500ms, timeout: 30s, payload: 256B, work: echo }
phases: { warm_up: 5s, hold: 60s, drain: 10s }
sample: { every: 1s }
faults:
  - kill: { role: coordinator, count: 3 }
    at: 20s
    expect: { recovers_within: 5s, lost: 0 }
gates:
  - delivery.rate >= 95%
  - recovery.time.max < 30s
  - messages.lost == 0
";

fn role(fault: &Fault) -> Role {
    fault.victims.as_ref().expect("it hits agents").role
}

fn places(fault: &Fault) -> &[u32] {
    &fault.victims.as_ref().expect("it hits agents").places
}

#[test]
fn a_plan_leaves_nothing_open() {
    let plan = planned(EXAMPLE);
    assert_eq!(plan.seed, 1);
    assert_eq!(plan.target.agents.unwrap().all(), 511);
    assert_eq!(
        plan.target.config,
        json!({
            "coordinators": 10, "drain_ms": 10_000, "inbox": 1_000, "lease_ms": 500, "metrics_interval_ms": 1_000,
            "replace": true, "seed": 1, "shape": "hybrid", "workers": 500
        })
    );
    let phases: Vec<_> =
        plan.phases.iter().map(|p| (p.name.as_str(), p.at_ns / S, p.length_ns / S)).collect();
    assert_eq!(phases, [("warm_up", 0, 5), ("hold", 5, 60), ("drain", 65, 10)]);
    assert_eq!((plan.sample.every_ns, plan.sample.slow_every_ns), (S, 10 * S));
    let rounds = plan.workload.rounds.unwrap();
    assert_eq!((rounds.every_ns, rounds.timeout_ns, rounds.payload, rounds.open), (S / 2, 30 * S, 256, 16));
    let [fault] = &plan.faults[..] else { panic!("{:?}", plan.faults) };
    assert_eq!((fault.id.as_str(), fault.at_ns, fault.requires), ("1", 20 * S, Level::E1));
    assert_eq!(fault.kind, FaultKind::Kill { signal: Signal::Kill, then_kill_ns: None });
    assert_eq!((role(fault), places(fault).len()), (Role::Coordinator, 3));
    let gates: Vec<_> = plan.gates.iter().map(|gate| gate.id.as_str()).collect();
    assert_eq!(
        gates,
        [
            "delivery.rate >= 95%",
            "recovery.time.max < 30s",
            "messages.lost == 0",
            "fault[1].recovery_time < 5s",
            "fault[1].lost == 0"
        ]
    );
}

#[test]
fn a_gate_on_drift_keeps_its_rate_per_hour() {
    let gates = "  - { metric: memory.growth, go: \"< 10%/h\", conditional: \"< 20%/h\" }
  - memory.growth.bytes[worker] < 64KiB/min
  - memory.growth < 24%/d
  - incidents.rate < 1/week
";
    let plan = planned(&format!("{EXAMPLE}{gates}"));
    let drift = &plan.gates[3..7];
    let limits: Vec<_> = drift.iter().map(|gate| (gate.go.op, gate.go.value)).collect();
    assert_eq!(
        limits,
        [(Op::Less, 0.1), (Op::Less, 64.0 * 1_024.0 * 60.0), (Op::Less, 0.01), (Op::Less, 1.0 / 168.0)]
    );
    assert_eq!(drift[0].conditional.map(|limit| limit.value), Some(0.2));
}

#[test]
fn a_gate_keeps_its_limits_in_base_units() {
    let plan = planned(&scenario("{ rounds: { every: 1s } }", "").replace(
        "[agents.crashed == 0]",
        "[{ metric: round.time.p99, go: < 250ms, conditional: <= 1s, during: hold, id: slow, cites: X7 }, \
          delivery.rate >= 99.9%, 'memory.private.max[worker] < 64 MiB during hold', throughput > 600/m]",
    ));
    let [slow, delivery, memory, throughput] = &plan.gates[..] else { panic!("{:?}", plan.gates) };
    assert_eq!(
        (slow.id.as_str(), slow.cites.as_deref(), slow.phase.as_deref()),
        ("slow", Some("X7"), Some("hold"))
    );
    assert_eq!((slow.go.op, slow.go.value), (Op::Less, 0.25));
    assert_eq!(slow.conditional.map(|limit| (limit.op, limit.value)), Some((Op::LessOrEqual, 1.0)));
    assert_eq!((delivery.go.op, delivery.go.value), (Op::GreaterOrEqual, 0.999));
    assert_eq!((memory.metric.selector.as_deref(), memory.go.value), (Some("worker"), 67_108_864.0));
    assert_eq!(memory.id, "memory.private.max[worker] < 64 MiB during hold");
    assert_eq!((throughput.go.op, throughput.go.value), (Op::Greater, 10.0));
}

const DAY: u64 = 86_400;
const DAILY: &str = "{ rounds: { every: 10s, daily: [{ from: 00:00, workers: 25% }, { from: 09:00, workers: 40 }, { from: 18:30, workers: 7 }] } }";

#[test]
fn workers_take_part_by_the_time_of_day() {
    let of = |hold: &str| {
        planned(&scenario(DAILY, "").replace("hold: 60s", &format!("warm_up: 0s, hold: {hold}")))
    };
    let levels = |plan: &Plan| {
        plan.workload
            .rounds
            .as_ref()
            .unwrap()
            .levels
            .iter()
            .map(|l| (l.at_ns / S, l.workers))
            .collect::<Vec<_>>()
    };
    let half_hours = |n: u64| n * 1_800;
    assert_eq!(levels(&of("8h")), [(0, 10)]);
    assert_eq!(
        levels(&of("34h")),
        [(0, 10), (half_hours(18), 40), (half_hours(37), 7), (DAY, 10), (DAY + half_hours(18), 40)]
    );
    assert_eq!(levels(&of("30d")).len(), 90);
    assert_eq!(levels(&planned(&scenario("{ rounds: { every: 1s } }", ""))), []);
}

#[test]
fn single_tasks_come_by_the_time_of_day() {
    let arrivals = "{ arrivals: { daily: [{ from: 00:00 }, { from: 06:00, rate: 2/s }, { from: 20:00, ramp: { from: 2/s, to: 0/s } }] } }";
    let plan = planned(&scenario(arrivals, "").replace("hold: 60s", "warm_up: 0s, hold: 30h"));
    let segments: Vec<_> = plan.workload.arrivals.unwrap().segments;
    let hours = |segment: &Segment| (segment.at_ns / S / 3_600, segment.length_ns / S / 3_600);
    assert_eq!(segments.iter().map(hours).collect::<Vec<_>>(), [(0, 6), (6, 14), (20, 4), (24, 6)]);
    assert_eq!(segments[3].shape, Shape::Silence {});
    assert_eq!(segments[2].shape, Shape::Ramp { from: 2.0, to: 0.0 });
}

#[test]
fn a_rehearsal_shows_each_change_of_the_day_with_two_rounds_or_more() {
    let text = scenario(DAILY, "").replace("hold: 60s", "warm_up: 1h, hold: 14d");
    let rehearse = Some(Duration::from_secs(180));
    let rehearsed = planned_with(&text, &Options { rehearse, ..Options::default() });
    let (whole, rehearsed) = (planned(&text).workload.rounds.unwrap(), rehearsed.workload.rounds.unwrap());
    let workers = |rounds: &Rounds| rounds.levels.iter().map(|l| l.workers).collect::<Vec<_>>();
    assert_eq!(workers(&rehearsed), workers(&whole));
    assert_eq!(rehearsed.levels.len(), 43);
    for pair in rehearsed.levels.windows(2) {
        let due = |at: u64| at.div_ceil(rehearsed.every_ns);
        assert!(due(pair[1].at_ns) >= due(pair[0].at_ns) + 2, "{pair:?}, one every {}", rehearsed.every_ns);
    }
}

#[test]
fn work_can_be_a_mixture() {
    let mix = "{ mix: [{ weight: 3, work: { exec: [sh, -c, 'exit 0'] } }, { work: echo }, { work: { sleep: 5ms } }] }";
    let plan = planned(&scenario(&format!("{{ arrivals: {{ rate: 1/s, work: {mix} }} }}"), ""));
    let part = |weight, work| Part { weight, work };
    let argv = ["sh", "-c", "exit 0"].map(str::to_owned).to_vec();
    assert_eq!(
        plan.workload.arrivals.as_ref().unwrap().work,
        Work::Mix {
            parts: vec![
                part(3, Work::Exec { argv }),
                part(1, Work::Echo {}),
                part(1, Work::Sleep { p50_us: 5_000, p99_us: 5_000 })
            ]
        }
    );
    assert!(rendered(&plan).contains("a mixture of 3 × run sh -c exit 0, 1 × echo, 1 × sleep 5ms"));
}

/// A scenario of a week with everything that a long run can have.
fn long_run() -> String {
    scenario(
        "{ rounds: { every: 10s } }",
        "soak:
  on_harness_death: keep
  horizon: 30d
  quiesce: { every: 1h }
  disk: 1GiB
  end_early: {}
  alerts: [memory.growth > 10%/h for 30m, 'descriptors[worker] >= 900', delivery.rate < 95% for 1m]
  notify: { command: [logger, -t, soak], webhook: \"http://127.0.0.1:9000/soak\" }
",
    )
    .replace("hold: 60s", "hold: 7d")
}

#[test]
fn a_long_run_is_planned_with_all_that_it_needs() {
    let soak = planned(&long_run()).soak;
    assert_eq!(soak.horizon_ns, Some(30 * 86_400 * S));
    assert_eq!(soak.quiesce, Some(Quiesce { every_ns: 3_600 * S, within_ns: 30 * S }));
    assert_eq!((soak.on_harness_death, soak.disk_bytes), (OnHarnessDeath::Keep, Some(1 << 30)));
    assert_eq!(soak.end_early, Some(EndEarly { looks: 10 }));
    let alerts: Vec<_> =
        soak.alerts.iter().map(|a| (a.id.as_str(), a.metric, a.role, a.for_ns / S)).collect();
    assert_eq!(
        alerts,
        [
            ("memory.growth > 10%/h for 30m", Live::MemoryGrowth, None, 1_800),
            ("descriptors[worker] >= 900", Live::Descriptors, Some(Role::Worker), 0),
            ("delivery.rate < 95% for 1m", Live::Delivery, None, 60)
        ]
    );
    assert!(!soak.alerts[0].limit.holds(0.11) && soak.alerts[0].limit.holds(0.1));
    assert_eq!(soak.notify.command.as_deref(), Some(&["logger", "-t", "soak"].map(str::to_owned)[..]));
    assert_eq!(soak.notify.webhook.as_deref(), Some("http://127.0.0.1:9000/soak"));
    let short = planned(EXAMPLE);
    assert_eq!(short.soak, Soak::default());
    assert_eq!(short.soak.on_harness_death, OnHarnessDeath::Stop);
}

#[test]
fn a_rehearsal_of_a_long_run_comes_to_rest_more_than_once() {
    let rehearse = Some(Duration::from_secs(90));
    let plan = planned_with(&long_run(), &Options { rehearse, ..Options::default() });
    assert_eq!(plan.soak.quiesce, Some(Quiesce { every_ns: 10 * S, within_ns: 5 * S }));
    assert_eq!(plan.soak.horizon_ns, Some(30 * 86_400 * S));
    assert!(plan.soak.alerts.iter().all(|alert| alert.for_ns <= S), "{:?}", plan.soak.alerts);
}

#[test]
fn work_kinds_are_read() {
    for (written, work) in [
        ("echo", Work::Echo {}),
        ("relay", Work::Relay {}),
        ("{ sleep: 5ms }", Work::Sleep { p50_us: 5_000, p99_us: 5_000 }),
        ("{ sleep: { p50: 5ms, p99: 20ms } }", Work::Sleep { p50_us: 5_000, p99_us: 20_000 }),
        ("{ cpu: 200us }", Work::Cpu { us: 200 }),
        ("{ alloc: 1MiB }", Work::Alloc { bytes: 1 << 20 }),
        ("{ exec: [git, --version] }", Work::Exec { argv: vec!["git".to_owned(), "--version".to_owned()] }),
    ] {
        let plan = planned(&scenario(&format!("{{ rounds: {{ every: 1s, work: {written} }} }}"), ""));
        assert_eq!(plan.workload.rounds.unwrap().work, work, "{written}");
    }
}

#[test]
fn arrivals_fill_the_time_from_zero_to_the_end_of_the_hold_phase() {
    let segments = |text: &str| {
        planned(&scenario(&format!("{{ arrivals: {text} }}"), "")).workload.arrivals.unwrap().segments
    };
    let segment = |at, length, shape| Segment { at_ns: at * S, length_ns: length * S, shape };
    for (text, shape) in [
        ("{ rate: 200/s }", Shape::Constant { per_second: 200.0 }),
        ("{ poisson: 90/m }", Shape::Poisson { per_second: 1.5 }),
        ("{ ramp: { from: 0/s, to: 500/s } }", Shape::Ramp { from: 0.0, to: 500.0 }),
        ("{ burst: { count: 100, every: 1s } }", Shape::Burst { count: 100, every_ns: S }),
    ] {
        assert_eq!(segments(text), [segment(0, 62, shape)], "{text}");
    }
    assert_eq!(
        segments("{ segments: [{ for: 10s, rate: 5/s }, { for: 20s }, { for: 12s, poisson: 5/s }] }"),
        [
            segment(0, 10, Shape::Constant { per_second: 5.0 }),
            segment(10, 20, Shape::Silence {}),
            segment(30, 12, Shape::Poisson { per_second: 5.0 }),
            segment(42, 20, Shape::Silence {}),
        ]
    );
}

#[test]
fn a_repeated_fault_is_due_again_and_again_with_other_victims() {
    let plan = planned(&scenario(
        "{ rounds: { every: 1s } }",
        "faults:\n  - { kill: { role: worker, percent: 10, signal: SIGTERM }, every: 5s, from: 10s, until: 30s, jitter: 1s }\n\
         \x20 - { pause: { role: master, for: 3s }, at: 12s, when: round in flight, after: 2ms, require: E0, id: lead }\n",
    ));
    let due: Vec<_> = plan.faults.iter().map(|fault| (fault.id.as_str(), fault.at_ns / S)).collect();
    assert_eq!(due, [("1.1", 10), ("lead", 12), ("1.2", 15), ("1.3", 20), ("1.4", 25)]);
    let first = &plan.faults[0];
    assert_eq!(
        (places(first).len(), &first.kind),
        (4, &FaultKind::Kill { signal: Signal::Term, then_kill_ns: None })
    );
    assert_ne!(places(first), places(&plan.faults[2]));
    let lead = &plan.faults[1];
    assert_eq!(lead.when, When::RoundInFlight { after_ns: 2_000_000 });
    assert_eq!(
        (lead.requires, &lead.kind, lead.for_ns, places(lead)),
        (Level::E0, &FaultKind::Pause {}, 3 * S, &[0][..])
    );
}

#[test]
fn one_more_fault_changes_nothing_for_the_others() {
    let with = |more: &str| {
        planned(&scenario(
            "{ rounds: { every: 1s } }",
            &format!("faults:\n  - {{ kill: {{ role: worker, count: 5 }}, at: 10s, id: a }}\n{more}"),
        ))
    };
    let (one, two) = (with(""), with("  - { kill: { role: worker, count: 5 }, at: 5s, id: b }\n"));
    assert_eq!(Some(&one.faults[0]), two.faults.iter().find(|fault| fault.id == "a"));
}

#[test]
fn another_program_is_given_its_own_configuration() {
    let plan = planned(
        "name: other\nwhy: Another target.\ntarget:\n  command: [python3, docs/examples/echo_target.py]\n  \
         config: { workers: 3, mode: fast, ratio: 0.5, list: [1, two, ~] }\n  agents: { coordinator: 1, worker: 3 }\n  ready_within: 5s\n\
         phases: { hold: 5s }\ngates: [agents.crashed == 0]\n",
    );
    assert_eq!(plan.target.command.unwrap(), ["python3", "docs/examples/echo_target.py"]);
    assert_eq!(
        plan.target.config,
        json!({ "workers": 3, "mode": "fast", "ratio": 0.5, "list": [1, "two", null] })
    );
    assert_eq!((plan.target.agents.unwrap().all(), plan.target.ready_within_ms), (4, 5_000));
    assert_eq!((plan.workload.rounds, plan.workload.arrivals), (None, None));
}

#[test]
fn defects_are_passed_on_as_the_runtime_names_them() {
    let text = scenario("{ rounds: { every: 1s } }", "").replace(
        "workers: 40",
        "workers: 40, lease: 250ms, replace: false, defects: { late_1_in: 10, late: 2s, never_reassign: true, leak_bytes_per_task: 4KiB }",
    );
    let config = planned(&text).target.config;
    assert_eq!((&config["lease_ms"], &config["replace"]), (&json!(250), &json!(false)));
    assert_eq!(
        config["defects"],
        json!({ "late_1_in": 10, "late_ms": 2_000, "never_reassign": true, "leak_bytes_per_task": 4_096 })
    );
}

#[test]
fn flags_and_variables_change_what_is_read() {
    let options = Options {
        seed: Some(7),
        set: vec![
            ("phases.hold".to_owned(), "20s".to_owned()),
            ("target.swarm.workers".to_owned(), "8".to_owned()),
            ("workload.rounds.work".to_owned(), "{sleep: 5ms}".to_owned()),
            ("gates.0".to_owned(), "messages.lost == 0".to_owned()),
            ("sample.every".to_owned(), "2s".to_owned()),
        ],
        rehearse: None,
        twin: false,
        env: BTreeMap::from([("EVERY".to_owned(), "250ms".to_owned())]),
    };
    let plan = planned_with(
        &scenario("{ rounds: { every: \"${EVERY}\", timeout: \"${TIMEOUT:-3s}\" } }", "seed: 3\n"),
        &options,
    );
    let rounds = plan.workload.rounds.as_ref().unwrap();
    assert_eq!((plan.seed, rounds.every_ns, rounds.timeout_ns), (7, S / 4, 3 * S));
    assert_eq!(rounds.work, Work::Sleep { p50_us: 5_000, p99_us: 5_000 });
    assert_eq!((plan.load_ends_ns(), plan.target.agents.unwrap().worker), (22 * S, 8));
    assert_eq!((plan.gates[0].id.as_str(), plan.sample.every_ns), ("messages.lost == 0", 2 * S));
}

#[test]
fn a_rehearsal_compresses_the_timeline_and_not_the_work() {
    let text = scenario(
        "{ rounds: { every: 100ms, timeout: 5s } }",
        "sample: { every: 10m, slow_every: 1h }\nfaults:\n  \
         - { kill: { role: coordinator }, every: 7d, from: 2d }\n  - { pause: { role: worker, for: 2s }, at: 15d, id: p }\n",
    )
    .replace("hold: 60s", "warm_up: 1h, hold: 30d, drain: 30s");
    let whole = planned(&text);
    let rehearsed =
        planned_with(&text, &Options { rehearse: Some(Duration::from_secs(180)), ..Options::default() });
    let length: u64 = rehearsed.phases.iter().map(|phase| phase.length_ns).sum();
    assert_eq!(length, 180 * S);
    assert_eq!(rehearsed.phases[2].length_ns, 30 * S);
    assert!((rehearsed.rehearsal.unwrap() - 17_304.0).abs() < 1.0, "{:?}", rehearsed.rehearsal);
    assert_eq!(rehearsed.workload, whole.workload);
    assert_eq!(rehearsed.sample.every_ns, S);
    let ids = |plan: &Plan| {
        plan.faults.iter().map(|f| (f.id.clone(), f.victims.clone(), f.kind.clone())).collect::<Vec<_>>()
    };
    assert_eq!(ids(&rehearsed), ids(&whole));
    assert!(rehearsed.faults.iter().all(|fault| fault.at_ns < 150 * S));
    assert_eq!(whole.rehearsal, None);
}

/// What a person reads, its fingerprint by name: a file of its own pins those.
fn rendered(plan: &Plan) -> String {
    scenarios::timeline::render(plan).replace(&plan.fingerprint(), "[its fingerprint]")
}

#[test]
fn a_person_can_read_the_plan() {
    insta::assert_snapshot!(rendered(&planned(EXAMPLE)), @r#"
    three-coordinators-at-once
      Three of ten coordinators die in the same instant; 500 agents must carry on.
      seed 1, fingerprint [its fingerprint]
    target
      hybrid: 1 master, 10 coordinators, 500 workers (511 agents), ready within 30s
    workload
      130 rounds of 500 tasks, one every 500ms; 256 B each, echo; time-out 30s; at most 16 open
    timeline
              0s  warm_up, 5s
              5s  hold, 1m
             20s  fault 1: SIGKILL to coordinator #3 #7 #9; needs E1
             65s  drain, at most 10s
    gates
      delivery.rate >= 95 %
      recovery.time.max < 30 s
      messages.lost == 0
      fault[1].recovery_time < 5 s
      fault[1].lost == 0
    needs
      515 processes, 575 descriptors in one of them
      196 MiB of memory at most, about 801 KiB on disk
      privileges: none
    "#);
    let text = scenario(
        "{ arrivals: { segments: [{ for: 10s, rate: 50/s }, { for: 30s, ramp: { from: 50/s, to: 200/s } }], timeout: 1s, work: { sleep: { p50: 5ms, p99: 20ms } } } }",
        "faults:\n  - { pause: { role: worker, percent: 100, for: 2500ms }, at: 20s }\n  - { kill: { role: worker, count: 20, signal: SIGTERM }, at: 30s, jitter: 100ms }\n",
    )
    .replace("workers: 40", "workers: 40, defects: { drop_1_in: 100 }")
    .replace("[agents.crashed == 0]", "[{ metric: response.time.p99, go: < 1s, conditional: < 5s, during: hold, cites: X4 }]");
    let options = Options { seed: Some(42), rehearse: Some(Duration::from_secs(30)), ..Options::default() };
    insta::assert_snapshot!(rendered(&planned_with(&text, &options)), @r#"
    test
      A test.
      seed 42, fingerprint [its fingerprint]
      a rehearsal, 3.1 times faster than written; it can never be GO
    target
      hybrid: 1 master, 4 coordinators, 40 workers (45 agents), ready within 30s; DEFECTS: drop_1_in 100
    workload
      single tasks: 256 B each, sleep p50 5ms, p99 20ms; time-out 1s; at most 10000 open
        from 0s for 3.23s: 50/s, evenly
        from 3.23s for 9.68s: from 50/s to 200/s
        from 12.9s for 7.10s: nothing
    timeline
              0s  warm_up, 645ms
           645ms  hold, 19.4s
           6.45s  fault 1: SIGSTOP for 2.50 s to worker #0–#39; needs E1
           8.95s  fault 1: healed
           9.70s  fault 2: SIGTERM to worker #4 #6 #8 #10 #11 #13 #14 #16 #17 #18 #21 #22 and 8 more; needs E1
             20s  drain, at most 10s
    gates
      response.time.p99 < 1 s during hold, conditional < 5 s  (X4)
    needs
      49 processes, 109 descriptors in one of them
      105 MiB of memory at most, about 316 KiB on disk
      privileges: none
    "#);
}

#[test]
fn a_person_can_read_how_the_load_changes() {
    let text = scenario(DAILY, "").replace("hold: 60s", "warm_up: 0s, hold: 7d");
    let text = rendered(&planned(&text));
    let lines: Vec<_> =
        text.lines().skip_while(|line| *line != "workload").take_while(|line| *line != "timeline").collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
workload
  60480 rounds of 7 to 40 tasks, one every 10s; 256 B each, echo; time-out 30s; at most 16 open
    from 0s with 10 workers
    from 9h with 40 workers
    from 18h30m with 7 workers
    from 1d with 10 workers
    from 1d9h with 40 workers
    from 1d18h30m with 7 workers
    from 2d with 10 workers
    from 2d9h with 40 workers
    and so on, 13 more
"#);
}

#[test]
fn a_rate_is_read_as_it_was_written() {
    for written in ["200/s", "2.5/s", "1/m", "6/m", "10/h", "0.5/h"] {
        let text = rendered(&planned(&scenario(&format!("{{ arrivals: {{ poisson: {written} }} }}"), "")));
        assert!(text.contains(&format!(": {written} on average")), "{written}: {text}");
    }
}

#[test]
fn a_person_can_read_what_makes_a_run_a_long_one() {
    let text = rendered(&planned(&long_run()));
    let soak: Vec<_> =
        text.lines().skip_while(|line| *line != "soak").take_while(|line| *line != "gates").collect();
    insta::assert_snapshot!(soak.join("\n"), @r#"
soak
  certifies 30d
  a point of rest every 1h, reached within 30s
  the target goes on if the harness dies
  ends when it holds 1 GiB on disk
  may end early, after one of 10 looks
  alert: memory.growth > 10%/h for 30m
  alert: descriptors[worker] >= 900
  alert: delivery.rate < 95% for 1m
  tells logger -t soak
  tells http://127.0.0.1:9000/soak
"#);
    assert!(!rendered(&planned(EXAMPLE)).contains("soak"));
}

#[test]
fn a_person_can_read_that_the_disk_budget_ends_a_run_before_its_time() {
    let line = |disk: &str| {
        let text = rendered(&planned(&long_run().replace("disk: 1GiB", disk)));
        text.lines().find(|line| line.contains("on disk")).unwrap().trim().to_owned()
    };
    assert_eq!(line("disk: 1GiB"), "ends when it holds 1 GiB on disk");
    insta::assert_snapshot!(line("disk: 1MiB"), @"ends when it holds 1 MiB on disk: BEFORE ITS TIME, after about 1h29m of 7d, because all of it takes about 112 MiB");
}

#[test]
fn a_person_can_read_which_alerts_apply_in_a_rehearsal() {
    let options = Options { rehearse: Some(Duration::from_secs(180)), ..Options::default() };
    let text = rendered(&planned_with(&long_run(), &options));
    let alerts: Vec<_> = text.lines().filter(|line| line.contains("alert: ")).map(str::trim).collect();
    insta::assert_snapshot!(alerts.join("\n"), @"
    alert: memory.growth > 10%/h for 30m; here > 35577 %/h for 1s
    alert: descriptors[worker] >= 900
    alert: delivery.rate < 95% for 1m; here < 95 % for 1s
    ");
}

#[test]
fn the_cost_of_a_month_is_told_before_it_starts() {
    let text = scenario("{ rounds: { every: 10s } }", "sample: { every: 10s, slow_every: 1h }\n")
        .replace("hold: 60s", "hold: 30d")
        .replace("coordinators: 4, workers: 40", "coordinators: 7, workers_per_coordinator: 100");
    let needs = scenarios::cost::of(&planned(&text));
    insta::assert_debug_snapshot!(needs, @r#"
    Needs {
        processes: 712,
        descriptors: 772,
        memory_bytes: 245661696,
        privileges: [],
        disk_bytes: 200545189,
    }
    "#);
}
