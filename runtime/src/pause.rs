//! Pauses between attempts, each twice as long as the one before.

/// The pauses of one thing that is tried again and again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pause {
    first_ns: u64,
    most_ns: u64,
    next_ns: u64,
}

impl Pause {
    /// From the first to the longest pause, in milliseconds.
    pub(crate) const fn new(first_ms: u64, most_ms: u64) -> Self {
        let first_ns = first_ms * 1_000_000;
        Self { first_ns, most_ns: most_ms * 1_000_000, next_ns: first_ns }
    }

    /// How long to wait this time.
    pub(crate) fn next_ns(&mut self) -> u64 {
        let pause_ns = self.next_ns;
        self.next_ns = (pause_ns * 2).min(self.most_ns);
        pause_ns
    }

    /// It worked: the next time begins with the shortest again.
    pub(crate) fn reset(&mut self) {
        self.next_ns = self.first_ns;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew() {
        let mut pause = Pause::new(2, 10);
        let ms: Vec<u64> = (0..5).map(|_| pause.next_ns() / 1_000_000).collect();
        assert_eq!(ms, [2, 4, 8, 10, 10]);
        pause.reset();
        assert_eq!(pause.next_ns(), 2_000_000);
    }
}
