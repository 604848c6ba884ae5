//! Whether a fault is proven: every victim, with the evidence that the plan required, and undone where it had
//! to be.

use evidence::event::{FaultStep, Proof, Victim};
use evidence::manifest::PlannedFault;

use super::Story;

/// How far, and why not further.
pub(super) fn of(planned: &PlannedFault, story: &Story<'_>) -> (Proof, Option<String>) {
    let Some((_, victims)) = story.injected else {
        let (proof, what) = match story.trouble {
            Some((FaultStep::Skipped, _)) => (Proof::Skipped, "it was skipped"),
            Some(_) => (Proof::Unproven, "it could not be applied"),
            None => (Proof::Unproven, "it was never applied"),
        };
        let why = story.trouble.and_then(|(_, why)| why);
        return (proof, Some(why.map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"))));
    };
    if let Some(trouble) = injection(planned, story.observed.unwrap_or(victims)) {
        return trouble;
    }
    if planned.for_ns > 0 {
        match story.healed {
            None => return (Proof::Unproven, Some("that it was undone was not read back".to_owned())),
            Some((_, victims)) => {
                if let Some(v) = victims.iter().find(|v| matches!(v.proof, Proof::Mismatch | Proof::Unproven))
                {
                    return (v.proof, Some(format!("undone, but {} is {}", v.subject, name(v.proof))));
                }
            }
        }
    }
    (Proof::Proven, None)
}

fn injection(planned: &PlannedFault, victims: &[Victim]) -> Option<(Proof, Option<String>)> {
    for proof in [Proof::Mismatch, Proof::Unproven, Proof::Skipped] {
        let such: Vec<&Victim> = victims.iter().filter(|v| v.proof == proof).collect();
        if let Some(first) = such.first() {
            let why = format!(
                "{} of {} victims {}, such as {}",
                such.len(),
                victims.len(),
                name(proof),
                first.subject
            );
            return Some((proof, Some(why)));
        }
    }
    let weak = |v: &&Victim| !v.readings.iter().any(|r| r.level >= planned.requires);
    if let Some(victim) = victims.iter().find(weak) {
        let why = format!("no reading of {} is as strong as {:?}", victim.subject, planned.requires);
        return Some((Proof::Unproven, Some(why)));
    }
    let found = victims.len();
    (found < planned.count as usize)
        .then(|| (Proof::Unproven, Some(format!("{found} of {} planned victims were hit", planned.count))))
}

/// The word for it in reports.
pub(crate) fn name(proof: Proof) -> &'static str {
    match proof {
        Proof::Proven => "proven",
        Proof::Mismatch => "mismatch",
        Proof::Skipped => "skipped",
        Proof::Unproven => "unproven",
    }
}
