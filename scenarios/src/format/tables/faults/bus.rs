//! What is done to messages, clocks and the target as a whole.

use super::super::{D, MS, S, US, number, scalar, time};
use super::FOR;
use super::victims::{ALL, COUNT, EXCEPT, NEEDED, PERCENT, POSSIBLE, ROLE, ROLE_OR_ALL, SAME};
use crate::format::Presence::{Default, Otherwise, Required};
use crate::format::Scalar::{Offset, Share, Size, Word};
use crate::format::tables::MOST_PAYLOAD;
use crate::format::{Field, Table};

const RATE: Field = scalar(
    "rate",
    Share { least: 1, most: 1_000_000 },
    Required,
    "How many of the messages from and to the victims.",
);
/// Which way a partition lets nothing pass.
pub(super) const DIRECTION: Field = scalar(
    "direction",
    Word(&["both", "from", "to"]),
    Default("both"),
    "What does not pass: what comes from them and goes to them, or one of the two only.",
);

macro_rules! rated {
    ($name:ident, $title:literal, $help:literal) => {
        pub(crate) static $name: Table = Table {
            title: $title,
            help: $help,
            fields: &[ROLE_OR_ALL, COUNT, PERCENT, ALL, EXCEPT, SAME, RATE, FOR],
            choices: POSSIBLE,
        };
    };
}

rated!(BUS_DROP, "bus_drop", "Drops messages from and to the victims; the target must be able to do it.");
rated!(
    BUS_DUPLICATE,
    "bus_duplicate",
    "Duplicates messages from and to the victims; the target must be able to do it."
);
rated!(
    BUS_REORDER,
    "bus_reorder",
    "Lets messages from and to the victims overtake each other; the target must be able to do it."
);
rated!(
    BUS_CORRUPT,
    "bus_corrupt",
    "Changes a byte of messages from and to the victims; the target must be able to do it."
);

pub(crate) static BUS_DELAY: Table = Table {
    title: "bus_delay",
    help: "Delays messages from and to the victims; the target must be able to do it.",
    fields: &[
        ROLE_OR_ALL,
        COUNT,
        PERCENT,
        ALL,
        EXCEPT,
        SAME,
        scalar("delay", time(10 * US, 60 * S), Required, "By this much."),
        scalar("jitter", time(0, 60 * S), Default("0ms"), "And by up to this much more, drawn for each."),
        scalar(
            "rate",
            Share { least: 1, most: 1_000_000 },
            Default("100%"),
            "How many of the messages from and to the victims.",
        ),
        FOR,
    ],
    choices: POSSIBLE,
};

pub(crate) static PARTITION: Table = Table {
    title: "partition",
    help: "Cuts the victims off from all other agents; the target must be able to do it.",
    fields: &[ROLE, COUNT, PERCENT, ALL, EXCEPT, SAME, DIRECTION, FOR],
    choices: NEEDED,
};

pub(crate) static CLOCK: Table = Table {
    title: "clock",
    help: "Shifts the clock that the victims read; the target must be able to do it.",
    fields: &[
        ROLE,
        COUNT,
        PERCENT,
        ALL,
        EXCEPT,
        SAME,
        scalar("offset", Offset { most: 400 * D }, Required, "By how much; with a minus sign, back."),
        FOR,
    ],
    choices: NEEDED,
};

pub(crate) static FLOOD: Table = Table {
    title: "flood",
    help: "Sends tasks beyond those of the workload: to each victim so many, or without a role so many to anybody.",
    fields: &[
        scalar("role", Word(&["worker"]), Otherwise("to anybody"), "To agents of this role."),
        COUNT,
        PERCENT,
        ALL,
        EXCEPT,
        SAME,
        scalar("messages", number(1, 2_000_000), Required, "How many."),
        scalar(
            "payload",
            Size { least: 0, most: MOST_PAYLOAD },
            Default("256B"),
            "Bytes of payload of each.",
        ),
        scalar("for", time(10 * MS, D), Otherwise("all at once"), "Spread evenly over this time."),
    ],
    choices: POSSIBLE,
};

pub(crate) static RESTART: Table = Table {
    title: "restart",
    help: "Kills the whole target and starts it anew over the same bus directory.",
    fields: &[scalar("for", time(0, D), Default("1s"), "How long it is down.")],
    choices: &[],
};
