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

/// Runs the program and gives it the line; what came of it, which is an error unless it ended with status 0.
pub(super) async fn tell(argv: &[String], line: &str) -> Result<String, String> {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = match command.process_group(0).spawn() {
        Ok(child) => child,
        Err(e) => return Err(format!("{} could not be started: {e}", argv[0])),
    };
    let group = child.id().and_then(|pid| i32::try_from(pid).ok()).map(|pid| Group(Pid::from_raw(pid)));
    let ended = tokio::time::timeout(WITHIN, give(&mut child, line)).await;
    match ended {
        Ok(Ok(status)) if status.success() => Ok(words(status)),
        Ok(Ok(status)) => Err(words(status)),
        Ok(Err(e)) => Err(format!("could not be waited for: {e}")),
        Err(_) => {
            drop(group);
            // It was killed; this takes it off the list of processes.
            let _ = child.wait().await;
            Err(format!("killed: it had not ended within {} s", WITHIN.as_secs()))
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use super::*;

    /// Looks until there is something to be seen. Not asynchronous: on a thread of its own it keeps the paused clock of a
    /// test still.
    fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "{what}: not within a minute");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Two process ids, a line each, once both are there.
    fn pids(path: &Path) -> Option<Vec<u32>> {
        let text = std::fs::read_to_string(path).ok()?;
        let pids: Vec<u32> = text.split_terminator('\n').filter_map(|line| line.parse().ok()).collect();
        (pids.len() == 2 && text.ends_with('\n')).then_some(pids)
    }

    /// Whether it does not run any more; who takes in orphans may not have reaped it yet.
    fn is_over(pid: u32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .map_or(true, |stat| stat.rsplit(") ").next().is_some_and(|state| state.starts_with('Z')))
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_hangs_is_killed_with_all_that_it_started_and_that_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pids");
        // It ignores what can be ignored.
        let script =
            format!("trap '' TERM INT HUP; sleep 600 & {{ echo $$; echo $!; }} > '{}'; wait", path.display());
        let argv = ["sh".to_owned(), "-c".to_owned(), script];
        let started = tokio::task::spawn_blocking(move || wait_for("two processes", || pids(&path)));
        let (found, started) = tokio::join!(tell(&argv, "{}"), started);
        assert_eq!(found, Err("killed: it had not ended within 10 s".to_owned()));
        for pid in started.unwrap() {
            wait_for("the end of a process", || is_over(pid).then_some(()));
        }
    }
}
