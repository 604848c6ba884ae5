//! One agent's part of the table.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::Place;

/// What an agent is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum State {
    /// It has no process.
    Dead = 0,
    /// It has a process that is not attached yet.
    Starting = 1,
    /// It is attached and can take work.
    Ready = 2,
    /// Its epoch was ended while its process lives; it will notice and join again.
    Fenced = 3,
}

/// One agent's part of the table.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub(crate) struct Slot {
    pid: AtomicU32,
    state: AtomicU32,
    epoch: AtomicU32,
    adopted: AtomicU32,
    parent: AtomicU64,
    /// When its process was forked.
    pub(crate) forked_ns: AtomicU64,
    /// When it became ready.
    pub(crate) ready_ns: AtomicU64,
    progress: Progress,
}

/// What the agent itself writes all the time: apart from what others read all the time.
#[derive(Debug, Default)]
#[repr(C, align(64))]
struct Progress {
    beat: AtomicU64,
    executed: AtomicU64,
    handled: AtomicU64,
    waiting: AtomicU64,
}

impl Slot {
    /// The process, or 0.
    pub(crate) fn pid(&self) -> u32 {
        self.pid.load(Ordering::SeqCst)
    }

    pub(crate) fn set_pid(&self, pid: u32) {
        self.pid.store(pid, Ordering::SeqCst);
    }

    pub(crate) fn state(&self) -> State {
        match self.state.load(Ordering::SeqCst) {
            1 => State::Starting,
            2 => State::Ready,
            3 => State::Fenced,
            _ => State::Dead,
        }
    }

    pub(crate) fn set_state(&self, state: State) {
        self.state.store(state as u32, Ordering::SeqCst);
    }

    /// Marks as fenced an agent that was ready.
    pub(crate) fn fence(&self) {
        let (ready, fenced) = (State::Ready as u32, State::Fenced as u32);
        // An agent that has died meanwhile must stay dead.
        let _ = self.state.compare_exchange(ready, fenced, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// The epoch in which this agent may act.
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Ends epoch `now`, so that whoever acts in it is refused from here on. False if it was over already.
    pub(crate) fn end_epoch(&self, now: u32) -> bool {
        self.epoch.compare_exchange(now, now + 1, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// The epoch that its process took up last.
    pub(crate) fn adopted(&self) -> u32 {
        self.adopted.load(Ordering::SeqCst)
    }

    /// Takes up the present epoch, which is returned.
    pub(crate) fn adopt(&self) -> u32 {
        let epoch = self.epoch();
        self.adopted.store(epoch, Ordering::SeqCst);
        epoch
    }

    /// Whether it can be given agents to lead.
    pub(crate) fn serves(&self) -> bool {
        self.state() == State::Ready && self.adopted() == self.epoch()
    }

    /// The agent that this one reports to.
    pub(crate) fn parent(&self) -> Place {
        Place::from_bits(self.parent.load(Ordering::SeqCst))
    }

    /// Gives it another agent to report to.
    pub(crate) fn set_parent(&self, agent: u32, epoch: u32) {
        let turn = self.parent().turn + 1;
        self.parent.store(Place { agent, epoch, turn }.bits(), Ordering::SeqCst);
    }

    /// A sign of life.
    pub(crate) fn bump_beat(&self) {
        self.progress.beat.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn beat(&self) -> u64 {
        self.progress.beat.load(Ordering::Relaxed)
    }

    /// Counts answers of its own workers that it has passed on.
    pub(crate) fn add_handled(&self, answers: u64) {
        self.progress.handled.fetch_add(answers, Ordering::Relaxed);
    }

    pub(crate) fn handled(&self) -> u64 {
        self.progress.handled.load(Ordering::Relaxed)
    }

    /// Notes how many bytes wait in it because a peer's socket is full.
    pub(crate) fn set_waiting(&self, bytes: u64) {
        self.progress.waiting.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn waiting(&self) -> u64 {
        self.progress.waiting.load(Ordering::Relaxed)
    }

    /// How many tasks were executed in this epoch.
    pub(crate) fn executed(&self) -> u64 {
        self.progress.executed.load(Ordering::Acquire)
    }

    pub(crate) fn commit(&self, seq: u64) {
        self.progress.executed.store(seq, Ordering::Release);
    }
}
