//! Whether faults fit the target, the timeline and each other.

mod exclusion;
mod medium;
mod times;
mod victims;

use evidence::event::Level;

use crate::plan::{FaultKind, Means, When};
use crate::problem::{Place, Problem};
use crate::reader::Reader;
use crate::scenario::faults::Fault;
use crate::scenario::{Lengths, Parts};

/// The most faults of a plan, repeated ones counted each.
const MOST: u64 = 10_000;

/// How many faults there will be; `None` if that is more than a plan holds.
pub(super) fn total(parts: &Parts, lengths: Lengths) -> Option<u64> {
    let mut counts = parts.faults.iter().flatten().map(|fault| fault.times(lengths));
    counts.try_fold(0_u64, u64::checked_add).filter(|sum| *sum <= MOST)
}

pub(super) fn check(parts: &Parts, lengths: Option<Lengths>, reader: &mut Reader) {
    unique(parts, reader);
    let countable = lengths.filter(|lengths| total(parts, *lengths).is_some());
    if lengths.is_some() && countable.is_none() {
        let place = parts.faults.iter().flatten().last().map_or(&Place::File, |fault| &fault.place);
        let what = format!("the faults are due more than {MOST} times in all");
        reader.problem(
            Problem::new(place, what).help("let a repeated one be due less often, or not until the end"),
        );
    }
    for (index, fault) in parts.faults.iter().enumerate() {
        let Some(fault) = fault else { continue };
        victims::check(fault, index, parts, lengths, reader);
        if let Some(target) = &parts.target {
            medium::check(fault, target, reader);
        }
        if let Some(lengths) = lengths {
            times::check(fault, parts.chaos.as_ref(), lengths, reader);
        }
        round(fault, parts, reader);
        evidence(fault, reader);
    }
    if let Some(target) = &parts.target {
        medium::intercepted(&parts.faults.iter().flatten().collect::<Vec<_>>(), target, reader);
    }
    if let Some(lengths) = countable {
        exclusion::check(parts, lengths, reader);
    }
}

fn unique(parts: &Parts, reader: &mut Reader) {
    let faults: Vec<_> = parts.faults.iter().flatten().collect();
    for (index, fault) in faults.iter().enumerate() {
        if faults[..index].iter().any(|earlier| earlier.id.value == fault.id.value) {
            let what = format!("two faults have the id \"{}\"", fault.id.value);
            let help = "a fault without an id has its place in the list, from 1, as its id";
            reader.problem(Problem::new(&fault.id.place, what).help(help));
        }
    }
}

fn round(fault: &Fault, parts: &Parts, reader: &mut Reader) {
    let rounds = parts.workload.as_ref().map(|w| w.rounds.is_some());
    if matches!(fault.when, When::RoundInFlight { .. }) && rounds == Some(false) {
        let what = format!("fault \"{}\" waits for a round, and the workload has none", fault.id.value);
        reader.problem(Problem::new(&fault.place, what).help("add workload.rounds, or remove when"));
    }
}

/// The strongest evidence that this kind of fault can have.
fn strongest(kind: &FaultKind) -> Level {
    match kind {
        FaultKind::Kill { .. } | FaultKind::Pause {} | FaultKind::Restart {} => Level::E1,
        _ if kind.means() == Means::Target => Level::E3,
        _ => Level::E2,
    }
}

/// Evidence that nobody can give would leave every run inconclusive.
fn evidence(fault: &Fault, reader: &mut Reader) {
    let Some(required) = &fault.requires else { return };
    let strongest = strongest(&fault.act.kind);
    if required.value > strongest {
        let what = format!(
            "fault \"{}\" requires {:?}, which a {} cannot have",
            fault.id.value,
            required.value,
            fault.act.kind.name()
        );
        reader.problem(Problem::new(&required.place, what).help(format!("the strongest is {strongest:?}")));
    }
}
