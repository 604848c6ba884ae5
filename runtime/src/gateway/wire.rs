//! A task's work as it travels: a kind, two numbers, and for a program its arguments.

use protocol::{Tasks, Work};

use crate::bus::{WORK_ALLOC, WORK_CPU, WORK_ECHO, WORK_EXEC, WORK_RELAY, WORK_SLEEP};
use crate::config::PAYLOAD_LIMIT;

/// The longest program with its arguments, in bytes.
const ARGV_LIMIT: usize = 4_096;

/// A task's work as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WireWork {
    pub(super) kind: u8,
    pub(super) a: u64,
    pub(super) b: u64,
    pub(super) extra: Vec<u8>,
}

impl WireWork {
    pub(super) fn new(work: &Work) -> Self {
        let plain = |kind, a, b| Self { kind, a, b, extra: Vec::new() };
        match work {
            Work::Echo {} => plain(WORK_ECHO, 0, 0),
            Work::Sleep { p50_us, p99_us } => plain(WORK_SLEEP, *p50_us, *p99_us),
            Work::Cpu { us } => plain(WORK_CPU, *us, 0),
            Work::Alloc { bytes } => plain(WORK_ALLOC, *bytes, 0),
            Work::Exec { argv } => Self { extra: argv.join("\0").into_bytes(), ..plain(WORK_EXEC, 0, 0) },
            Work::Relay {} => plain(WORK_RELAY, 0, 0),
        }
    }
}

/// What is wrong with tasks as they are asked for, if anything is.
pub(super) fn fault(tasks: &Tasks) -> Option<String> {
    if tasks.payload > PAYLOAD_LIMIT {
        let payload = tasks.payload;
        return Some(format!("a payload of {payload} bytes is too large: the most is {PAYLOAD_LIMIT}"));
    }
    if tasks.first.checked_add(u64::from(tasks.count)).is_none() {
        return Some(format!("the tokens from {} on run over the largest number", tasks.first));
    }
    let Work::Exec { argv } = &tasks.work else { return None };
    let bytes: usize = argv.iter().map(|word| word.len() + 1).sum();
    if argv.first().is_none_or(String::is_empty) {
        Some("work `exec` names no program: give `argv` at least one word".into())
    } else if argv.iter().any(|word| word.contains('\0')) {
        Some("work `exec` has a NUL byte in `argv`".into())
    } else if bytes > ARGV_LIMIT {
        Some(format!("work `exec` has {bytes} bytes of arguments: the most is {ARGV_LIMIT}"))
    } else {
        None
    }
}
