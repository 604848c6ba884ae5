//! Swap: which numbers of memory can be believed when some of the target was swapped out.
//!
//! Swapping out lowers what is resident, and nothing was released; swapping in raises it, and nothing was taken.

use evidence::unit::Unit;

use super::coverage::{Condition, Scope};
use crate::analysis::{Course, Finding, Swapped};

/// Numbers of resident memory: the true ones are greater by what was swapped out.
const RESIDENT: [&str; 5] =
    ["memory.rss.max", "memory.pss.max", "memory.pss.mean", "memory.total.max", "memory.host_share"];

/// Numbers of private memory beside those that begin with `memory.`.
const PRIVATE: [&str; 2] = ["agents.drifting", "fault.memory_left"];

/// What swap does to the evidence; absent where nothing of the target was swapped out.
pub(super) fn condition(course: &Course) -> Option<Condition> {
    let swapped = course.swapped.as_ref()?;
    Some(Condition::poor("swap", Scope::Gates, found(swapped), why(swapped)))
}

/// Why a finding decides nothing. `breach` says that it is beyond its limit as it is.
pub(super) fn doubt(finding: &Finding, breach: bool, course: &Course) -> Option<String> {
    let swapped = course.swapped.as_ref()?;
    let name = finding.metric.name.as_str();
    let at_least = RESIDENT.contains(&name) || name == "memory.private.max";
    let concerned = if swapped.counted {
        RESIDENT.contains(&name)
    } else {
        name.starts_with("memory.") || PRIVATE.contains(&name)
    };
    // What is too much already is not less with what was swapped out.
    (concerned && !(at_least && breach)).then(|| why(swapped))
}

fn found(swapped: &Swapped) -> String {
    let (most, at) = (Unit::Bytes.show(swapped.most), Unit::Seconds.show(swapped.at_s));
    format!("{most} of the target was swapped out at {at}")
}

fn why(swapped: &Swapped) -> String {
    let was = found(swapped);
    if swapped.counted {
        format!("{was}: its resident memory was less than what it held; its private memory counts both")
    } else {
        format!("{was}: its private memory was read without that, so that what it held is not known")
    }
}
