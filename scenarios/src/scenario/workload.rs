//! `workload`: rounds and arrivals.

use crate::format::{Scalar, tables};
use crate::plan::{Shape, Work};
use crate::problem::Problem;
use crate::reader::{Fields, Reader};
use crate::tree::{At, Kind, Node};

/// How to load the target. Times are in nanoseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workload {
    pub(crate) rounds: Option<Rounds>,
    pub(crate) arrivals: Option<Arrivals>,
}

/// What every task has.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    pub(crate) timeout_ns: Option<u64>,
    pub(crate) payload: Option<u64>,
    pub(crate) work: Option<Work>,
}

/// Rounds.
#[derive(Debug, Clone)]
pub(crate) struct Rounds {
    pub(crate) every_ns: u64,
    pub(crate) tasks: Tasks,
    pub(crate) open: Option<u64>,
}

/// Single tasks.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals {
    pub(crate) pattern: Pattern,
    pub(crate) tasks: Tasks,
    pub(crate) slots: Option<u64>,
}

/// How single tasks become due.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    /// In one way, all the time.
    Always(Shape),
    /// One way after the other, each for some nanoseconds.
    Segments(At<Vec<(u64, Shape)>>),
}

pub(crate) fn read(scenario: &Fields<'_>, reader: &mut Reader) -> Option<Workload> {
    if scenario.get("workload").is_none() {
        return Some(Workload::default());
    }
    let fields = scenario.table(reader, "workload", &tables::WORKLOAD)?;
    let rounds = fields.get("rounds").is_some().then(|| rounds(&fields, reader));
    let arrivals = fields.get("arrivals").is_some().then(|| arrivals(&fields, reader));
    // A part that was written and could not be read leaves no workload.
    Some(Workload {
        rounds: rounds.map_or(Some(None), |r| r.map(Some))?,
        arrivals: arrivals.map_or(Some(None), |a| a.map(Some))?,
    })
}

fn rounds(workload: &Fields<'_>, reader: &mut Reader) -> Option<Rounds> {
    let fields = workload.table(reader, "rounds", &tables::ROUNDS)?;
    let every = fields.number(reader, "every");
    let tasks = tasks(&fields, reader);
    let open = fields.number(reader, "open").map(|o| o.value);
    Some(Rounds { every_ns: every?.value, tasks: tasks?, open })
}

fn arrivals(workload: &Fields<'_>, reader: &mut Reader) -> Option<Arrivals> {
    let fields = workload.table(reader, "arrivals", &tables::ARRIVALS)?;
    let tasks = tasks(&fields, reader);
    let slots = fields.number(reader, "slots").map(|s| s.value);
    let pattern = match fields.list(reader, "segments") {
        Some(items) => {
            let read: Vec<_> = items.iter().map(|(path, item)| segment(item, path, reader)).collect();
            let place = fields.place_of("segments").unwrap_or(&fields.place).clone();
            Pattern::Segments(At { value: read.into_iter().collect::<Option<_>>()?, place })
        }
        None => Pattern::Always(shape(&fields, reader)?),
    };
    Some(Arrivals { pattern, tasks: tasks?, slots })
}

fn segment(node: &Node, path: &str, reader: &mut Reader) -> Option<(u64, Shape)> {
    let fields = reader.table(node, &tables::SEGMENT, path)?;
    let length = fields.number(reader, "for");
    let idle = ["rate", "ramp", "poisson", "burst"].iter().all(|key| fields.get(key).is_none());
    let shape = if idle { Some(Shape::Silence {}) } else { shape(&fields, reader) };
    Some((length?.value, shape?))
}

/// The one shape that was written.
fn shape(fields: &Fields<'_>, reader: &mut Reader) -> Option<Shape> {
    if fields.get("rate").is_some() {
        return fields.rate(reader, "rate").map(|per_second| Shape::Constant { per_second });
    }
    if fields.get("poisson").is_some() {
        return fields.rate(reader, "poisson").map(|per_second| Shape::Poisson { per_second });
    }
    if fields.get("ramp").is_some() {
        let ramp = fields.table(reader, "ramp", &tables::RAMP)?;
        let (from, to) = (ramp.rate(reader, "from"), ramp.rate(reader, "to"));
        return Some(Shape::Ramp { from: from?, to: to? });
    }
    let burst = fields.table(reader, "burst", &tables::BURST)?;
    let (count, every) = (burst.number(reader, "count"), burst.number(reader, "every"));
    Some(Shape::Burst { count: u32::try_from(count?.value).ok()?, every_ns: every?.value })
}

fn tasks(fields: &Fields<'_>, reader: &mut Reader) -> Option<Tasks> {
    let timeout_ns = fields.number(reader, "timeout").map(|t| t.value);
    let payload = fields.number(reader, "payload").map(|p| p.value);
    let work = match fields.get("work") {
        Some(node) => Some(work(node, &fields.path("work"), reader)?),
        None => None,
    };
    Some(Tasks { timeout_ns, payload, work })
}

fn work(node: &Node, path: &str, reader: &mut Reader) -> Option<Work> {
    if !matches!(node.kind, Kind::Map(_)) {
        return match reader.word(node, path, &["echo", "relay"])? {
            "relay" => Some(Work::Relay {}),
            _ => Some(Work::Echo {}),
        };
    }
    let fields = reader.table(node, &tables::WORK_KINDS, path)?;
    if let Some(node) = fields.get("sleep") {
        return sleep(node, &fields.path("sleep"), reader);
    }
    if fields.get("cpu").is_some() {
        return fields.whole(reader, "cpu", MICROSECOND).map(|us| Work::Cpu { us: us.value });
    }
    if fields.get("alloc").is_some() {
        return fields.number(reader, "alloc").map(|bytes| Work::Alloc { bytes: bytes.value });
    }
    fields.texts(reader, "exec").map(|argv| Work::Exec { argv })
}

const MICROSECOND: (u64, &str) = (1_000, "microsecond");

fn sleep(node: &Node, path: &str, reader: &mut Reader) -> Option<Work> {
    if !matches!(node.kind, Kind::Map(_)) {
        let ns = reader.number(node, path, Scalar::Duration { least: 1_000, most: 3_600_000_000_000 })?;
        if ns.is_multiple_of(MICROSECOND.0) {
            return Some(Work::Sleep { p50_us: ns / 1_000, p99_us: ns / 1_000 });
        }
        let what = format!("{path} is finer than a microsecond");
        reader.problem(Problem::new(&node.place, what).help("write a whole number of microseconds"));
        return None;
    }
    let fields = reader.table(node, &tables::SLEEP, path)?;
    let (p50, p99) = (fields.whole(reader, "p50", MICROSECOND), fields.whole(reader, "p99", MICROSECOND));
    let (p50, p99) = (p50?, p99?);
    if p99.value < p50.value {
        let what = format!("{path}.p99 is shorter than its median");
        reader.problem(Problem::new(&p99.place, what).help("the 99th percentile is at least the median"));
        return None;
    }
    Some(Work::Sleep { p50_us: p50.value, p99_us: p99.value })
}
