//! The target as the loop sees it: lines in, lines out.

mod lines;
mod log;

use lines::Lines;
pub(crate) use lines::shown;
pub(crate) use log::tail;

use std::io;

use nix::fcntl::{FcntlArg, fcntl};
use protocol::{Command, Report};
use tokio::net::unix::pipe::{Receiver, Sender};

use crate::error::TargetFailure;

/// How much may wait to be read by the target. It is reached only by a target that does not read at all: what
/// is open at once is bounded by the plan, and a command takes some hundred bytes however many tasks it has.
const MAX_WAITING: usize = 8 << 20;
/// How much is read at once. More than a pipe holds by default, so that it is asked for too.
const CHUNK: usize = 1 << 20;

/// The two ends of the pipes to the target.
#[derive(Debug)]
pub(crate) struct Target {
    stdin: Option<Sender>,
    stdout: Receiver,
    waiting: Vec<u8>,
    lines: Lines,
    chunk: Box<[u8]>,
}

/// What reading came to.
pub(crate) enum Read {
    /// Reports, in order; perhaps none, where a line is not whole yet.
    Reports(Vec<Report>),
    /// The target has closed its output.
    Closed,
    /// What it wrote is no report. The reports before it count.
    Failed(Vec<Report>, TargetFailure),
}

impl Target {
    pub(crate) fn new(stdio: chaos::TargetStdio) -> io::Result<Self> {
        for fd in [&stdio.stdin, &stdio.stdout] {
            // Fewer switches between the two where the kernel allows a bigger pipe; no matter if not.
            let _ = fcntl(fd, FcntlArg::F_SETPIPE_SZ(CHUNK.try_into().unwrap_or(i32::MAX)));
        }
        Ok(Self {
            stdin: Some(Sender::from_owned_fd(stdio.stdin)?),
            stdout: Receiver::from_owned_fd(stdio.stdout)?,
            waiting: Vec::new(),
            lines: Lines::default(),
            chunk: vec![0; CHUNK].into(),
        })
    }

    /// The same for a target that another harness has talked to: what comes before its `attached` may begin in the
    /// middle of a line, and what goes to it begins behind whatever was left unfinished.
    pub(crate) fn of_another(stdio: chaos::TargetStdio) -> io::Result<Self> {
        let mut target = Self::new(stdio)?;
        target.waiting.push(b'\n');
        target.lines = Lines::until_attached();
        Ok(target)
    }

    /// Queues a command; [`Self::push`] hands it over.
    pub(crate) fn tell(&mut self, command: &Command) {
        // A command holds only what JSON can, and a vector takes all of it.
        if serde_json::to_writer(&mut self.waiting, command).is_ok() {
            self.waiting.push(b'\n');
        }
    }

    /// Hands over as much as the pipe takes. A target that has closed its input gets nothing more; its exit
    /// will be told elsewhere.
    pub(crate) fn push(&mut self) -> Result<(), TargetFailure> {
        let Some(stdin) = &self.stdin else { return Ok(()) };
        let mut written = 0;
        while written < self.waiting.len() {
            match stdin.try_write(&self.waiting[written..]) {
                Ok(count) => written += count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.close_input();
                    return Ok(());
                }
            }
        }
        self.waiting.drain(..written);
        match self.waiting.len() {
            waiting if waiting > MAX_WAITING => Err(TargetFailure::StoppedReading { waiting }),
            _ => Ok(()),
        }
    }

    /// No more commands: a well-behaved target ends.
    pub(crate) fn close_input(&mut self) {
        self.stdin = None;
        self.waiting = Vec::new();
    }

    /// Waits until the pipe takes more, if something waits; else for ever.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        writable(self.stdin.as_ref().filter(|_| !self.waiting.is_empty())).await
    }

    /// Waits until the target has written something, and reads it, or takes more (`None`).
    pub(crate) async fn read_or_writable(&mut self) -> io::Result<Option<Read>> {
        let stdin = self.stdin.as_ref().filter(|_| !self.waiting.is_empty());
        tokio::select! {
            biased;
            read = read(&self.stdout, &mut self.chunk) => {
                let count = read?;
                Ok(Some(if count == 0 { Read::Closed } else { self.lines.reports(&self.chunk[..count]) }))
            }
            writable = writable(stdin) => writable.map(|()| None),
        }
    }
}

async fn read(stdout: &Receiver, chunk: &mut [u8]) -> io::Result<usize> {
    loop {
        stdout.readable().await?;
        match stdout.try_read(chunk) {
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            read => return read,
        }
    }
}

async fn writable(stdin: Option<&Sender>) -> io::Result<()> {
    match stdin {
        Some(stdin) => stdin.writable().await,
        None => std::future::pending().await,
    }
}
