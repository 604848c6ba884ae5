//! What a fault acts on, and where.

use evidence::event::{Level, Proof, Reading, Subject, Victim as Evidence};
use scenarios::plan;

use super::{Held, Outcome};
use crate::Site;
use crate::site::Step;

/// One fault with its victims taken hold of.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) site: Site,
    pub(crate) fault: plan::Fault,
    /// The agents that it is done to and that were there; empty where it is done to a part of the run.
    pub(crate) held: Vec<Held>,
    /// The parts of the run that it is done to: `host memory`, `bus directory`; empty where it is done to
    /// agents.
    pub(crate) parts: Vec<String>,
}

impl Setting {
    /// Nanoseconds since the start of the run.
    pub(crate) fn now(&self) -> u64 {
        self.site.clock.now()
    }

    /// Whether everything is done but the act itself.
    pub(crate) fn pretend(&self) -> bool {
        self.fault.pretend
    }

    /// Tells whoever watches the steps that this one is reached.
    pub(crate) fn reached(&self, step: Step) {
        self.site.reached(step);
    }

    /// A reading of now.
    pub(crate) fn reading(
        &self,
        level: Level,
        source: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Reading {
        let (source, expected, found) = (source.to_owned(), expected.into(), found.into());
        Reading { at_ns: self.now(), level, source, expected, found }
    }

    /// The evidence on each victim that was held, or each part, of these outcomes in their order. How far each
    /// is proven is for `proof` to say, given its place.
    pub(crate) fn evidence(
        &self,
        outcomes: Vec<Outcome>,
        proof: impl Fn(usize, &Outcome) -> Proof,
    ) -> Vec<Evidence> {
        let agents = self.held.iter().map(|h| h.victim.evidence(Proof::Unproven, Vec::new()));
        let parts = self.parts.iter().map(|part| Evidence {
            subject: Subject::Part { part: part.clone() },
            pid: 0,
            proof: Proof::Unproven,
            readings: Vec::new(),
        });
        let told = |(at, (evidence, outcome)): (usize, (Evidence, Outcome))| Evidence {
            proof: proof(at, &outcome),
            readings: outcome.into_readings(),
            ..evidence
        };
        agents.chain(parts).zip(outcomes).enumerate().map(told).collect()
    }
}
