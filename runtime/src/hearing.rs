//! Whether a peer can be heard and hears: agents that lead send each other, and the gateway, a beat over the bus,
//! because the counters in the table tell only of processes, not of the way between them.

/// How often a peer must have been at work without being heard.
const BEATS: u64 = 5;

/// What is known of the way from and to one peer. All times are of the clock that all processes share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hearing {
    /// When something last came from it.
    heard_ns: u64,
    /// The count of its signs of life at that time.
    beat: u64,
    /// When it last heard this side, as it said then.
    hears_ns: u64,
    /// When it said so.
    told_ns: u64,
}

impl Hearing {
    /// A new connection: it begins as if all had been heard.
    pub(crate) fn new(now_ns: u64, beat: u64) -> Self {
        Self { heard_ns: now_ns, beat, hears_ns: now_ns, told_ns: now_ns }
    }

    /// Something has come since the last look.
    pub(crate) fn heard(&mut self, now_ns: u64, beat: u64) {
        (self.heard_ns, self.beat) = (now_ns, beat);
    }

    /// The peer has said for how long it had heard nothing.
    pub(crate) fn told(&mut self, at_ns: u64, silent_ms: u32) {
        if at_ns >= self.told_ns {
            (self.told_ns, self.hears_ns) = (at_ns, at_ns.saturating_sub(u64::from(silent_ms) * 1_000_000));
        }
    }

    /// For how long nothing has come, in milliseconds.
    pub(crate) fn silent_ms(&self, now_ns: u64) -> u32 {
        u32::try_from(now_ns.saturating_sub(self.heard_ns) / 1_000_000).unwrap_or(u32::MAX)
    }

    /// Whether the peer, at work as its signs of life show, is not heard or does not hear for longer than a lease,
    /// during all of which this side was at work itself.
    pub(crate) fn is_cut(&self, now_ns: u64, beat: u64, lease_ns: u64, steady_since_ns: u64) -> bool {
        let silent_ns = now_ns.saturating_sub(self.heard_ns.max(steady_since_ns));
        let mute = silent_ns > lease_ns && beat >= self.beat + BEATS;
        let deaf = self.hears_ns >= steady_since_ns && self.told_ns - self.hears_ns > lease_ns;
        mute || deaf
    }

    /// Whether both ways were in use not long ago: who is cut off itself must accuse nobody.
    pub(crate) fn is_sound(&self, now_ns: u64, lease_ns: u64) -> bool {
        let recent_ns = lease_ns * 3 / 5;
        let heard = now_ns.saturating_sub(self.heard_ns) <= recent_ns;
        heard && self.told_ns - self.hears_ns <= recent_ns
    }
}

/// Since when this process has looked regularly.
#[derive(Debug, Default)]
pub(crate) struct Steady {
    looked_ns: u64,
    since_ns: u64,
    /// How often a file system had refused something at the last look.
    refused: u64,
}

impl Steady {
    /// Notes a look; since when there was none later than half a lease after the one before, and nothing was
    /// refused by the file system of a bus of files: while it refuses, nobody is heard, whoever lives.
    pub(crate) fn look(&mut self, now_ns: u64, lease_ns: u64, refused: u64) -> u64 {
        if now_ns.saturating_sub(self.looked_ns) > lease_ns / 2 || refused != self.refused {
            self.since_ns = now_ns;
        }
        self.refused = refused;
        self.looked_ns = now_ns;
        self.since_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const LEASE: u64 = 500 * MS;

    #[test]
    fn a_peer_that_works_and_is_not_heard_is_cut_off_and_one_that_is_starved_is_not() {
        let hearing = Hearing::new(0, 10);
        assert!(!hearing.is_cut(500 * MS, 15, LEASE, 0), "its lease is not over");
        assert!(hearing.is_cut(501 * MS, 15, LEASE, 0));
        assert!(!hearing.is_cut(900 * MS, 12, LEASE, 0), "it has hardly run");
        assert!(!hearing.is_cut(900 * MS, 19, LEASE, 800 * MS), "this side has not looked for long");
    }

    #[test]
    fn a_peer_that_does_not_hear_is_cut_off_if_there_was_something_to_hear() {
        let mut hearing = Hearing::new(1_000 * MS, 0);
        hearing.heard(2_000 * MS, 0);
        hearing.told(2_000 * MS, 501);
        assert!(hearing.is_cut(2_000 * MS, 0, LEASE, 0));
        assert!(!hearing.is_cut(2_000 * MS, 0, LEASE, 1_900 * MS), "this side said nothing itself");
        hearing.told(1_900 * MS, 0);
        assert!(hearing.is_cut(2_000 * MS, 0, LEASE, 0), "what was said before does not count");
    }

    #[test]
    fn who_is_cut_off_itself_is_not_sound() {
        let mut hearing = Hearing::new(0, 0);
        assert!(hearing.is_sound(300 * MS, LEASE));
        assert!(!hearing.is_sound(301 * MS, LEASE));
        hearing.heard(400 * MS, 0);
        hearing.told(400 * MS, 350);
        assert!(!hearing.is_sound(400 * MS, LEASE));
    }

    #[test]
    fn a_long_pause_begins_a_new_time_of_looking() {
        let mut steady = Steady::default();
        let since: Vec<u64> =
            [100, 200, 300, 900, 1_000].map(|ms| steady.look(ms * MS, LEASE, 0) / MS).into();
        assert_eq!(since, [0, 0, 0, 900, 900]);
    }

    #[test]
    fn while_a_file_system_refuses_nobody_is_accused() {
        let mut steady = Steady::default();
        let since: Vec<u64> = [0, 0, 1, 5, 5]
            .into_iter()
            .zip(1..)
            .map(|(refused, n)| steady.look(n * 100 * MS, LEASE, refused) / MS)
            .collect();
        assert_eq!(since, [0, 0, 300, 400, 400]);
    }
}
