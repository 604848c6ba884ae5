//! Which execution answered a task, for the tasks answered last.

use protocol::Answer;

/// How many are kept. A second answer that comes after more than this many others is still seen, but counts
/// as a second delivery, since nothing is left to compare it with.
const KEPT: usize = 65_536;

/// The executions of recently answered tasks, in fixed memory.
#[derive(Debug)]
pub struct Executions {
    ring: Box<[Execution]>,
}

#[derive(Debug, Clone, Copy)]
struct Execution {
    token: u64,
    seq: u64,
    agent: u32,
    epoch: u32,
}

impl Executions {
    pub(super) fn new() -> Self {
        // Not zero: pages that are zero take memory only when they are first written to, which would be growth of the
        // harness for as long as it takes to fill them all.
        let none = Execution { token: u64::MAX, seq: u64::MAX, agent: u32::MAX, epoch: u32::MAX };
        Self { ring: vec![none; KEPT].into() }
    }

    pub(super) fn remember(&mut self, answer: &Answer) {
        self.ring[place(answer.token)] =
            Execution { token: answer.token, seq: answer.seq, agent: answer.agent, epoch: answer.epoch };
    }

    /// Whether the task is known to have been answered by another execution.
    pub(super) fn differs(&self, answer: &Answer) -> bool {
        let known = &self.ring[place(answer.token)];
        known.token == answer.token
            && (known.agent, known.epoch, known.seq) != (answer.agent, answer.epoch, answer.seq)
    }

    /// The same for another agent, or another life of the same.
    pub(super) fn has_other_owner(&self, answer: &Answer) -> bool {
        let known = &self.ring[place(answer.token)];
        known.token == answer.token && (known.agent, known.epoch) != (answer.agent, answer.epoch)
    }
}

/// Tokens are consecutive, so the newest [`KEPT`] never share a place.
fn place(token: u64) -> usize {
    usize::try_from(token % KEPT as u64).unwrap_or_default()
}
