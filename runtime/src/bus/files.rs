//! The bus as files: every packet is a file in the spool of the agent that is to read it.
//!
//! A packet is written under a temporary name and then renamed, so that it is there whole or not at all, whoever is
//! killed at whatever instruction. Its number is in its name, which keeps the order of each sender. The connection
//! between two agents stays: it tells of a death, and a few bytes on it say that there is mail.

mod letter;
mod mail;
mod rest;
mod spool;

/// How often it is looked for mail of which no bell told, in nanoseconds.
pub(crate) const LOOK_NS: u64 = 1_000_000_000;

pub use mail::Mail;
pub use spool::{Counts, Spool, SpoolError};
