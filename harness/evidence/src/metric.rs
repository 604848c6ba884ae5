//! Every number that a gate can ask for, by name. This table is the only owner of metric names.

use std::sync::LazyLock;

use serde::Serialize;

use crate::fewest;
use crate::unit::Unit;

/// Which direction is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// Neither: the number describes.
    Neither,
}

/// What a scenario must have so that the metric exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    /// Nothing: every run has it.
    Nothing,
    /// `workload.rounds` or `workload.arrivals`.
    Work,
    /// `workload.rounds`.
    Rounds,
    /// `workload.arrivals`.
    Arrivals,
    /// At least so many faults: with fewer no upper limit on the number can hold.
    Faults(u64),
    /// A target whose agents are processes of their own.
    Processes,
    /// A target of more than one coordinator that tells who did what.
    Coordinators,
    /// A target that reports its effects.
    Effects,
    /// `soak.quiesce`, and processes.
    Quiesce,
}

/// The greatest of all values, which has an upper bound with the first.
const GREATEST: f64 = 1.0;

impl Needs {
    /// The same for a quantile of it.
    fn of_quantile(self, quantile: f64) -> Self {
        match self {
            Self::Faults(_) if quantile < GREATEST => Self::Faults(fewest::of_quantile(quantile)),
            _ => self,
        }
    }
}

/// What may stand in brackets behind the name's first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Selector {
    /// Nothing may.
    None,
    /// A role: `memory.private.max[worker]`. Without it, every process of the target.
    Role,
    /// The id of a fault, which must be there: `fault[1].recovery_time`.
    Fault,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Metric {
    /// Its full name, such as `round.time.p99`.
    pub name: String,
    /// Its base unit.
    pub unit: Unit,
    /// Which direction is good.
    pub better: Better,
    /// What must be there so that it exists.
    pub needs: Needs,
    /// What may be selected.
    pub selector: Selector,
    /// Whether `during PHASE` makes sense for it.
    pub by_phase: bool,
    /// Whether it counts facts, which stay NO-GO even in a run with poor coverage.
    pub counted: bool,
    /// What it is, in one sentence.
    pub help: String,
}

/// The metric with this name, without any selector.
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().find(|m| m.name == name)
}

/// All metrics, in the order in which the reference shows them.
#[must_use]
pub fn all() -> &'static [Metric] {
    &ALL
}

static ALL: LazyLock<Vec<Metric>> = LazyLock::new(|| {
    let mut all = Vec::new();
    messages(&mut all);
    progress(&mut all);
    work(&mut all);
    launch_and_agents(&mut all);
    faults(&mut all);
    resources(&mut all);
    drift(&mut all);
    soundness(&mut all);
    harness(&mut all);
    all
});

fn metric(name: &str, unit: Unit, better: Better, needs: Needs, help: &str) -> Metric {
    Metric {
        name: name.to_owned(),
        unit,
        better,
        needs,
        selector: Selector::None,
        by_phase: false,
        counted: false,
        help: help.to_owned(),
    }
}

fn counted(name: &str, needs: Needs, help: &str) -> Metric {
    Metric { counted: true, ..metric(name, Unit::Count, Better::Lower, needs, help) }
}

fn phased(metric: Metric) -> Metric {
    Metric { by_phase: true, ..metric }
}

fn by_role(metric: Metric) -> Metric {
    Metric { selector: Selector::Role, ..metric }
}

fn by_fault(metric: Metric) -> Metric {
    Metric { selector: Selector::Fault, ..metric }
}

/// One metric a statistic: `base.p50` and so on.
fn distribution(all: &mut Vec<Metric>, base: &str, needs: Needs, help: &str, by_phase: bool) {
    for (statistic, quantile, words) in [
        ("p50", 0.5, "median"),
        ("p90", 0.9, "90th percentile"),
        ("p95", 0.95, "95th percentile"),
        ("p99", 0.99, "99th percentile"),
        ("max", GREATEST, "greatest"),
    ] {
        let one = metric(
            &format!("{base}.{statistic}"),
            Unit::Seconds,
            Better::Lower,
            needs.of_quantile(quantile),
            &format!("{help}, {words}."),
        );
        all.push(if by_phase { phased(one) } else { one });
    }
}

