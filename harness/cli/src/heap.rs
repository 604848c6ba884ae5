//! The memory allocator of a process that lives for a month.

/// From how many bytes on an allocation gets pages of its own: what glibc begins with.
#[cfg(target_env = "gnu")]
const APART: libc::c_int = 128 << 10;

/// Lets all threads share one heap. By default glibc gives each thread one of its own; what one thread takes and another
/// gives back then leaves holes in both, and how many depends on who came first: each harness settled at another level, up
/// to 200 KiB apart. Of one heap those levels are 20 KiB apart, and a MiB lower. The threads of a harness hardly ever wait
/// for each other there. It has to be said before the first thread begins; other allocators are left as they are.
///
/// What is large gets pages of its own, always: histograms of 190 KiB come and go with the stretches of a tier. In the heap, as
/// glibc would have it from the second on, what is small comes to lie between them, and every new place is a step of some pages.
pub(crate) fn share() {
    #[cfg(target_env = "gnu")]
    #[expect(
        unsafe_code,
        reason = "no wrapper exists; numbers go in, and nothing else of the program is touched"
    )]
    // SAFETY: `mallopt` takes two integers and may be called at any time.
    unsafe {
        // A refusal leaves the default, with which everything works as well.
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, APART);
    }
}
