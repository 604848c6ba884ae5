//! Agents that are to be started: one that cannot be for want of something is tried again with growing pauses,
//! while deaths are noticed as ever.

use std::collections::VecDeque;

use nix::errno::Errno;

use crate::pause::Pause;

/// After so many further tries, a quarter of a second in all, it is told that the agents cannot be started.
const MOST_TRIES: u32 = 8;

/// The agents that are to be started.
#[derive(Debug)]
pub(super) struct Waiting {
    agents: VecDeque<u32>,
    tries: u32,
    pause: Pause,
    again_ns: u64,
}

/// What came of trying.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome<P> {
    /// Agents that were started, and their processes.
    pub(super) started: Vec<(P, u32)>,
    /// Agents that cannot be started, and why.
    pub(super) failed: Vec<(u32, Errno)>,
    /// Further tries.
    pub(super) retries: u64,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self { agents: VecDeque::new(), tries: 0, pause: Pause::new(1, 128), again_ns: 0 }
    }

    pub(super) fn push(&mut self, agents: &[u32]) {
        self.agents.extend(agents);
    }

    /// When to try next; `None` if nobody waits.
    pub(super) fn due_ns(&self) -> Option<u64> {
        (!self.agents.is_empty()).then_some(self.again_ns)
    }

    /// Starts as many as can be.
    pub(super) fn start<P>(
        &mut self,
        now_ns: u64,
        mut start: impl FnMut(u32) -> Result<P, Errno>,
    ) -> Outcome<P> {
        let mut outcome = Outcome { started: Vec::new(), failed: Vec::new(), retries: 0 };
        while let Some(agent) = self.agents.front().copied().filter(|_| now_ns >= self.again_ns) {
            outcome.retries += u64::from(self.tries > 0);
            match start(agent) {
                Ok(process) => {
                    outcome.started.push((process, agent));
                    self.agents.pop_front();
                    self.begin_anew();
                }
                Err(errno) if self.tries == MOST_TRIES => {
                    outcome.failed.extend(self.agents.drain(..).map(|agent| (agent, errno)));
                    self.begin_anew();
                }
                Err(_) => {
                    // It may lack what the others do not need.
                    self.agents.rotate_left(1);
                    self.tries += 1;
                    self.again_ns = now_ns + self.pause.next_ns();
                }
            }
        }
        outcome
    }

    fn begin_anew(&mut self) {
        self.tries = 0;
        self.again_ns = 0;
        self.pause.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tries whenever it is due, with a start that works from this many calls on.
    fn tries_until(works_from: u32) -> (Outcome<u32>, u64) {
        let mut waiting = Waiting::new();
        waiting.push(&[5, 6]);
        let mut calls = 0;
        let mut all = Outcome::default();
        let mut now_ns = 0;
        while let Some(due_ns) = waiting.due_ns() {
            now_ns = now_ns.max(due_ns);
            let outcome = waiting.start(now_ns, |_| {
                calls += 1;
                if calls >= works_from { Ok(calls) } else { Err(Errno::EAGAIN) }
            });
            all.started.extend(outcome.started);
            all.failed.extend(outcome.failed);
            all.retries += outcome.retries;
        }
        (all, now_ns / 1_000_000)
    }

    #[test]
    fn a_start_that_fails_for_a_while_works_in_the_end_and_the_retries_are_counted() {
        assert_eq!(
            tries_until(1),
            (Outcome { started: vec![(1, 5), (2, 6)], failed: vec![], retries: 0 }, 0)
        );
        assert_eq!(
            tries_until(4),
            (Outcome { started: vec![(4, 6), (5, 5)], failed: vec![], retries: 3 }, 7)
        );
        let failed = vec![(5, Errno::EAGAIN), (6, Errno::EAGAIN)];
        assert_eq!(tries_until(100), (Outcome { started: vec![], failed, retries: 8 }, 255));
    }
}
