//! `soak`: what makes a run a long one.

mod alerts;
mod webhook;

pub(crate) use alerts::Alert;

use crate::format::tables;
use crate::plan::{EndEarly, Notify, OnHarnessDeath};
use crate::reader::{Fields, Reader};
use crate::tree::At;

/// What a long run needs beside its timeline. Times are in nanoseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Soak {
    pub(crate) on_harness_death: OnHarnessDeath,
    pub(crate) horizon: Option<At<u64>>,
    pub(crate) quiesce: Option<Quiesce>,
    pub(crate) disk: Option<u64>,
    pub(crate) end_early: Option<EndEarly>,
    /// An item that is `None` has left a problem.
    pub(crate) alerts: Vec<Option<Alert>>,
    pub(crate) notify: Notify,
}

/// Points of rest.
#[derive(Debug, Clone)]
pub(crate) struct Quiesce {
    pub(crate) every: At<u64>,
    pub(crate) within: Option<At<u64>>,
}

impl Quiesce {
    /// The longest time to wait.
    pub(crate) fn within(&self) -> u64 {
        self.within.as_ref().map_or_else(|| tables::QUIESCE.default_duration("within"), |w| w.value)
    }
}

/// A part that was written and could not be read is left out and has left a problem.
pub(super) fn read(scenario: &Fields<'_>, reader: &mut Reader) -> Soak {
    let Some(fields) = scenario.table(reader, "soak", &tables::SOAK) else { return Soak::default() };
    let keep = fields.word(reader, "on_harness_death").is_some_and(|word| word.value == "keep");
    Soak {
        on_harness_death: if keep { OnHarnessDeath::Keep } else { OnHarnessDeath::Stop },
        horizon: fields.number(reader, "horizon"),
        quiesce: quiesce(&fields, reader),
        disk: fields.number(reader, "disk").map(|disk| disk.value),
        end_early: end_early(&fields, reader),
        alerts: alerts::read(&fields, reader),
        notify: notify(&fields, reader),
    }
}

fn quiesce(soak: &Fields<'_>, reader: &mut Reader) -> Option<Quiesce> {
    let fields = soak.table(reader, "quiesce", &tables::QUIESCE)?;
    let within = fields.number(reader, "within");
    Some(Quiesce { every: fields.number(reader, "every")?, within })
}

fn end_early(soak: &Fields<'_>, reader: &mut Reader) -> Option<EndEarly> {
    let fields = soak.table(reader, "end_early", &tables::END_EARLY)?;
    let looks = match fields.get("looks") {
        Some(_) => fields.number(reader, "looks")?.value,
        None => tables::END_EARLY.default_count("looks"),
    };
    Some(EndEarly { looks: u32::try_from(looks).unwrap_or(u32::MAX) })
}

fn notify(soak: &Fields<'_>, reader: &mut Reader) -> Notify {
    let Some(fields) = soak.table(reader, "notify", &tables::NOTIFY) else { return Notify::default() };
    let command = fields.get("command").and_then(|_| fields.texts(reader, "command"));
    Notify { command, webhook: webhook::read(&fields, reader) }
}
