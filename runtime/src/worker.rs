//! A worker: takes tasks from its coordinator, executes them one after the other, records, answers.

mod exec;
mod relay;
mod signals;
mod work;

use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::time::TimeSpec;

use crate::bus::{
    AnswerHead, Attached, Link, Message, PacketReader, Sent, TaskHead, WORK_ECHO, await_packet, connect,
    datagram, packet_buffer, receive,
};
use crate::clock::now_ns;
use crate::process::{held_signals, hold, let_through};
use crate::swarm::Swarm;
use crate::table::{Place, Slot, State};

use relay::Relay;
use work::Leaks;

/// How long to wait before another attempt to reach a coordinator that did not listen.
const RETRY: Duration = Duration::from_millis(2);
/// How often a worker without a coordinator looks at its slot although nobody woke it.
const LOOK: Duration = Duration::from_millis(100);

/// Lives as worker `me` until asked to end; the status to exit with.
pub(crate) fn run(swarm: &'static Swarm, me: u32) -> i32 {
    let Ok(inbox) = datagram(&swarm.inbox_of(me)) else { return 1 };
    let slot = swarm.table.slot(me);
    let epoch = slot.adopt();
    signals::install(slot, inbox);
    let mut worker = Worker {
        swarm,
        me,
        epoch,
        slot,
        up: None,
        seat: slot.parent(),
        shunned: None,
        relay: Relay::new(swarm, me),
        taken: 0,
        leaks: Leaks::default(),
        wary: 0,
    };
    worker.live()
}

struct Worker {
    swarm: &'static Swarm,
    me: u32,
    epoch: u32,
    slot: &'static Slot,
    up: Option<Link>,
    seat: Place,
    /// A place that was just lost, not to be tried again at once.
    shunned: Option<Place>,
    relay: Relay,
    /// How many tasks were begun, for the defects that count them.
    taken: u64,
    leaks: Leaks,
    /// For how many more tasks to look whether they were executed before, although they say to come first.
    wary: u32,
}

impl Worker {
    fn live(&mut self) -> i32 {
        let Ok(buffer) = packet_buffer() else { return 1 };
        while !signals::asked_to_end() {
            if self.up.is_none() {
                self.find_place();
            } else {
                self.take_packet(buffer, true);
            }
        }
        self.finish(buffer);
        0
    }

    /// Waits for a place in the tree and takes it. Signals are held back but for the wait itself, so that none
    /// slips through between a look at the slot and the wait for a change of it.
    fn find_place(&mut self) {
        signals::unwatch();
        hold(&held_signals());
        while self.up.is_none() && !signals::asked_to_end() {
            let seat = self.slot.parent();
            if self.shunned.take() != Some(seat) {
                self.attach(seat);
            }
            if self.up.is_none() {
                let pause = if self.swarm.table.holds(seat) { RETRY } else { LOOK };
                // Ended by the pause or by a signal.
                let _ = ppoll(&mut [], Some(TimeSpec::from_duration(pause)), Some(SigSet::empty()));
            }
        }
        if let Some(up) = &self.up {
            signals::watch(up.socket().as_raw_fd(), self.seat);
        }
        let_through(&held_signals());
    }

    /// Joins the coordinator that the slot names. What the old one still had for us is sent again from above.
    fn attach(&mut self, seat: Place) {
        self.seat = seat;
        if !self.swarm.table.holds(seat) {
            return;
        }
        let Ok(fd) = connect(&self.swarm.listens_at(seat.agent)) else { return };
        if !self.swarm.table.holds(seat) {
            // Somebody else listens there by now.
            return;
        }
        let mut link = Link::new(fd, self.me, self.epoch);
        let at_ns = now_ns();
        Attached { agent: self.me, epoch: self.epoch, parent: seat.agent, at_ns }.put(&mut link);
        // Before it says so: whoever passes this on may have to tell all anew from the table.
        if self.slot.state() != State::Ready {
            self.slot.ready_ns.store(at_ns, Ordering::Relaxed);
            self.slot.set_state(State::Ready);
        }
        if link.flush() == Sent::All {
            self.up = Some(link);
        }
    }

    /// Takes one packet and does what is in it; whether there was one. The wait for it ends when the worker is
    /// given another place or asked to end: the connection then reads as closed.
    fn take_packet(&mut self, buffer: &mut [u8], wait: bool) -> bool {
        let Some(up) = &self.up else { return false };
        let taken = if wait { await_packet(up.socket(), buffer) } else { receive(up.socket(), buffer) };
        match taken {
            None => false,
            Some(0) => {
                if !signals::asked_to_end() {
                    self.hang_up();
                }
                false
            }
            Some(n) => {
                for message in PacketReader::new(&buffer[..n]) {
                    if let Message::Task(task, extra, payload) = message {
                        self.take_task(&task, extra, payload);
                    }
                }
                self.flush();
                true
            }
        }
    }

