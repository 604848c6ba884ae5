//! Incidents over the death of a harness: what was open goes on, and none is begun twice.

use std::collections::BTreeMap;

use evidence::event::{Edge, Event, Fact, IncidentKind, Takeover};
use scenarios::plan::Plan;

use super::{Incident, Incidents};
use crate::dispatcher::command::Commands;
use crate::dispatcher::resume::Resumption;
use crate::dispatcher::state::State;
use crate::members::Members;

impl Incidents {
    /// Goes on where an earlier harness was. An agent of which a crash was told, and its leaving was not, has left.
    pub(in crate::dispatcher) fn go_on(&mut self, plan: &Plan, from: &Resumption, members: &mut Members) {
        let told = from.history.iter().filter_map(|event| match event.fact {
            Fact::Incident { incident, .. } => Some(incident),
            _ => None,
        });
        self.last = told.max().unwrap_or(0).max(from.checkpoint.incidents);
        let crashes = from.history.iter().filter(|event| is_crash(&event.fact)).count();
        self.crashes = crashes as u64;
        for (number, (begun_ns, incident)) in open(plan, &from.history) {
            if from.takeover == Takeover::Kept {
                self.carry(number, begun_ns, &incident, from.checkpoint.at_ns);
            }
            if let (IncidentKind::Crash, Some(agent)) = (incident.kind, incident.agent)
                && let Some(known) = members.get(agent).filter(|known| known.since_ns <= begun_ns)
            {
                members.vanished(agent, known.pid);
            }
            self.open.insert(number, incident);
        }
    }

    /// What ends it is looked for again.
    fn carry(&mut self, number: u64, begun_ns: u64, incident: &Incident, died_ns: u64) {
        match (incident.kind, incident.agent) {
            (IncidentKind::Crash, Some(agent)) => {
                self.gone.insert(agent, Some(number));
            }
            (IncidentKind::Hang, Some(agent)) => {
                self.hangs.insert(agent, number);
            }
            (IncidentKind::Outage, _) => self.service.go_on(begun_ns, number),
            (IncidentKind::FailedRounds, _) => self.failed.go_on(number),
            (IncidentKind::Protocol, _) => self.errors.go_on(number, died_ns, &incident.what),
            _ => {}
        }
    }

    fn goes_on(&self, number: u64) -> bool {
        self.gone.values().any(|crash| *crash == Some(number))
            || self.hangs.values().any(|hang| *hang == number)
            || [self.service.incident(), self.failed.incident(), self.errors.incident()]
                .contains(&Some(number))
    }

    /// Incidents that are open, by number.
    pub(in crate::dispatcher) fn open(&self) -> &BTreeMap<u64, Incident> {
        &self.open
    }
}

impl State {
    /// Another harness takes over: what was open and cannot go on is over.
    pub(in crate::dispatcher) fn incidents_go_on(&mut self, out: &mut Commands) {
        let members = &self.members;
        let lives = |agent: &u32| members.get(*agent).is_some_and(|known| known.alive);
        self.incidents.gone.retain(|agent, _| !lives(agent));
        let open: Vec<u64> = self.incidents.open.keys().copied().collect();
        for number in open {
            if !self.incidents.goes_on(number) && !self.alerts.holds(number) {
                self.end_incident(number, self.now_ns, None, out);
            }
        }
    }
}

fn is_crash(fact: &Fact) -> bool {
    use IncidentKind::Crash;
    matches!(fact, Fact::Incident { kind: Crash, edge: Edge::Begin, agent: Some(_), fault: None, .. })
}

/// Incidents that were begun and not ended, by number, with when they began.
fn open(plan: &Plan, history: &[Event]) -> BTreeMap<u64, (u64, Incident)> {
    let mut open = BTreeMap::new();
    for event in history {
        let Fact::Incident { incident, kind, severity, edge, agent, fault, what } = &event.fact else {
            continue;
        };
        if *edge == Edge::End {
            open.remove(incident);
            continue;
        }
        let place = |id: &String| plan.faults.iter().position(|fault| fault.id == *id);
        let (kind, severity, agent) = (*kind, *severity, *agent);
        let fault = fault.as_ref().and_then(place);
        open.insert(*incident, (event.at_ns, Incident { kind, severity, agent, fault, what: what.clone() }));
    }
    open
}
