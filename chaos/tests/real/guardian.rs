//! The guardian as its harness sees it.

use scenarios::plan::Enclosure;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use chaos::journal::{By, Record};
use chaos::{Ended, Guardian, Report};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::run::{Run, assert_none_alive, guardian_command, identity, state, target, wait_until};

const WITHIN: Duration = Duration::from_secs(10);

#[test]
fn ending_a_run_ends_every_process_and_tells_how_many_were_left() {
    let mut run = Run::of(&["target", "5"]);
    let guardian = run.guardian.take().unwrap();
    let (target, itself) = (guardian.target(), guardian.identity());
    let ended = guardian.end_all(WITHIN).unwrap();
    assert_eq!(ended, Ended { left_behind: 6, still_alive: 0 });
    assert_none_alive(&run.agents);
    assert_none_alive(&[target, itself]);
    let last = run.records().pop().unwrap();
    assert_eq!(last, Record::Ended { by: By::Guardian, left_behind: 6, still_alive: 0 });
}

#[test]
fn a_guardian_that_is_dropped_ends_its_run_too() {
    let mut run = Run::of(&["target", "2"]);
    let processes = [run.guardian().identity(), run.guardian().target(), run.agents[0], run.agents[1]];
    drop(run.guardian.take());
    assert_none_alive(&processes);
}

#[test]
fn a_daemon_in_a_session_of_its_own_belongs_to_the_run() {
    let mut run = Run::of(&["daemon"]);
    let daemon = run.agents[0];
    wait_until("the guardian has adopted it", || {
        daemon.stat().unwrap().unwrap().ppid == run.guardian().identity().pid
    });
    run.guardian.take().unwrap().end_all(WITHIN).unwrap();
    assert_none_alive(&[daemon]);
}

#[test]
fn a_stopped_agent_is_ended_too() {
    let mut run = Run::of(&["target", "1"]);
    kill(Pid::from_raw(i32::try_from(run.agents[0].pid).unwrap()), Signal::SIGSTOP).unwrap();
    wait_until("it is stopped", || state(run.agents[0]) == Some('T'));
    assert_eq!(run.guardian.take().unwrap().end_all(WITHIN).unwrap().still_alive, 0);
    assert_none_alive(&run.agents);
}

#[test]
fn a_run_is_ended_although_its_guardian_was_stopped_or_killed() {
    for stop in [Signal::SIGSTOP, Signal::SIGKILL] {
        let mut run = Run::of(&["target", "2"]);
        let guardian = run.guardian.take().unwrap();
        kill(Pid::from_raw(i32::try_from(guardian.identity().pid).unwrap()), stop).unwrap();
        let target = guardian.target();
        assert_eq!(guardian.end_all(WITHIN).unwrap(), Ended { left_behind: 3, still_alive: 0 }, "{stop}");
        assert_none_alive(&run.agents);
        assert_none_alive(&[target]);
    }
}

