//! Rounds of a rehearsal: as many as each fault and each level of the day needs to be seen in.

use evidence::unit::Unit;

use crate::format::scalar::written_duration;
use crate::plan::{Fault, Plan, When};
use crate::problem::{Place, Problem};
use crate::reader::Reader;
use crate::scenario::Lengths;

use super::scaled;

/// How many rounds there are after each fault and at each level of the day, at least.
const ROUNDS: u64 = 2;

/// Rounds are no closer than this for it, in nanoseconds, unless they were.
const SHORTEST: u64 = 250_000_000;

/// What is told as a length of a rehearsal is a multiple of this, in nanoseconds.
const TOLD: u64 = 1_000_000_000;

/// Brings rounds close enough together, but no closer than the whole timeline is; `written` is how long it was.
/// Refuses a rehearsal in which a fault that waits for a round would wait in vain.
pub(crate) fn fit(plan: &mut Plan, written: Lengths, reader: &mut Reader) {
    let end = plan.load_ends_ns();
    let all: u64 = plan.phases.iter().map(|phase| phase.length_ns).sum();
    let shortest = after_faults(plan, end).into_iter().chain(of_levels(plan)).min().unwrap_or(u64::MAX);
    let Some(rounds) = &mut plan.workload.rounds else { return };
    let every = rounds.every_ns;
    let closest = scaled(every, end, written.load()).max(SHORTEST).min(every);
    rounds.every_ns = (shortest / ROUNDS).clamp(closest, every);
    reader.problems.extend(in_vain(plan, every, written).map(|(what, shortest)| {
        let flag = Place::Flag(format!("--rehearse {}", written_duration(all)).into());
        let help =
            format!("the shortest rehearsal with rounds for each fault is {}", written_duration(shortest));
        Problem::new(&flag, what).help(help)
    }));
}

/// How long each level of the day lasts, but for the last.
fn of_levels(plan: &Plan) -> Vec<u64> {
    let levels = plan.workload.rounds.as_ref().map_or(&[][..], |rounds| &rounds.levels);
    levels.windows(2).map(|pair| pair[1].at_ns - pair[0].at_ns).collect()
}

/// For how long work goes on after each fault until the next, a point of rest or the end of the load. At a point of
/// rest no rounds are given out; one that is due there counts from its end.
fn after_faults(plan: &Plan, end: u64) -> Vec<u64> {
    let rests = rests(plan, end);
    let mut moments: Vec<u64> = rests.iter().map(|(from, _)| *from).chain([end]).collect();
    moments.extend(plan.faults.iter().map(|fault| fault.at_ns));
    moments.sort_unstable();
    let after = |at: u64| {
        let rest = rests.iter().find(|(from, until)| (*from..*until).contains(&at));
        let from = rest.map_or(at, |(_, until)| *until);
        let next = moments.partition_point(|moment| *moment <= from);
        moments.get(next).map_or(0, |next| next - from)
    };
    plan.faults.iter().map(|fault| after(fault.at_ns)).collect()
}

/// From when until when the target is at rest, at most. A point that would end behind the load is none.
fn rests(plan: &Plan, end: u64) -> Vec<(u64, u64)> {
    let Some(points) = plan.soak.quiesce.filter(|points| points.every_ns > 0) else { return Vec::new() };
    let hold = plan.phases.iter().find(|phase| phase.name == "hold").map_or(0, |phase| phase.at_ns);
    let all = (1..).map(|n| hold + n * points.every_ns).map(|from| (from, from + points.within_ns));
    all.take_while(|(_, until)| *until < end).collect()
}

/// The last fault that waits for a round, where too few are left behind it though there were enough in the timeline as it
/// was written, and how long a rehearsal must be that has them. `every` is how often rounds were due.
fn in_vain(plan: &Plan, every: u64, written: Lengths) -> Option<(String, u64)> {
    let end = plan.load_ends_ns();
    let waits = |fault: &&Fault| matches!(fault.when, When::RoundInFlight { .. });
    let last = plan.faults.iter().rfind(waits)?;
    let left = end.saturating_sub(last.at_ns).max(1);
    let needed = ROUNDS * SHORTEST.min(every);
    let were_enough = scaled(left, written.load(), end) >= ROUNDS * every;
    (left < needed && were_enough).then(|| {
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let left_words = Unit::Seconds.show(left as f64 / 1e9);
        let what =
            format!("fault \"{}\" waits for a round, and the load ends {left_words} behind it", last.id);
        // Half of a rehearsal at most is the drain.
        let load = scaled(needed, end, left);
        let all = if load < written.drain { load * 2 } else { load + written.drain };
        (what, (all / TOLD + 1) * TOLD)
    })
}
