//! An agent that leads others: the master and every coordinator run this.
//!
//! It passes tasks down and answers up, and holds none of them: whatever is lost with it is sent again by the
//! gateway as soon as the workers below are attached elsewhere. One of them, the leader, also watches over the
//! others; any that stands high enough becomes the leader when the leader is lost.

mod children;
mod leading;
mod traffic;
mod watch;

use std::os::fd::OwnedFd;

use nix::sys::signal::Signal;
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::bus::{Attached, Link, Lost, accept, connect, packet_buffer};
use crate::clock::now_ns;
use crate::poller::{self, Poller};
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
}
