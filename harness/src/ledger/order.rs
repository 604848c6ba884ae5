//! Whether an answer overtook an earlier task of the same agent.

use std::collections::HashMap;

use protocol::Answer;

/// The greatest token that each agent has answered at its first attempt, within its present life.
#[derive(Debug, Default)]
pub(super) struct Order {
    newest: HashMap<u32, (u32, u64)>,
}

impl Order {
    /// Enters an answer; whether a later task of the same agent and life was answered before it. Order is
    /// promised for first attempts only.
    pub(super) fn overtakes(&mut self, answer: &Answer) -> bool {
        if answer.attempt != 1 {
            return false;
        }
        let (epoch, newest) = self.newest.entry(answer.agent).or_insert((answer.epoch, answer.token));
        if answer.epoch > *epoch {
            (*epoch, *newest) = (answer.epoch, answer.token);
        }
        if answer.epoch < *epoch {
            return false;
        }
        let overtaken = answer.token < *newest;
        *newest = answer.token.max(*newest);
        overtaken
    }
}
