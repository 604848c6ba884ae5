//! What becomes of faults: every kind, its victims, its times, its rules.

use std::collections::BTreeSet;

use evidence::event::Level;
use evidence::role::Role;
use scenarios::Options;
use scenarios::plan::{
    BusDirectory, Direction, Fault, FaultKind, FileError, FileOperation, Overlap, Plan, Signal, StormSignal,
    Victims,
};

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;
const DAY: u64 = 86_400 * S;

/// The plan of a scenario with these faults and these further lines.
fn planned(target: &str, hold: &str, faults: &str, more: &str) -> Plan {
    let text = format!(
        "name: test\nwhy: A test.\ntarget: {target}\nworkload: {{ rounds: {{ every: 10s }} }}\n\
         phases: {{ warm_up: 2s, hold: {hold}, drain: 30s }}\nfaults:\n{faults}\ngates: [agents.crashed == 0]\n{more}"
    );
    scenarios::parse(&text, "test.yaml", &Options::default())
        .unwrap_or_else(|problems| panic!("{problems}\n{text}"))
        .plan
}

const SWARM: &str = "{ swarm: { shape: hybrid, coordinators: 5, workers: 60 } }";
const FILES: &str = "{ swarm: { shape: hybrid, coordinators: 5, workers: 60, bus: files } }";
const HOSTS: &str = "{ command: [./target], agents: { coordinator: 5, worker: 60 }, network: { hosts: 3 } }";

fn one(target: &str, fault: &str) -> Fault {
    planned(target, "60s", &format!("  - {{ {fault}, at: 5s }}"), "").faults.remove(0)
}

fn places(fault: &Fault) -> &[u32] {
    fault.victims.as_ref().map_or(&[], |victims| &victims.places)
}

fn by_id<'p>(plan: &'p Plan, id: &str) -> &'p Fault {
    plan.faults.iter().find(|fault| fault.id == id).expect("a fault of the test")
}

