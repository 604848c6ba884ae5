//! Whether gates ask for numbers that the scenario can produce; gates as the judge takes them.

use std::collections::HashSet;

use evidence::gate::{Gate, Limit, MetricRef, Op};
use evidence::metric::{self, Metric, Needs, Selector};
use evidence::role::Role;
use evidence::unit::Unit;

use crate::format::scalar::written_duration;
use crate::format::tables;
use crate::nearest::nearest;
use crate::problem::Problem;
use crate::quantity;
use crate::reader::Reader;
use crate::scenario::faults::Fault;
use crate::scenario::gates::{Comparison, Gate as Written};
use crate::scenario::{Lengths, Parts};

/// Checks every gate, those that faults expect included.
pub(super) fn check(parts: &Parts, lengths: Option<Lengths>, reader: &mut Reader) -> Vec<Gate> {
    // Too many faults have left a problem; their ids are not worth counting.
    let lengths = lengths.filter(|lengths| super::faults::total(parts, *lengths).is_some());
    let expected = if lengths.is_some() { expected(parts) } else { Vec::new() };
    let ids = fault_ids(parts, lengths);
    let mut gates: Vec<Gate> = Vec::new();
    let mut known = HashSet::new();
    for written in parts.gates.iter().flatten().chain(&expected) {
        let Some(gate) = gate(written, parts, ids.as_deref(), lengths, reader) else { continue };
        if known.contains(&gate.id) {
            let what = format!("two gates have the id \"{}\"", gate.id);
            reader.problem(
                Problem::new(&written.place, what)
                    .help("a gate without an id has its text as its id; keep one"),
            );
        } else {
            known.insert(gate.id.clone());
            gates.push(gate);
        }
    }
    gates
}

/// The ids of all faults, those of series among them; `None` if one could not be read, or if it is not known
/// how often one is due.
fn fault_ids(parts: &Parts, lengths: Option<Lengths>) -> Option<Vec<String>> {
    let faults: Option<Vec<_>> = parts.faults.iter().map(Option::as_ref).collect();
    let (faults, lengths) = (faults?, lengths?);
    let of_one = |fault: &&Fault| {
        let series = (!fault.schedule.is_single()).then(|| fault.id.value.clone());
        series.into_iter().chain(fault.ids(lengths)).collect::<Vec<_>>()
    };
    Some(faults.iter().flat_map(of_one).collect())
}

/// The gates that faults expect. What a series expects holds for it as a whole.
fn expected(parts: &Parts) -> Vec<Written> {
    let mut gates = Vec::new();
    for fault in parts.faults.iter().flatten() {
        let mut expect = |name: &str, op, value: String| {
            gates.push(Written {
                place: fault.place.clone(),
                id: None,
                metric: MetricRef { name: name.to_owned(), selector: Some(fault.id.value.clone()) },
                go: Comparison { op, value },
                conditional: None,
                during: None,
                cites: None,
            });
        };
        if let Some(within) = fault.expect.recovers_within {
            // What lasts can be recovered from when it has ended; earlier is as good.
            let since = if fault.act.for_ns > 0 { "fault.after_heal" } else { "fault.recovery_time" };
            expect(since, Op::Less, written_duration(within));
        }
        if let Some(lost) = fault.expect.lost {
            expect("fault.lost", Op::Equal, lost.to_string());
        }
    }
    gates
}

fn gate(
    written: &Written,
    parts: &Parts,
    ids: Option<&[String]>,
    lengths: Option<Lengths>,
    reader: &mut Reader,
) -> Option<Gate> {
    let Some(metric) = metric::find(&written.metric.name) else {
        reader.problem(unknown(written));
        return None;
    };
    let wrong = missing(written, metric, parts)
        .or_else(|| too_few(written, metric, parts, lengths?))
        .or_else(|| selector(written, metric, Some(parts), ids))
        .or_else(|| phase(written, metric, lengths));
    let good = wrong.is_none();
    reader.problems.extend(wrong);
    let (go, conditional) = limits(written, metric.unit, reader)?;
    good.then(|| Gate {
        id: written.id.clone().unwrap_or_else(|| text(written)),
        metric: written.metric.clone(),
        go,
        conditional,
        phase: written.during.map(str::to_owned),
        cites: written.cites.clone(),
    })
}

