//! The memory allocator of a process that lives for a month.

/// Lets all threads share one heap. By default glibc gives each thread one of its own; what one thread takes and another
/// gives back then leaves holes in both, and how many depends on who came first: each harness settled at another level, up
/// to 200 KiB apart. Of one heap those levels are 20 KiB apart, and a MiB lower. The threads of a harness hardly ever wait
/// for each other there. It has to be said before the first thread begins; other allocators are left as they are.
pub(crate) fn share() {
    #[cfg(target_env = "gnu")]
    #[expect(
        unsafe_code,
        reason = "no wrapper exists; two numbers go in, and nothing else of the program is touched"
    )]
    // SAFETY: `mallopt` takes two integers and may be called at any time.
    unsafe {
        // A refusal leaves the default, with which everything works as well.
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}
