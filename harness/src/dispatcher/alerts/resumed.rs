//! Live thresholds over the death of a harness: what was told as crossed still is, until it is read again.

use std::collections::BTreeMap;

use evidence::event::{Event, Fact, IncidentKind};
use scenarios::plan::{Alert, Live};

use super::growth::Growth;
use super::{Alerts, Watched};
use crate::dispatcher::command::Commands;
use crate::dispatcher::incidents::Incident;
use crate::dispatcher::state::State;

impl Alerts {
    /// Goes on where an earlier harness was. `open` are the incidents that it had not ended, by number, and
    /// `grown_from` is what it had read for the baseline.
    pub(in crate::dispatcher) fn go_on(
        &mut self,
        alerts: &[Alert],
        open: &BTreeMap<u64, Incident>,
        history: &[Event],
        grown_from: &[Option<f64>],
    ) {
        for (index, (alert, watched)) in alerts.iter().zip(&mut self.watched).enumerate() {
            // The incident is written before the alert, so that there may be one without the other.
            let about = format!("{}: ", alert.id);
            let mine = |i: &Incident| i.kind == IncidentKind::Threshold && i.what.starts_with(&about);
            let incident = open.iter().rfind(|(_, incident)| mine(incident)).map(|(number, _)| *number);
            let told = history.iter().rev().find_map(|event| match &event.fact {
                Fact::Alert { alert: id, value, .. } if *id == alert.id => Some(*value),
                _ => None,
            });
            let growth = Growth::from(grown_from.get(index).copied().flatten());
            *watched = Watched { incident, growth, value: told.unwrap_or_default(), turned_ns: None };
        }
    }

    /// What each threshold on growth compares with.
    pub(in crate::dispatcher) fn grown_from(&self) -> Vec<Option<f64>> {
        self.watched.iter().map(|watched| watched.growth.base()).collect()
    }

    /// Whether this is the incident of a threshold that is crossed.
    pub(in crate::dispatcher) fn holds(&self, incident: u64) -> bool {
        self.watched.iter().any(|watched| watched.incident == Some(incident))
    }
}

impl State {
    /// Another harness takes over. Of a target that was started again, what its processes were is over.
    pub(in crate::dispatcher) fn alerts_go_on(&mut self, lives: bool, out: &mut Commands) {
        // What was sent before is no part of the interval that begins.
        self.alerts.interval = self.interval_from_now();
        for index in 0..self.plan.soak.alerts.len() {
            if !lives && is_of_processes(self.plan.soak.alerts[index].metric) {
                let what = format!("{}; the target was started again", self.alert_sentence(index));
                self.alert_ends(index, what.clone(), what, out);
                self.alerts.watched[index] = Watched::default();
            }
        }
    }
}

fn is_of_processes(metric: Live) -> bool {
    match metric {
        Live::Memory | Live::MemoryGrowth | Live::Descriptors | Live::DescriptorsGrowth | Live::Threads => {
            true
        }
        Live::Crashed
        | Live::DiskFree
        | Live::Available
        | Live::Delivery
        | Live::Errors
        | Live::RoundTime => false,
    }
}
