//! Numbers of which too much could not be read: a value that is missing while its processes are there must not leave
//! the gates on it to what was read before.

use evidence::unit::Unit;

use super::coverage::{Condition, Scope};
use crate::analysis::{Basis, Course, Finding, Unread};

/// What could not be read; absent where everything was.
pub(super) fn condition(course: &Course) -> Option<Condition> {
    let worst = course.unread.iter().max_by(|a, b| a.share.total_cmp(&b.share))?;
    let others = course.unread.len() - 1;
    let more = if others > 0 { format!(", and {others} more values") } else { String::new() };
    Some(Condition::poor("readings", Scope::Gates, format!("{}{more}", found(worst)), why(worst)))
}

/// Why a finding decides nothing. `breach` says that it is beyond its limit as it is: a peak that was seen is not less
/// for what was not.
pub(super) fn doubt(finding: &Finding, role: Option<&str>, breach: bool, course: &Course) -> Option<String> {
    let unread = course.unread.iter().find(|unread| unread.concerns(&finding.metric.name, role))?;
    let peak = finding.basis == Basis::Samples;
    (!(breach && peak)).then(|| why(unread))
}

/// Why what was held at rest decides nothing: most of the time it never came to rest, and of that nothing is known.
pub(super) fn restless(finding: &Finding, breach: bool, course: &Course) -> Option<String> {
    let at_rest = finding.metric.name.ends_with(".quiesced");
    let (all, rested) = (course.rests.len(), course.rests.iter().filter(|p| p.rested != Some(false)).count());
    (at_rest && !breach && 2 * rested < all).then(|| {
        format!("the target came to rest at {rested} of {all} points of rest; give it more time with quiesce.within")
    })
}

fn found(unread: &Unread) -> String {
    let whose = unread.role.map_or_else(|| "the target".to_owned(), |role| format!("every {role}"));
    let share = Unit::Ratio.show(unread.share);
    format!("{} of {whose} could not be read for {share} of the load", unread.what)
}

fn why(unread: &Unread) -> String {
    format!("{}, so that how it went is not known", found(unread))
}
