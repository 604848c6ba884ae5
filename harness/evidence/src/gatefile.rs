//! A gate file as data: what several runs and outside facts must show together before a decision is GO.
//!
//! Its syntax belongs to the crate that reads files, its judgement to the one that decides.

use crate::gate::{Gate, Limit};
use crate::unit::Unit;

/// A gate over several runs.
#[derive(Debug, Clone, PartialEq)]
pub struct GateFile {
    /// Its name.
    pub name: String,
    /// Which question it decides, in its author's words.
    pub why: String,
    /// How its outcomes are called.
    pub words: Words,
    /// Whether a criterion either holds or does not, with nothing in between.
    pub strict: bool,
    /// The confidence from which on a GO needs nobody's approval, from 0 to 1.
    pub approve: f64,
    /// The rules that the file as a whole stands for, word for word.
    pub cites: Vec<String>,
    /// What follows from the decision.
    pub then: Then,
    /// Ways out where the decision is NO-GO.
    pub pivots: Vec<String>,
    /// What must hold, each by its own id.
    pub criteria: Vec<Criterion>,
}

/// How outcomes are called. INCONCLUSIVE is always called so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// GO, CONDITIONAL, NO-GO.
    GoConditional,
    /// GO, PIVOT, NO-GO.
    GoPivot,
    /// PASS, CONDITIONAL PASS, FAIL.
    PassFail,
}

/// What follows from each outcome, where the file says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Then {
    /// After GO.
    pub go: Option<String>,
    /// After CONDITIONAL.
    pub conditional: Option<String>,
    /// After NO-GO.
    pub no_go: Option<String>,
}

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    /// Unique within the file.
    pub id: String,
    /// What is asked, in words.
    pub what: String,
    /// The requirements that it stands for, word for word.
    pub cites: Vec<String>,
    /// What is looked at.
    pub ask: Ask,
    /// Whether its failure makes the decision conditional only.
    pub minor: bool,
    /// The prescribed response to its failure.
    pub if_failed: Option<String>,
    /// The prescribed response where it is met conditionally.
    pub if_conditional: Option<String>,
}

/// What a criterion looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// A number of runs.
    Metric {
        /// The metric with its limits. With `baseline`, the limits are shares of the baseline's number.
        gate: Gate,
        /// The share of the target from which on it is met conditionally, where the second limit came of one.
        band: Option<f64>,
        /// Whether the number is compared with the same number of the baseline.
        baseline: bool,
        /// On which runs.
        runs: Runs,
    },
    /// The verdicts of runs by the gates of their own scenarios.
    Verdict {
        /// Whether CONDITIONAL is enough.
        conditional_is_enough: bool,
        /// On which runs.
        runs: Runs,
    },
    /// In how many environments other criteria hold.
    Environments {
        /// The ids of these criteria; all are numbers of runs, or their verdicts.
        hold: Vec<String>,
        /// How many are asked for.
        go: Limit,
        /// How many are enough conditionally.
        conditional: Option<Limit>,
    },
    /// Something that no run can show.
    Fact {
        /// Its name.
        name: String,
        /// What it must be.
        go: Expected,
        /// What is enough conditionally.
        conditional: Option<Expected>,
    },
    /// An earlier decision.
    Decision {
        /// The name of its gate.
        gate: String,
    },
}

/// Which runs, how many of them, and which decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs {
    /// Names of scenarios, in which `*` stands for any letters; any scenario where empty.
    pub scenarios: Vec<String>,
    /// The fewest agents.
    pub agents: Option<u32>,
    /// The shortest planned load, in nanoseconds.
    pub lasting_ns: Option<u64>,
    /// Labels of environments; any where empty.
    pub environments: Vec<String>,
    /// The fewest runs.
    pub least: u32,
    /// Whether the best run decides. Otherwise it must hold on each.
    pub best: bool,
}

/// What a fact must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// A number within a limit.
    Number {
        /// The limit.
        limit: Limit,
        /// Its unit.
        unit: Unit,
    },
    /// A word, or any but this word.
    Word {
        /// Whether the word is the one that is wanted.
        is: bool,
        /// The word.
        word: String,
    },
}

/// What a facts file says: facts with their sources, and in which environments runs were made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The facts, each name once.
    pub facts: Vec<Fact>,
    /// What is known of runs beyond their evidence.
    pub runs: Vec<Label>,
}

/// Something known from elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Its name, such as `coverage.unit`.
    pub name: String,
    /// What it is.
    pub value: Amount,
    /// Who or what says so.
    pub source: String,
    /// Since when, as `2026-11-24`.
    pub date: String,
}

/// The value of a fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Amount {
    /// A number.
    Number {
        /// In base units.
        value: f64,
        /// Its unit.
        unit: Unit,
    },
    /// A word: `yes`, `GO`.
    Word(String),
}

/// What is known of a run beyond its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Ids of runs, in which `*` stands for any letters.
    pub run: String,
    /// The environment in which it was made, such as `docker`.
    pub environment: Option<String>,
    /// Whether it is what others are compared with.
    pub baseline: bool,
}

/// Whether a text fits a pattern in which `*` stands for any letters, none included.
#[must_use]
pub fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters() {
        for (pattern, text, good) in [
            ("load-100", "load-100", true),
            ("load-100", "load-1000", false),
            ("*1h-100", "soak-1h-100", true),
            ("*1h-100", "1h-100", true),
            ("load-*", "load-", true),
            ("load-*", "soak-load-1", false),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "ac", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(pattern, text), good, "{pattern} {text}");
        }
    }
}
