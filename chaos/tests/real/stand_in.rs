//! The processes that the tests need to start, stop and kill: guardian, harness, target, agents.
#![expect(clippy::print_stdout, reason = "what it prints is read by the tests")]
#![allow(clippy::unwrap_used, reason = "a stand-in that fails is a test that fails")]

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use chaos::journal::{Record, Undo};
use chaos::process::Identity;
use chaos::{Guardian, TargetCommand, Victim};
use evidence::event::Level;
use evidence::role::Role;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;
use scenarios::plan::{self, Fault, FaultKind, Victims, When};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let word = |at: usize| arguments.get(at).and_then(|a| a.to_str()).unwrap_or_default();
    match word(0) {
        "guardian" => return ExitCode::from(u8::try_from(chaos::guardian::main(&arguments[1..])).unwrap()),
        "harness" => harness(Path::new(word(1)), word(2)),
        "target" => target(word(1).parse().unwrap()),
        "daemon" => daemon(),
        "graceful" => {
            graceful();
            return ExitCode::from(3);
        }
        other => panic!("no role {other}"),
    }
    ExitCode::SUCCESS
}

/// Starts agents, says who they are, and then cares for nothing: not for the end of its input, not for the
/// end of its children.
fn target(agents: usize) {
    let mut pids = Vec::new();
    for _ in 0..agents {
        pids.push(Command::new("sleep").arg("600").spawn().unwrap().id());
    }
    say_pids(&pids);
    forever();
}

/// An agent in a session of its own whose parent has ended.
fn daemon() {
    let own = std::env::current_exe().unwrap();
    if std::env::args().nth(2).is_none() {
        // The one that the target starts: starts the next and ends.
        let mut middle = Command::new(own).args(["daemon", "middle"]).spawn().unwrap();
        middle.wait().unwrap();
        forever();
    }
    nix::unistd::setsid().unwrap();
    say_pids(&[Command::new("sleep").arg("600").spawn().unwrap().id()]);
}

/// Ends by itself when it is asked to.
fn graceful() {
    let mut asked = SigSet::empty();
    asked.add(Signal::SIGTERM);
    asked.thread_block().unwrap();
    say_pids(&[std::process::id()]);
    asked.wait().unwrap();
}

fn say_pids(pids: &[u32]) {
    let words: Vec<String> = pids.iter().map(u32::to_string).collect();
    println!("{}", words.join(" "));
    std::io::stdout().flush().unwrap();
}

fn forever() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// A harness that gets as far as `step` and then hangs, until it is killed.
fn harness(run: &Path, step: &str) {
    let own = std::env::current_exe().unwrap().into_os_string();
    if step == "guardian_killed" {
        chaos::become_subreaper().unwrap();
    }
    let command = TargetCommand {
        argv: vec![own.clone(), "target".into(), "3".into()],
        env: Vec::new(),
        cwd: None,
        stderr_file: run.join("target.log"),
    };
    let (guardian, stdio) = Guardian::start(&[own, "guardian".into()], run, command).unwrap();
    let mut line = String::new();
    BufReader::new(std::fs::File::from(stdio.stdout)).read_line(&mut line).unwrap();
    let victims: Vec<Victim> =
        line.split_whitespace().enumerate().map(|(at, pid)| victim(at, pid.parse().unwrap())).collect();
    at_step(guardian, &victims, step);
}

fn victim(at: usize, pid: u32) -> Victim {
    let starttime = Identity::of(pid).unwrap().unwrap().starttime;
    Victim { agent: u32::try_from(at).unwrap(), role: Role::Worker, pid, starttime }
}

fn at_step(guardian: Guardian, victims: &[Victim], step: &str) {
    let journal = guardian.journal().unwrap();
    let (kind, point) = step.split_once('_').unwrap_or((step, ""));
    let for_ns = if point == "overdue" { 1_000_000 } else { 3_600_000_000_000 };
    let fault = fault(if kind == "kill" {
        FaultKind::Kill { signal: plan::Signal::Kill }
    } else {
        FaultKind::Pause { for_ns }
    });
    let undo: Vec<Undo> = victims
        .iter()
        .filter(|_| kind == "pause")
        .map(|v| Undo::Continue { process: Identity { pid: v.pid, starttime: v.starttime } })
        .collect();
    let prepare = Record::Prepare {
        fault: fault.id.clone(),
        kind: fault.kind.name().to_owned(),
        undo,
        expires_ns: u64::MAX,
    };
    let inject = || chaos::inject(&guardian.scope(), &journal, &fault, victims, 0).unwrap();
    let signal = |signal| victims.iter().for_each(|v| kill(raw(v.pid), signal).unwrap());
    match (kind, point) {
        ("idle", _) => say(step),
        (_, "prepared") => {
            journal.append_synced(&prepare).unwrap();
            say(step);
        }
        (_, "signalled") => {
            journal.append_synced(&prepare).unwrap();
            signal(if kind == "kill" { Signal::SIGKILL } else { Signal::SIGSTOP });
            say(step);
        }
        (_, "applied" | "overdue") => {
            let _injected = inject();
            say(step);
            forever();
        }
        ("pause", "continued") => {
            let _injected = inject();
            signal(Signal::SIGCONT);
            say(step);
            forever();
        }
        ("churn", _) => {
            say(step);
            loop {
                let _ = inject().guard.unwrap().heal();
            }
        }
        ("guardian", "killed") => {
            let injected = inject();
            kill(raw(guardian.identity().pid), Signal::SIGKILL).unwrap();
            let died = guardian.died().unwrap();
            poll(&mut [PollFd::new(died.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
            let refused = chaos::inject(&guardian.scope(), &journal, &fault, victims, 0).unwrap_err();
            let healed = injected.guard.unwrap().heal();
            let ended = guardian.end_all(Duration::from_secs(5)).unwrap();
            println!("{:?}, {ended:?}, {refused}", healed.step);
            return;
        }
        other => panic!("no step {other:?}"),
    }
    forever();
}

fn fault(kind: FaultKind) -> Fault {
    Fault {
        id: "one".to_owned(),
        kind,
        victims: Victims { role: Role::Worker, places: Vec::new() },
        at_ns: 0,
        when: When::Due {},
        requires: Level::E1,
    }
}

fn say(step: &str) {
    println!("at {step}");
    std::io::stdout().flush().unwrap();
}

fn raw(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap())
}
