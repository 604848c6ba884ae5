//! The reference page of gate metrics, from the registry and from the rules that judge them.

use std::fmt::Write;

use evidence::metric::{self, Better, Metric, Needs, Selector};
use evidence::unit::Unit;

use crate::analysis::{availability, steady, trends};
use crate::statistics::{expected_events, needed};
use crate::verdict::coverage;

/// `docs/reference/metrics.md`.
#[must_use]
pub fn metrics() -> String {
    let mut page = String::from(
        "# Gate metrics\n\n\
        Every number that a gate can ask for. This page is generated from `evidence::metric`.\n\n\
        A gate is a string, `metric op value`, or a table with `metric`, `go` and `conditional`. Values are written\n\
        with units: `30s`, `64MiB`, `95%`, `8000/s`. A metric marked *by phase* may be followed by `during PHASE`\n\
        (`warm_up`, `hold`, `drain`); one marked *by role* may be narrowed, as in `memory.private.max[worker]`, and\n\
        without a role it covers every process of the target. `fault[ID]` speaks of one fault, and `fault[raid]` of\n\
        the series `raid.1`, `raid.2` and so on. Where a metric needs several faults, no upper limit on it can hold with\n\
        fewer, and a gate that asks for one is refused in a scenario that plans fewer. A *counted* metric counts facts: a breach stays NO-GO even where the\n\
        rest of the evidence is too poor to judge.\n\n",
    );
    let mut group = "";
    for metric in metric::all() {
        let of = metric.name.split('.').next().unwrap_or_default();
        if of != group {
            group = of;
            let _ = write!(
                page,
                "\n## {group}\n\n| metric | unit | better | needs | | what it is |\n|---|---|---|---|---|---|\n"
            );
        }
        row(&mut page, metric);
    }
    page.push_str(&rules());
    page
}

fn row(page: &mut String, metric: &Metric) {
    let name = match metric.selector {
        Selector::Fault => metric.name.replacen("fault", "fault[ID]", 1),
        Selector::None | Selector::Role => metric.name.clone(),
    };
    let mut marks = Vec::new();
    if metric.selector == Selector::Role {
        marks.push("by role");
    }
    if metric.by_phase {
        marks.push("by phase");
    }
    if metric.counted {
        marks.push("counted");
    }
    let (unit, better, needs) = (unit(metric.unit), better(metric.better), needs(metric.needs));
    let _ = writeln!(
        page,
        "| `{name}` | {unit} | {better} | {needs} | {} | {} |",
        marks.join(", "),
        metric.help.replace('|', "\\|")
    );
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "count",
        Unit::Seconds => "seconds",
        Unit::Bytes => "bytes",
        Unit::Ratio => "share",
        Unit::PerSecond => "per second",
        Unit::PerHour => "per hour",
        Unit::BytesPerHour => "bytes per hour",
        Unit::RatioPerHour => "share per hour",
    }
}

fn better(better: Better) -> &'static str {
    match better {
        Better::Lower => "lower",
        Better::Higher => "higher",
        Better::Neither => "–",
    }
}

fn needs(needs: Needs) -> String {
    let words = match needs {
        Needs::Nothing => "–",
        Needs::Work => "a workload",
        Needs::Rounds => "rounds",
        Needs::Arrivals => "arrivals",
        Needs::Faults(1) => "faults",
        Needs::Faults(least) => return format!("{least} faults"),
        Needs::Processes => "agents that are processes",
        Needs::Coordinators => "several coordinators that tell who did what",
        Needs::Effects => "a target that reports its effects",
        Needs::Quiesce => "points of rest (`soak.quiesce`)",
    };
    words.to_owned()
}

