//! Work that cannot be done for want of memory, processes or descriptors waits until there is enough again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::errno::Errno;

use super::signals;
use crate::clock::now_ns;
use crate::listener::is_exhaustion;
use crate::pause::Pause;

/// After so long it has failed.
const PATIENCE_NS: u64 = 60_000_000_000;

/// Tries until it works, fails for another reason, the worker is to leave, or patience ends. Counts the tries
/// that failed for want of something.
pub(super) fn when_enough<T>(
    counted: &AtomicU64,
    mut attempt: impl FnMut() -> Result<T, Errno>,
) -> Result<T, Errno> {
    let give_up_ns = now_ns() + PATIENCE_NS;
    let mut pause = Pause::new(2, 200);
    loop {
        match attempt() {
            Err(error) if is_exhaustion(error) && !signals::asked_to_end() && now_ns() < give_up_ns => {
                counted.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_nanos(pause.next_ns()));
            }
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn want_is_waited_for_and_any_other_failure_is_final() {
        let counted = AtomicU64::new(0);
        let mut tries = 0;
        let mut answer = |then| {
            tries += 1;
            if tries < 3 { Err(Errno::EMFILE) } else { then }
        };
        assert_eq!(when_enough(&counted, || answer(Ok(7))), Ok(7));
        assert_eq!(when_enough(&counted, || answer(Err(Errno::ENOENT))), Err::<i32, _>(Errno::ENOENT));
        assert_eq!(counted.into_inner(), 2);
    }
}
