//! Setting a rule in a process in between, and reading back what it does.

use evidence::event::Level;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Outcome, Setting};
use crate::ChaosError;
use crate::clock::monotonic_ns;
use crate::enclosure::control::{Control, Request};
use crate::enclosure::rules::Rule;
use crate::enclosure::{files_control, network_control};
use crate::process::Identity;
use crate::undo::{Between, Undo};

/// How long after the end of its fault a rule ends by itself, should nobody have ended it.
const OVERDUE_AFTER_NS: u64 = 1_000_000_000;

/// One rule, set or to be set.
#[derive(Debug)]
pub(super) struct Ruled<A> {
    pub(super) control: Control<A>,
    guardian: Identity,
    between: Between,
    id: String,
    act: A,
}

impl<A: Clone + PartialEq + Serialize + DeserializeOwned> Ruled<A> {
    /// Finds the process in between; nothing is set.
    pub(super) fn new(setting: &Setting, between: Between, act: A) -> Result<Self, ChaosError> {
        let guardian = setting.site.scope.guardian();
        let (name, what) = match between {
            Between::Files => (files_control(guardian), "the process that the run's files go through"),
            Between::Hosts => (network_control(guardian), "the process that carries the run's packets"),
        };
        let control =
            Control::connect(&name).map_err(|e| ChaosError::io("talk to", what, e))?.ok_or_else(|| {
                ChaosError::Unable { kind: setting.fault.kind.name(), found: format!("{what} is gone") }
            })?;
        Ok(Self { control, guardian, between, id: setting.fault.id.clone(), act })
    }

    pub(super) fn undo(&self) -> Undo {
        Undo::ClearRule { guardian: self.guardian, between: self.between, rule: self.id.clone() }
    }

    /// Puts the rule into force, unless the fault is only claimed.
    pub(super) fn set(&self, setting: &Setting) -> Result<(), ChaosError> {
        if setting.pretend() {
            return Ok(());
        }
        let ends_ns = monotonic_ns().saturating_add(setting.fault.for_ns);
        let rule = Rule {
            id: self.id.clone(),
            act: self.act.clone(),
            expires_ns: ends_ns.saturating_add(OVERDUE_AFTER_NS),
        };
        self.ask(&Request::Set(rule)).map(|_| ())
    }

    fn ask(&self, request: &Request<A>) -> Result<Vec<crate::enclosure::rules::Told<A>>, ChaosError> {
        let failed = |e| ChaosError::io("talk to", "the process in between", e);
        self.control.ask(request).map_err(failed)
    }

    /// Whether it is in force, and what it has done so far.
    pub(super) fn in_force(&self, setting: &Setting, outcome: &mut Outcome) -> Result<(), ChaosError> {
        let told = self.ask(&Request::Read)?.into_iter().find(|told| told.rule.id == self.id);
        let fits = told.as_ref().is_some_and(|told| told.in_force && told.rule.act == self.act);
        let found = match told {
            None => "no such rule".to_owned(),
            Some(told) => {
                let state = if told.in_force { "in force" } else { "over" };
                format!("{state}, hit {} of {}", told.counters.hit, told.counters.considered)
            }
        };
        outcome.see(setting.reading(Level::E1, "rule", "in force", found), fits);
        Ok(())
    }

    /// That it is not in force any more.
    pub(super) fn ended(&self, setting: &Setting) -> Result<Outcome, ChaosError> {
        // Where the process in between is gone, its rules are.
        let left = self.control.ask(&Request::Read).unwrap_or_default();
        let in_force = left.iter().any(|told| told.rule.id == self.id);
        let found = if in_force { "in force" } else { "no such rule" };
        let mut outcome = Outcome::default();
        outcome.see(setting.reading(Level::E1, "rule", "no such rule", found), !in_force);
        Ok(outcome)
    }
}
