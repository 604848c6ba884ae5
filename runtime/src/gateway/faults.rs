//! Faults that the harness asks the swarm for: rules of its bus and its clocks, and what became of each.

use std::collections::{BTreeMap, VecDeque};

use protocol::{Direction, FaultKind, FaultState, Report};

use super::running::Running;
use crate::bus::{Act, Rule, Rules, Way};
use crate::clock::now_ns;
use crate::process::nudge;

/// Of how many faults that have ended it is still known what they did.
const REMEMBERED: usize = 256;

/// A fault that acts.
#[derive(Debug)]
struct Acting {
    id: String,
    place: usize,
    until_ns: u64,
    clock: bool,
}

/// All faults.
#[derive(Debug, Default)]
pub(super) struct Faults {
    acting: Vec<Acting>,
    ended: VecDeque<(String, FaultState, BTreeMap<String, u64>)>,
}

impl Faults {
    /// When the next one ends by itself.
    pub(super) fn next_ns(&self) -> Option<u64> {
        self.acting.iter().map(|acting| acting.until_ns).min()
    }

    fn end(&mut self, acting: &Acting, state: FaultState, rules: &Rules) -> BTreeMap<String, u64> {
        rules.clear(acting.place);
        let counters = acting.counters(rules);
        if self.ended.len() == REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back((acting.id.clone(), state, counters.clone()));
        counters
    }
}

impl Acting {
    fn counters(&self, rules: &Rules) -> BTreeMap<String, u64> {
        let [considered, hit, most] = rules.counts(self.place);
        let mut counters = BTreeMap::from([("considered".to_owned(), considered), ("hit".to_owned(), hit)]);
        if self.clock {
            counters.insert("skew_us".to_owned(), most);
        }
        counters
    }
}

impl Running {
    /// Begins a fault; told as applied only once the rule was read back from where all agents see it.
    pub(super) fn begin_fault(
        &mut self,
        id: String,
        kind: &FaultKind,
        agents: Vec<u32>,
        ttl_ms: u64,
        seed: u64,
    ) {
        if let Err(why) = self.try_fault(&id, kind, agents, ttl_ms, seed) {
            self.tell_fault(id, FaultState::Refused, Some(why), BTreeMap::new());
        } else {
            self.tell_fault(id, FaultState::Applied, None, BTreeMap::new());
        }
    }

    fn try_fault(
        &mut self,
        id: &str,
        kind: &FaultKind,
        agents: Vec<u32>,
        ttl_ms: u64,
        seed: u64,
    ) -> Result<(), String> {
        if self.faults.acting.iter().any(|acting| acting.id == id) {
            return Err(format!("fault {id} acts already; heal it first"));
        }
        let act = act_of(kind)?;
        let until_ns = now_ns().saturating_add(ttl_ms.saturating_mul(1_000_000));
        let agents = (!agents.is_empty()).then_some(agents);
        let rule = Rule { act, agents, until_ns, seed };
        let place = self.swarm.rules.put(&rule).ok_or("no more faults at a time; heal one first")?;
        let clock = matches!(act, Act::Clock(_));
        if clock {
            self.wake(rule.agents.as_deref());
        }
        self.faults.acting.push(Acting { id: id.to_owned(), place, until_ns, clock });
        Ok(())
    }

    /// Makes agents look at their clocks.
    fn wake(&self, agents: Option<&[u32]>) {
        let table = self.swarm.table;
        match agents {
            None => (0..table.agents()).for_each(|agent| nudge(table.slot(agent))),
            Some(agents) => {
                agents
                    .iter()
                    .filter(|agent| **agent < table.agents())
                    .for_each(|agent| nudge(table.slot(*agent)));
            }
        }
    }

    pub(super) fn heal_fault(&mut self, id: String) {
        if let Some(at) = self.faults.acting.iter().position(|acting| acting.id == id) {
            let acting = self.faults.acting.swap_remove(at);
            let counters = self.faults.end(&acting, FaultState::Healed, self.swarm.rules);
            self.tell_fault(id, FaultState::Healed, None, counters);
        } else if let Some((_, state, counters)) =
            self.faults.ended.iter().rev().find(|(other, ..)| *other == id)
        {
            let (state, counters) = (*state, counters.clone());
            self.tell_fault(id, state, None, counters);
        } else {
            let why = format!("there is no fault {id}");
            self.tell_fault(id, FaultState::Refused, Some(why), BTreeMap::new());
        }
    }

    /// Tells of faults that have ended by themselves.
    pub(super) fn expire_faults(&mut self, now: u64) {
        if self.faults.next_ns().is_none_or(|next| next > now) {
            return;
        }
        let over: Vec<Acting> = self.faults.acting.extract_if(.., |acting| acting.until_ns <= now).collect();
        for acting in over {
            let counters = self.faults.end(&acting, FaultState::Expired, self.swarm.rules);
            self.tell_fault(acting.id, FaultState::Expired, None, counters);
        }
    }

    fn tell_fault(
        &mut self,
        fault: String,
        state: FaultState,
        why: Option<String>,
        counters: BTreeMap<String, u64>,
    ) {
        self.reports.push(Report::Fault { fault, state, why, counters, at_ns: now_ns() });
    }
}

fn act_of(kind: &FaultKind) -> Result<Act, String> {
    let rate = |per_million: u32| match per_million {
        0..=1_000_000 => Ok(per_million),
        _ => Err(format!("a rate of {per_million} out of a million is too much")),
    };
    let ns = |us: u64| us.saturating_mul(1_000);
    Ok(match *kind {
        FaultKind::BusDrop { per_million } => Act::Drop(rate(per_million)?),
        FaultKind::BusDelay { per_million, delay_us, jitter_us } => {
            Act::Delay { per_million: rate(per_million)?, by_ns: ns(delay_us), jitter_ns: ns(jitter_us) }
        }
        FaultKind::BusDuplicate { per_million } => Act::Duplicate(rate(per_million)?),
        FaultKind::BusReorder { per_million } => Act::Reorder(rate(per_million)?),
        FaultKind::BusCorrupt { per_million } => Act::Corrupt(rate(per_million)?),
        FaultKind::Partition { direction } => Act::Cut(match direction {
            Direction::Both => Way::Both,
            Direction::From => Way::From,
            Direction::To => Way::To,
        }),
        FaultKind::Clock { offset_us } => Act::Clock(offset_us.saturating_mul(1_000)),
    })
}
