//! Rules that a process in between applies to what passes through it: each with an end of its own and counters.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::clock::monotonic_ns;

/// What is done, under which name, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rule<A> {
    /// The fault's id.
    pub(crate) id: String,
    pub(crate) act: A,
    /// When it ends by itself (`CLOCK_MONOTONIC`).
    pub(crate) expires_ns: u64,
}

/// What a rule has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// What it applied to.
    pub(crate) considered: u64,
    /// What it changed.
    pub(crate) hit: u64,
}

/// A rule as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told<A> {
    pub(crate) rule: Rule<A>,
    pub(crate) counters: Counters,
    /// Whether it still acts.
    pub(crate) in_force: bool,
}

/// A rule with what it has to remember.
#[derive(Debug)]
pub(crate) struct Applied<A, S> {
    pub(crate) rule: Rule<A>,
    pub(crate) counters: Counters,
    pub(crate) chance: Chance,
    pub(crate) state: S,
}

/// All rules of one process. `S` is what it remembers with each.
#[derive(Debug)]
pub(crate) struct Rules<A, S = ()> {
    any: AtomicBool,
    applied: Mutex<Vec<Applied<A, S>>>,
}

impl<A: Clone, S: Default> Rules<A, S> {
    pub(crate) fn new() -> Self {
        Self { any: AtomicBool::new(false), applied: Mutex::new(Vec::new()) }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<Applied<A, S>>> {
        // Counters and rules are valid after any panic.
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a rule into force, in the place of one of the same name.
    pub(crate) fn set(&self, rule: Rule<A>) {
        let mut applied = self.locked();
        applied.retain(|a| a.rule.id != rule.id);
        let chance = Chance::named(&rule.id);
        applied.push(Applied { rule, counters: Counters::default(), chance, state: S::default() });
        self.any.store(true, Ordering::Release);
    }

    /// Ends a rule; one that is not there is ended already.
    pub(crate) fn clear(&self, id: &str) {
        let mut applied = self.locked();
        applied.retain(|a| a.rule.id != id);
        self.any.store(!applied.is_empty(), Ordering::Release);
    }

    pub(crate) fn told(&self) -> Vec<Told<A>> {
        let now = monotonic_ns();
        let told = |a: &Applied<A, S>| Told {
            rule: a.rule.clone(),
            counters: a.counters,
            in_force: a.rule.expires_ns > now,
        };
        self.locked().iter().map(told).collect()
    }

    /// Runs `f` on each rule in force, oldest first.
    pub(crate) fn each(&self, mut f: impl FnMut(&mut Applied<A, S>, u64)) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let now = monotonic_ns();
        self.locked().iter_mut().filter(|a| a.rule.expires_ns > now).for_each(|a| f(a, now));
    }
}

/// Chance that comes out the same for the same name (SplitMix64).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn named(name: &str) -> Self {
        // FNV-1a.
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// True so often out of a million.
    pub(crate) fn hits(&mut self, per_million: u32) -> bool {
        self.next() % 1_000_000 < u64::from(per_million)
    }

    /// Evenly from 0 to this, both included.
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        match most.checked_add(1) {
            Some(choices) => self.next() % choices,
            None => self.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &str, expires_ns: u64) -> Rule<u8> {
        Rule { id: id.into(), act: 7, expires_ns }
    }

    fn acting(rules: &Rules<u8>) -> Vec<String> {
        let mut ids = Vec::new();
        rules.each(|a, _| ids.push(a.rule.id.clone()));
        ids
    }

    #[test]
    fn a_rule_acts_from_its_setting_to_its_end_and_is_told_with_its_counters() {
        let rules = Rules::<u8>::new();
        rules.set(rule("long", u64::MAX));
        rules.set(rule("over", 1));
        assert_eq!(acting(&rules), ["long"]);
        rules.each(|a, _| a.counters.hit += 2);
        let told: Vec<_> =
            rules.told().into_iter().map(|t| (t.rule.id, t.counters.hit, t.in_force)).collect();
        assert_eq!(told, [("long".to_owned(), 2, true), ("over".to_owned(), 0, false)]);
        rules.clear("long");
        rules.clear("long");
        assert_eq!(acting(&rules), [""; 0]);
    }

    #[test]
    fn a_rule_of_the_same_name_takes_the_place_of_the_other() {
        let rules = Rules::<u8>::new();
        rules.set(rule("one", u64::MAX));
        rules.each(|a, _| a.counters.hit += 1);
        rules.set(Rule { act: 8, ..rule("one", u64::MAX) });
        let told = rules.told();
        assert_eq!((told.len(), told[0].rule.act, told[0].counters.hit), (1, 8, 0));
    }

    #[test]
    fn chance_hits_about_as_often_as_asked_and_the_same_for_the_same_name() {
        let hits = |name, per_million| {
            let mut chance = Chance::named(name);
            (0..100_000).filter(|_| chance.hits(per_million)).count()
        };
        assert_eq!((hits("a", 0), hits("a", 1_000_000)), (0, 100_000));
        assert!((29_000..31_000).contains(&hits("a", 300_000)));
        assert_eq!(hits("a", 50_000), hits("a", 50_000));
        let mut chance = Chance::named("b");
        assert!((0..1000).all(|_| chance.up_to(3) <= 3));
    }
}
