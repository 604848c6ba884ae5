//! The guardian's own process: small, with one thread.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::again::Obeyed;
use super::{Order, Report, TargetCommand, TargetStdio};
use crate::clock::monotonic_ns;
use crate::enclosure::Made;
use crate::find::{MARK, below, mark};
use crate::journal::{By, Follower, Journal, OpenFaults, Record};
use crate::pidfd::PidFd;
use crate::process::{Identity, status_words};
use crate::stop::stop_all;
use crate::undo::undo_all;

/// How often the journal is looked at while all is quiet.
const LOOK_EVERY: u16 = 250;
/// How long ending everything may take before it is given up and left to `heal`.
const END_WITHIN: Duration = Duration::from_secs(15);
/// Reports that the harness has not read are kept up to this many bytes.
const MAX_UNREAD: usize = 1 << 20;

/// Runs a guardian to its end, or a process that helps a fault. `arguments` are those that were appended to the
/// guardian's command. The result is the exit status: 0 after a clean end, 64 for bad arguments, 69 if
/// something could not be had, 70 if something of the run is left.
#[must_use]
pub fn main(arguments: &[OsString]) -> i32 {
    if let [first, role @ ..] = arguments
        && first == crate::aide::ROLE
    {
        return crate::aide::main(role);
    }
    let order = match Order::from_arguments(arguments) {
        Ok(order) => order,
        Err(found) => return refuse(64, &Report::NotStarted { found }),
    };
    match Watch::begin(&order) {
        Ok(Some(watch)) => watch.run(),
        Ok(None) => 0,
        Err(why) => refuse(69, &why),
    }
}

fn refuse(code: i32, why: &Report) -> i32 {
    // Standard error is the stream to the harness; if it is gone nobody is left to tell.
    let _ = io::stderr().write_all(&why.to_line());
    code
}

/// The state of a guardian that watches a harness and has no target yet.
struct Post {
    own: Identity,
    harness: PidFd,
    journal: Journal,
    follower: Follower,
}

impl Post {
    /// `None` if the harness has died.
    fn take(order: &Order) -> Result<Option<Self>, String> {
        let own = Identity::own().map_err(|e| format!("could not read its own start time: {e}"))?;
        // Refused where it leads a session already, which is as good.
        let _ = nix::unistd::setsid();
        nix::sys::prctl::set_child_subreaper(true)
            .map_err(|e| format!("could not become the parent of orphans: {e}"))?;
        let Some(harness) =
            living_parent(order.harness).map_err(|e| format!("could not watch the harness: {e}"))?
        else {
            return Ok(None);
        };
        let journal = Journal::open(&order.run).map_err(|e| e.to_string())?;
        let follower = Follower::new(&order.run).map_err(|e| e.to_string())?;
        // Before the target is there, so that whoever comes later knows its mark. It need not outlive the
        // machine, for no process does.
        journal.append(&Record::Guarding { guardian: own }).map_err(|e| e.to_string())?;
        Ok(Some(Self { own, harness, journal, follower }))
    }
}

/// What a guardian woke up for.
enum Woken {
    /// Nothing that ends it.
    Goes,
    /// The run is over.
    Over,
    /// Its harness is gone without having said that the run is over.
    Alone,
}

/// The state of a guardian that has a target.
pub(super) struct Watch {
    pub(super) own: Identity,
    pub(super) target: Identity,
    /// How it is started.
    pub(super) command: TargetCommand,
    pub(super) made: Made,
    pub(super) harness: PidFd,
    pub(super) stream: UnixStream,
    pub(super) children: SignalFd,
    pub(super) journal: Journal,
    follower: Follower,
    open: OpenFaults,
    pub(super) unsent: VecDeque<u8>,
    /// What a harness has to say that wants to go on with this run.
    pub(super) claim: Option<String>,
    pub(super) run: PathBuf,
    /// The harness' ends of the target's input and output, where the target is to be kept.
    pub(super) kept: Option<TargetStdio>,
    /// How the target's first process ended, if it did.
    pub(super) exited: Option<String>,
    /// Whether no harness is there.
    pub(super) alone: bool,
    /// Whether the run is being ended: what ends now was ended by this process and is no news of the target.
    ending: bool,
    /// Whether the target was ended to be started again, and how its first process ended.
    pub(super) restarts: bool,
    pub(super) status: Option<String>,
}

