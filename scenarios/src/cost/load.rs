//! How much work a plan has at which time: the number of workers goes by the time of day, and so do single tasks.

use crate::plan::{Plan, Shape};
use crate::retention;

/// Part of the load in which it does not change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    pub(super) length_s: f64,
    pub(super) rounds_per_s: f64,
    /// Tasks of a round.
    pub(super) workers: f64,
    /// Single tasks, on average.
    pub(super) singles_per_s: f64,
}

impl Stretch {
    /// The chance that something is answered within so many seconds; single tasks come at random.
    pub(super) fn chance_of_an_answer(&self, length_s: f64) -> f64 {
        1.0 - (1.0 - self.chance_of_a_round(length_s)) * (-self.singles_per_s * length_s).exp()
    }

    /// The chance that a round is answered within so many seconds.
    pub(super) fn chance_of_a_round(&self, length_s: f64) -> f64 {
        (self.rounds_per_s * length_s).min(1.0)
    }

    /// Tasks within so many seconds, on average.
    pub(super) fn tasks(&self, length_s: f64) -> f64 {
        (self.rounds_per_s * self.workers + self.singles_per_s) * length_s
    }
}

/// The load in stretches, in order.
pub(super) fn stretches(plan: &Plan) -> Vec<Stretch> {
    let end_ns = plan.load_ends_ns();
    let levels = plan.workload.rounds.iter().flat_map(|rounds| &rounds.levels).map(|level| level.at_ns);
    let segments = plan.workload.arrivals.iter().flat_map(|of| &of.segments).map(|segment| segment.at_ns);
    let mut edges: Vec<u64> =
        levels.chain(segments).chain([0, end_ns]).filter(|at_ns| *at_ns <= end_ns).collect();
    edges.sort_unstable();
    edges.dedup();
    let every_s = plan.workload.rounds.as_ref().map(|rounds| seconds(rounds.every_ns.max(1)));
    let stretch = |pair: &[u64]| Stretch {
        length_s: seconds(pair[1] - pair[0]),
        rounds_per_s: every_s.map_or(0.0, |every_s| 1.0 / every_s),
        workers: workers(plan, pair[0]),
        singles_per_s: singles(plan, pair[0]),
    };
    edges.windows(2).map(stretch).collect()
}

/// How many workers take part in the rounds of this time.
fn workers(plan: &Plan, at_ns: u64) -> f64 {
    let all = retention::agents(plan).worker;
    let levels = plan.workload.rounds.iter().flat_map(|rounds| &rounds.levels);
    let level = levels.take_while(|level| level.at_ns <= at_ns).last();
    f64::from(level.map_or(all, |level| level.workers))
}

/// Single tasks a second at this time, on average over their segment.
fn singles(plan: &Plan, at_ns: u64) -> f64 {
    let segments = plan.workload.arrivals.iter().flat_map(|arrivals| &arrivals.segments);
    let segment = segments.take_while(|segment| segment.at_ns <= at_ns).last();
    segment.map_or(0.0, |segment| match segment.shape {
        Shape::Constant { per_second } | Shape::Poisson { per_second } => per_second,
        Shape::Ramp { from, to } => f64::midpoint(from, to),
        Shape::Burst { count, every_ns } => f64::from(count) / seconds(every_ns.max(1)),
        Shape::Silence {} => 0.0,
    })
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(super) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_a_stretch_for_each_change_of_its_rounds_or_its_single_tasks() {
        let text = "name: a\nwhy: b\ntarget: { swarm: { shape: flat, workers: 99 } }\nworkload:\n  rounds: { every: 10s, \
            daily: [{ from: 00:00, workers: 10 }, { from: 06:00, workers: 90 }] }\n  arrivals: { timeout: 1s, work: echo, \
            payload: 1B, daily: [{ from: 00:00, poisson: 1/m }, { from: 12:00, poisson: 6/m }] }\n\
            phases: { warm_up: 0s, hold: 1d }\ngates: [\"messages.lost == 0\"]\n";
        let plan = crate::parse(text, "a.yaml", &crate::Options::default()).unwrap().plan;
        let stretches = stretches(&plan);
        let close = |a: f64, b: f64| (a - b).abs() < 0.01;
        let expected = [(6.0, 10.0, 1.0), (6.0, 90.0, 1.0), (12.0, 90.0, 6.0)];
        let fits = |of: &Stretch, (hours, workers, a_minute): (f64, f64, f64)| {
            close(of.length_s / 3600.0, hours)
                && close(of.workers, workers)
                && close(of.singles_per_s * 60.0, a_minute)
        };
        assert_eq!(stretches.len(), expected.len());
        assert!(stretches.iter().zip(expected).all(|(of, expected)| fits(of, expected)), "{stretches:?}");
        assert!(close(stretches[0].tasks(60.0), 61.0), "six rounds of ten tasks, and a single one");
        assert!(close(stretches[0].chance_of_a_round(5.0), 0.5));
        assert!(close(stretches[2].chance_of_an_answer(5.0), 1.0 - 0.5 * (-0.5_f64).exp()));
    }
}
