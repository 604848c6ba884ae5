//! Swarms whose messages are files.

use std::fs;
use std::path::Path;

use nix::libc::{SIGKILL, SIGTERM};
use protocol::{Report, Work};
use serde_json::{Value, json};

use crate::driver::{Swarm, cpu_ms, descriptors, in_session, set_limit, signal, wait_until};
use crate::failing::{SLOW, is_replaced};

/// How many files there are below a directory, those aside from its lock.
fn files_below(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_below(&entry.path()),
            _ => usize::from(entry.file_name() != "lock"),
        })
        .sum()
}

fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").expect("memory holds files")
}

fn launch_in(directory: &Path, config: Value) -> Swarm {
    Swarm::launch_with(&["--control", "--bus-dir", directory.to_str().expect("a plain path")], config)
}

fn hybrid_in(directory: &Path) -> Swarm {
    launch_in(directory, json!({"shape": "hybrid", "coordinators": 4, "workers": 40, "bus": "files"}))
}

fn own_directories_of(root: u32) -> usize {
    let name = format!("shakedown-bus-{root}-");
    let entries = fs::read_dir("/dev/shm").expect("memory holds files").flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&name)).count()
}

#[test]
fn every_shape_works_over_files_and_no_file_is_left() {
    for config in [
        json!({"shape": "flat", "workers": 10, "bus": "files"}),
        json!({"shape": "hybrid", "coordinators": 3, "workers": 20, "bus": "files", "shards": 0}),
        json!({"shape": "deep", "level_1": 2, "level_2": 4, "workers": 20, "bus": "files", "shards": 3}),
    ] {
        let directory = in_memory();
        let mut swarm = launch_in(directory.path(), config);
        for payload in [0, 256, 50_000] {
            swarm.ledger = Default::default();
            for _ in 0..3 {
                swarm.round(payload);
            }
            swarm.ledger.assert_clean(payload as usize);
        }
        let gauges = swarm.gauges();
        assert_eq!((gauges["retried"], gauges["bus_errors"], gauges["bus_aside"]), (0, 0, 0));
        assert_eq!(files_below(directory.path()), 0, "every letter was removed once it was read");
        swarm.stop();
        assert!(!directory.path().join("spool").exists());
    }
}

#[test]
fn single_tasks_over_files_are_answered_in_order_by_each_worker() {
    let directory = in_memory();
    let mut swarm = launch_in(
        directory.path(),
        json!({"shape": "hybrid", "coordinators": 2, "workers": 8, "bus": "files"}),
    );
    for _ in 0..40 {
        swarm.send(100, 100, Work::Echo {});
    }
    assert_eq!(swarm.drain(15_000), 0);
    swarm.ledger.assert_clean(100);
    for worker in 3..11 {
        let mine: Vec<_> = swarm.ledger.order.iter().filter(|a| a.agent == worker).collect();
        assert!(!mine.is_empty() && mine.is_sorted_by_key(|a| a.token), "tokens of worker {worker}");
    }
    swarm.stop();
}

#[test]
fn kills_over_files_cost_no_task_and_double_none() {
    let directory = in_memory();
    let mut swarm = hybrid_in(directory.path());
    for victims in [vec![2], vec![0], vec![1, 3, 20, 21, 22], vec![4, 44]] {
        let round = swarm.begin_round(256, 15_000, SLOW);
        for victim in victims {
            swarm.kill(victim);
        }
        assert_eq!(swarm.end_round(round).1, 0);
        wait_until("all agents are back", || swarm.gauges()["agents.attached"] == 45);
    }
    swarm.round(256);
    swarm.ledger.assert_clean(256);
    assert_eq!(swarm.gauges()["effects"], 200);
    swarm.stop();
}

#[test]
fn on_sigterm_what_waits_in_files_is_answered_before_the_end() {
    let directory = in_memory();
    let mut swarm = hybrid_in(directory.path());
    swarm.send(1_000, 256, Work::Sleep { p50_us: 1_000, p99_us: 1_000 });
    swarm.until("accepted", |r| matches!(r, Report::Accepted { .. }));
    signal(swarm.root.id() as i32, SIGTERM);
    swarm.until("stopped", |r| *r == Report::Stopped {});
    assert_eq!(swarm.ledger.order.len(), 1_000);
    swarm.ledger.assert_clean(256);
    assert_eq!(swarm.exit_status(), Some(0));
}

#[test]
fn a_directory_of_its_own_goes_with_the_swarm_however_that_ends() {
    let config = json!({"shape": "flat", "workers": 3, "bus": "files"});
    let swarm = Swarm::launch(config.clone());
    let root = swarm.root.id();
    assert_eq!(own_directories_of(root), 1);
    swarm.stop();
    assert_eq!(own_directories_of(root), 0);
    for who in ["root", "both"] {
        let mut swarm = Swarm::launch(config.clone());
        let root = swarm.root.id();
        swarm.round(64);
        if who == "both" {
            signal(swarm.spawner(), SIGKILL);
        }
        swarm.root.kill().unwrap();
        swarm.root.wait().unwrap();
        wait_until("its directory is gone", || {
            if who == "both" {
                // Nobody is left who could: the next swarm does it.
                Swarm::launch(config.clone()).stop();
            }
            own_directories_of(root) == 0
        });
    }
}