    fn take_task(&mut self, task: &TaskHead, extra: &[u8], payload: &[u8]) {
        if task.epoch != self.epoch {
            // Meant for an earlier life of this worker. It may have gone to another worker when that ended.
            return;
        }
        let arrived_ns = now_ns();
        // An earlier sending may still be under way somewhere, and arrive after the later one.
        let doubtful = task.attempt > 1 || self.wary > 0;
        if doubtful && let Some((seq, _)) = self.swarm.table.recorded(self.me, task.token) {
            // Executed before; only the answer was lost.
            self.answer(task, seq, arrived_ns, payload, false);
            return;
        }
        self.taken += 1;
        self.wary = if task.attempt > 1 { self.swarm.config.inbox } else { self.wary.saturating_sub(1) };
        self.misbehave();
        if task.work == WORK_ECHO {
            self.execute(task, arrived_ns, payload, false);
        } else {
            self.flush();
            match self.perform(task, extra, payload) {
                Some(changed) => self.execute(task, arrived_ns, &changed, false),
                None => self.execute(task, arrived_ns, payload, false),
            }
        }
        if task.twice {
            self.execute(task, arrived_ns, payload, true);
        }
    }

    /// Records the effect, then answers: in this order, so that what was answered was always recorded.
    fn execute(&mut self, task: &TaskHead, arrived_ns: u64, payload: &[u8], again: bool) {
        let seq = self.swarm.table.record(self.me, task.token, crc32fast::hash(payload));
        self.answer(task, seq, arrived_ns, payload, again);
    }

    fn answer(&mut self, task: &TaskHead, seq: u64, arrived_ns: u64, payload: &[u8], again: bool) {
        let Some(up) = &mut self.up else { return };
        let transit_us = u32::try_from(arrived_ns.saturating_sub(task.sent_ns) / 1_000).unwrap_or(u32::MAX);
        AnswerHead {
            token: task.token,
            seq,
            answered_ns: now_ns(),
            agent: self.me,
            epoch: self.epoch,
            attempt: task.attempt,
            digest: 0,
            transit_us,
            again,
        }
        .put_echo(up, payload);
    }

    /// Sends the answers. A coordinator that does not take them is waited for, until it is gone or replaced.
    fn flush(&mut self) {
        loop {
            let Some(up) = &mut self.up else { return };
            match up.flush() {
                Sent::All => return,
                Sent::Gone => return self.hang_up(),
                Sent::Full if self.slot.parent() != self.seat => return self.hang_up(),
                Sent::Full => {
                    let mut fds = [PollFd::new(up.as_fd(), PollFlags::POLLOUT)];
                    // Woken by room, by a signal, or now and then to look.
                    let _ = ppoll(&mut fds, Some(TimeSpec::from_duration(LOOK)), None);
                }
            }
        }
    }

    /// The coordinator is gone, or another one is to be found. That it cannot be reached is known already.
    fn hang_up(&mut self) {
        signals::unwatch();
        self.up = None;
        self.shunned = Some(self.seat);
    }

    /// Does what is waiting already, then leaves.
    fn finish(&mut self, buffer: &mut [u8]) {
        while self.take_packet(buffer, false) {}
        self.flush();
    }

    /// The planted defects of a worker.
    fn misbehave(&mut self) {
        let defects = &self.swarm.config.defects;
        if defects.die_on_task == Some(self.taken) {
            let _ = nix::sys::signal::raise(Signal::SIGKILL);
        }
        if defects.hang_on_task == Some(self.taken) {
            loop {
                std::thread::park();
            }
        }
        self.leaks.leak(defects);
        if let Some(ms) = defects.slow_ms {
            self.flush();
            std::thread::sleep(Duration::from_millis(ms));
        }
    }

    /// Does the work of a task that is more than an echo; the payload, if it came out changed.
    fn perform(&mut self, task: &TaskHead, extra: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
        use crate::bus::{WORK_ALLOC, WORK_CPU, WORK_EXEC, WORK_RELAY, WORK_SLEEP};
        let done = match task.work {
            WORK_SLEEP => work::sleep(self.swarm.config.seed, task),
            WORK_CPU => work::burn(task.a),
            WORK_ALLOC => work::allocate(task.a),
            WORK_EXEC => exec::run(extra),
            WORK_RELAY => return self.relay.carry(task, payload),
            _ => false,
        };
        (!done).then(|| work::spoiled(payload))
    }
}
