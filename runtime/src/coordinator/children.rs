//! The connections of those below.

use crate::bus::{Link, Sent};
use crate::poller::{FIRST_FREE, Poller};

struct Child {
    link: Link,
    /// Distinguishes this connection from earlier ones in the same place.
    generation: u32,
    /// Who is at the other end, once it has said so, and in which epoch.
    agent: Option<(u32, u32)>,
    dirty: bool,
    waits_for_room: bool,
}

/// All connections, and the one that leads to each agent.
pub(super) struct Children {
    places: Vec<Option<Child>>,
    free: Vec<usize>,
    by_agent: Vec<Option<usize>>,
    dirty: Vec<usize>,
    generation: u32,
}

impl Children {
    pub(super) fn new(agents: u32) -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            by_agent: vec![None; agents as usize],
            dirty: Vec::new(),
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
        self.places[place] =
            Some(Child { link, generation, agent: None, dirty: false, waits_for_room: false });
        Some(key)
    }

    fn place(&self, key: u64) -> Option<usize> {
        let place = (key & 0xffff_ffff).checked_sub(FIRST_FREE)? as usize;
        let child = self.places.get(place)?.as_ref()?;
        (u64::from(child.generation) == key >> 32).then_some(place)
    }

    /// The connection with this key, if it is still there.
    pub(super) fn at(&self, key: u64) -> Option<&Link> {
        self.places[self.place(key)?].as_ref().map(|child| &child.link)
    }

    /// The way to an agent that is connected here.
    pub(super) fn of(&self, agent: u32) -> Option<usize> {
        self.by_agent[agent as usize]
    }

    /// Notes who is at the other end of a connection, and whether it leads others in turn. Its latest
    /// connection is the one that counts.
    pub(super) fn bind(&mut self, key: u64, (agent, epoch): (u32, u32), leads: bool) {
        let Some(place) = self.place(key) else { return };
        let Some(child) = &mut self.places[place] else { return };
        if child.agent.is_none() {
            child.agent = Some((agent, epoch));
            if leads {
                child.link.widen();
            }
            self.by_agent[agent as usize] = Some(place);
        }
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
            let full = match child.link.flush() {
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

    /// Bytes that wait for room.
    pub(super) fn held(&self) -> u64 {
        self.places.iter().flatten().map(|child| child.link.held() as u64).sum()
    }
}

fn key(place: usize, generation: u32) -> u64 {
    u64::from(generation) << 32 | (place as u64 + FIRST_FREE)
}