#[test]
fn a_file_system_that_refuses_stops_the_bus_for_as_long_and_loses_nothing() {
    let directory = in_memory();
    let mut swarm = launch_in(
        directory.path(),
        json!({"shape": "hybrid", "coordinators": 2, "workers": 6, "bus": "files", "inbox": 20, "lease_ms": 200}),
    );
    swarm.round(64);
    let mut processes = in_session(swarm.spawner());
    processes.push(swarm.root.id() as i32);
    let limits: Vec<u64> = processes.iter().map(|pid| set_limit(*pid, nix::libc::RLIMIT_FSIZE, 0)).collect();
    for _ in 0..3 {
        swarm.send(100, 64, Work::Echo {});
    }
    for _ in 0..3 {
        swarm.until("accepted", |r| matches!(r, Report::Accepted { .. }));
    }
    wait_until("the bus is refused", || swarm.gauges()["bus_errors"] > 3);
    assert!(swarm.gauges()["bus_waiting"] > 0);
    assert_eq!(swarm.ledger.refused, 300 - 120, "what the inboxes do not hold is refused");
    let used = |processes: &[i32]| processes.iter().map(|pid| cpu_ms(*pid)).sum::<u64>();
    let (before, started) = (used(&processes), std::time::Instant::now());
    wait_until("some time is over", || started.elapsed().as_millis() > 600);
    let busy = used(&processes) - before;
    assert!(busy < 200, "{busy} ms of CPU time in {:?}", started.elapsed());
    assert_eq!(swarm.ledger.order.len(), 6, "nothing passes");
    for (pid, limit) in processes.iter().zip(limits) {
        set_limit(*pid, nix::libc::RLIMIT_FSIZE, limit);
    }
    assert_eq!(swarm.drain(15_000), 0);
    swarm.round(64);
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.gauges()["effects"], 132);
    let accused = swarm.told.iter().any(|r| matches!(r, Report::Suspected { .. }));
    assert!(!accused, "nobody is taken for dead because the file system refuses");
    swarm.stop();
}

#[test]
fn agents_without_descriptors_keep_their_mail_until_they_have_some() {
    let directory = in_memory();
    let mut swarm = hybrid_in(directory.path());
    let poor = [swarm.pid(2), swarm.pid(30)];
    let limits = poor.map(|pid| set_limit(pid, nix::libc::RLIMIT_NOFILE, descriptors(pid)));
    let round = swarm.begin_round(64, 15_000, Work::Echo {});
    wait_until("they cannot open their mail", || swarm.gauges()["bus_errors"] > 3);
    for (pid, limit) in poor.into_iter().zip(limits) {
        set_limit(pid, nix::libc::RLIMIT_NOFILE, limit);
    }
    assert_eq!(swarm.end_round(round).1, 0);
    swarm.round(64);
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.gauges()["effects"], 80);
    assert_eq!((swarm.pid(2), swarm.pid(30)), (poor[0], poor[1]), "nobody had to be replaced");
    swarm.stop();
}

#[test]
fn letters_that_are_removed_or_damaged_on_the_way_are_sent_again() {
    let directory = in_memory();
    let mut swarm = hybrid_in(directory.path());
    let spool = directory.path().join("spool");
    let worker = spool.join(format!("shard-{}/{}", 30 % 10, 30));
    signal(swarm.pid(30), nix::libc::SIGSTOP);
    let round = swarm.begin_round(64, 15_000, Work::Echo {});
    wait_until("its letter lies there", || files_below(&worker) > 0);
    let letter = fs::read_dir(&worker).unwrap().next().unwrap().unwrap().path();
    fs::write(&letter, "torn").unwrap();
    signal(swarm.pid(30), nix::libc::SIGCONT);
    assert_eq!(swarm.end_round(round).1, 0);
    assert_eq!(swarm.gauges()["bus_aside"], 1);
    // And all directories at once.
    fs::remove_dir_all(&spool).unwrap();
    swarm.round(64);
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.gauges()["effects"], 80);
    swarm.stop();
}

#[test]
fn a_worker_that_returns_finds_no_mail_of_its_earlier_life() {
    let directory = in_memory();
    let mut swarm = hybrid_in(directory.path());
    let mail = directory.path().join("spool/shard-0/30");
    signal(swarm.pid(30), nix::libc::SIGSTOP);
    for _ in 0..5 {
        swarm.send(40, 64, Work::Echo {});
    }
    wait_until("it has mail", || files_below(&mail) > 0);
    swarm.kill(30);
    swarm.until("replacement", is_replaced(30));
    assert_eq!(swarm.drain(15_000), 0);
    wait_until("no letter is left", || files_below(&mail) == 0);
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.gauges()["effects"], 200);
    swarm.stop();
}
