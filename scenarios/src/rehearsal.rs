//! A rehearsal: the same timeline in less time, the same work.
//!
//! Phases, fault times and sampling are compressed. Rounds keep their rate, pauses and time-outs keep their
//! length, and so does the drain, up to half of the rehearsal: they belong to the work, which must stay the same.

use std::time::Duration;

use crate::format::scalar::written_duration;
use crate::problem::{Place, Problem};
use crate::reader::Reader;
use crate::scenario::faults::{Fault, Schedule};
use crate::scenario::workload::Pattern;
use crate::scenario::{Lengths, Parts, Phases};
use crate::tree::At;

/// No sampling interval becomes shorter than this, in nanoseconds, unless it was.
const SHORTEST_SAMPLE: u64 = 1_000_000_000;

/// Compresses what was read; returns by which factor.
pub(crate) fn compress(parts: &mut Parts, wanted: Duration, reader: &mut Reader) -> Option<f64> {
    let lengths = parts.phases.as_ref()?.lengths();
    let wanted = u64::try_from(wanted.as_nanos()).unwrap_or(u64::MAX);
    let drain = lengths.drain.min(wanted / 2);
    let load = wanted - drain;
    if load >= lengths.load() || load < 1_000_000 {
        let flag = Place::Flag(format!("--rehearse {}", written_duration(wanted)).into());
        let what = format!("the scenario lasts {}", written_duration(lengths.all()));
        reader.problem(
            Problem::new(&flag, what).help("a rehearsal is shorter than what it rehearses, and at least 2ms"),
        );
        return None;
    }
    let shorter = |ns: u64| scaled(ns, load, lengths.load());
    let warm_up = shorter(lengths.warm_up);
    parts.phases = Some(Phases { warm_up: Some(warm_up), hold: load - warm_up, drain: Some(drain) });
    parts.faults.iter_mut().flatten().for_each(|fault| compress_fault(fault, lengths, &shorter));
    if let Some(sample) = &mut parts.sample {
        let every = sample.every();
        let factor = (every / shorter(every).clamp(SHORTEST_SAMPLE.min(every), every)).max(1);
        sample.every = Some(At { value: every / factor, place: Place::File });
        if let Some(slow) = &mut sample.slow_every {
            slow.value = every / factor * (slow.value / every);
        }
    }
    let arrivals = parts.workload.as_mut().and_then(|w| w.arrivals.as_mut());
    if let Some(Pattern::Segments(segments)) = arrivals.map(|a| &mut a.pattern) {
        segments.value.iter_mut().for_each(|(length, _)| *length = shorter(*length));
    }
    #[expect(clippy::cast_precision_loss, reason = "a factor for people to read")]
    Some(lengths.load() as f64 / load as f64)
}

/// Moves a fault; a repeated one stays due as often as before.
fn compress_fault(fault: &mut Fault, lengths: Lengths, shorter: &dyn Fn(u64) -> u64) {
    let (count, first) = fault.times(lengths);
    match &mut fault.schedule {
        Schedule::Once(at) => at.value = shorter(at.value),
        Schedule::Repeated { every, from, until } => {
            *every = shorter(*every).max(1);
            let at = |value| Some(At { value, place: fault.place.clone() });
            *from = at(shorter(first));
            *until = at(shorter(first) + count.saturating_sub(1) * *every + 1);
        }
    }
    if let Some(jitter) = &mut fault.jitter {
        jitter.value = shorter(jitter.value);
    }
}

/// `ns * part / whole`, rounded down.
fn scaled(ns: u64, part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(ns) * u128::from(part) / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}
