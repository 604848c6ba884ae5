//! Times that drift because the host did: neither for the target nor against it.

use evidence::gate::Gate;
use evidence::unit::Unit;

use super::compare::outcome;
use super::coverage::{Condition, Scope};
use super::outcome::Outcome;
use crate::analysis::{Course, Finding, Pace};
use crate::statistics::Interval;

/// The numbers that tell how a time drifted, as a share of it.
const DRIFTS: [&str; 2] = ["coordination.drift", "response.drift"];

/// From which change on a report tells it, whatever the gates ask.
const NOTABLE: f64 = 0.1;

/// That the host's pace changed; absent where it did not by much.
pub(super) fn condition(course: &Course) -> Option<Condition> {
    let pace = course.pace.filter(|pace| pace.changed() && pace.change.value.abs() >= NOTABLE)?;
    Some(Condition::met("pace", Scope::Gates, words(&pace)))
}

/// Why a drift of times decides nothing: what the host did meanwhile is enough to explain it, or to hide the opposite.
pub(super) fn doubt(gate: &Gate, finding: &Finding, found: Outcome, course: &Course) -> Option<String> {
    let drifts = DRIFTS.contains(&finding.metric.name.as_str());
    // Where it is part of the estimate, the interval is as wide as that leaves it.
    let taken_out = course.trends.iter().any(|t| {
        t.at_pace.is_some() && t.numbers.iter().any(|(name, _)| *name == finding.metric.name.as_str())
    });
    let pace = course.pace.filter(|_| drifts && !taken_out)?;
    let pace = Some(pace).filter(|pace| pace.changed() && pace.change.value > -1.0)?;
    let without = |change: f64| (1.0 + change) / (1.0 + pace.change.value) - 1.0;
    let Interval { lo, hi } = finding.interval;
    let decided = matches!(found, Outcome::Go | Outcome::Conditional | Outcome::NoGo);
    let same = outcome(gate, Interval { lo: without(lo), hi: without(hi) }) == found;
    (decided && !same).then(|| {
        format!(
            "{} over the run, but {}, which is enough to {} it; a host with nothing else to do would settle it",
            finding.metric.unit.show(finding.value),
            words(&pace),
            if found == Outcome::NoGo { "explain" } else { "hide the opposite of" },
        )
    })
}

fn words(pace: &Pace) -> String {
    let (was, by) = (Unit::Seconds.show(pace.per_task_s), Unit::Ratio.show(pace.change.value.abs()));
    let (host, more) = if pace.change.value > 0.0 { ("slower", "more") } else { ("faster", "less") };
    format!(
        "the host became {host}: the harness itself came to need {by} {more} CPU time for each task than {was}"
    )
}
