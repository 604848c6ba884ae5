//! The plan for a person to read: what will happen when, what must hold, what it needs.

mod soak;

use std::fmt::Write;

use evidence::unit::Unit;

use crate::cost;
use crate::format::scalar::written_duration;
use crate::plan::{
    Arrivals, Enclosure, Fault, FaultKind, Level, Means, Overlap, Plan, Rounds, Shape, When, Work,
};
use crate::tree::shortened;

/// The whole plan as text, some lines a part.
#[must_use]
pub fn render(plan: &Plan) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out += text.trim_end();
        out.push('\n');
    };
    line(plan.scenario.clone());
    line(format!("  {}", plan.why.replace('\n', "\n  ")));
    line(format!("  seed {}, fingerprint {}", plan.seed, plan.fingerprint()));
    if let Some(factor) = plan.rehearsal {
        line(format!("  a rehearsal, {factor:.1} times faster than written; it can never be GO"));
    }
    line("target".to_owned());
    line(format!("  {}", target(plan)));
    enclosure(&plan.target.enclosure).into_iter().for_each(|text| line(format!("  {text}")));
    line("workload".to_owned());
    workload(plan).into_iter().for_each(|text| line(format!("  {text}")));
    line("timeline".to_owned());
    events(plan).into_iter().for_each(|(at, text)| line(format!("  {:>10}  {text}", time(at))));
    let soak = soak::lines(plan);
    if !soak.is_empty() {
        line("soak".to_owned());
    }
    soak.into_iter().for_each(|text| line(format!("  {text}")));
    line("gates".to_owned());
    plan.gates.iter().for_each(|gate| line(format!("  {}", gate_line(gate))));
    line("needs".to_owned());
    needs(plan).into_iter().for_each(|text| line(format!("  {text}")));
    out
}

/// A moment or a length; whole numbers as in the file, others to three digits.
fn time(ns: u64) -> String {
    let written = written_duration(ns);
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    if written.len() <= 7 { written } else { Unit::Seconds.show(ns as f64 / 1e9).replace(' ', "") }
}

/// The same of whole minutes in the parts of a day: `1d9h`, `18h30m`.
fn moment(ns: u64) -> String {
    const MINUTE: u64 = 60_000_000_000;
    let minutes = ns / MINUTE;
    if !ns.is_multiple_of(MINUTE) || minutes < 60 {
        return time(ns);
    }
    let parts = [(minutes / 1_440, "d"), (minutes / 60 % 24, "h"), (minutes % 60, "m")];
    parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect()
}

fn target(plan: &Plan) -> String {
    let agents = match plan.target.agents {
        Some(agents) => format!("{} agents", agents.all()),
        None => "agents unknown".to_owned(),
    };
    let ready = time(plan.target.ready_within_ms * 1_000_000);
    let defects = match plan.target.config.get("defects").and_then(|d| d.as_object()) {
        Some(defects) => {
            let names: Vec<_> = defects.iter().map(|(name, value)| format!("{name} {value}")).collect();
            format!("; DEFECTS: {}", names.join(", "))
        }
        None => String::new(),
    };
    format!("{} ({agents}), ready within {ready}{defects}", plan.target.shape)
}

/// What is made for the target before it starts.
fn enclosure(enclosure: &Enclosure) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(bus) = &enclosure.bus {
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let size =
            bus.bytes.map_or_else(String::new, |bytes| format!(" of {}", Unit::Bytes.show(bytes as f64)));
        let inodes = bus.inodes.map_or_else(String::new, |inodes| format!(", {inodes} files"));
        let intercepted =
            if bus.intercepted { ", through a process that can let operations fail" } else { "" };
        lines.push(format!("a bus directory{size} in memory{inodes}{intercepted}"));
    }
    if let Some(network) = &enclosure.network {
        lines.push(format!("a network of its own with {} hosts", network.hosts));
    }
    lines
}

fn workload(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(of_rounds) = &plan.workload.rounds {
        lines.push(rounds(of_rounds, plan));
        lines.extend(level_lines(of_rounds));
    }
    plan.workload.arrivals.iter().for_each(|arrivals| lines.extend(arrivals_lines(arrivals)));
    if lines.is_empty() {
        lines.push("none: the target idles".to_owned());
    }
    lines
}

