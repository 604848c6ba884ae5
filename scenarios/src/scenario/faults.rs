//! `faults`: what to break, when, and by which rules.

mod act;
mod rules;
mod schedule;
mod victims;

use evidence::event::Level;

use crate::format::tables;
use crate::plan::{Overlap, When};
use crate::problem::Place;
use crate::reader::{Fields, Reader};
use crate::tree::{At, Node};
pub(crate) use act::Act;
pub(crate) use rules::{Chaos, Keep, Quiet, chaos};
pub(crate) use schedule::Schedule;
pub(crate) use victims::{Of, Selector, Share};

use super::Lengths;

/// One fault as it was written. Times are in nanoseconds.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) id: At<String>,
    pub(crate) act: Act,
    pub(crate) schedule: Schedule,
    pub(crate) jitter: Option<At<u64>>,
    pub(crate) when: When,
    pub(crate) overlap: Option<Overlap>,
    pub(crate) keep: Option<At<Keep>>,
    pub(crate) up: Option<u64>,
    pub(crate) requires: Option<At<Level>>,
    pub(crate) pretend: bool,
    pub(crate) expect: Expect,
}

impl Fault {
    /// How often it is due.
    pub(crate) fn times(&self, lengths: Lengths) -> u64 {
        self.schedule.times(lengths)
    }

    /// The id of each occurrence, in order.
    pub(crate) fn ids(&self, lengths: Lengths) -> impl Iterator<Item = String> {
        let single = self.schedule.is_single();
        (1..=self.times(lengths)).map(move |n| match single {
            true => self.id.value.clone(),
            false => format!("{}.{n}", self.id.value),
        })
    }

    pub(crate) fn jitter_ns(&self) -> u64 {
        self.jitter.as_ref().map_or_else(|| tables::FAULT.default_duration("jitter"), |j| j.value)
    }
}

/// Gates on this fault alone.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expect {
    pub(crate) recovers_within: Option<u64>,
    pub(crate) lost: Option<u64>,
}

pub(crate) fn read(scenario: &Fields<'_>, reader: &mut Reader) -> Vec<Option<Fault>> {
    let items = match scenario.get("faults") {
        Some(_) => scenario.list(reader, "faults").unwrap_or_default(),
        None => Vec::new(),
    };
    let numbered = items.iter().enumerate();
    numbered.map(|(index, (path, item))| fault(item, path, index + 1, reader)).collect()
}

fn fault(node: &Node, path: &str, number: usize, reader: &mut Reader) -> Option<Fault> {
    let fields = reader.table(node, &tables::FAULT, path)?;
    let id = match fields.get("id") {
        Some(_) => fields.name(reader, "id"),
        None => Some(At { value: number.to_string(), place: node.place.clone() }),
    };
    let act = act::read(&fields, reader);
    let schedule = schedule::read(&fields, reader);
    let jitter = fields.number(reader, "jitter");
    let when = schedule::when(&fields, reader);
    let overlap = rules::overlap(&fields, reader);
    let keep = rules::keep(&fields, reader);
    let up = fields.number(reader, "up").map(|up| up.value);
    let requires = rules::requires(&fields, reader);
    let pretend = fields.flag(reader, "pretend");
    let expect = expect(&fields, reader);
    Some(Fault {
        place: node.place.clone(),
        id: id?,
        act: act?,
        schedule: schedule?,
        jitter,
        when: when?,
        overlap,
        keep,
        up,
        requires,
        pretend: pretend.unwrap_or(false),
        expect,
    })
}

fn expect(fault: &Fields<'_>, reader: &mut Reader) -> Expect {
    let Some(fields) = fault.table(reader, "expect", &tables::EXPECT) else { return Expect::default() };
    Expect {
        recovers_within: fields.number(reader, "recovers_within").map(|r| r.value),
        lost: fields.number(reader, "lost").map(|l| l.value),
    }
}
