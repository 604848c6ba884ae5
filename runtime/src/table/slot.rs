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
    heard: AtomicU64,
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
    idle: AtomicU32,
}

/// An agent's epoch and its place as one word.
fn reached(epoch: u32, seat: Place) -> u64 {
    let parent_epoch = if seat.agent == super::GATEWAY { 0 } else { seat.epoch };
    Place { agent: seat.agent, epoch: parent_epoch, turn: epoch }.bits()
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

    /// Begins with the epoch after this one, before there is any process.
    pub(crate) fn begin_after(&self, epoch: u32) {
        self.epoch.store(epoch + 1, Ordering::SeqCst);
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

    /// The gateway has heard that the agent can be reached, in this epoch and in this place. False if it had heard
    /// that before.
    pub(crate) fn set_heard(&self, epoch: u32, seat: Place) -> bool {
        let heard = reached(epoch, seat);
        self.heard.swap(heard, Ordering::SeqCst) != heard
    }

    /// Whether the gateway has heard it. What an agent tells may be lost on the way, and is told again until then.
    pub(crate) fn is_heard(&self, epoch: u32, seat: Place) -> bool {
        self.heard.load(Ordering::SeqCst) == reached(epoch, seat)
    }

    /// The gateway has lost the way to it.
    pub(crate) fn forget(&self) {
        self.heard.store(0, Ordering::SeqCst);
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

    /// Notes whether it waits for work with nothing left to do.
    pub(crate) fn set_idle(&self, idle: bool) {
        self.progress.idle.store(u32::from(idle), Ordering::Relaxed);
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.progress.idle.load(Ordering::Relaxed) != 0
    }

    /// How many tasks were executed in this epoch.
    pub(crate) fn executed(&self) -> u64 {
        self.progress.executed.load(Ordering::Acquire)
    }

    pub(crate) fn commit(&self, seq: u64) {
        self.progress.executed.store(seq, Ordering::Release);
    }
}
