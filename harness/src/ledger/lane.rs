//! The open tasks of one kind, in the order of their tokens and so of their deadlines.

use std::collections::{BTreeMap, VecDeque};

use super::bits::Bits;
use super::{Closing, Digests, Kind, Terms};

/// Tasks with consecutive tokens that were due and sent together.
#[derive(Debug, Clone)]
pub struct Lot {
    first: u64,
    count: u32,
    /// Acknowledged or refused.
    settled: u32,
    /// Neither answered nor refused.
    open: u32,
    expired: bool,
    /// The round, or the tag of a flood.
    round: u64,
    intended_ns: u64,
    started_ns: u64,
    payload: u32,
    closed: Bits,
}

impl Lot {
    /// Tasks that were due when they were sent.
    pub(super) fn new(first: u64, count: u32, started_ns: u64) -> Self {
        Self {
            first,
            count,
            settled: 0,
            open: count,
            expired: false,
            round: 0,
            intended_ns: started_ns,
            started_ns,
            payload: 0,
            closed: Bits::new(count),
        }
    }

    /// Of this round, or flood, with so many bytes of payload each.
    pub(super) fn of(self, round: u64, payload: u32) -> Self {
        Self { round, payload, ..self }
    }

    /// Due at another time than when they were sent.
    pub(super) fn due(self, intended_ns: u64) -> Self {
        Self { intended_ns, ..self }
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }

    fn is_done(&self) -> bool {
        self.open == 0 && (self.expired || self.settled == self.count)
    }

    fn closing(&self, kind: Kind, token: u64) -> Closing {
        Closing { kind, round: self.round, token, intended_ns: self.intended_ns, started_ns: self.started_ns }
    }

    /// Neither acknowledged, refused nor answered. Acknowledgements come in the order of the tokens.
    fn unsettled(&self) -> u64 {
        (self.settled..self.count).filter(|index| !self.closed.get(*index)).count() as u64
    }
}

/// How many of the oldest lots are looked at for tasks that are overdue.
const OLDEST_LOTS: usize = 64;

/// The lots of one kind that are not done with.
#[derive(Debug)]
pub struct Lane {
    kind: Kind,
    terms: Terms,
    /// By the size of the payload.
    digests: BTreeMap<u32, Digests>,
    lots: VecDeque<Lot>,
    done: usize,
    open: u64,
    in_flight: u64,
    /// Every lot that begins before this token has expired.
    unexpired_from: u64,
    /// Where the newest lot ends.
    end: u64,
}

impl Lane {
    pub(super) fn new(kind: Kind, terms: Terms) -> Self {
        Self {
            kind,
            terms,
            digests: BTreeMap::from([(terms.payload, Digests::new(terms.payload))]),
            lots: VecDeque::new(),
            done: 0,
            open: 0,
            in_flight: 0,
            unexpired_from: 0,
            end: 0,
        }
    }

    pub(super) fn push(&mut self, lot: Lot) {
        self.open += u64::from(lot.count);
        self.in_flight += u64::from(lot.count);
        self.end = lot.end();
        self.digests.entry(lot.payload).or_insert_with(|| Digests::new(lot.payload));
        self.lots.push_back(lot);
    }

    /// What its tasks are like.
    #[must_use]
    pub fn terms(&self) -> Terms {
        self.terms
    }

