//! Clean twins: one run for all defects that are planted under the same load.

use std::collections::BTreeMap;
use std::path::PathBuf;

use scenarios::plan::Plan;

/// The twins that were carried out, by what identifies their load.
#[derive(Debug, Default)]
pub(super) struct Twins(BTreeMap<String, PathBuf>);

impl Twins {
    /// The run of a twin with this plan, if there is one.
    pub(super) fn of(&self, plan: &Plan) -> Option<&PathBuf> {
        self.0.get(&load(plan))
    }

    /// A twin was carried out.
    pub(super) fn keep(&mut self, plan: &Plan, run: PathBuf) {
        self.0.insert(load(plan), run);
    }
}

/// The fingerprint of what is done, whatever it is called and however it is judged.
fn load(plan: &Plan) -> String {
    let nameless = Plan { scenario: String::new(), why: String::new(), gates: Vec::new(), ..plan.clone() };
    nameless.fingerprint()
}
