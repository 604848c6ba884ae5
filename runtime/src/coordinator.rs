//! An agent that leads others: the master and every coordinator run this.
//!
//! It passes tasks down and answers up, and holds none of them: whatever is lost with it is sent again by the
//! gateway as soon as the workers below are attached elsewhere. One of them, the leader, also watches over the
//! others; any that stands high enough becomes the leader when the leader is lost.

mod children;
mod leading;
mod watch;

use std::os::fd::OwnedFd;

use nix::sys::epoll::EpollFlags;
use nix::sys::signal::Signal;
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::bus::{
    AnswerHead, Attached, Link, Lost, Message, PacketReader, Sent, TaskHead, accept, connect, packet_buffer,
    receive,
};
use crate::clock::now_ns;
use crate::poller::{self, Poller, Ready};
use crate::process::{held_signals, set_name};
use crate::swarm::Swarm;
use crate::table::{GATEWAY, Place, Slot, State};

use children::Children;
use leading::Leading;
pub(crate) use leading::Load;

use watch::Watch;

/// Lives as agent `me` until asked to end; the status to exit with.
pub(crate) fn run(swarm: &'static Swarm, me: u32, listener: OwnedFd) -> i32 {
    set_name(&format!("coordinator-{me}"));
    match Coordinator::new(swarm, me, listener) {
        Ok(mut coordinator) => coordinator.live(),
        Err(_) => 1,
    }
}

struct Coordinator {
    swarm: &'static Swarm,
    me: u32,
    epoch: u32,
    slot: &'static Slot,
    poller: Poller,
    listener: OwnedFd,
    signals: SignalFd,
    up: Option<Link>,
    up_full: bool,
    seat: Place,
    children: Children,
    watch: Watch,
    leading: Leading,
    next_tick_ns: u64,
    tick_ns: u64,
}

impl Coordinator {
    fn new(swarm: &'static Swarm, me: u32, listener: OwnedFd) -> nix::Result<Self> {
        let poller = Poller::new()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let signals = SignalFd::with_flags(&held_signals(), flags)?;
        poller.add(&listener, poller::LISTENER)?;
        poller.add(&signals, poller::SIGNALS)?;
        let slot = swarm.table.slot(me);
        Ok(Self {
            swarm,
            me,
            epoch: slot.adopt(),
            slot,
            poller,
            listener,
            signals,
            up: None,
            up_full: false,
            seat: slot.parent(),
            children: Children::new(swarm.config.shape.agents()),
            watch: Watch::default(),
            leading: Leading::default(),
            next_tick_ns: 0,
            tick_ns: swarm.config.lease_ms * 1_000_000 / 5,
        })
    }

    fn live(&mut self) -> i32 {
        let Ok(buffer) = packet_buffer() else { return 1 };
        let mut ready = Vec::new();
        self.mind_leader();
        loop {
            self.keep_place();
            self.poller.wait(self.patience_ns(), &mut ready);
            let mut asked_to_end = false;
            for event in ready.drain(..) {
                match event.key {
                    poller::LISTENER => self.take_connections(buffer),
                    poller::SIGNALS => asked_to_end |= self.read_signals(),
                    poller::UP => self.on_up(event, buffer),
                    key => self.on_child(key, event, buffer),
                }
            }
            self.flush();
            if asked_to_end {
                return 0;
            }
            self.tick();
        }
    }

    /// How long to sleep if nothing happens: until the next tick, or shortly if the way up is to be tried again.
    fn patience_ns(&self) -> u64 {
        let until_tick = self.next_tick_ns.saturating_sub(now_ns());
        match self.up {
            None if self.swarm.table.holds(self.seat) => until_tick.min(2_000_000),
            _ => until_tick,
        }
    }

    fn tick(&mut self) {
        let now = now_ns();
        if now < self.next_tick_ns {
            return;
        }
        self.next_tick_ns = now + self.tick_ns;
        self.slot.bump_beat();
        self.slot.set_waiting(self.children.held() + self.up.as_ref().map_or(0, Link::held) as u64);
        if self.leads() {
            self.watch_others(now);
            self.settle(now);
        } else {
            self.watch_leader(now);
        }
        self.flush();
    }