/// A gate that is asked of runs of any scenario: what they can produce is not known. Where it is compared with a
/// baseline, its limits are shares of the baseline's number.
pub(crate) fn of_any_run(written: &Written, baseline: bool, reader: &mut Reader) -> Option<Gate> {
    let Some(metric) = metric::find(&written.metric.name) else {
        reader.problem(unknown(written));
        return None;
    };
    let wrong = selector(written, metric, None, None).or_else(|| phase(written, metric, None));
    let good = wrong.is_none();
    reader.problems.extend(wrong);
    let unit = if baseline { Unit::Ratio } else { metric.unit };
    let (go, conditional) = limits(written, unit, reader)?;
    good.then(|| Gate {
        id: written.id.clone().unwrap_or_else(|| text(written)),
        metric: written.metric.clone(),
        go,
        conditional,
        phase: written.during.map(str::to_owned),
        cites: None,
    })
}

/// The limits of a gate; the second one must allow more than the first.
fn limits(written: &Written, unit: Unit, reader: &mut Reader) -> Option<(Limit, Option<Limit>)> {
    let go = limit(written, &written.go, unit, reader);
    let conditional = match &written.conditional {
        Some(comparison) => Some(limit(written, &comparison.value, unit, reader)?),
        None => None,
    };
    let go = go?;
    if let (Some(conditional), Some(comparison)) = (conditional, &written.conditional)
        && !is_looser(conditional, go)
    {
        let what = format!("the gate on {} can never be conditional", written.metric);
        let help =
            format!("\"{}\" must allow all that \"{}\" allows, and more", comparison.value, written.go);
        reader.problem(Problem::new(&comparison.place, what).help(help));
        return None;
    }
    Some((go, conditional))
}

/// The gate as its author would write it in short.
fn text(written: &Written) -> String {
    let during = written.during.map(|phase| format!(" during {phase}")).unwrap_or_default();
    format!("{} {}{during}", written.metric, written.go)
}

fn unknown(written: &Written) -> Problem {
    let name = &written.metric.name;
    let problem = Problem::new(&written.place, format!("no metric is called {}", written.metric));
    let names = || metric::all().iter().map(|m| m.name.as_str());
    if let Some(meant) = nearest(name, names()) {
        let meant = MetricRef { name: meant.to_owned(), selector: written.metric.selector.clone() };
        return problem.help(format!("did you mean \"{meant}\"?"));
    }
    let first = name.split('.').next().unwrap_or_default();
    let family: Vec<_> = names().filter(|n| n.split('.').next() == Some(first)).collect();
    if family.is_empty() {
        let mut families: Vec<_> = names().filter_map(|n| n.split('.').next()).collect();
        families.sort_unstable();
        families.dedup();
        return problem.help(format!("names begin with {}", families.join(", ")));
    }
    problem.help(format!("names here: {}", family.join(", ")))
}

/// What the scenario lacks for this metric to exist.
fn missing(written: &Written, metric: &Metric, parts: &Parts) -> Option<Problem> {
    let workload = parts.workload.as_ref()?;
    let (rounds, arrivals) = (workload.rounds.is_some(), workload.arrivals.is_some());
    let coordinators = parts.target.as_ref()?.agents().map(|agents| agents.coordinator);
    let (lacks, help) = match metric.needs {
        Needs::Nothing | Needs::Processes | Needs::Effects => return None,
        Needs::Quiesce if parts.soak.quiesce.is_some() => return None,
        Needs::Quiesce => ("points of rest", "add soak.quiesce"),
        Needs::Work if rounds || arrivals => return None,
        Needs::Work => ("any work", "add workload.rounds or workload.arrivals"),
        Needs::Rounds if rounds => return None,
        Needs::Rounds => ("rounds", "add workload.rounds"),
        Needs::Arrivals if arrivals => return None,
        Needs::Arrivals => ("single tasks", "add workload.arrivals"),
        Needs::Faults(_) if !parts.faults.is_empty() => return None,
        Needs::Faults(_) => ("faults", "add one under faults"),
        Needs::Coordinators if coordinators.is_none_or(|count| count > 1) => return None,
        Needs::Coordinators => ("more than one coordinator", "use the shape hybrid or deep"),
    };
    let what = format!("nothing here produces {}: the scenario lacks {lacks}", written.metric);
    Some(Problem::new(&written.place, what).help(format!("{help}, or remove the gate")))
}

/// A limit that holds with no fewer faults than there will ever be would leave every run of a good target inconclusive.
fn too_few(written: &Written, metric: &Metric, parts: &Parts, lengths: Lengths) -> Option<Problem> {
    let Needs::Faults(least) = metric.needs else { return None };
    let upper = !matches!(written.go.op, Op::Greater | Op::GreaterOrEqual);
    // One that could not be read has left a problem.
    let read = parts.faults.iter().all(Option::is_some);
    let planned = super::faults::total(parts, lengths)?;
    (upper && read && planned < least).then(|| {
        let there = if planned == 1 { "1 is" } else { &format!("{planned} are") };
        let what = format!(
            "{} can never be proven {}: that needs {least} faults, and {there} planned",
            written.metric, written.go
        );
        let base = metric.name.rsplit_once('.').map_or("", |(base, _)| base);
        let other = match base {
            "recovery" => "gate on recovery.time.max, which needs one".to_owned(),
            _ if base.starts_with("recovery.") => format!("gate on {base}.max, which needs one"),
            _ => "remove the gate".to_owned(),
        };
        Problem::new(&written.place, what).help(format!("plan {} more, or {other}", least - planned))
    })
}

