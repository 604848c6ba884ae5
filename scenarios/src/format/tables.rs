//! The keys of a scenario file.

use super::Presence::{Default, Optional, Otherwise, Required};
use super::Scalar::{Count, Duration, Flag, Gate, Limit, Name, Rate, Size, Text, Word};
use super::{Choice, Field, Presence, Scalar, Table, Value};

const US: u64 = 1_000;
const MS: u64 = 1_000 * US;
const S: u64 = 1_000 * MS;
const H: u64 = 3_600 * S;
const D: u64 = 24 * H;
/// The longest run: a month's soak with room to spare.
const LONGEST: u64 = 400 * D;
/// The most agents of a target.
pub(crate) const MOST_AGENTS: u64 = 2_000;
/// The largest payload that the bundled runtime's bus carries.
pub(crate) const MOST_PAYLOAD: u64 = 56 << 10;

pub(crate) const ROLES: &[&str] = &["master", "coordinator", "worker"];
pub(crate) const PHASES: &[&str] = &["warm_up", "hold", "drain"];

const fn scalar(key: &'static str, scalar: Scalar, presence: Presence, help: &'static str) -> Field {
    Field { key, value: Value::Scalar(scalar), presence, help }
}

const fn table(key: &'static str, of: &'static Table, presence: Presence, help: &'static str) -> Field {
    Field { key, value: Value::Table(of), presence, help }
}

const fn time(least: u64, most: u64) -> Scalar {
    Duration { least, most }
}

const fn number(least: u64, most: u64) -> Scalar {
    Count { least, most }
}

pub(crate) static SCENARIO: Table = Table {
    title: "scenario",
    help: "What to launch, how to load it, what to break and what must hold.",
    fields: &[
        scalar("name", Name, Required, "Its name, by which its runs are kept."),
        scalar("why", Text, Required, "Why it exists: the question that a run of it answers."),
        scalar(
            "seed",
            number(0, u64::MAX),
            Default("1"),
            "What every random choice is drawn from; `--seed` overrides it.",
        ),
        table("target", &TARGET, Required, "What to launch."),
        table("workload", &WORKLOAD, Otherwise("the target idles"), "How to load it."),
        table("phases", &PHASE_LENGTHS, Required, "How long."),
        table("sample", &SAMPLE, Otherwise("its defaults hold"), "What to read, how often."),
        Field {
            key: "faults",
            value: Value::List(&Value::Table(&FAULT)),
            presence: Otherwise("nothing is broken"),
            help: "What to break, when.",
        },
        Field {
            key: "gates",
            value: Value::List(&Value::Either(&[Value::Scalar(Gate), Value::Table(&GATE)])),
            presence: Required,
            help: "What must hold; at least one.",
        },
        table(
            "control",
            &CONTROL,
            Optional,
            "Says that this target is known to be bad and must be judged NO-GO.",
        ),
    ],
    choices: &[],
};

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
        scalar("die_on_task", number(1, u64::MAX), Optional, "A worker dies when it is given its n-th task."),
        scalar(
            "hang_on_task",
            number(1, u64::MAX),
            Optional,
            "A worker falls silent, but lives, when it is given its n-th task.",
        ),
        scalar("slow", time(MS, H), Optional, "Every task takes this much longer."),
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
    ],
    choices: &[],
};

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
const WORK: Field = Field {
    key: "work",
    value: Value::Either(&[Value::Scalar(Word(&["echo", "relay"])), Value::Table(&WORK_KINDS)]),
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
    ],
    choices: &[],
};

pub(crate) static ARRIVALS: Table = Table {
    title: "arrivals",
    help: "An open arrival process: one shape for the whole time, or `segments` one after the other.",
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
    choices: &[Choice { keys: &["rate", "ramp", "poisson", "burst", "segments"], required: true }],
};

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
    choices: &[Choice { keys: &["rate", "ramp", "poisson", "burst"], required: false }],
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

pub(crate) static WORK_KINDS: Table = Table {
    title: "work",
    help: "What a worker does with a task before it answers.",
    fields: &[
        Field {
            key: "sleep",
            value: Value::Either(&[Value::Scalar(time(US, H)), Value::Table(&SLEEP)]),
            presence: Optional,
            help: "Waits: always this long, or log-normally distributed.",
        },
        scalar("cpu", time(US, H), Optional, "Keeps a core busy for this much CPU time."),
        scalar("alloc", Size { least: 1, most: 1 << 32 }, Optional, "Allocates, touches every page, frees."),
        Field {
            key: "exec",
            value: Value::List(&Value::Scalar(Text)),
            presence: Optional,
            help: "Runs a program with its arguments to the end; a status other than 0 makes the answer corrupt.",
        },
    ],
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

pub(crate) static PHASE_LENGTHS: Table = Table {
    title: "phases",
    help: "Zero is the moment at which the target is ready; the phases follow without gaps.",
    fields: &[
        scalar(
            "warm_up",
            time(0, LONGEST),
            Default("2s"),
            "Loaded already, but not yet judged by gates that name another phase.",
        ),
        scalar("hold", time(100 * MS, LONGEST), Required, "Constant load: what is measured."),
        scalar(
            "drain",
            time(100 * MS, H),
            Default("10s"),
            "No new load; the longest time to wait for what is open.",
        ),
    ],
    choices: &[],
};

pub(crate) static SAMPLE: Table = Table {
    title: "sample",
    help: "How often the kernel is asked about every process.",
    fields: &[
        scalar(
            "every",
            time(100 * MS, H),
            Default("1s"),
            "The cheap set: memory, descriptors, threads, CPU, by group.",
        ),
        scalar(
            "slow_every",
            time(100 * MS, D),
            Otherwise("ten times `every`, or half of the hold phase if that is shorter"),
            "The dear set: proportional memory, and rows of single processes. A whole multiple of `every`.",
        ),
    ],
    choices: &[],
};

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
            Word(&["E0", "E1", "E2", "E3"]),
            Default("E1"),
            "The evidence needed of every victim. E0: the call returned. E1: the kernel's state was read back. E2: the effect was seen from outside. E3: the target reported it.",
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

pub(crate) static GATE: Table = Table {
    title: "gate",
    help: "A named rule on a metric, the long form.",
    fields: &[
        scalar(
            "metric",
            Text,
            Required,
            "The metric, such as `round.time.p99` or `memory.private.max[worker]`.",
        ),
        scalar("go", Limit, Required, "Inside this limit is GO, such as `< 30s`."),
        scalar("conditional", Limit, Optional, "Outside `go` but inside this limit is CONDITIONAL."),
        scalar("during", Word(PHASES), Otherwise("the whole run counts"), "Only this phase counts."),
        scalar("id", Text, Otherwise("the text of the gate"), "Its name in reports."),
        scalar("cites", Text, Optional, "The requirement that it stands for."),
    ],
    choices: &[],
};

pub(crate) static CONTROL: Table = Table {
    title: "control",
    help: "Marks a target with `defects` whose run must end NO-GO.",
    fields: &[scalar("gate", Text, Required, "The id of the gate that must turn red.")],
    choices: &[],
};
