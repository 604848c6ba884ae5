//! How faults were shown to have acted, by kind: where it was read, how strongly, and how soon they were undone.

use std::collections::BTreeMap;

use evidence::event::{Level, Proof, Reading, Victim};

use super::FaultFinding;

/// The most different things that are kept of what was found in one place.
const FOUND: usize = 3;

/// One place where something was read, over all victims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// How strong a reading there is.
    pub(crate) level: Level,
    /// Where.
    pub(crate) source: String,
    /// What had to be there for the first victim.
    pub(crate) expected: String,
    /// What was there, the first few different ones.
    pub(crate) found: Vec<String>,
    /// For how many victims it was read.
    pub(crate) victims: u64,
}

/// All faults of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mechanism {
    /// The kind.
    pub(crate) kind: String,
    /// How many there were.
    pub(crate) faults: u64,
    /// How many of them are proven.
    pub(crate) proven: u64,
    /// The evidence that they require.
    pub(crate) requires: Level,
    /// Where it was read, weakest first.
    pub(crate) sources: Vec<Source>,
    /// From their planned end until it was read back that they were undone, the longest, in seconds.
    pub(crate) undo_s: Option<f64>,
}

/// What was read of these victims, place by place, weakest first.
pub(crate) fn sources<'a>(victims: impl Iterator<Item = &'a Victim>) -> Vec<Source> {
    let mut places: Vec<Source> = Vec::new();
    for Reading { level, source, expected, found, .. } in victims.flat_map(|v| &v.readings) {
        let known = places.iter_mut().find(|s| s.level == *level && s.source == *source);
        if let Some(known) = known {
            known.victims += 1;
            if known.found.len() < FOUND && !known.found.contains(found) {
                known.found.push(found.clone());
            }
        } else {
            let (source, expected) = (source.clone(), expected.clone());
            places.push(Source { level: *level, source, expected, found: vec![found.clone()], victims: 1 });
        }
    }
    places.sort_by_key(|s| s.level);
    places
}

/// Every kind of fault that was planned, in the order of their names.
pub(crate) fn mechanisms(faults: &[FaultFinding]) -> Vec<Mechanism> {
    let mut kinds: BTreeMap<&str, Vec<&FaultFinding>> = BTreeMap::new();
    for fault in faults {
        kinds.entry(&fault.kind).or_default().push(fault);
    }
    let mechanism = |(kind, faults): (&str, Vec<&FaultFinding>)| Mechanism {
        kind: kind.to_owned(),
        faults: faults.len() as u64,
        proven: faults.iter().filter(|f| f.proof == Proof::Proven).count() as u64,
        requires: faults.iter().map(|f| f.requires).max().unwrap_or(Level::E1),
        sources: sources(faults.iter().flat_map(|f| f.evidence())),
        undo_s: faults.iter().filter_map(|f| f.undo_s).reduce(f64::max),
    };
    kinds.into_iter().map(mechanism).collect()
}