fn messages(all: &mut Vec<Metric>) {
    use Needs::{Effects, Work};
    all.extend([
        metric("messages.sent", Unit::Count, Better::Neither, Work, "Tasks handed to the target."),
        metric(
            "messages.acknowledged",
            Unit::Count,
            Better::Neither,
            Work,
            "Tasks for which the target took responsibility.",
        ),
        metric(
            "messages.answered",
            Unit::Count,
            Better::Neither,
            Work,
            "Distinct tasks answered correctly, in time or late.",
        ),
        counted("messages.lost", Work, "Tasks acknowledged and never answered, after the drain barrier."),
        counted(
            "messages.unknown",
            Work,
            "Tasks sent whose acknowledgement never came, and which were not answered.",
        ),
        counted(
            "claims.refuted",
            Work,
            "Claims of the target on its own work that the harness's accounting refutes: fewer executions than tasks answered, fewer open tasks after the drain than were lost.",
        ),
        counted("messages.refused", Work, "Tasks that the target refused; they were never acknowledged."),
        counted("messages.late", Work, "Tasks answered after their time-out."),
        counted("messages.duplicated", Work, "Answers that came again for the same execution of a task."),
        counted(
            "messages.reordered",
            Work,
            "First-attempt answers of one agent that overtook an earlier task.",
        ),
        counted("messages.corrupt", Work, "Answers whose digest is not that of the payload."),
        counted("messages.phantom", Work, "Answers to tokens that were never issued."),
        counted(
            "messages.two_owners",
            Work,
            "Answers that came again from another agent, or another life of the same: two held the same task.",
        ),
        counted("effects.duplicated", Effects, "Tasks executed more than once in effect."),
        phased(metric(
            "delivery.rate",
            Unit::Ratio,
            Better::Higher,
            Work,
            "Tasks answered correctly and in time, as a share of those due, shed ones included.",
        )),
        phased(metric(
            "delivery.rate.min",
            Unit::Ratio,
            Better::Higher,
            Work,
            "The same for what was due in the worst interval, whenever it was answered (rounds alone: the worst round).",
        )),
        phased(metric(
            "error.rate",
            Unit::Ratio,
            Better::Lower,
            Work,
            "Tasks lost, late, corrupt, refused, unknown or shed, as a share of those due.",
        )),
    ]);
}

/// Outside the windows in which faults excuse a standstill.
fn progress(all: &mut Vec<Metric>) {
    all.extend([
        metric(
            "progress.stall.max",
            Unit::Seconds,
            Better::Lower,
            Needs::Work,
            "Longest time from when a task was due to the next answer to any task, outside the windows in which a fault excuses it.",
        ),
        metric(
            "progress.rate",
            Unit::Ratio,
            Better::Higher,
            Needs::Work,
            "Tasks answered correctly and in time, as a share of those due outside the windows in which a fault excuses their absence.",
        ),
    ]);
}

fn work(all: &mut Vec<Metric>) {
    use Needs::{Arrivals, Coordinators, Rounds, Work};
    all.extend([
        phased(metric(
            "rounds.completed",
            Unit::Count,
            Better::Higher,
            Rounds,
            "Rounds in which every task was answered in time.",
        )),
        phased(metric(
            "rounds.timed_out",
            Unit::Count,
            Better::Neither,
            Rounds,
            "Rounds in which at least one task was not answered in time.",
        )),
        phased(metric(
            "rounds.shed",
            Unit::Count,
            Better::Lower,
            Rounds,
            "Rounds that were due and not started because too many were open.",
        )),
    ]);
    distribution(
        all,
        "round.time",
        Rounds,
        "Time of a whole round as the harness sees it, from when it was due to its last answer; one not completed counts as slower than all others",
        true,
    );
    distribution(
        all,
        "round.target_time",
        Rounds,
        "Time of a whole round inside the target, as the target tells it",
        true,
    );
    distribution(all, "response.time", Work, "Time from when a task was due to its answer", true);
    distribution(all, "service.time", Work, "Time from when a task was sent to its answer", true);
    all.extend([
        phased(metric("operations.due", Unit::Count, Better::Neither, Arrivals, "Single tasks that the plan made due.")),
        phased(metric("operations.shed", Unit::Count, Better::Lower, Arrivals, "Single tasks that were due and not started because no slot was free.")),
        phased(metric("throughput", Unit::PerSecond, Better::Higher, Work, "Tasks answered per second of the phase; of the whole run, from the first interval with work to the last.")),
        metric("balance.coordinators", Unit::Ratio, Better::Lower, Coordinators, "Spread of the work over the coordinators: standard deviation over mean of the tasks that each handled."),
    ]);
}

