//! News that is told more than once while the bus is disturbed: unlike a task, it is asked for by nobody.

use super::Coordinator;
use crate::bus::{Elected, Link, Lost, Moved};

/// How often news is told again, once in a tick.
const TIMES: u8 = 4;

/// What this agent has found out and tells the gateway. Who hears it twice knows it by its epoch or term.
#[derive(Debug)]
pub(super) enum News {
    Lost(Lost),
    Elected(Elected),
    Moved(Moved),
}

impl News {
    fn put(&self, link: &mut Link) {
        match self {
            Self::Lost(news) => news.put(link),
            Self::Elected(news) => news.put(link),
            Self::Moved(news) => news.put(link),
        }
    }
}

impl Coordinator {
    /// Tells news of its own, again and again if it may be lost on the way.
    pub(super) fn tell(&mut self, news: News) {
        self.with_up(|up| news.put(up));
        if self.swarm.rules.any() {
            self.repeated.push((TIMES, news));
        }
    }

    /// Tells again what was told not long ago.
    pub(super) fn repeat_news(&mut self) {
        let Some(up) = &mut self.up else { return };
        self.repeated.retain_mut(|(times, news)| {
            news.put(up);
            *times -= 1;
            *times > 0
        });
    }
}
