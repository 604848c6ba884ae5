//! Faults, guardian and healing on real processes.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod faults;
mod guardian;
mod residue;
mod run;
