//! The processes that the tests need to start, stop and kill: guardian, harness, target, agents.
#![expect(clippy::print_stdout, reason = "what it prints is read by the tests")]
#![allow(clippy::unwrap_used, reason = "a stand-in that fails is a test that fails")]

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::OnceLock;
use std::time::Duration;

use chaos::journal::{Record, Undo};
use chaos::process::{Identity, Stat};
use chaos::{Guardian, Site, Step, TargetCommand, Victim};
use evidence::event::Proof;
use evidence::role::Role;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, sigaction};
use nix::unistd::Pid;
use scenarios::plan::{self, Enclosure, Fault, FaultKind, Victims};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let word = |at: usize| arguments.get(at).and_then(|a| a.to_str()).unwrap_or_default();
    match word(0) {
        "guardian" => return ExitCode::from(u8::try_from(chaos::guardian::main(&arguments[1..])).unwrap()),
        "harness" => harness(Path::new(word(1)), word(2)),
        "tries" => tries(Path::new(word(1)), word(2), word(3)),
        "step" => one_fault(Path::new(word(1)), word(2), word(3)),
        "target" => target(word(1).parse().unwrap()),
        "lively" => lively(word(1).parse().unwrap()),
        "agent" => agent(),
        "daemon" => daemon(),
        "stubborn" => stubborn(),
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

/// A target whose agents do something.
#[expect(clippy::zombie_processes, reason = "the guardian ends them, and this process before")]
fn lively(agents: usize) {
    let own = std::env::current_exe().unwrap();
    let mut pids = Vec::new();
    for _ in 0..agents {
        let mut agent = Command::new(&own).arg("agent").stdout(std::process::Stdio::piped()).spawn().unwrap();
        BufReader::new(agent.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        pids.push(agent.id());
    }
    say_pids(&pids);
    forever();
}

extern "C" fn nothing(_: i32) {}

/// An agent that takes connections, handles a signal, and again and again needs memory and CPU time.
fn agent() {
    let handled = SigAction::new(SigHandler::Handler(nothing), SaFlags::SA_RESTART, SigSet::empty());
    #[expect(unsafe_code, reason = "a handler that does nothing")]
    // SAFETY: the handler touches nothing.
    unsafe { sigaction(Signal::SIGURG, &handled) }.unwrap();
    let name = format!("shakedown-stand-in-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    std::thread::spawn(move || {
        loop {
            // Out of descriptors it waits and tries again.
            match listener.accept() {
                Ok((mut stream, _)) => drop(stream.read(&mut [0; 1])),
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    });
    println!("ready");
    std::io::stdout().flush().unwrap();
    loop {
        // So much is mapped anew each time, and needs pages only where it is touched.
        let mut pages = std::hint::black_box(vec![0_u8; 64 << 20]);
        pages[..1 << 20].iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        std::hint::black_box((0..300_000_u64).fold(0, u64::wrapping_add));
        drop(std::hint::black_box(pages));
        std::thread::sleep(Duration::from_millis(2));
    }
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

/// Does not end when it is asked to.
fn stubborn() {
    let mut asked = SigSet::empty();
    asked.add(Signal::SIGTERM);
    asked.thread_block().unwrap();
    say_pids(&[std::process::id()]);
    forever();
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
    let (guardian, stdio) =
        Guardian::start(&[own, "guardian".into()], run, command, &Enclosure::default()).unwrap();
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

/// The step at which this process says so and hangs.
static HANGS_AT: OnceLock<String> = OnceLock::new();

fn hang_at(step: Step) {
    if HANGS_AT.get().is_some_and(|wanted| *wanted == format!("{step:?}")) {
        say(HANGS_AT.get().unwrap());
        forever();
    }
}

/// A harness that says who is there, waits to be continued, applies and heals one fault, and hangs at `step` or,
/// if the fault has none, in the end.
fn one_fault(run: &Path, fault: &str, step: &str) {
    let fault: Fault = serde_json::from_str(fault).unwrap();
    HANGS_AT.set(step.to_owned()).unwrap();
    let (guardian, victims) = run_of(run, &["lively", "2"]);
    let pids: Vec<String> = victims.iter().map(|victim| victim.pid.to_string()).collect();
    say_line(&format!("{} {} {}", guardian.identity().pid, guardian.target_pid(), pids.join(" ")));
    nix::sys::signal::raise(Signal::SIGSTOP).unwrap();
    let site = Site { steps: Some(hang_at), ..guardian.site(0).unwrap() };
    let injected = chaos::inject(&site, &fault, &victims).unwrap();
    let _ = injected.guard.map(chaos::Guard::heal);
    say_line("over");
    forever();
}

/// A run with a stand-in in this role as its target, and its agents.
fn run_of(run: &Path, role: &[&str]) -> (Guardian, Vec<Victim>) {
    let own = std::env::current_exe().unwrap().into_os_string();
    let mut argv = vec![own.clone()];
    argv.extend(role.iter().map(OsString::from));
    let command = TargetCommand { argv, env: Vec::new(), cwd: None, stderr_file: run.join("target.log") };
    let (guardian, stdio) =
        Guardian::start(&[own, "guardian".into()], run, command, &Enclosure::default()).unwrap();
    let mut line = String::new();
    BufReader::new(std::fs::File::from(stdio.stdout)).read_line(&mut line).unwrap();
    let pids = line.split_whitespace().map(|pid| pid.parse().unwrap());
    (guardian, pids.enumerate().map(|(at, pid)| victim(at, pid)).collect())
}

/// Applies and heals one fault, with few descriptors to begin with, and says what came of it.
fn tries(run: &Path, fault: &str, agents: &str) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 100, hard).unwrap();
    // As a harness is.
    chaos::become_subreaper().unwrap();
    let fault: Fault = serde_json::from_str(fault).unwrap();
    let role = if agents == "2" { "lively" } else { "target" };
    let (guardian, victims) = run_of(run, &[role, agents]);
    let injected = match chaos::inject(&guardian.site(0).unwrap(), &fault, &victims) {
        Ok(injected) => injected,
        Err(why) => return say_line(&why.to_string()),
    };
    let proven = injected.victims.iter().filter(|victim| victim.proof == Proof::Proven).count();
    let healed = injected.guard.map_or("acts once".to_owned(), |guard| format!("{:?}", guard.heal().step));
    assert_eq!(zombies(), 0, "whoever it adopted is buried");
    say_line(&format!("{:?}, {proven} of {} proven, {healed}", injected.step, injected.victims.len()));
}

/// Children of this process that have ended.
fn zombies() -> usize {
    let own = std::process::id();
    let children = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap();
    let stats = children.split_whitespace().filter_map(|pid| Stat::read(pid.parse().unwrap()).unwrap());
    stats.filter(|stat| !stat.is_alive()).count()
}

fn say_line(line: &str) {
    println!("{}", line.trim_end());
    std::io::stdout().flush().unwrap();
}

fn at_step(guardian: Guardian, victims: &[Victim], step: &str) {
    let journal = guardian.journal().unwrap();
    let (kind, point) = step.split_once('_').unwrap_or((step, ""));
    let for_ns = if point == "overdue" { 1_000_000 } else { 3_600_000_000_000 };
    let fault = if kind == "kill" {
        fault(FaultKind::Kill { signal: plan::Signal::Kill, then_kill_ns: None }, 0)
    } else {
        fault(FaultKind::Pause {}, for_ns)
    };
    let site = guardian.site(0).unwrap();
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
    let inject = || chaos::inject(&site, &fault, victims).unwrap();
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
            let refused = chaos::inject(&site, &fault, victims).unwrap_err();
            let healed = injected.guard.unwrap().heal();
            let ended = guardian.end_all(Duration::from_secs(5)).unwrap();
            println!("{:?}, {ended:?}, {refused}", healed.step);
            return;
        }
        other => panic!("no step {other:?}"),
    }
    forever();
}

fn fault(kind: FaultKind, for_ns: u64) -> Fault {
    let victims = Victims { role: Role::Worker, places: Vec::new() };
    Fault::new("one", kind, Some(victims), 0, for_ns)
}

fn say(step: &str) {
    println!("at {step}");
    std::io::stdout().flush().unwrap();
}

fn raw(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap())
}
