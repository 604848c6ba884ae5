//! A scenario file becomes a plan: reading, checking, planning. No clock, no network, no process.
//!
//! [`read`] takes a file to [`Loaded`]: the [`Scenario`] (what its author wrote), the [`plan::Plan`] (every
//! choice made) and the text; or to [`Problems`], all of them at once, each with its place. The same file, seed
//! and environment give the same bytes of plan.
//!
//! The format stands as data in `format/tables.rs`; the reader, [`schema`] and [`reference()`] are made from it.
//! The way of a file: `yaml` → `substitution` and `overrides` → `scenario` → `check` → `planning`.

mod check;
pub mod cost;
mod format;
pub mod gatefile;
mod nearest;
mod overrides;
pub mod plan;
mod planning;
mod problem;
mod quantity;
mod reader;
mod reference;
mod rehearsal;
pub mod retention;
mod scenario;
mod schema;
mod substitution;
mod text;
pub mod timeline;
mod tree;
mod twin;
mod yaml;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use plan::Plan;
pub use problem::{Place, Problem, Problems};
use reader::Reader;
pub use reference::reference;
pub use scenario::Scenario;
pub use schema::{facts_file_schema, gate_file_schema, schema};

/// What a scenario is called in messages.
const NOUN: &str = format::tables::SCENARIO.title;

/// What changes how a scenario is read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The seed, instead of the scenario's.
    pub seed: Option<u64>,
    /// Values to change, as dotted key and value: `("phases.hold", "30s")`. Items of a list are counted from 0.
    pub set: Vec<(String, String)>,
    /// The time into which the whole timeline is compressed.
    pub rehearse: Option<Duration>,
    /// Whether planted defects are left out: the clean twin of a control.
    pub twin: bool,
    /// What `${NAME}` stands for.
    pub env: BTreeMap<String, String>,
}

/// A valid scenario.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What its author wrote.
    pub scenario: Scenario,
    /// What will happen.
    pub plan: Plan,
    /// The file, as it was.
    pub text: String,
}

/// Reads a scenario file and makes its plan. Reads nothing but this file.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn read(path: &Path, options: &Options) -> Result<Loaded, Problems> {
    let name = path.display().to_string();
    match text::of_file(path) {
        Ok(text) => parse(&text, &name, options),
        Err(problem) => Err(Problems::new(NOUN, &name, vec![problem])),
    }
}

/// The same for the text of a scenario; `name` is what problems call it.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn parse(text: &str, name: &str, options: &Options) -> Result<Loaded, Problems> {
    let mut reader = Reader::default();
    match load(text, options, &mut reader) {
        Some((scenario, plan)) if reader.problems.is_empty() => {
            Ok(Loaded { scenario, plan, text: text.to_owned() })
        }
        _ => {
            debug_assert!(!reader.problems.is_empty(), "a part is missing and has left no problem");
            Err(Problems::new(NOUN, name, reader.problems))
        }
    }
}

fn load(text: &str, options: &Options, reader: &mut Reader) -> Option<(Scenario, Plan)> {
    let (root, problems) = yaml::parse(text, &format::tables::SCENARIO);
    reader.problems = problems;
    let mut root = root?;
    overrides::apply(&mut root, &options.set, &mut reader.problems);
    substitution::apply(&mut root, &options.env, &mut reader.problems);
    if options.twin {
        twin::clean(&mut root);
    }
    let mut parts = scenario::Parts::read(&root, reader)?;
    let written = parts.phases.as_ref().map(|phases| phases.lengths());
    let mut gates = check::all(&parts, reader);
    check::reach(&parts, reader);
    let mut factor = None;
    if let Some(wanted) = options.rehearse
        && reader.problems.is_empty()
    {
        factor = rehearsal::compress(&mut parts, wanted, reader);
        gates = check::all(&parts, reader);
    }
    if !reader.problems.is_empty() {
        return None;
    }
    let scenario = parts.whole()?;
    let mut plan = planning::plan(&scenario, gates, options.seed, factor);
    if let Some(written) = written.filter(|_| factor.is_some()) {
        rehearsal::fit_rounds(&mut plan, written, reader);
    }
    Some((scenario, plan))
}

/// A duration as scenario files have them: `8h`, `90s`, `1h30m`.
///
/// # Errors
/// What is wrong with it and what to write.
pub fn duration(text: &str) -> Result<Duration, String> {
    quantity::duration(text)
        .map(Duration::from_nanos)
        .map_err(|trouble| format!("\"{text}\" {}; {}", trouble.what, trouble.help))
}
