//! Work that is a program: started for real, waited for, and ended with its worker.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicU64;

use nix::errno::Errno;
use nix::unistd::getpid;

use super::enough::when_enough;
use crate::process::{die_with, hold_none};

/// Runs the program whose name and arguments are separated by NUL bytes; whether it ended with status 0. What is
/// missing to start it is counted and waited for.
pub(super) fn run(argv: &[u8], exhausted: &AtomicU64) -> bool {
    let mut words = argv.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    let Some(program) = words.next() else { return false };
    let me = getpid();
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[expect(unsafe_code, reason = "the program must not outlive its worker, nor inherit its signal mask")]
    // SAFETY: only system calls between fork and exec.
    unsafe {
        command.pre_exec(move || {
            if die_with(me) { hold_none() } else { Err(std::io::Error::other("the worker has ended")) }
        });
    }
    let start = || command.spawn().map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0)));
    when_enough(exhausted, start).is_ok_and(|mut child| child.wait().is_ok_and(|status| status.success()))
}
