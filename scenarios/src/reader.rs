//! Reads a tree by the tables of the format and collects everything that is wrong on the way.

use crate::format::{Choice, Presence, Scalar, Table, Value};
use crate::nearest::nearest;
use crate::problem::{Place, Problem};
use crate::quantity::{self, Trouble};
use crate::tree::{At, Entry, Kind, Node};

/// The most keys that are named in the first line of a problem.
const MOST_NAMED: usize = 6;

/// Collects problems. Whatever could be read is returned, the rest is `None` and has left a problem.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) problems: Vec<Problem>,
}

/// The keys of one table in the document.
pub(crate) struct Fields<'n> {
    table: &'static Table,
    /// How the table is called in messages and by `--set`: `faults.0.kill`; empty for the document itself.
    path: String,
    /// Where it stands.
    pub(crate) place: Place,
    entries: &'n [Entry],
}

impl Reader {
    pub(crate) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Opens a table: its unknown, missing and contradicting keys are problems.
    pub(crate) fn table<'n>(
        &mut self,
        node: &'n Node,
        table: &'static Table,
        path: &str,
    ) -> Option<Fields<'n>> {
        let Kind::Map(entries) = &node.kind else {
            if node.kind == Kind::Broken {
                return None;
            }
            let keys: Vec<_> = table.fields.iter().map(|f| f.key).collect();
            self.problem(
                Problem::new(
                    &node.place,
                    format!("{} is {}, but it takes keys", named(path, table), node.described()),
                )
                .help(format!("keys here: {}", keys.join(", "))),
            );
            return None;
        };
        let fields = Fields { table, path: path.to_owned(), place: node.place.clone(), entries };
        fields.refuse_unknown(self);
        fields.require(self);
        table.choices.iter().for_each(|choice| fields.choose(choice, self));
        Some(fields)
    }

    /// The text of a single value.
    pub(crate) fn text<'n>(&mut self, node: &'n Node, path: &str, scalar: Scalar) -> Option<&'n str> {
        match &node.kind {
            Kind::Scalar { text, .. } if !text.trim().is_empty() => Some(text),
            Kind::Broken => None,
            _ => {
                let takes = format!("it takes {}", scalar.takes());
                self.problem(
                    Problem::new(&node.place, format!("{path} is {}", node.described())).help(takes),
                );
                None
            }
        }
    }

    /// A whole number of base units, within the limits of its kind.
    pub(crate) fn number(&mut self, node: &Node, path: &str, scalar: Scalar) -> Option<u64> {
        let text = self.text(node, path, scalar)?;
        let (read, least, most) = match scalar {
            Scalar::Count { least, most } => (quantity::count(text), least, most),
            Scalar::Duration { least, most } => (quantity::duration(text), least, most),
            Scalar::Size { least, most } => (quantity::size(text), least, most),
            Scalar::Share { least, most } => (quantity::millionths(text), least, most),
            _ => unreachable!("{path} is no number"),
        };
        let value = self.quantity(node, path, read)?;
        let limit = match value {
            v if v < least => format!("the least is {}", scalar.written(least)),
            v if v > most => format!("the most is {}", scalar.written(most)),
            _ => return Some(value),
        };
        self.problem(Problem::new(&node.place, format!("{path} is {}", node.described())).help(limit));
        None
    }

    /// What a quantity's own reader said.
    pub(crate) fn quantity<T>(&mut self, node: &Node, path: &str, read: Result<T, Trouble>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(trouble) => {
                let what = format!("{path} is {}, which {}", node.described(), trouble.what);
                self.problem(Problem::new(&node.place, what).help(trouble.help));
                None
            }
        }
    }

    /// One of a few words.
    pub(crate) fn word(
        &mut self,
        node: &Node,
        path: &str,
        words: &'static [&'static str],
    ) -> Option<&'static str> {
        let text = self.text(node, path, Scalar::Word(words))?;
        let found = words.iter().find(|w| **w == text);
        if found.is_none() {
            let problem = Problem::new(&node.place, format!("{path} is {}", node.described()));
            self.problem(match nearest(text, words.iter().copied()) {
                Some(word) => problem.help(format!("did you mean \"{word}\"?")),
                None => problem.help(format!("it takes {}", Scalar::Word(words).takes())),
            });
        }
        found.copied()
    }
}

/// A table's path, or what the document itself is called.
fn named(path: &str, table: &Table) -> String {
    if path.is_empty() { format!("the {}", table.title) } else { path.to_owned() }
}

