//! What a fault left behind: descriptors and private memory of a process before it, and after the target had
//! settled from it.

use evidence::role::Role;
use evidence::sample::{Group, Sample};

use super::FaultFinding;
use super::placebo::{SETTLES_NS, span};
use crate::analysis::number;
use crate::reading::Evidence;
use crate::statistics::middle;

/// How many readings before and after are looked at.
const READINGS: usize = 3;

/// One role before and after a fault: the mean over its processes, in the middle of a few readings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Left {
    /// The role.
    pub role: Role,
    /// Open descriptors of a process.
    pub descriptors: Option<(f64, f64)>,
    /// Private memory of a process, in bytes.
    pub private: Option<(f64, f64)>,
}

/// Looks before and behind every fault that is over.
pub(super) fn fill(evidence: &Evidence, faults: &mut [FaultFinding]) {
    let spans: Vec<Option<(u64, u64)>> = faults.iter().map(span).collect();
    for (place, fault) in faults.iter_mut().enumerate() {
        let Some((begun, over)) = spans[place] else { continue };
        let from = over.saturating_add(SETTLES_NS);
        // Up to the next fault, which takes and leaves things of its own.
        let next = spans.iter().flatten().map(|(begun, _)| *begun).filter(|at| *at > begun).min();
        let seen = Seen { evidence, begun, from, until: next.unwrap_or(u64::MAX) };
        fault.left = Role::ALL.into_iter().filter_map(|role| seen.role(role)).collect();
    }
}

struct Seen<'a> {
    evidence: &'a Evidence,
    begun: u64,
    from: u64,
    until: u64,
}

impl Seen<'_> {
    fn role(&self, role: Role) -> Option<Left> {
        let group = Group::from(role);
        let samples: Vec<&Sample> =
            self.evidence.samples.iter().filter(|s| s.group == group && s.processes > 0).collect();
        let pair = |read: fn(&Sample) -> Option<u64>| {
            let mean = |s: &&Sample| Some(number(read(s)?) / f64::from(s.processes));
            let before = samples.iter().rev().filter(|s| s.at_ns < self.begun).filter_map(mean);
            let behind = samples.iter().filter(|s| (self.from..self.until).contains(&s.at_ns));
            Some((typical(before)?, typical(behind.filter_map(mean))?))
        };
        let (descriptors, private) = (pair(|s| s.descriptors_sum), pair(|s| s.private_sum));
        (descriptors.is_some() || private.is_some()).then_some(Left { role, descriptors, private })
    }
}

/// The middle of the first few.
fn typical(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.take(READINGS).collect();
    values.sort_by(f64::total_cmp);
    middle(&values)
}
