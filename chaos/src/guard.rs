//! What stands between a fault and its being left behind.

use evidence::event::{FaultStep, Proof, Victim as Evidence};

use crate::ChaosError;
use crate::fault::act::Act;
use crate::fault::{Outcome, Setting};
use crate::journal::{By, Record};
use crate::site::Step;
use crate::undo::undo_one;

/// A fault that has to be undone; undoes it when dropped.
#[derive(Debug)]
#[must_use = "dropping it heals the fault"]
pub struct Guard {
    setting: Setting,
    act: Box<dyn Act>,
    /// What was read when it was applied.
    applied: Vec<Outcome>,
    over: bool,
}

/// A fault that was undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healed {
    /// `Healed`, or `Failed` if something of it is still in effect.
    pub step: FaultStep,
    /// What went wrong, where something did.
    pub why: Option<String>,
    /// When the kernel acknowledged the last of it, in nanoseconds since the start of the run.
    pub at_ns: u64,
    /// What was seen of its effect before it was undone, with how far that proves it; empty where everything
    /// was known at the injection.
    pub observed: Vec<Evidence>,
    /// What was read back of each victim.
    pub victims: Vec<Evidence>,
}

impl Guard {
    pub(crate) fn new(setting: Setting, act: Box<dyn Act>) -> Self {
        Self { setting, act, applied: Vec::new(), over: false }
    }

    pub(crate) fn setting(&self) -> &Setting {
        &self.setting
    }

    /// Applies the fault and notes that it is applied.
    pub(crate) fn apply(&mut self) -> Result<Vec<Outcome>, ChaosError> {
        let outcomes = self.act.apply(&self.setting)?;
        self.applied.clone_from(&outcomes);
        self.setting.site.journal.append(&Record::Applied { fault: self.setting.fault.id.clone() })?;
        self.setting.reached(Step::Applied);
        Ok(outcomes)
    }

    /// Whether nobody will come to heal it: it has no length, or reached nobody.
    pub(crate) fn must_heal_at_once(&self, reached_nobody: bool) -> bool {
        self.act.lasts() && (reached_nobody || self.setting.fault.for_ns == 0)
    }

    pub(crate) fn lasts(&self) -> bool {
        self.act.lasts()
    }

    /// `None` for what acts once.
    pub(crate) fn if_it_lasts(mut self) -> Option<Self> {
        self.over = !self.act.lasts();
        (!self.over).then_some(self)
    }

    /// The fault's id in the plan.
    #[must_use]
    pub fn fault(&self) -> &str {
        &self.setting.fault.id
    }

    /// Reads what is to be seen of its effect, undoes the fault and reads back that it is undone. A victim that
    /// has died meanwhile needs no undoing.
    #[must_use]
    pub fn heal(mut self) -> Healed {
        self.undo()
    }

    fn undo(&mut self) -> Healed {
        self.over = true;
        let (observed, mut failed) = self.observe();
        self.setting.reached(Step::Observed);
        failed.extend(self.put_back());
        let victims = match self.act.healed(&self.setting) {
            Ok(outcomes) => self
                .setting
                .evidence(outcomes, |_, o| if o.is_undone() { Proof::Proven } else { Proof::Mismatch }),
            Err(e) => {
                failed.push(e.to_string());
                Vec::new()
            }
        };
        self.setting.reached(Step::Healed);
        failed.extend(victims.iter().filter(|v| v.proof != Proof::Proven).map(|v| {
            let found = v.readings.last().map_or("nothing read", |r| r.found.as_str());
            format!("process {} of {} is not undone: {found}", v.pid, v.subject)
        }));
        let step = if failed.is_empty() { FaultStep::Healed } else { FaultStep::Failed };
        // What could not be undone stays open, for the guardian.
        if step == FaultStep::Healed
            && let Err(e) = self.note()
        {
            failed.push(e.to_string());
        }
        let at_ns = victims.iter().flat_map(|v| &v.readings).map(|r| r.at_ns).max();
        Healed {
            step,
            why: (!failed.is_empty()).then(|| failed.join("; ")),
            at_ns: at_ns.unwrap_or_else(|| self.setting.now()),
            observed,
            victims,
        }
    }

    fn observe(&mut self) -> (Vec<Evidence>, Vec<String>) {
        let requires = self.setting.fault.requires;
        match self.act.observe(&self.setting) {
            Ok(Some(outcomes)) => {
                // Together with what was read when it was applied: one does not outweigh the other.
                let proof = |at: usize, now: &Outcome| {
                    let mut all = self.applied.get(at).cloned().unwrap_or_default();
                    all.seen.extend(now.seen.iter().cloned());
                    all.proof(requires)
                };
                (self.setting.evidence(outcomes, proof), Vec::new())
            }
            Ok(None) => (Vec::new(), Vec::new()),
            Err(e) => (Vec::new(), vec![e.to_string()]),
        }
    }

    /// Undoes what the journal says, as the guardian would; what cannot be undone does not keep the rest from
    /// it.
    fn put_back(&mut self) -> Vec<String> {
        self.act.stop();
        let mut failed = Vec::new();
        for undo in self.act.undo().iter().rev() {
            failed.extend(undo_one(undo).err());
            self.setting.reached(Step::HalfHealed);
        }
        failed
    }

    fn note(&self) -> Result<(), ChaosError> {
        let fault = self.setting.fault.id.clone();
        let record = Record::Undone { fault, by: By::Harness, failed: Vec::new() };
        self.setting.site.journal.append_synced(&record)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.over {
            self.undo();
        }
    }
}