impl<'n> Fields<'n> {
    /// The value of a key, where it is there.
    pub(crate) fn get(&self, key: &str) -> Option<&'n Node> {
        debug_assert!(self.table.field(key).is_some(), "`{key}` is not in the table `{}`", self.table.title);
        self.entries.iter().find(|e| e.key.value == key).map(|e| &e.value)
    }

    /// Where a key stands, where it is there.
    pub(crate) fn place_of(&self, key: &str) -> Option<&Place> {
        self.entries.iter().find(|e| e.key.value == key).map(|e| &e.key.place)
    }

    /// How a key is called in messages.
    pub(crate) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn scalar(&self, key: &str) -> Scalar {
        match self.table.field(key).map(|f| &f.value) {
            Some(Value::Scalar(scalar) | Value::List(Value::Scalar(scalar))) => *scalar,
            _ => unreachable!("`{key}` is no single value of `{}`", self.table.title),
        }
    }

    /// A count, a duration in nanoseconds, or a size in bytes: whichever the table says.
    pub(crate) fn number(&self, reader: &mut Reader, key: &str) -> Option<At<u64>> {
        let node = self.get(key)?;
        let value = reader.number(node, &self.path(key), self.scalar(key))?;
        Some(At { value, place: node.place.clone() })
    }

    /// A duration in whole base units of this many nanoseconds.
    pub(crate) fn whole(&self, reader: &mut Reader, key: &str, unit: (u64, &str)) -> Option<At<u64>> {
        let read = self.number(reader, key)?;
        if read.value.is_multiple_of(unit.0) {
            return Some(At { value: read.value / unit.0, place: read.place });
        }
        let what = format!("{} is finer than {}", self.path(key), unit.1);
        reader.problem(Problem::new(&read.place, what).help(format!("write a whole number of {}s", unit.1)));
        None
    }

    /// A time to shift by, in nanoseconds.
    pub(crate) fn offset(&self, reader: &mut Reader, key: &str) -> Option<At<i64>> {
        let node = self.get(key)?;
        let (path, scalar) = (self.path(key), self.scalar(key));
        let text = reader.text(node, &path, scalar)?;
        let value = reader.quantity(node, &path, quantity::offset(text))?;
        let Scalar::Offset { most } = scalar else { unreachable!("{path} is no offset") };
        if value.unsigned_abs() <= most && value != 0 {
            return Some(At { value, place: node.place.clone() });
        }
        let help = if value == 0 {
            "it must be other than 0s".to_owned()
        } else {
            format!("the most is {} either way", scalar.written(most))
        };
        reader.problem(Problem::new(&node.place, format!("{path} is {}", node.described())).help(help));
        None
    }

    /// A count, or `None` where the one word stands that the key takes beside it.
    pub(crate) fn count_or_word(&self, reader: &mut Reader, key: &str) -> Option<At<Option<u64>>> {
        let node = self.get(key)?;
        let path = self.path(key);
        let Some(Value::Either([Value::Scalar(count), Value::Scalar(Scalar::Word([word]))])) =
            self.table.field(key).map(|f| &f.value)
        else {
            unreachable!("`{key}` is no count or word")
        };
        let text = reader.text(node, &path, *count)?;
        let place = node.place.clone();
        if text == *word {
            return Some(At { value: None, place });
        }
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            let problem = Problem::new(&place, format!("{path} is {}", node.described()));
            reader.problem(problem.help(format!("it takes {} or {word}", count.takes())));
            return None;
        }
        Some(At { value: Some(reader.number(node, &path, *count)?), place })
    }

    /// A list of counts.
    pub(crate) fn numbers(&self, reader: &mut Reader, key: &str) -> Option<Vec<At<u64>>> {
        let scalar = self.scalar(key);
        let items = self.list(reader, key)?;
        let read = items.iter().map(|(path, item)| {
            reader.number(item, path, scalar).map(|value| At { value, place: item.place.clone() })
        });
        read.collect::<Vec<_>>().into_iter().collect()
    }

    /// A list of words, each once.
    pub(crate) fn words(&self, reader: &mut Reader, key: &str) -> Option<Vec<&'static str>> {
        let Scalar::Word(words) = self.scalar(key) else { unreachable!("`{key}` is no list of words") };
        let items = self.list(reader, key)?;
        let read: Vec<_> = items.iter().map(|(path, item)| reader.word(item, path, words)).collect();
        read.into_iter().collect()
    }

    /// A rate per second.
    pub(crate) fn rate(&self, reader: &mut Reader, key: &str) -> Option<f64> {
        let node = self.get(key)?;
        let (path, scalar) = (self.path(key), self.scalar(key));
        let text = reader.text(node, &path, scalar)?;
        let rate = reader.quantity(node, &path, quantity::rate(text))?;
        let positive = matches!(scalar, Scalar::Rate { zero: true }) || rate > 0.0;
        if positive && rate <= 1e6 {
            return Some(rate);
        }
        let help = if positive { "the most is 1000000/s" } else { "it must be above 0" };
        reader.problem(Problem::new(&node.place, format!("{path} is {}", node.described())).help(help));
        None
    }

    pub(crate) fn text(&self, reader: &mut Reader, key: &str) -> Option<At<String>> {
        let node = self.get(key)?;
        let text = reader.text(node, &self.path(key), self.scalar(key))?;
        Some(At { value: text.to_owned(), place: node.place.clone() })
    }

    /// A name: lower-case letters, digits and dashes.
    pub(crate) fn name(&self, reader: &mut Reader, key: &str) -> Option<At<String>> {
        let name = self.text(reader, key)?;
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.value.chars().all(good) && !name.value.starts_with('-') && name.value.len() <= 80 {
            return Some(name);
        }
        let what = format!("{} is \"{}\"", self.path(key), crate::tree::shortened(&name.value));
        reader.problem(
            Problem::new(&name.place, what)
                .help("it takes lower-case letters, digits and dashes, at most 80"),
        );
        None
    }

    pub(crate) fn word(&self, reader: &mut Reader, key: &str) -> Option<At<&'static str>> {
        let node = self.get(key)?;
        let Scalar::Word(words) = self.scalar(key) else { unreachable!("`{key}` is no word") };
        let value = reader.word(node, &self.path(key), words)?;
        Some(At { value, place: node.place.clone() })
    }

    pub(crate) fn flag(&self, reader: &mut Reader, key: &str) -> Option<bool> {
        let node = self.get(key)?;
        reader.word(node, &self.path(key), &["true", "false"]).map(|word| word == "true")
    }

    /// What a key takes.
    pub(crate) fn takes(&self, key: &str) -> &'static Value {
        match self.table.field(key) {
            Some(field) => &field.value,
            None => unreachable!("`{key}` is not in the table `{}`", self.table.title),
        }
    }

    /// The table that a key takes.
    pub(crate) fn table_of(&self, key: &str) -> &'static Table {
        match self.table.field(key).map(|f| &f.value) {
            Some(Value::Table(table)) => table,
            _ => unreachable!("`{key}` is no table of `{}`", self.table.title),
        }
    }

    /// A table below this one.
    pub(crate) fn table(&self, reader: &mut Reader, key: &str, table: &'static Table) -> Option<Fields<'n>> {
        reader.table(self.get(key)?, table, &self.path(key))
    }

    /// The items of a list, each with how it is called in messages. An empty list is a problem.
    pub(crate) fn list(&self, reader: &mut Reader, key: &str) -> Option<Vec<(String, &'n Node)>> {
        let node = self.get(key)?;
        let path = self.path(key);
        match &node.kind {
            Kind::List(items) if !items.is_empty() => {
                Some(items.iter().enumerate().map(|(i, item)| (format!("{path}.{i}"), item)).collect())
            }
            Kind::List(_) => {
                reader.problem(Problem::new(&node.place, format!("{path} is an empty list")));
                None
            }
            Kind::Broken => None,
            _ => {
                let what = format!("{path} is {}, but it takes a list", node.described());
                reader.problem(
                    Problem::new(&node.place, what)
                        .help("write its items one below the other, each after \"- \""),
                );
                None
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self, reader: &mut Reader, key: &str) -> Option<Vec<String>> {
        let items = self.list(reader, key)?;
        let read: Vec<_> = items
            .iter()
            .map(|(path, item)| reader.text(item, path, Scalar::Text).map(str::to_owned))
            .collect();
        read.into_iter().collect()
    }

    fn refuse_unknown(&self, reader: &mut Reader) {
        for entry in self.entries {
            let key = &entry.key.value;
            if self.table.field(key).is_some() {
                continue;
            }
            let keys: Vec<_> = self.table.fields.iter().map(|f| f.key).collect();
            let problem = Problem::new(
                &entry.key.place,
                format!("unknown key \"{key}\" in {}", named(&self.path, self.table)),
            );
            reader.problem(match nearest(key, keys.iter().copied()) {
                Some(meant) => problem.help(format!("did you mean \"{meant}\"?")),
                None => problem.help(format!("keys here: {}", keys.join(", "))),
            });
        }
    }

    fn require(&self, reader: &mut Reader) {
        let required = self.table.fields.iter().filter(|f| matches!(f.presence, Presence::Required));
        for field in required.filter(|f| self.get(f.key).is_none()) {
            let what = format!("{} has no \"{}\"", named(&self.path, self.table), field.key);
            reader.problem(Problem::new(&self.place, what).help(field.help));
        }
    }

    fn choose(&self, choice: &Choice, reader: &mut Reader) {
        let there: Vec<_> = choice.keys.iter().filter(|key| self.get(key).is_some()).collect();
        let whole = named(&self.path, self.table);
        if let [first, second, ..] = there[..] {
            let place = self.place_of(second).unwrap_or(&self.place);
            let what = format!("{whole} has both \"{first}\" and \"{second}\"");
            reader.problem(Problem::new(place, what).help("keep one of them"));
        } else if there.is_empty() && choice.required {
            let keys: Vec<_> = choice.keys.iter().map(|key| format!("\"{key}\"")).collect();
            let (what, help) = if keys.len() > MOST_NAMED {
                let help = format!("it needs one of {}", choice.keys.join(", "));
                (format!("{whole} has none of the keys of which it needs one"), help)
            } else {
                (format!("{whole} has none of {}", keys.join(", ")), "it needs one of them".to_owned())
            };
            reader.problem(Problem::new(&self.place, what).help(help));
        }
    }
}
