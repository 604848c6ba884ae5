//! Room for one incoming packet.

use std::num::NonZeroUsize;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

use super::MAX_PACKET;

/// Room for one packet, mapped fresh and never freed: of a forked process's memory only what is really
/// received is ever touched, where an allocator would clear or copy all of it.
pub fn packet_buffer() -> nix::Result<&'static mut [u8]> {
    const BYTES: NonZeroUsize = NonZeroUsize::new(MAX_PACKET).expect("a packet has a size");
    #[expect(unsafe_code, reason = "memory that is cleared page by page when it is first used")]
    // SAFETY: a new private mapping of this size, zeroed by the kernel, that nothing else refers to and that is
    // never unmapped.
    unsafe {
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let base = mmap_anonymous(None, BYTES, protection, MapFlags::MAP_PRIVATE)?;
        Ok(std::slice::from_raw_parts_mut(base.as_ptr().cast(), MAX_PACKET))
    }
}
