//! Whether what a long run needs fits its timeline, its workload and its target.

use std::collections::HashSet;

use crate::format::scalar::written_duration;
use crate::plan::{Live, Needed};
use crate::problem::Problem;
use crate::reader::Reader;
use crate::scenario::soak::{Alert, Quiesce};
use crate::scenario::{Lengths, Parts};

pub(super) fn check(parts: &Parts, lengths: Option<Lengths>, reader: &mut Reader) {
    if let Some(lengths) = lengths {
        horizon(parts, lengths, reader);
        parts.soak.quiesce.iter().for_each(|points| quiesce(points, lengths, reader));
    }
    let mut known = HashSet::new();
    for alert in parts.soak.alerts.iter().flatten() {
        if !known.insert(&alert.planned.id) {
            let what = format!("two alerts are \"{}\"", alert.planned.id);
            reader.problem(Problem::new(&alert.place, what).help("keep one of them"));
        }
        reader.problems.extend(missing(alert, parts).or_else(|| too_long(alert, lengths)));
    }
}

fn horizon(parts: &Parts, lengths: Lengths, reader: &mut Reader) {
    let Some(horizon) = parts.soak.horizon.as_ref().filter(|h| h.value < lengths.load()) else { return };
    let what = format!("soak.horizon is {}, shorter than the load", written_duration(horizon.value));
    let help = format!("warm-up and hold together last {}", written_duration(lengths.load()));
    reader.problem(Problem::new(&horizon.place, what).help(help));
}

fn quiesce(points: &Quiesce, lengths: Lengths, reader: &mut Reader) {
    let (every, within) = (points.every.value, points.within());
    if every >= lengths.hold {
        let what =
            format!("soak.quiesce.every is {}, so that there is no point of rest", written_duration(every));
        let help = format!("the hold phase lasts {}", written_duration(lengths.hold));
        reader.problem(Problem::new(&points.every.place, what).help(help));
    }
    if within > every / 2 {
        let place = points.within.as_ref().map_or(&points.every.place, |within| &within.place);
        let what = format!(
            "soak.quiesce.within is {}, more than half of the time from one point of rest to the next",
            written_duration(within)
        );
        reader.problem(Problem::new(place, what).help(format!("that is {}", written_duration(every))));
    }
}

/// What the scenario lacks for this alert ever to be judged.
fn missing(alert: &Alert, parts: &Parts) -> Option<Problem> {
    let problem = |lacks: String, help: &str| {
        let what = format!("nothing here produces {}: {lacks}", named(alert.planned.metric, alert));
        Some(Problem::new(&alert.place, what).help(format!("{help}, or remove the alert")))
    };
    let workload = parts.workload.as_ref()?;
    match alert.planned.metric.needs() {
        Needed::Nothing => {}
        Needed::Work if workload.rounds.is_some() || workload.arrivals.is_some() => {}
        Needed::Work => {
            return problem(
                "the scenario lacks any work".to_owned(),
                "add workload.rounds or workload.arrivals",
            );
        }
        Needed::Rounds if workload.rounds.is_some() => {}
        Needed::Rounds => return problem("the scenario lacks rounds".to_owned(), "add workload.rounds"),
    }
    let role = alert.planned.role?;
    let none = parts.target.as_ref()?.agents()?.of(role) == 0;
    none.then(|| problem(format!("the target has no {role}"), "choose another role")).flatten()
}

fn named(metric: Live, alert: &Alert) -> String {
    alert.planned.role.map_or_else(|| metric.name().to_owned(), |role| format!("{}[{role}]", metric.name()))
}

fn too_long(alert: &Alert, lengths: Option<Lengths>) -> Option<Problem> {
    let load = lengths?.load();
    (alert.planned.for_ns >= load).then(|| {
        let what = format!("the alert \"{}\" can never be raised", alert.planned.id);
        Problem::new(&alert.place, what).help(format!("the load lasts {}", written_duration(load)))
    })
}
