//! Run directories in, verdicts and reports out.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod ceilings;
mod certificate;
mod course;
mod decisions;
mod environments;
mod faults;
mod fixture;
mod honesty;
mod incidents;
mod pace;
mod pages;
mod proof;
mod recovery;
mod reference;
mod registry;
mod soak;
mod swap;
mod verdicts;
