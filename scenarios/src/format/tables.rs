//! The keys of a scenario file.

mod faults;
mod soak;
mod target;
mod workload;

use super::Presence::{Default, Optional, Otherwise, Required};
use super::Scalar::{Count, Duration, Gate, Limit, Name, Text, Word};
use super::{Choice, Field, Presence, Scalar, Table, Value};
pub(crate) use faults::*;
pub(crate) use soak::{END_EARLY, NOTIFY, QUIESCE, SOAK};
pub(crate) use target::{AGENTS, BUS_DIR, DEFECTS, NETWORK, SWARM, TARGET};
pub(crate) use workload::{
    ARRIVALS, BURST, HOURS, LEVEL, ONE_WORD, PART, PART_WORK, RAMP, ROUNDS, SEGMENT, SHAPES, SLEEP,
    WORK_KINDS, WORKLOAD,
};

const US: u64 = 1_000;
const MS: u64 = 1_000 * US;
const S: u64 = 1_000 * MS;
const H: u64 = 3_600 * S;
const D: u64 = 24 * H;
/// The longest run: a month's soak with room to spare.
const LONGEST: u64 = 400 * D;
/// The most agents of a target.
pub(crate) const MOST_AGENTS: u64 = 2_000;
/// The most hosts of a target's network.
pub(crate) const MOST_HOSTS: u64 = 16;
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
        table("chaos", &CHAOS, Otherwise("its defaults hold"), "Rules for all faults."),
        Field {
            key: "gates",
            value: Value::List(&Value::Either(&[Value::Scalar(Gate), Value::Table(&GATE)])),
            presence: Required,
            help: "What must hold; at least one.",
        },
        table("soak", &SOAK, Otherwise("it is no long run"), "What makes it a long run."),
        table("control", &CONTROL, Optional, "Says how this scenario must be judged, where that is not GO."),
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
    help: "Marks a run that is known to be bad, to show that it is judged so.",
    fields: &[
        scalar(
            "gate",
            Text,
            Optional,
            "The target has `defects` and must be judged NO-GO: the id of the gate that must turn red.",
        ),
        scalar(
            "verdict",
            Word(&["INCONCLUSIVE"]),
            Optional,
            "Every fault is only claimed (`pretend`), so that nothing may be concluded.",
        ),
        scalar(
            "condition",
            Word(&["driver"]),
            Optional,
            "The run must be INCONCLUSIVE for want of this: `driver`, more is asked for than the harness can start.",
        ),
    ],
    choices: &[Choice { keys: &["gate", "verdict", "condition"], required: true }],
};
