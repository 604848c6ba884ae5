//! How to load it.

use super::{D, H, LONGEST, MOST_AGENTS, MOST_PAYLOAD, MS, US, number, scalar, table, time};
use crate::format::Presence::{Default, Optional, Otherwise, Required};
use crate::format::Scalar::{Count, Rate, Share, Size, Text, TimeOfDay, Word};
use crate::format::{Choice, Field, Table, Value};

pub(crate) static WORKLOAD: Table = Table {
    title: "workload",
    help: "How the target is loaded, from the moment it is ready to the end of the hold phase.",
    fields: &[
        table("rounds", &ROUNDS, Optional, "One task for every worker, again and again."),
        table(
            "arrivals",
            &ARRIVALS,
            Optional,
            "Single tasks that become due by the plan, whether or not earlier ones were answered.",
        ),
    ],
    choices: &[],
};

const TIMEOUT: Field = scalar("timeout", time(MS, D), Default("30s"), "When an answer counts as late.");
const PAYLOAD: Field = scalar(
    "payload",
    Size { least: 0, most: MOST_PAYLOAD },
    Default("256B"),
    "The size of each task's payload.",
);
/// Kinds of work that are one word.
pub(crate) const ONE_WORD: &[&str] = &["echo", "relay"];
const WORK: Field = Field {
    key: "work",
    value: Value::Either(&[Value::Scalar(Word(ONE_WORD)), Value::Table(&WORK_KINDS)]),
    presence: Default("echo"),
    help: "What a worker does before it answers. `echo`: nothing. `relay`: it passes the payload to another worker and back.",
};

pub(crate) static ROUNDS: Table = Table {
    title: "rounds",
    help: "A round is one task for every worker; it is complete when all have answered.",
    fields: &[
        scalar("every", time(MS, D), Required, "From when one round is due to when the next is."),
        TIMEOUT,
        PAYLOAD,
        WORK,
        scalar(
            "open",
            number(1, 1_000),
            Default("16"),
            "Rounds that may be open at once; one that is due beyond that is shed and counted.",
        ),
        Field {
            key: "daily",
            value: Value::List(&Value::Table(&LEVEL)),
            presence: Otherwise("all workers, always"),
            help: "How many workers take part by the time of day; each holds until the next, the last until the day is over.",
        },
    ],
    choices: &[],
};

pub(crate) static ARRIVALS: Table = Table {
    title: "arrivals",
    help: "An open arrival process: one shape for the whole time, `segments` one after the other, or shapes by the time of day.",
    fields: &[
        scalar("rate", Rate { zero: false }, Optional, "So many tasks, evenly."),
        table("ramp", &RAMP, Optional, "Evenly, at a rate that changes linearly."),
        scalar(
            "poisson",
            Rate { zero: false },
            Optional,
            "So many on average, with exponentially distributed gaps.",
        ),
        table("burst", &BURST, Optional, "Many at once, again and again."),
        Field {
            key: "segments",
            value: Value::List(&Value::Table(&SEGMENT)),
            presence: Optional,
            help: "Stretches of time, each with its own shape; nothing is due after the last.",
        },
        Field {
            key: "daily",
            value: Value::List(&Value::Table(&HOURS)),
            presence: Optional,
            help: "Shapes by the time of day; each holds until the next, the last until the day is over.",
        },
        TIMEOUT,
        PAYLOAD,
        WORK,
        scalar(
            "slots",
            number(1, 1_000_000),
            Default("10000"),
            "Tasks that may be open at once; one that is due beyond that is shed and counted.",
        ),
    ],
    choices: &[Choice { keys: &["rate", "ramp", "poisson", "burst", "segments", "daily"], required: true }],
};

/// The keys of the shapes.
pub(crate) const SHAPES: &[&str] = &["rate", "ramp", "poisson", "burst"];

pub(crate) static SEGMENT: Table = Table {
    title: "segment",
    help: "One stretch of arrivals; without a shape nothing is due in it.",
    fields: &[
        scalar("for", time(MS, LONGEST), Required, "How long it lasts."),
        scalar("rate", Rate { zero: false }, Optional, "So many tasks, evenly."),
        table("ramp", &RAMP, Optional, "Evenly, at a rate that changes linearly."),
        scalar(
            "poisson",
            Rate { zero: false },
            Optional,
            "So many on average, with exponentially distributed gaps.",
        ),
        table("burst", &BURST, Optional, "Many at once, again and again."),
    ],
    choices: &[Choice { keys: SHAPES, required: false }],
};

