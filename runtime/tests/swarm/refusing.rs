//! Bad input over the protocol: a clear error, and the swarm goes on.

use protocol::{Command, Report, Tasks, Work};
use serde_json::{Value, json};

use crate::driver::Swarm;

fn error(swarm: &mut Swarm, command: &Command) -> String {
    swarm.say(command);
    match swarm.until("error", |r| matches!(r, Report::Error { .. })) {
        Report::Error { message } => message,
        _ => unreachable!(),
    }
}

fn launch(config: Value) -> Command {
    Command::Launch { config }
}

#[test]
fn wrong_commands_are_answered_with_what_is_wrong() {
    let mut swarm = Swarm::start(&[]);
    let early = Command::Snapshot {};
    let large = Tasks { first: 0, count: 1, payload: 1 << 20, timeout_ms: 1, work: Work::Echo {} };
    let nothing = Tasks { payload: 1, work: Work::Exec { argv: vec![] }, ..large.clone() };
    let beyond = Tasks { first: u64::MAX, count: 3, payload: 1, ..large.clone() };
    let mut told = vec![
        error(&mut swarm, &Command::Hello { protocol: 99, run: "r".into() }),
        error(&mut swarm, &early),
        error(&mut swarm, &launch(json!({"shape": "hybrid", "workers": 3}))),
        error(&mut swarm, &launch(json!("hybrid"))),
    ];
    swarm.say(&launch(json!({"shape": "flat", "workers": 2})));
    swarm.until("ready", |r| matches!(r, Report::Ready { .. }));
    told.push(error(&mut swarm, &launch(json!({"shape": "flat", "workers": 2}))));
    for tasks in [large, nothing, beyond] {
        told.push(error(&mut swarm, &Command::Send { tasks }));
    }
    swarm.round(64);
    insta::assert_snapshot!(told.join("\n"), @r#"
    the harness speaks protocol 99, this target speaks 1; use one of the same release
    snapshot before the swarm is ready
    swarm configuration: shape `hybrid` needs `coordinators`
    swarm configuration: invalid type: string "hybrid", expected an object with a `shape`
    launch: the swarm is launched already
    tasks from token 0 on: a payload of 1048576 bytes is too large: the most is 57344
    tasks from token 0 on: work `exec` names no program: give `argv` at least one word
    tasks from token 18446744073709551615 on: the tokens from 18446744073709551615 on run over the largest number
    "#);
    swarm.stop();
}

#[test]
fn a_token_that_is_in_use_is_refused() {
    let mut swarm = Swarm::launch(json!({"shape": "flat", "workers": 2}));
    let work = Work::Sleep { p50_us: 100_000, p99_us: 100_000 };
    let tasks = Tasks { first: 5, count: 1, payload: 8, timeout_ms: 5_000, work };
    for _ in 0..2 {
        swarm.say(&Command::Send { tasks: tasks.clone() });
        swarm.until("accepted", |r| matches!(r, Report::Accepted { .. }));
    }
    assert_eq!(swarm.ledger.refused, 1);
    swarm.drain(5_000);
    swarm.stop();
}

#[test]
fn a_launch_that_this_host_has_no_room_for_is_refused_with_the_limit() {
    use std::os::unix::process::CommandExt;
    use std::process::Command as Process;
    let mut limited = Process::new("sh");
    limited.args(["-c", r#"ulimit -n 40; exec "$0""#, env!("CARGO_BIN_EXE_swarm-under-test")]);
    limited.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).process_group(0);
    let mut child = limited.spawn().unwrap();
    use std::io::Write;
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, r#"{{"launch":{{"config":{{"shape":"flat","workers":100}}}}}}"#).unwrap();
    drop(stdin);
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    insta::assert_snapshot!(output, @r#"{"error":{"message":"launch: 101 agents need 133 open files in one process, but RLIMIT_NOFILE is 40; raise the hard limit (ulimit -Hn) or launch fewer"}}"#);
}
