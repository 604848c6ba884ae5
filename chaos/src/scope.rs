//! What a fault may touch: the processes of its own run and nothing else.

use std::io;

use crate::process::{Identity, Stat};

/// The descendants of one guardian.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    guardian: Identity,
}

impl Scope {
    /// The scope of the run that this guardian watches.
    #[must_use]
    pub fn below(guardian: Identity) -> Self {
        Self { guardian }
    }

    /// The process at its top.
    #[must_use]
    pub fn guardian(&self) -> Identity {
        self.guardian
    }

    /// Whether the process that has this id now descends from the guardian; the guardian itself does not.
    pub(crate) fn holds(&self, pid: u32) -> io::Result<bool> {
        let mut at = pid;
        // A chain that changes under the walk could lead in a circle through a recycled id; no real one is
        // as long as this.
        for _ in 0..10_000 {
            let Some(stat) = Stat::read(at)? else { return Ok(false) };
            if stat.ppid == self.guardian.pid {
                return self.guardian.is_alive();
            }
            if stat.ppid <= 1 {
                return Ok(false);
            }
            at = stat.ppid;
        }
        Ok(false)
    }
}
