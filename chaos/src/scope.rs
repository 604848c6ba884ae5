//! What a fault may touch: the processes of its own run and nothing else.

use std::io;

use crate::process::{Identity, Stat};

/// How often a chain of parents is walked before it counts as one that does not lead to the guardian. Each
/// walk breaks only if yet another ancestor ends during it.
const TRIES: u32 = 100;

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
        for _ in 0..TRIES {
            match self.walk_up(pid)? {
                Walk::Broken => (),
                end => return Ok(matches!(end, Walk::AtGuardian)),
            }
        }
        Ok(false)
    }

    fn walk_up(&self, pid: u32) -> io::Result<Walk> {
        let mut at = pid;
        // A chain that changes under the walk could lead in a circle through a recycled id; no real one is
        // as long as this.
        for _ in 0..10_000 {
            match Stat::read(at)?.map(|stat| stat.ppid) {
                Some(ppid) if ppid == self.guardian.pid => {
                    let alive = self.guardian.is_alive()?;
                    return Ok(if alive { Walk::AtGuardian } else { Walk::Elsewhere });
                }
                Some(1) => return Ok(Walk::Elsewhere),
                Some(ppid) if ppid > 1 => at = ppid,
                _ if at == pid => return Ok(Walk::Elsewhere),
                _ => return Ok(Walk::Broken),
            }
        }
        Ok(Walk::Elsewhere)
    }
}

/// Where the way from child to parent ended.
enum Walk {
    AtGuardian,
    Elsewhere,
    /// A parent went away under the walk; its child has another one by now.
    Broken,
}
