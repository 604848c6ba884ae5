//! What it costs to sample processes, in CPU time.
//!
//! `cargo bench -p shakedown-harness --bench sampling`
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure has nothing else to do")]

#[path = "../support/driven.rs"]
mod driven;
mod idle;
mod readings;
mod seconds;

fn main() {
    readings::measure();
    seconds::measure();
}
