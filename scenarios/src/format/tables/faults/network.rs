//! What is done to packets between the hosts of the target, each a network namespace of the run.

use super::super::{S, US, number, scalar, time};
use super::FOR;
use super::bus::DIRECTION;
use crate::format::Presence::{Default, Otherwise, Required};
use crate::format::Scalar::{Share, Size};
use crate::format::{Field, Presence, Table, Value};

const HOST: Value = Value::Scalar(number(1, super::super::MOST_HOSTS));

const fn hosts(presence: Presence) -> Field {
    Field {
        key: "hosts",
        value: Value::List(&HOST),
        presence,
        help: "Which hosts, counted from 1; the target starts in the first.",
    }
}

const HOSTS: Field = hosts(Otherwise("all"));

pub(crate) static NETWORK_DELAY: Table = Table {
    title: "network_delay",
    help: "Delays packets between hosts.",
    fields: &[
        HOSTS,
        scalar("delay", time(10 * US, 60 * S), Required, "By this much, each way."),
        scalar("jitter", time(0, 60 * S), Default("0ms"), "And by up to this much more, drawn for each."),
        FOR,
    ],
    choices: &[],
};

pub(crate) static NETWORK_LOSS: Table = Table {
    title: "network_loss",
    help: "Loses packets between hosts.",
    fields: &[HOSTS, scalar("rate", Share { least: 1, most: 1_000_000 }, Required, "How many of them."), FOR],
    choices: &[],
};

pub(crate) static NETWORK_RATE: Table = Table {
    title: "network_rate",
    help: "Limits the rate between hosts.",
    fields: &[
        HOSTS,
        scalar(
            "per_second",
            Size { least: 1 << 10, most: 1 << 40 },
            Required,
            "Bytes a second of each host.",
        ),
        FOR,
    ],
    choices: &[],
};

pub(crate) static NETWORK_PARTITION: Table = Table {
    title: "network_partition",
    help: "Cuts hosts off from the others.",
    fields: &[hosts(Required), DIRECTION, FOR],
    choices: &[],
};

pub(crate) static CONNECTION_KILL: Table = Table {
    title: "connection_kill",
    help: "Kills every TCP connection within hosts, once.",
    fields: &[HOSTS],
    choices: &[],
};
