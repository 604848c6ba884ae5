//! A worker: takes tasks from its coordinator, executes them one after the other, records, answers.

mod exec;
mod relay;
mod work;

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::time::TimeSpec;

use crate::bus::{
    AnswerHead, Attached, Link, MAX_PACKET, Message, PacketReader, Sent, TaskHead, WORK_ECHO, connect,
    datagram, receive,
};
use crate::clock::now_ns;
use crate::process::NUDGE;
use crate::swarm::Swarm;
use crate::table::{Place, Slot, State};

use relay::Relay;
use work::Leaks;

/// How long to wait before another attempt to reach a coordinator that did not listen.
const RETRY: Duration = Duration::from_millis(2);
/// How often a worker without a coordinator looks at its slot although nobody woke it.
const LOOK: Duration = Duration::from_millis(100);

static ASKED_TO_END: AtomicBool = AtomicBool::new(false);

/// Lives as worker `me` until asked to end; the status to exit with.
pub(crate) fn run(swarm: &'static Swarm, me: u32) -> i32 {
    install_handlers();
    let Ok(inbox) = datagram(&swarm.inbox_of(me)) else { return 1 };
    let slot = swarm.table.slot(me);
    let epoch = slot.adopt();
    let mut worker = Worker {
        swarm,
        me,
        epoch,
        slot,
        up: None,
        seat: slot.parent(),
        relay: Relay::new(swarm, me, inbox),
        taken: 0,
        leaks: Leaks::default(),
        wait_mask: SigSet::thread_get_mask().unwrap_or_else(|_| SigSet::empty()),
    };
    worker.wait_mask.remove(Signal::SIGTERM);
    worker.wait_mask.remove(NUDGE);
    worker.live()
}

/// Both signals only interrupt a wait; the worker then looks for what has changed.
fn install_handlers() {
    extern "C" fn on_term(_: i32) {
        ASKED_TO_END.store(true, Ordering::Relaxed);
    }
    extern "C" fn on_nudge(_: i32) {}
    for (signal, handler) in [(Signal::SIGTERM, on_term as extern "C" fn(i32)), (NUDGE, on_nudge)] {
        let action = SigAction::new(SigHandler::Handler(handler), SaFlags::empty(), SigSet::empty());
        #[expect(unsafe_code, reason = "sigaction")]
        // SAFETY: the handlers do nothing but store to an atomic.
        unsafe { sigaction(signal, &action) }.expect("the signal is valid");
    }
}

struct Worker {
    swarm: &'static Swarm,
    me: u32,
    epoch: u32,
    slot: &'static Slot,
    up: Option<Link>,
    seat: Place,
    relay: Relay,
    /// How many tasks were begun, for the defects that count them.
    taken: u64,
    leaks: Leaks,
    wait_mask: SigSet,
}

impl Worker {
    fn live(&mut self) -> i32 {
        let mut buffer = vec![0; MAX_PACKET];
        loop {
            if ASKED_TO_END.load(Ordering::Relaxed) {
                self.finish(&mut buffer);
                return 0;
            }
            let seat = self.slot.parent();
            if self.up.is_none() || seat != self.seat {
                self.attach(seat);
            }
            let (work, letter) = self.wait();
            if work {
                self.take_packet(&mut buffer);
            }
            if letter {
                self.relay.serve();
            }
        }
    }

    /// Joins the coordinator that the slot names. What the old one still had for us is sent again from above.
    fn attach(&mut self, seat: Place) {
        self.up = None;
        self.seat = seat;
        if !self.swarm.table.holds(seat) {
            return;
        }
        let Ok(fd) = connect(&self.swarm.listens_at(seat.agent)) else { return };
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

    /// Waits for work or for a letter of another worker; which of the two came. Signals end the wait.
    fn wait(&self) -> (bool, bool) {
        let inbox = PollFd::new(self.relay.inbox().as_fd(), PollFlags::POLLIN);
        match &self.up {
            Some(up) => {
                let mut fds = [PollFd::new(up.as_fd(), PollFlags::POLLIN), inbox];
                match ppoll(&mut fds, None, Some(self.wait_mask)) {
                    Ok(_) => (fds[0].any() == Some(true), fds[1].any() == Some(true)),
                    Err(_) => (false, false),
                }
            }
            None => {
                let pause = if self.swarm.table.holds(self.seat) { RETRY } else { LOOK };
                let mut fds = [inbox];
                match ppoll(&mut fds, Some(TimeSpec::from_duration(pause)), Some(self.wait_mask)) {
                    Ok(_) => (false, fds[0].any() == Some(true)),
                    Err(_) => (false, false),
                }
            }
        }
    }

    /// Takes one packet and does what is in it; whether there was one.
    fn take_packet(&mut self, buffer: &mut [u8]) -> bool {
        let Some(up) = &self.up else { return false };
        match receive(up.socket(), buffer) {
            None => false,
            Some(0) => {
                self.up = None;
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
        let arrived_ns = now_ns();
        if task.attempt > 1
            && let Some((seq, _)) = self.swarm.table.recorded(self.me, task.token)
        {
            // Executed before; only the answer was lost.
            self.answer(task, seq, arrived_ns, payload, false);
            return;
        }
        self.taken += 1;
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
                Sent::Gone => {
                    self.up = None;
                    return;
                }
                Sent::Full => {
                    if self.slot.parent() != self.seat {
                        self.up = None;
                        return;
                    }
                    let mut fds = [PollFd::new(up.as_fd(), PollFlags::POLLOUT)];
                    // Woken by room, by a nudge, or now and then to look.
                    let _ = ppoll(&mut fds, Some(TimeSpec::from_duration(LOOK)), Some(self.wait_mask));
                }
            }
        }
    }

    /// Does what is waiting already, then leaves.
    fn finish(&mut self, buffer: &mut [u8]) {
        while self.take_packet(buffer) {}
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
