//! Gate files and facts files become values: the same reader, the same care, every problem at once.

mod criterion;
mod expected;
mod facts;
mod page;

use std::collections::BTreeMap;
use std::path::Path;

use evidence::gatefile::{Ask, Facts, GateFile, Then, Words};

use crate::format::gatefile::{FACTS_FILE, GATE_FILE, THEN, WORDS};
use crate::format::{Scalar, Table};
use crate::problem::{Problem, Problems};
use crate::quantity;
use crate::reader::{Fields, Reader};
use crate::tree::{Kind, Node};
use crate::{text, yaml};
pub use page::reference;

/// Reads a gate file, and nothing else.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn read(path: &Path) -> Result<GateFile, Problems> {
    of_file(path, &GATE_FILE, gate_file)
}

/// The same for the text of a gate file; `name` is what problems call it.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn parse(text: &str, name: &str) -> Result<GateFile, Problems> {
    of_text(text, name, &GATE_FILE, gate_file)
}

/// Reads a facts file, YAML or JSON, and nothing else.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn read_facts(path: &Path) -> Result<Facts, Problems> {
    of_file(path, &FACTS_FILE, facts::facts_file)
}

/// The same for the text of a facts file.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn parse_facts(text: &str, name: &str) -> Result<Facts, Problems> {
    of_text(text, name, &FACTS_FILE, facts::facts_file)
}

type Whole<T> = fn(&Node, &mut Reader) -> Option<T>;

fn of_file<T>(path: &Path, table: &'static Table, whole: Whole<T>) -> Result<T, Problems> {
    let name = path.display().to_string();
    match text::of_file(path) {
        Ok(text) => of_text(&text, &name, table, whole),
        Err(problem) => Err(Problems::new(table.title, &name, vec![problem])),
    }
}

fn of_text<T>(text: &str, name: &str, table: &'static Table, whole: Whole<T>) -> Result<T, Problems> {
    let mut reader = Reader::default();
    let (root, problems) = yaml::parse(text, table);
    reader.problems = problems;
    match root.and_then(|root| whole(&root, &mut reader)) {
        Some(read) if reader.problems.is_empty() => Ok(read),
        _ => Err(Problems::new(table.title, name, reader.problems)),
    }
}

fn gate_file(root: &Node, reader: &mut Reader) -> Option<GateFile> {
    let fields = reader.table(root, &GATE_FILE, "")?;
    let name = fields.name(reader, "name");
    let why = fields.text(reader, "why");
    let words = fields.word(reader, "words").map_or(WORDS[0], |word| word.value);
    let strict = fields.word(reader, "rule").map(|rule| rule.value == "strict");
    let approve = share(&fields, reader, "approve");
    let cites = one_or_more(&fields, reader, "cites");
    let then = then(&fields, reader);
    let pivots = one_or_more(&fields, reader, "pivots");
    let criteria = criteria(&fields, strict.unwrap_or(false), reader);
    Some(GateFile {
        name: name?.value,
        why: why?.value.trim().to_owned(),
        words: match words {
            "GO/PIVOT/NO-GO" => Words::GoPivot,
            "PASS/CONDITIONAL PASS/FAIL" => Words::PassFail,
            _ => Words::GoConditional,
        },
        strict: strict?,
        approve: approve.unwrap_or_else(|| millionths(GATE_FILE.default_share("approve"))),
        cites: cites.unwrap_or_default(),
        then: then.unwrap_or_default(),
        pivots: pivots.unwrap_or_default(),
        criteria: criteria?,
    })
}

fn then(fields: &Fields<'_>, reader: &mut Reader) -> Option<Then> {
    let fields = fields.table(reader, "then", &THEN)?;
    let mut text = |key| fields.text(reader, key).map(|text| text.value.trim().to_owned());
    Some(Then { go: text("go"), conditional: text("conditional"), no_go: text("no_go") })
}

fn criteria(
    fields: &Fields<'_>,
    strict: bool,
    reader: &mut Reader,
) -> Option<Vec<evidence::gatefile::Criterion>> {
    let items = fields.list(reader, "criteria")?;
    let read: Vec<_> = items.iter().map(|(path, item)| criterion::read(item, path, strict, reader)).collect();
    let mut seen = BTreeMap::new();
    for ((_, item), criterion) in items.iter().zip(&read) {
        let Some(criterion) = criterion else { continue };
        let on_runs = matches!(criterion.ask, Ask::Metric { .. } | Ask::Verdict { .. });
        if seen.insert(criterion.id.clone(), on_runs).is_some() {
            let what = format!("two criteria have the id \"{}\"", criterion.id);
            reader.problem(Problem::new(&item.place, what).help("give one of them another id"));
        }
    }
    let whole = read.iter().all(Option::is_some);
    for ((_, item), criterion) in items.iter().zip(&read) {
        let Some(Ask::Environments { hold, .. }) = criterion.as_ref().map(|c| &c.ask) else { continue };
        // With a criterion that could not be read, a missing id may be that one's.
        let wrong = hold.iter().filter(|id| seen.get(*id).map_or(whole, |on_runs| !on_runs));
        for id in wrong.collect::<Vec<_>>() {
            let what = format!("environments.hold names \"{id}\", which is no criterion on runs");
            let help = "it takes the ids of criteria with metric or verdict in this file";
            reader.problem(Problem::new(&item.place, what).help(help));
        }
    }
    read.into_iter().collect()
}

/// A text, or a list of texts.
fn one_or_more(fields: &Fields<'_>, reader: &mut Reader, key: &str) -> Option<Vec<String>> {
    let node = fields.get(key)?;
    if matches!(node.kind, Kind::List(_)) {
        return fields.texts(reader, key);
    }
    reader.text(node, &fields.path(key), Scalar::Text).map(|text| vec![text.to_owned()])
}

/// A share of one.
fn share(fields: &Fields<'_>, reader: &mut Reader, key: &str) -> Option<f64> {
    let read = fields.number(reader, key)?;
    Some(millionths(read.value))
}

#[expect(clippy::cast_precision_loss, reason = "a share is far below 2^53 millionths")]
fn millionths(value: u64) -> f64 {
    value as f64 / 1e6
}

/// Refuses a key that has no meaning beside what the criterion asks.
fn refuse(fields: &Fields<'_>, keys: &[&str], why: &str, reader: &mut Reader) {
    for key in keys {
        if let Some(place) = fields.place_of(key) {
            let what = format!("{} has no meaning here", fields.path(key));
            reader.problem(Problem::new(place, what).help(why));
        }
    }
}

/// What a quantity's reader said, as a problem.
fn trouble(what: String, trouble: quantity::Trouble, place: &crate::problem::Place) -> Problem {
    Problem::new(place, format!("{what}, which {}", trouble.what)).help(trouble.help)
}
