//! Phrases that every renderer uses, so that the same thing reads the same everywhere.

use evidence::gate::MetricRef;
use evidence::unit::Unit;

use crate::analysis::{Against, FaultFinding, Finding, Name, RECOVERS_WITHIN_NS, Step, seconds};
use crate::reading::Evidence;
use crate::verdict::{Outcome, Verdict, measured};

/// `7 h` and the like: how long the run lasted.
pub(super) fn duration(verdict: &Verdict) -> String {
    Unit::Seconds.show(verdict.about.duration_s)
}

/// When something was, as the plan counts: from when the target was ready.
pub(super) fn moment(evidence: &Evidence, at_s: f64) -> String {
    Unit::Seconds.show(at_s - seconds(evidence.zero_ns()))
}

/// How long a step took: `12.3 ms`, `not within 6 s`, `–` where it is not known.
pub(super) fn step(step: Option<Step>) -> String {
    match step {
        Some(Step::Took(s)) => Unit::Seconds.show(s),
        Some(Step::NotBefore(s)) if s > 0.0 => format!("not within {}", Unit::Seconds.show(s)),
        Some(Step::NotBefore(_)) | None => "–".to_owned(),
    }
}

/// These steps of a recovery, as far as they are known, in one line: `reassigned 2 ms, steady 12 ms`.
pub(super) fn recovery(fault: &FaultFinding, names: &[&str]) -> String {
    let steps = fault.recovery.steps().into_iter().filter(|(name, _)| names.contains(name));
    let known = steps.filter(|(_, s)| step(*s) != "–");
    known.map(|(name, s)| format!("{name} {}", step(s))).collect::<Vec<_>>().join(", ")
}

/// What a rehearsal says of itself on every page.
pub(super) fn rehearsal(verdict: &Verdict) -> Option<String> {
    verdict
        .about
        .rehearsal
        .map(|factor| format!("REHEARSAL, {factor:.0} times faster than planned: never GO"))
}

/// One line of what a fault cost against windows without any: what, during the fault, without, the difference.
pub(super) type CostRow = [String; 4];

/// What a fault cost against windows of the same length without any fault.
pub(super) fn against_placebo(fault: &FaultFinding) -> Vec<CostRow> {
    let Some(placebo) = &fault.placebo else { return Vec::new() };
    let row = |what: &str, unit: Unit, against: Option<Against>| {
        let a = against?;
        let show = |value: f64| unit.show(value);
        let change = |value: f64| match value {
            v if v > 0.0 => format!("+{}", show(v)),
            v if v < 0.0 => format!("−{}", show(-v)),
            _ => "0".to_owned(),
        };
        let (least, greatest) = (change(a.fault - a.greatest), change(a.fault - a.least));
        let difference = change(a.fault - a.median);
        Some([
            what.to_owned(),
            show(a.fault),
            format!(
                "{} ({} – {}, {} window{})",
                show(a.median),
                show(a.least),
                show(a.greatest),
                a.windows,
                if a.windows == 1 { "" } else { "s" }
            ),
            if least == greatest { difference } else { format!("{difference} ({least} – {greatest})") },
        ])
    };
    [
        row("late", Unit::Count, placebo.late),
        row("retried", Unit::Count, placebo.retried),
        row("99th percentile", Unit::Seconds, placebo.p99),
        row("delivered", Unit::Ratio, placebo.delivered),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a fault left behind, role by role: `coordinator: 9 → 12 descriptors, 200 KiB → 210 KiB private`.
pub(super) fn left(fault: &FaultFinding) -> Vec<String> {
    let words = fault.left.iter().map(|left| {
        let pair = |unit: Unit, pair: (f64, f64)| format!("{} → {}", unit.show(pair.0), unit.show(pair.1));
        let descriptors = left.descriptors.map(|p| format!("{} descriptors", pair(Unit::Count, p)));
        let private = left.private.map(|p| format!("{} private", pair(Unit::Bytes, p)));
        let parts: Vec<String> = descriptors.into_iter().chain(private).collect();
        format!("{}: {}", left.role, parts.join(", "))
    });
    words.collect()
}

/// Something that was promised, and what became of it.
pub(super) struct Promise {
    pub(super) what: &'static str,
    pub(super) found: String,
    /// Whether it was kept; absent where that is not known, or where no limit was promised.
    pub(super) kept: Option<bool>,
}

fn whole<'a>(verdict: &'a Verdict, name: &str) -> Option<&'a Finding> {
    let metric = MetricRef { name: name.to_owned(), selector: None };
    verdict.findings.get(&Name { metric, phase: None })
}

