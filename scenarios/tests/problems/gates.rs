//! Gates that nothing can produce, or that nothing can prove.

use scenarios::Options;

use super::{GOOD, changed, refused, refused_with, with};

/// A message with lists of metrics cut after the first: which there are is not this crate's business.
fn without_lists(message: &str) -> String {
    let cut = |line: &str| match line.split_once(',') {
        Some((head, _)) if line.trim_start().starts_with("names ") => format!("{head}, …"),
        _ => line.to_owned(),
    };
    message.lines().map(cut).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_gate_on_a_number_that_nothing_produces_is_refused() {
    insta::assert_snapshot!(without_lists(&with("
  - recovery.time.max < 30s
  - operations.shed == 0
  - memory.growth < 10%
  - memory.growth.bytes < 64KiB/fortnight
  - incidents.rate < 1
  - incidents.rate < often/week
  - memory.grwth < 10%/h
  - descriptors.quiesced == 0
  - round.tme.p99 < 1s
  - cheese == 0
  - round.time.p99 < 100
  - delivery.rate >= 0.95
  - memory.rss.max[harness] < 1GiB
  - delivery.rate[worker] >= 95%
  - fault.lost == 0
  - fault[seven].lost == 0
  - messages.lost == 0 during hold
  - delivery.rate >= 95%
  - { metric: round.time.p50, go: \"< 1s\", conditional: \"< 500ms\" }
  - { go: \"< 1s\" }
")), @r#"
    error: bad.yaml is not a valid scenario: 20 problems
      bad.yaml:11:5   nothing here produces recovery.time.max: the scenario lacks faults
        add one under faults, or remove the gate
      bad.yaml:12:5   nothing here produces operations.shed: the scenario lacks single tasks
        add workload.arrivals, or remove the gate
      bad.yaml:13:5   the gate on memory.growth compares with "10%", which says no time
        write 10%/h; units of time behind the slash are min, h, d, week
      bad.yaml:14:5   the gate on memory.growth.bytes compares with "64KiB/fortnight", which has the unknown unit "/fortnight"
        units of time behind the slash are min, h, d, week
      bad.yaml:15:5   the gate on incidents.rate compares with "1", which says no time
        write 1/h; units of time behind the slash are min, h, d, week
      bad.yaml:16:5   the gate on incidents.rate compares with "often/week", which is not a number
        it begins with digits: 10, 2.5
      bad.yaml:17:5   no metric is called memory.grwth
        did you mean "memory.growth"?
      bad.yaml:18:5   nothing here produces descriptors.quiesced: the scenario lacks points of rest
        add soak.quiesce, or remove the gate
      bad.yaml:19:5   no metric is called round.tme.p99
        did you mean "round.time.p99"?
      bad.yaml:20:5   no metric is called cheese
        names begin with agents, …
      bad.yaml:21:5   the gate on round.time.p99 compares with "100", which has no unit
        write 100ms or 100s
      bad.yaml:22:5   the gate on delivery.rate compares with "0.95", which has no unit
        write 95%
      bad.yaml:23:5   "harness" is no role
        roles are master, coordinator, worker
      bad.yaml:24:5   delivery.rate cannot be narrowed to "worker"
        remove the brackets
      bad.yaml:25:5   nothing here produces fault.lost: the scenario lacks faults
        add one under faults, or remove the gate
      bad.yaml:26:5   nothing here produces fault[seven].lost: the scenario lacks faults
        add one under faults, or remove the gate
      bad.yaml:27:5   messages.lost speaks of the whole run and not of the phase hold
        remove "during"
      bad.yaml:28:5   two gates have the id "delivery.rate >= 95%"
        a gate without an id has its text as its id; keep one
      bad.yaml:29:56   the gate on round.time.p50 can never be conditional
        "< 500ms" must allow all that "< 1s" allows, and more
      bad.yaml:30:5   gates.20 has no "metric"
        The metric, such as `round.time.p99` or `memory.private.max[worker]`.
    "#);
    let flat = GOOD.replace("hybrid, coordinators: 2", "flat");
    insta::assert_snapshot!(refused(&format!("{flat}  - balance.coordinators < 10%\n  - cpu.cores[master] < 1\n")), @r#"
    error: bad.yaml is not a valid scenario: 2 problems
      bad.yaml:10:5   nothing here produces balance.coordinators: the scenario lacks more than one coordinator
        use the shape hybrid or deep, or remove the gate
      bad.yaml:11:5   nothing here produces cpu.cores[master]: the target has no master
        choose another role, or remove the brackets for all agents
    "#);
    insta::assert_snapshot!(changed("  - delivery.rate >= 95%\n", ""), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:8:6   gates is empty, but it takes a list
        write its items one below the other, each after "- "
    "#);
}

#[test]
fn a_limit_that_so_few_faults_can_never_prove_is_refused_and_one_that_they_can_is_not() {
    let asking = |faults: &str| {
        let gates = "  - recovery.drift < 50%\n  - recovery.time.p95 < 1s\n  - memory.growth.fault < 64KiB\n";
        let others =
            "  - recovery.time.max < 1s\n  - recovery.time.p95 > 1ms\n  - recovery.detect.p50 < 1s\n";
        format!("{GOOD}{gates}{others}faults:\n  - {{ kill: {{ role: worker }}, {faults} }}\n")
    };
    insta::assert_snapshot!(refused(&asking("at: 5s")), @r#"
    error: bad.yaml is not a valid scenario: 4 problems
      bad.yaml:10:5   recovery.drift can never be proven < 50%: that needs 8 faults, and 1 is planned
        plan 7 more, or gate on recovery.time.max, which needs one
      bad.yaml:11:5   recovery.time.p95 can never be proven < 1s: that needs 59 faults, and 1 is planned
        plan 58 more, or gate on recovery.time.max, which needs one
      bad.yaml:12:5   memory.growth.fault can never be proven < 64KiB: that needs 3 faults, and 1 is planned
        plan 2 more, or remove the gate
      bad.yaml:15:5   recovery.detect.p50 can never be proven < 1s: that needs 5 faults, and 1 is planned
        plan 4 more, or gate on recovery.detect.max, which needs one
    "#);
    insta::assert_snapshot!(refused(&asking("every: 1s, from: 1s, until: 8s")), @r#"
    error: bad.yaml is not a valid scenario: 2 problems
      bad.yaml:10:5   recovery.drift can never be proven < 50%: that needs 8 faults, and 7 are planned
        plan 1 more, or gate on recovery.time.max, which needs one
      bad.yaml:11:5   recovery.time.p95 can never be proven < 1s: that needs 59 faults, and 7 are planned
        plan 52 more, or gate on recovery.time.max, which needs one
    "#);
    scenarios::parse(&asking("every: 100ms, from: 1s, until: 8s"), "good.yaml", &Options::default()).unwrap();
}

#[test]
fn a_gate_on_a_phase_that_is_not_there_is_refused() {
    let text = GOOD.replace("hold: 10s", "hold: 10s, warm_up: 0s").replace("95%", "95% during warm_up");
    insta::assert_snapshot!(refused(&text), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:9:5   nothing here produces delivery.rate during warm_up: that phase lasts 0s
        remove "during"
    "#);
}

/// A gate that no run can pass is found before the run and not after a month of it.
#[test]
fn a_limit_that_no_run_can_reach_is_refused_with_what_can_be_reached() {
    let faults = "faults:\n  - { kill: { role: worker }, at: 5s }\n  \
         - { id: again, pause: { role: worker, for: 1s }, every: 2s, from: 1s, until: 7s }\n";
    insta::assert_snapshot!(with(&format!("
  - run.length >= 30d
  - faults.proven >= 6
  - \"fault[1].proven > 1\"
  - \"fault[again].proven == 4\"
  - delivery.rate >= 120%
  - delivery.rate.min > 100%
  - error.rate < 0%
  - samples.coverage == 101%
  - {{ metric: availability, go: \"> 100%\", conditional: \"> 99%\" }}
  - messages.lost < 0
  - memory.rss.max < 0B
  - round.time.max < 0s
  - rounds.completed > 120 during hold
{faults}")), @r#"
    error: bad.yaml is not a valid scenario: 13 problems
      bad.yaml:11:5   run.length can never be >= 30d: warm-up and hold together last 12s
        let phases.hold last longer, or ask for >= 12s or less
      bad.yaml:12:5   faults.proven can never be >= 6: 4 faults are planned
        plan 2 more, or ask for >= 4 or less
      bad.yaml:13:5   fault[1].proven can never be > 1: 1 fault is planned
        plan 1 more, or ask for >= 1 or less
      bad.yaml:14:5   fault[again].proven can never be == 4: 3 faults are planned
        plan 1 more, or ask for >= 3 or less
      bad.yaml:15:5   delivery.rate can never be >= 120%: a share is never more than 100%
        ask for >= 100% or less
      bad.yaml:16:5   delivery.rate.min can never be > 100%: a share is never more than 100%
        ask for >= 100% or less
      bad.yaml:17:5   error.rate can never be < 0%: a share is never less
        write == 0%
      bad.yaml:18:5   samples.coverage can never be == 101%: a share is never more than 100%
        ask for >= 100% or less
      bad.yaml:19:5   availability can never be > 100%: a share is never more than 100%
        ask for >= 100% or less
      bad.yaml:20:5   messages.lost can never be < 0: a number is never less
        write == 0
      bad.yaml:21:5   memory.rss.max can never be < 0B: a size is never less
        write == 0B
      bad.yaml:22:5   round.time.max can never be < 0s: a time is never less
        write == 0s
      bad.yaml:23:5   rounds.completed can never be > 120: 120 rounds are planned
        ask for >= 120 or less
    "#);
    insta::assert_snapshot!(with("  - faults.proven >= 6\n"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:10:5   nothing here produces faults.proven: the scenario lacks faults
        add one under faults, or remove the gate
    "#);
}

#[test]
fn a_limit_at_the_edge_of_what_a_run_can_reach_is_none_that_it_cannot() {
    let gates = "
  - run.length >= 12s
  - faults.proven >= 1
  - \"fault[1].proven == 1\"
  - { metric: delivery.rate.min, go: \">= 100%\", conditional: \"> 99%\" }
  - error.rate <= 0%
  - samples.gaps == 0%
  - availability != 100%
  - messages.lost == 0
  - agents.crashed <= 0
  - descriptors.return < 0
  - memory.return > 120%
  - faults.proven < 1
  - rounds.completed >= 120
faults:
  - { kill: { role: worker }, at: 5s }
";
    scenarios::parse(&format!("{GOOD}{gates}"), "good.yaml", &Options::default()).unwrap();
}

/// Its gates ask for the time that was written, and are judged for all that they can tell.
#[test]
fn a_rehearsal_may_be_shorter_than_what_its_gates_ask_for() {
    let text = format!("{GOOD}  - run.length >= 12s\n  - rounds.completed >= 120\n");
    let rehearse = Some(std::time::Duration::from_secs(4));
    scenarios::parse(&text, "good.yaml", &Options { rehearse, ..Options::default() }).unwrap();
    let longer = text.replace("12s", "1h");
    let refused = refused_with(&longer, &Options { rehearse, ..Options::default() });
    assert!(refused.contains("run.length can never be >= 1h"), "{refused}");
}
