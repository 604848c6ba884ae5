//! The launch, the agents' lives, the stop; and how evenly the coordinators shared the work.

use std::collections::{BTreeMap, BTreeSet};

use evidence::event::{Event, Fact, IncidentKind, MemberState};
use evidence::role::Role;

use super::incidents::Incident;
use super::{Basis, Findings, Measured, Of, seconds};
use crate::reading::Evidence;
use crate::statistics::variation;

pub(super) fn find(evidence: &Evidence, findings: &mut Findings) {
    let ready = evidence.events.iter().find_map(|e| match e.fact {
        Fact::TargetReady { took_ns, agents } => Some((took_ns, agents)),
        _ => None,
    });
    if let Some((took_ns, agents)) = ready {
        let took = Measured::exact(Basis::Events, 1, seconds(took_ns));
        findings.put("launch.time", Of::default(), took);
        let agents = u64::from(agents);
        findings.fact("agents.ready", Basis::Events, agents, Some(agents));
        findings.fact("agents.crashed", Basis::Events, agents, Some(crashed(evidence)));
        findings.fact(
            "agents.replaced",
            Basis::Events,
            agents,
            Some(count(&evidence.events, MemberState::Replaced)),
        );
    }
    if let Some(end) = &evidence.end {
        if let Some(stop_ns) = end.stop_ns {
            findings.put("stop.time", Of::default(), Measured::exact(Basis::End, 1, seconds(stop_ns)));
        }
        findings.fact("agents.left_behind", Basis::End, 1, end.left_behind.map(u64::from));
    }
    balance(evidence, findings);
}

/// Those of the last rounds, which only the end of the run knows, or those that hung at any time, whichever are more.
pub(super) fn hung(evidence: &Evidence, incidents: &[Incident], findings: &mut Findings) {
    let told = incidents.iter().filter(|i| i.kind == IncidentKind::Hang && i.counts());
    let told = told.filter_map(|i| i.agent).collect::<BTreeSet<u32>>().len() as u64;
    let last = evidence.end.as_ref().and_then(|end| end.hung).map(u64::from);
    let (basis, hung) = match (last, told) {
        (None, 0) => (Basis::End, None),
        (last, told) if told > last.unwrap_or(0) => (Basis::Events, Some(told)),
        (last, _) => (Basis::End, last),
    };
    findings.fact("agents.hung", basis, 1, hung);
}

fn count(events: &[Event], of: MemberState) -> u64 {
    events.iter().filter(|e| matches!(&e.fact, Fact::Member { state, .. } if *state == of)).count() as u64
}

/// When the target was asked to stop; agents may leave from then on.
fn stop_ns(evidence: &Evidence) -> u64 {
    let stop = evidence.windows.iter().find(|w| w.phase == "stop").map(|w| w.begin_ns);
    let by_exit = || {
        let asked = |e: &&Event| matches!(&e.fact, Fact::TargetExited { asked: true, .. });
        let exit = evidence.events.iter().find(asked)?.at_ns;
        Some(exit.saturating_sub(evidence.end.as_ref()?.stop_ns?))
    };
    stop.or_else(by_exit).unwrap_or(u64::MAX)
}

/// Agents that left before the stop without a fault of the plan.
fn crashed(evidence: &Evidence) -> u64 {
    let stop = stop_ns(evidence);
    let crashed = evidence.events.iter().filter(|e| {
        e.at_ns < stop && matches!(&e.fact, Fact::Member { state: MemberState::Left, fault: None, .. })
    });
    crashed.count() as u64
}

/// What one coordinator did.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Share {
    pub(crate) agent: u32,
    /// Tasks that it handled, as the target tells at the end.
    pub(crate) tasks: f64,
    /// Whether its process ended before the stop.
    pub(crate) left: bool,
}

/// What each coordinator with workers did, by agent.
pub(crate) fn shares(evidence: &Evidence) -> Vec<Share> {
    let mut coordinators = BTreeSet::new();
    let mut leads_workers = BTreeSet::new();
    let mut left = BTreeSet::new();
    let stop = stop_ns(evidence);
    for event in &evidence.events {
        let Fact::Member { agent, role, parent, state, .. } = &event.fact else { continue };
        match (role, state) {
            (Role::Coordinator, MemberState::Left) if event.at_ns < stop => {
                left.insert(*agent);
            }
            (Role::Coordinator, _) => {
                coordinators.insert(*agent);
            }
            (Role::Worker, _) => leads_workers.extend(*parent),
            (Role::Master, _) => {}
        }
    }
    let counts = |agent: &u32| leads_workers.is_empty() || leads_workers.contains(agent);
    let gauges = evidence.end.iter().flat_map(|end| &end.gauges);
    let handled =
        gauges.filter_map(|(name, tasks)| Some((name.strip_prefix("handled.")?.parse().ok()?, *tasks)));
    let handled: BTreeMap<u32, f64> =
        handled.filter(|(agent, _)| coordinators.contains(agent) && counts(agent)).collect();
    handled.into_iter().map(|(agent, tasks)| Share { agent, tasks, left: left.contains(&agent) }).collect()
}

/// Over the coordinators that lived through the run: one that was killed could not do its share.
fn balance(evidence: &Evidence, findings: &mut Findings) {
    let whole: Vec<f64> = shares(evidence).iter().filter(|s| !s.left).map(|s| s.tasks).collect();
    if let Some(spread) = variation(&whole) {
        let found = Measured::exact(Basis::End, whole.len() as u64, spread);
        findings.put("balance.coordinators", Of::default(), found);
    }
}
