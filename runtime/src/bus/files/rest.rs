//! Rests after what a file system refused, each twice as long as the one before.

use crate::clock::now_ns;
use crate::pause::Pause;

/// The rests of one direction of a connection.
#[derive(Debug)]
pub(super) struct Rest {
    pause: Pause,
    /// When the present one is over; 0: nothing was refused.
    until_ns: u64,
}

impl Default for Rest {
    fn default() -> Self {
        Self { pause: Pause::new(1, 100), until_ns: 0 }
    }
}

impl Rest {
    pub(super) fn begin(&mut self) {
        self.until_ns = now_ns() + self.pause.next_ns();
    }

    pub(super) fn end(&mut self) {
        if self.until_ns > 0 {
            *self = Self::default();
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.until_ns == 0 || now_ns() >= self.until_ns
    }

    pub(super) fn due_ns(&self) -> Option<u64> {
        (self.until_ns > 0).then_some(self.until_ns)
    }
}
