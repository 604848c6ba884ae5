//! What is wrong with a file, where, and what to do about it.

use std::fmt;
use std::sync::Arc;

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A line and a column of it, both from 1; columns count characters.
    Text {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// A flag of the command line, as it was given: `--set phases.hold=30s`.
    Flag(Arc<str>),
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What was found, in one line.
    pub what: String,
    /// Why that cannot be, and what to do; a line each.
    pub help: Vec<String>,
}

impl Problem {
    pub(crate) fn new(place: &Place, what: impl Into<String>) -> Self {
        Self { place: place.clone(), what: what.into(), help: Vec::new() }
    }

    pub(crate) fn help(mut self, line: impl Into<String>) -> Self {
        self.help.push(line.into());
        self
    }
}

/// Everything that is wrong with one file, in the order in which it stands there; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// What the file should have been: a scenario, a gate file, a facts file.
    pub noun: &'static str,
    /// The file.
    pub file: String,
    /// The problems.
    pub all: Vec<Problem>,
}

impl Problems {
    pub(crate) fn new(noun: &'static str, file: &str, mut all: Vec<Problem>) -> Self {
        all.sort();
        all.dedup();
        Self { noun, file: file.to_owned(), all }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = match self.all.len() {
            1 => "1 problem".to_owned(),
            n => format!("{n} problems"),
        };
        write!(f, "error: {} is not a valid {}: {count}", self.file, self.noun)?;
        for problem in &self.all {
            match &problem.place {
                Place::File => write!(f, "\n  {}", self.file)?,
                Place::Text { line, column } => write!(f, "\n  {}:{line}:{column}", self.file)?,
                Place::Flag(flag) => write!(f, "\n  {flag}")?,
            }
            write!(f, "   {}", problem.what)?;
            for line in &problem.help {
                write!(f, "\n    {line}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
