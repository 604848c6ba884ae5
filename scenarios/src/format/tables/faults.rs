//! What to break, when, and by which rules.

mod bus;
mod files;
mod network;
mod processes;
mod resources;
mod victims;

use super::{D, H, LONGEST, MOST_AGENTS, MS, number, scalar, table, time};
use crate::format::Presence::{Default, Optional, Otherwise, Required};
use crate::format::Scalar::{Count, Flag, Name, Word};
use crate::format::{Choice, Field, Scalar, Table, Value};
pub(crate) use bus::{
    BUS_CORRUPT, BUS_DELAY, BUS_DROP, BUS_DUPLICATE, BUS_REORDER, CLOCK, FLOOD, PARTITION, RESTART,
};
pub(crate) use files::{DISK_FULL, FILE_DELAY, FILE_ERRORS, FILE_SIZE, INODES_FULL, READ_ONLY};
pub(crate) use network::{CONNECTION_KILL, NETWORK_DELAY, NETWORK_LOSS, NETWORK_PARTITION, NETWORK_RATE};
pub(crate) use processes::{FREEZE, KILL, PAUSE, SIGNALS, SLOW};
pub(crate) use resources::{
    CPU_HOG, CPU_PIN, CPU_QUOTA, DESCRIPTORS, MEMORY_HOG, MEMORY_LIMIT, MEMORY_STALL, OUT_OF_MEMORY,
    PROCESSES,
};

/// The keys of a fault that say what is done.
pub(crate) const KINDS: &[&str] = &[
    "kill",
    "pause",
    "freeze",
    "slow",
    "signals",
    "memory_limit",
    "out_of_memory",
    "memory_stall",
    "memory_hog",
    "descriptors",
    "processes",
    "cpu_pin",
    "cpu_hog",
    "cpu_quota",
    "disk_full",
    "inodes_full",
    "read_only",
    "file_size",
    "file_errors",
    "file_delay",
    "bus_drop",
    "bus_delay",
    "bus_duplicate",
    "bus_reorder",
    "bus_corrupt",
    "partition",
    "flood",
    "network_delay",
    "network_loss",
    "network_rate",
    "network_partition",
    "connection_kill",
    "clock",
    "restart",
];

/// The keys of a fault that say when it is due; `when: phase …` is one more way.
pub(crate) const SCHEDULES: &[&str] = &["at", "every", "random", "days"];

const ROUND: &str = "round in flight";
/// What `when` takes.
pub(crate) const WHEN: &[&str] = &[ROUND, "phase warm_up", "phase hold"];
const OVERLAPS: Scalar = Word(&["allow", "queue", "refuse"]);
const KEEP: Value = Value::Either(&[
    Value::Scalar(Count { least: 0, most: MOST_AGENTS }),
    Value::Scalar(Word(&["majority"])),
]);

/// How long a fault that has a length acts.
const FOR: Field = scalar("for", time(10 * MS, D), Required, "For how long; then it is undone.");

