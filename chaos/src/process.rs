//! One process, as `/proc/PID/stat` tells of it.

use std::io;

use serde::{Deserialize, Serialize};

/// A process that cannot be taken for another one: process ids come round again, but not with the same start
/// time within one boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    /// Process id.
    pub pid: u32,
    /// When it started, in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub starttime: u64,
}

impl Identity {
    /// The process that has this id now; `None` if there is none.
    ///
    /// # Errors
    /// If `/proc` cannot be read, which says nothing about the process.
    pub fn of(pid: u32) -> io::Result<Option<Self>> {
        Ok(Stat::read(pid)?.map(|stat| Self { pid, starttime: stat.starttime }))
    }

    /// The calling process.
    ///
    /// # Errors
    /// If `/proc` cannot be read.
    pub fn own() -> io::Result<Self> {
        Self::of(std::process::id())?.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Its state now; `None` if it is gone or another process has its id.
    ///
    /// # Errors
    /// If `/proc` cannot be read.
    pub fn stat(self) -> io::Result<Option<Stat>> {
        Ok(Stat::read(self.pid)?.filter(|stat| stat.starttime == self.starttime))
    }

    /// Whether it runs, sleeps or is stopped: it is there and is no zombie.
    ///
    /// # Errors
    /// If `/proc` cannot be read.
    pub fn is_alive(self) -> io::Result<bool> {
        Ok(self.stat()?.is_some_and(|stat| stat.is_alive()))
    }
}

/// What is used here of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// `R`, `S`, `D`, `T` (stopped), `t` (traced), `Z` (zombie), …
    pub state: u8,
    /// Its parent.
    pub ppid: u32,
    /// Its threads.
    pub threads: u64,
    /// Major page faults since its start: pages that it touched and that had to be read from a disk.
    pub major_faults: u64,
    /// CPU time since its start, in clock ticks, user and system.
    pub cpu_ticks: u64,
    /// When it started, in clock ticks since boot.
    pub starttime: u64,
    /// How it ended, in the form of `wait(2)`; means something for zombies only.
    pub wait_status: i32,
}

impl Stat {
    /// Reads it; `None` if there is no such process.
    ///
    /// # Errors
    /// If `/proc` cannot be read, which says nothing about the process.
    pub fn read(pid: u32) -> io::Result<Option<Self>> {
        let bytes = match std::fs::read(format!("/proc/{pid}/stat")) {
            Ok(bytes) => bytes,
            Err(e) if is_gone(&e) => return Ok(None),
            Err(e) => return Err(e),
        };
        Self::parse(&bytes).map(Some).ok_or_else(|| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat is not understood: {text}"))
        })
    }

    /// Takes the file's text apart without allocating; `None` if it has another form.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        // The name stands in parentheses and may hold any byte, so the last closing one ends it.
        let after_name = text.iter().rposition(|b| *b == b')')? + 1;
        let mut fields = text[after_name..].split(u8::is_ascii_whitespace).filter(|f| !f.is_empty());
        let state = *fields.next()?.first()?;
        let ppid = number(fields.next()?)?;
        let major_faults = number(fields.nth(7)?)?;
        let user = number(fields.nth(1)?)?;
        let system = number(fields.next()?)?;
        let threads = number(fields.nth(4)?)?;
        let starttime = number(fields.nth(1)?)?;
        let wait_status = number(fields.nth(29)?)?;
        Some(Self {
            state,
            ppid: u32::try_from(ppid).ok()?,
            threads,
            major_faults,
            cpu_ticks: user.saturating_add(system),
            starttime,
            wait_status: i32::try_from(wait_status).ok()?,
        })
    }

    /// Whether the process is no zombie. One whose first thread has ended lives on in the others.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X') || self.threads > 1
    }

    /// Whether it is stopped by a signal.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.state == b'T'
    }
}

/// The threads of a process; none if it is gone.
pub(crate) fn threads(process: Identity) -> io::Result<Vec<u32>> {
    if !process.is_alive()? {
        return Ok(Vec::new());
    }
    let entries = match std::fs::read_dir(format!("/proc/{}/task", process.pid)) {
        Ok(entries) => entries,
        Err(e) if is_gone(&e) => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// The children of a process that are alive, whichever of its threads started them.
pub(crate) fn children(process: Identity) -> io::Result<Vec<Identity>> {
    let mut found = Vec::new();
    for tid in threads(process)? {
        // A thread that has ended has no children any more.
        let told = std::fs::read_to_string(format!("/proc/{}/task/{tid}/children", process.pid));
        for pid in told.unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()) {
            if let Some(stat) = Stat::read(pid)?.filter(Stat::is_alive) {
                found.push(Identity { pid, starttime: stat.starttime });
            }
        }
    }
    Ok(found)
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// Whether a file below `/proc/PID` could not be read because the process is gone: one that ends while its
/// files are read answers `ESRCH`, one that ended before, `ENOENT`.
#[must_use]
pub fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// How a process ended, in the words of the evidence: `exit 0`, `signal 9`.
#[must_use]
pub fn status_words(wait_status: i32) -> String {
    if libc::WIFSIGNALED(wait_status) {
        format!("signal {}", libc::WTERMSIG(wait_status))
    } else {
        format!("exit {}", libc::WEXITSTATUS(wait_status))
    }
}

/// The id of this boot of the machine: with another one, every process of before is gone.
///
/// # Errors
/// If `/proc` cannot be read.
pub fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_fields_are_found_behind_a_name_that_looks_like_fields() {
        let mut text = b"42 (a) S 7 (b) T 7 1 1 0 -1 4194304 1 2 3 4 10 20 0 0 20 0 3 0 987654 ".to_vec();
        // Fields 23 to 51, then 52, the exit code.
        text.extend("0 ".repeat(29).as_bytes());
        text.extend(b"9\n");
        let stat = Stat::parse(&text).unwrap();
        let expected = Stat {
            state: b'T',
            ppid: 7,
            threads: 3,
            major_faults: 3,
            cpu_ticks: 30,
            starttime: 987_654,
            wait_status: 9,
        };
        assert_eq!(stat, expected);
    }

    #[test]
    fn this_process_is_alive_and_has_this_parent() {
        let own = Identity::own().unwrap();
        let stat = own.stat().unwrap().unwrap();
        assert!(own.is_alive().unwrap());
        assert_eq!(stat.ppid, std::os::unix::process::parent_id());
    }

    #[test]
    fn the_same_id_with_another_start_is_another_process() {
        let own = Identity::own().unwrap();
        assert!(!Identity { starttime: own.starttime + 1, ..own }.is_alive().unwrap());
    }

    #[test]
    fn an_end_is_worded_as_in_the_evidence() {
        assert_eq!(status_words(9), "signal 9");
        assert_eq!(status_words(3 << 8), "exit 3");
        assert_eq!(status_words(0x8b), "signal 11", "with the core flag");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Stat::parse(&text);
        }
    }
}
