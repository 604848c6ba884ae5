//! What is done to processes by signals.

use super::super::{D, H, MS, S, scalar, time};
use super::FOR;
use super::victims::{ALL, COUNT, EXCEPT, NEEDED, PERCENT, ROLE, SAME};
use crate::format::Presence::{Default, Optional, Required};
use crate::format::Scalar::{Rate, Share, Word};
use crate::format::Table;

pub(crate) static KILL: Table = Table {
    title: "kill",
    help: "Ends processes with a signal; with `for`, each successor as well for that long.",
    fields: &[
        ROLE,
        COUNT,
        PERCENT,
        ALL,
        EXCEPT,
        SAME,
        scalar(
            "signal",
            Word(&["SIGKILL", "SIGTERM", "SIGSEGV", "SIGABRT"]),
            Default("SIGKILL"),
            "With which signal.",
        ),
        scalar(
            "then_kill",
            time(MS, H),
            Optional,
            "How long a process may take to end by itself before SIGKILL follows.",
        ),
        scalar(
            "for",
            time(10 * MS, D),
            Optional,
            "A crash loop: whoever takes a victim's place is ended as well, for this long.",
        ),
    ],
    choices: NEEDED,
};

pub(crate) static PAUSE: Table = Table {
    title: "pause",
    help: "Stops processes and lets them go on later.",
    fields: &[ROLE, COUNT, PERCENT, ALL, EXCEPT, SAME, FOR],
    choices: NEEDED,
};

pub(crate) static FREEZE: Table = Table {
    title: "freeze",
    help: "Freezes processes as one group, all at the same instant, and thaws them later.",
    fields: &[ROLE, COUNT, PERCENT, ALL, EXCEPT, SAME, FOR],
    choices: NEEDED,
};

pub(crate) static SLOW: Table = Table {
    title: "slow",
    help: "Stops and continues processes in turn.",
    fields: &[
        ROLE,
        COUNT,
        PERCENT,
        ALL,
        EXCEPT,
        SAME,
        scalar(
            "stopped",
            Share { least: 10_000, most: 950_000 },
            Default("80%"),
            "The share of the time in which they are stopped, in whole percent.",
        ),
        scalar("period", time(10 * MS, 10 * S), Default("100ms"), "Stopped and running together."),
        FOR,
    ],
    choices: NEEDED,
};

pub(crate) static SIGNALS: Table = Table {
    title: "signals",
    help: "Sends signals that end nobody who handles or ignores them.",
    fields: &[
        ROLE,
        COUNT,
        PERCENT,
        ALL,
        EXCEPT,
        SAME,
        scalar(
            "signal",
            Word(&["SIGWINCH", "SIGURG", "SIGCONT", "SIGHUP", "SIGUSR1"]),
            Default("SIGWINCH"),
            "Which. SIGHUP and SIGUSR1 end a process that does not handle them, the others do not.",
        ),
        scalar("rate", Rate { zero: false }, Required, "How many to each, at most 10000/s."),
        FOR,
    ],
    choices: NEEDED,
};