    /// Tasks neither answered nor refused.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// The first token of the oldest tasks that are in flight.
    pub(super) fn oldest_in_flight(&self) -> Option<u64> {
        let begin = self.lots.partition_point(|lot| lot.first < self.unexpired_from);
        self.lots.range(begin..).find(|lot| lot.open > 0).map(|lot| lot.first)
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether this is the digest of the payload of this token; of one that is no longer known, of a payload of
    /// any size that there was.
    pub(super) fn fits(&self, token: u64, digest: u32) -> bool {
        let lot = self.index_of(token).map(|index| &self.lots[index]);
        match lot.and_then(|lot| self.digests.get(&lot.payload)) {
            Some(digests) => digests.of(token) == digest,
            None => self.digests.values().any(|digests| digests.of(token) == digest),
        }
    }

    /// The lot of this token, unless it is done with.
    fn index_of(&self, token: u64) -> Option<usize> {
        let after = self.lots.partition_point(|lot| lot.first <= token);
        let index = after.checked_sub(1)?;
        (token < self.lots[index].end()).then_some(index)
    }

    pub(super) fn holds(&self, token: u64) -> bool {
        self.index_of(token).is_some()
    }

    pub(super) fn round_of(&self, token: u64) -> Option<u64> {
        self.index_of(token).map(|index| self.lots[index].round)
    }

    /// Closes a task; `None` if it was closed before.
    pub(super) fn close(&mut self, token: u64) -> Option<Closing> {
        let index = self.index_of(token)?;
        let lot = &mut self.lots[index];
        let offset = u32::try_from(token - lot.first).ok()?;
        if !lot.closed.set(offset) {
            return None;
        }
        lot.open -= 1;
        self.open -= 1;
        if !lot.expired {
            self.in_flight -= 1;
        }
        let closing = lot.closing(self.kind, token);
        let done = lot.is_done();
        self.drop_done(usize::from(done));
        Some(closing)
    }

    /// The lots that overlap these tokens.
    fn overlapping(&self, from: u64, to: u64) -> std::ops::Range<usize> {
        let begin = self.lots.partition_point(|lot| lot.end() <= from);
        let end = self.lots.partition_point(|lot| lot.first < to);
        begin..end.max(begin)
    }

    /// Whether those of these tokens that are known here are the next of their lots to be acknowledged.
    pub(super) fn awaits(&self, from: u64, to: u64) -> bool {
        let next = |lot: &Lot| from.saturating_sub(lot.first) == u64::from(lot.settled);
        self.lots.range(self.overlapping(from, to)).all(next)
    }

    /// The rounds, or tags, of these tokens, and how many of them each has.
    pub(super) fn tags(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let lots = self.lots.range(self.overlapping(from, to));
        lots.map(|lot| (lot.round, to.min(lot.end()) - from.max(lot.first))).collect()
    }

    /// These tokens were acknowledged. How many of them are of this lane.
    pub(super) fn settle(&mut self, from: u64, to: u64) -> u64 {
        let (mut done, mut settled) = (0, 0);
        for index in self.overlapping(from, to) {
            let lot = &mut self.lots[index];
            let was = lot.is_done();
            let tokens = to.min(lot.end()) - from.max(lot.first);
            settled += tokens;
            lot.settled = lot.count.min(lot.settled + u32::try_from(tokens).unwrap_or(u32::MAX));
            done += usize::from(!was && lot.is_done());
        }
        self.drop_done(done);
        settled
    }

    /// These tokens were refused: those that are open are closed.
    pub(super) fn refuse(&mut self, from: u64, to: u64, mut closed: impl FnMut(Closing)) {
        self.settle(from, to);
        for token in from..to {
            if let Some(closing) = self.close(token) {
                closed(closing);
            }
        }
    }

    pub(super) fn expire(&mut self, now_ns: u64) {
        let begin = self.lots.partition_point(|lot| lot.first < self.unexpired_from);
        let mut done = 0;
        for index in begin..self.lots.len() {
            let lot = &mut self.lots[index];
            if lot.started_ns + self.terms.timeout_ns >= now_ns {
                break;
            }
            let was = lot.is_done();
            lot.expired = true;
            self.in_flight -= u64::from(lot.open);
            self.unexpired_from = lot.first + 1;
            done += usize::from(!was && lot.is_done());
        }
        self.drop_done(done);
    }

    /// `newly` more lots are done with. They are dropped: at the front at once, within the queue when they are
    /// the larger part of it.
    fn drop_done(&mut self, newly: usize) {
        if newly == 0 {
            return;
        }
        self.done += newly;
        while self.lots.front().is_some_and(Lot::is_done) {
            self.lots.pop_front();
            self.done -= 1;
        }
        if self.done > 64 && self.done * 2 > self.lots.len() {
            self.lots.retain(|lot| !lot.is_done());
            self.done = 0;
        }
    }

    /// When the oldest task was sent, at `until_ns` or before, that was acknowledged and is open. Only the oldest lots
    /// are looked at.
    #[must_use]
    pub fn oldest_acknowledged(&self, until_ns: u64) -> Option<u64> {
        let old = self.lots.iter().take(OLDEST_LOTS).take_while(|lot| lot.started_ns <= until_ns);
        let mut waiting = old.filter(|lot| (0..lot.settled).any(|index| !lot.closed.get(index)));
        waiting.next().map(|lot| lot.started_ns)
    }

    /// Calls `each` for the acknowledged tasks whose time is over and that are open, at most so many.
    pub(super) fn overdue(&self, most: usize, each: impl FnMut(u64)) {
        let lots = self.lots.iter().take_while(|lot| lot.expired).filter(|lot| lot.open > 0);
        let open = lots.flat_map(|lot| {
            let indices = (0..lot.settled).filter(|index| !lot.closed.get(*index));
            indices.map(|index| lot.first + u64::from(index))
        });
        open.take(most).for_each(each);
    }

    pub(super) fn unsettled(&self) -> u64 {
        self.lots.iter().map(Lot::unsettled).sum()
    }

    /// The tokens of all tasks in flight that were sent at `until_ns` or before, as a range, and how many of
    /// them are open.
    #[must_use]
    pub fn in_flight_at(&self, until_ns: u64) -> (std::ops::Range<u64>, u64) {
        let begin = self.lots.partition_point(|lot| lot.first < self.unexpired_from);
        let end = self.lots.partition_point(|lot| lot.started_ns <= until_ns).max(begin);
        let high = self.lots.get(end).map_or(self.end, |lot| lot.first);
        let low = self.lots.get(begin).map_or(high, |lot| lot.first).min(high);
        (low..high, self.lots.range(begin..end).map(|lot| u64::from(lot.open)).sum())
    }
}

#[cfg(test)]
impl Lane {
    pub(crate) fn lots_kept(&self) -> usize {
        self.lots.len()
    }
}