fn launch_and_agents(all: &mut Vec<Metric>) {
    use Needs::{Nothing, Processes};
    all.extend([
        metric(
            "launch.time",
            Unit::Seconds,
            Better::Lower,
            Nothing,
            "From the launch command to the target being ready.",
        ),
        metric(
            "stop.time",
            Unit::Seconds,
            Better::Lower,
            Nothing,
            "From the stop command to the target's exit.",
        ),
        metric("agents.ready", Unit::Count, Better::Higher, Nothing, "Agents that were ready after launch."),
        counted(
            "agents.crashed",
            Nothing,
            "Agents whose process ended without a fault of the plan having ended it.",
        ),
        counted(
            "agents.hung",
            Needs::Rounds,
            "Workers that lived through three rounds, no fault being in effect, and answered none of them, while others did or at the end.",
        ),
        counted("agents.left_behind", Processes, "Processes of the run that were alive after it."),
        metric(
            "agents.replaced",
            Unit::Count,
            Better::Neither,
            Nothing,
            "Agents that the target started again.",
        ),
    ]);
}

fn faults(all: &mut Vec<Metric>) {
    let one = Needs::Faults(1);
    all.extend([
        metric("faults.planned", Unit::Count, Better::Neither, one, "Faults in the plan."),
        metric(
            "faults.proven",
            Unit::Count,
            Better::Higher,
            one,
            "Faults whose required evidence was read back.",
        ),
    ]);
    distribution(all, "recovery.time", one, "Time from a fault until the target is steady again", false);
    distribution(
        all,
        "recovery.after_heal",
        one,
        "Time from the end of a fault that lasts, or from one that does not, until the target is steady again; zero if it was before",
        false,
    );
    for (step, help) in [
        ("detect", "Time from a fault until the target noticed it"),
        ("elect", "Time from a fault until another agent held the lost place"),
        ("reassign", "Time from a fault until every orphan had a coordinator"),
        ("first_success", "Time from a fault until a task of an affected agent, started after it, succeeded"),
        ("round", "Time from a fault until the round in flight was complete"),
        ("drained", "Time from a fault until no task from before or during it was open"),
    ] {
        for (statistic, quantile, words) in [
            ("p50", 0.5, "median over faults"),
            ("p90", 0.9, "90th percentile over faults"),
            ("p95", 0.95, "95th percentile over faults"),
            ("max", GREATEST, "worst fault"),
        ] {
            all.push(metric(
                &format!("recovery.{step}.{statistic}"),
                Unit::Seconds,
                Better::Lower,
                one.of_quantile(quantile),
                &format!("{help}, {words}."),
            ));
        }
    }
    all.extend([
        by_fault(metric(
            "fault.recovery_time",
            Unit::Seconds,
            Better::Lower,
            one,
            "Time from this fault until the target was steady again.",
        )),
        by_fault(Metric {
            counted: true,
            ..metric(
                "fault.lost",
                Unit::Count,
                Better::Lower,
                one,
                "Tasks open during this fault's window and never answered.",
            )
        }),
        by_fault(metric(
            "fault.late",
            Unit::Count,
            Better::Lower,
            one,
            "Tasks open during this fault's window and answered late.",
        )),
        by_fault(metric(
            "fault.after_heal",
            Unit::Seconds,
            Better::Lower,
            one,
            "Time from the end of this fault, or from the fault where it does not last, until the target was steady; zero if it was before.",
        )),
        by_fault(metric(
            "fault.proven",
            Unit::Count,
            Better::Higher,
            one,
            "Whether this fault's required evidence was read back; of a series, for how many.",
        )),
        by_fault(metric(
            "fault.retried",
            Unit::Count,
            Better::Lower,
            one,
            "Tasks open during this fault's window and sent to a worker more than once.",
        )),
        by_fault(metric(
            "fault.late_excess",
            Unit::Count,
            Better::Lower,
            one,
            "Late answers in this fault's window beyond those of windows of the same length without any fault.",
        )),
        by_fault(metric(
            "fault.descriptors_left",
            Unit::Count,
            Better::Lower,
            one,
            "Open descriptors per process after the target had settled, less those before this fault; greatest over roles.",
        )),
        by_fault(metric(
            "fault.memory_left",
            Unit::Bytes,
            Better::Lower,
            one,
            "Private memory per process after the target had settled, less that before this fault; greatest over roles.",
        )),
    ]);
}

