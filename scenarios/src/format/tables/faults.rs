//! What to break.

use super::{D, H, LONGEST, MOST_AGENTS, MS, ROLES, number, scalar, table, time};
use crate::format::Presence::{Default, Optional, Otherwise, Required};
use crate::format::Scalar::{Name, Word};
use crate::format::{Choice, Field, Table};

pub(crate) static FAULT: Table = Table {
    title: "fault",
    help: "One thing done to the target, once (`at`) or again and again (`every`). Who is hit is drawn from the seed when the plan is made.",
    fields: &[
        table("kill", &KILL, Optional, "Ends processes."),
        table("pause", &PAUSE, Optional, "Stops processes (SIGSTOP) and lets them go on later."),
        scalar("at", time(0, LONGEST), Optional, "When, from the moment at which the target is ready."),
        scalar(
            "every",
            time(10 * MS, LONGEST),
            Optional,
            "Again and again, this far apart, each time with victims drawn anew.",
        ),
        scalar(
            "from",
            time(0, LONGEST),
            Otherwise("with `every`, from the beginning of the hold phase"),
            "When the first is due.",
        ),
        scalar(
            "until",
            time(0, LONGEST),
            Otherwise("with `every`, until the end of the hold phase"),
            "No further one is due from then on.",
        ),
        scalar(
            "jitter",
            time(0, D),
            Default("0s"),
            "Each is moved later by up to this much, drawn from the seed.",
        ),
        scalar(
            "when",
            Word(&["round in flight"]),
            Otherwise("it is applied when due"),
            "It waits for the next round that starts after it is due, so that it hits a round that is open.",
        ),
        scalar(
            "after",
            time(0, H),
            Otherwise("with `when`, at once"),
            "How long after the start of that round.",
        ),
        scalar(
            "id",
            Name,
            Otherwise("its place in the list, from 1"),
            "By which gates name it. Those of `every` are ID.1, ID.2 and so on.",
        ),
        scalar(
            "require",
            Word(&["E1", "E0"]),
            Default("E1"),
            "The evidence needed of every victim. E0: the call returned. E1: the kernel's state was read back.",
        ),
        table("expect", &EXPECT, Optional, "Gates on this fault alone."),
    ],
    choices: &[
        Choice { keys: &["kill", "pause"], required: true },
        Choice { keys: &["at", "every"], required: true },
    ],
};

const ROLE: Field =
    scalar("role", Word(ROLES), Required, "Of which role. `master` is whoever leads at that moment.");
const HOW_MANY: Field = scalar(
    "count",
    number(1, MOST_AGENTS),
    Otherwise("without `percent`, one"),
    "How many, at the same instant.",
);
const PERCENT: Field = scalar("percent", number(1, 100), Optional, "How many of a hundred, rounded up.");
const HOW_MANY_CHOICE: Choice = Choice { keys: &["count", "percent"], required: false };

pub(crate) static KILL: Table = Table {
    title: "kill",
    help: "Ends processes with a signal.",
    fields: &[
        ROLE,
        HOW_MANY,
        PERCENT,
        scalar("signal", Word(&["SIGKILL", "SIGTERM"]), Default("SIGKILL"), "With which signal."),
    ],
    choices: &[HOW_MANY_CHOICE],
};

pub(crate) static PAUSE: Table = Table {
    title: "pause",
    help: "Stops processes and lets them go on later.",
    fields: &[ROLE, HOW_MANY, PERCENT, scalar("for", time(10 * MS, D), Required, "For how long.")],
    choices: &[HOW_MANY_CHOICE],
};

pub(crate) static EXPECT: Table = Table {
    title: "expect",
    help: "What must hold for this fault: gates on `fault[ID].recovery_time` and `fault[ID].lost`.",
    fields: &[
        scalar(
            "recovers_within",
            time(MS, D),
            Optional,
            "The time until the target is steady again must be below this.",
        ),
        scalar("lost", number(0, u64::MAX), Optional, "Exactly so many tasks that were open may be lost."),
    ],
    choices: &[],
};