#[test]
fn every_kind_is_read_with_its_defaults() {
    use FaultKind as K;
    let both = vec![FileOperation::Write, FileOperation::Sync];
    for (target, written, kind, for_ns) in [
        (SWARM, "kill: { role: worker }", K::Kill { signal: Signal::Kill, then_kill_ns: None }, 0),
        (
            SWARM,
            "kill: { role: worker, signal: SIGTERM, then_kill: 2s }",
            K::Kill { signal: Signal::Term, then_kill_ns: Some(2 * S) },
            0,
        ),
        (
            SWARM,
            "kill: { role: worker, signal: SIGABRT, for: 3s }",
            K::Kill { signal: Signal::Abort, then_kill_ns: None },
            3 * S,
        ),
        (SWARM, "pause: { role: worker, for: 1s }", K::Pause {}, S),
        (SWARM, "freeze: { role: worker, for: 1s }", K::Freeze {}, S),
        (SWARM, "slow: { role: worker, for: 1s }", K::Slow { stopped_percent: 80, period_ns: 100 * MS }, S),
        (
            SWARM,
            "signals: { role: worker, rate: 500/s, for: 1s }",
            K::Signals { signal: StormSignal::Winch, per_second: 500 },
            S,
        ),
        (SWARM, "memory_limit: { role: worker, for: 1s }", K::MemoryLimit { headroom: 8 << 20 }, S),
        (SWARM, "out_of_memory: { role: worker }", K::OutOfMemory { limit: 16 << 20 }, 5 * S),
        (
            SWARM,
            "memory_stall: { role: worker, limit: 32MiB, for: 1s }",
            K::MemoryStall { limit: 32 << 20 },
            S,
        ),
        (SWARM, "memory_hog: { bytes: 1GiB, for: 1s }", K::MemoryHog { bytes: 1 << 30, reserve: 2 << 30 }, S),
        (SWARM, "descriptors: { role: worker, for: 1s }", K::Descriptors { limit: None }, S),
        (
            SWARM,
            "descriptors: { role: worker, limit: 1024, for: 1s }",
            K::Descriptors { limit: Some(1024) },
            S,
        ),
        (SWARM, "processes: { for: 1s }", K::Processes { headroom: 20 }, S),
        (SWARM, "cpu_pin: { for: 1s }", K::CpuPin { cpu: 0 }, S),
        (SWARM, "cpu_hog: { threads: 3, for: 1s }", K::CpuHog { threads: 3 }, S),
        (SWARM, "cpu_quota: { share: 150%, for: 1s }", K::CpuQuota { percent: 150 }, S),
        (FILES, "disk_full: { for: 1s }", K::DiskFull { leave: 0 }, S),
        (FILES, "inodes_full: { leave: 5, for: 1s }", K::InodesFull { leave: 5 }, S),
        (FILES, "read_only: { for: 1s }", K::ReadOnly {}, S),
        (FILES, "file_size: { role: worker, limit: 4KiB, for: 1s }", K::FileSize { limit: 4096 }, S),
        (
            FILES,
            "file_errors: { error: EIO, for: 1s }",
            K::FileErrors { error: FileError::Eio, operations: both.clone(), per_million: 1_000_000 },
            S,
        ),
        (
            FILES,
            "file_errors: { error: EACCES, on: [read, open, read], rate: 0.5%, for: 1s }",
            K::FileErrors {
                error: FileError::Eacces,
                operations: vec![FileOperation::Open, FileOperation::Read],
                per_million: 5_000,
            },
            S,
        ),
        (
            FILES,
            "file_delay: { delay: 20ms, jitter: 5ms, for: 1s }",
            K::FileDelay { delay_ns: 20 * MS, jitter_ns: 5 * MS, operations: both },
            S,
        ),
        (SWARM, "bus_drop: { rate: 1%, for: 1s }", K::BusDrop { per_million: 10_000 }, S),
        (
            SWARM,
            "bus_delay: { delay: 20ms, for: 1s }",
            K::BusDelay { per_million: 1_000_000, delay_ns: 20 * MS, jitter_ns: 0 },
            S,
        ),
        (SWARM, "bus_duplicate: { rate: 1%, for: 1s }", K::BusDuplicate { per_million: 10_000 }, S),
        (SWARM, "bus_reorder: { rate: 1%, for: 1s }", K::BusReorder { per_million: 10_000 }, S),
        (SWARM, "bus_corrupt: { rate: 0.0001%, for: 1s }", K::BusCorrupt { per_million: 1 }, S),
        (
            SWARM,
            "partition: { role: worker, direction: from, for: 1s }",
            K::Partition { direction: Direction::From },
            S,
        ),
        (SWARM, "flood: { messages: 10000 }", K::Flood { messages: 10_000, payload: 256 }, 0),
        (SWARM, "clock: { role: worker, offset: -5m, for: 1s }", K::Clock { offset_ns: -300_000_000_000 }, S),
        (SWARM, "restart: {}", K::Restart {}, S),
        (
            HOSTS,
            "network_delay: { delay: 25ms, for: 1s }",
            K::NetworkDelay { hosts: vec![], delay_ns: 25 * MS, jitter_ns: 0 },
            S,
        ),
        (
            HOSTS,
            "network_loss: { hosts: [3, 1], rate: 5%, for: 1s }",
            K::NetworkLoss { hosts: vec![1, 3], per_million: 50_000 },
            S,
        ),
        (
            HOSTS,
            "network_rate: { per_second: 64KiB, for: 1s }",
            K::NetworkRate { hosts: vec![], bytes_per_second: 65_536 },
            S,
        ),
        (
            HOSTS,
            "network_partition: { hosts: [2], for: 1s }",
            K::NetworkPartition { hosts: vec![2], direction: Direction::Both },
            S,
        ),
        (HOSTS, "connection_kill: { hosts: [2] }", K::ConnectionKill { hosts: vec![2] }, 0),
    ] {
        let fault = one(target, written);
        assert_eq!((&fault.kind, fault.for_ns), (&kind, for_ns), "{written}");
        assert!(written.starts_with(fault.kind.name()), "{written}");
        assert_eq!(fault.requires, kind.requires(), "{written}");
        assert_eq!(fault.victims.is_some(), written.contains("role"), "{written}");
        let back: FaultKind = serde_json::from_str(&serde_json::to_string(&kind).unwrap()).unwrap();
        assert_eq!(back, kind);
    }
}

