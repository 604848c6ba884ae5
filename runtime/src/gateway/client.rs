//! The harness's side: lines in from standard input, lines out to standard output.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;

use nix::libc;
use protocol::{Command, MAX_LINE, Report};

/// With more than this unread by the harness, no more of its commands are taken.
const BEHIND: usize = 1 << 20;

/// What came in.
#[derive(Debug)]
pub(super) enum Incoming {
    Command(Box<Command>),
    /// A line that is no command: why.
    Bad(String),
    /// The harness has closed its end.
    End,
}

/// Both directions.
#[derive(Debug)]
pub(super) struct Client {
    input: File,
    output: File,
    partial: Vec<u8>,
    outgoing: Vec<u8>,
    sent: usize,
    scratch: Vec<u8>,
    overlong: bool,
    broken: bool,
}

impl Client {
    /// On this process's standard input and output.
    pub(super) fn on_stdio() -> std::io::Result<Self> {
        let input = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
        // Opened anew, so that writing without blocking changes nothing for others that share it. What cannot
        // be opened anew (a socket) is written to as it is.
        let output =
            match OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open("/proc/self/fd/1") {
                Ok(own) if is_pipe(&own) => own,
                _ => File::from(std::io::stdout().as_fd().try_clone_to_owned()?),
            };
        Ok(Self {
            input,
            output,
            partial: Vec::new(),
            outgoing: Vec::new(),
            sent: 0,
            scratch: Vec::new(),
            overlong: false,
            broken: false,
        })
    }

    pub(super) fn input(&self) -> &File {
        &self.input
    }

    pub(super) fn output(&self) -> &File {
        &self.output
    }

    /// Reads what is there, which must be something, and tells what it was.
    pub(super) fn read(&mut self) -> Vec<Incoming> {
        self.scratch.resize(64 * 1024, 0);
        let n = match self.input.read(&mut self.scratch) {
            Ok(n) => n,
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {
                return Vec::new();
            }
            Err(_) => 0,
        };
        if n == 0 {
            return vec![Incoming::End];
        }
        let mut incoming = Vec::new();
        let mut rest = &self.scratch[..n];
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
            if !std::mem::take(&mut self.overlong) {
                incoming.extend(parse(&self.partial));
            }
            self.partial.clear();
        }
        self.partial.extend_from_slice(rest);
        if self.partial.len() > MAX_LINE {
            if !std::mem::replace(&mut self.overlong, true) {
                incoming.push(Incoming::Bad(format!("a line is longer than {MAX_LINE} bytes")));
            }
            self.partial.clear();
        }
        incoming
    }

    /// Puts a line on its way.
    pub(super) fn report(&mut self, report: &Report) {
        serde_json::to_writer(&mut self.outgoing, report).expect("a report is plain data");
        self.outgoing.push(b'\n');
    }

    /// Writes as much as the harness takes; whether something is left.
    pub(super) fn flush(&mut self) -> bool {
        while self.sent < self.outgoing.len() && !self.broken {
            match self.output.write(&self.outgoing[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(_) => self.broken = true,
            }
        }
        self.outgoing.clear();
        self.sent = 0;
        false
    }

    /// Whether nobody reads any more.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether the harness reads too slowly to be given more to answer.
    pub(super) fn is_behind(&self) -> bool {
        self.outgoing.len() - self.sent > BEHIND
    }

    /// Writes all, however long it takes.
    pub(super) fn flush_all(&mut self) {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        while self.flush() {
            let mut fds = [PollFd::new(self.output.as_fd(), PollFlags::POLLOUT)];
            let _ = poll(&mut fds, PollTimeout::from(100u8));
        }
    }
}

fn is_pipe(file: &impl AsFd) -> bool {
    use nix::sys::stat::{SFlag, fstat};
    fstat(file).is_ok_and(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFIFO)
}

fn parse(line: &[u8]) -> Option<Incoming> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    Some(match serde_json::from_slice(line) {
        Ok(command) => Incoming::Command(Box::new(command)),
        Err(error) => Incoming::Bad(format!("a line is not a command: {error}")),
    })
}
