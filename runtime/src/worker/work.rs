//! The kinds of work that a worker does by itself.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use nix::errno::Errno;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::enough::when_enough;
use crate::bus::TaskHead;
use crate::clock::thread_cpu_ns;

/// The quantile of the normal distribution at 0.99.
const Z99: f64 = 2.326_347_874;

/// Waits as long as the task's distribution says, which is drawn from seed and token.
pub(super) fn sleep(seed: u64, task: &TaskHead) -> bool {
    let us = drawn_us(seed, task.token, task.a, task.b);
    std::thread::sleep(Duration::from_micros(us));
    true
}

fn drawn_us(seed: u64, token: u64, p50: u64, p99: u64) -> u64 {
    if p99 <= p50 || p50 == 0 {
        return p50;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ token.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let sigma = (p99 as f64 / p50 as f64).ln() / Z99;
    // Box and Muller's way from two uniform numbers to a normal one.
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
    (p50 as f64 * (sigma * normal).exp()) as u64
}

/// Keeps a core busy for so much CPU time.
pub(super) fn burn(us: u64) -> bool {
    let end = thread_cpu_ns().saturating_add(us.saturating_mul(1_000));
    let mut x = end;
    while thread_cpu_ns() < end {
        for _ in 0..64 {
            x = std::hint::black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
    true
}

/// More than any address space holds.
const TOO_MUCH: u64 = 1 << 47;

/// Allocates, touches every page and frees; whether there was so much memory. That there is not enough at the
/// moment is counted and waited for.
pub(super) fn allocate(bytes: u64, exhausted: &AtomicU64) -> bool {
    let Some(bytes) = usize::try_from(bytes).ok().filter(|_| bytes < TOO_MUCH) else { return false };
    let mut block: Vec<u8> = Vec::new();
    let reserved = when_enough(exhausted, || block.try_reserve_exact(bytes).map_err(|_| Errno::ENOMEM));
    if reserved.is_err() {
        return false;
    }
    for page in block.spare_capacity_mut().chunks_mut(4096) {
        page[0].write(1);
    }
    std::hint::black_box(block.as_mut_ptr());
    true
}

/// The payload of a task whose work failed: one byte differs, or there is one where none was.
pub(super) fn spoiled(payload: &[u8]) -> Vec<u8> {
    let mut payload = payload.to_vec();
    match payload.first_mut() {
        Some(first) => *first ^= 0xff,
        None => payload.push(0xff),
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_times_have_the_asked_median_and_99th_percentile() {
        let mut drawn: Vec<u64> = (0..20_000).map(|token| drawn_us(7, token, 1_000, 5_000)).collect();
        drawn.sort_unstable();
        let (p50, p99) = (drawn[10_000], drawn[19_800]);
        assert!((950..1_050).contains(&p50), "p50 {p50}");
        assert!((4_500..5_500).contains(&p99), "p99 {p99}");
        assert_eq!(drawn_us(7, 3, 1_000, 5_000), drawn_us(7, 3, 1_000, 5_000));
        assert_eq!(drawn_us(7, 3, 1_000, 1_000), 1_000);
    }

    #[test]
    fn impossible_memory_fails_and_possible_memory_does_not() {
        let exhausted = AtomicU64::new(0);
        assert!(allocate(1 << 20, &exhausted));
        assert!(!allocate(u64::MAX / 4, &exhausted));
    }
}
