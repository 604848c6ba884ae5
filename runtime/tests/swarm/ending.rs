//! The end of a swarm, in order or not: nothing is lost that was accepted, and no process is left.

use nix::libc::{SIGINT, SIGKILL, SIGSTOP, SIGTERM};
use protocol::{Command, Report, Work};
use serde_json::json;

use crate::driver::{Swarm, in_session, signal, wait_until};

fn hybrid() -> Swarm {
    Swarm::launch(json!({"shape": "hybrid", "coordinators": 3, "workers": 30}))
}

#[test]
fn on_sigterm_a_thousand_queued_tasks_are_answered_before_the_end() {
    for ending in [SIGTERM, SIGINT] {
        let mut swarm = Swarm::launch(json!({"shape": "hybrid", "coordinators": 2, "workers": 10}));
        swarm.send(1_000, 256, Work::Sleep { p50_us: 1_000, p99_us: 1_000 });
        swarm.until("accepted", |r| matches!(r, Report::Accepted { .. }));
        signal(swarm.root.id() as i32, ending);
        swarm.until("stopped", |r| *r == Report::Stopped {});
        assert_eq!(swarm.ledger.order.len(), 1_000);
        swarm.ledger.assert_clean(256);
        assert_eq!(swarm.exit_status(), Some(0));
        swarm.assert_nothing_left();
    }
}

#[test]
fn after_a_kill_of_the_root_nothing_is_left() {
    let mut swarm = hybrid();
    swarm.begin_round(64, 15_000, Work::Exec { argv: vec!["sleep".into(), "60".into()] });
    let spawner = swarm.spawner();
    wait_until("the programs run", || in_session(spawner).len() == 35 + 30);
    swarm.root.kill().unwrap();
    swarm.assert_nothing_left();
}

#[test]
fn after_a_kill_of_the_spawner_nothing_is_left_and_the_root_says_so() {
    let mut swarm = hybrid();
    signal(swarm.spawner(), SIGKILL);
    swarm.until("error", |r| matches!(r, Report::Error { message } if message.contains("spawner")));
    assert_eq!(swarm.exit_status(), Some(70));
    swarm.assert_nothing_left();
}

#[test]
fn when_the_harness_closes_its_end_nothing_is_left() {
    let mut swarm = hybrid();
    swarm.begin_round(64, 15_000, Work::Sleep { p50_us: 5_000_000, p99_us: 5_000_000 });
    swarm.close_stdin();
    assert_eq!(swarm.exit_status(), Some(0));
    swarm.assert_nothing_left();
}

#[test]
fn stopped_and_hung_agents_do_not_outlive_the_swarm() {
    let mut swarm = Swarm::launch(
        json!({"shape": "hybrid", "coordinators": 2, "workers": 4, "defects": {"hang_on_task": 1}}),
    );
    swarm.begin_round(64, 50, Work::Echo {});
    signal(swarm.pid(1), SIGSTOP);
    signal(swarm.pid(0), SIGSTOP);
    swarm.say(&Command::Stop {});
    swarm.until("stopped", |r| *r == Report::Stopped {});
    assert_eq!(swarm.exit_status(), Some(0));
    swarm.assert_nothing_left();
}

#[test]
fn programs_that_tasks_have_left_behind_end_with_the_swarm() {
    let mut swarm = Swarm::launch(json!({"shape": "flat", "workers": 2}));
    let argv = ["sh", "-c", "sleep 60 & exit 0"].map(str::to_owned).to_vec();
    swarm.send(4, 64, Work::Exec { argv });
    swarm.drain(10_000);
    assert_eq!(in_session(swarm.spawner()).len(), 4 + 4);
    swarm.stop();
}
