//! Swap: which numbers of memory can be believed when some of the target was swapped out.
//!
//! Swapping out lowers what is resident, and nothing was released. Where the run counts swap, private memory holds it and
//! what is resident has it in its interval. Where it does not, what was held is not known.

use evidence::unit::Unit;

use super::coverage::{Condition, Scope};
use crate::analysis::{Course, Finding, Swapped};
use crate::statistics::Interval;

/// Numbers that are only greater with what was swapped out.
const LEVELS: [&str; 6] = [
    "memory.private.max",
    "memory.rss.max",
    "memory.pss.max",
    "memory.pss.mean",
    "memory.total.max",
    "memory.host_share",
];

/// Numbers of private memory beside those that begin with `memory.`.
const PRIVATE: [&str; 2] = ["agents.drifting", "fault.memory_left"];

/// What swap does to the evidence; absent where nothing of the target was swapped out.
pub(super) fn condition(course: &Course) -> Option<Condition> {
    let swapped = course.swapped.as_ref()?;
    Some(if swapped.counted {
        Condition::met("swap", Scope::Gates, found(swapped))
    } else {
        Condition::poor("swap", Scope::Gates, found(swapped), uncounted(swapped))
    })
}

/// Why a finding decides nothing. `breach` says that it is beyond its limit as it is.
pub(super) fn doubt(finding: &Finding, breach: bool, course: &Course) -> Option<String> {
    let swapped = course.swapped.as_ref().filter(|swapped| !swapped.counted)?;
    let name = finding.metric.name.as_str();
    let concerned = name.starts_with("memory.") || PRIVATE.contains(&name);
    // What is too much already is not less with what was swapped out.
    (concerned && !(breach && LEVELS.contains(&name))).then(|| uncounted(swapped))
}

/// What would settle a gate on what was read: only what was swapped out makes such a number uncertain.
pub(super) fn settle(finding: &Finding) -> String {
    let Interval { lo, hi } = finding.interval;
    if hi.is_infinite() {
        return "how much more was swapped out could not be read".to_owned();
    }
    let out = finding.metric.unit.show(hi - lo);
    format!("up to {out} more was swapped out; a host that swaps nothing would settle it")
}

fn found(swapped: &Swapped) -> String {
    let (most, at) = (Unit::Bytes.show(swapped.most), Unit::Seconds.show(swapped.at_s));
    format!("{most} of the target was swapped out at {at}")
}

fn uncounted(swapped: &Swapped) -> String {
    format!("{}: its private memory was read without that, so that what it held is not known", found(swapped))
}