fn resources(all: &mut Vec<Metric>) {
    use Needs::Processes;
    let lower =
        |name: &str, unit, help: &str| by_role(phased(metric(name, unit, Better::Lower, Processes, help)));
    all.extend([
        lower("memory.private.max", Unit::Bytes, "Private (anonymous) memory of a process, in memory or swapped out, greatest over processes and time. Pages that a forked process still shares with its parent count."),
        lower("memory.rss.max", Unit::Bytes, "Resident memory of a process, greatest over processes and time."),
        lower("memory.pss.max", Unit::Bytes, "Proportional memory of a process, greatest over processes and time."),
        lower("memory.pss.mean", Unit::Bytes, "Proportional memory of a process, mean over processes at the last reading of the hold phase."),
        lower("memory.total.max", Unit::Bytes, "Proportional memory of all processes together, greatest over the slow ticks; of large groups, the mean of those read in the tick times their number."),
        lower("descriptors.max", Unit::Count, "Open descriptors of a process, greatest over processes and time."),
        lower("threads.max", Unit::Count, "Threads of a process, greatest over processes and time."),
        lower("cpu.cores", Unit::Count, "CPU time of all processes together per second of time: cores in use."),
        by_role(metric("memory.return", Unit::Ratio, Better::Lower, Processes, "Private memory after the drain over the same after the warm-up, less one; processes that lived through both.")),
        by_role(metric("descriptors.return", Unit::Count, Better::Lower, Processes, "Open descriptors of a process after the drain, less those after the warm-up; greatest over processes that lived through both.")),
        by_role(metric("threads.return", Unit::Count, Better::Lower, Processes, "Threads of a process after the drain, less those after the warm-up; greatest over processes that lived through both.")),
    ]);
}

/// Numbers with an interval that comes from the series of the hold phase: warm-up and fault windows left out,
/// autocorrelation accounted for.
fn drift(all: &mut Vec<Metric>) {
    use Needs::{Faults, Nothing, Processes, Quiesce, Rounds, Work};
    let lower = |name: &str, unit, needs, help: &str| metric(name, unit, Better::Lower, needs, help);
    let role = |name: &str, unit, needs, help: &str| by_role(lower(name, unit, needs, help));
    all.extend([
        role("memory.growth", Unit::RatioPerHour, Processes, "Drift of private memory per process, as a share of its level after the warm-up per hour."),
        role("memory.growth.bytes", Unit::BytesPerHour, Processes, "Drift of private memory per process, per hour."),
        role("memory.growth.run", Unit::Ratio, Processes, "Drift of private memory per process over the whole hold phase, as a share of its level after the warm-up."),
        role("memory.growth.horizon", Unit::Ratio, Processes, "The same projected to the horizon of the scenario."),
        role("memory.growth.task", Unit::Bytes, Work, "Drift of private memory per process against the work done, per 1,000 tasks answered."),
        role("memory.growth.fault", Unit::Bytes, Faults(fewest::OF_STEP as u64), "Step of private memory per process at a fault of the plan, mean over faults."),
        role("memory.spread", Unit::Ratio, Processes, "Greatest distance of a block median of private memory per process from their median, as a share of it: a steady one stays within."),
        role("descriptors.growth", Unit::PerHour, Processes, "Drift of open descriptors per process, per hour."),
        role("descriptors.growth.task", Unit::Count, Work, "Drift of open descriptors per process against the work done, per 1,000 tasks answered."),
        role("descriptors.growth.fault", Unit::Count, Faults(fewest::OF_STEP as u64), "Step of open descriptors per process at a fault of the plan, mean over faults."),
        role("descriptors.quiesced", Unit::Count, Quiesce, "Open descriptors of a process at rest beyond those at the first point of rest, greatest over processes and later points."),
        role("threads.growth", Unit::PerHour, Processes, "Drift of threads per process, per hour."),
        role("threads.growth.task", Unit::Count, Work, "Drift of threads per process against the work done, per 1,000 tasks answered."),
        role("threads.growth.fault", Unit::Count, Faults(fewest::OF_STEP as u64), "Step of threads per process at a fault of the plan, mean over faults."),
        role("threads.quiesced", Unit::Count, Quiesce, "Threads of a process at rest beyond those at the first point of rest, greatest over processes and later points."),
        role("agents.drifting", Unit::Count, Processes, "Agents whose own memory drifts, at a false discovery rate of 1 %."),
        metric("memory.exhaustion", Unit::Seconds, Better::Higher, Processes, "Time from the end of the run until the memory of the target reaches the host's or its cgroup's limit if it drifts on; infinite where it does not drift."),
        metric("descriptors.exhaustion", Unit::Seconds, Better::Higher, Processes, "Time from the end of the run until a process reaches the limit of descriptors that was in force for it at the launch if it drifts on; infinite where it does not drift."),
        lower("coordination.drift", Unit::Ratio, Rounds, "Drift of the time of a round over the hold phase, as a share of its level after the warm-up."),
        lower("response.drift", Unit::Ratio, Work, "Drift of the median response time over the hold phase, as a share of its level after the warm-up."),
        lower("recovery.drift", Unit::Ratio, Faults(fewest::OF_SLOPE as u64), "Drift of the recovery time from the first fault to the last, as a share of its level at the first."),
        lower("harness.memory.growth", Unit::BytesPerHour, Nothing, "Drift of the private memory of the harness, per hour."),
    ]);
}

