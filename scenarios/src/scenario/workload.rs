//! `workload`: rounds and arrivals.

mod course;
mod work;

pub(crate) use course::{Course, Workers};

use crate::format::tables;
use crate::plan::{Shape, Work};
use crate::reader::{Fields, Reader};
use crate::tree::{At, Node};

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
    pub(crate) daily: Option<Course<At<Workers>>>,
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
    /// In ways that change with the time of day.
    Daily(Course<Shape>),
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
    let daily = course::read(&fields, &tables::LEVEL, reader, course::workers);
    let daily = if fields.get("daily").is_some() { Some(daily?) } else { None };
    Some(Rounds { every_ns: every?.value, tasks: tasks?, open, daily })
}

fn arrivals(workload: &Fields<'_>, reader: &mut Reader) -> Option<Arrivals> {
    let fields = workload.table(reader, "arrivals", &tables::ARRIVALS)?;
    let tasks = tasks(&fields, reader);
    let slots = fields.number(reader, "slots").map(|s| s.value);
    Some(Arrivals { pattern: pattern(&fields, reader)?, tasks: tasks?, slots })
}

fn pattern(fields: &Fields<'_>, reader: &mut Reader) -> Option<Pattern> {
    if fields.get("segments").is_some() {
        let items = fields.list(reader, "segments")?;
        let read: Vec<_> = items.iter().map(|(path, item)| segment(item, path, reader)).collect();
        let place = fields.place_of("segments").unwrap_or(&fields.place).clone();
        return Some(Pattern::Segments(At { value: read.into_iter().collect::<Option<_>>()?, place }));
    }
    if fields.get("daily").is_some() {
        return course::read(fields, &tables::HOURS, reader, shape_or_silence).map(Pattern::Daily);
    }
    shape(fields, reader).map(Pattern::Always)
}

fn segment(node: &Node, path: &str, reader: &mut Reader) -> Option<(u64, Shape)> {
    let fields = reader.table(node, &tables::SEGMENT, path)?;
    let length = fields.number(reader, "for");
    let shape = shape_or_silence(&fields, reader);
    Some((length?.value, shape?))
}

/// The one shape that was written, or none.
fn shape_or_silence(fields: &Fields<'_>, reader: &mut Reader) -> Option<Shape> {
    let idle = tables::SHAPES.iter().all(|key| fields.get(key).is_none());
    if idle { Some(Shape::Silence {}) } else { shape(fields, reader) }
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
        Some(node) => Some(work::read(node, &fields.path("work"), reader)?),
        None => None,
    };
    Some(Tasks { timeout_ns, payload, work })
}