fn rounds(rounds: &Rounds, plan: &Plan) -> String {
    let tasks = match participants(rounds, plan) {
        None => String::new(),
        Some((least, most)) if least == most => format!(" of {most} tasks"),
        Some((least, most)) => format!(" of {least} to {most} tasks"),
    };
    let number = plan.load_ends_ns().div_ceil(rounds.every_ns);
    format!(
        "{number} rounds{tasks}, one every {}; {}; at most {} open",
        time(rounds.every_ns),
        tasks_line(rounds.payload, &rounds.work, rounds.timeout_ns),
        rounds.open
    )
}

/// How many workers take part, at least and at most; `None` where nobody knows.
fn participants(rounds: &Rounds, plan: &Plan) -> Option<(u32, u32)> {
    let levels = || rounds.levels.iter().map(|level| level.workers);
    let all = plan.target.agents.map(|agents| (agents.worker, agents.worker));
    levels().min().zip(levels().max()).or(all)
}

/// A line for each of the first changes of the number of workers.
fn level_lines(rounds: &Rounds) -> Vec<String> {
    let words = |level: &Level| format!("  from {} with {} workers", moment(level.at_ns), level.workers);
    let mut lines: Vec<String> = rounds.levels.iter().take(MOST_LINES).map(words).collect();
    more(&mut lines, rounds.levels.len());
    lines
}

/// How many lines of one kind are shown.
const MOST_LINES: usize = 8;

/// Says how many there are beyond those that are shown.
fn more(lines: &mut Vec<String>, all: usize) {
    if all > MOST_LINES {
        lines.push(format!("  and so on, {} more", all - MOST_LINES));
    }
}

fn arrivals_lines(arrivals: &Arrivals) -> Vec<String> {
    let tasks = tasks_line(arrivals.payload, &arrivals.work, arrivals.timeout_ns);
    let mut lines = vec![format!("single tasks: {tasks}; at most {} open", arrivals.slots)];
    for segment in arrivals.segments.iter().take(MOST_LINES) {
        let shape = match &segment.shape {
            Shape::Constant { per_second } => format!("{}, evenly", rate(*per_second)),
            Shape::Ramp { from, to } => format!("from {} to {}", rate(*from), rate(*to)),
            Shape::Poisson { per_second } => format!("{} on average, Poisson", rate(*per_second)),
            Shape::Burst { count, every_ns } => format!("{count} at once, every {}", time(*every_ns)),
            Shape::Silence {} => "nothing".to_owned(),
        };
        lines.push(format!("  from {} for {}: {shape}", moment(segment.at_ns), moment(segment.length_ns)));
    }
    more(&mut lines, arrivals.segments.len());
    lines
}

/// A rate as a file would have it: in the shortest time in which there is at least one, to six digits.
fn rate(per_second: f64) -> String {
    let (unit, seconds) = match per_second {
        rate if rate == 0.0 || rate >= 1.0 => ("s", 1.0),
        rate if rate * 60.0 >= 0.999_999 => ("m", 60.0),
        _ => ("h", 3_600.0),
    };
    let number = (per_second * seconds * 1e6).round() / 1e6;
    format!("{number}/{unit}")
}

fn tasks_line(payload: u32, work: &Work, timeout_ns: u64) -> String {
    let (size, work) = (Unit::Bytes.show(f64::from(payload)), work_words(work));
    format!("{size} each, {work}; time-out {}", time(timeout_ns))
}

