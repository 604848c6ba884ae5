//! What a fact is, and what it must be: a number with its unit, or a word.

use evidence::gate::{Limit, Op};
use evidence::gatefile::{Amount, Ask, Expected};
use evidence::unit::Unit;

use super::criterion::{band, go, second};
use super::trouble;
use crate::check::gates::is_looser;
use crate::problem::Problem;
use crate::quantity::{self, Trouble};
use crate::reader::{Fields, Reader};
use crate::scenario::gates::{Comparison, comparison, part};
use crate::tree::At;

/// The value of a fact: its unit says what it is. `true` and `false` are `yes` and `no`.
pub(super) fn amount(text: &str) -> Result<Amount, Trouble> {
    let text = text.trim();
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(Amount::Word(match text {
            "true" => "yes".to_owned(),
            "false" => "no".to_owned(),
            word => word.to_owned(),
        }));
    }
    let unit = unit(text);
    quantity::of_unit(unit, text).map(|value| Amount::Number { value, unit })
}

/// The unit that a number is written in. What has none that is known is a plain number, and its reader says so.
fn unit(text: &str) -> Unit {
    let behind = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim();
    match behind.rsplit_once('/') {
        Some((amount, time)) => match (amount.trim(), time.trim()) {
            ("", "s") => Unit::PerSecond,
            ("", _) => Unit::PerHour,
            ("%", _) => Unit::RatioPerHour,
            _ => Unit::BytesPerHour,
        },
        None if behind == "%" => Unit::Ratio,
        None if behind.ends_with('B') => Unit::Bytes,
        None if behind.is_empty() => Unit::Count,
        None => Unit::Seconds,
    }
}

pub(super) fn fact(fields: &Fields<'_>, reader: &mut Reader) -> Option<Ask> {
    let name = fields.text(reader, "fact");
    let asked = go(fields, reader, comparison).and_then(|at| expected(&at, reader));
    let band = band(fields, reader);
    let written = part(fields, reader, "conditional", comparison);
    if fields.get("conditional").is_some() && written.is_none() {
        return None;
    }
    let conditional = match (&written, &band, &asked) {
        (Some(at), ..) => {
            let conditional = expected(at, reader)?;
            if !asked.as_ref().is_none_or(|go| is_more(&conditional, go)) {
                let problem = Problem::new(&at.place, "this can never be conditional");
                reader.problem(problem.help("it must have the same unit and allow more than go"));
                return None;
            }
            Some(conditional)
        }
        (None, Some(band), Some(Expected::Number { limit, unit })) => {
            let limit = second(*limit, band.value, &band.place, reader)?;
            Some(Expected::Number { limit, unit: *unit })
        }
        (None, Some(band), Some(Expected::Word { .. })) => {
            let problem = Problem::new(&band.place, "a word has no band");
            reader.problem(problem.help("a band is a share of a number"));
            return None;
        }
        _ => None,
    };
    Some(Ask::Fact { name: name?.value, go: asked?, conditional })
}

fn expected(at: &At<Comparison>, reader: &mut Reader) -> Option<Expected> {
    let op = at.value.op;
    match amount(&at.value.value) {
        Ok(Amount::Number { value, unit }) => Some(Expected::Number { limit: Limit { op, value }, unit }),
        Ok(Amount::Word(word)) if matches!(op, Op::Equal | Op::NotEqual) => {
            Some(Expected::Word { is: op == Op::Equal, word })
        }
        Ok(Amount::Word(word)) => {
            let what = format!("\"{}\" compares the word \"{word}\" by size", at.value);
            reader.problem(Problem::new(&at.place, what).help("words are compared with == or !="));
            None
        }
        Err(why) => {
            reader.problem(trouble(format!("\"{}\"", at.value), why, &at.place));
            None
        }
    }
}

fn is_more(conditional: &Expected, go: &Expected) -> bool {
    match (conditional, go) {
        (Expected::Number { limit: a, unit: of_a }, Expected::Number { limit: b, unit: of_b }) => {
            of_a == of_b && is_looser(*a, *b)
        }
        (Expected::Word { .. }, Expected::Word { .. }) => conditional != go,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_a_fact_says_what_it_is() {
        for (text, unit, value) in [
            ("96%", Unit::Ratio, 0.96),
            ("0", Unit::Count, 0.0),
            ("4m", Unit::Seconds, 240.0),
            ("1h30m", Unit::Seconds, 5400.0),
            ("9MB", Unit::Bytes, 9e6),
            ("8000/s", Unit::PerSecond, 8000.0),
            ("24/d", Unit::PerHour, 1.0),
            ("10%/h", Unit::RatioPerHour, 0.1),
            ("1KiB/h", Unit::BytesPerHour, 1024.0),
        ] {
            assert_eq!(amount(text), Ok(Amount::Number { value, unit }), "{text}");
        }
        assert_eq!(amount("true"), Ok(Amount::Word("yes".into())));
        assert_eq!(amount("GO"), Ok(Amount::Word("GO".into())));
        for text in ["4 parsecs", "1..2", "3/fortnight"] {
            assert!(amount(text).is_err(), "{text}");
        }
    }
}
