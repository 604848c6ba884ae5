//! Long runs, the hours of the day, mixtures.

use super::{GOOD, changed, refused, with};

#[test]
fn what_a_long_run_cannot_have_is_refused() {
    insta::assert_snapshot!(with("soak:
  on_harness_death: kep
  horizon: 5s
  quiesce: { every: 20s, within: 15s }
  disk: 1
  end_early: { looks: 0 }
  alerts:
    - memory.growth > 10%
    - memory.growht > 10%/h
    - threads[master] > 9 for 1h
    - delivery.rate[worker] < 95%
    - agents.crashed > 0
    - agents.crashed > 0
    - round.time 5s
    - { metric: threads }
  notify: { command: notify-send, webhook: \"http://example.org:80/\", mail: me }
"), @r#"
error: bad.yaml is not a valid scenario: 16 problems
  bad.yaml:11:21   soak.on_harness_death is "kep"
    did you mean "keep"?
  bad.yaml:12:12   soak.horizon is 5s, shorter than the load
    warm-up and hold together last 12s
  bad.yaml:13:21   soak.quiesce.every is 20s, so that there is no point of rest
    the hold phase lasts 10s
  bad.yaml:13:34   soak.quiesce.within is 15s, more than half of the time from one point of rest to the next
    that is 20s
  bad.yaml:14:9   soak.disk is "1", which has no unit
    write 1B or 1KiB
  bad.yaml:15:23   soak.end_early.looks is "0"
    the least is 1
  bad.yaml:17:7   soak.alerts.0 is "memory.growth > 10%", but memory.growth compares with "10%", which says no time
    write 10%/h; units of time behind the slash are min, h, d, week
  bad.yaml:18:7   soak.alerts.1 is "memory.growht > 10%/h", but nothing that can be watched is called memory.growht
    did you mean "memory.growth"?
  bad.yaml:19:7   the alert "threads[master] > 9 for 1h" can never be raised
    the load lasts 12s
  bad.yaml:20:7   soak.alerts.3 is "delivery.rate[worker] < 95%", but delivery.rate cannot be narrowed to "worker"
    remove the brackets
  bad.yaml:22:7   two alerts are "agents.crashed > 0"
    keep one of them
  bad.yaml:23:7   soak.alerts.6 is "round.time 5s", which compares nothing
    write metric, comparison, value: memory.growth > 10%/h for 30m
  bad.yaml:24:7   soak.alerts.7 is a table of keys
    it takes an alert such as "memory.growth > 10%/h for 30m"
  bad.yaml:25:22   soak.notify.command is "notify-send", but it takes a list
    write its items one below the other, each after "- "
  bad.yaml:25:44   soak.notify.webhook is "http://example.org:80/", which is not an address of this host by its number
    write http://127.0.0.1:PORT/PATH
  bad.yaml:25:70   unknown key "mail" in soak.notify
    keys here: command, webhook
"#);
    let idle = GOOD
        .replace("workload:\n  rounds: { every: 100ms }\n", "")
        .replace("delivery.rate >= 95%", "agents.crashed == 0")
        .replace("shape: hybrid, coordinators: 2", "shape: flat");
    let alerts = "soak: { alerts: [delivery.rate < 95%, round.time > 5s, 'threads[master] > 9'] }\n";
    insta::assert_snapshot!(refused(&format!("{idle}{alerts}")), @r#"
error: bad.yaml is not a valid scenario: 3 problems
  bad.yaml:8:18   nothing here produces delivery.rate: the scenario lacks any work
    add workload.rounds or workload.arrivals, or remove the alert
  bad.yaml:8:39   nothing here produces round.time: the scenario lacks rounds
    add workload.rounds, or remove the alert
  bad.yaml:8:56   nothing here produces threads[master]: the target has no master
    choose another role, or remove the alert
"#);
}

#[test]
fn a_day_or_a_mixture_that_cannot_be_is_refused() {
    let rounds = |text: &str| changed("{ every: 100ms }", &format!("{{ every: 100ms, {text} }}"));
    insta::assert_snapshot!(rounds("daily: [{ from: 01:00, workers: 2 }, { from: 25:00, workers: 9 }, { from: 9, workers: 200% }, { workers: few }, 5]"), @r#"
error: bad.yaml is not a valid scenario: 7 problems
  bad.yaml:6:43   workload.rounds.daily.0.from is "01:00"
    the first entry is from 00:00, when the run's day begins
  bad.yaml:6:72   workload.rounds.daily.1.from is "25:00", which is no time of day
    write hours and minutes: 09:00
  bad.yaml:6:101   workload.rounds.daily.2.from is "9", which is no time of day
    write hours and minutes: 09:00
  bad.yaml:6:113   workload.rounds.daily.2.workers is "200%"
    the most is 100%
  bad.yaml:6:121   workload.rounds.daily.3 has no "from"
    From which time of the day on. A day of the run is 24 hours, the first begins at the moment at which the target is ready; the first entry is from 00:00.
  bad.yaml:6:132   workload.rounds.daily.3.workers is "few", which is not a number
    it begins with digits: 10, 2.5
  bad.yaml:6:139   workload.rounds.daily.4 is "5", but it takes keys
    keys here: from, workers
"#);
    insta::assert_snapshot!(rounds("daily: [{ from: 00:00, workers: 9 }, { from: 12:00, workers: 50% }, { from: 12:00, workers: 0 }]"), @r#"
error: bad.yaml is not a valid scenario: 2 problems
  bad.yaml:6:103   workload.rounds.daily.2.from is "12:00"
    entries stand in the order of the day, each time once
  bad.yaml:6:119   workload.rounds.daily.2.workers is "0"
    the least is 1
"#);
    insta::assert_snapshot!(rounds("daily: [{ from: 00:00, workers: 9 }]"), @r#"
error: bad.yaml is not a valid scenario: 1 problem
  bad.yaml:6:59   9 workers cannot take part
    the target has 8
"#);
    insta::assert_snapshot!(rounds("daily: []"), @r#"
error: bad.yaml is not a valid scenario: 1 problem
  bad.yaml:6:34   workload.rounds.daily is an empty list
"#);
    insta::assert_snapshot!(rounds("work: { mix: [{ weight: 0, work: echo }, { work: { mix: [] } }, { weight: 2 }, { work: dance }] }"), @r#"
error: bad.yaml is not a valid scenario: 5 problems
  bad.yaml:6:51   workload.rounds.work.mix.0.weight is "0"
    the least is 1
  bad.yaml:6:76   workload.rounds.work.mix.1.work has none of "sleep", "cpu", "alloc", "exec"
    it needs one of them
  bad.yaml:6:78   unknown key "mix" in workload.rounds.work.mix.1.work
    keys here: sleep, cpu, alloc, exec
  bad.yaml:6:91   workload.rounds.work.mix.2 has no "work"
    What it is.
  bad.yaml:6:114   workload.rounds.work.mix.3.work is "dance"
    it takes echo or relay
"#);
    let other = GOOD
        .replace("  swarm: { shape: hybrid, coordinators: 2, workers: 8 }", "  command: [./target]")
        .replace("{ every: 100ms }", "{ every: 100ms, daily: [{ from: 00:00, workers: 50% }] }");
    insta::assert_snapshot!(refused(&other), @r#"
error: bad.yaml is not a valid scenario: 1 problem
  bad.yaml:6:59   a share of the workers cannot be planned: nobody knows how many there will be
    write a number, or say how many under target.agents
"#);
    let arrivals = changed(
        "rounds: { every: 100ms }",
        "arrivals: { rate: 5/s, daily: [{ from: 00:00, rate: 5/s, poisson: 5/s }] }",
    );
    insta::assert_snapshot!(arrivals, @r#"
error: bad.yaml is not a valid scenario: 2 problems
  bad.yaml:6:26   workload.arrivals has both "rate" and "daily"
    keep one of them
  bad.yaml:6:60   workload.arrivals.daily.0 has both "rate" and "poisson"
    keep one of them
"#);
}
