//! What a person reads when a scenario is wrong.

#[path = "problems/faults.rs"]
mod faults;
#[path = "problems/gates.rs"]
mod gates;
#[path = "problems/soaks.rs"]
mod soaks;

use std::time::Duration;

use scenarios::Options;

/// A scenario that is valid as long as nothing is added.
const GOOD: &str = "\
name: good
why: Is it good?
target:
  swarm: { shape: hybrid, coordinators: 2, workers: 8 }
workload:
  rounds: { every: 100ms }
phases: { hold: 10s }
gates:
  - delivery.rate >= 95%
";

/// The message for this text.
fn refused_with(text: &str, options: &Options) -> String {
    match scenarios::parse(text, "bad.yaml", options) {
        Ok(_) => panic!("it was accepted:\n{text}"),
        Err(problems) => problems.to_string(),
    }
}

fn refused(text: &str) -> String {
    refused_with(text, &Options::default())
}

/// The message for the good scenario with one text replaced by another.
fn changed(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    refused(&GOOD.replacen(old, new, 1))
}

/// The message for the good scenario with lines behind it.
fn with(more: &str) -> String {
    refused(&format!("{GOOD}{more}"))
}

#[test]
fn the_good_one_is_good() {
    scenarios::parse(GOOD, "good.yaml", &Options::default()).unwrap();
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    insta::assert_snapshot!(refused("\
name: Bad Name
target:
  swarm: { shape: hybird, coordinator: 2, workers: 8 }
workload:
  rounds: { every: 100, payload: -1B, timeout: 99999999999d }
phases: { hold: 10s, warmup: 2s, hold: 5s }
faults:
  - kill: { role: boss }
    at: 20s
gates:
  - delivery.rte >= 95%
  - messages.lost = 0
"), @r#"
error: bad.yaml is not a valid scenario: 12 problems
  bad.yaml:1:1   the scenario has no "why"
    Why it exists: the question that a run of it answers.
  bad.yaml:1:7   name is "Bad Name"
    it takes lower-case letters, digits and dashes, at most 80
  bad.yaml:3:19   target.swarm.shape is "hybird"
    did you mean "hybrid"?
  bad.yaml:3:27   unknown key "coordinator" in target.swarm
    did you mean "coordinators"?
  bad.yaml:5:20   workload.rounds.every is "100", which has no unit
    write 100ms or 100s
  bad.yaml:5:34   workload.rounds.payload is "-1B", which is negative
    write it without the minus sign
  bad.yaml:5:48   workload.rounds.timeout is "99999999999d", which is too long
    the longest that can be counted is 213503d
  bad.yaml:6:22   unknown key "warmup" in phases
    did you mean "warm_up"?
  bad.yaml:6:34   the key "hold" stands here twice
    it is in line 6 already; keep one of them
  bad.yaml:8:19   faults.0.kill.role is "boss"
    it takes master, coordinator or worker
  bad.yaml:11:5   no metric is called delivery.rte
    did you mean "delivery.rate"?
  bad.yaml:12:5   gates.1 is "messages.lost = 0", but "=" is no comparison
    did you mean "=="?
"#);
}

#[test]
fn evidence_that_no_fault_can_give_is_refused() {
    let faults = "faults:\n  - { kill: { role: worker }, at: 5s, require: E3 }\n";
    insta::assert_snapshot!(with(faults), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:11:48   fault "1" requires E3, which a kill cannot have
        the strongest is E1
    "#);
}

#[test]
fn an_empty_file_is_told_what_a_scenario_needs() {
    insta::assert_snapshot!(refused("# nothing but this\n"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml   holds no scenario: it is empty
        the shortest has the keys name, why, target, phases and gates
    "#);
    insta::assert_snapshot!(refused("[]"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:1:1   the scenario is a list, but it takes keys
        keys here: name, why, seed, target, workload, phases, sample, faults, chaos, gates, soak, control
    "#);
}

#[test]
fn text_that_is_no_yaml_is_told_where() {
    insta::assert_snapshot!(refused("name: [a, b\nwhy: x\n"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:2:4   this is not YAML: illegal placement of ':' indicator
    "#);
    insta::assert_snapshot!(refused("name: a\n\twhy: x\n"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:1:7   this is not YAML: while scanning a plain scalar, found a tab
    "#);
}

#[test]
fn a_value_that_repeats_itself_is_refused() {
    insta::assert_snapshot!(changed("why: Is it good?", "why: &w [*w]"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:2:10   this alias stands inside the value that it repeats
        such a value would never end; write it out
    "#);
    insta::assert_snapshot!(changed("why: Is it good?", "why: *nobody"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:2:6   nothing is anchored as "nobody"
        write &nobody before the value that *nobody should repeat, above it
    "#);
}

#[test]
fn aliases_cannot_explode() {
    let mut text = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (name, of) in [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "e")] {
        let ten = vec![format!("*{of}"); 10].join(", ");
        text += &format!("{name}: &{name} [{ten}]\n");
    }
    insta::assert_snapshot!(refused(&text), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:5:8   the document has more than 20000 values
        aliases count as what they repeat; a scenario has a few hundred values
    "#);
    insta::assert_snapshot!(refused(&format!("name: {}{}", "[".repeat(200), "]".repeat(200))), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:1:38   this is nested deeper than 32 levels
        a scenario needs seven; look for a bracket or an indentation too much
    "#);
}

#[test]
fn tags_keys_that_are_no_words_and_second_documents_are_refused() {
    insta::assert_snapshot!(changed("name: good", "name: !!str good"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:1:13   a tag stands here
        scenarios have no tags; remove the word with the !
    "#);
    insta::assert_snapshot!(changed("name: good", "name: good\n[a]: b"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:2:1   a key is a list
        a key is a word
    "#);
    insta::assert_snapshot!(with("---\nname: second\n"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:10:1   a second document begins here
        a file holds one scenario; put the other one into a file of its own
    "#);
}

#[test]
fn quantities_say_what_to_write() {
    insta::assert_snapshot!(changed("hold: 10s", "hold: 10, drain: -5s, warm_up: 3 fortnights"), @r#"
    error: bad.yaml is not a valid scenario: 3 problems
      bad.yaml:7:17   phases.hold is "10", which has no unit
        write 10ms or 10s
      bad.yaml:7:28   phases.drain is "-5s", which is negative
        write it without the minus sign
      bad.yaml:7:42   phases.warm_up is "3 fortnights", which has the unknown unit "fortnights"
        units of time are ns, us, ms, s, m, h, d, w
    "#);
    insta::assert_snapshot!(changed("every: 100ms", "every: 100ms, payload: 1GiB, open: 1.5, timeout: [1s]"), @r#"
    error: bad.yaml is not a valid scenario: 3 problems
      bad.yaml:6:36   workload.rounds.payload is "1GiB"
        the most is 56KiB
      bad.yaml:6:48   workload.rounds.open is "1.5", which is not a whole number
        write digits alone: 1000
      bad.yaml:6:62   workload.rounds.timeout is a list
        it takes a duration such as 30s or 500ms
    "#);
    insta::assert_snapshot!(changed("hold: 10s", "hold:"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:7:15   phases.hold is empty
        it takes a duration such as 30s or 500ms
    "#);
    insta::assert_snapshot!(changed("every: 100ms", "every: 100ms, work: { sleep: 1500ns }"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:6:42   workload.rounds.work.sleep is finer than a microsecond
        write a whole number of microseconds
    "#);
}

#[test]
fn the_shape_must_fit_its_counts() {
    insta::assert_snapshot!(changed("coordinators: 2, workers: 8", "workers_per_coordinator: 4"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:4:10   target.swarm has no "coordinators"
        the shape hybrid needs it
    "#);
    insta::assert_snapshot!(changed("shape: hybrid, coordinators: 2, workers: 8", "shape: flat, coordinators: 2, workers: 8"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:4:25   the shape flat has no "coordinators"
        it takes workers
    "#);
    insta::assert_snapshot!(changed("coordinators: 2, workers: 8", "coordinators: 9, workers: 8"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:4:10   target.swarm has 8 workers under 9 coordinators
        each needs at least one
    "#);
    insta::assert_snapshot!(changed("coordinators: 2, workers: 8", "coordinators: 20, workers_per_coordinator: 100"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:4:10   target.swarm has 2021 agents
        a target has from 2 to 2000 agents, masters and coordinators included
    "#);
    insta::assert_snapshot!(changed("coordinators: 2, workers: 8", "coordinators: 2, workers: 8, workers_per_coordinator: 4"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:4:56   target.swarm has both "workers" and "workers_per_coordinator"
        keep one of them
    "#);
    insta::assert_snapshot!(changed("workers: 8", "workers: 8, defects: { late: 1s }"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:4:67   target.swarm.defects.late does nothing without "late_1_in"
        say which answers are late: late_1_in: 10
    "#);
}

#[test]
fn a_target_is_a_swarm_or_a_command() {
    insta::assert_snapshot!(changed("  swarm: { shape: hybrid, coordinators: 2, workers: 8 }", "  ready_within: 5s"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:4:3   target has none of "swarm", "command"
        it needs one of them
    "#);
    insta::assert_snapshot!(changed("  swarm:", "  command: [python3, target.py]\n  swarm:"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:4:3   target has both "swarm" and "command"
        keep one of them
    "#);
    insta::assert_snapshot!(changed("  swarm:", "  config: { a: 1 }\n  swarm:"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:4:3   target.config belongs to target.command; a swarm has its own keys
        remove it
    "#);
}

#[test]
fn faults_must_fit_the_target_and_the_time() {
    insta::assert_snapshot!(with("\
faults:
  - { kill: { role: coordinator, count: 3 }, at: 5s }
  - { kill: { role: worker, count: 2, percent: 10 }, at: 5s }
  - { pause: { role: worker, for: 20s }, at: 5s }
  - { kill: { role: worker }, at: 12s }
  - { kill: { role: worker }, at: 5s, until: 6s }
  - { kill: { role: worker }, every: 1s, from: 8s, until: 7s }
  - { kill: { role: worker }, every: 1s, jitter: 2s }
  - { kill: { role: worker }, at: 5s, after: 2ms }
  - { at: 5s, every: 6s }
  - { kill: { role: worker }, at: 1s, id: \"1\" }
"), @r#"
    error: bad.yaml is not a valid scenario: 11 problems
      bad.yaml:11:21   fault "1" hits 3 agents of the role coordinator, and the target has 2
        it has 1 of the role master, 2 of the role coordinator, 8 of the role worker
      bad.yaml:12:39   faults.1.kill has both "count" and "percent"
        keep one of them
      bad.yaml:13:5   fault "3" acts for 20s, longer than the run
        it would end at 25s; the run with its drain ends at 22s
      bad.yaml:14:35   fault "4" is due at 12s, after the load has ended
        warm-up and hold together last 12s
      bad.yaml:15:39   faults.4.until belongs to "every", but this fault has "at"
        remove it, or write every: instead of at:
      bad.yaml:16:5   fault "6" is never due: it ends before it begins
        it begins at 8s
      bad.yaml:17:50   fault "7" has a jitter that is not shorter than the time to the next
        it is due every 1s
      bad.yaml:18:39   faults.7.after does nothing without "when"
        write when: round in flight
      bad.yaml:19:5   faults.8 has none of the keys of which it needs one
        it needs one of kill, pause, freeze, slow, signals, memory_limit, out_of_memory, memory_stall, memory_hog, descriptors, processes, cpu_pin, cpu_hog, cpu_quota, disk_full, inodes_full, read_only, file_size, file_errors, file_delay, bus_drop, bus_delay, bus_duplicate, bus_reorder, bus_corrupt, partition, flood, network_delay, network_loss, network_rate, network_partition, connection_kill, clock, restart
      bad.yaml:19:15   faults.8 has both "at" and "every"
        keep one of them
      bad.yaml:20:43   two faults have the id "1"
        a fault without an id has its place in the list, from 1, as its id
    "#);
    let flat = GOOD.replace("hybrid, coordinators: 2", "flat");
    insta::assert_snapshot!(refused(&format!("{flat}faults: [{{ kill: {{ role: master }}, at: 5s }}]\n")), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:10:26   fault "1" hits a master, and the target has none
        in the flat shape one coordinator leads all workers: role: coordinator, count: 1
    "#);
    let idle = GOOD
        .replace("workload:\n  rounds: { every: 100ms }\n", "")
        .replace("delivery.rate >= 95%", "agents.crashed == 0");
    insta::assert_snapshot!(refused(&format!("{idle}faults: [{{ kill: {{ role: worker }}, at: 5s, when: round in flight }}]\n")), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:8:10   fault "1" waits for a round, and the workload has none
        add workload.rounds, or remove when
    "#);
    let other =
        GOOD.replace("  swarm: { shape: hybrid, coordinators: 2, workers: 8 }", "  command: [./target]");
    insta::assert_snapshot!(refused(&format!("{other}faults: [{{ kill: {{ role: worker }}, at: 5s }}]\n")), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:10:10   fault "1" cannot be planned: nobody knows how many agents there will be
        say so: target.agents: { coordinator: 2, worker: 8 }
    "#);
}

#[test]
fn faults_without_end_are_refused_at_once() {
    let month = GOOD.replace("hold: 10s", "hold: 30d");
    insta::assert_snapshot!(refused(&format!("{month}faults:\n  - {{ kill: {{ role: worker }}, every: 10ms, expect: {{ lost: 0 }} }}\n")), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:11:5   the faults are due more than 10000 times in all
        let a repeated one be due less often, or not until the end
    "#);
}

#[test]
fn a_control_names_a_gate_and_needs_a_defect() {
    insta::assert_snapshot!(with("control: { gate: messages.lost == 0 }\n"), @r#"
    error: bad.yaml is not a valid scenario: 2 problems
      bad.yaml:10:18   control.gate is "messages.lost == 0", and no gate has that id
        gates here: "delivery.rate >= 95%"
      bad.yaml:10:18   control.gate is for targets that are known to be bad, and this one has no defects
        plant one under target.swarm.defects, or remove control
    "#);
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    insta::assert_snapshot!(changed("hold: 10s", "hold: \"${HOLD}\", drain: \"${DRAIN\""), @r#"
    error: bad.yaml is not a valid scenario: 2 problems
      bad.yaml:7:17   the environment has no variable HOLD
        set it, or give a value for when it is not set: ${HOLD:-value}
      bad.yaml:7:35   a ${ has no }
        write ${NAME}, or $$ for a plain $
    "#);
}

#[test]
fn a_flag_that_is_wrong_is_named() {
    let set = |pairs: &[(&str, &str)]| Options {
        set: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ..Options::default()
    };
    insta::assert_snapshot!(refused_with(GOOD, &set(&[
        ("phases.hold", "30"),
        ("phases.hodl", "30s"),
        ("faults.0.at", "5s"),
        ("gates.7", "messages.lost == 0"),
        ("name.first", "x"),
        ("workload.rounds.work", "{sleep: "),
    ])), @r#"
    error: bad.yaml is not a valid scenario: 6 problems
      --set faults.0.at=5s   faults is a table of keys, but it takes a list
        write its items one below the other, each after "- "
      --set gates.7=messages.lost == 0   "7" is no item of the list
        it has 1, counted from 0
      --set name.first=x   "first" is looked for in "good", which has no keys
        give the dots between the names of nested keys: phases.hold=30s
      --set phases.hodl=30s   unknown key "hodl" in phases
        did you mean "hold"?
      --set phases.hold=30   phases.hold is "30", which has no unit
        write 30ms or 30s
      --set workload.rounds.work={sleep:    this is not YAML: unclosed bracket '{'
        quote it for the shell: --set 'key={a: 1}'
    "#);
    let hour = Options { rehearse: Some(Duration::from_secs(3600)), ..Options::default() };
    insta::assert_snapshot!(refused_with(GOOD, &hour), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      --rehearse 1h   the scenario lasts 22s
        a rehearsal is shorter than what it rehearses, and at least 2ms
    "#);
}

#[test]
fn arrivals_must_fit_the_time() {
    let arrivals = |text: &str| changed("rounds: { every: 100ms }", &format!("arrivals: {text}"));
    insta::assert_snapshot!(arrivals("{ segments: [{ for: 1h, rate: 5/s }] }"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:6:15   the segments last 1h, longer than the load
        warm-up and hold together last 12s
    "#);
    insta::assert_snapshot!(arrivals("{ rate: 0/s, poisson: 5/s }"), @r#"
    error: bad.yaml is not a valid scenario: 2 problems
      bad.yaml:6:21   workload.arrivals.rate is "0/s"
        it must be above 0
      bad.yaml:6:26   workload.arrivals has both "rate" and "poisson"
        keep one of them
    "#);
    insta::assert_snapshot!(arrivals("{ ramp: { from: 5, to: 9999999/s }, slots: 0 }"), @r#"
    error: bad.yaml is not a valid scenario: 3 problems
      bad.yaml:6:29   workload.arrivals.ramp.from is "5", which has no unit
        write 5/s
      bad.yaml:6:36   workload.arrivals.ramp.to is "9999999/s"
        the most is 1000000/s
      bad.yaml:6:56   workload.arrivals.slots is "0"
        the least is 1
    "#);
}

#[test]
fn samples_must_fit_the_time() {
    insta::assert_snapshot!(with("sample: { every: 20s }\n"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:10:18   sample.every is 20s, longer than the whole hold phase
        the hold phase lasts 10s; sample it at least ten times
    "#);
    insta::assert_snapshot!(with("sample: { every: 1s, slow_every: 2500ms }\n"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:10:34   sample.slow_every is no whole multiple of sample.every, 1s
        write 2s
    "#);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let message = |name: &str| {
        let path = folder.path().join(name);
        let problems = scenarios::read(&path, &Options::default()).unwrap_err();
        problems.to_string().replace(&folder.path().display().to_string(), "DIR")
    };
    std::fs::write(folder.path().join("binary.yaml"), b"\x00\x01\x02").unwrap();
    insta::assert_snapshot!(message("missing.yaml"), @r#"
    error: DIR/missing.yaml is not a valid scenario: 1 problem
      DIR/missing.yaml   cannot be read: No such file or directory (os error 2)
    "#);
    insta::assert_snapshot!(message(""), @r#"
    error: DIR/ is not a valid scenario: 1 problem
      DIR/   cannot be read: Is a directory (os error 21)
        give the files in it, one by one
    "#);
    insta::assert_snapshot!(message("binary.yaml"), @r#"
    error: DIR/binary.yaml is not a valid scenario: 1 problem
      DIR/binary.yaml   is binary: it holds bytes of zero
        is it the file you meant? it takes a YAML text of a few kilobytes
    "#);
}

#[test]
fn keys_of_a_bus_of_files_need_one() {
    insta::assert_snapshot!(changed("workers: 8", "workers: 8, bus_size: 8MiB, persist: true"), @r#"
    error: bad.yaml is not a valid scenario: 2 problems
      bad.yaml:4:56   target.swarm.bus_size does nothing with a bus of sockets
        write bus: files, or remove it
      bad.yaml:4:72   target.swarm.persist does nothing with a bus of sockets
        write bus: files, or remove it
    "#);
    insta::assert_snapshot!(changed("workers: 8", "workers: 8, bus: pipes"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:4:61   target.swarm.bus is "pipes"
        it takes sockets or files
    "#);
}

#[test]
fn a_control_that_only_claims_must_claim_all() {
    insta::assert_snapshot!(with("control: { verdict: INCONCLUSIVE }\nfaults: [{ kill: { role: worker }, at: 5s }]\n"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:10:21   control.verdict is for faults that are only claimed, and not all are here
        write pretend: true for each, or remove control
    "#);
    insta::assert_snapshot!(with("control: { verdict: GO }\nfaults: [{ kill: { role: worker }, at: 5s, pretend: true }]\n"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:10:21   control.verdict is "GO"
        it takes INCONCLUSIVE
    "#);
}

/// The last fault of a fortnight is due two hours before its end.
#[test]
fn a_rehearsal_without_a_round_for_a_fault_that_waits_for_one_is_refused_with_one_that_has_them() {
    let text = GOOD.replace("every: 100ms", "every: 5s").replace("hold: 10s", "hold: 14d, drain: 1m")
        + "faults:\n  - { kill: { role: worker }, days: [3, 14], time: 22h, when: round in flight }\n";
    let rehearse = |seconds| Options { rehearse: Some(Duration::from_secs(seconds)), ..Options::default() };
    insta::assert_snapshot!(refused_with(&text, &rehearse(20)), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      --rehearse 20s   fault "1.2" waits for a round, and the load ends 59.5 ms behind it
        the shortest rehearsal with rounds for each fault is 144s
    "#);
    assert_eq!(refused_with(&text, &rehearse(143)).matches("is 144s").count(), 1);
    scenarios::parse(&text, "good.yaml", &rehearse(144)).unwrap();
    // One that is due whether or not a round is open needs none.
    scenarios::parse(&text.replace(", when: round in flight", ""), "good.yaml", &rehearse(20)).unwrap();
}
