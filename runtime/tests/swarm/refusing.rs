//! Bad input over the protocol: a clear error, and the swarm goes on.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command as Process, Stdio};

use protocol::{Command, Report, Tasks, Work};
use serde_json::{Value, json};

use crate::driver::{Swarm, wait_until};

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
        told.push(error(&mut swarm, &Command::Send { tasks, to: None }));
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
        swarm.say(&Command::Send { tasks: tasks.clone(), to: None });
        swarm.until("accepted", |r| matches!(r, Report::Accepted { .. }));
    }
    assert_eq!(swarm.ledger.refused, 1);
    swarm.drain(5_000);
    swarm.stop();
}

#[test]
fn a_harness_that_does_not_read_is_made_to_wait_and_loses_nothing() {
    let mut child = Process::new(env!("CARGO_BIN_EXE_swarm-under-test"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut say =
        move |command: &Command| writeln!(stdin, "{}", serde_json::to_string(command).unwrap()).is_ok();
    say(&launch(json!({"shape": "flat", "workers": 4, "inbox": 16384})));
    assert!(lines.next().unwrap().contains("ready"));
    let (thread_id, writers_id) = std::sync::mpsc::channel();
    let writer = std::thread::spawn(move || {
        thread_id.send(nix::unistd::gettid()).unwrap();
        for batch in 0..20_000 {
            let tasks =
                Tasks { first: batch * 100, count: 100, payload: 8, timeout_ms: 60_000, work: Work::Echo {} };
            say(&Command::Send { tasks, to: None });
        }
        say(&Command::Drain { deadline_ms: 20_000 });
        say
    });
    let waits_in = |task: &str, place: &str| {
        std::fs::read_to_string(format!("/proc/{task}/wchan")).is_ok_and(|told| told.contains(place))
    };
    let (target, writers_id) = (child.id().to_string(), format!("self/task/{}", writers_id.recv().unwrap()));
    let mut rests = 0;
    wait_until("the target rests and takes no more commands", || {
        assert!(!writer.is_finished(), "it took all commands although nobody read its answers");
        let both = waits_in(&target, "poll") && waits_in(&writers_id, "pipe_write");
        rests = if both { rests + 1 } else { 0 };
        rests == 50
    });
    let (mut accepted, mut answered, mut writer) = (0, 0, Some(writer));
    for line in lines {
        match serde_json::from_str(&line).unwrap() {
            Report::Accepted { count, .. } => accepted += count as usize,
            Report::Answers { items } => answered += items.len(),
            Report::Drained { .. } => {
                let mut say = writer.take().unwrap().join().unwrap();
                say(&Command::Stop {});
            }
            _ => {}
        }
    }
    assert!(accepted >= 50_000, "{accepted}");
    assert_eq!(accepted, answered);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_launch_that_this_host_has_no_room_for_is_refused_with_the_limit() {
    use std::os::unix::process::CommandExt;
    let mut limited = Process::new("sh");
    limited.args(["-c", r#"ulimit -n 40; exec "$0""#, env!("CARGO_BIN_EXE_swarm-under-test")]);
    limited.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
    let mut child = limited.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, r#"{{"launch":{{"config":{{"shape":"flat","workers":100}}}}}}"#).unwrap();
    drop(stdin);
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    insta::assert_snapshot!(output, @r#"{"error":{"message":"launch: 101 agents need 133 open files in one process, but RLIMIT_NOFILE is 40; raise the hard limit (ulimit -Hn) or launch fewer"}}"#);
}
