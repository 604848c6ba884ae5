//! What to launch.

use super::{D, H, MOST_AGENTS, MOST_HOSTS, MS, S, number, scalar, table, time};
use crate::format::Presence::{Default, Optional, Otherwise, Required};
use crate::format::Scalar::{Flag, Share, Size, Text, Word};
use crate::format::{Choice, Field, Presence, Scalar, Table, Value};

pub(crate) static TARGET: Table = Table {
    title: "target",
    help: "The bundled reference runtime (`swarm`) or any program that speaks the control protocol (`command`).",
    fields: &[
        table("swarm", &SWARM, Optional, "The bundled runtime."),
        Field {
            key: "command",
            value: Value::List(&Value::Scalar(Text)),
            presence: Optional,
            help: "A program and its arguments, started without a shell.",
        },
        Field {
            key: "config",
            value: Value::Json,
            presence: Otherwise("`{}`"),
            help: "With `command`: what it is given to launch, in its own terms.",
        },
        table(
            "agents",
            &AGENTS,
            Optional,
            "With `command`: how many agents it will have. Needed to plan faults.",
        ),
        table(
            "bus_dir",
            &BUS_DIR,
            Optional,
            "With `command`: a directory for its bus, whose path it finds in `SHAKEDOWN_BUS_DIR`. Needed by faults on files.",
        ),
        table(
            "network",
            &NETWORK,
            Optional,
            "With `command`: a network of its own, described in `SHAKEDOWN_NETWORK`. Needed by faults on the network.",
        ),
        scalar(
            "ready_within",
            time(100 * MS, H),
            Default("30s"),
            "How long it may take from its start until all agents are ready.",
        ),
        scalar(
            "stop_within",
            time(100 * MS, H),
            Default("15s"),
            "How long it may take to end when asked to.",
        ),
    ],
    choices: &[Choice { keys: &["swarm", "command"], required: true }],
};

pub(crate) static AGENTS: Table = Table {
    title: "agents",
    help: "How many agents another target has, 2 to 2,000 in all.",
    fields: &[
        scalar("master", number(0, MOST_AGENTS), Default("0"), "Masters."),
        scalar("coordinator", number(0, MOST_AGENTS), Default("0"), "Coordinators."),
        scalar("worker", number(1, MOST_AGENTS), Required, "Workers."),
    ],
    choices: &[],
};

pub(crate) static BUS_DIR: Table = Table {
    title: "bus_dir",
    help: "A directory in memory, made before the target starts; it vanishes with the run.",
    fields: &[BUS_SIZE_OF_DIRECTORY, BUS_INODES_OF_DIRECTORY],
    choices: &[],
};

pub(crate) static NETWORK: Table = Table {
    title: "network",
    help: "Hosts that can reach each other and nothing else, each a network namespace of the run.",
    fields: &[scalar("hosts", number(1, MOST_HOSTS), Required, "How many; the target starts in the first.")],
    choices: &[],
};

const BUS_SIZE: Scalar = Size { least: 1 << 20, most: 64 << 30 };
const BUS_INODES: Scalar = number(100, 100_000_000);
const BUS_SIZE_HELP: &str = "How much it holds.";
const BUS_INODES_HELP: &str = "How many files it holds.";
const BUS_SIZE_DEFAULT: Presence = Otherwise("64MiB where a fault acts on files, no limit otherwise");
const BUS_INODES_DEFAULT: Presence =
    Otherwise("10000 where a fault uses them up, as many as the kernel thinks fit otherwise");
const BUS_SIZE_OF_DIRECTORY: Field = scalar("size", BUS_SIZE, BUS_SIZE_DEFAULT, BUS_SIZE_HELP);
const BUS_INODES_OF_DIRECTORY: Field = scalar("inodes", BUS_INODES, BUS_INODES_DEFAULT, BUS_INODES_HELP);

