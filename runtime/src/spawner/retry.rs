//! A fork that fails for want of something is tried again, with growing pauses.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The pauses before each further try: 1 ms to 128 ms, a quarter of a second in all.
pub(super) fn pauses() -> impl Iterator<Item = Duration> {
    (0..8).map(|power| Duration::from_millis(1 << power))
}

/// Tries until it works or no pause is left; the last error then. Further tries are counted.
pub(super) fn with_pauses<T, E>(
    pauses: impl Iterator<Item = Duration>,
    counted: &AtomicU64,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let mut result = attempt();
    for pause in pauses {
        if result.is_ok() {
            break;
        }
        std::thread::sleep(pause);
        counted.fetch_add(1, Ordering::Relaxed);
        result = attempt();
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries_until(success_at: u32) -> (Result<u32, &'static str>, u64) {
        let counted = AtomicU64::new(0);
        let mut tries = 0;
        let no_waiting = pauses().map(|_| Duration::ZERO);
        let result = with_pauses(no_waiting, &counted, || {
            tries += 1;
            if tries >= success_at { Ok(tries) } else { Err("no") }
        });
        (result, counted.into_inner())
    }

    #[test]
    fn a_fork_that_fails_for_a_while_works_in_the_end_and_the_retries_are_counted() {
        assert_eq!(tries_until(1), (Ok(1), 0));
        assert_eq!(tries_until(4), (Ok(4), 3));
        assert_eq!(tries_until(100), (Err("no"), 8));
    }
}
