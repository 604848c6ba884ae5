//! Processes that serve the target while the guardian lives: copies of the guardian, so that they are in its
//! namespaces with its privileges, and ended by the kernel when it dies.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, fork, getpid, getppid};

use crate::process::Identity;

/// How the line of a helper begins that has made everything.
const READY: &str = "ready ";

/// Tells the guardian that all is made.
pub(crate) struct Ready(OwnedFd);

impl Ready {
    /// In one line, what the guardian should know of it.
    pub(crate) fn tell(self, what: &str) {
        // A guardian that is gone takes this process with it.
        let _ = File::from(self.0).write_all(format!("{READY}{what}\n").as_bytes());
    }
}

/// Starts a helper. `work` runs in it, calls [`Ready::tell`] when all is made, and goes on until the end. The
/// calling process must have one thread.
///
/// The result comes with what it told; the error is what it found, or what kept it from being started.
pub(crate) fn start(
    name: &'static str,
    log: &Path,
    work: impl FnOnce(Ready) -> Result<(), String>,
) -> Result<(Identity, String), String> {
    let failed = |e: &dyn std::fmt::Display| format!("could not start the process `{name}`: {e}");
    let log = File::options().append(true).create(true).open(log).map_err(|e| failed(&e))?;
    let nothing = File::options().read(true).write(true).open("/dev/null").map_err(|e| failed(&e))?;
    let (told, telling) = nix::unistd::pipe().map_err(|e| failed(&e))?;
    let guardian = getpid();
    #[expect(unsafe_code, reason = "a copy of this process is what is wanted")]
    // SAFETY: this process has one thread, so its copy may go on with any code.
    match unsafe { fork() }.map_err(|e| failed(&e))? {
        ForkResult::Child => {
            drop(told);
            let status = catch_unwind(AssertUnwindSafe(|| {
                let begun = (|| -> nix::Result<()> {
                    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
                    dup2_stdin(&nothing)?;
                    dup2_stdout(&nothing)?;
                    dup2_stderr(&log)
                })();
                // Asked after the signal was ordered: a guardian that died before would never send it.
                if begun.is_err() || getppid() != guardian {
                    return 70;
                }
                // Only for whoever looks at a list of processes.
                let _ = std::fs::write("/proc/self/comm", name);
                let telling_again = telling.try_clone();
                match work(Ready(telling)) {
                    Ok(()) => 0,
                    Err(found) => {
                        let _ = telling_again.map(|t| File::from(t).write_all(found.as_bytes()));
                        70
                    }
                }
            }))
            .unwrap_or(70);
            #[expect(unsafe_code, reason = "nothing of the guardian may be run at the exit of its copy")]
            // SAFETY: ends the process at once.
            unsafe {
                libc::_exit(status)
            }
        }
        ForkResult::Parent { child } => {
            drop(telling);
            let said = first_line(told).map_err(|e| failed(&e))?;
            let Some(told) = said.strip_prefix(READY).and_then(|s| s.strip_suffix('\n')) else {
                let _ = nix::sys::wait::waitpid(child, None);
                return Err(if said.is_empty() { failed(&"it ended without a word") } else { said });
            };
            let pid = u32::try_from(child.as_raw()).unwrap_or_default();
            let process = Identity::of(pid).map_err(|e| failed(&e))?;
            Ok((process.ok_or_else(|| failed(&"it ended at once"))?, told.to_owned()))
        }
    }
}

/// Up to the first end of a line or the end of the stream.
fn first_line(from: OwnedFd) -> io::Result<String> {
    let mut said = String::new();
    BufReader::new(File::from(from)).read_line(&mut said)?;
    Ok(said)
}
