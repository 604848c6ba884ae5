//! Carries out a plan against a target and leaves evidence.
//!
//! It launches a target, loads it, breaks it on schedule, reads its processes, accounts for every task, and
//! writes down what it saw while it sees it. It never judges, never prints and never ends the process it runs
//! in; whatever happens, it leaves no process and no fault behind.
//!
//! Start with [`dispatcher`], which decides everything and does nothing, and with `run`, which does what it is
//! told. [`ledger`] accounts for the tasks, [`recovery`] sees from outside how the target recovers, [`probes`]
//! reads processes, [`host`] says what this machine allows.

mod binary;
pub mod checkpoint;
mod clock;
pub mod clocks;
pub mod dispatcher;
mod error;
pub mod host;
pub mod latency;
pub mod ledger;
pub mod manifest;
pub mod members;
mod nemesis;
mod notify;
pub mod probes;
mod progress;
pub mod recorder;
pub mod recovery;
mod resume;
mod run;
pub mod sampler;
mod setup;
mod target;
pub mod workload;

pub use binary::binary;
pub use error::{HarnessError, HostFailure, TargetFailure};
pub use progress::Progress;
pub use resume::{Refusal, Resumable};
pub use run::{resume, run};
pub use setup::{Finished, Interrupt, Setup};