pub(crate) static SWARM: Table = Table {
    title: "swarm",
    help: "The bundled runtime: 2 to 2,000 agents, each a process.",
    fields: &[
        scalar(
            "shape",
            Word(&["flat", "hybrid", "deep"]),
            Required,
            "`flat`: one coordinator with all workers. `hybrid`: a master, coordinators, each with its workers. `deep`: a master, two levels of coordinators, workers.",
        ),
        scalar("coordinators", number(1, MOST_AGENTS), Optional, "`hybrid`: how many coordinators."),
        scalar(
            "workers_per_coordinator",
            number(1, MOST_AGENTS),
            Optional,
            "`hybrid`: how many workers each has.",
        ),
        scalar(
            "workers",
            number(1, MOST_AGENTS),
            Optional,
            "How many workers in all; `hybrid` takes this or `workers_per_coordinator`.",
        ),
        scalar("level_1", number(1, MOST_AGENTS), Optional, "`deep`: coordinators under the master."),
        scalar("level_2", number(1, MOST_AGENTS), Optional, "`deep`: coordinators under those, in all."),
        scalar(
            "inbox",
            number(1, 16_384),
            Default("1000"),
            "Tasks that may wait for one worker; more are refused.",
        ),
        scalar(
            "lease",
            time(50 * MS, 600 * S),
            Default("500ms"),
            "How long an agent that leads may go without a sign of life.",
        ),
        scalar("replace", Flag, Default("true"), "Whether an agent that died is started again."),
        scalar("drain", time(0, H), Default("10s"), "How long its end waits for work in hand on SIGTERM."),
        scalar(
            "metrics_interval",
            time(10 * MS, D),
            Default("1s"),
            "The time between two sets of its own metrics.",
        ),
        scalar(
            "bus",
            Word(&["sockets", "files"]),
            Default("sockets"),
            "How messages travel: through sockets, or as files in a bus directory in memory.",
        ),
        scalar(
            "bus_size",
            BUS_SIZE,
            BUS_SIZE_DEFAULT,
            "With `bus: files`: how much the bus directory holds.",
        ),
        scalar(
            "bus_inodes",
            BUS_INODES,
            BUS_INODES_DEFAULT,
            "With `bus: files`: how many files the bus directory holds.",
        ),
        scalar(
            "shards",
            number(1, 1_000),
            Default("10"),
            "With `bus: files`: directories over which agents are spread.",
        ),
        scalar(
            "persist",
            Flag,
            Default("false"),
            "With `bus: files`: whether what was accepted outlives the end of all agents.",
        ),
        table(
            "defects",
            &DEFECTS,
            Otherwise("it is sound"),
            "What is wrong with it on purpose, to show that a gate turns red.",
        ),
    ],
    choices: &[Choice { keys: &["workers", "workers_per_coordinator"], required: true }],
};

pub(crate) static DEFECTS: Table = Table {
    title: "defects",
    help: "Faults that are built in, all off unless asked for.",
    fields: &[
        scalar("drop_1_in", number(1, u64::MAX), Optional, "Every n-th answer is forgotten for good."),
        scalar("duplicate_1_in", number(1, u64::MAX), Optional, "Every n-th answer is passed on twice."),
        scalar(
            "reexecute_1_in",
            number(1, u64::MAX),
            Optional,
            "Every n-th task is executed twice, and both executions answer.",
        ),
        scalar(
            "reorder_1_in",
            number(1, u64::MAX),
            Optional,
            "Every n-th answer is held back until after the next one of the same worker.",
        ),
        scalar(
            "corrupt_1_in",
            number(1, u64::MAX),
            Optional,
            "One byte of every n-th payload is changed on its way.",
        ),
        scalar("late_1_in", number(1, u64::MAX), Optional, "Every n-th answer comes late."),
        scalar("late", time(MS, H), Otherwise("with `late_1_in`, 1s"), "How late."),
        scalar(
            "leak_bytes_per_task",
            Size { least: 1, most: 1 << 30 },
            Optional,
            "Memory that a worker never gives back, for each task.",
        ),
        scalar(
            "leak_descriptor_per_task",
            number(1, 1_000),
            Optional,
            "Descriptors that a worker never closes, for each task.",
        ),
        scalar(
            "leak_thread_1_in",
            number(1, u64::MAX),
            Optional,
            "Every n-th task of a worker leaves a thread that never ends.",
        ),
        scalar("die_on_task", number(1, u64::MAX), Optional, "A worker dies when it is given its n-th task."),
        scalar(
            "die_every",
            time(10 * MS, D),
            Optional,
            "A worker dies each time that so long has passed, one after the other.",
        ),
        scalar(
            "hang_on_task",
            number(1, u64::MAX),
            Optional,
            "A worker falls silent, but lives, when it is given its n-th task.",
        ),
        scalar("slow", time(MS, H), Optional, "Every task takes this much longer."),
        scalar(
            "slower_per_minute",
            Share { least: 1, most: 1_000_000 },
            Optional,
            "The work of a task takes longer by this share of itself for each minute that its worker has lived.",
        ),
        scalar(
            "never_reassign",
            Flag,
            Optional,
            "Workers that lost their coordinator never get another one.",
        ),
        scalar(
            "reassign_after",
            time(MS, H),
            Optional,
            "Workers that lost their coordinator wait this long for another one.",
        ),
        scalar(
            "reassign_slower",
            time(MS, H),
            Optional,
            "They wait this much longer with every coordinator that was lost before.",
        ),
        scalar(
            "false_gauges",
            Flag,
            Optional,
            "It tells half of its executions, and that nothing is open whatever is.",
        ),
    ],
    choices: &[],
};
