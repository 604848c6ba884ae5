//! Whether a fault is due, and over, while the run goes on.

use crate::format::scalar::written_duration;
use crate::problem::{Place, Problem};
use crate::reader::Reader;
use crate::scenario::Lengths;
use crate::scenario::faults::{Chaos, Fault, Schedule};

pub(super) fn check(fault: &Fault, chaos: Option<&Chaos>, lengths: Lengths, reader: &mut Reader) {
    if let Err(problem) = due(fault, lengths) {
        return reader.problem(problem);
    }
    let latest = fault.schedule.latest(lengths, fault.act.for_ns).saturating_add(fault.jitter_ns());
    let mut over = latest.saturating_add(fault.act.for_ns);
    if let Err(problem) = in_time(fault, over, lengths) {
        return reader.problem(problem);
    }
    let Some(chaos) = chaos else { return };
    let moved = chaos.moved(latest.min(lengths.load().saturating_sub(1)), fault.act.for_ns);
    over = moved.saturating_add(fault.act.for_ns);
    if moved >= lengths.load() || over > lengths.all() {
        let what = format!("fault \"{}\" does not fit between the quiet times", fault.id.value);
        let help = format!(
            "it would be due at {} and be over at {}; the load ends at {}",
            written_duration(moved),
            written_duration(over),
            written_duration(lengths.load())
        );
        reader.problem(Problem::new(&fault.place, what).help(help));
    }
}

/// Whether it is due before the load has ended.
fn due(fault: &Fault, lengths: Lengths) -> Result<(), Problem> {
    let id = &fault.id.value;
    let late = |place: &Place, at: u64, word: &str| {
        let what = format!("fault \"{id}\" is due {word} {}, after the load has ended", written_duration(at));
        let help = format!("warm-up and hold together last {}", written_duration(lengths.load()));
        Problem::new(place, what).help(help)
    };
    match &fault.schedule {
        Schedule::Once(at) if at.value >= lengths.load() => Err(late(&at.place, at.value, "at")),
        Schedule::Phase { place, .. } => {
            let at = fault.schedule.window(lengths, 0).0;
            if at >= lengths.load() { Err(late(place, at, "at")) } else { Ok(()) }
        }
        Schedule::Listed(moments) => match moments.iter().find(|m| m.value >= lengths.load()) {
            Some(moment) => Err(late(&moment.place, moment.value, "at")),
            None => Ok(()),
        },
        Schedule::Repeated { from, until, .. } | Schedule::Random { from, until, .. } => {
            let beyond = [from, until].into_iter().flatten().find(|at| at.value > lengths.load());
            match beyond {
                Some(at) => Err(late(&at.place, at.value, "until")),
                None => again(fault, lengths),
            }
        }
        Schedule::Once(_) => Ok(()),
    }
}

/// Whether there is room for all the times at which a fault is due.
fn again(fault: &Fault, lengths: Lengths) -> Result<(), Problem> {
    let id = &fault.id.value;
    let (from, until) = fault.schedule.window(lengths, fault.act.for_ns);
    if until <= from {
        let what = format!("fault \"{id}\" is never due: it ends before it begins");
        return Err(Problem::new(&fault.place, what).help(format!("it begins at {}", written_duration(from))));
    }
    if let Schedule::Repeated { every, .. } = &fault.schedule
        && let Some(jitter) = fault.jitter.as_ref().filter(|jitter| jitter.value >= *every)
    {
        let what = format!("fault \"{id}\" has a jitter that is not shorter than the time to the next");
        return Err(
            Problem::new(&jitter.place, what).help(format!("it is due every {}", written_duration(*every)))
        );
    }
    Ok(())
}

/// Whether it is over when the run ends.
fn in_time(fault: &Fault, over: u64, lengths: Lengths) -> Result<(), Problem> {
    if fault.act.for_ns == 0 || over <= lengths.all() {
        return Ok(());
    }
    let length = written_duration(fault.act.for_ns);
    let what = format!("fault \"{}\" acts for {length}, longer than the run", fault.id.value);
    let help = format!(
        "it would end at {}; the run with its drain ends at {}",
        written_duration(over),
        written_duration(lengths.all())
    );
    Err(Problem::new(&fault.place, what).help(help))
}
