//! In which form a run of this length is kept. The recorder keeps to it, and the estimate of the disk counts by it.

use evidence::tier::{MOST_ROWS, Retention, SAMPLE_TIERS};

use crate::plan::{Agents, Plan};

/// Intervals of the workload that are written down, at most: of a longer run each is several sampling intervals
/// long.
const MOST_INTERVALS: u64 = 300_000;
/// Intervals of which the histograms are kept as they were, at most.
const MOST_HISTOGRAMS: u64 = 5_000;
/// Rows of single processes that are kept as they were, at most.
const MOST_PROCESS_ROWS: u64 = 300_000;
/// Rows of each process in a tier, about.
const PROCESS_ROWS: u64 = 240;
/// Stretches in which histograms are added up.
const HISTOGRAM_TIERS: [u64; 3] = [MINUTE, 10 * MINUTE, 60 * MINUTE];
/// How long before a fault begins and after it ends its neighbourhood reaches.
const AROUND_A_FAULT: (u64, u64) = (10 * MINUTE, 30 * MINUTE);
/// Agents that a target has whose scenario does not say how many.
const UNKNOWN_AGENTS: u32 = 500;
const MINUTE: u64 = 60_000_000_000;

/// How much of this plan's run is kept in which form.
#[must_use]
pub fn of(plan: &Plan) -> Retention {
    let length_ns = length_ns(plan);
    let every_ns = plan.sample.every_ns.max(1_000_000);
    let ticks = length_ns / every_ns;
    let interval_ns = every_ns * ticks.div_ceil(MOST_INTERVALS).max(1);
    let all_samples = ticks <= MOST_ROWS as u64;
    Retention {
        samples_ns: if all_samples {
            Vec::new()
        } else {
            SAMPLE_TIERS.into_iter().filter(|stretch_ns| *stretch_ns >= 2 * every_ns).collect()
        },
        latency_ns: (length_ns / interval_ns > MOST_HISTOGRAMS).then(|| histogram_tier(length_ns)),
        processes_ns: process_tier(plan, length_ns),
        interval_ns,
        fine_ns: neighbourhoods(plan, interval_ns),
    }
}

/// The whole timeline, drain included.
fn length_ns(plan: &Plan) -> u64 {
    plan.phases.iter().fold(0, |sum: u64, phase| sum.saturating_add(phase.length_ns))
}

/// The agents that the plan is to have room for.
pub(crate) fn agents(plan: &Plan) -> Agents {
    plan.target.agents.unwrap_or(Agents { master: 0, coordinator: 0, worker: UNKNOWN_AGENTS })
}

/// Points of rest of the hold phase.
pub(crate) fn rests(plan: &Plan) -> u64 {
    let hold_ns = plan.phases.iter().find(|phase| phase.name == "hold").map_or(0, |phase| phase.length_ns);
    // One at the very end of the load is left to the drain.
    plan.soak.quiesce.map_or(0, |points| hold_ns.saturating_sub(1) / points.every_ns.max(1))
}

fn histogram_tier(length_ns: u64) -> u64 {
    let short = |stretch_ns: &u64| length_ns / stretch_ns <= MOST_HISTOGRAMS;
    HISTOGRAM_TIERS.into_iter().find(short).unwrap_or(HISTOGRAM_TIERS[2])
}

fn process_tier(plan: &Plan, length_ns: u64) -> Option<u64> {
    let slow_ns = plan.sample.slow_every_ns.max(1);
    // The target's own process and the harness beside the agents.
    let processes = u64::from(agents(plan).all()) + 2;
    let rows = (length_ns / slow_ns).saturating_mul(processes);
    let stretch_ns = (length_ns / PROCESS_ROWS).max(2 * slow_ns).div_ceil(MINUTE) * MINUTE;
    (rows > MOST_PROCESS_ROWS).then_some(stretch_ns)
}

/// From some time before each fault to some time after it, as one where they overlap; no more of them than
/// there may be histograms.
fn neighbourhoods(plan: &Plan, interval_ns: u64) -> Vec<(u64, u64)> {
    let (before_ns, after_ns) = AROUND_A_FAULT;
    let mut around: Vec<(u64, u64)> = Vec::new();
    let mut total_ns = 0;
    for fault in &plan.faults {
        let end_ns = fault.at_ns.saturating_add(fault.for_ns).saturating_add(after_ns);
        let mut begin_ns = fault.at_ns.saturating_sub(before_ns);
        if let Some(last) = around.last_mut()
            && begin_ns <= last.1
        {
            begin_ns = last.1.min(end_ns);
            last.1 = last.1.max(end_ns);
        } else {
            around.push((begin_ns, end_ns));
        }
        total_ns += end_ns - begin_ns;
        if total_ns / interval_ns > MOST_HISTOGRAMS {
            break;
        }
    }
    around
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some loads of the user's: every sampling interval in seconds, days, workers; what is kept how.
    #[test]
    fn what_is_kept_how_follows_from_the_length() {
        let kept = |every_s: u64, hours: u64, worker: u32| {
            let text = format!(
                "name: a\nwhy: b\ntarget:\n  swarm: {{ shape: flat, workers: {worker} }}\nworkload:\n  rounds: {{ every: 10s }}\nphases: {{ hold: {hours}h }}\nsample: {{ every: {every_s}s }}\ngates: [\"delivery.rate >= 95%\"]\n"
            );
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("a.yaml");
            std::fs::write(&file, text).unwrap();
            let plan = crate::read(&file, &crate::Options::default()).unwrap().plan;
            let kept = of(&plan);
            let minutes = |ns: u64| ns / MINUTE;
            (
                kept.samples_ns.iter().map(|ns| minutes(*ns)).collect::<Vec<_>>(),
                kept.latency_ns.map(minutes),
                kept.processes_ns.map(minutes),
                kept.interval_ns / 1_000_000_000,
            )
        };
        for (every_s, hours, workers, expected) in [
            (1, 1, 100, (vec![], None, None, 1)),
            (10, 24, 299, (vec![], Some(1), None, 10)),
            (1, 24, 100, (vec![1, 10], Some(1), Some(7), 1)),
            (10, 30 * 24, 299, (vec![1, 10], Some(10), Some(181), 10)),
            (1, 30 * 24, 299, (vec![1, 10], Some(10), Some(181), 9)),
        ] {
            assert_eq!(kept(every_s, hours, workers), expected, "{every_s} s, {hours} h, {workers} workers");
        }
    }
}