/// A time of day from which on something holds.
const FROM: Field = scalar(
    "from",
    TimeOfDay,
    Required,
    "From which time of the day on. A day of the run is 24 hours, the first begins at the moment at which the target is ready; the first entry is from 00:00.",
);

pub(crate) static LEVEL: Table = Table {
    title: "level",
    help: "How many workers take part in rounds from a time of the day on. A round goes to the first of them by number.",
    fields: &[
        FROM,
        Field {
            key: "workers",
            value: Value::Either(&[
                Value::Scalar(Count { least: 1, most: MOST_AGENTS }),
                Value::Scalar(Share { least: 1, most: 1_000_000 }),
            ]),
            presence: Required,
            help: "How many, as a number or as a share of all of them, rounded up.",
        },
    ],
    choices: &[],
};

pub(crate) static HOURS: Table = Table {
    title: "hours",
    help: "How single tasks become due from a time of the day on; without a shape nothing is due.",
    fields: &[
        FROM,
        scalar("rate", Rate { zero: false }, Optional, "So many tasks, evenly."),
        table("ramp", &RAMP, Optional, "Evenly, at a rate that changes linearly until the next entry."),
        scalar(
            "poisson",
            Rate { zero: false },
            Optional,
            "So many on average, with exponentially distributed gaps.",
        ),
        table("burst", &BURST, Optional, "Many at once, again and again."),
    ],
    choices: &[Choice { keys: SHAPES, required: false }],
};

pub(crate) static RAMP: Table = Table {
    title: "ramp",
    help: "A rate that changes linearly.",
    fields: &[
        scalar("from", Rate { zero: true }, Required, "The rate at its beginning."),
        scalar("to", Rate { zero: true }, Required, "The rate at its end."),
    ],
    choices: &[],
};

pub(crate) static BURST: Table = Table {
    title: "burst",
    help: "Many tasks at the same moment, again and again; the first at the beginning.",
    fields: &[
        scalar("count", number(1, 1_000_000), Required, "How many."),
        scalar("every", time(MS, D), Required, "From one burst to the next."),
    ],
    choices: &[],
};

const SLEEPS: Field = Field {
    key: "sleep",
    value: Value::Either(&[Value::Scalar(time(US, H)), Value::Table(&SLEEP)]),
    presence: Optional,
    help: "Waits: always this long, or log-normally distributed.",
};
const CPU: Field = scalar("cpu", time(US, H), Optional, "Keeps a core busy for this much CPU time.");
const ALLOC: Field =
    scalar("alloc", Size { least: 1, most: 1 << 32 }, Optional, "Allocates, touches every page, frees.");
const EXEC: Field = Field {
    key: "exec",
    value: Value::List(&Value::Scalar(Text)),
    presence: Optional,
    help: "Runs a program with its arguments to the end; a status other than 0 makes the answer corrupt.",
};

pub(crate) static WORK_KINDS: Table = Table {
    title: "work",
    help: "What a worker does with a task before it answers.",
    fields: &[
        SLEEPS,
        CPU,
        ALLOC,
        EXEC,
        Field {
            key: "mix",
            value: Value::List(&Value::Table(&PART)),
            presence: Optional,
            help: "One of several kinds, drawn from the seed for each round and for each single task.",
        },
    ],
    choices: &[Choice { keys: &["sleep", "cpu", "alloc", "exec", "mix"], required: true }],
};

pub(crate) static PART: Table = Table {
    title: "part",
    help: "A kind of work in a mixture.",
    fields: &[
        scalar(
            "weight",
            number(1, 1_000_000),
            Default("1"),
            "How often it is drawn, against the sum of all weights.",
        ),
        Field {
            key: "work",
            value: Value::Either(&[Value::Scalar(Word(ONE_WORD)), Value::Table(&PART_WORK)]),
            presence: Required,
            help: "What it is.",
        },
    ],
    choices: &[],
};

pub(crate) static PART_WORK: Table = Table {
    title: "part-work",
    help: "What a worker does with a task of this part: anything but another mixture.",
    fields: &[SLEEPS, CPU, ALLOC, EXEC],
    choices: &[Choice { keys: &["sleep", "cpu", "alloc", "exec"], required: true }],
};

pub(crate) static SLEEP: Table = Table {
    title: "sleep",
    help: "A log-normal distribution.",
    fields: &[
        scalar("p50", time(US, H), Required, "Its median."),
        scalar("p99", time(US, H), Required, "Its 99th percentile."),
    ],
    choices: &[],
};
