//! The work that is due by the plan: when, whether or not anything before it was answered.

mod arrivals;
mod levels;
mod mix;
mod rounds;

pub use arrivals::Schedule;
pub use levels::participants;
pub use mix::{For, drawn};
pub use rounds::{OpenRounds, RoundState, shed};

use scenarios::plan;

/// What the plan calls the work, in the words of the protocol, which has none for a mixture: one of its parts was drawn
/// before ([`drawn`]), and none of them is a mixture again.
#[must_use]
pub fn to_protocol(work: &plan::Work) -> protocol::Work {
    match work.clone() {
        plan::Work::Echo {} => protocol::Work::Echo {},
        plan::Work::Sleep { p50_us, p99_us } => protocol::Work::Sleep { p50_us, p99_us },
        plan::Work::Cpu { us } => protocol::Work::Cpu { us },
        plan::Work::Alloc { bytes } => protocol::Work::Alloc { bytes },
        plan::Work::Exec { argv } => protocol::Work::Exec { argv },
        plan::Work::Relay {} => protocol::Work::Relay {},
        plan::Work::Mix { .. } => protocol::Work::Echo {},
    }
}

/// From nanoseconds to the milliseconds of the protocol, never less.
#[must_use]
pub fn to_millis(nanos: u64) -> u64 {
    nanos.div_ceil(1_000_000)
}
