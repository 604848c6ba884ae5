//! One bit for each task of a lot. A lot of up to 64 tasks needs no memory of its own.

/// A fixed number of bits, all zero at first.
#[derive(Debug, Clone)]
pub(super) enum Bits {
    Few(u64),
    Many(Box<[u64]>),
}

impl Bits {
    pub(super) fn new(count: u32) -> Self {
        if count <= 64 { Self::Few(0) } else { Self::Many(vec![0; (count as usize).div_ceil(64)].into()) }
    }

    /// Sets a bit; whether it was zero.
    pub(super) fn set(&mut self, index: u32) -> bool {
        let word = match self {
            Self::Few(word) => word,
            Self::Many(words) => &mut words[index as usize / 64],
        };
        let mask = 1 << (index % 64);
        let fresh = *word & mask == 0;
        *word |= mask;
        fresh
    }

    pub(super) fn get(&self, index: u32) -> bool {
        let word = match self {
            Self::Few(word) => *word,
            Self::Many(words) => words[index as usize / 64],
        };
        word & (1 << (index % 64)) != 0
    }
}
