//! A worker: takes tasks from its coordinator, executes them one after the other, records, answers.

mod enough;
mod exec;
mod leaks;
mod relay;
mod signals;
mod waiting;
mod work;

use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::time::TimeSpec;

use crate::bus::{
    AnswerHead, Attached, Link, Message, PacketReader, Sent, TaskHead, WORK_ECHO, connect, datagram,
    packet_buffer,
};
use crate::clock::{follow, now_ns, observe};
use crate::pause::Pause;
use crate::process::{held_signals, hold, let_through};
use crate::swarm::Swarm;
use crate::table::{Place, Slot, State};

use leaks::Leaks;
use relay::Relay;

/// How often a worker without a coordinator looks at its slot although nobody woke it.
const LOOK: Duration = Duration::from_millis(100);

/// Lives as worker `me` until asked to end; the status to exit with.
pub(crate) fn run(swarm: &'static Swarm, me: u32) -> i32 {
    let Ok(inbox) = datagram(&swarm.inbox_of(me)) else { return 1 };
    let slot = swarm.table.slot(me);
    follow(swarm.rules, me);
    observe();
    let epoch = slot.adopt();
    swarm.sweep_mail(me);
    signals::install(slot, inbox, swarm.rules, me);
    let mut worker = Worker {
        swarm,
        me,
        epoch,
        slot,
        up: None,
        seat: slot.parent(),
        retry: Pause::new(2, 50),
        announced_ns: 0,
        shunned: None,
        relay: Relay::new(swarm, me),
        taken: 0,
        leaks: Leaks::new(&swarm.config.defects, me),
        born_ns: now_ns(),
        latest: None,
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
    /// The pauses between attempts to reach a coordinator that did not listen.
    retry: Pause,
    /// When it last said that it can be reached.
    announced_ns: u64,
    /// A place that was just lost, not to be tried again at once.
    shunned: Option<Place>,
    relay: Relay,
    /// How many tasks were begun, for the defects that count them.
    taken: u64,
    leaks: Leaks,
    /// When this life of it began, for the defects that go by time.
    born_ns: u64,
    /// The largest number of a task that was begun.
    latest: Option<u32>,
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
        self.retry.reset();
        while self.up.is_none() && !signals::asked_to_end() {
            let seat = self.slot.parent();
            if self.shunned.take() != Some(seat) {
                self.attach(seat);
            }
            if self.up.is_none() {
                let retry = Duration::from_nanos(self.retry.next_ns());
                let pause = if self.swarm.table.holds(seat) { retry } else { LOOK };
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
        if !self.swarm.table.holds(seat) || self.swarm.rules.cut(self.me, seat.agent) {
            return;
        }
        let Ok(fd) = connect(&self.swarm.listens_at(seat.agent)) else { return };
        if !self.swarm.table.holds(seat) {
            // Somebody else listens there by now.
            return;
        }
        let mut link = self.swarm.link(fd, self.me, self.epoch);
        link.set_peer(seat.agent);
        let at_ns = now_ns();
        Attached { agent: self.me, epoch: self.epoch, parent: seat.agent, at_ns }.put(&mut link);
        // Before it says so: whoever passes this on may have to tell all anew from the table.
        if self.slot.state() != State::Ready {
            self.slot.ready_ns.store(at_ns, Ordering::Relaxed);
            self.slot.set_state(State::Ready);
        }
        if link.flush() == Sent::All {
            self.announced_ns = at_ns;
            self.up = Some(link);
        }
    }

    /// Takes one packet and does what is in it; whether there was one. The wait for it ends when the worker is
    /// given another place or asked to end: the connection then reads as closed.
    fn take_packet(&mut self, buffer: &mut [u8], wait: bool) -> bool {
        let taken = if wait { self.wait(buffer) } else { self.up.as_mut().and_then(|up| up.receive(buffer)) };
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
        let table = self.swarm.table;
        if let Some((seq, _)) = table.recorded(self.me, self.epoch, task.number, task.token) {
            // Executed before; only the answer was lost.
            self.answer(task, seq, arrived_ns, payload, false);
            return;
        }
        if self.is_settled(task.number) {
            return;
        }
        self.taken += 1;
        self.misbehave();
        if task.work == WORK_ECHO {
            self.execute(task, arrived_ns, payload, false);
        } else {
            self.flush();
            let begun_ns = now_ns();
            let changed = self.perform(task, extra, payload);
            self.drag(begun_ns);
            match changed {
                Some(changed) => self.execute(task, arrived_ns, &changed, false),
                None => self.execute(task, arrived_ns, payload, false),
            }
        }
        if task.twice {
            self.execute(task, arrived_ns, payload, true);
        }
    }

    /// Whether a task is so far behind the latest one that it must have been answered: nothing is sent to a
    /// worker that is further ahead of an open task than it remembers.
    fn is_settled(&mut self, number: u32) -> bool {
        let behind = self.latest.unwrap_or(number).wrapping_sub(number);
        if behind == 0 || behind > u32::MAX / 2 {
            self.latest = Some(number);
            return false;
        }
        behind >= self.swarm.table.window()
    }

    /// Records the effect, then answers: in this order, so that what was answered was always recorded.
    fn execute(&mut self, task: &TaskHead, arrived_ns: u64, payload: &[u8], again: bool) {
        let digest = crc32fast::hash(payload);
        let seq = self.swarm.table.record(self.me, self.epoch, task.number, task.token, digest);
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
        if defects.die_on_task == Some(self.taken) || self.is_turn_to_die(defects.die_every_ms) {
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

    /// Whether it is this worker whose turn it is to die, and that life of it which saw the turn come.
    fn is_turn_to_die(&self, every_ms: Option<u64>) -> bool {
        let Some(every_ns) = every_ms.map(|ms| ms.saturating_mul(1_000_000)) else { return false };
        let workers = self.swarm.config.shape.workers();
        let turn = now_ns() / every_ns;
        let whose = u64::from(workers.start) + turn % u64::from(workers.end - workers.start);
        turn > self.born_ns / every_ns && whose == u64::from(self.me)
    }

    /// The defect by which work takes the longer the longer a worker lives.
    fn drag(&self, begun_ns: u64) {
        let now_ns = now_ns();
        let drag_ns = self.swarm.config.defects.drag_ns(now_ns - begun_ns, now_ns - self.born_ns);
        if drag_ns > 0 {
            std::thread::sleep(Duration::from_nanos(drag_ns));
        }
    }

    /// Does the work of a task that is more than an echo; the payload, if it came out changed.
    fn perform(&mut self, task: &TaskHead, extra: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
        use crate::bus::{WORK_ALLOC, WORK_CPU, WORK_EXEC, WORK_RELAY, WORK_SLEEP};
        let exhausted = &self.swarm.table.head().exhausted_work;
        let done = match task.work {
            WORK_SLEEP => work::sleep(self.swarm.config.seed, task),
            WORK_CPU => work::burn(task.a),
            WORK_ALLOC => work::allocate(task.a, exhausted),
            WORK_EXEC => exec::run(extra, exhausted),
            WORK_RELAY => return self.relay.carry(task, payload),
            _ => false,
        };
        (!done).then(|| work::spoiled(payload))
    }
}
