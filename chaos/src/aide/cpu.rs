//! Keeping CPUs busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::role::{Leave, say};

/// Keeps so many threads busy; the word is their number. `None` if it is none.
pub(super) fn burn(words: &[&str], leave: &Leave) -> Option<()> {
    let threads: u32 = words.first()?.parse().ok()?;
    let over = Arc::new(AtomicBool::new(false));
    let mut started = 0;
    for _ in 0..threads {
        let over = over.clone();
        let busy = move || {
            while !over.load(Ordering::Relaxed) {
                std::hint::black_box((0..10_000_u64).fold(0, u64::wrapping_add));
            }
        };
        started += u32::from(std::thread::Builder::new().stack_size(64 << 10).spawn(busy).is_ok());
    }
    say(&format!("busy {started}"));
    leave.wait();
    over.store(true, Ordering::Relaxed);
    Some(())
}
