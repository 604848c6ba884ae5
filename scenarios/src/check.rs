//! What no part can know by itself: whether the parts of a scenario fit together.

mod faults;
pub(crate) mod gates;
mod reach;
mod soak;

use evidence::gate::Gate;
pub(crate) use reach::check as reach;

use crate::format::scalar::written_duration;
use crate::problem::{Place, Problem};
use crate::reader::Reader;
use crate::scenario::workload::{Pattern, Workers};
use crate::scenario::{Control, Lengths, Parts};
use crate::tree::At;

/// Checks everything that was read against everything else that was; returns the gates.
pub(crate) fn all(parts: &Parts, reader: &mut Reader) -> Vec<Gate> {
    let lengths = parts.phases.as_ref().map(|phases| phases.lengths());
    faults::check(parts, lengths, reader);
    if let Some(lengths) = lengths {
        sampling(parts, lengths, reader);
        segments(parts, lengths, reader);
    }
    levels(parts, reader);
    soak::check(parts, lengths, reader);
    let gates = gates::check(parts, lengths, reader);
    control(parts, &gates, reader);
    gates
}

fn sampling(parts: &Parts, lengths: Lengths, reader: &mut Reader) {
    let Some(sample) = &parts.sample else { return };
    let every = sample.every();
    if every > lengths.hold {
        let place = sample.every.as_ref().map_or(&Place::File, |e| &e.place);
        let what = format!("sample.every is {}, longer than the whole hold phase", written_duration(every));
        let help =
            format!("the hold phase lasts {}; sample it at least ten times", written_duration(lengths.hold));
        reader.problem(Problem::new(place, what).help(help));
    }
    let Some(slow) = &sample.slow_every else { return };
    if !slow.value.is_multiple_of(every) || slow.value == 0 {
        let what =
            format!("sample.slow_every is no whole multiple of sample.every, {}", written_duration(every));
        let help = format!("write {}", written_duration(every * (slow.value / every).max(1)));
        reader.problem(Problem::new(&slow.place, what).help(help));
    }
}

fn segments(parts: &Parts, lengths: Lengths, reader: &mut Reader) {
    let arrivals = parts.workload.as_ref().and_then(|w| w.arrivals.as_ref());
    let Some(Pattern::Segments(segments)) = arrivals.map(|a| &a.pattern) else { return };
    let all = segments.value.iter().fold(0_u64, |sum, (length, _)| sum.saturating_add(*length));
    if all > lengths.load() {
        let what = format!("the segments last {}, longer than the load", written_duration(all));
        let help = format!("warm-up and hold together last {}", written_duration(lengths.load()));
        reader.problem(Problem::new(&segments.place, what).help(help));
    }
}

/// Whether there are as many workers as are to take part.
fn levels(parts: &Parts, reader: &mut Reader) {
    let rounds = parts.workload.as_ref().and_then(|w| w.rounds.as_ref());
    let Some(daily) = rounds.and_then(|rounds| rounds.daily.as_ref()) else { return };
    let Some(target) = &parts.target else { return };
    let all = target.agents().map(|agents| agents.worker);
    for workers in daily.entries() {
        let (what, help) = match (workers.value, all) {
            (Workers::Share(_), None) => (
                "a share of the workers cannot be planned: nobody knows how many there will be".to_owned(),
                "write a number, or say how many under target.agents".to_owned(),
            ),
            (Workers::Count(count), Some(all)) if count > all => {
                (format!("{count} workers cannot take part"), format!("the target has {all}"))
            }
            _ => continue,
        };
        reader.problem(Problem::new(&workers.place, what).help(help));
    }
}

fn control(parts: &Parts, gates: &[Gate], reader: &mut Reader) {
    match &parts.control {
        None | Some(Control::Condition(_)) => {}
        Some(Control::Claimed(place)) => {
            let mut faults = parts.faults.iter().flatten();
            if parts.faults.is_empty() || faults.any(|fault| !fault.pretend) {
                let what = "control.verdict is for faults that are only claimed, and not all are here";
                reader.problem(
                    Problem::new(place, what).help("write pretend: true for each, or remove control"),
                );
            }
        }
        Some(Control::Gate(gate)) => control_gate(gate, parts, gates, reader),
    }
}

fn control_gate(control: &At<String>, parts: &Parts, gates: &[Gate], reader: &mut Reader) {
    if parts.target.as_ref().is_some_and(|target| !target.has_defects()) {
        let what = "control.gate is for targets that are known to be bad, and this one has no defects";
        reader.problem(
            Problem::new(&control.place, what)
                .help("plant one under target.swarm.defects, or remove control"),
        );
    }
    // A gate that could not be read may be the one that is meant.
    let all_read = parts.gates.iter().all(Option::is_some) && gates.len() >= parts.gates.len();
    if all_read && !gates.iter().any(|gate| gate.id == control.value) {
        let what = format!("control.gate is \"{}\", and no gate has that id", control.value);
        let ids: Vec<_> = gates.iter().map(|gate| format!("\"{}\"", gate.id)).collect();
        reader.problem(Problem::new(&control.place, what).help(format!("gates here: {}", ids.join(", "))));
    }
}