/// What is wrong with what stands in brackets.
fn selector(
    written: &Written,
    metric: &Metric,
    parts: Option<&Parts>,
    ids: Option<&[String]>,
) -> Option<Problem> {
    let problem = |what: String| Problem::new(&written.place, what);
    let chosen = written.metric.selector.as_deref();
    match (metric.selector, chosen) {
        (Selector::None, None) | (Selector::Role, None) => None,
        (Selector::None, Some(chosen)) => Some(
            problem(format!("{} cannot be narrowed to \"{chosen}\"", metric.name))
                .help("remove the brackets"),
        ),
        (Selector::Role, Some(chosen)) => {
            let Some(role) = Role::ALL.into_iter().find(|role| role.name() == chosen) else {
                let help = format!("roles are {}", tables::ROLES.join(", "));
                return Some(problem(format!("\"{chosen}\" is no role")).help(help));
            };
            let none = parts?.target.as_ref()?.agents()?.of(role) == 0;
            none.then(|| {
                problem(format!("nothing here produces {}: the target has no {role}", written.metric))
                    .help("choose another role, or remove the brackets for all agents")
            })
        }
        (Selector::Fault, None) => {
            let short = metric.name.trim_start_matches("fault.");
            Some(
                problem(format!("{} does not say of which fault", metric.name))
                    .help(format!("write fault[1].{short}")),
            )
        }
        (Selector::Fault, Some(chosen)) => {
            let ids = ids.filter(|ids| !ids.is_empty() && !ids.iter().any(|id| id == chosen))?;
            let some: Vec<_> = ids.iter().take(12).map(String::as_str).collect();
            Some(
                problem(format!("no fault has the id \"{chosen}\""))
                    .help(format!("faults here: {}", some.join(", "))),
            )
        }
    }
}

fn phase(written: &Written, metric: &Metric, lengths: Option<Lengths>) -> Option<Problem> {
    let phase = written.during?;
    let what = if !metric.by_phase {
        format!("{} speaks of the whole run and not of the phase {phase}", metric.name)
    } else if phase == "warm_up" && lengths.is_some_and(|lengths| lengths.warm_up == 0) {
        format!("nothing here produces {} during {phase}: that phase lasts 0s", written.metric)
    } else {
        return None;
    };
    Some(Problem::new(&written.place, what).help("remove \"during\""))
}

fn limit(written: &Written, comparison: &Comparison, unit: Unit, reader: &mut Reader) -> Option<Limit> {
    match quantity::of_unit(unit, &comparison.value) {
        Ok(value) => Some(Limit { op: comparison.op, value }),
        Err(trouble) => {
            let value = crate::tree::shortened(&comparison.value);
            let what =
                format!("the gate on {} compares with \"{value}\", which {}", written.metric, trouble.what);
            reader.problem(Problem::new(&written.place, what).help(trouble.help));
            None
        }
    }
}

/// Whether one limit allows all that another one allows, and more: tried at every point where either changes.
pub(crate) fn is_looser(limit: Limit, than: Limit) -> bool {
    let around = |value: f64| [value.next_down(), value, value.next_up()];
    let points: Vec<f64> =
        around(limit.value).into_iter().chain(around(than.value)).chain([f64::MIN, f64::MAX]).collect();
    points.iter().all(|point| !than.holds(*point) || limit.holds(*point))
        && points.iter().any(|point| limit.holds(*point) && !than.holds(*point))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conditional_limit_must_allow_more() {
        let limit = |text: &str| {
            let (op, value) = text.split_once(' ').unwrap();
            Limit { op: Op::ALL.into_iter().find(|o| o.sign() == op).unwrap(), value: value.parse().unwrap() }
        };
        for (conditional, go, looser) in [
            ("< 20", "< 10", true),
            ("< 10", "< 10", false),
            ("<= 10", "< 10", true),
            ("< 5", "< 10", false),
            ("> 20", "< 10", false),
            (">= 0.9", ">= 0.95", true),
            (">= 0.99", ">= 0.95", false),
            ("< 3", "== 0", true),
            ("< 0", "== 0", false),
            ("!= 5", "== 0", true),
        ] {
            assert_eq!(is_looser(limit(conditional), limit(go)), looser, "{conditional} for {go}");
        }
    }
}