/// Incidents, availability, and how whole the evidence of a long run is.
fn soundness(all: &mut Vec<Metric>) {
    use Needs::{Nothing, Work};
    all.extend([
        metric("run.length", Unit::Seconds, Better::Higher, Nothing, "Length of the load as it was, warm-up and hold phase together; times of more than three sampling intervals without a sample, or without a harness, are left out."),
        counted("incidents.critical", Nothing, "Critical incidents: service stopped, or something acknowledged was lost, and no fault of the plan excuses it."),
        counted("incidents.minor", Nothing, "Minor incidents: something failed and service went on."),
        metric("incidents.rate", Unit::PerHour, Better::Lower, Nothing, "Incidents of both severities per hour."),
        metric("availability", Unit::Ratio, Better::Higher, Work, "Time in which the target served, as a share of the time in which work was due; outages caused by faults of the plan count."),
        metric("availability.downtime", Unit::Seconds, Better::Lower, Work, "Time in which work was due and none was answered."),
        metric("availability.mttr", Unit::Seconds, Better::Lower, Work, "Mean time to recovery: how long outages lasted, and crashes, hangs, failed rounds and lost tasks that no fault of the plan explains; what overlaps is one; zero without any."),
        metric("interruptions", Unit::Count, Better::Lower, Nothing, "How often the harness died and the run was resumed."),
        metric("samples.gaps", Unit::Ratio, Better::Lower, Nothing, "Time without samples, in gaps longer than three sampling intervals, as a share of the load."),
        metric("monitoring.coverage", Unit::Ratio, Better::Higher, Nothing, "Critical series (memory, descriptors, threads and CPU of the target; rounds and tasks; the harness itself) that have data over at least 95 % of the load, as a share of those that the scenario makes possible."),
        by_role(metric("memory.host_share", Unit::Ratio, Better::Lower, Needs::Processes, "Proportional memory of all processes together as a share of the host's memory, greatest over the slow ticks.")),
    ]);
}

fn harness(all: &mut Vec<Metric>) {
    use Needs::Nothing;
    all.extend([
        metric(
            "harness.memory.max",
            Unit::Bytes,
            Better::Lower,
            Nothing,
            "Private memory of the harness, greatest over time.",
        ),
        metric(
            "harness.descriptors.max",
            Unit::Count,
            Better::Lower,
            Nothing,
            "Open descriptors of the harness, greatest over time.",
        ),
        metric(
            "harness.cpu.cores",
            Unit::Count,
            Better::Lower,
            Nothing,
            "CPU time of the harness per second: cores in use.",
        ),
        metric(
            "harness.lag.max",
            Unit::Seconds,
            Better::Lower,
            Nothing,
            "How late the harness was for something that was due, greatest.",
        ),
        metric("harness.dropped", Unit::Count, Better::Lower, Nothing, "Records that could not be written."),
        metric(
            "samples.coverage",
            Unit::Ratio,
            Better::Higher,
            Nothing,
            "Sampling ticks taken in time, as a share of those planned.",
        ),
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<_> = all().iter().map(|m| &m.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all().len());
    }
}
