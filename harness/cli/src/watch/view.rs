//! How it goes, in words.

use evidence::sample::{Group, Sample};
use evidence::unit::Unit;

use super::course::Course;

/// Open incidents and alerts that are shown, at most.
const MAX_OPEN: usize = 5;

/// One line, for a log.
pub(super) fn line(course: &Course, now_ns: u64, bytes: u64) -> String {
    let mut parts = vec![phase(course), time(course, now_ns), agents(course)];
    parts.extend(work(course));
    parts.push(trouble(course));
    if let Some(worker) = course.now.get(&Group::Worker) {
        let change = change(worker, course.base.get(&Group::Worker), each_private, Unit::Bytes);
        parts.extend(each_private(worker).map(|mean| format!("{} a worker{change}", Unit::Bytes.show(mean))));
    }
    parts.push(format!("{} on disk", Unit::Bytes.show(float(bytes))));
    parts.join(" · ")
}

/// Several lines, for a terminal.
pub(super) fn page(course: &Course, now_ns: u64, bytes: u64) -> Vec<String> {
    let mut lines = vec![
        format!("{} · {} · {}", course.manifest.scenario, course.manifest.run, phase(course)),
        format!("{} · {} on disk", time(course, now_ns), Unit::Bytes.show(float(bytes))),
        std::iter::once(agents(course)).chain(work(course)).collect::<Vec<_>>().join(" · "),
        trouble(course),
        String::new(),
        format!(
            "{:<12}{:>10}  {:<22}  {:<14}  {:<14}",
            "", "processes", "private each", "descriptors", "threads"
        ),
    ];
    lines.extend(course.now.values().filter(|s| s.processes > 0).map(|sample| group(course, sample)));
    let open = course.alerts.values().map(|what| format!("alert: {what}"));
    let open: Vec<String> = open.chain(course.open.values().map(|what| format!("open: {what}"))).collect();
    if !open.is_empty() {
        lines.push(String::new());
    }
    let more = open.len().saturating_sub(MAX_OPEN);
    lines.extend(open.into_iter().take(MAX_OPEN));
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

fn phase(course: &Course) -> String {
    let phase = if course.phase.is_empty() { "starting" } else { &course.phase };
    match &course.ending {
        Some(why) => format!("{phase}, ending: {why}"),
        None => phase.to_owned(),
    }
}

fn time(course: &Course, now_ns: u64) -> String {
    let seconds = |ns: u64| Unit::Seconds.show((float(ns) / 1e9).floor());
    let end_ns = course.zero_ns.map(|zero_ns| zero_ns + course.planned_ns());
    let left = end_ns.filter(|end_ns| *end_ns > now_ns && course.ending.is_none());
    let left = left.map_or_else(String::new, |end_ns| format!(", {} left", seconds(end_ns - now_ns)));
    format!("{}{left}", seconds(now_ns))
}

fn agents(course: &Course) -> String {
    format!("{}/{} agents", course.alive(), course.agents)
}

fn work(course: &Course) -> Vec<String> {
    let mut parts = Vec::new();
    if course.rounds_over > 0 {
        parts.push(format!("{} rounds", Unit::Count.show(float(course.rounds_over))));
    }
    if let Some(delivery) = course.delivery() {
        parts.push(format!("delivery {}", Unit::Ratio.show(delivery)));
    }
    let planned = course.manifest.faults.len();
    if planned > 0 {
        parts.push(format!("faults {}/{planned}", course.faults_done));
    }
    parts
}

fn trouble(course: &Course) -> String {
    let open = course.open.len();
    let open = if open > 0 { format!(", {open} open") } else { String::new() };
    format!("incidents {}{open} · alerts {} · gaps {}", course.incidents, course.alerts.len(), course.gaps)
}

fn group(course: &Course, sample: &Sample) -> String {
    let base = course.base.get(&sample.group);
    let cell = |of: fn(&Sample) -> Option<f64>, unit: Unit| {
        let value = of(sample).map_or_else(|| "–".to_owned(), |value| unit.show(value));
        format!("{value}{}", change(sample, base, of, unit))
    };
    let name = format!("{:?}", sample.group).to_lowercase();
    let private = cell(each_private, Unit::Bytes);
    let (descriptors, threads) = (cell(each_descriptors, Unit::Count), cell(each_threads, Unit::Count));
    format!("{name:<12}{:>10}  {private:<22}  {descriptors:<14}  {threads:<14}", sample.processes)
}

/// ` (+3 %)` since the warm-up, or nothing where there is nothing to compare with.
fn change(now: &Sample, base: Option<&Sample>, of: fn(&Sample) -> Option<f64>, unit: Unit) -> String {
    let Some((base, now)) = base.and_then(of).zip(of(now)) else { return String::new() };
    match unit {
        Unit::Bytes if base > 0.0 => format!(" ({:+.1} %)", (now - base) / base * 100.0),
        _ => format!(" ({:+.1})", now - base),
    }
}

fn each_private(sample: &Sample) -> Option<f64> {
    mean(sample, sample.private_sum)
}

fn each_descriptors(sample: &Sample) -> Option<f64> {
    mean(sample, sample.descriptors_sum)
}

fn each_threads(sample: &Sample) -> Option<f64> {
    mean(sample, sample.threads_sum)
}

fn mean(sample: &Sample, sum: Option<u64>) -> Option<f64> {
    let sum = sum.filter(|_| sample.processes > 0)?;
    Some(float(sum) / f64::from(sample.processes))
}

#[expect(clippy::cast_precision_loss, reason = "numbers for a person")]
fn float(value: u64) -> f64 {
    value as f64
}
