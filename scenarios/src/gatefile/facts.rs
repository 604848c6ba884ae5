//! A facts file.

use std::collections::HashSet;

use evidence::gatefile::{Amount, Fact, Facts, Label};

use super::expected::amount;
use super::trouble;
use crate::format::Scalar;
use crate::format::gatefile::{FACT, FACTS_FILE, LABEL};
use crate::problem::Problem;
use crate::reader::{Fields, Reader};
use crate::tree::{At, Node};

pub(super) fn facts_file(root: &Node, reader: &mut Reader) -> Option<Facts> {
    let fields = reader.table(root, &FACTS_FILE, "")?;
    let facts = items(&fields, reader, "facts", fact);
    let mut seen = HashSet::new();
    for fact in facts.iter().flatten() {
        if !seen.insert(&fact.value.name) {
            let what = format!("the fact \"{}\" stands here twice", fact.value.name);
            reader.problem(Problem::new(&fact.place, what).help("keep one of them"));
        }
    }
    let facts: Option<Vec<_>> = facts.into_iter().map(|fact| Some(fact?.value)).collect();
    let runs: Option<Vec<_>> = items(&fields, reader, "runs", label).into_iter().collect();
    Some(Facts { facts: facts?, runs: runs? })
}

fn items<T>(
    fields: &Fields<'_>,
    reader: &mut Reader,
    key: &str,
    read: fn(&Node, &str, &mut Reader) -> Option<T>,
) -> Vec<Option<T>> {
    let items = fields.get(key).and_then(|_| fields.list(reader, key)).unwrap_or_default();
    items.iter().map(|(path, item)| read(item, path, reader)).collect()
}

fn fact(node: &Node, path: &str, reader: &mut Reader) -> Option<At<Fact>> {
    let fields = reader.table(node, &FACT, path)?;
    let name = fields.text(reader, "fact");
    let source = fields.text(reader, "source");
    let date = fields.text(reader, "date");
    if let Some(date) = date.as_ref().filter(|date| !is_date(&date.value)) {
        let what = format!("{} is \"{}\"", fields.path("date"), crate::tree::shortened(&date.value));
        reader.problem(Problem::new(&date.place, what).help("it takes a day such as 2026-11-24"));
    }
    let value = fields.get("value").and_then(|node| value(node, &fields.path("value"), reader));
    let value = Fact { name: name?.value, value: value?, source: source?.value, date: date?.value };
    Some(At { value, place: node.place.clone() })
}

fn value(node: &Node, path: &str, reader: &mut Reader) -> Option<Amount> {
    let text = reader.text(node, path, Scalar::Text)?;
    match amount(text) {
        Ok(amount) => Some(amount),
        Err(why) => {
            reader.problem(trouble(format!("{path} is {}", node.described()), why, &node.place));
            None
        }
    }
}

fn label(node: &Node, path: &str, reader: &mut Reader) -> Option<Label> {
    let fields = reader.table(node, &LABEL, path)?;
    let run = fields.text(reader, "run");
    let environment = fields.get("environment").map(|_| fields.name(reader, "environment"));
    let baseline = fields.get("baseline").map(|_| fields.flag(reader, "baseline"));
    let environment = match environment {
        Some(name) => Some(name?.value),
        None => None,
    };
    Some(Label { run: run?.value, environment, baseline: baseline.unwrap_or(Some(false))? })
}

/// A day of the calendar, year first.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    if !(digits(year, 4) && digits(month, 2) && digits(day, 2)) {
        return false;
    }
    let (Ok(year), Ok(month), Ok(day)) = (year.parse::<u32>(), month.parse::<u32>(), day.parse::<u32>())
    else {
        return false;
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=last).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_of_the_calendar_are_dates() {
        for (text, good) in [
            ("2026-11-24", true),
            ("2028-02-29", true),
            ("2026-02-29", false),
            ("2026-13-01", false),
            ("2026-00-10", false),
            ("24.11.2026", false),
            ("2026-1-1", false),
            ("yesterday", false),
        ] {
            assert_eq!(is_date(text), good, "{text}");
        }
    }
}
