//! YAML text into a tree, within a budget, with every problem that does not end the reading.
//!
//! The events come from the parser of `serde-saphyr`; its `serde` side stops at the first error and so cannot
//! report all of them.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{self, Event, Marker, Parser, ScalarStyle, Tag};

use crate::format::{Presence, Table};
use crate::problem::{Place, Problem};
use crate::tree::{At, Entry, Kind, Node};

/// The most nodes of a document, aliases counted as what they stand for.
const MOST_NODES: usize = 20_000;

/// The deepest nesting.
const MOST_DEPTH: usize = 32;

/// Reads one document, which is to hold this table. Without a tree there is at least one problem.
pub(crate) fn parse(text: &str, of: &Table) -> (Option<Node>, Vec<Problem>) {
    let mut builder = Builder { noun: of.title, ..Builder::default() };
    let options = granit_parser::options! { emit_comments: false, emit_unresolved_aliases: true };
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Err(error) => {
                let place = place(*error.marker());
                builder.problems.push(Problem::new(&place, format!("this is not YAML: {}", error.info())));
                return (None, builder.problems);
            }
            Ok((event, span)) => {
                if let Err(problem) = builder.take(event, place(span.start)) {
                    builder.problems.push(problem);
                    return (None, builder.problems);
                }
            }
        }
    }
    if builder.root.is_none() {
        builder.problems.push(
            Problem::new(&Place::File, format!("holds no {}: it is empty", of.title)).help(shortest(of)),
        );
    }
    (builder.root, builder.problems)
}

/// The keys without which there is no such document, in words.
fn shortest(of: &Table) -> String {
    let required = of.fields.iter().filter(|f| matches!(f.presence, Presence::Required));
    match &required.map(|f| f.key).collect::<Vec<_>>()[..] {
        [] => format!("keys here: {}", of.fields.iter().map(|f| f.key).collect::<Vec<_>>().join(", ")),
        [one] => format!("the shortest has the key {one}"),
        [head @ .., last] => format!("the shortest has the keys {} and {last}", head.join(", ")),
    }
}

fn place(mark: Marker) -> Place {
    Place::Text { line: mark.line(), column: mark.col() + 1 }
}

/// A list or map whose end has not come yet.
struct Open {
    node: Node,
    anchor: usize,
    /// In a map, the key whose value comes next.
    key: Option<At<String>>,
}

#[derive(Default)]
struct Builder {
    /// What the document is called in messages.
    noun: &'static str,
    root: Option<Node>,
    open: Vec<Open>,
    /// Anchored nodes; `None` for one whose end has not come yet.
    anchors: HashMap<usize, Option<Node>>,
    nodes: usize,
    problems: Vec<Problem>,
}

impl Builder {
    /// Takes one event; an error ends the reading.
    fn take(&mut self, event: Event<'_>, at: Place) -> Result<(), Problem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &at);
                let plain = style == ScalarStyle::Plain;
                // The parser says `~` for a value that is not there at all.
                let text = if plain && text == "~" { String::new() } else { text.into_owned() };
                let kind = Kind::Scalar { text, plain };
                self.finish(Node { place: at, kind }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &at);
                self.begin(Node { place: at, kind: Kind::List(Vec::new()) }, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &at);
                self.begin(Node { place: at, kind: Kind::Map(Vec::new()) }, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.finish(open.node, open.anchor),
                None => Ok(()),
            },
            Event::Alias(id) => self.alias(id, at),
            Event::UnresolvedAlias(name) => {
                self.problems
                    .push(Problem::new(&at, format!("nothing is anchored as \"{name}\"")).help(format!(
                        "write &{name} before the value that *{name} should repeat, above it"
                    )));
                self.finish(Node { place: at, kind: Kind::Broken }, 0)
            }
            Event::DocumentStart(..) if self.root.is_some() => Err(Problem::new(
                &at,
                "a second document begins here",
            )
            .help(format!("a file holds one {}; put the other one into a file of its own", self.noun))),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        if self.open.len() >= MOST_DEPTH {
            return Err(too_deep(&node.place, self.noun));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open { node, anchor, key: None });
        Ok(())
    }

    fn alias(&mut self, id: usize, at: Place) -> Result<(), Problem> {
        let Some(Some(anchored)) = self.anchors.get(&id) else {
            return Err(Problem::new(&at, "this alias stands inside the value that it repeats")
                .help("such a value would never end; write it out"));
        };
        let mut node = anchored.clone();
        if self.open.len() + node.depth() > MOST_DEPTH {
            return Err(too_deep(&at, self.noun));
        }
        self.nodes += node.size() - 1;
        node.place = at;
        self.finish(node, 0)
    }

    /// A node is complete: it belongs to what is open, or it is the document.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(Problem::new(&node.place, format!("the document has more than {MOST_NODES} values"))
                .help(format!(
                    "aliases count as what they repeat; a {} has a few hundred values",
                    self.noun
                )));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, Some(node.clone()));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut open.node.kind, open.key.take()) {
            (Kind::List(items), _) => items.push(node),
            (Kind::Map(entries), Some(key)) => push(entries, Entry { key, value: node }, &mut self.problems),
            (Kind::Map(_), None) => open.key = Some(key(node, &mut self.problems)),
            (Kind::Scalar { .. } | Kind::Broken, _) => {}
        }
        Ok(())
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, at: &Place) {
        if tag.is_some() {
            self.problems.push(
                Problem::new(at, "a tag stands here")
                    .help(format!("{}s have no tags; remove the word with the !", self.noun)),
            );
        }
    }
}

fn too_deep(at: &Place, noun: &str) -> Problem {
    Problem::new(at, format!("this is nested deeper than {MOST_DEPTH} levels"))
        .help(format!("a {noun} needs seven; look for a bracket or an indentation too much"))
}

/// The key that a node is; an empty one has left a problem.
fn key(node: Node, problems: &mut Vec<Problem>) -> At<String> {
    let described = node.described();
    let value = match node.kind {
        Kind::Scalar { text, .. } => text,
        Kind::List(_) | Kind::Map(_) | Kind::Broken => String::new(),
    };
    if value.is_empty() {
        problems.push(Problem::new(&node.place, format!("a key is {described}")).help("a key is a word"));
    }
    At { value, place: node.place }
}

/// Adds an entry, unless its key was there before: then the first one stays.
fn push(entries: &mut Vec<Entry>, entry: Entry, problems: &mut Vec<Problem>) {
    if entry.key.value.is_empty() {
        return;
    }
    match entries.iter().find(|e| e.key.value == entry.key.value) {
        None => entries.push(entry),
        Some(first) => {
            let mut problem =
                Problem::new(&entry.key.place, format!("the key \"{}\" stands here twice", entry.key.value));
            if let Place::Text { line, .. } = first.key.place {
                problem = problem.help(format!("it is in line {line} already; keep one of them"));
            }
            problems.push(problem);
        }
    }
}