    fn leads(&self) -> bool {
        let leader = self.swarm.table.leader();
        (leader.agent, leader.epoch) == (self.me, self.epoch)
    }

    /// Whether this agent's epoch was ended by another.
    fn is_over(&self) -> bool {
        self.slot.epoch() != self.epoch
    }

    /// Keeps the connection to whom the slot names, and joins anew when the epoch is over.
    fn keep_place(&mut self) {
        if self.is_over() {
            self.rejoin();
        }
        let seat = self.slot.parent();
        if self.up.is_none() || seat != self.seat {
            self.attach(seat);
        }
    }

    /// Another took this agent's place while it was stopped: it forgets everything and starts over.
    fn rejoin(&mut self) {
        self.up = None;
        self.children.clear();
        self.leading = Leading::default();
        self.watch = Watch::default();
        self.slot.set_state(State::Starting);
        self.epoch = self.slot.adopt();
        self.mind_leader();
    }

    fn attach(&mut self, seat: Place) {
        if let Some(up) = self.up.take() {
            self.poller.remove(&up);
        }
        self.seat = seat;
        self.up_full = false;
        let usurped = seat.agent == GATEWAY && !self.leads();
        if usurped || !self.swarm.table.holds(seat) {
            return;
        }
        let Ok(fd) = connect(&self.swarm.listens_at(seat.agent)) else { return };
        // If the place has another holder by now, it is that one who listens there.
        if !self.swarm.table.holds(seat) || self.poller.add(&fd, poller::UP).is_err() {
            return;
        }
        let mut link = Link::new(fd, self.me, self.epoch);
        link.widen();
        // Before it says so: whoever passes this on may have to tell all anew from the table.
        self.slot.set_state(State::Ready);
        self.announce(&mut link, seat.agent);
        self.up = Some(link);
        self.flush_up();
    }

    /// Tells those above of this agent and of all that can be reached through it: what was under way to them
    /// is then sent again.
    fn announce(&self, link: &mut Link, parent: u32) {
        let at_ns = now_ns();
        self.slot.ready_ns.store(at_ns, std::sync::atomic::Ordering::Relaxed);
        Attached { agent: self.me, epoch: self.epoch, parent, at_ns }.put(link);
        let table = self.swarm.table;
        for agent in 0..table.agents() {
            let slot = table.slot(agent);
            if agent != self.me && slot.state() == State::Ready && self.way_to(agent).is_some() {
                let parent = slot.parent().agent;
                Attached { agent, epoch: slot.epoch(), parent, at_ns }.put(link);
            }
        }
    }

    /// The child through which an agent is reached: itself, or the one above it that reports to this agent.
    fn way_to(&self, agent: u32) -> Option<usize> {
        let mut at = agent;
        for _ in 0..4 {
            if let Some(child) = self.children.of(at) {
                return Some(child);
            }
            at = self.swarm.table.slot(at).parent().agent;
            if at == self.me || at == GATEWAY {
                return None;
            }
        }
        None
    }

    fn take_connections(&mut self, buffer: &mut [u8]) {
        while let Ok(Some(fd)) = accept(&self.listener) {
            let link = Link::new(fd, self.me, self.epoch);
            let Some(key) = self.children.add(link, &self.poller) else { continue };
            // Its first packet is usually there already.
            self.read_child(key, buffer);
        }
    }

    /// Whether one of the signals asks this agent to end; the others only wake it.
    fn read_signals(&mut self) -> bool {
        let mut end = false;
        while let Ok(Some(signal)) = self.signals.read_signal() {
            end |= signal.ssi_signo == Signal::SIGTERM as u32;
        }
        end
    }

    fn on_up(&mut self, event: Ready, buffer: &mut [u8]) {
        if event.flags.contains(EpollFlags::EPOLLOUT) {
            self.flush_up();
        }
        let Some(up) = &self.up else { return };
        match receive(up.socket(), buffer) {
            None => {}
            Some(0) => self.lose_up(),
            Some(n) => self.pass_down(&buffer[..n]),
        }
    }