pub(crate) static FAULT: Table = Table {
    title: "fault",
    help: "One thing done to the target, once or again and again. Times and victims are drawn from the seed when the plan is made.",
    fields: &[
        table("kill", &KILL, Optional, "Ends processes."),
        table("pause", &PAUSE, Optional, "Stops processes (SIGSTOP) and lets them go on later."),
        table("freeze", &FREEZE, Optional, "Freezes processes as one group (cgroup) and thaws them later."),
        table("slow", &SLOW, Optional, "Stops and continues processes in turn, so that they are slow."),
        table("signals", &SIGNALS, Optional, "Sends signals that interrupt system calls."),
        table(
            "memory_limit",
            &MEMORY_LIMIT,
            Optional,
            "Caps the data segment of processes, far below what the host has.",
        ),
        table(
            "out_of_memory",
            &OUT_OF_MEMORY,
            Optional,
            "Lets the kernel kill processes for want of memory (cgroup).",
        ),
        table(
            "memory_stall",
            &MEMORY_STALL,
            Optional,
            "Lets processes that need memory stand still (cgroup v1).",
        ),
        table("memory_hog", &MEMORY_HOG, Optional, "Takes memory of the host."),
        table("descriptors", &DESCRIPTORS, Optional, "Lowers how many descriptors processes may have."),
        table(
            "processes",
            &PROCESSES,
            Optional,
            "Caps processes and threads of the whole target (cgroup) and spawns until the cap is reached.",
        ),
        table("cpu_pin", &CPU_PIN, Optional, "Lets processes run on one CPU only."),
        table("cpu_hog", &CPU_HOG, Optional, "Keeps CPUs of the host busy."),
        table("cpu_quota", &CPU_QUOTA, Optional, "Caps the CPU time of processes together (cgroup)."),
        table("disk_full", &DISK_FULL, Optional, "Fills the bus directory."),
        table("inodes_full", &INODES_FULL, Optional, "Uses up the inodes of the bus directory."),
        table("read_only", &READ_ONLY, Optional, "Makes the bus directory read-only."),
        table("file_size", &FILE_SIZE, Optional, "Lowers how large a file of a process may become."),
        table("file_errors", &FILE_ERRORS, Optional, "Lets operations in the bus directory fail."),
        table("file_delay", &FILE_DELAY, Optional, "Lets operations in the bus directory take longer."),
        table("bus_drop", &BUS_DROP, Optional, "Drops messages on the target's bus."),
        table("bus_delay", &BUS_DELAY, Optional, "Delays messages on the target's bus."),
        table("bus_duplicate", &BUS_DUPLICATE, Optional, "Duplicates messages on the target's bus."),
        table(
            "bus_reorder",
            &BUS_REORDER,
            Optional,
            "Lets messages on the target's bus overtake each other.",
        ),
        table("bus_corrupt", &BUS_CORRUPT, Optional, "Changes a byte of messages on the target's bus."),
        table("partition", &PARTITION, Optional, "Cuts agents off from all others on the target's bus."),
        table("flood", &FLOOD, Optional, "Sends tasks beyond those of the workload."),
        table("network_delay", &NETWORK_DELAY, Optional, "Delays packets between the hosts of the target."),
        table("network_loss", &NETWORK_LOSS, Optional, "Loses packets between the hosts of the target."),
        table("network_rate", &NETWORK_RATE, Optional, "Limits the rate between the hosts of the target."),
        table(
            "network_partition",
            &NETWORK_PARTITION,
            Optional,
            "Cuts hosts of the target off from the others.",
        ),
        table(
            "connection_kill",
            &CONNECTION_KILL,
            Optional,
            "Kills every TCP connection within hosts of the target.",
        ),
        table("clock", &CLOCK, Optional, "Shifts the clock that agents read."),
        table(
            "restart",
            &RESTART,
            Optional,
            "Kills the whole target and starts it anew over the same bus directory.",
        ),
        scalar("at", time(0, LONGEST), Optional, "When, from the moment at which the target is ready."),
        scalar(
            "every",
            time(10 * MS, LONGEST),
            Optional,
            "Again and again, this far apart (`1w` is weekly), each time with victims drawn anew.",
        ),
        table("random", &RANDOM, Optional, "Several times, at moments drawn from the seed."),
        Field {
            key: "days",
            value: Value::List(&Value::Scalar(number(1, 400))),
            presence: Optional,
            help: "On these days of the run; the first 24 hours are day 1.",
        },
        scalar("time", time(0, D), Otherwise("with `days`, as the day begins"), "How far into each day."),
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
            Word(WHEN),
            Otherwise("it is applied when due"),
            "`round in flight`: it waits for the next round that starts after it is due, so that it hits a round that is open. `phase hold`: it is due as that phase begins; then nothing else says when.",
        ),
        scalar(
            "after",
            time(0, LONGEST),
            Otherwise("with `when`, at once"),
            "How long after the start of that round or phase.",
        ),
        scalar(
            "id",
            Name,
            Otherwise("its place in the list, from 1"),
            "By which gates name it. Those of `every`, `random` and `days` are ID.1, ID.2 and so on, and ID stands for all of them.",
        ),
        scalar(
            "overlap",
            OVERLAPS,
            Otherwise("what `chaos` says"),
            "What is done where another fault is in effect: applied beside it, applied when none is any more, or skipped.",
        ),
        Field {
            key: "keep",
            value: KEEP,
            presence: Otherwise("what `chaos` says"),
            help: "How many agents of the victims' role must be alive and untouched beside the victims; otherwise it is skipped. `majority` is more than half of the role.",
        },
        scalar(
            "up",
            time(0, D),
            Otherwise("what `chaos` says"),
            "How long each victim must have been up since it was last started; it is waited for.",
        ),
        scalar(
            "require",
            Word(&["E0", "E1", "E2", "E3"]),
            Otherwise(
                "E1 for signals, connections, restarts and a limit that need not be reached, E3 for what only the target can do, E2 for all others",
            ),
            "The evidence needed of every victim. E0: the call returned. E1: the kernel's state was read back. E2: the effect was seen from outside. E3: the target reported it.",
        ),
        scalar(
            "pretend",
            Flag,
            Default("false"),
            "Everything is done but the act itself, to show that a fault which is only claimed is not taken as proven.",
        ),
        table("expect", &EXPECT, Optional, "Gates on this fault alone."),
    ],
    choices: &[Choice { keys: KINDS, required: true }, Choice { keys: SCHEDULES, required: false }],
};

