//! The control protocol between a harness and its target: types, nothing else.
//!
//! One JSON object a line in each direction, over the target's standard input and output. The harness
//! sends [`Command`]s, the target answers with [`Report`]s. A target is any program that speaks this: it
//! needs no library of ours, and what it cannot tell it leaves out ([`Capability`]).
//!
//! *Tokens.* Every task carries a token that the harness issued and never uses twice. The payload of a task
//! is defined by its token ([`payload_byte`]), so that the target can make it and the harness can tell, from
//! the digest that comes back, whether a byte was changed on the way.
//!
//! *Time.* Every `at_ns` is `CLOCK_MONOTONIC` in nanoseconds: one clock for all processes of a host.

mod command;
mod report;

pub use command::{Command, Direction, FaultKind, Tasks, Work};
pub use report::{Answer, Capability, FaultState, How, Member, MemberState, Report, Role};

/// The version that both sides must name in their `hello`. A peer with another version is refused.
pub const VERSION: u32 = 1;

/// The longest line, in bytes and without its newline, that either side must accept.
pub const MAX_LINE: usize = 1 << 20;

/// Byte `index` of the payload of the task with this `token`: the token's eight little-endian bytes, repeated.
#[must_use]
pub fn payload_byte(token: u64, index: usize) -> u8 {
    token.to_le_bytes()[index % 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_object_with_one_key() {
        let tasks = Tasks { first: 7, count: 2, payload: 256, timeout_ms: 30_000, work: Work::Echo {} };
        let line = serde_json::to_string(&Command::Round { round: 3, tasks }).unwrap();
        assert_eq!(
            line,
            r#"{"round":{"round":3,"tasks":{"first":7,"count":2,"payload":256,"timeout_ms":30000,"work":{"echo":{}}}}}"#
        );
        let answers = r#"{"answers":{"items":[[7,12,1,1,1,3735928559]]}}"#;
        let Report::Answers { items } = serde_json::from_str(answers).unwrap() else { panic!("not answers") };
        assert_eq!(items[0].digest, 0xdead_beef);
    }

    #[test]
    fn a_command_with_an_unknown_field_is_refused() {
        assert!(serde_json::from_str::<Command>(r#"{"hello":{"protocol":1,"run":"r","x":1}}"#).is_err());
    }
}
