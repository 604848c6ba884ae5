//! What an aide's own process does in any role: wait, begin, end in time.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{cpu, memory, processes};

/// Runs an aide to its end. The last argument is how many milliseconds it may live.
pub(crate) fn main(arguments: &[OsString]) -> i32 {
    let words: Option<Vec<&str>> = arguments.iter().map(|a| a.to_str()).collect();
    let Some([role, given @ .., lives_ms]) = words.as_deref() else { return 64 };
    let Ok(lives_ms) = lives_ms.parse() else { return 64 };
    let leave = Leave { deadline: Instant::now() + Duration::from_millis(lives_ms) };
    // What fills a group of a victim must not be what the kernel ends there first.
    if *role != "fill" {
        // Refused only where there is no /proc.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    }
    say("ready");
    if !told_to_begin(&leave) {
        return 0;
    }
    let done = match *role {
        "memory" => memory::take(given, &leave),
        "fill" => memory::fill(given, &leave),
        "cpu" => cpu::burn(given, &leave),
        "processes" => processes::start(given, &leave),
        _ => return 64,
    };
    if done.is_none() {
        return 64;
    }
    leave.wait();
    0
}

/// When to end: when the harness is gone, or the time is over.
pub(super) struct Leave {
    deadline: Instant,
}

impl Leave {
    /// Whether it is time now.
    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.deadline || !matches!(input(Duration::ZERO), Input::Nothing)
    }

    /// Waits until it is time.
    pub(super) fn wait(&self) {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || !matches!(input(left), Input::Nothing) {
                return;
            }
        }
    }
}

enum Input {
    Nothing,
    Word,
    Over,
}

fn told_to_begin(leave: &Leave) -> bool {
    let left = leave.deadline.saturating_duration_since(Instant::now());
    matches!(input(left), Input::Word)
}

fn input(within: Duration) -> Input {
    let stdin = io::stdin();
    let timeout = PollTimeout::try_from(within).unwrap_or(PollTimeout::MAX);
    let mut polled = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    match poll(&mut polled, timeout) {
        Ok(1..) => match stdin.lock().read(&mut [0; 64]) {
            Ok(read) if read > 0 => Input::Word,
            _ => Input::Over,
        },
        _ => Input::Nothing,
    }
}

/// Tells the harness; if it is gone nobody is left to be told.
pub(super) fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(format!("{line}\n").as_bytes()).and_then(|()| stdout.flush());
}
