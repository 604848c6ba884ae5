//! An agent that leads others: the master and every coordinator run this.
//!
//! It passes tasks down and answers up, and holds none of them: whatever is lost with it is sent again by the
//! gateway as soon as the workers below are attached elsewhere. One of them, the leader, also watches over the
//! others; any that stands high enough becomes the leader when the leader is lost.

mod announcing;
mod children;
mod leading;
mod mail;
mod repeating;
mod traffic;
mod watch;

use std::os::fd::OwnedFd;

use nix::sys::signal::Signal;
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::bus::{Link, Lost, connect, packet_buffer};
use crate::clock::{follow, now_ns, observe, own_ns};
use crate::hearing::{Hearing, Steady};
use crate::listener::Listener;
use crate::pause::Pause;
use crate::poller::{self, Poller};
use crate::process::{held_signals, keep_reserve, set_name};
use crate::swarm::Swarm;
use crate::table::{GATEWAY, Place, Slot, State};

use children::Children;
use leading::Leading;
pub(crate) use leading::Load;
use repeating::News;
pub(crate) use watch::{Finding, Watch};

/// Lives as agent `me` until asked to end; the status to exit with.
pub(crate) fn run(swarm: &'static Swarm, me: u32, listener: OwnedFd) -> i32 {
    set_name(&format!("coordinator-{me}"));
    follow(swarm.rules, me);
    swarm.sweep_mail(me);
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
    listener: Listener,
    signals: SignalFd,
    up: Option<Link>,
    up_full: bool,
    /// When to try again to get a way up, and how long to wait after that.
    attach_again_ns: u64,
    attach_pause: Pause,
    seat: Place,
    /// Of whom the way up leads to.
    above: Hearing,
    repeated: Vec<(u8, News)>,
    steady: Steady,
    children: Children,
    watch: Watch,
    leading: Leading,
    next_tick_ns: u64,
    next_look_ns: u64,
    tick_ns: u64,
}

impl Coordinator {
    fn new(swarm: &'static Swarm, me: u32, listener: OwnedFd) -> nix::Result<Self> {
        let poller = Poller::new()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let signals = SignalFd::with_flags(&held_signals(), flags)?;
        keep_reserve();
        let listener = Listener::new(listener, &poller, &swarm.table.head().exhausted_descriptors)?;
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
            attach_again_ns: 0,
            attach_pause: Pause::new(2, 50),
            seat: slot.parent(),
            above: Hearing::new(now_ns(), 0),
            repeated: Vec::new(),
            steady: Steady::default(),
            children: Children::new(swarm.config.shape.agents()),
            watch: Watch::default(),
            leading: Leading::default(),
            next_tick_ns: 0,
            next_look_ns: 0,
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
            self.serve_due(buffer);
            self.flush();
            if asked_to_end {
                return 0;
            }
            self.tick();
            self.look_for_mail(buffer);
        }
    }

    /// How long to sleep if nothing happens: until the next tick, or shortly if the way up is to be tried again.
    fn patience_ns(&self) -> u64 {
        let links = self.children.due_ns().into_iter().chain(self.up.as_ref().and_then(Link::due_ns));
        let again = self.up.is_none().then_some(self.attach_again_ns);
        let next = links.chain(self.listener.due_ns()).chain(again).min();
        let links = next.map_or(u64::MAX, |next| next.saturating_sub(now_ns()));
        links.min(self.next_tick_ns.saturating_sub(own_ns())).min(self.tick_ns)
    }

    /// Does what is due on the connections although nothing came in.
    fn serve_due(&mut self, buffer: &mut [u8]) {
        for key in self.children.take_due() {
            self.children.touch(key);
            self.read_child(key, buffer);
        }
        if self.up.as_ref().is_some_and(Link::has_more) {
            self.read_up(buffer);
        }
        self.listener.resume(&self.poller);
    }

    fn tick(&mut self) {
        let now = own_ns();
        // A clock that has jumped back does not stop the ticks.
        if self.next_tick_ns.saturating_sub(now) > 0 && self.next_tick_ns - now <= self.tick_ns {
            return;
        }
        observe();
        self.next_tick_ns = now + self.tick_ns;
        self.slot.bump_beat();
        self.slot.set_waiting(self.children.held() + self.up.as_ref().map_or(0, Link::held) as u64);
        self.announce_unheard();
        self.listen_around();
        self.repeat_news();
        if self.is_over() {
            return;
        }
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
        if seat != self.seat {
            self.attach_pause.reset();
            self.attach(seat);
        } else if self.up.is_none() && now_ns() >= self.attach_again_ns {
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
        self.attach_again_ns = now_ns() + self.attach_pause.next_ns();
        let usurped = seat.agent == GATEWAY && !self.leads();
        let cut = || self.swarm.rules.cut(self.me, seat.agent);
        if usurped || !self.swarm.table.holds(seat) || cut() {
            return;
        }
        let Ok(fd) = connect(&self.swarm.listens_at(seat.agent)) else { return };
        // If the place has another holder by now, it is that one who listens there.
        if !self.swarm.table.holds(seat) || self.poller.add(&fd, poller::UP).is_err() {
            return;
        }
        let mut link = self.swarm.link(fd, self.me, self.epoch);
        link.set_peer(seat.agent);
        link.widen();
        // Before it says so: whoever passes this on may have to tell all anew from the table.
        self.slot.set_state(State::Ready);
        self.attach_pause.reset();
        self.above = Hearing::new(now_ns(), 0);
        self.announce(&mut link, seat.agent);
        self.up = Some(link);
        self.flush_up();
    }

    fn take_connections(&mut self, buffer: &mut [u8]) {
        while let Some(fd) = self.listener.take(&self.poller) {
            let link = self.swarm.link(fd, self.me, self.epoch);
            let Some(key) = self.children.add(link, &self.poller) else { continue };
            // Its first packet is usually there already.
            self.read_child(key, buffer);
        }
    }

    /// Whether one of the signals asks this agent to end; the others only wake it.
    fn read_signals(&mut self) -> bool {
        let mut end = false;
        observe();
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
            self.tell(News::Lost(lost));
            self.mind_loss(&lost);
        }
    }

    /// The leader acts on the loss of an agent that leads.
    fn mind_loss(&mut self, lost: &Lost) {
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
