//! What makes a plan a long run, for a person to read.

use evidence::unit::Unit;

use super::{moment, time};
use crate::cost;
use crate::plan::{Alert, EndEarly, OnHarnessDeath, Plan};

/// What makes it a long run, a line each; nothing where nothing does.
pub(super) fn lines(plan: &Plan) -> Vec<String> {
    let soak = &plan.soak;
    let mut lines = Vec::new();
    if let Some(horizon_ns) = soak.horizon_ns {
        lines.push(format!("certifies {}", time(horizon_ns)));
    }
    if let Some(points) = soak.quiesce {
        lines.push(format!(
            "a point of rest every {}, reached within {}",
            time(points.every_ns),
            time(points.within_ns)
        ));
    }
    if soak.on_harness_death == OnHarnessDeath::Keep {
        lines.push("the target goes on if the harness dies".to_owned());
    }
    lines.extend(soak.disk_bytes.map(|budget| disk(plan, budget)));
    if let Some(EndEarly { looks }) = soak.end_early {
        let looks = if looks == 1 { "1 look".to_owned() } else { format!("{looks} looks") };
        lines.push(format!("may end early, after one of {looks}"));
    }
    lines.extend(soak.alerts.iter().map(|alert| alert_line(alert, plan.rehearsal.is_some())));
    lines.extend(soak.notify.command.iter().map(|argv| format!("tells {}", argv.join(" "))));
    lines.extend(soak.notify.webhook.iter().map(|url| format!("tells {url}")));
    lines
}

/// When the disk budget ends the run, and that this is before its time where all of it takes more.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn disk(plan: &Plan, budget: u64) -> String {
    let bytes = |bytes: u64| Unit::Bytes.show(bytes as f64);
    let line = format!("ends when it holds {} on disk", bytes(budget));
    let all = cost::of(plan).disk_bytes;
    if all <= budget {
        return line;
    }
    let load = plan.load_ends_ns();
    let spent = u128::from(load) * u128::from(budget) / u128::from(all);
    let spent = about(u64::try_from(spent).unwrap_or(load));
    let whole = about(load);
    format!(
        "{line}: BEFORE ITS TIME, after about {spent} of {whole}, because all of it takes about {}",
        bytes(all)
    )
}

/// A moment that is estimated: to the minute, below an hour to the second.
fn about(ns: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    let step = if ns < 3_600 * SECOND { SECOND } else { 60 * SECOND };
    moment(if ns < SECOND { ns } else { ns / step * step })
}

/// An alert by its text; in a rehearsal also what applies, where that is compressed.
fn alert_line(alert: &Alert, rehearsed: bool) -> String {
    let unit = alert.metric.unit();
    if !rehearsed || (alert.for_ns == 0 && unit != Unit::RatioPerHour) {
        return format!("alert: {}", alert.id);
    }
    let lasting = if alert.for_ns > 0 { format!(" for {}", time(alert.for_ns)) } else { String::new() };
    let (sign, value) = (alert.limit.op.opposite().sign(), unit.show(alert.limit.value));
    format!("alert: {}; here {sign} {value}{lasting}", alert.id)
}