    /// Tasks go to the child that leads to their worker. One that no child leads to is dropped: its worker is
    /// moving, and the gateway sends it again when it has arrived.
    fn pass_down(&mut self, packet: &[u8]) {
        let mut reader = PacketReader::new(packet);
        while let Some(raw) = reader.next_raw() {
            match self.way_to(TaskHead::agent_of(raw)) {
                Some(child) => self.children.put_raw(child, raw),
                None => {
                    let unrouted = &self.swarm.table.head().unrouted;
                    unrouted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            }
        }
    }

    fn on_child(&mut self, key: u64, event: Ready, buffer: &mut [u8]) {
        if event.flags.contains(EpollFlags::EPOLLOUT) {
            self.children.touch(key);
        }
        if event.flags.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
            self.read_child(key, buffer);
        }
    }

    fn read_child(&mut self, key: u64, buffer: &mut [u8]) {
        let Some(child) = self.children.at(key) else { return };
        match receive(child.socket(), buffer) {
            None => {}
            Some(0) => self.lose_child(key),
            Some(n) => self.pass_up(key, &buffer[..n]),
        }
    }

    fn pass_up(&mut self, key: u64, packet: &[u8]) {
        let reader = PacketReader::new(packet);
        let (sender, epoch) = (reader.sender, reader.epoch);
        if sender >= self.swarm.table.agents() {
            return;
        }
        if self.swarm.table.slot(sender).epoch() != epoch {
            let refused = reader.filter(|m| matches!(m, Message::Answer(_) | Message::Echo(..))).count();
            self.swarm
                .table
                .head()
                .refused_stale
                .fetch_add(refused as u64, std::sync::atomic::Ordering::Relaxed);
            return;
        }
        self.children.bind(key, (sender, epoch), sender < self.swarm.config.shape.inner());
        let mut handled = 0;
        for message in reader {
            match message {
                Message::Echo(head, payload) => {
                    handled += 1;
                    let digest = crc32fast::hash(payload);
                    self.with_up(|up| AnswerHead { digest, ..head }.put_answer(up));
                }
                Message::Answer(head) => self.with_up(|up| head.put_answer(up)),
                Message::Attached(attached) => self.with_up(|up| attached.put(up)),
                Message::Lost(lost) => self.on_lost(&lost),
                Message::Elected(elected) => self.with_up(|up| elected.put(up)),
                Message::Moved(moved) => self.with_up(|up| moved.put(up)),
                Message::Task(..) => {}
            }
        }
        if handled > 0 {
            self.slot.add_handled(handled);
        }
    }

    /// Without a way up nothing is kept: it is asked for again once there is one.
    fn with_up(&mut self, put: impl FnOnce(&mut Link)) {
        if let Some(up) = &mut self.up {
            put(up);
        }
    }

    fn lose_child(&mut self, key: u64) {
        let Some((agent, epoch)) = self.children.remove(key, &self.poller) else { return };
        let seat = self.swarm.table.slot(agent).parent();
        if (seat.agent, seat.epoch) == (self.me, self.epoch) {
            // An agent hangs up of its own accord only after it was given another place: this one died.
            let lost = Lost { agent, epoch, by: self.me, lease: false, at_ns: now_ns() };
            self.on_lost(&lost);
        }
    }

    /// The leader acts on the loss of an agent that leads; all others pass it on.
    fn on_lost(&mut self, lost: &Lost) {
        self.with_up(|up| lost.put(up));
        if self.leads() && lost.agent < self.swarm.config.shape.inner() {
            self.end_of(lost);
        }
    }

    fn lose_up(&mut self) {
        if let Some(up) = self.up.take() {
            self.poller.remove(&up);
        }
        let leader = self.swarm.table.leader();
        if (leader.agent, leader.epoch) == (self.seat.agent, self.seat.epoch) {
            self.lost_leader(leader, false);
        }
    }

    fn flush(&mut self) {
        self.children.flush(&self.poller);
        self.flush_up();
    }

    fn flush_up(&mut self) {
        let Some(up) = &mut self.up else { return };
        let full = match up.flush() {
            Sent::All => false,
            Sent::Full => true,
            // Its hang-up is noticed by the next wait, after what it has still sent.
            Sent::Gone => return,
        };
        if full != self.up_full {
            self.up_full = full;
            self.poller.wants_out(up.socket(), poller::UP, full);
        }
    }
}
