//! Work that is a program: started for real, waited for, and ended with its worker.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::unistd::getpid;

use crate::process::{die_with, hold_none};

/// Runs the program whose name and arguments are separated by NUL bytes; whether it ended with status 0.
pub(super) fn run(argv: &[u8]) -> bool {
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
    command.status().is_ok_and(|status| status.success())
}
