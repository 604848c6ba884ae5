//! Tasks out, answers in: by way of the leader, whoever that is at the moment.

use nix::sys::epoll::EpollFlags;
use protocol::{Answer, Tasks};

use super::FIRST_LINK;
use super::running::Running;
use super::tamper::Fate;
use super::wire::WireWork;
use crate::bus::{AnswerHead, Link, Message, PacketReader, Sent, TaskHead};
use crate::clock::now_ns;
use crate::poller::Poller;
use crate::table::{GATEWAY, State};

impl Running {
    /// Accepts tasks and sends them on their way; how many.
    pub(super) fn accept(&mut self, tasks: &Tasks, round: Option<u64>, to: Option<u32>) -> u32 {
        let work = WireWork::new(&tasks.work);
        let now = now_ns();
        let accepted = match to {
            _ if self.is_clogged() => self.book.accept(tasks, work, round, &[], now),
            None => self.book.accept(tasks, work, round, self.members.living(), now),
            Some(to) if self.lives(to) => self.book.accept(tasks, work, round, &[to], now),
            Some(_) => 0,
        };
        let accepted = self.keep_accepted(tasks, accepted, now);
        for token in tasks.first..tasks.first + u64::from(accepted) {
            self.dispatch(token, now);
        }
        accepted
    }

    /// Whether this is the number of a worker that has a process.
    fn lives(&self, agent: u32) -> bool {
        let workers = self.swarm.config.shape.workers();
        workers.contains(&agent) && self.swarm.table.slot(agent).state() != State::Dead
    }

    /// Sends a task, if its worker can be reached; else it is sent when the worker is attached. Whether it had
    /// been sent before.
    pub(super) fn dispatch(&mut self, token: u64, now: u64) -> bool {
        let Some(link) = self.route.and_then(|route| self.links[route].as_mut()) else { return false };
        if !self.book.worker_of(token).is_some_and(|worker| self.members.is_attached(worker)) {
            return false;
        }
        let Some(sending) = self.book.send(token, now) else { return false };
        let (corrupt, twice) = self.tamper.on_task();
        let head = TaskHead {
            token,
            agent: sending.worker,
            epoch: self.members.epoch(sending.worker),
            number: sending.number,
            attempt: sending.attempt,
            sent_ns: now,
            work: sending.work.kind,
            twice,
            a: sending.work.a,
            b: sending.work.b,
        };
        let size = sending.payload as usize;
        head.put(link, &sending.work.extra, size, |out| put_payload(out, token, size, corrupt));
        link.flush_ahead();
        self.metrics.sent();
        sending.attempt > 1
    }

    pub(super) fn take_connections(&mut self, poller: &Poller) {
        while let Some(fd) = self.listener.take(poller) {
            let link = self.swarm.link(fd, GATEWAY, 0);
            link.widen();
            let free = self.links.iter().position(Option::is_none);
            let place = free.unwrap_or_else(|| {
                self.links.push(None);
                self.links.len() - 1
            });
            if poller.add(&link, FIRST_LINK + place as u64).is_ok() {
                self.links[place] = Some(link);
            }
        }
    }

    pub(super) fn read_link(&mut self, place: usize, flags: EpollFlags, buffer: &mut [u8], poller: &Poller) {
        if flags == EpollFlags::EPOLLOUT {
            return;
        }
        loop {
            let Some(link) = self.links.get_mut(place).and_then(Option::as_mut) else { return };
            match link.receive(buffer) {
                None => return,
                Some(0) => return self.drop_link(place, poller),
                Some(n) => self.take_packet(place, &buffer[..n]),
            }
            if !self.links[place].as_ref().is_some_and(Link::has_more) {
                return;
            }
        }
    }

    /// Takes packets that are not kept any longer for those before them.
    pub(super) fn read_due(&mut self, buffer: &mut [u8], poller: &Poller) {
        self.look_for_mail(now_ns(), buffer);
        self.listener.resume(poller);
        let has_more = |route: &usize| self.links[*route].as_ref().is_some_and(Link::has_more);
        if let Some(route) = self.route.filter(has_more) {
            self.read_link(route, EpollFlags::EPOLLIN, buffer, poller);
        }
    }

    fn drop_link(&mut self, place: usize, poller: &Poller) {
        if let Some(link) = self.links[place].take() {
            poller.remove(&link);
        }
        if self.route == Some(place) {
            self.route = None;
            self.members.lose_all();
        }
    }

