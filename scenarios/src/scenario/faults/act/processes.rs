//! What is done to processes by signals.

use super::{Read, value};
use crate::format::tables;
use crate::plan::{FaultKind, Signal, StormSignal};
use crate::problem::Problem;
use crate::reader::{Fields, Reader};

pub(super) fn read(key: &str, fields: &Fields<'_>, reader: &mut Reader) -> Option<FaultKind> {
    match key {
        "pause" => Some(FaultKind::Pause {}),
        "freeze" => Some(FaultKind::Freeze {}),
        "slow" => {
            let read = Read::new(fields, &tables::SLOW);
            let (stopped, period) = (read.percent(reader, "stopped"), read.duration(reader, "period"));
            Some(FaultKind::Slow { stopped_percent: stopped?, period_ns: period? })
        }
        "signals" => signals(fields, reader),
        _ => kill(fields, reader),
    }
}

fn kill(fields: &Fields<'_>, reader: &mut Reader) -> Option<FaultKind> {
    let signal = Read::new(fields, &tables::KILL).word(reader, "signal");
    let then_kill = fields.number(reader, "then_kill");
    let signal = match signal? {
        "SIGTERM" => Signal::Term,
        "SIGSEGV" => Signal::Segv,
        "SIGABRT" => Signal::Abort,
        _ => Signal::Kill,
    };
    if let (Some(place), Signal::Kill) = (fields.place_of("then_kill"), signal) {
        let what = format!("{} does nothing behind SIGKILL", fields.path("then_kill"));
        reader.problem(Problem::new(place, what).help("remove it, or write signal: SIGTERM"));
    }
    Some(FaultKind::Kill { signal, then_kill_ns: value(then_kill) })
}

fn signals(fields: &Fields<'_>, reader: &mut Reader) -> Option<FaultKind> {
    let signal = Read::new(fields, &tables::SIGNALS).word(reader, "signal");
    let rate = fields.rate(reader, "rate");
    let signal = match signal? {
        "SIGURG" => StormSignal::Urg,
        "SIGCONT" => StormSignal::Cont,
        "SIGHUP" => StormSignal::Hup,
        "SIGUSR1" => StormSignal::Usr1,
        _ => StormSignal::Winch,
    };
    let rate = rate?;
    if !(1.0..=10_000.0).contains(&rate) || rate.fract() > 0.0 {
        let place = fields.get("rate").map_or(&fields.place, |node| &node.place);
        let what = format!("{} is {rate}/s", fields.path("rate"));
        reader.problem(Problem::new(place, what).help("it takes a whole number from 1/s to 10000/s"));
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    Some(FaultKind::Signals { signal, per_second: rate as u32 })
}
