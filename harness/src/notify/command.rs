//! A program that is given the notice as one line on its standard input.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::WITHIN;

/// The group of processes of a program. Whatever is left of it when this is dropped is killed and reaped: the
/// harness takes in the orphans of its children, and nothing of a notice should outlive it.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        // Nobody is left where this fails.
        let _ = killpg(self.0, Signal::SIGKILL);
        let of_group = Pid::from_raw(-self.0.as_raw());
        while waitpid(of_group, Some(WaitPidFlag::WNOHANG))
            .is_ok_and(|status| status != WaitStatus::StillAlive)
        {}
    }
}

/// Runs the program and gives it the line; what came of it.
pub(super) async fn tell(argv: &[String], line: &str) -> String {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = match command.process_group(0).spawn() {
        Ok(child) => child,
        Err(e) => return format!("{} could not be started: {e}", argv[0]),
    };
    let group = child.id().and_then(|pid| i32::try_from(pid).ok()).map(|pid| Group(Pid::from_raw(pid)));
    let ended = tokio::time::timeout(WITHIN, give(&mut child, line)).await;
    match ended {
        Ok(Ok(status)) => words(status),
        Ok(Err(e)) => format!("could not be waited for: {e}"),
        Err(_) => {
            drop(group);
            // It was killed; this takes it off the list of processes.
            let _ = child.wait().await;
            format!("killed: it had not ended within {} s", WITHIN.as_secs())
        }
    }
}

async fn give(child: &mut Child, line: &str) -> std::io::Result<ExitStatus> {
    if let Some(mut stdin) = child.stdin.take() {
        // Who does not read what it is told may end well all the same.
        let _ = stdin.write_all(format!("{line}\n").as_bytes()).await;
    }
    child.wait().await
}

fn words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