impl Watch {
    /// Makes what the target is to find and starts it; `None` if the harness died before.
    fn begin(order: &Order) -> Result<Option<Self>, Report> {
        let not_started = |found| Report::NotStarted { found };
        let Some(post) = Post::take(order).map_err(not_started)? else { return Ok(None) };
        // While this process has one thread and nothing of the target is there.
        let mut made = Made::new(&order.enclosure, post.own, &order.run, &order.target.stderr_file)
            .map_err(|found| Report::NotEnclosed { found })?;
        match launch(order, post.own, &made) {
            Ok(target) => Self::over(post, order, target, made).map(Some).map_err(not_started),
            Err(found) => {
                made.dismantle();
                Err(not_started(found))
            }
        }
    }

    fn over(post: Post, order: &Order, target: Identity, made: Made) -> Result<Self, String> {
        let Post { own, harness, journal, follower } = post;
        let stream = stream_to_harness().map_err(|e| format!("could not talk to the harness: {e}"))?;
        // After the target was started, for it would inherit what is blocked. It is looked at once anyway, so
        // no signal that came before is missed.
        let children = children_signals().map_err(|e| format!("could not listen for signals: {e}"))?;
        let mut watch = Self {
            own,
            target,
            command: order.target.clone(),
            made,
            harness,
            stream,
            children,
            journal,
            follower,
            open: OpenFaults::default(),
            unsent: VecDeque::new(),
            claim: order.claim.clone(),
            run: order.run.clone(),
            kept: None,
            exited: None,
            alone: false,
            ending: false,
            restarts: false,
            status: None,
        };
        // The target is there and will be ended whatever the disk says.
        let _ = watch.journal.append(&Record::Launched { target });
        watch.report(&Report::Started { guardian: own, target });
        Ok(watch)
    }

    fn run(mut self) -> i32 {
        loop {
            match self.wait() {
                Woken::Goes => {}
                Woken::Alone if self.keep_until_taken_over() => {}
                Woken::Alone | Woken::Over => break,
            }
            self.reap();
            self.undo_overdue();
        }
        self.reap();
        self.ending = true;
        let failed = self.undo_open();
        let ended = {
            let deadline = Instant::now() + END_WITHIN;
            let own = self.own.pid;
            self.made.end_helpers();
            stop_all(|| below(own), |_| self.reap(), deadline)
        };
        self.made.dismantle();
        self.reap();
        self.send();
        match ended {
            Ok(ended) => {
                let record = Record::Ended {
                    by: By::Guardian,
                    left_behind: ended.left_behind,
                    still_alive: ended.still_alive,
                };
                let noted = self.journal.append_synced(&record).is_ok();
                if noted && failed.is_empty() && ended.still_alive == 0 { 0 } else { 70 }
            }
            Err(_) => 70,
        }
    }

    /// Sleeps until something happens.
    fn wait(&mut self) -> Woken {
        let wanted = if self.unsent.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
        let mut polled = [
            PollFd::new(self.harness.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.stream.as_fd(), PollFlags::POLLIN | wanted),
            PollFd::new(self.children.as_fd(), PollFlags::POLLIN),
        ];
        // An interrupted or failed wait is as one that timed out: everything is looked at anyway.
        let _ = poll(&mut polled, PollTimeout::from(LOOK_EVERY));
        let died = polled[0].any().unwrap_or(false);
        self.send();
        let mut obeyed = self.obey();
        // What a harness had asked for before it died is done.
        while died && obeyed == Obeyed::Done {
            obeyed = self.obey();
        }
        match obeyed {
            _ if self.asked_to_end() => Woken::Over,
            Obeyed::Over => Woken::Over,
            Obeyed::Ended => Woken::Alone,
            Obeyed::Nothing if died => Woken::Alone,
            Obeyed::Done | Obeyed::Nothing => Woken::Goes,
        }
    }

    /// SIGTERM asks; SIGCHLD only wakes. The others that a terminal sends are swallowed: the harness gets
    /// them too, and decides.
    pub(super) fn asked_to_end(&mut self) -> bool {
        let mut asked = false;
        while let Ok(Some(signal)) = self.children.read_signal() {
            asked |= signal.ssi_signo == Signal::SIGTERM as u32;
        }
        asked
    }

    /// Undoes everything that is in effect; what could not be undone.
    pub(super) fn undo_open(&mut self) -> Vec<String> {
        self.look_at_the_journal();
        let faults = self.open.take_all();
        undo_all(faults, &self.journal, By::Guardian)
    }

