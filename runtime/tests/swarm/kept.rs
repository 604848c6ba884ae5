//! Swarms that are killed whole, and go on in their directory.

use std::path::Path;

use protocol::{Command, Report, Work};
use serde_json::{Value, json};

use crate::driver::{Swarm, set_limit, wait_until};
use crate::failing::SLOW;

fn config(bus: &str) -> Value {
    json!({"shape": "hybrid", "coordinators": 2, "workers": 10, "bus": bus, "persist": true})
}

fn arguments(directory: &Path) -> [&str; 3] {
    ["--control", "--bus-dir", directory.to_str().expect("a plain path")]
}

/// Everything accepted was answered, and by one execution. (An answer may have been told twice: whether the harness
/// had read it is not known to one who was killed.)
fn assert_whole(swarm: &Swarm, payload: usize) {
    assert_eq!(swarm.ledger.lost(), Vec::<u64>::new(), "lost");
    assert_eq!(swarm.ledger.doubly_executed(), Vec::<u64>::new(), "executed twice");
    assert_eq!(swarm.ledger.corrupt(payload), Vec::<u64>::new(), "corrupt");
}

#[test]
fn after_kills_of_the_whole_target_everything_accepted_is_answered_and_nothing_was_done_twice() {
    for bus in ["files", "sockets"] {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let arguments = arguments(directory.path());
        let mut swarm = Swarm::launch_with(&arguments, config(bus));
        let mut epochs = [0; 13];
        for turn in 0..4 {
            for (agent, member) in &swarm.members {
                let before = std::mem::replace(&mut epochs[*agent as usize], member.epoch);
                assert!(member.epoch > before, "agent {agent}: {} after {before}", member.epoch);
            }
            for _ in 0..8 {
                swarm.send(100, 64, Work::Cpu { us: 50 });
            }
            for _ in 0..8 {
                swarm.until("accepted", |r| matches!(r, Report::Accepted { .. }));
            }
            let wanted = swarm.ledger.answers.len() + turn * 150;
            wait_until("some answers", || {
                swarm.catch_up();
                swarm.ledger.answers.len() >= wanted
            });
            swarm = swarm.killed_and_launched(&arguments, config(bus));
        }
        assert_eq!(swarm.drain(20_000), 0);
        assert_eq!(swarm.ledger.accepted.len(), 3_200);
        assert_whole(&swarm, 64);
        assert_eq!(swarm.gauges()["effects"], 3_200);
        swarm.round(64);
        swarm.stop();
    }
}

#[test]
fn kills_while_it_starts_again_lose_nothing_and_double_nothing() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let arguments = arguments(directory.path());
    let mut swarm = Swarm::launch_with(&arguments, config("files"));
    for _ in 0..20 {
        swarm.send(100, 64, Work::Cpu { us: 50 });
        swarm.until("accepted", |r| matches!(r, Report::Accepted { .. }));
    }
    for turn in 0..12 {
        swarm = swarm.killed_and_begun(&arguments, config("files"));
        let started = std::time::Instant::now();
        wait_until("its moment has come", || {
            swarm.catch_up();
            started.elapsed().as_millis() >= 4 * turn
        });
    }
    let mut swarm = swarm.killed_and_launched(&arguments, config("files"));
    assert_eq!(swarm.drain(20_000), 0);
    assert_whole(&swarm, 64);
    assert_eq!((swarm.ledger.accepted.len(), swarm.gauges()["effects"]), (2_000, 2_000));
    swarm.stop();
}

#[test]
fn what_was_executed_and_not_told_is_answered_again_without_being_done_again() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let arguments = arguments(directory.path());
    let mut swarm = Swarm::launch_with(&arguments, config("files"));
    let mark = directory.path().join("done");
    let line = format!("echo x >> {}", mark.display());
    let argv = ["sh", "-c", &line].map(str::to_owned).to_vec();
    let leader = swarm.pid(0);
    swarm.send(20, 64, Work::Exec { argv });
    swarm.until("accepted", |r| matches!(r, Report::Accepted { .. }));
    // No answer passes the leader any more.
    crate::driver::signal(leader, nix::libc::SIGSTOP);
    let done = || std::fs::read_to_string(&mark).map_or(0, |text| text.lines().count());
    let mut rests = (0, 0);
    wait_until("the work comes to rest", || {
        rests = if rests.0 == done() { (rests.0, rests.1 + 1) } else { (done(), 0) };
        rests.1 > 100
    });
    let mut swarm = swarm.killed_and_launched(&arguments, config("files"));
    assert_eq!(swarm.drain(20_000), 0);
    assert_whole(&swarm, 64);
    assert_eq!(swarm.ledger.answers.len(), 20);
    assert_eq!(done() as u64, swarm.gauges()["effects"]);
    assert_eq!(done(), 20);
    swarm.stop();
}

#[test]
fn a_round_that_was_cut_off_is_answered_after_the_restart_and_another_shape_can_go_on() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let arguments = arguments(directory.path());
    let mut swarm = Swarm::launch_with(&arguments, config("sockets"));
    swarm.begin_round(64, 15_000, SLOW);
    swarm.until("accepted", |r| matches!(r, Report::Accepted { .. }));
    let other = json!({"shape": "flat", "workers": 3, "bus": "files", "persist": true, "inbox": 2});
    let mut swarm = swarm.killed_and_launched(&arguments, other);
    assert_eq!(swarm.drain(20_000), 0);
    assert_eq!(swarm.ledger.accepted.len(), 10);
    assert_whole(&swarm, 64);
    swarm.stop();
}

#[test]
fn what_cannot_be_written_down_is_not_accepted() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut swarm = Swarm::launch_with(&arguments(directory.path()), config("sockets"));
    swarm.send(10, 64, Work::Echo {});
    swarm.drain(10_000);
    let root = swarm.root.id() as i32;
    let before = set_limit(root, nix::libc::RLIMIT_FSIZE, 0);
    swarm.send(10, 64, Work::Echo {});
    swarm.until("refused", |r| matches!(r, Report::Accepted { count: 0, refused: 10, .. }));
    assert!(swarm.gauges()["bus_errors"] > 0);
    set_limit(root, nix::libc::RLIMIT_FSIZE, before);
    swarm.send(10, 64, Work::Echo {});
    assert_eq!(swarm.drain(10_000), 0);
    swarm.ledger.assert_clean(64);
    assert_eq!(swarm.ledger.accepted.len(), 20);
    swarm.stop();
}

#[test]
fn persistence_without_a_directory_is_refused_with_what_to_do() {
    let mut swarm = Swarm::start(&[]);
    swarm.say(&Command::Launch { config: config("files") });
    let told = swarm.until("error", |r| matches!(r, Report::Error { .. }));
    let Report::Error { message } = told else { unreachable!() };
    insta::assert_snapshot!(message, @"launch: `persist` needs a directory that outlives the swarm; give one with SHAKEDOWN_BUS_DIR or --bus-dir");
    swarm.close_stdin();
    assert_eq!(swarm.exit_status(), Some(0));
}
