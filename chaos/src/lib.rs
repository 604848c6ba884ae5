//! How to break a target and put it back: faults with evidence, guardian, undo journal.
//!
//! A fault is [`inject`]ed into [`Victim`]s that the harness has chosen, and nothing counts as injected that
//! was not read back from the kernel. A fault that has to be undone comes with a [`Guard`] that heals it on
//! drop. Undo does not depend on the harness living: the [`Guardian`] is a process of its own, the parent of
//! the target, that reads the [`journal`], undoes what is open and ends every process of the run when the
//! harness is gone. [`heal`] does the same later, for a run whose guardian was lost too.
//!
//! Everything here is synchronous; the calls of the harness belong on a thread that may block.

mod abilities;
mod aide;
mod cgroup;
pub mod clock;
mod cpus;
pub mod enclosure;
mod error;
mod fault;
mod find;
mod guard;
pub mod guardian;
mod heal;
mod host;
pub mod journal;
mod pidfd;
pub mod process;
mod rlimit;
mod scope;
mod site;
mod stop;
mod sweep;
mod undo;

pub use abilities::{Ability, abilities, refusals};
pub use error::ChaosError;
pub use fault::{Injected, Prepared, Victim, inject, prepare};
pub use guard::{Guard, Healed};
pub use guardian::{Guardian, Kept, Report, TargetCommand, TargetStdio, Terms, kept};
pub use heal::{HealReport, harness_of, heal, is_kept};
pub use journal::Journal;
pub use scope::Scope;
pub use site::{Site, Step};
pub use stop::Ended;
pub use sweep::sweep;

/// Makes this process the new parent of descendants that lose theirs. The harness calls it once, before it
/// starts a guardian: should the guardian be killed, the run's processes are then still below the harness.
///
/// # Errors
/// If the kernel refuses.
pub fn become_subreaper() -> Result<(), ChaosError> {
    nix::sys::prctl::set_child_subreaper(true)
        .map_err(|e| ChaosError::io("become the parent of orphans", "this process", e.into()))
}
