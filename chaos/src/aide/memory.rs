//! Taking memory, page by page.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::role::{Leave, say};
use crate::host::available_memory;
use crate::process::Identity;

/// How much is taken at once.
const STEP: u64 = 4 << 20;
/// The same where a group of a few MiB is filled.
const SMALL_STEP: u64 = 1 << 18;

/// Takes so many bytes into its own pages, as long as so many are left available; the words are `BYTES RESERVE`.
/// Tells how many it holds. `None` if these are no such words.
pub(super) fn take(words: &[&str], leave: &Leave) -> Option<()> {
    let (bytes, reserve) = numbers(words)?;
    let mut held: Vec<Vec<u8>> = Vec::new();
    let mut taken = 0;
    while taken < bytes && !leave.is_due() && leaves(reserve, STEP) {
        let step = STEP.min(bytes - taken);
        // Not zeroes, for which no page would be taken.
        held.push(vec![1; usize::try_from(step).ok()?]);
        taken += step;
    }
    say(&format!("held {taken}"));
    leave.wait();
    // Held until here.
    drop(std::hint::black_box(held));
    Some(())
}

/// Fills the group that it is in with the pages of a file in memory, which count for the group and not for this
/// process, so that the kernel finds the victim to be the largest; the words are `BYTES RESERVE PID STARTTIME`,
/// and it goes on until that process is gone. `None` if these are no such words.
pub(super) fn fill(words: &[&str], leave: &Leave) -> Option<()> {
    let (bytes, reserve) = numbers(words)?;
    let victim = Identity { pid: words.get(2)?.parse().ok()?, starttime: words.get(3)?.parse().ok()? };
    let mut file = File::from(memfd_create("shakedown", MFdFlags::MFD_CLOEXEC).ok()?);
    let pages = vec![1; usize::try_from(SMALL_STEP).ok()?];
    let mut taken = 0;
    while !leave.is_due() && victim.is_alive().unwrap_or(false) {
        if taken < bytes && leaves(reserve, SMALL_STEP) && file.write_all(&pages).is_ok() {
            taken += SMALL_STEP;
        } else {
            // At the limit the kernel refuses or ends somebody; then there is room again.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Some(())
}

fn numbers(words: &[&str]) -> Option<(u64, u64)> {
    Some((words.first()?.parse().ok()?, words.get(1)?.parse().ok()?))
}

/// Whether so much is left available after the next step.
fn leaves(reserve: u64, step: u64) -> bool {
    available_memory().is_some_and(|available| available >= reserve.saturating_add(step))
}