    fn look_at_the_journal(&mut self) {
        // A journal that cannot be read keeps nobody from ending the run.
        for record in self.follower.catch_up().unwrap_or_default() {
            self.open.see(&record);
        }
    }

    fn undo_overdue(&mut self) {
        self.look_at_the_journal();
        let overdue = self.open.take_overdue(monotonic_ns());
        if !overdue.is_empty() {
            let failed = undo_all(overdue, &self.journal, By::Guardian);
            self.report(&Report::Overdue { failed });
        }
    }

    /// Takes the status of every child that has ended and tells it.
    pub(super) fn reap(&mut self) {
        let mut orphans = Vec::new();
        let mut target = None;
        while let Some((pid, status)) = reap_one() {
            if pid == self.target.pid {
                target = Some(status_words(status));
            } else if !self.made.ended(pid) {
                orphans.push((pid, status_words(status)));
            }
        }
        if self.restarts {
            self.status = self.status.take().or(target);
            return;
        }
        if self.ending {
            return;
        }
        self.exited = target.clone().or(self.exited.take());
        if self.alone {
            return;
        }
        if let Some(status) = target {
            self.report(&Report::TargetExited { status });
        }
        if !orphans.is_empty() {
            self.report(&Report::OrphansExited { orphans });
        }
    }

    pub(super) fn report(&mut self, report: &Report) {
        let line = report.to_line();
        if self.unsent.len() + line.len() <= MAX_UNREAD {
            self.unsent.extend(line);
        }
        self.send();
    }

    /// Sends what the harness can take now.
    fn send(&mut self) {
        while !self.unsent.is_empty() {
            match self.stream.write(self.unsent.make_contiguous()) {
                Ok(sent) if sent > 0 => drop(self.unsent.drain(..sent)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                // Full, or nobody reads any more, which the other descriptors tell.
                _ => return,
            }
        }
    }
}

/// One child that has ended, and its status in the form of `wait(2)`.
#[expect(unsafe_code, reason = "nix loses the status of a child that a real-time signal ended")]
fn reap_one() -> Option<(u32, i32)> {
    let mut status = 0;
    // SAFETY: the pointer is to an integer that outlives the call.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    u32::try_from(pid).ok().filter(|pid| *pid > 0).map(|pid| (pid, status))
}

/// Blocks what is read through the descriptor.
fn children_signals() -> nix::Result<SignalFd> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTERM] {
        signals.add(signal);
    }
    signals.thread_block()?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// Opens the harness; `None` if it is not our parent (any more).
fn living_parent(harness: Identity) -> io::Result<Option<PidFd>> {
    let Some(opened) = PidFd::of(harness)? else { return Ok(None) };
    // Asked after opening: a parent that is still ours then is the one that was opened.
    Ok((std::os::unix::process::parent_id() == harness.pid).then_some(opened))
}

fn stream_to_harness() -> io::Result<UnixStream> {
    let stream = UnixStream::from(io::stderr().as_fd().try_clone_to_owned()?);
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// How the target is started: its errors in its log, marked as one of this run, where it belongs.
pub(super) fn target_command(wanted: &TargetCommand, own: Identity, made: &Made) -> Result<Command, String> {
    let log =
        File::options().append(true).create(true).open(&wanted.stderr_file).map_err(|e| {
            format!("could not open {} for what it writes: {e}", wanted.stderr_file.display())
        })?;
    let mut command = Command::new(&wanted.argv[0]);
    command.args(&wanted.argv[1..]).envs(wanted.env.iter().cloned()).env(MARK, mark(own)).stderr(log);
    made.place(&mut command);
    if let Some(cwd) = &wanted.cwd {
        command.current_dir(cwd);
    }
    Ok(command)
}

/// Starts the target with our own standard input and output, and lets go of them.
fn launch(order: &Order, own: Identity, made: &Made) -> Result<Identity, String> {
    let mut command = target_command(&order.target, own, made)?;
    let child = command.spawn().map_err(|e| e.to_string())?;
    let started = (|| -> io::Result<Identity> {
        let nothing = File::options().read(true).write(true).open("/dev/null")?;
        nix::unistd::dup2_stdin(&nothing)?;
        nix::unistd::dup2_stdout(&nothing)?;
        Identity::of(child.id())?.ok_or_else(|| ErrorKind::NotFound.into())
    })();
    started.map_err(|e| format!("it was started but cannot be watched: {e}"))
}
