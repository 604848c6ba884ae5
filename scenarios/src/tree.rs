//! A document as values that know where they stand.

use serde_json::{Map, Number, Value};

use crate::problem::Place;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// One node of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text. What it means is decided by whoever reads it; `plain` is one without quotes.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// It could not be read and has left a problem: whoever meets it says nothing more.
    Broken,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: At<String>,
    pub(crate) value: Node,
}

impl Node {
    /// What it is, in words.
    pub(crate) fn described(&self) -> String {
        match &self.kind {
            Kind::Scalar { text, plain: true } if text.is_empty() => "empty".to_owned(),
            Kind::Scalar { text, .. } => format!("\"{}\"", shortened(text)),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a table of keys".to_owned(),
            Kind::Broken => "unreadable".to_owned(),
        }
    }

    /// How many nodes it has, itself included.
    pub(crate) fn size(&self) -> usize {
        1 + self.children().map(Node::size).sum::<usize>()
    }

    /// How deep it is; 1 for a scalar.
    pub(crate) fn depth(&self) -> usize {
        1 + self.children().map(Node::depth).max().unwrap_or(0)
    }

    /// Every node in it is said to stand here.
    pub(crate) fn move_to(&mut self, place: &Place) {
        self.place = place.clone();
        match &mut self.kind {
            Kind::Scalar { .. } | Kind::Broken => {}
            Kind::List(items) => items.iter_mut().for_each(|item| item.move_to(place)),
            Kind::Map(entries) => entries.iter_mut().for_each(|entry| {
                entry.key.place = place.clone();
                entry.value.move_to(place);
            }),
        }
    }

    fn children(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        match &self.kind {
            Kind::Scalar { .. } | Kind::Broken => Box::new(std::iter::empty()),
            Kind::List(items) => Box::new(items.iter()),
            Kind::Map(entries) => Box::new(entries.iter().map(|e| &e.value)),
        }
    }

    /// The same as JSON, scalars by the core schema of YAML 1.2, keys in alphabetical order.
    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Scalar { text, plain: true } => plain_to_json(text),
            Kind::Scalar { text, plain: false } => Value::String(text.clone()),
            Kind::Broken => Value::Null,
            Kind::List(items) => items.iter().map(Self::to_json).collect(),
            Kind::Map(entries) => sorted(entries.iter().map(|e| (e.key.value.clone(), e.value.to_json()))),
        }
    }
}

/// A JSON object with its keys in alphabetical order, whichever map `serde_json` was built with: a plan's
/// bytes must not depend on it.
pub(crate) fn sorted(entries: impl Iterator<Item = (String, Value)>) -> Value {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Value::Object(entries.into_iter().collect::<Map<_, _>>())
}

fn plain_to_json(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    if let Ok(whole) = text.parse::<u64>() {
        return whole.into();
    }
    // `inf` and `nan` are numbers to Rust and texts to YAML.
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    match text.parse::<f64>().ok().filter(|_| numeric).and_then(Number::from_f64) {
        Some(number) => Value::Number(number),
        None => Value::String(text.to_owned()),
    }
}

/// A text that fits into a message: its first line, at most 60 characters of it.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let short: String = line.chars().take(60).map(|c| if c.is_control() { '·' } else { c }).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
