//! What is done to files: all but `file_size` to the bus directory.

use super::super::{S, US, number, scalar, time};
use super::FOR;
use super::victims::{ALL, COUNT, EXCEPT, NEEDED, PERCENT, ROLE, SAME};
use crate::format::Presence::{Default, Otherwise, Required};
use crate::format::Scalar::{Share, Size, Word};
use crate::format::{Field, Table, Value};

/// The operations that `on` takes.
pub(crate) const OPERATIONS: &[&str] = &["open", "read", "write", "rename", "remove", "sync"];

const ON: Field = Field {
    key: "on",
    value: Value::List(&Value::Scalar(Word(OPERATIONS))),
    presence: Otherwise("`[write, sync]`"),
    help: "Which operations: opening and creating, reading, writing, renaming and linking, removing, waiting until it is on disk.",
};

pub(crate) static DISK_FULL: Table = Table {
    title: "disk_full",
    help: "Fills the bus directory.",
    fields: &[scalar("leave", Size { least: 0, most: 1 << 40 }, Default("0B"), "What is left free."), FOR],
    choices: &[],
};

pub(crate) static INODES_FULL: Table = Table {
    title: "inodes_full",
    help: "Uses up the inodes of the bus directory.",
    fields: &[scalar("leave", number(0, 10_000_000), Default("0"), "How many are left free."), FOR],
    choices: &[],
};

pub(crate) static READ_ONLY: Table =
    Table { title: "read_only", help: "Makes the bus directory read-only.", fields: &[FOR], choices: &[] };

pub(crate) static FILE_SIZE: Table = Table {
    title: "file_size",
    help: "Lowers the soft limit of the size of a file (`RLIMIT_FSIZE`).",
    fields: &[
        ROLE,
        COUNT,
        PERCENT,
        ALL,
        EXCEPT,
        SAME,
        scalar("limit", Size { least: 0, most: 1 << 40 }, Required, "How large a file may become."),
        FOR,
    ],
    choices: NEEDED,
};

pub(crate) static FILE_ERRORS: Table = Table {
    title: "file_errors",
    help: "Lets operations in the bus directory fail.",
    fields: &[
        scalar("error", Word(&["EIO", "ENOSPC", "EMFILE", "EACCES"]), Required, "With which error."),
        ON,
        scalar("rate", Share { least: 1, most: 1_000_000 }, Default("100%"), "How many of them."),
        FOR,
    ],
    choices: &[],
};

pub(crate) static FILE_DELAY: Table = Table {
    title: "file_delay",
    help: "Lets operations in the bus directory take longer.",
    fields: &[
        scalar("delay", time(10 * US, 10 * S), Required, "By this much."),
        scalar("jitter", time(0, 10 * S), Default("0ms"), "And by up to this much more, drawn for each."),
        ON,
        FOR,
    ],
    choices: &[],
};
