//! What was read back of a fault, and what it proves.

use evidence::event::{FaultStep, Level, Proof, Reading, Victim as Evidence};

/// One reading, and whether it is what had to be there.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) reading: Reading,
    /// `None` if it says nothing either way.
    pub(crate) fits: Option<bool>,
}

/// What became of the attempt on one victim.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// Whether the victim was not there any more when it was to be acted on.
    pub(crate) gone: bool,
    /// When the kernel was given it, if it took it, in nanoseconds since the start of the run.
    pub(crate) sent_ns: Option<u64>,
    /// What was read, in this order.
    pub(crate) seen: Vec<Seen>,
}

impl Outcome {
    /// Nothing read yet of what the kernel was given at this time.
    pub(crate) fn sent(at_ns: u64) -> Self {
        Self { sent_ns: Some(at_ns), ..Self::default() }
    }

    /// A victim that was not there any more.
    pub(crate) fn gone(reading: Reading) -> Self {
        Self { gone: true, sent_ns: None, seen: vec![Seen { reading, fits: Some(false) }] }
    }

    /// Adds a reading that fits or does not.
    pub(crate) fn see(&mut self, reading: Reading, fits: bool) -> &mut Self {
        self.seen.push(Seen { reading, fits: Some(fits) });
        self
    }

    /// Adds a reading that says nothing either way: what was asked for could not be read, or is no evidence.
    pub(crate) fn note(&mut self, reading: Reading) -> &mut Self {
        self.seen.push(Seen { reading, fits: None });
        self
    }

    /// When it was first read back that it acts.
    pub(crate) fn acknowledged_ns(&self) -> Option<u64> {
        let of_the_kernel = |s: &&Seen| s.reading.level > Level::E0 && s.fits == Some(true);
        self.seen.iter().find(of_the_kernel).map(|s| s.reading.at_ns)
    }

    /// How far this proves a fault that requires so much: anything read that does not fit is a mismatch, and
    /// without a reading of that level there is no proof.
    pub(crate) fn proof(&self, requires: Level) -> Proof {
        if self.gone {
            return Proof::Skipped;
        }
        let contradicts = |s: &Seen| s.reading.level > Level::E0 && s.fits == Some(false);
        let proves = |s: &Seen| s.reading.level >= requires && s.fits == Some(true);
        if self.seen.iter().any(contradicts) {
            Proof::Mismatch
        } else if self.seen.iter().any(proves) {
            Proof::Proven
        } else {
            Proof::Unproven
        }
    }

    /// Whether it is undone: nothing read says otherwise, and something says so.
    pub(crate) fn is_undone(&self) -> bool {
        self.proof(Level::E0) == Proof::Proven
    }

    pub(crate) fn into_readings(self) -> Vec<Reading> {
        self.seen.into_iter().map(|s| s.reading).collect()
    }
}

/// What a fault is called that came to this for its victims, and why, unless it was applied to all.
pub(crate) fn judge(victims: &[Evidence], any_acknowledged: bool) -> (FaultStep, Option<String>) {
    let count = |proof| victims.iter().filter(|v| v.proof == proof).count();
    let (all, skipped) = (victims.len(), count(Proof::Skipped));
    if skipped == all {
        let why = if all == 0 { "nobody was chosen" } else { "every victim was dead already" };
        return (FaultStep::Skipped, Some(why.to_owned()));
    }
    let step = if any_acknowledged { FaultStep::Injected } else { FaultStep::Failed };
    let parts = [
        (skipped, "dead already"),
        (count(Proof::Mismatch), "read back as something else"),
        (count(Proof::Unproven), "not proven"),
    ];
    let words: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} of {all} victims {what}"))
        .collect();
    (step, (!words.is_empty()).then(|| words.join(", ")))
}

#[cfg(test)]
mod tests {
    use evidence::role::Role;

    use super::*;
    use crate::fault::Victim;

    fn victims(proofs: &[Proof]) -> Vec<Evidence> {
        let victim = Victim { agent: 1, role: Role::Worker, pid: 2, starttime: 3 };
        proofs.iter().map(|proof| victim.evidence(*proof, Vec::new())).collect()
    }

    #[test]
    fn a_fault_is_called_by_what_became_of_its_victims() {
        use Proof::{Mismatch, Proven, Skipped, Unproven};
        let cases: [(&[Proof], bool, FaultStep, Option<&str>); 6] = [
            (&[Proven, Proven], true, FaultStep::Injected, None),
            (&[Proven, Skipped], true, FaultStep::Injected, Some("1 of 2 victims dead already")),
            (&[Skipped, Skipped], false, FaultStep::Skipped, Some("every victim was dead already")),
            (&[], false, FaultStep::Skipped, Some("nobody was chosen")),
            (&[Unproven], false, FaultStep::Failed, Some("1 of 1 victims not proven")),
            (
                &[Mismatch, Proven],
                true,
                FaultStep::Injected,
                Some("1 of 2 victims read back as something else"),
            ),
        ];
        for (proofs, acknowledged, step, why) in cases {
            assert_eq!(judge(&victims(proofs), acknowledged), (step, why.map(str::to_owned)), "{proofs:?}");
        }
    }

    fn outcome(of: &[(Level, Option<bool>)]) -> Outcome {
        let seen = of.iter().map(|(level, fits)| {
            let (source, expected, found) = (String::new(), String::new(), String::new());
            Seen { reading: Reading { at_ns: 7, level: *level, source, expected, found }, fits: *fits }
        });
        Outcome { seen: seen.collect(), ..Outcome::default() }
    }

    #[test]
    fn only_a_fitting_reading_of_the_required_level_proves() {
        use Level::{E0, E1, E2};
        type Read<'a> = &'a [(Level, Option<bool>)];
        let cases: [(Read<'_>, Level, Proof); 7] = [
            (&[], E1, Proof::Unproven),
            (&[(E0, Some(true))], E1, Proof::Unproven),
            (&[(E1, Some(true))], E1, Proof::Proven),
            (&[(E1, Some(true))], E2, Proof::Unproven),
            (&[(E1, Some(true)), (E2, Some(true))], E2, Proof::Proven),
            (&[(E1, Some(true)), (E2, Some(false))], E2, Proof::Mismatch),
            (&[(E1, Some(true)), (E2, None)], E2, Proof::Unproven),
        ];
        for (seen, requires, proof) in cases {
            assert_eq!(outcome(seen).proof(requires), proof, "{seen:?}, {requires:?}");
        }
    }

    #[test]
    fn what_was_only_called_is_not_acknowledged() {
        assert_eq!(outcome(&[(Level::E0, Some(true))]).acknowledged_ns(), None);
        assert_eq!(outcome(&[(Level::E1, Some(false))]).acknowledged_ns(), None);
        assert_eq!(outcome(&[(Level::E0, Some(true)), (Level::E1, Some(true))]).acknowledged_ns(), Some(7));
    }
}
