//! The connections of those below.

use crate::bus::{Beat, Link, Sent};
use crate::clock::now_ns;
use crate::hearing::Hearing;
use crate::poller::{FIRST_FREE, Poller};

struct Child {
    link: Link,
    /// Distinguishes this connection from earlier ones in the same place.
    generation: u32,
    /// Who is at the other end, once it has said so, and in which epoch.
    agent: Option<(u32, u32)>,
    dirty: bool,
    waits_for_room: bool,
    /// It is in the list of those with something to do unasked.
    is_late: bool,
    /// For one that leads others in turn.
    hearing: Option<Hearing>,
}

/// One look at all of them.
pub(super) struct Look {
    pub(super) me: u32,
    pub(super) now_ns: u64,
    pub(super) lease_ns: u64,
    /// Since when this agent has looked regularly.
    pub(super) steady_since_ns: u64,
}

/// All connections, and the one that leads to each agent.
pub(super) struct Children {
    places: Vec<Option<Child>>,
    free: Vec<usize>,
    by_agent: Vec<Option<usize>>,
    dirty: Vec<usize>,
    /// Connections with something to do although nothing happens on them.
    late: Vec<usize>,
    generation: u32,
}

impl Children {
    pub(super) fn new(agents: u32) -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            by_agent: vec![None; agents as usize],
            dirty: Vec::new(),
            late: Vec::new(),
            generation: 0,
        }
    }

    /// Keeps a new connection; its key, unless it cannot be waited for.
    pub(super) fn add(&mut self, link: Link, poller: &Poller) -> Option<u64> {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        self.generation = (self.generation + 1) & 0x7fff_ffff;
        let key = key(place, self.generation);
        if poller.add(&link, key).is_err() {
            self.free.push(place);
            return None;
        }
        let generation = self.generation;
        self.places[place] = Some(Child {
            link,
            generation,
            agent: None,
            dirty: false,
            waits_for_room: false,
            is_late: false,
            hearing: None,
        });
        Some(key)
    }

    fn place(&self, key: u64) -> Option<usize> {
        let place = (key & 0xffff_ffff).checked_sub(FIRST_FREE)? as usize;
        let child = self.places.get(place)?.as_ref()?;
        (u64::from(child.generation) == key >> 32).then_some(place)
    }

    /// The connection with this key, if it is still there.
    pub(super) fn at(&mut self, key: u64) -> Option<&mut Link> {
        let place = self.place(key)?;
        self.places[place].as_mut().map(|child| &mut child.link)
    }

    /// The way to an agent that is connected here.
    pub(super) fn of(&self, agent: u32) -> Option<usize> {
        self.by_agent[agent as usize]
    }

    /// Who is connected here, and in which epoch.
    pub(super) fn bound(&self) -> impl Iterator<Item = (u32, u32)> {
        let counts = |place: &usize, agent| self.by_agent[agent as usize] == Some(*place);
        (0..).zip(&self.places).filter_map(move |(place, child)| {
            child.as_ref()?.agent.filter(|(agent, _)| counts(&place, *agent))
        })
    }

    /// Notes who is at the other end of a connection, whether it leads others in turn, and its count of signs of
    /// life. Its latest connection is the one that counts.
    pub(super) fn bind(&mut self, key: u64, (agent, epoch): (u32, u32), leads: bool, beat: u64) {
        let Some(place) = self.place(key) else { return };
        let Some(child) = &mut self.places[place] else { return };
        if child.agent.is_none() {
            child.agent = Some((agent, epoch));
            child.link.set_peer(agent);
            if leads {
                child.link.widen();
                child.hearing = Some(Hearing::new(now_ns(), beat));
            }
            self.by_agent[agent as usize] = Some(place);
        }
    }

    /// A child has said for how long it has not heard this agent.
    pub(super) fn told(&mut self, key: u64, beat: &Beat) {
        if let Some(place) = self.place(key)
            && let Some(hearing) = self.places[place].as_mut().and_then(|child| child.hearing.as_mut())
        {
            hearing.told(beat.at_ns, beat.silent_ms);
        }
    }

    /// Sends a beat to every child that leads others; those that are cut off, with their epochs.
    pub(super) fn beat(&mut self, look: &Look, beat_of: impl Fn(u32) -> u64) -> Vec<(u32, u32)> {
        let mut cut = Vec::new();
        for (place, child) in self.places.iter_mut().enumerate() {
            let Some(Child { link, agent: Some((agent, epoch)), hearing: Some(hearing), dirty, .. }) = child
            else {
                continue;
            };
            if self.by_agent[*agent as usize] != Some(place) {
                continue;
            }
            let beat = beat_of(*agent);
            if link.take_heard() {
                hearing.heard(look.now_ns, beat);
            }
            if hearing.is_cut(look.now_ns, beat, look.lease_ns, look.steady_since_ns) {
                cut.push((*agent, *epoch));
            }
            let silent_ms = hearing.silent_ms(look.now_ns);
            Beat { agent: look.me, silent_ms, at_ns: look.now_ns }.put(link);
            if !std::mem::replace(dirty, true) {
                self.dirty.push(place);
            }
        }
        cut
    }

    /// Drops a connection. Who was there and in which epoch, if it was the one that counted.
    pub(super) fn remove(&mut self, key: u64, poller: &Poller) -> Option<(u32, u32)> {
        let place = self.place(key)?;
        let child = self.places[place].take()?;
        poller.remove(&child.link);
        self.free.push(place);
        let (agent, epoch) = child.agent?;
        if self.by_agent[agent as usize] != Some(place) {
            return None;
        }
        self.by_agent[agent as usize] = None;
        Some((agent, epoch))
    }

    /// Drops all connections; closing a descriptor that nobody else holds ends its registration too.
    pub(super) fn clear(&mut self) {
        let agents = self.by_agent.len() as u32;
        let generation = self.generation;
        *self = Self { generation, ..Self::new(agents) };
    }

    pub(super) fn put_raw(&mut self, place: usize, message: &[u8]) {
        if let Some(child) = &mut self.places[place] {
            child.link.put_raw(message);
            if !child.dirty {
                child.dirty = true;
                self.dirty.push(place);
            }
        }
    }

    /// Marks a connection that may have room again.
    pub(super) fn touch(&mut self, key: u64) {
        let Some(place) = self.place(key) else { return };
        if let Some(child) = &mut self.places[place]
            && !child.dirty
        {
            child.dirty = true;
            self.dirty.push(place);
        }
    }

    /// Sends what was put since the last time.
    pub(super) fn flush(&mut self, poller: &Poller) {
        for place in self.dirty.drain(..) {
            let Some(child) = &mut self.places[place] else { continue };
            child.dirty = false;
            let sent = child.link.flush();
            note_late(&mut self.late, place, child);
            let full = match sent {
                Sent::All => false,
                Sent::Full => true,
                // Noticed as a hang-up by the next wait.
                Sent::Gone => continue,
            };
            if full != child.waits_for_room {
                child.waits_for_room = full;
                poller.wants_out(&child.link, key(place, child.generation), full);
            }
        }
    }

    /// A packet of this connection was looked at.
    pub(super) fn looked_at(&mut self, key: u64) {
        if let Some(place) = self.place(key)
            && let Some(child) = &mut self.places[place]
        {
            note_late(&mut self.late, place, child);
        }
    }

    /// When there is something to do for one of them although nothing happens.
    pub(super) fn due_ns(&self) -> Option<u64> {
        let late = self.late.iter().filter_map(|place| self.places[*place].as_ref()?.link.due_ns());
        late.min()
    }

    /// The connections for which it is time.
    pub(super) fn take_due(&mut self) -> Vec<u64> {
        if self.late.is_empty() {
            return Vec::new();
        }
        let now = now_ns();
        let mut due = Vec::new();
        let places = &mut self.places;
        self.late.retain(|place| {
            let Some(child) = &mut places[*place] else { return false };
            child.is_late = child.link.due_ns().is_some_and(|due_ns| due_ns > now);
            if !child.is_late && child.link.due_ns().is_some() {
                due.push(key(*place, child.generation));
            }
            child.is_late
        });
        due
    }

    /// The keys of all connections.
    pub(super) fn keys(&self) -> Vec<u64> {
        let places = (0..).zip(&self.places);
        places.filter_map(|(place, child)| Some(key(place, child.as_ref()?.generation))).collect()
    }

    /// Bytes that wait for room.
    pub(super) fn held(&self) -> u64 {
        self.places.iter().flatten().map(|child| child.link.held() as u64).sum()
    }
}

fn note_late(late: &mut Vec<usize>, place: usize, child: &mut Child) {
    if !child.is_late && child.link.due_ns().is_some() {
        child.is_late = true;
        late.push(place);
    }
}

fn key(place: usize, generation: u32) -> u64 {
    u64::from(generation) << 32 | (place as u64 + FIRST_FREE)
}
