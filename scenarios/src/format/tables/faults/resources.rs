//! What exhausts memory, descriptors, processes and CPUs.

use super::super::{D, MS, number, scalar, time};
use super::FOR;
use super::victims::{ALL, COUNT, EXCEPT, NEEDED, PERCENT, POSSIBLE, ROLE, ROLE_OR_ALL, SAME};
use crate::format::Presence::{Default, Required};
use crate::format::Scalar::{Count, Share, Size, Word};
use crate::format::{Field, Scalar, Table, Value};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

const fn size(least: u64, most: u64) -> Scalar {
    Size { least, most }
}

/// The limit of a memory cgroup.
const MEMORY: Field =
    scalar("limit", size(MIB, 64 * GIB), Default("16MiB"), "The limit of each process's cgroup.");

pub(crate) static MEMORY_LIMIT: Table = Table {
    title: "memory_limit",
    help: "Caps the data segment (soft `RLIMIT_DATA`): what a process has now and so much more.",
    fields: &[
        ROLE,
        COUNT,
        PERCENT,
        ALL,
        EXCEPT,
        SAME,
        scalar("headroom", size(4 * KIB, 64 * GIB), Default("8MiB"), "Memory beyond the present."),
        FOR,
    ],
    choices: NEEDED,
};

pub(crate) static OUT_OF_MEMORY: Table = Table {
    title: "out_of_memory",
    help: "Puts each process into a memory cgroup and fills that until the kernel kills the process.",
    fields: &[
        ROLE,
        COUNT,
        PERCENT,
        ALL,
        EXCEPT,
        SAME,
        MEMORY,
        scalar("for", time(10 * MS, D), Default("5s"), "How long it may take; then it is undone."),
    ],
    choices: NEEDED,
};

pub(crate) static MEMORY_STALL: Table = Table {
    title: "memory_stall",
    help: "The same with the killer off: a process that needs memory stands still until it is undone.",
    fields: &[ROLE, COUNT, PERCENT, ALL, EXCEPT, SAME, MEMORY, FOR],
    choices: NEEDED,
};

pub(crate) static MEMORY_HOG: Table = Table {
    title: "memory_hog",
    help: "Takes memory of the host, and leaves a reserve in any case.",
    fields: &[
        scalar(
            "bytes",
            size(MIB, 256 * GIB),
            Required,
            "How much; refused where less than `reserve` would be left.",
        ),
        scalar(
            "reserve",
            size(256 * MIB, 256 * GIB),
            Default("2GiB"),
            "What stays free on the host in any case.",
        ),
        FOR,
    ],
    choices: &[],
};

pub(crate) static DESCRIPTORS: Table = Table {
    title: "descriptors",
    help: "Lowers the soft limit of open descriptors; those that are open stay open.",
    fields: &[
        ROLE,
        COUNT,
        PERCENT,
        ALL,
        EXCEPT,
        SAME,
        Field {
            key: "limit",
            value: Value::Either(&[
                Value::Scalar(Count { least: 1, most: 1 << 20 }),
                Value::Scalar(Word(&["held"])),
            ]),
            presence: Default("held"),
            help: "The new limit. `held`: so low that no further one can be opened.",
        },
        FOR,
    ],
    choices: NEEDED,
};

pub(crate) static PROCESSES: Table = Table {
    title: "processes",
    help: "Caps processes and threads of the whole target and spawns until the cap is reached.",
    fields: &[
        scalar(
            "headroom",
            number(0, 10_000),
            Default("20"),
            "How many may be there beyond the present ones.",
        ),
        FOR,
    ],
    choices: &[],
};

pub(crate) static CPU_PIN: Table = Table {
    title: "cpu_pin",
    help: "Lets processes run on one CPU only.",
    fields: &[
        ROLE_OR_ALL,
        COUNT,
        PERCENT,
        ALL,
        EXCEPT,
        SAME,
        scalar(
            "cpu",
            number(0, 1_023),
            Default("0"),
            "Which: its place among those that the target may use.",
        ),
        FOR,
    ],
    choices: POSSIBLE,
};

pub(crate) static CPU_HOG: Table = Table {
    title: "cpu_hog",
    help: "Keeps CPUs busy with threads of its own.",
    fields: &[scalar("threads", number(1, 256), Default("2"), "How many threads."), FOR],
    choices: &[],
};

pub(crate) static CPU_QUOTA: Table = Table {
    title: "cpu_quota",
    help: "Caps the CPU time of processes together.",
    fields: &[
        ROLE_OR_ALL,
        COUNT,
        PERCENT,
        ALL,
        EXCEPT,
        SAME,
        scalar(
            "share",
            Share { least: 10_000, most: 256_000_000 },
            Required,
            "How much of one CPU they have together, in whole percent; `150%` is one and a half.",
        ),
        FOR,
    ],
    choices: POSSIBLE,
};
