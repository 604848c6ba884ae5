//! What is planted: the controls, each with the way to its clean twin. They are part of the program, so that it can be proven
//! wherever it was installed.

use std::time::Duration;

/// One defect, as it is planted.
#[derive(Debug)]
pub(super) struct Defect {
    /// Its name.
    pub(super) name: &'static str,
    /// Its control scenario.
    pub(super) text: &'static str,
    /// Changes of the scenario, for the twin too.
    pub(super) set: &'static [(&'static str, &'static str)],
    /// Changes of the scenario for the twin alone, where the defect is not one of the target.
    pub(super) twin_set: &'static [(&'static str, &'static str)],
    /// What is done to the harness itself, and the condition that must notice.
    pub(super) stopped: Option<Stopped>,
    /// How large it is.
    pub(super) size: Size,
    /// Whether it belongs to the short form.
    pub(super) quick: bool,
}

/// The harness is stopped by a signal and goes on later.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopped {
    /// From the beginning of the run's hold phase.
    pub(super) after: Duration,
    /// For so long.
    pub(super) lasting: Duration,
    /// What must notice.
    pub(super) condition: &'static str,
}

/// How large a defect is, in the unit of the metric that must show it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Size {
    /// It has no size of that unit.
    None,
    /// So much an hour for each task of a worker.
    PerTask(f64),
    /// Bytes for each task, twice the smallest drift that the clean twin could have shown.
    TwiceVisible,
    /// So large a share of the level for each minute of the hold phase.
    PerMinute(f64),
}

/// As many as any harness can start.
const FEWER_TASKS: &[(&str, &str)] =
    &[("workload.arrivals.burst.count", "10"), ("workload.arrivals.burst.every", "25ms")];

macro_rules! control {
    ($name:literal) => {
        include_str!(concat!("../../../../scenarios/controls/", $name, ".yaml"))
    };
}

macro_rules! defect {
    ($name:literal, $quick:literal, $size:expr) => {
        Defect {
            name: $name,
            text: control!($name),
            set: &[],
            twin_set: &[],
            stopped: None,
            size: $size,
            quick: $quick,
        }
    };
}

/// All of them, those of one load beside each other.
pub(super) static DEFECTS: &[Defect] = &[
    defect!("drop", true, Size::None),
    defect!("duplicate", true, Size::None),
    defect!("reexecute", false, Size::None),
    defect!("corrupt", false, Size::None),
    defect!("die-every", true, Size::None),
    defect!("hang", false, Size::None),
    defect!("false-gauges", true, Size::None),
    defect!("late", false, Size::None),
    defect!("reorder", false, Size::None),
    defect!("leak-memory", true, Size::None),
    defect!("leak-descriptors", true, Size::None),
    defect!("leak-threads", true, Size::None),
    defect!("slow-reassign", false, Size::None),
    Defect { twin_set: FEWER_TASKS, ..defect!("saturated-driver", true, Size::None) },
    Defect {
        name: "missed-samples",
        set: &[
            ("workload.arrivals.burst.count", "10"),
            ("workload.arrivals.burst.every", "25ms"),
            ("phases.hold", "5s"),
            ("sample.every", "250ms"),
        ],
        stopped: Some(Stopped {
            after: Duration::from_secs(1),
            lasting: Duration::from_millis(2_500),
            condition: "samples",
        }),
        ..defect!("saturated-driver", true, Size::None)
    },
    defect!("drift-recovery", false, Size::None),
    defect!("drift-memory", false, Size::TwiceVisible),
    defect!("drift-descriptors", false, Size::PerTask(1.0)),
    defect!("drift-threads", false, Size::PerTask(0.05)),
    defect!("drift-slow", false, Size::PerMinute(0.01)),
];
