//! Faults, guardian and healing on real processes.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod again;
mod catalogue;
mod enclosure;
mod faults;
mod files;
mod guardian;
mod left;
mod network;
mod ordinary;
mod residue;
mod run;
mod snapshot;