    /// Takes a packet of the present leader; the answers in one of any other are refused.
    pub(super) fn take_packet(&mut self, place: usize, packet: &[u8]) {
        let reader = PacketReader::new(packet);
        let leader = self.swarm.table.leader();
        if (reader.sender, reader.epoch) != (leader.agent, leader.epoch) {
            let refused = reader.filter(|message| matches!(message, Message::Answer(_))).count();
            let stale = &self.swarm.table.head().refused_stale;
            stale.fetch_add(refused as u64, std::sync::atomic::Ordering::Relaxed);
            return;
        }
        if self.route != Some(place) {
            self.route = Some(place);
            self.route_full = false;
            if let Some(link) = &mut self.links[place] {
                link.set_peer(leader.agent);
            }
            self.overseeing.begin(now_ns(), self.swarm.table.slot(leader.agent).beat());
            self.members.lose_all();
        }
        let now = now_ns();
        for message in reader {
            match message {
                Message::Answer(head) => self.take_answer(&head, now),
                Message::Attached(news) => self.on_attached(&news, now),
                Message::Lost(news) => self.on_lost(&news),
                Message::Elected(news) => {
                    let report = self.recovery.elected(self.swarm, &news);
                    self.reports.extend(report);
                }
                Message::Moved(news) => {
                    let report = self.recovery.begin(self.swarm, &news);
                    self.reports.extend(report);
                }
                Message::Beat(beat) => self.overseeing.told(&beat),
                Message::Task(..) | Message::Echo(..) => {}
            }
        }
    }

    fn take_answer(&mut self, head: &AnswerHead, now: u64) {
        self.metrics.answered(head, now);
        self.resend.heard(u64::from(head.transit_us) * 1_000 + now.saturating_sub(head.answered_ns));
        let AnswerHead { token, agent, epoch, seq, attempt, digest, again, .. } = *head;
        let answer = Answer { token, agent, epoch, seq, attempt, digest };
        match self.tamper.delays(answer, now) {
            Some(until_ns) => self.book.withhold(token, until_ns),
            None => self.on_answer(answer, now, again),
        }
    }

    /// Strikes the task out and passes the answer on. An answer whose task is not in the book is one that was
    /// given already, by another way. `again` is a planted second execution, which is passed on.
    pub(super) fn on_answer(&mut self, answer: Answer, now: u64, again: bool) {
        if again {
            self.answers.push(answer);
            return;
        }
        if self.book.attempts(answer.token).is_none() {
            self.metrics.repeated();
            return;
        }
        let fate = self.tamper.fate();
        self.book.answered(answer.token, answer.attempt, now, fate != Fate::Forget);
        let released = self.tamper.release(answer.agent);
        match fate {
            Fate::Forget => {}
            Fate::Pass => self.answers.push(answer),
            Fate::Twice => self.answers.extend([answer, answer]),
            Fate::Hold => self.answers.extend(self.tamper.hold(answer)),
        }
        self.answers.extend(released);
    }

    /// Sends what was put on the way to the leader in this turn.
    pub(super) fn flush_route(&mut self, poller: &Poller) {
        let Some(route) = self.route else { return };
        let Some(link) = &mut self.links[route] else { return };
        let full = match link.flush() {
            Sent::All => false,
            Sent::Full => true,
            // Noticed as a hang-up by the next wait.
            Sent::Gone => return,
        };
        if full != self.route_full {
            self.route_full = full;
            poller.wants_out(&*link, FIRST_LINK + route as u64, full);
        }
    }

    /// When a packet for the leader may leave that waits for its moment, or one from it that came too early.
    pub(super) fn route_due_ns(&self) -> Option<u64> {
        self.route.and_then(|route| self.links[route].as_ref()).and_then(Link::due_ns)
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.route.and_then(|route| self.links[route].as_ref()).map_or(0, Link::held)
    }
}

/// The payload that the protocol defines for a token; if it is to be corrupt, with one bit changed.
fn put_payload(out: &mut Vec<u8>, token: u64, size: usize, corrupt: bool) {
    let start = out.len();
    let word = token.to_le_bytes();
    for _ in 0..size / 8 {
        out.extend_from_slice(&word);
    }
    out.extend_from_slice(&word[..size % 8]);
    if corrupt && size > 0 {
        out[start + size / 2] ^= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_the_one_that_the_protocol_defines() {
        for size in [0, 1, 7, 8, 9, 256, 1001] {
            let mut out = vec![9];
            put_payload(&mut out, 0x0102_0304_0506_0708, size, false);
            let defined: Vec<u8> =
                (0..size).map(|i| protocol::payload_byte(0x0102_0304_0506_0708, i)).collect();
            assert_eq!(out[1..], defined);
        }
    }
}
