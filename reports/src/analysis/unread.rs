//! What could not be read: a value that is absent while its processes are there. A number that rests on what is left
//! says nothing of the time in which nobody looked.

use std::collections::BTreeMap;

use evidence::sample::{Group, Sample};

use super::load::{self, Load};
use super::resources::by_role;
use super::seconds;
use super::whole::COVERED;
use crate::reading::Evidence;

/// A value of a sample.
pub(super) type Read = fn(&Sample) -> Option<u64>;

/// Each value that is read, in words, and how the numbers begin that rest on it.
const VALUES: [(&str, &[&str], Read); 5] = [
    (
        "private memory",
        &["memory.private", "memory.growth", "memory.spread", "memory.exhaustion", "agents.drifting"],
        |s| s.private_sum,
    ),
    ("resident memory", &["memory.rss"], |s| s.rss_sum),
    ("proportional memory", &["memory.pss", "memory.total", "memory.host_share"], |s| s.pss_sum),
    ("open descriptors", &["descriptors."], |s| s.descriptors_sum),
    ("threads", &["threads."], |s| s.threads_sum),
];

/// A value that was not there for more than 1 − [`COVERED`] of the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Unread {
    /// Of which role; of the whole target where absent.
    pub role: Option<&'static str>,
    /// What, in words.
    pub what: &'static str,
    /// For which share of the load.
    pub share: f64,
    numbers: &'static [&'static str],
}

impl Unread {
    /// Whether a number of the registry rests on it.
    #[must_use]
    pub fn concerns(&self, metric: &str, role: Option<&str>) -> bool {
        self.role == role && self.numbers.iter().any(|begin| metric.starts_with(begin))
    }
}

/// Everything that was not there for too long.
pub(super) fn find(evidence: &Evidence, load: &Load) -> Vec<Unread> {
    let length = load.spans.length();
    if length == 0 {
        return Vec::new();
    }
    let fast_ns = load::longest_step_ns(evidence);
    let slow_ns = fast_ns.max(evidence.manifest.sampling.slow_every_ns.saturating_mul(load::GAP));
    let mut unread = Vec::new();
    for (role, groups) in by_role() {
        for (what, numbers, read) in VALUES {
            let step_ns = if what == "proportional memory" { slow_ns } else { fast_ns };
            let idle = |(processes, _): &(u64, bool)| *processes == 0;
            let moments = moments(evidence, &groups, read, |tick| idle(tick) || tick.1);
            let share = seconds(load.without(&moments, step_ns).length()) / seconds(length);
            if share > 1.0 - COVERED {
                unread.push(Unread { role, what, share, numbers });
            }
        }
    }
    unread
}

/// When there were processes of these groups, and the value of all of them was read.
pub(super) fn read_whole(evidence: &Evidence, groups: &[Group], read: Read) -> Vec<u64> {
    moments(evidence, groups, read, |(processes, whole)| *processes > 0 && *whole)
}

/// The ticks at which this is true of how many processes there were, and whether the value of all was read.
fn moments(evidence: &Evidence, groups: &[Group], read: Read, of: impl Fn(&(u64, bool)) -> bool) -> Vec<u64> {
    let mut ticks: BTreeMap<u64, (u64, bool)> = BTreeMap::new();
    for s in &evidence.samples {
        let (processes, whole) = ticks.entry(s.at_ns).or_insert((0, true));
        if groups.contains(&s.group) && s.processes > 0 {
            *processes += u64::from(s.processes);
            *whole &= read(s).is_some();
        }
    }
    ticks.into_iter().filter(|(_, tick)| of(tick)).map(|(at_ns, _)| at_ns).collect()
}
