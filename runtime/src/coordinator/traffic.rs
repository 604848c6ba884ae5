//! Tasks down, answers and news up.

use nix::sys::epoll::EpollFlags;

use super::Coordinator;
use crate::bus::{AnswerHead, Beat, Link, Message, PacketReader, Sent, TaskHead};
use crate::poller::{self, Ready};
use crate::table::GATEWAY;

impl Coordinator {
    /// The child through which an agent is reached: itself, or the one above it that reports to this agent.
    pub(super) fn way_to(&self, agent: u32) -> Option<usize> {
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

    pub(super) fn on_up(&mut self, event: Ready, buffer: &mut [u8]) {
        if event.flags.contains(EpollFlags::EPOLLOUT) {
            self.flush_up();
        }
        self.read_up(buffer);
    }

    /// Takes a packet from above, and those that it completes.
    pub(super) fn read_up(&mut self, buffer: &mut [u8]) {
        loop {
            let Some(up) = &mut self.up else { return };
            match up.receive(buffer) {
                None => return,
                Some(0) => return self.lose_up(),
                Some(n) => self.pass_down(&buffer[..n]),
            }
            if !self.up.as_ref().is_some_and(Link::has_more) {
                return;
            }
        }
    }

    /// Tasks go to the child that leads to their worker. One that no child leads to is dropped: its worker is
    /// moving, and the gateway sends it again when it has arrived.
    pub(super) fn pass_down(&mut self, packet: &[u8]) {
        let mut reader = PacketReader::new(packet);
        while let Some(raw) = reader.next_raw() {
            if let Some(beat) = Beat::of(raw) {
                self.above.told(beat.at_ns, beat.silent_ms);
                continue;
            }
            match self.way_to(TaskHead::agent_of(raw)) {
                Some(child) => self.children.put_raw(child, raw),
                None => {
                    let unrouted = &self.swarm.table.head().unrouted;
                    unrouted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            }
        }
    }

    pub(super) fn on_child(&mut self, key: u64, event: Ready, buffer: &mut [u8]) {
        if event.flags.contains(EpollFlags::EPOLLOUT) {
            self.children.touch(key);
        }
        if event.flags.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
            self.read_child(key, buffer);
        }
    }

    fn read_packets(&mut self, key: u64, buffer: &mut [u8]) {
        loop {
            let Some(child) = self.children.at(key) else { return };
            match child.receive(buffer) {
                None => return,
                Some(0) => return self.lose_child(key),
                Some(n) => self.pass_up(key, &buffer[..n]),
            }
            if !self.children.at(key).is_some_and(|child| child.has_more()) {
                return;
            }
        }
    }

    /// Takes what a child has sent.
    pub(super) fn read_child(&mut self, key: u64, buffer: &mut [u8]) {
        self.read_packets(key, buffer);
        self.children.looked_at(key);
    }

    pub(super) fn pass_up(&mut self, key: u64, packet: &[u8]) {
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
        let leads = sender < self.swarm.config.shape.inner();
        self.children.bind(key, (sender, epoch), leads, self.swarm.table.slot(sender).beat());
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
                Message::Lost(lost) => {
                    self.with_up(|up| lost.put(up));
                    self.mind_loss(&lost);
                }
                Message::Elected(elected) => self.with_up(|up| elected.put(up)),
                Message::Moved(moved) => self.with_up(|up| moved.put(up)),
                Message::Beat(beat) => self.children.told(key, &beat),
                Message::Task(..) => {}
            }
        }
        if handled > 0 {
            self.slot.add_handled(handled);
        }
    }

    /// Without a way up nothing is kept: it is asked for again once there is one.
    pub(super) fn with_up(&mut self, put: impl FnOnce(&mut Link)) {
        if let Some(up) = &mut self.up {
            put(up);
        }
    }

    pub(super) fn flush(&mut self) {
        self.children.flush(&self.poller);
        self.flush_up();
    }

    pub(super) fn flush_up(&mut self) {
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
