//! What makes a run a long one.

use super::{D, LONGEST, S, number, scalar, table, time};
use crate::format::Presence::{Default, Optional, Otherwise, Required};
use crate::format::Scalar::{Alert, Size, Text, Word};
use crate::format::{Field, Table, Value};

pub(crate) static SOAK: Table = Table {
    title: "soak",
    help: "What a long run needs beside its timeline: how it survives, what it watches, when it may end early.",
    fields: &[
        scalar(
            "on_harness_death",
            Word(&["stop", "keep"]),
            Default("stop"),
            "What becomes of the target when the harness dies. `stop`: it is ended, like every process of the run. `keep`: faults are undone and it goes on without load until the run is resumed or healed.",
        ),
        scalar(
            "horizon",
            time(S, LONGEST),
            Otherwise("the length of the load"),
            "The time for which the run is to certify its target, to which drift is projected; no shorter than the load.",
        ),
        table("quiesce", &QUIESCE, Optional, "Points at which the target comes to rest and is read."),
        scalar(
            "disk",
            Size { least: 1 << 20, most: 1 << 44 },
            Otherwise("the disk is the limit"),
            "The most that the run directory may hold. When it is spent, or with or without a budget less than 16 MiB are free there, the run ends cleanly and is judged on what there is.",
        ),
        table("end_early", &END_EARLY, Otherwise("it runs to its end"), "Lets the run end before its time."),
        Field {
            key: "alerts",
            value: Value::List(&Value::Scalar(Alert)),
            presence: Optional,
            help: "Live thresholds: each holds while there is something to alert of, `metric[role] op value [for duration]`.",
        },
        table(
            "notify",
            &NOTIFY,
            Optional,
            "Whom to tell of alerts and incidents, beside the terminal and the evidence.",
        ),
    ],
    choices: &[],
};

pub(crate) static QUIESCE: Table = Table {
    title: "quiesce",
    help: "Points of rest: no work is given out until nothing is open, the processes are read, and work goes on.",
    fields: &[
        scalar(
            "every",
            time(S, LONGEST),
            Required,
            "From one to the next, from the beginning of the hold phase.",
        ),
        scalar(
            "within",
            time(S / 10, D / 24),
            Default("30s"),
            "The longest time to wait until nothing is open, and as long at rest before the reading, at most. Half of `every` at most.",
        ),
    ],
    choices: &[],
};

pub(crate) static END_EARLY: Table = Table {
    title: "end_early",
    help: "A run that can no longer be GO, or is worthless, ends at once and says what it saved.",
    fields: &[scalar(
        "looks",
        number(1, 100),
        Default("10"),
        "How often the evidence is judged while the run goes on, evenly over the hold phase. Each look is paid for by wider intervals.",
    )],
    choices: &[],
};

pub(crate) static NOTIFY: Table = Table {
    title: "notify",
    help: "Each alert, and each critical incident that no fault of the plan explains, is one line of JSON.",
    fields: &[
        Field {
            key: "command",
            value: Value::List(&Value::Scalar(Text)),
            presence: Optional,
            help: "A program with its arguments, which is given the line on its standard input.",
        },
        scalar(
            "webhook",
            Text,
            Optional,
            "`http://127.0.0.1:PORT/PATH`, to which the line is posted. Nothing but this host is ever called.",
        ),
    ],
    choices: &[],
};