#[test]
fn how_the_target_and_adopted_processes_ended_is_reported() {
    let run = Run::of(&["target", "2"]);
    let mut reports = BufReader::new(run.guardian().reports().unwrap());
    let mut report = || {
        let mut line = String::new();
        reports.read_line(&mut line).unwrap();
        Report::parse(line.as_bytes()).unwrap()
    };
    kill(Pid::from_raw(i32::try_from(run.guardian().target_pid()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(report(), Report::TargetExited { status: "signal 15".into() });
    let orphan = run.agents[1].pid;
    kill(Pid::from_raw(i32::try_from(orphan).unwrap()), Signal::SIGKILL).unwrap();
    assert_eq!(report(), Report::OrphansExited { orphans: vec![(orphan, "signal 9".into())] });
}

#[test]
fn the_target_gets_its_arguments_environment_directory_and_log() {
    let dir = tempfile::tempdir().unwrap();
    let script = "echo $SAID $0 $(pwd); echo trouble >&2; cat";
    let argv = ["sh", "-c", script, "zero"].map(OsString::from).to_vec();
    let command = chaos::TargetCommand {
        env: vec![("SAID".into(), "hello".into())],
        cwd: Some("/".into()),
        ..target(dir.path(), argv)
    };
    let (guardian, stdio) =
        Guardian::start(&guardian_command(), dir.path(), command, &Enclosure::default()).unwrap();
    let mut lines = BufReader::new(std::fs::File::from(stdio.stdout)).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "hello zero /");
    // The end of its input ends it, and its end closes its output: nobody else holds either.
    drop(stdio.stdin);
    assert!(lines.next().is_none());
    assert_eq!(std::fs::read_to_string(dir.path().join("target.log")).unwrap(), "trouble\n");
    let ended = guardian.end_all(WITHIN).unwrap();
    assert_eq!(ended.still_alive, 0);
}

#[test]
fn the_target_takes_signals_although_its_guardian_blocks_them() {
    let dir = tempfile::tempdir().unwrap();
    // Not through a shell, which would unblock them by itself.
    let argv = ["grep", "-E", "SigBlk|SigIgn", "/proc/self/status"].map(OsString::from).to_vec();
    let (guardian, stdio) =
        Guardian::start(&guardian_command(), dir.path(), target(dir.path(), argv), &Enclosure::default())
            .unwrap();
    let masks: Vec<String> =
        BufReader::new(std::fs::File::from(stdio.stdout)).lines().map(Result::unwrap).collect();
    assert_eq!(masks.len(), 2, "{masks:?}");
    // What this test was started with, such as signals that a shell ignores in the background, is inherited.
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    let bits = |line: &str| u64::from_str_radix(line.split_once(":\t").unwrap().1, 16).unwrap();
    for line in masks {
        let (name, _) = line.split_once(":\t").unwrap();
        let inherited = bits(own.lines().find(|own| own.starts_with(name)).unwrap());
        let mask = bits(&line) & !inherited;
        for signal in [Signal::SIGCHLD, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTERM] {
            assert_eq!(mask >> (signal as u32 - 1) & 1, 0, "{signal} in {name}");
        }
    }
    guardian.end_all(WITHIN).unwrap();
}

#[test]
fn a_target_that_cannot_be_started_is_named_with_the_reason() {
    let cases = [
        (
            "/nowhere/agent",
            "could not start the target `/nowhere/agent`: No such file or directory (os error 2)",
        ),
        ("/etc/passwd", "could not start the target `/etc/passwd`: Permission denied (os error 13)"),
    ];
    for (program, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        let command = target(dir.path(), vec![program.into()]);
        let refused =
            Guardian::start(&guardian_command(), dir.path(), command, &Enclosure::default()).unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }
}

#[test]
fn a_guardian_that_is_none_is_refused_and_named() {
    let cases: [(&[&str], &str); 4] = [
        (&["/nowhere/shakedown"], "No such file or directory (os error 2)"),
        (&["true"], "it ended without a word"),
        (&["sh", "-c", "echo wrong program >&2"], "it is no guardian, it said: wrong program"),
        (&[], "the command is empty"),
    ];
    for (words, found) in cases {
        let dir = tempfile::tempdir().unwrap();
        let command: Vec<OsString> = words.iter().map(OsString::from).collect();
        let argv = vec!["sleep".into(), "600".into()];
        let refused = Guardian::start(&command, dir.path(), target(dir.path(), argv), &Enclosure::default())
            .unwrap_err();
        let program = words.first().copied().unwrap_or_default();
        assert_eq!(refused.to_string(), format!("could not start the guardian `{program}`: {found}"));
    }
}

#[test]
fn a_guardian_that_is_asked_to_terminate_cleans_up_first() {
    let run = Run::of(&["target", "1"]);
    let guardian = run.guardian().identity();
    kill(Pid::from_raw(i32::try_from(guardian.pid).unwrap()), Signal::SIGINT).unwrap();
    kill(Pid::from_raw(i32::try_from(guardian.pid).unwrap()), Signal::SIGTERM).unwrap();
    wait_until("it has ended", || !guardian.is_alive().unwrap());
    assert_none_alive(&run.agents);
    let mut said = String::new();
    run.guardian().reports().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "", "what it ended itself is no news of the target");
}

#[test]
fn the_guardian_is_in_a_session_of_its_own_and_has_one_thread() {
    let run = Run::of(&["target", "1"]);
    let guardian = run.guardian().identity();
    let session = |pid: u32| nix::unistd::getsid(Some(Pid::from_raw(i32::try_from(pid).unwrap()))).unwrap();
    assert_eq!(session(guardian.pid).as_raw().unsigned_abs(), guardian.pid);
    assert_ne!(session(guardian.pid), session(identity(std::process::id()).pid));
    assert_eq!(guardian.stat().unwrap().unwrap().threads, 1);
}
