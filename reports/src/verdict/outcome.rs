//! The four words and their algebra.

use serde::{Deserialize, Serialize};

/// What may become of a gate, and of a run. Ordered: combining takes the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// It holds.
    #[serde(rename = "GO")]
    Go,
    /// It does not hold, but its second limit does.
    #[serde(rename = "CONDITIONAL")]
    Conditional,
    /// The evidence does not say.
    #[serde(rename = "INCONCLUSIVE")]
    Inconclusive,
    /// It does not hold.
    #[serde(rename = "NO-GO")]
    NoGo,
}

impl Outcome {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Go, Self::Conditional, Self::Inconclusive, Self::NoGo];

    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Go => "GO",
            Self::Conditional => "CONDITIONAL",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::NoGo => "NO-GO",
        }
    }

    /// The outcome of several together: the greatest; INCONCLUSIVE if there is none, since no data is never a
    /// pass.
    #[must_use]
    pub fn combine(outcomes: impl IntoIterator<Item = Self>) -> Self {
        outcomes.into_iter().max().unwrap_or(Self::Inconclusive)
    }

    /// The greatest, for what can only withhold a GO and says nothing by its absence.
    pub(super) fn worst_of(outcomes: impl IntoIterator<Item = Self>) -> Self {
        outcomes.into_iter().max().unwrap_or(Self::Go)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_to_combine_is_inconclusive() {
        assert_eq!(Outcome::combine([]), Outcome::Inconclusive);
    }

    fn some() -> impl Strategy<Value = Vec<Outcome>> {
        prop::collection::vec(prop::sample::select(Outcome::ALL.to_vec()), 1..6)
    }

    proptest! {
        /// In which order outcomes are combined, and how they are grouped, does not matter.
        #[test]
        fn order_and_grouping_do_not_matter(mut a in some(), b in some()) {
            let together = Outcome::combine(a.iter().chain(&b).copied());
            let grouped = [Outcome::combine(a.iter().copied()), Outcome::combine(b.iter().copied())];
            prop_assert_eq!(together, Outcome::combine(grouped));
            let forwards = Outcome::combine(a.iter().copied());
            a.reverse();
            prop_assert_eq!(forwards, Outcome::combine(a));
        }

        /// One more gate never makes a verdict better.
        #[test]
        fn another_gate_never_helps(a in some(), more in prop::sample::select(Outcome::ALL.to_vec())) {
            let before = Outcome::combine(a.iter().copied());
            prop_assert!(Outcome::combine(a.into_iter().chain([more])) >= before);
        }

        /// GO only if every single one is GO.
        #[test]
        fn go_takes_all(a in some()) {
            let all = a.iter().all(|o| *o == Outcome::Go);
            prop_assert_eq!(Outcome::combine(a) == Outcome::Go, all);
        }
    }
}
