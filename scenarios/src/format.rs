//! The file format as data: every key with what it takes, its default and its meaning.
//!
//! The reader, the JSON Schema and the reference page are all made from [`tables`]; nothing else knows keys.

pub(crate) mod gatefile;
pub(crate) mod scalar;
pub(crate) mod tables;

use crate::quantity;

/// A table of keys.
#[derive(Debug)]
pub(crate) struct Table {
    /// What it is called in the schema and the reference.
    pub(crate) title: &'static str,
    /// What it is for, in one sentence.
    pub(crate) help: &'static str,
    /// Its keys.
    pub(crate) fields: &'static [Field],
    /// Groups of keys that exclude each other.
    pub(crate) choices: &'static [Choice],
}

/// A group of keys of which at most one may be there.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) keys: &'static [&'static str],
    /// Whether one of them must be there.
    pub(crate) required: bool,
}

/// A key.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) key: &'static str,
    pub(crate) value: Value,
    pub(crate) presence: Presence,
    /// What it means, in one sentence.
    pub(crate) help: &'static str,
}

/// Whether a key must be there.
#[derive(Debug)]
pub(crate) enum Presence {
    Required,
    /// Without it, this value holds.
    Default(&'static str),
    /// Without it, what this sentence says.
    Otherwise(&'static str),
    /// Without it, nothing.
    Optional,
}

/// What a key takes.
#[derive(Debug)]
pub(crate) enum Value {
    Scalar(Scalar),
    Table(&'static Table),
    List(&'static Value),
    Either(&'static [Value]),
    /// A table of anything, passed on unread.
    Json,
}

/// A single value. Limits are in base units and inclusive.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scalar {
    /// Lower-case letters, digits and dashes.
    Name,
    /// Any text that is not empty.
    Text,
    /// One of these.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    Count {
        least: u64,
        most: u64,
    },
    /// Nanoseconds.
    Duration {
        least: u64,
        most: u64,
    },
    /// Bytes.
    Size {
        least: u64,
        most: u64,
    },
    /// A part of a whole, in millionths.
    Share {
        least: u64,
        most: u64,
    },
    /// Nanoseconds, forward or back, up to so many either way.
    Offset {
        most: u64,
    },
    /// Per second, above 0 or from 0 on, up to a million.
    Rate {
        zero: bool,
    },
    /// `metric op value [during phase]`.
    Gate,
    /// `op value`.
    Limit,
    /// `metric op value [for duration]`.
    Alert,
    /// Hours and minutes: `09:00`.
    TimeOfDay,
}

impl Table {
    pub(crate) fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.key == key)
    }

    /// The default of a key as a duration, in nanoseconds.
    pub(crate) fn default_duration(&self, key: &str) -> u64 {
        quantity::duration(self.default(key)).expect("a default in a table is well formed, a test reads each")
    }

    /// The default of a key as a size, in bytes.
    pub(crate) fn default_size(&self, key: &str) -> u64 {
        quantity::size(self.default(key)).expect("a default in a table is well formed, a test reads each")
    }

    /// The default of a key as a share, in millionths.
    pub(crate) fn default_share(&self, key: &str) -> u64 {
        quantity::millionths(self.default(key))
            .expect("a default in a table is well formed, a test reads each")
    }

    /// The default of a key as a word.
    pub(crate) fn default_word(&self, key: &str) -> &'static str {
        self.default(key)
    }

    /// The default of a key as a count.
    pub(crate) fn default_count(&self, key: &str) -> u64 {
        quantity::count(self.default(key)).expect("a default in a table is well formed, a test reads each")
    }

    fn default(&self, key: &str) -> &'static str {
        let Some(text) = self.try_default(key) else {
            unreachable!("`{key}` has no default in the table `{}`", self.title)
        };
        text
    }

    /// The default of a key, where it has one.
    pub(crate) fn try_default(&self, key: &str) -> Option<&'static str> {
        match self.field(key).map(|f| &f.presence) {
            Some(Presence::Default(text)) => Some(text),
            _ => None,
        }
    }
}

/// Every table of a scenario, the outermost first, each once.
pub(crate) fn all() -> Vec<&'static Table> {
    below(&tables::SCENARIO)
}

/// This table and all that it leads to, each once.
pub(crate) fn below(outermost: &'static Table) -> Vec<&'static Table> {
    let mut found: Vec<&'static Table> = vec![outermost];
    let mut next = 0;
    while let Some(table) = found.get(next).copied() {
        for field in table.fields {
            collect(&field.value, &mut found);
        }
        next += 1;
    }
    found
}

fn collect(value: &'static Value, found: &mut Vec<&'static Table>) {
    match value {
        Value::Scalar(_) | Value::Json => {}
        Value::Table(table) => {
            if !found.iter().any(|t| t.title == table.title) {
                found.push(table);
            }
        }
        Value::List(of) => collect(of, found),
        Value::Either(values) => values.iter().for_each(|value| collect(value, found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_format() -> impl Iterator<Item = &'static Table> {
        [&tables::SCENARIO, &gatefile::GATE_FILE, &gatefile::FACTS_FILE].into_iter().flat_map(below)
    }

    #[test]
    fn every_default_is_a_value_that_its_key_takes() {
        for table in every_format() {
            for field in table.fields {
                let Presence::Default(text) = field.presence else { continue };
                let Value::Scalar(scalar) = field.value else {
                    continue;
                };
                let fits = |range: (u64, u64), read: u64| (range.0..=range.1).contains(&read);
                let good = match scalar {
                    Scalar::Count { least, most } => fits((least, most), table.default_count(field.key)),
                    Scalar::Duration { least, most } => {
                        fits((least, most), table.default_duration(field.key))
                    }
                    Scalar::Size { least, most } => fits((least, most), table.default_size(field.key)),
                    Scalar::Share { least, most } => fits((least, most), table.default_share(field.key)),
                    Scalar::Word(words) => words.contains(&text),
                    Scalar::Flag => ["true", "false"].contains(&text),
                    _ => true,
                };
                assert!(good, "{}.{}: {text}", table.title, field.key);
            }
        }
    }

    #[test]
    fn every_choice_is_among_keys_of_its_table() {
        for table in every_format() {
            for key in table.choices.iter().flat_map(|c| c.keys) {
                assert!(table.field(key).is_some(), "{}.{key}", table.title);
            }
        }
    }
}