/// What must hold always, whatever is broken.
pub(super) fn safety(verdict: &Verdict) -> Vec<Promise> {
    let drained = !verdict.coverage.iter().any(|c| c.id == "drain" && c.outcome != Outcome::Go);
    let promises = [
        ("acknowledged and lost", "messages.lost"),
        ("executed twice in effect", "effects.duplicated"),
        ("answered by two owners", "messages.two_owners"),
        ("answered with another payload", "messages.corrupt"),
        ("answered and never asked", "messages.phantom"),
    ];
    let promise = |(what, name): (&'static str, &str)| {
        let finding = whole(verdict, name);
        let known = finding.filter(|f| f.value > 0.0 || name != "messages.lost" || drained);
        Promise {
            what,
            found: finding.map_or_else(|| "–".to_owned(), measured),
            // None were counted, but some may have been.
            kept: known.filter(|f| f.value > 0.0 || f.interval.hi <= 0.0).map(|f| f.value <= 0.0),
        }
    };
    promises.into_iter().map(promise).collect()
}

/// What must hold wherever no fault excuses it, and again soon after each.
pub(super) fn liveness(verdict: &Verdict, evidence: &Evidence) -> Vec<Promise> {
    let told = [
        ("longest standstill", "progress.stall.max"),
        ("delivered outside faults", "progress.rate"),
        ("agents that crashed", "agents.crashed"),
        ("agents that hang", "agents.hung"),
        ("tasks refused", "messages.refused"),
    ];
    let told = told.into_iter().filter_map(|(what, name)| {
        let finding = whole(verdict, name)?;
        let kept = ["agents.crashed", "agents.hung"].contains(&name).then_some(finding.value <= 0.0);
        Some(Promise { what, found: measured(finding), kept })
    });
    let mut promises: Vec<Promise> = told.collect();
    let (mut again, mut asked, mut unknown) = (0, 0, false);
    for (planned, fault) in evidence.manifest.faults.iter().zip(&verdict.faults) {
        let within = seconds(planned.recovers_within_ns.unwrap_or(RECOVERS_WITHIN_NS));
        match fault.after_heal {
            Some(Step::Took(s)) => {
                asked += 1;
                again += u64::from(s <= within);
            }
            Some(Step::NotBefore(s)) if s > within => asked += 1,
            _ => unknown = true,
        }
    }
    if asked > 0 {
        let all = verdict.faults.len();
        let kept = (again < asked || !unknown).then_some(again == asked);
        let found = format!("{again} of {all} faults");
        promises.insert(0, Promise { what: "steady again in its time", found, kept });
    }
    promises
}

/// The faults that are worth a row each: those that are not proven, then those that took longest; and how
/// many there are beyond `most`.
pub(super) fn notable(verdict: &Verdict, most: usize) -> (Vec<&FaultFinding>, usize) {
    let mut faults: Vec<&FaultFinding> = verdict.faults.iter().collect();
    if faults.len() > most {
        let took = |f: &FaultFinding| f.recovery.steady.map_or(f64::INFINITY, Step::at_least);
        let proven = |f: &FaultFinding| f.proof == evidence::event::Proof::Proven;
        faults.sort_by(|a, b| proven(a).cmp(&proven(b)).then(took(b).total_cmp(&took(a))));
    }
    let beyond = faults.len().saturating_sub(most);
    faults.truncate(most);
    (faults, beyond)
}