#[test]
fn a_person_reads_what_each_kind_does() {
    let plan = planned(
        FILES,
        "10m",
        "  - { kill: { role: coordinator, count: 3 }, at: 20s, when: round in flight }
  - { kill: { role: worker, signal: SIGTERM, then_kill: 2s }, at: 21s }
  - { kill: { role: master, for: 3s }, at: 22s }
  - { pause: { role: worker, for: 1500ms }, at: 23s, pretend: true }
  - { freeze: { role: worker, count: 10, for: 1s }, at: 24s }
  - { slow: { role: worker, percent: 10, for: 1s }, at: 25s }
  - { signals: { role: worker, rate: 1000/s, for: 1s }, at: 26s }
  - { memory_limit: { role: worker, for: 1s }, at: 27s }
  - { out_of_memory: { role: worker }, at: 28s }
  - { memory_stall: { role: worker, count: 2, for: 1s }, at: 34s }
  - { memory_hog: { bytes: 1GiB, for: 1s }, at: 35s }
  - { descriptors: { role: coordinator, limit: 1024, for: 1s }, at: 36s }
  - { descriptors: { role: coordinator, for: 1s }, at: 38s }
  - { processes: { for: 1s }, at: 39s }
  - { cpu_pin: { for: 1s }, at: 40s }
  - { cpu_hog: { threads: 1, for: 1s }, at: 41s }
  - { cpu_quota: { role: worker, all: true, share: 20%, for: 1s }, at: 42s }
  - { disk_full: { leave: 1MiB, for: 1s }, at: 43s }
  - { inodes_full: { for: 1s }, at: 44s }
  - { read_only: { for: 1s }, at: 45s }
  - { file_size: { role: worker, limit: 4KiB, for: 1s }, at: 46s }
  - { file_errors: { error: ENOSPC, rate: 5%, for: 1s }, at: 47s }
  - { file_delay: { delay: 20ms, jitter: 5ms, on: [open], for: 1s }, at: 48s }
  - { bus_drop: { rate: 1%, for: 1s }, at: 49s }
  - { bus_delay: { role: worker, delay: 20ms, rate: 10%, for: 1s }, at: 50s }
  - { partition: { role: coordinator, direction: to, for: 1s }, at: 51s }
  - { flood: { role: worker, messages: 10000 }, at: 52s }
  - { clock: { role: worker, offset: -5m, for: 1s }, at: 53s }
  - { restart: {}, at: 54s }",
        "",
    );
    let words: Vec<String> = plan.faults.iter().map(Fault::words).collect();
    insta::assert_snapshot!(words.join("\n"), @r#"
    SIGKILL to 3 coordinators at 20 s, in the middle of a round
    SIGTERM to 1 worker, SIGKILL after 2 s at 21 s
    SIGKILL to the master and to whoever follows for 3 s at 22 s
    SIGSTOP for 1.50 s to 1 worker at 23 s (only claimed)
    10 workers frozen for 1 s at 24 s
    6 workers stopped 80 % of the time for 1 s at 25 s
    1,000 SIGWINCH a second to 1 worker for 1 s at 26 s
    the memory of 1 worker limited to 8 MiB more for 1 s at 27 s
    1 worker killed for want of memory beyond 16 MiB at 28 s
    2 workers without memory beyond 16 MiB for 1 s at 34 s
    1 GiB of the memory of the host taken for 1 s at 35 s
    the descriptors of 1 coordinator limited to 1,024 for 1 s at 36 s
    no further descriptor to be opened by 1 coordinator for 1 s at 38 s
    processes of the target limited to 20 more, and these taken for 1 s at 39 s
    the target on CPU 0 only for 1 s at 40 s
    CPUs of the host kept busy by 1 thread for 1 s at 41 s
    60 workers limited to 20 % of a CPU for 1 s at 42 s
    the bus directory full but for 1 MiB for 1 s at 43 s
    no further file in the bus directory for 1 s at 44 s
    the bus directory read-only for 1 s at 45 s
    the files of 1 worker limited to 4 KiB for 1 s at 46 s
    ENOSPC for 5 % of write, sync in the bus directory for 1 s at 47 s
    open in the bus directory delayed by 20 ms to 25 ms for 1 s at 48 s
    1 % of the messages of all agents dropped for 1 s at 49 s
    10 % of the messages of 1 worker delayed by 20 ms for 1 s at 50 s
    no message to 1 coordinator for 1 s at 51 s
    10,000 tasks of 256 B to 1 worker at 52 s
    the clock of 1 worker shifted back by 5 min for 1 s at 53 s
    the target killed and started again after 1 s at 54 s
    "#);
    let network = planned(
        HOSTS,
        "60s",
        "  - { network_delay: { delay: 25ms, jitter: 5ms, for: 1s }, at: 20s }
  - { network_loss: { hosts: [1, 2], rate: 5%, for: 1s }, at: 21s }
  - { network_rate: { per_second: 64KiB, for: 1s }, at: 22s }
  - { network_partition: { hosts: [2], direction: from, for: 1s }, at: 23s }
  - { connection_kill: {}, at: 24s }",
        "",
    );
    let words: Vec<String> = network.faults.iter().map(Fault::words).collect();
    insta::assert_snapshot!(words.join("\n"), @r#"
    packets of all hosts delayed by 25 ms to 30 ms for 1 s at 20 s
    5 % of the packets of hosts 1, 2 lost for 1 s at 21 s
    all hosts limited to 64 KiB a second for 1 s at 22 s
    no packet from host 2 for 1 s at 23 s
    every TCP connection of all hosts killed at 24 s
    "#);
}

#[test]
fn victims_are_all_none_of_the_excepted_or_those_of_another_fault() {
    let plan = planned(
        SWARM,
        "60s",
        "  - { id: all, pause: { role: coordinator, all: true, for: 1s }, at: 5s }
  - { id: others, pause: { role: coordinator, all: true, except: [0, 3], for: 1s }, at: 10s }
  - { id: some, kill: { role: worker, count: 3 }, every: 10s, from: 15s, until: 35s }
  - { id: again, pause: { same: some, for: 1s }, at: 40s }
  - { id: twice, pause: { same: some, for: 1s }, every: 10s, from: 16s, until: 36s }
  - { id: nobody, bus_drop: { rate: 1%, for: 1s }, at: 50s }",
        "",
    );
    assert_eq!(places(by_id(&plan, "all")), [0, 1, 2, 3, 4]);
    assert_eq!(places(by_id(&plan, "others")), [1, 2, 4]);
    assert_eq!(by_id(&plan, "again").victims, by_id(&plan, "some.1").victims);
    for n in ["1", "2"] {
        assert_eq!(by_id(&plan, &format!("twice.{n}")).victims, by_id(&plan, &format!("some.{n}")).victims);
    }
    assert_ne!(by_id(&plan, "some.1").victims, by_id(&plan, "some.2").victims);
    assert_eq!(by_id(&plan, "nobody").victims, None);
}

#[test]
fn a_fault_can_be_due_on_days_each_week_with_a_phase_and_by_chance() {
    let plan = planned(
        SWARM,
        "30d",
        "  - { id: days, kill: { role: coordinator }, days: [3, 7, 10], time: 2h }
  - { id: weekly, kill: { role: coordinator, count: 2 }, every: 1w, from: 1d }
  - { id: hold, kill: { role: worker }, when: phase hold, after: 5s }
  - { id: warm, kill: { role: worker }, when: phase warm_up }
  - { id: chance, pause: { role: worker, for: 10s }, random: { times: 12, from: 10s, until: 9m } }
  - { id: any, pause: { role: worker, for: 1h }, random: { times: 100 } }",
        "",
    );
    let due = |prefix: &str| -> Vec<(String, u64)> {
        let of = |fault: &&Fault| fault.id.split('.').next() == Some(prefix);
        plan.faults.iter().filter(of).map(|fault| (fault.id.clone(), fault.at_ns)).collect()
    };
    let at = |n: u64, ns: u64| (format!("days.{n}"), ns);
    assert_eq!(
        due("days"),
        [at(1, 2 * DAY + 7_200 * S), at(2, 6 * DAY + 7_200 * S), at(3, 9 * DAY + 7_200 * S)]
    );
    let weekly: Vec<u64> = due("weekly").into_iter().map(|(_, at)| at / DAY).collect();
    assert_eq!(weekly, [1, 8, 15, 22, 29]);
    assert_eq!(due("hold"), [("hold".to_owned(), 7 * S)]);
    assert_eq!(due("warm"), [("warm".to_owned(), 0)]);
    let chance = due("chance");
    assert_eq!(chance.len(), 12);
    assert!(chance.iter().all(|(_, at)| (10 * S..540 * S).contains(at)), "{chance:?}");
    let ids: Vec<_> = (1..=12).map(|n| format!("chance.{n}")).collect();
    assert_eq!(chance.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), ids);
    let victims: BTreeSet<_> = plan.faults.iter().filter(|f| f.id.starts_with("any.")).map(places).collect();
    assert!(victims.len() > 20, "{victims:?}");
    assert!(due("any").iter().all(|(_, at)| at + 3_600 * S <= 30 * DAY + 2 * S));
}

#[test]
fn a_fault_that_would_act_in_a_quiet_time_is_moved_to_its_end() {
    let plan = planned(
        SWARM,
        "60s",
        "  - { id: before, pause: { role: worker, for: 2s }, at: 8s }
  - { id: into, pause: { role: worker, for: 2s }, at: 8500ms }
  - { id: within, kill: { role: worker }, at: 15s }
  - { id: end, kill: { role: worker }, at: 20s }
  - { id: through, pause: { role: worker, for: 4s }, at: 12s }",
        "chaos: { quiet: [{ from: 23s, until: 30s }, { from: 10s, until: 20s }] }\n",
    );
    let at = |id: &str| by_id(&plan, id).at_ns / MS;
    assert_eq!(
        (at("before"), at("into"), at("within"), at("end"), at("through")),
        (8_000, 20_000, 20_000, 20_000, 30_000)
    );
}

#[test]
fn rules_for_all_hold_where_a_fault_does_not_say() {
    let plan = planned(
        SWARM,
        "60s",
        "  - { id: general, kill: { role: coordinator }, at: 5s }
  - { id: own, kill: { role: coordinator }, at: 6s, overlap: allow, keep: 1, up: 0s }
  - { id: master, kill: { role: master }, at: 7s }
  - { id: nobody, cpu_hog: { for: 1s }, at: 8s, require: E1, pretend: true }",
        "chaos: { overlap: refuse, keep: majority, up: 3s }\n",
    );
    let rules = |id: &str| {
        let fault = by_id(&plan, id);
        (fault.overlap, fault.keep, fault.up_ns / S)
    };
    assert_eq!(rules("general"), (Overlap::Refuse, 3, 3));
    assert_eq!(rules("own"), (Overlap::Allow, 1, 0));
    assert_eq!(rules("master"), (Overlap::Refuse, 0, 3));
    assert_eq!(rules("nobody"), (Overlap::Refuse, 0, 0));
    let nobody = by_id(&plan, "nobody");
    assert_eq!((nobody.requires, nobody.pretend), (Level::E1, true));
    let plain = one(SWARM, "kill: { role: worker }");
    assert_eq!((plain.overlap, plain.keep, plain.up_ns, plain.pretend), (Overlap::Allow, 0, 0, false));
    assert_eq!(plain.victims.map(|Victims { role, places }| (role, places.len())), Some((Role::Worker, 1)));
}

#[test]
fn what_faults_need_is_made_before_the_target_starts() {
    let bus = |target: &str, fault: &str| {
        planned(target, "60s", &format!("  - {{ {fault}, at: 5s }}"), "").target.enclosure.bus
    };
    let made = |bytes, inodes, intercepted| Some(BusDirectory { bytes, inodes, intercepted });
    let kill = "kill: { role: worker }";
    assert_eq!(bus(SWARM, kill), None);
    assert_eq!(bus(FILES, kill), made(None, None, false));
    assert_eq!(bus(FILES, "disk_full: { for: 1s }"), made(Some(64 << 20), None, false));
    assert_eq!(bus(FILES, "inodes_full: { for: 1s }"), made(Some(64 << 20), Some(10_000), false));
    assert_eq!(bus(FILES, "file_delay: { delay: 1ms, for: 1s }"), made(Some(64 << 20), None, true));
    let sized = FILES.replace("files", "files, bus_size: 1GiB, bus_inodes: 500");
    assert_eq!(bus(&sized, kill), made(Some(1 << 30), Some(500), false));
    let command = "{ command: [./target], agents: { worker: 3 }, bus_dir: { size: 8MiB } }";
    assert_eq!(bus(command, kill), made(Some(8 << 20), None, false));
    let hosts = planned(HOSTS, "60s", "  - { connection_kill: {}, at: 5s }", "").target.enclosure;
    assert_eq!((hosts.bus, hosts.network.map(|network| network.hosts)), (None, Some(3)));
}

#[test]
fn only_a_bus_of_files_is_told_to_the_runtime() {
    let config =
        |target: &str| planned(target, "60s", "  - { kill: { role: worker }, at: 5s }", "").target.config;
    for key in ["bus", "shards", "persist", "bus_size", "bus_inodes"] {
        assert_eq!(config(SWARM).get(key), None, "{key}");
    }
    let files = config(&FILES.replace("files", "files, bus_size: 8MiB, persist: true"));
    let found = (&files["bus"], &files["shards"], &files["persist"], files.get("bus_size"));
    assert_eq!(found, (&"files".into(), &10.into(), &true.into(), None));
}

#[test]
fn a_person_reads_the_rules_and_what_a_plan_needs() {
    let plan = planned(
        &FILES.replace("files", "files, persist: true"),
        "60s",
        "  - { id: errors, file_errors: { error: EIO, on: [write], rate: 5%, for: 3s }, at: 10s, overlap: queue }
  - { id: kill, kill: { role: coordinator, count: 2, for: 2s }, at: 15s, keep: 3, up: 1s }
  - { id: storm, flood: { messages: 1000, for: 2s }, at: 20s, overlap: refuse }
  - { id: restart, restart: { for: 3s }, at: 30s }
  - { id: freeze, freeze: { role: worker, for: 1s }, at: 40s, pretend: true }",
        "",
    );
    let text = scenarios::timeline::render(&plan);
    let told: Vec<&str> = text.lines().skip_while(|line| *line != "target").collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    target
      hybrid: 1 master, 5 coordinators, 60 workers (66 agents), ready within 30s
      a bus directory of 64 MiB in memory, through a process that can let operations fail
    workload
      7 rounds of 60 tasks, one every 10s; 256 B each, echo; time-out 30s; at most 16 open
    timeline
              0s  warm_up, 2s
              2s  hold, 1m
             10s  fault errors: EIO for 5 % of write in the bus directory for 3 s, once no other is in effect; needs E2
             13s  fault errors: healed
             15s  fault kill: SIGKILL to coordinator #3 #4 and to whoever follows for 2 s, if 3 are left, once up for 1s; needs E1
             17s  fault kill: whoever follows may live
             20s  fault storm: 1,000 tasks of 256 B to anybody for 2 s, unless another is in effect; needs E2
             22s  fault storm: the last is sent
             30s  fault restart: the target killed and started again after 3 s; needs E1
             33s  fault restart: the target is started again
             40s  fault freeze: worker #21 frozen for 1 s; needs E1; ONLY CLAIMED
             41s  fault freeze: healed
             62s  drain, at most 30s
    gates
      agents.crashed == 0
    needs
      70 processes, 130 descriptors in one of them
      173 MiB of memory at most, about 438 KiB on disk
      privileges: root, or user namespaces, for a bus directory with a limit; /dev/fuse for faults of single file operations; a freezer cgroup that may be written (root, or one that is delegated)
    "#);
}

#[test]
fn a_series_is_expected_of_and_named_as_a_whole_or_one_by_one() {
    let plan = planned(
        SWARM,
        "60s",
        "  - { id: kills, kill: { role: worker }, every: 10s, expect: { recovers_within: 5s, lost: 0 } }",
        "",
    );
    let ids: Vec<_> = plan.gates.iter().map(|gate| gate.id.as_str()).collect();
    assert_eq!(ids, ["agents.crashed == 0", "fault[kills].recovery_time < 5s", "fault[kills].lost == 0"]);
    let text = "name: test\nwhy: A test.\ntarget: { swarm: { shape: flat, workers: 9 } }\nphases: { hold: 60s }\n\
                workload: { rounds: { every: 1s } }\n\
                faults: [{ id: kills, kill: { role: worker }, every: 10s }, { id: once, kill: { role: worker }, at: 5s }]\n\
                gates: [\"fault[kills].lost == 0\", \"fault[kills.6].late == 0\", \"fault[once].lost == 0\"]\n";
    let read = |text: &str| scenarios::parse(text, "test.yaml", &Options::default());
    assert_eq!(read(text).unwrap().plan.gates.len(), 3);
    assert!(read(&text.replace("kills.6", "kills.7")).is_err());
}
