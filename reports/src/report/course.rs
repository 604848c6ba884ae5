//! How the run went, in tables that every report shows alike.

use evidence::event::Severity;
use evidence::unit::Unit;

use super::drift::{between, bound};
use super::words::moment;
use crate::analysis::{Incident, PointOfRest, Trend, number, shape_name};
use crate::drift::Shape;
use crate::reading::Evidence;
use crate::verdict::Verdict;

/// The most rows of one table.
const ROWS: usize = 40;

/// A table with its title, and how many more rows there are.
pub(super) struct Table {
    pub(super) title: &'static str,
    pub(super) head: &'static [&'static str],
    pub(super) rows: Vec<Vec<String>>,
    pub(super) beyond: usize,
}

/// Every table but that of drift for which there is something to tell.
pub(super) fn tables(verdict: &Verdict, evidence: &Evidence) -> Vec<Table> {
    let course = &verdict.course;
    let at = |s: f64| moment(evidence, s);
    let interruptions = course.interruptions.iter().map(|i| {
        let length = Unit::Seconds.show(i.to_s - i.from_s);
        vec![at(i.from_s), length, format!("the harness was dead; {} tasks hidden", i.hidden)]
    });
    let clocks = course.clocks.iter().map(|c| {
        vec![at(c.at_s), Unit::Seconds.show(c.by_s.abs()), format!("clocks: {:?}", c.change).to_lowercase()]
    });
    let gaps = course
        .gaps
        .iter()
        .map(|(from, to)| vec![at(*from), Unit::Seconds.show(to - from), "no samples".to_owned()]);
    let outages = course.outages.iter().map(|(from, to)| {
        vec![at(*from), Unit::Seconds.show(to - from), "the target did not serve".to_owned()]
    });
    let tables = [
        table(
            "Points of rest",
            &[
                "point",
                "at",
                "came to rest",
                "processes",
                "descriptors",
                "of one process, most beyond its first",
                "threads",
                "of one process, most beyond its first",
            ],
            rests(&course.rests, &at),
        ),
        table(
            "Incidents",
            &["severity", "kind", "begin", "end", "what"],
            course.incidents.iter().map(|i| incident(i, &at)).collect(),
        ),
        table(
            "Outages, interruptions, clocks and gaps",
            &["at", "length", "what"],
            outages.chain(interruptions).chain(clocks).chain(gaps).collect(),
        ),
    ];
    tables.into_iter().filter(|t| !t.rows.is_empty()).collect()
}

/// The numbers of each series that is long enough for a slope.
pub(super) fn drift(verdict: &Verdict) -> Option<Table> {
    let long = verdict.course.trends.iter().filter(|t| t.drift.shape != Shape::TooShort);
    let table = table(
        "Drift",
        &[
            "what",
            "shape",
            "level",
            "per hour",
            "interval, 99 %",
            "over the run",
            "at the horizon",
            "warm-up",
            "n",
            "n eff",
            "smallest visible, per hour",
        ],
        long.map(trend).collect(),
    );
    (!table.rows.is_empty()).then_some(table)
}

fn table(title: &'static str, head: &'static [&'static str], rows: Vec<Vec<String>>) -> Table {
    let beyond = rows.len().saturating_sub(ROWS);
    Table { title, head, rows: rows.into_iter().take(ROWS).collect(), beyond }
}

fn trend(t: &Trend) -> Vec<String> {
    let (unit, drift) = (t.watched.unit(), &t.drift);
    vec![
        t.title(),
        shape_name(drift.shape).to_owned(),
        unit.show(drift.level),
        unit.show(drift.per_hour.value),
        between(unit, drift.per_hour),
        between(unit, drift.over_run),
        between(unit, drift.at_horizon),
        Unit::Seconds.show(drift.warm_up_s),
        Unit::Count.show(number(drift.n as u64)),
        format!("{:.0}", drift.n_eff),
        bound(unit, drift.smallest_visible_per_hour),
    ]
}

/// Points at which the same was read as at the one before share its row.
fn rests(rests: &[PointOfRest], at: &dyn Fn(f64) -> String) -> Vec<Vec<String>> {
    let read = |r: &PointOfRest| {
        (r.rested, r.processes, r.descriptors, r.more_descriptors, r.threads, r.more_threads)
    };
    let alike = rests.chunk_by(|a, b| read(a) == read(b));
    let row = |alike: &[PointOfRest]| {
        let (first, last) = (alike.first()?, alike.last()?);
        let mut row = rest(first, &at(first.begin_s));
        if last.point != first.point {
            row[0] = format!("{} – {}", first.point, last.point);
            row[1] = format!("{} – {}", at(first.begin_s), at(last.begin_s));
        }
        Some(row)
    };
    alike.filter_map(row).collect()
}

fn rest(r: &PointOfRest, at: &str) -> Vec<String> {
    let count = |n: Option<u64>| n.map_or_else(|| "–".to_owned(), |n| Unit::Count.show(number(n)));
    let rested = match r.rested {
        Some(true) => "yes",
        Some(false) => "no: not compared",
        None => "–",
    };
    vec![
        r.point.to_string(),
        at.to_owned(),
        rested.to_owned(),
        r.processes.to_string(),
        count(r.descriptors),
        count(r.more_descriptors),
        count(r.threads),
        count(r.more_threads),
    ]
}

fn incident(i: &Incident, at: &dyn Fn(f64) -> String) -> Vec<String> {
    let severity = match i.severity {
        Severity::Critical => "critical",
        Severity::Minor => "minor",
    };
    let caused = match &i.fault {
        Some(fault) => format!(" (fault {fault}: not counted)"),
        None if i.sign => " (it shows another incident: not counted)".to_owned(),
        None if !i.counts() => " (of the harness or the host: not counted)".to_owned(),
        None => String::new(),
    };
    vec![
        severity.to_owned(),
        format!("{:?}", i.kind).to_lowercase(),
        at(i.begin_s),
        i.end_s.map_or_else(|| "not over".to_owned(), at),
        format!("{}{caused}", i.what),
    ]
}
