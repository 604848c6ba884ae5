//! The digest that the answer to a token must carry, without making its payload.
//!
//! The payload is the token's eight bytes repeated, and a CRC is linear: the digest is that of as many zeros,
//! changed by one table entry for each byte of the token. Eight look-ups, whatever the size.

/// The digests of payloads of one size.
#[derive(Clone)]
pub struct Digests {
    zeros: u32,
    changes: Box<[[u32; 256]; 8]>,
}

impl std::fmt::Debug for Digests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digests").field("zeros", &self.zeros).finish_non_exhaustive()
    }
}

impl Digests {
    /// The table for payloads of `size` bytes.
    #[must_use]
    pub fn new(size: u32) -> Self {
        let zeros = payload_crc(0, size);
        let mut changes = Box::new([[0_u32; 256]; 8]);
        for (byte, table) in changes.iter_mut().enumerate() {
            for bit in 0..8 {
                let change = payload_crc(1 << (byte * 8 + bit), size) ^ zeros;
                // Every value with this bit as its highest is a smaller one with one change more.
                for value in (1 << bit)..(2 << bit) {
                    table[value] = table[value ^ (1 << bit)] ^ change;
                }
            }
        }
        Self { zeros, changes }
    }

    /// CRC-32 of the payload of this token.
    #[must_use]
    pub fn of(&self, token: u64) -> u32 {
        let bytes = token.to_le_bytes();
        self.changes.iter().zip(bytes).fold(self.zeros, |crc, (table, byte)| crc ^ table[usize::from(byte)])
    }
}

/// The CRC of a whole payload, made piece by piece.
fn payload_crc(token: u64, size: u32) -> u32 {
    // Whole repetitions, so that every piece begins with the payload's first byte.
    let piece: Vec<u8> =
        (0..size.min(4096) as usize).map(|index| protocol::payload_byte(token, index)).collect();
    let mut hasher = crc32fast::Hasher::new();
    let mut left = size as usize;
    while left > 0 {
        let length = left.min(piece.len());
        hasher.update(&piece[..length]);
        left -= length;
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The table gives, for every token and size, the CRC of the payload itself.
        #[test]
        fn the_table_agrees_with_the_payload(token: u64, size in 0_u32..9000) {
            let payload: Vec<u8> = (0..size as usize).map(|i| protocol::payload_byte(token, i)).collect();
            prop_assert_eq!(Digests::new(size).of(token), crc32fast::hash(&payload));
        }
    }
}