fn rules() -> String {
    let [p50, p90, p95, p99] = [0.5, 0.9, 0.95, 0.99].map(needed);
    let (in_a_row, slack, noise) = (steady::IN_A_ROW, steady::SLACK, steady::NOISE);
    let relapse = Unit::Seconds.show(crate::analysis::seconds(steady::RELAPSE_NS));
    let grace = Unit::Seconds.show(crate::analysis::seconds(crate::analysis::RECOVERS_WITHIN_NS));
    let (samples, gap, lag) =
        (Unit::Ratio.show(coverage::SAMPLES), coverage::GAP, Unit::Seconds.show(coverage::LAG_S));
    let another = Unit::Ratio.show(trends::ANOTHER);
    let [weeks, weeks_of_one] = [0, 1].map(|n| Unit::Count.show(expected_events(n).hi.ceil()));
    let drift_confidence = Unit::Ratio.show(trends::CONFIDENCE);
    let ordinary = availability::ORDINARY;
    let (gaps, harness) = (Unit::Ratio.show(coverage::GAPS), Unit::Bytes.show(coverage::HARNESS_GROWTH));
    format!(
        "\n## How a number is compared with a limit\n\n\
        Counts, shares of counts and greatest values are exact. A percentile has an interval from order statistics,\n\
        each bound of which holds with 95 % whatever the distribution; it has an upper bound only from {p50} values\n\
        on for p50, {p90} for p90, {p95} for p95 and {p99} for p99. The rate of incidents has the exact interval of a\n\
        Poisson mean (Garwood, *Biometrika* 28, 1936), each bound of which holds with 95 %: without any incident fewer\n\
        than one a week is proven by {weeks} weeks of load, with one by {weeks_of_one}. Delivery in a phase or an interval\n\
        is that of the tasks that were sent in it, whenever they were answered. From the interval on in which the oldest\n\
        task was sent that was within its time-out when the harness ended, regularly or not, it is known only for all\n\
        tasks together: delivery in an interval or a phase that has only a part of them has an interval of its own, and\n\
        so has any that has some of them where the harness died and it is not known which tasks were still open.\n\n\
        Wholly inside the limit is GO, wholly outside NO-GO, anything else INCONCLUSIVE, with what would settle it.\n\
        Wholly inside the second limit, `conditional`, is CONDITIONAL. No data is INCONCLUSIVE, never a pass; nor is data\n\
        for less than 95 % of the load, but for a greatest value that is beyond its limit as it is.\n\n\
        A task that was due and not started, refused, or never answered, counts as slower than every other in the\n\
        percentiles of response time, and so does a round that was not completed in those of round time. What was due\n\
        and not started is not delivered. A task that was neither acknowledged, refused nor answered may or may not be\n\
        lost. A recovery step that had to come and did not is known to take at least as long as the evidence goes on.\n\n\
        ## Steady again after a fault\n\n\
        Recovery counts from when the fault was sent to its first victim, or from the first victim's end where the\n\
        target told of it earlier. `recovery.time` ends when the target is *steady*. The work comes in beats: rounds,\n\
        or where there are none the intervals of the log. The beats of the hold phase before the fault, at least three\n\
        and undisturbed by earlier faults, set a band. A beat is inside it if no smaller share of its tasks was\n\
        answered in time (less two points) and if it took no longer than {slack} times the slowest of them and a\n\
        millisecond. The target is steady from the end of the first of {in_a_row} consecutive beats inside the band,\n\
        all earlier ones being over; the beat in flight at the fault is the first that counts. If within {relapse}\n\
        from then, and before the next fault, a beat delivers less than the band allows, the target was not steady\n\
        yet. A target that was never unsteady is thus steady with the first beat complete after the fault. The\n\
        resolution is the time between two beats. Where a target is never steady by this, but would be with {noise}\n\
        times the slowest and ten milliseconds, it is only known to have taken that long: the noise of a busy host may\n\
        be the reason.\n\n\
        `recovery.after_heal` and `fault[ID].after_heal` ask the same from the end of a fault that lasts, by the band of\n\
        before the fault: a target that hid the fault may yet break on its end.\n\n\
        ## Safety and liveness\n\n\
        Safety holds always: `messages.lost`, `effects.duplicated`, `messages.two_owners`, `messages.corrupt`,\n\
        `messages.phantom`. Liveness is asked for outside faults: `progress.stall.max` and `progress.rate` leave out the\n\
        time from a fault until it was undone, and then the time in which the scenario has the target recover\n\
        (`recovers_within`), or {grace} where it says none. Tasks of a flood are accounted for in `messages.*` like any\n\
        other, but are no part of `delivery.*`, `error.rate`, `throughput` and the times.\n\n\
        ## What a fault cost\n\n\
        The window of a fault begins with it and ends when it was undone and the target steady. Placebo windows are as\n\
        long, lie in the hold phase, one after another, and keep away from every fault until a second after the target\n\
        was steady again; at most 30 are looked at. `fault[ID].late_excess` is the number of late answers in the window\n\
        less the median of those in placebo windows; its interval goes from the greatest of them to the least. Without a\n\
        placebo window it is absent. `fault[ID].descriptors_left` and `fault[ID].memory_left` compare the means over the\n\
        processes of a role in up to three samples before the fault and up to three after the target had settled.\n\n\
        ## Drift\n\n\
        How a drift is found, and how sure its interval is, stands in [drift.md](drift.md). Series hold the values under\n\
        load. The time of a fault until the target was steady and a second more, and points of rest, are left out of slopes\n\
        and of no greatest value. A target that was started again because its harness had died, a clock that was set, and a\n\
        group of which {another} of the processes were replaced at once, or came or went, begin a new segment; a target that\n\
        was kept goes on, and only the memory of the harness itself is another one. Each bound holds with\n\
        {drift_confidence}. A run that is too short for a drift leaves its gate INCONCLUSIVE.\n\n\
        ## Availability\n\n\
        An outage begins when work was due of which none was answered and ends with the next answer to any, if that took\n\
        longer than the time-out, or than three intervals of the log and {ordinary} times the usual wait if that is less.\n\
        Time in which no harness was there is neither served nor down. Incidents that a fault of the plan caused, those\n\
        of the harness or the host, and thresholds that only show another incident are shown and not counted.\n\n\
        ## Coverage\n\n\
        Before any gate is read, the evidence must suffice. Gates are withheld as INCONCLUSIVE, in both directions,\n\
        where the run crashed or the harness failed, a planned fault is not proven, records were dropped, or work was\n\
        not started while the harness itself was more than {lag} late. Gates on samples are withheld below {samples} of\n\
        ticks in time or above a gap of {gap} intervals, gates on drift where more than {gaps} of the load lie in gaps or\n\
        the harness itself drifts by more than {harness}, every gate where the host slept, its clock was set, or the ledger\n\
        does not close; gates on lost and unknown tasks without a passed drain\n\
        barrier. Where some of the target was swapped out, private memory counts it, and resident and proportional memory have\n\
        an interval, up to what was found and what can have been swapped out of the same processes then; in a run whose\n\
        private memory was read without it (`counts_swap` of the manifest), every gate on memory is withheld unless it is too\n\
        much already. An interrupted run and a run in which no task was answered is never GO; a rehearsal's verdict is REHEARSAL. A target that ends by itself is NO-GO whatever the\n\
        gates ask. A breach of a response or round time that the harness' own lateness explains is\n\
        INCONCLUSIVE, and so is one of delivery or of late tasks where it was late by a quarter of the time-out.\n"
    )
}
