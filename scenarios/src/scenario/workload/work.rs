//! `work`: what a worker does with a task.

use crate::format::{Scalar, Table, tables};
use crate::plan::{Part, Work};
use crate::problem::Problem;
use crate::reader::{Fields, Reader};
use crate::tree::{Kind, Node};

pub(super) fn read(node: &Node, path: &str, reader: &mut Reader) -> Option<Work> {
    kind(node, path, &tables::WORK_KINDS, reader)
}

/// One kind of work, by the table of those that may stand here.
fn kind(node: &Node, path: &str, kinds: &'static Table, reader: &mut Reader) -> Option<Work> {
    if !matches!(node.kind, Kind::Map(_)) {
        return match reader.word(node, path, tables::ONE_WORD)? {
            "relay" => Some(Work::Relay {}),
            _ => Some(Work::Echo {}),
        };
    }
    let fields = reader.table(node, kinds, path)?;
    if kinds.field("mix").is_some() && fields.get("mix").is_some() {
        return mix(&fields, reader);
    }
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

fn mix(work: &Fields<'_>, reader: &mut Reader) -> Option<Work> {
    let items = work.list(reader, "mix")?;
    let parts: Vec<_> = items.iter().map(|(path, item)| part(item, path, reader)).collect();
    Some(Work::Mix { parts: parts.into_iter().collect::<Option<_>>()? })
}

fn part(node: &Node, path: &str, reader: &mut Reader) -> Option<Part> {
    let fields = reader.table(node, &tables::PART, path)?;
    let weight = match fields.get("weight") {
        Some(_) => fields.number(reader, "weight").map(|weight| weight.value),
        None => Some(tables::PART.default_count("weight")),
    };
    let work = kind(fields.get("work")?, &fields.path("work"), &tables::PART_WORK, reader);
    Some(Part { weight: u32::try_from(weight?).ok()?, work: work? })
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
