//! `--set dotted.key=value`: changes a tree before it is read.

use std::sync::Arc;

use crate::problem::{Place, Problem};
use crate::tree::{At, Entry, Kind, Node};
use crate::yaml;

/// Applies the changes in order. A key that is not there is added, and refused by the reader if it is unknown.
pub(crate) fn apply(root: &mut Node, set: &[(String, String)], problems: &mut Vec<Problem>) {
    for (path, value) in set {
        let place = Place::Flag(Arc::from(format!("--set {path}={value}")));
        let value = match value_of(value, &place) {
            Ok(value) => value,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        if let Err(problem) = put(root, path, value, &place) {
            problems.push(problem);
        }
    }
}

/// The value, which may be a whole list or table as YAML writes it in one line.
fn value_of(text: &str, place: &Place) -> Result<Node, Problem> {
    let scalar =
        |text: &str| Node { place: place.clone(), kind: Kind::Scalar { text: text.to_owned(), plain: true } };
    if !text.starts_with(['{', '[', '"', '\'']) {
        return Ok(scalar(text));
    }
    match yaml::parse(text, &crate::format::tables::SCENARIO) {
        (Some(mut node), problems) if problems.is_empty() => {
            node.move_to(place);
            Ok(node)
        }
        (_, problems) => {
            let what = problems.into_iter().next().map_or_else(String::new, |p| p.what);
            Err(Problem::new(place, what).help("quote it for the shell: --set 'key={a: 1}'"))
        }
    }
}

fn put(root: &mut Node, path: &str, value: Node, place: &Place) -> Result<(), Problem> {
    let mut at = root;
    for part in path.split('.') {
        at = step(at, part, place)?;
    }
    *at = value;
    Ok(())
}

/// The child with this key or index.
fn step<'n>(node: &'n mut Node, part: &str, place: &Place) -> Result<&'n mut Node, Problem> {
    let described = node.described();
    match &mut node.kind {
        Kind::List(items) => {
            let count = items.len();
            part.parse::<usize>().ok().and_then(|index| items.get_mut(index)).ok_or_else(|| {
                Problem::new(place, format!("\"{part}\" is no item of the list"))
                    .help(format!("it has {count}, counted from 0"))
            })
        }
        Kind::Map(entries) => {
            let found = entries.iter().position(|e| e.key.value == part);
            let index = found.unwrap_or_else(|| {
                let key = At { value: part.to_owned(), place: place.clone() };
                let value = Node { place: place.clone(), kind: Kind::Map(Vec::new()) };
                entries.push(Entry { key, value });
                entries.len() - 1
            });
            Ok(&mut entries[index].value)
        }
        Kind::Scalar { .. } | Kind::Broken => {
            Err(Problem::new(place, format!("\"{part}\" is looked for in {described}, which has no keys"))
                .help("give the dots between the names of nested keys: phases.hold=30s"))
        }
    }
}