pub(crate) static RANDOM: Table = Table {
    title: "random",
    help: "Several times, each moment equally likely.",
    fields: &[
        scalar("times", number(1, 1_000), Required, "How often."),
        scalar(
            "from",
            time(0, LONGEST),
            Otherwise("from the beginning of the hold phase"),
            "The earliest moment.",
        ),
        scalar(
            "until",
            time(0, LONGEST),
            Otherwise("so that the fault ends with the hold phase"),
            "All are due before this moment.",
        ),
    ],
    choices: &[],
};

pub(crate) static EXPECT: Table = Table {
    title: "expect",
    help: "What must hold for this fault: gates on `fault[ID].recovery_time` (of a fault that lasts: `fault[ID].after_heal`) and `fault[ID].lost`.",
    fields: &[
        scalar(
            "recovers_within",
            time(MS, D),
            Optional,
            "The time until the target is steady again, from the fault or, where it lasts, from its end, must be below this.",
        ),
        scalar("lost", number(0, u64::MAX), Optional, "Exactly so many tasks that were open may be lost."),
    ],
    choices: &[],
};

pub(crate) static CHAOS: Table = Table {
    title: "chaos",
    help: "Rules for all faults.",
    fields: &[
        Field {
            key: "quiet",
            value: Value::List(&Value::Table(&QUIET)),
            presence: Optional,
            help: "Times in which no fault begins or acts. One that would is moved to the end of the quiet time, and refused where it does not fit there.",
        },
        scalar("overlap", OVERLAPS, Default("allow"), "For faults that do not say."),
        Field {
            key: "keep",
            value: KEEP,
            presence: Otherwise("no others are needed"),
            help: "For faults on coordinators or workers that do not say.",
        },
        scalar("up", time(0, D), Default("0s"), "For faults that do not say."),
    ],
    choices: &[],
};

pub(crate) static QUIET: Table = Table {
    title: "quiet",
    help: "A quiet time, from the moment at which the target is ready.",
    fields: &[
        scalar("from", time(0, LONGEST), Required, "Its beginning."),
        scalar("until", time(0, LONGEST), Required, "Its end."),
    ],
    choices: &[],
};

/// The longest that `after` may be for a round.
pub(crate) const LONGEST_INTO_ROUND: u64 = H;
