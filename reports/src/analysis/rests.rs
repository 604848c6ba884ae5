//! Points of rest: with nothing to do, a process holds what it held at the first of them, exactly.
//!
//! Readings at a point that the target did not come to rest at are no readings at rest, and are left out.

use std::collections::BTreeMap;

use evidence::event::{Edge, Fact};
use evidence::sample::{Mark, Process};

use super::resources::{TARGET, by_role};
use super::{Basis, Findings, Measured, Of, number, seconds};
use crate::reading::Evidence;

/// One point of rest.
#[derive(Debug, Clone, PartialEq)]
pub struct PointOfRest {
    /// Its number, from 1.
    pub point: u32,
    /// When work was withheld, in seconds since the start of the run.
    pub begin_s: f64,
    /// Whether the target came to rest in time; absent where that was not told.
    pub rested: Option<bool>,
    /// Processes that were read.
    pub processes: u64,
    /// Open descriptors of all of them.
    pub descriptors: Option<u64>,
    /// Threads of all of them.
    pub threads: Option<u64>,
    /// Private memory of all of them, in bytes.
    pub private: Option<u64>,
    /// The most descriptors of a process beyond those that it had at its first point of rest; absent at the first.
    pub more_descriptors: Option<u64>,
    /// The same of threads.
    pub more_threads: Option<u64>,
}

/// A point with what was read of the target at it.
struct Seen<'a> {
    rest: PointOfRest,
    rows: Vec<&'a Process>,
}

/// Every point of rest, in order.
pub(super) fn all(evidence: &Evidence) -> Vec<PointOfRest> {
    let mut seen = seen(evidence);
    let descriptors = first(&seen, |p| p.descriptors);
    let threads = first(&seen, |p| p.threads);
    for Seen { rest, rows } in seen.iter_mut().filter(|s| s.rest.rested != Some(false)) {
        rest.more_descriptors = more(rows, &descriptors, |p| p.descriptors).max();
        rest.more_threads = more(rows, &threads, |p| p.threads).max();
    }
    seen.into_iter().map(|s| s.rest).collect()
}

type Read = fn(&Process) -> Option<u64>;

/// One life of one process.
type Life = (u32, Option<u32>, Option<u32>);

fn life(p: &Process) -> Life {
    (p.pid, p.agent, p.epoch)
}

/// When each process was first read at rest, and what it held then.
type First = BTreeMap<Life, (u64, u64)>;

fn first(seen: &[Seen<'_>], read: Read) -> First {
    let mut first = BTreeMap::new();
    for p in seen.iter().filter(|s| s.rest.rested != Some(false)).flat_map(|s| &s.rows) {
        if let Some(value) = read(p) {
            first.entry(life(p)).or_insert((p.at_ns, value));
        }
    }
    first
}

/// What each of these holds beyond what it held first; those that are read for the first time are left out.
fn more<'a>(rows: &'a [&Process], first: &'a First, read: Read) -> impl Iterator<Item = u64> + 'a {
    rows.iter().filter_map(move |p| {
        let (at_ns, was) = first.get(&life(p))?;
        (*at_ns < p.at_ns).then_some(read(p)?.saturating_sub(*was))
    })
}

fn seen(evidence: &Evidence) -> Vec<Seen<'_>> {
    let mut seen: Vec<Seen<'_>> = Vec::new();
    for event in &evidence.events {
        let Fact::Quiesce { point, edge, rested, .. } = event.fact else { continue };
        match edge {
            Edge::Begin => seen.push(Seen { rest: begun(point, event.at_ns), rows: Vec::new() }),
            Edge::End => {
                if let Some(open) = seen.iter_mut().rev().find(|s| s.rest.point == point) {
                    open.rest.rested = rested;
                }
            }
        }
    }
    let begins: Vec<f64> = seen.iter().map(|s| s.rest.begin_s).collect();
    let marked = |p: &&Process| p.mark == Mark::Quiesced && TARGET.contains(&p.group);
    for p in evidence.processes.iter().filter(marked) {
        let at_s = seconds(p.at_ns);
        if let Some(place) = begins.partition_point(|begin| *begin <= at_s).checked_sub(1) {
            seen[place].rows.push(p);
        }
    }
    for Seen { rest, rows } in &mut seen {
        let sum = |read: Read| rows.iter().filter_map(|p| read(p)).reduce(u64::saturating_add);
        rest.processes = rows.len() as u64;
        rest.descriptors = sum(|p| p.descriptors);
        rest.threads = sum(|p| p.threads);
        rest.private = sum(|p| p.private);
    }
    seen
}

fn begun(point: u32, at_ns: u64) -> PointOfRest {
    PointOfRest {
        point,
        begin_s: seconds(at_ns),
        rested: None,
        processes: 0,
        descriptors: None,
        threads: None,
        private: None,
        more_descriptors: None,
        more_threads: None,
    }
}

/// The most that any process held beyond its first point of rest, for the target and by role.
pub(super) fn find(evidence: &Evidence, findings: &mut Findings) {
    let seen = seen(evidence);
    for (name, read) in
        [("descriptors.quiesced", (|p| p.descriptors) as Read), ("threads.quiesced", |p| p.threads)]
    {
        let first = first(&seen, read);
        for (selector, groups) in by_role() {
            let rested = seen.iter().filter(|s| s.rest.rested != Some(false));
            let rows = rested.flat_map(|s| &s.rows).filter(|p| groups.contains(&p.group));
            let rows: Vec<&Process> = rows.copied().collect();
            let more: Vec<u64> = more(&rows, &first, read).collect();
            if let Some(most) = more.iter().max() {
                let found = Measured::exact(Basis::Processes, more.len() as u64, number(*most));
                findings.put(name, Of { selector, phase: None }, found);
            }
        }
    }
}
