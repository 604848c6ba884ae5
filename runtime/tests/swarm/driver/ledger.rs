//! Account of every token.

use std::collections::{BTreeMap, BTreeSet};

use protocol::Answer;

/// What was accepted and what came back.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) accepted: BTreeSet<u64>,
    pub(crate) refused: u64,
    pub(crate) answers: BTreeMap<u64, Vec<Answer>>,
    /// All answers in the order in which they came.
    pub(crate) order: Vec<Answer>,
}

impl Ledger {
    /// Accepted and never answered.
    pub(crate) fn lost(&self) -> Vec<u64> {
        self.accepted.iter().copied().filter(|token| !self.answers.contains_key(token)).collect()
    }

    /// Tokens with answers of different executions.
    pub(crate) fn doubly_executed(&self) -> Vec<u64> {
        let many = |answers: &Vec<Answer>| {
            answers.iter().map(|a| (a.agent, a.epoch, a.seq)).collect::<BTreeSet<_>>().len() > 1
        };
        self.answers.iter().filter(|(_, answers)| many(answers)).map(|(token, _)| *token).collect()
    }

    /// Tokens that were answered more than once.
    pub(crate) fn answered_twice(&self) -> Vec<u64> {
        self.answers.iter().filter(|(_, answers)| answers.len() > 1).map(|(token, _)| *token).collect()
    }

    /// Tokens whose payload came back changed.
    pub(crate) fn corrupt(&self, payload: usize) -> Vec<u64> {
        self.order.iter().filter(|a| a.digest != digest(a.token, payload)).map(|a| a.token).collect()
    }

    /// Everything accepted was answered once, by one execution, with the right payload.
    pub(crate) fn assert_clean(&self, payload: usize) {
        assert_eq!(self.lost(), Vec::<u64>::new(), "lost");
        assert_eq!(self.doubly_executed(), Vec::<u64>::new(), "executed twice");
        assert_eq!(self.answered_twice(), Vec::<u64>::new(), "answered twice");
        assert_eq!(self.corrupt(payload), Vec::<u64>::new(), "corrupt");
        let phantoms: Vec<u64> =
            self.answers.keys().filter(|token| !self.accepted.contains(token)).copied().collect();
        assert_eq!(phantoms, Vec::<u64>::new(), "answered but never accepted");
    }
}

/// The digest that an unchanged payload has.
pub(crate) fn digest(token: u64, payload: usize) -> u32 {
    let bytes: Vec<u8> = (0..payload).map(|i| protocol::payload_byte(token, i)).collect();
    crc32fast::hash(&bytes)
}
