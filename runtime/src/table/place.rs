//! A place in the tree, packed into one word so that it changes in one step.

/// The number that stands for the gateway where an agent's number is expected.
pub(crate) const GATEWAY: u32 = u32::MAX;

/// An agent in one of its epochs, and a count that grows with every change of the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) agent: u32,
    pub(crate) epoch: u32,
    pub(crate) turn: u32,
}

const HALF: u64 = 0xffff;
const COUNT: u64 = 0xff_ffff;

impl Place {
    pub(crate) fn from_bits(bits: u64) -> Self {
        let agent = (bits & HALF) as u32;
        Self {
            agent: if agent == HALF as u32 { GATEWAY } else { agent },
            epoch: (bits >> 16 & COUNT) as u32,
            turn: (bits >> 40) as u32,
        }
    }

    pub(crate) fn bits(self) -> u64 {
        u64::from(self.agent) & HALF
            | (u64::from(self.epoch) & COUNT) << 16
            | (u64::from(self.turn) & COUNT) << 40
    }
}