fn work_words(work: &Work) -> String {
    let micros = |us: &u64| time(us * 1_000);
    match work {
        Work::Echo {} => "echo".to_owned(),
        Work::Sleep { p50_us, p99_us } if p50_us == p99_us => format!("sleep {}", micros(p50_us)),
        Work::Sleep { p50_us, p99_us } => format!("sleep p50 {}, p99 {}", micros(p50_us), micros(p99_us)),
        Work::Cpu { us } => format!("{} of CPU", micros(us)),
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        Work::Alloc { bytes } => format!("allocate {}", Unit::Bytes.show(*bytes as f64)),
        Work::Exec { argv } => format!("run {}", shortened(&argv.join(" "))),
        Work::Relay {} => "relay".to_owned(),
        Work::Mix { parts } => {
            let parts = parts.iter().map(|part| format!("{} × {}", part.weight, work_words(&part.work)));
            format!("a mixture of {}", parts.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Phases, faults and heals in the order in which they come.
fn events(plan: &Plan) -> Vec<(u64, String)> {
    let mut events: Vec<(u64, String)> = Vec::new();
    for phase in &plan.phases {
        let length = match phase.name.as_str() {
            "drain" => format!("at most {}", time(phase.length_ns)),
            _ => time(phase.length_ns),
        };
        events.push((phase.at_ns, format!("{}, {length}", phase.name)));
    }
    for fault in &plan.faults {
        events.push((fault.at_ns, fault_line(fault)));
        if fault.for_ns > 0 {
            events.push((fault.at_ns + fault.for_ns, over(fault)));
        }
    }
    events.sort_by_key(|(at, _)| *at);
    events
}

fn fault_line(fault: &Fault) -> String {
    let whom = match &fault.victims {
        Some(victims) => format!("{} {}", victims.role, places(&victims.places)),
        None => fault.kind.whom(None),
    };
    let mut line = format!("fault {}: {}", fault.id, fault.kind.words(fault.for_ns, &whom));
    match fault.when {
        When::Due {} => {}
        When::RoundInFlight { after_ns: 0 } => line += ", once a round is in flight",
        When::RoundInFlight { after_ns } => {
            let _ = write!(line, ", {} into the next round", time(after_ns));
        }
    }
    match fault.overlap {
        Overlap::Allow => {}
        Overlap::Queue => line += ", once no other is in effect",
        Overlap::Refuse => line += ", unless another is in effect",
    }
    if fault.keep > 0 {
        let _ = write!(line, ", if {} are left", fault.keep);
    }
    if fault.up_ns > 0 {
        let _ = write!(line, ", once up for {}", time(fault.up_ns));
    }
    let pretended = if fault.pretend { "; ONLY CLAIMED" } else { "" };
    format!("{line}; needs {:?}{pretended}", fault.requires)
}

/// What is said of the end of a fault.
fn over(fault: &Fault) -> String {
    let what = match fault.kind.means() {
        _ if matches!(fault.kind, FaultKind::Kill { .. }) => "whoever follows may live",
        Means::Load => "the last is sent",
        Means::Launch => "the target is started again",
        Means::Host | Means::Target => "healed",
    };
    format!("fault {}: {what}", fault.id)
}

/// `#3`, `#2 #5 #8`, `#0–#99`.
fn places(places: &[u32]) -> String {
    match places {
        [first, .., last] if places.len() > 2 && (last - first) as usize + 1 == places.len() => {
            format!("#{first}–#{last}")
        }
        _ => {
            let shown: Vec<_> = places.iter().take(12).map(|place| format!("#{place}")).collect();
            let more = places.len().saturating_sub(12);
            shown.join(" ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
        }
    }
}

fn gate_line(gate: &evidence::gate::Gate) -> String {
    let unit = evidence::metric::find(&gate.metric.name).map_or(Unit::Count, |metric| metric.unit);
    let limit = |limit: evidence::gate::Limit| format!("{} {}", limit.op.sign(), unit.show(limit.value));
    let mut text = format!("{} {}", gate.metric, limit(gate.go));
    if let Some(phase) = &gate.phase {
        let _ = write!(text, " during {phase}");
    }
    if let Some(conditional) = gate.conditional {
        let _ = write!(text, ", conditional {}", limit(conditional));
    }
    if let Some(cites) = &gate.cites {
        let _ = write!(text, "  ({cites})");
    }
    text
}

fn needs(plan: &Plan) -> Vec<String> {
    let needs = cost::of(plan);
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let bytes = |bytes: u64| Unit::Bytes.show(bytes as f64);
    let privileges =
        if needs.privileges.is_empty() { "none".to_owned() } else { needs.privileges.join("; ") };
    vec![
        format!("{} processes, {} descriptors in one of them", needs.processes, needs.descriptors),
        format!("{} of memory at most, about {} on disk", bytes(needs.memory_bytes), bytes(needs.disk_bytes)),
        format!("privileges: {privileges}"),
    ]
}
