//! The memory allocator of a process that lives for a month.

/// From this size on a block is given back to the kernel when it is freed, in bytes: the default of glibc.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 128 << 10;

/// Keeps the heap from growing by what was needed once. By default glibc takes the first large block that is freed as a
/// sign that more of its size will come, and from then on keeps all of that size in the heap, where they leave holes: a
/// harness then holds two MiB more, and takes half a minute to reach them. Other allocators do not learn that way.
pub(crate) fn give_back_large_blocks() {
    #[cfg(target_env = "gnu")]
    #[expect(
        unsafe_code,
        reason = "no wrapper exists; two numbers go in, and nothing else of the program is touched"
    )]
    // SAFETY: `mallopt` takes two integers and may be called at any time.
    unsafe {
        // A refusal leaves the default, which is only larger.
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}
