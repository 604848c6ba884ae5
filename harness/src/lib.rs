//! Carries out a plan against a target and leaves evidence.

pub mod host;
pub mod probes;
