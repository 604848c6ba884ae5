//! What is wrong with faults.

use super::{GOOD, refused, with};

#[test]
fn a_fault_says_what_it_takes_and_what_it_does_not() {
    insta::assert_snapshot!(with("\
faults:
  - { pause: { count: 2, for: 1s }, at: 5s }
  - { cpu_pin: { count: 2, for: 1s }, at: 5s }
  - { pause: { role: worker, same: a, for: 1s }, at: 5s }
  - { pause: { role: worker, count: 2, all: true, for: 1s }, at: 5s }
  - { kill: { role: worker, then_kill: 2s }, at: 5s }
  - { kill: { role: worker, signal: SIGHUP }, at: 5s }
  - { slow: { role: worker, stopped: 12.5%, for: 1s }, at: 5s }
  - { slow: { role: worker, stopped: 99%, for: 1s }, at: 5s }
  - { signals: { role: worker, rate: 20000/s, for: 1s }, at: 5s }
  - { descriptors: { role: worker, limit: few, for: 1s }, at: 5s }
  - { memory_stall: { role: worker }, at: 5s }
  - { memory_hog: { bytes: 900GiB, for: 1s }, at: 5s }
  - { bus_drop: { rate: 0.5, for: 1s }, at: 5s }
  - { bus_drop: { rate: 0%, for: 1s }, at: 5s }
  - { clock: { role: worker, offset: 0s, for: 1s }, at: 5s }
  - { clock: { role: worker, offset: -500d, for: 1s }, at: 5s }
  - { file_errors: { error: EBADF, on: [write, fsync], for: 1s }, at: 5s }
  - { kill: { role: worker }, pause: { role: worker, for: 1s }, at: 5s }
  - { pause: { role: worker, for: 1s }, at: 5s, require: E4, overlap: maybe, keep: most, pretend: yes }
  - { read_only: { role: worker, for: 1s }, at: 5s }
"), @r#"
    error: bad.yaml is not a valid scenario: 26 problems
      bad.yaml:11:14   faults.0.pause has none of "role", "same"
        it needs one of them
      bad.yaml:11:16   faults.0.pause.count does nothing without "role"
        say of which role, or remove it
      bad.yaml:12:18   faults.1.cpu_pin.count does nothing without "role"
        say of which role, or remove it
      bad.yaml:13:30   faults.2.pause has both "role" and "same"
        keep one of them
      bad.yaml:14:40   faults.3.pause has both "count" and "all"
        keep one of them
      bad.yaml:15:29   faults.4.kill.then_kill does nothing behind SIGKILL
        remove it, or write signal: SIGTERM
      bad.yaml:16:37   faults.5.kill.signal is "SIGHUP"
        it takes SIGKILL, SIGTERM, SIGSEGV or SIGABRT
      bad.yaml:17:38   faults.6.slow.stopped is finer than a percent
        write whole percent
      bad.yaml:18:38   faults.7.slow.stopped is "99%"
        the most is 95%
      bad.yaml:19:38   faults.8.signals.rate is 20000/s
        it takes a whole number from 1/s to 10000/s
      bad.yaml:20:43   faults.9.descriptors.limit is "few"
        it takes a whole number or held
      bad.yaml:21:21   faults.10.memory_stall has no "for"
        For how long; then it is undone.
      bad.yaml:22:28   faults.11.memory_hog.bytes is "900GiB"
        the most is 256GiB
      bad.yaml:23:25   faults.12.bus_drop.rate is "0.5", which has no unit
        write 50%
      bad.yaml:24:25   faults.13.bus_drop.rate is "0%"
        the least is 0.0001%
      bad.yaml:25:38   faults.14.clock.offset is "0s"
        it must be other than 0s
      bad.yaml:26:38   faults.15.clock.offset is "-500d"
        the most is 400d either way
      bad.yaml:27:29   faults.16.file_errors.error is "EBADF"
        it takes EIO, ENOSPC, EMFILE or EACCES
      bad.yaml:27:48   faults.16.file_errors.on.1 is "fsync"
        did you mean "sync"?
      bad.yaml:28:31   faults.17 has both "kill" and "pause"
        keep one of them
      bad.yaml:29:58   faults.18.require is "E4"
        did you mean "E0"?
      bad.yaml:29:71   faults.18.overlap is "maybe"
        it takes allow, queue or refuse
      bad.yaml:29:84   faults.18.keep is "most"
        it takes a whole number or majority
      bad.yaml:29:99   faults.18.pretend is "yes"
        it takes true or false
      bad.yaml:30:5   fault "20" acts on files of the bus, and the target has none
        let messages travel as files: target.swarm.bus: files
      bad.yaml:30:20   unknown key "role" in faults.19.read_only
        keys here: for
    "#);
}

#[test]
fn a_fault_needs_what_it_is_done_to() {
    insta::assert_snapshot!(with("\
faults:
  - { disk_full: { for: 1s }, at: 5s }
  - { file_size: { role: worker, limit: 4KiB, for: 1s }, at: 5s }
  - { network_delay: { delay: 5ms, for: 1s }, at: 5s }
  - { kill: { role: worker, count: 8, except: [0, 1] }, at: 5s }
  - { kill: { role: worker, except: [8] }, at: 5s }
  - { flood: { messages: 2000000, payload: 1KiB }, at: 5s }
  - { flood: { role: worker, all: true, messages: 20000, payload: 8KiB }, at: 5s }
  - { kill: { role: coordinator }, at: 5s, keep: majority }
  - { cpu_hog: { for: 1s }, at: 5s, keep: 1 }
  - { kill: { role: worker }, at: 5s, require: E2 }
  - { cpu_hog: { for: 1s }, at: 5s, require: E3 }
"), @r#"
    error: bad.yaml is not a valid scenario: 11 problems
      bad.yaml:11:5   fault "1" acts on files of the bus, and the target has none
        let messages travel as files: target.swarm.bus: files
      bad.yaml:12:5   fault "2" acts on files of the bus, and the target has none
        let messages travel as files: target.swarm.bus: files
      bad.yaml:13:7   fault "3" acts on the network, and the target has none of its own
        the bundled runtime runs on one host; the bus faults and partition do the same to its messages
      bad.yaml:14:21   fault "4" hits 8 agents of the role worker, and leaves out all but 6
        it has 1 of the role master, 2 of the role coordinator, 8 of the role worker
      bad.yaml:15:21   fault "5" leaves out worker #8, and the target has 8
        places are from 0 to 7
      bad.yaml:16:5   fault "6" sends 1953 MiB of payload
        the most is 1 GiB: send fewer messages, or smaller ones
      bad.yaml:17:5   fault "7" sends 1250 MiB of payload
        the most is 1 GiB: send fewer messages, or smaller ones
      bad.yaml:18:50   fault "8" hits 1 of 2 agents of the role coordinator, and 2 are to be kept
        it would always be skipped: hit fewer, or write keep: 0
      bad.yaml:19:43   fault "9" is done to no agents, so that none can be kept
        remove keep
      bad.yaml:20:48   fault "10" requires E2, which a kill cannot have
        the strongest is E1
      bad.yaml:21:46   fault "11" requires E3, which a cpu_hog cannot have
        the strongest is E2
    "#);
    let many = GOOD.replacen("workers: 8", "workers: 8, bus: files, bus_inodes: 50000", 1);
    let faults =
        "  - { file_delay: { delay: 1ms, for: 1s }, at: 5s }\n  - { inodes_full: { for: 1s }, at: 5s }\n";
    insta::assert_snapshot!(refused(&format!("{many}faults:\n{faults}")), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:12:5   fault "2" uses up 50000 inodes of a directory whose operations can be made to fail
        each takes a descriptor there: at most 10000, or leave one of the faults out
    "#);
    let command = "  command: [./target]\n  agents: { worker: 8 }\n";
    let swarm = "  swarm: { shape: hybrid, coordinators: 2, workers: 8 }\n";
    let other = |more: &str, faults: &str| {
        refused(&format!("{}faults:\n{faults}", GOOD.replacen(swarm, &format!("{command}{more}"), 1)))
    };
    insta::assert_snapshot!(other("", "  - { read_only: { for: 1s }, at: 5s }\n  - { connection_kill: {}, at: 5s }\n"), @r#"
    error: bad.yaml is not a valid scenario: 2 problems
      bad.yaml:12:5   fault "1" acts on files of the bus, and the target has none
        give it a bus directory: target.bus_dir: { size: 64MiB }
      bad.yaml:13:7   fault "2" acts on the network, and the target has none of its own
        give it one: target.network: { hosts: 2 }
    "#);
    insta::assert_snapshot!(other("  network: { hosts: 1 }\n", "  - { network_loss: { rate: 5%, for: 1s }, at: 5s }\n  - { connection_kill: { hosts: [2] }, at: 5s }\n"), @r#"
    error: bad.yaml is not a valid scenario: 2 problems
      bad.yaml:13:7   fault "1" acts between hosts, and the target has only one
        write target.network: { hosts: 2 }
      bad.yaml:14:7   fault "2" acts on host 2, and the target has 1
        hosts are counted from 1
    "#);
    insta::assert_snapshot!(other("  network: { hosts: 2 }\n", "  - { network_partition: { hosts: [1, 2], for: 1s }, at: 5s }\n"), @r#"
    error: bad.yaml is not a valid scenario: 1 problem
      bad.yaml:13:7   fault "1" cuts all hosts off, so that there are no others
        leave one out
    "#);
}

#[test]
fn the_victims_of_another_fault_must_be_known() {
    insta::assert_snapshot!(with("\
faults:
  - { id: a, pause: { same: b, for: 1s }, at: 5s }
  - { id: b, cpu_hog: { for: 1s }, at: 5s }
  - { id: c, pause: { same: b, for: 1s }, at: 5s }
  - { id: d, kill: { role: worker }, every: 2s, from: 5s }
  - { id: e, pause: { same: d, for: 1s }, every: 1s, from: 5s }
  - { id: f, pause: { same: f, except: [1], for: 1s }, at: 5s }
"), @r#"
    error: bad.yaml is not a valid scenario: 4 problems
      bad.yaml:11:29   fault "a" has the victims of fault "b", and none further up has that id
        write it behind the other
      bad.yaml:13:29   fault "c" has the victims of fault "b", which is done to no agents
        choose another one, or write a role
      bad.yaml:15:29   fault "e" is due 7 times, and fault "d", whose victims it has, 4 times
        let both be due equally often, or the other once
      bad.yaml:16:32   faults.5.pause.except does nothing without "role"
        say of which role, or remove it
    "#);
}

#[test]
fn a_schedule_says_when_in_one_way() {
    insta::assert_snapshot!(with("\
faults:
  - { kill: { role: worker } }
  - { kill: { role: worker }, at: 5s, when: phase hold }
  - { kill: { role: worker }, when: phase lunch }
  - { kill: { role: worker }, when: phase hold, after: 10s }
  - { kill: { role: worker }, days: [1, 3] }
  - { kill: { role: worker }, days: [3, 2] }
  - { kill: { role: worker }, at: 5s, time: 2h }
  - { kill: { role: worker }, random: { times: 3 }, from: 5s }
  - { kill: { role: worker }, random: { times: 3 }, jitter: 5s }
  - { kill: { role: worker }, random: { times: 3, from: 8s, until: 7s } }
  - { kill: { role: worker }, random: { times: 3, until: 30s } }
  - { pause: { role: worker, for: 15s }, random: { times: 3 } }
  - { kill: { role: worker }, at: 5s, when: round in flight, after: 2h }
"), @r#"
    error: bad.yaml is not a valid scenario: 14 problems
      bad.yaml:11:5   faults.0 has none of "at", "every", "random", "days"
        it needs one of them, or when: phase hold
      bad.yaml:12:45   faults.1.when says when already
        keep it, or "at"
      bad.yaml:13:37   faults.2.when is "phase lunch"
        it takes round in flight, phase warm_up or phase hold
      bad.yaml:14:37   fault "4" is due at 12s, after the load has ended
        warm-up and hold together last 12s
      bad.yaml:15:41   fault "5" is due at 2d, after the load has ended
        warm-up and hold together last 12s
      bad.yaml:16:38   fault "6" is due at 2d, after the load has ended
        warm-up and hold together last 12s
      bad.yaml:16:41   faults.5.days has day 2 behind day 3
        write each day once, in order
      bad.yaml:17:39   faults.6.time belongs to "days", but this fault has "at"
        remove it, or write days: instead of at:
      bad.yaml:18:53   faults.7.from belongs to "every", but this fault has "random"
        write it into the table random
      bad.yaml:19:53   faults.8.jitter does nothing for moments that are drawn already
        remove it
      bad.yaml:20:5   fault "10" is never due: it ends before it begins
        it begins at 8s
      bad.yaml:21:58   fault "11" is due until 30s, after the load has ended
        warm-up and hold together last 12s
      bad.yaml:22:5   fault "12" is never due: it ends before it begins
        it begins at 2s
      bad.yaml:23:69   faults.12.after is longer than a round can last
        the most is 1h
    "#);
}

#[test]
fn quiet_times_must_leave_room() {
    insta::assert_snapshot!(with("\
faults:
  - { pause: { role: worker, for: 3s }, at: 5s }
  - { kill: { role: worker }, at: 11s }
chaos: { quiet: [{ from: 7s, until: 10s }, { from: 12s, until: 22s }, { from: 10500ms, until: 13s }, { from: 3s, until: 3s }] }
"), @r#"
    error: bad.yaml is not a valid scenario: 3 problems
      bad.yaml:11:5   fault "1" does not fit between the quiet times
        it would be due at 22s and be over at 25s; the load ends at 12s
      bad.yaml:12:5   fault "2" does not fit between the quiet times
        it would be due at 22s and be over at 22s; the load ends at 12s
      bad.yaml:13:121   chaos.quiet.3 ends before it begins
        write a later moment
    "#);
}

#[test]
fn faults_that_exclude_each_other_are_told_apart() {
    insta::assert_snapshot!(with("\
faults:
  - { id: a, pause: { role: worker, all: true, for: 2s }, at: 3s }
  - { id: b, slow: { role: worker, for: 2s }, at: 4s }
  - { id: c, pause: { same: b, for: 1s }, at: 5500ms }
  - { id: d, cpu_pin: { for: 2s }, at: 3s }
  - { id: e, cpu_pin: { role: worker, for: 2s }, at: 4s }
  - { id: f, descriptors: { role: worker, count: 4, for: 2s }, at: 3s }
  - { id: g, descriptors: { role: worker, count: 4, for: 2s }, at: 4s }
  - { id: h, cpu_quota: { share: 50%, for: 2s }, every: 1s, from: 4s, until: 6s }
  - { id: i, clock: { role: master, offset: 1h, for: 2s }, at: 3s }
  - { id: j, clock: { role: master, offset: 2h, for: 2s }, at: 4s, overlap: queue }
"), @r#"
    error: bad.yaml is not a valid scenario: 4 problems
      bad.yaml:12:5   faults "a" and "b" act on whether processes are stopped at the same time
        the first acts until 5s, the second begins at 4s; write overlap: queue, or move it
      bad.yaml:13:5   faults "b" and "c" act on whether processes are stopped at the same time
        the first acts until 6s, the second begins at 5500ms; write overlap: queue, or move it
      bad.yaml:15:5   faults "d" and "e" act on the CPUs of processes at the same time
        the first acts until 5s, the second begins at 4s; write overlap: queue, or move it
      bad.yaml:18:5   fault "h" is due again while it still acts on the CPU quota
        the first acts until 6s, the second begins at 5s; write overlap: queue, or move it
    "#);
}
