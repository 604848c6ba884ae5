//! `gates`: the syntax of gates. What they mean is checked once the whole scenario is known.

use evidence::gate::{MetricRef, Op};

use crate::format::{Scalar, tables};
use crate::problem::{Place, Problem};
use crate::reader::{Fields, Reader};
use crate::tree::{At, Kind, Node};

/// One gate as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) place: Place,
    pub(crate) id: Option<String>,
    pub(crate) metric: MetricRef,
    pub(crate) go: Comparison,
    pub(crate) conditional: Option<At<Comparison>>,
    pub(crate) during: Option<&'static str>,
    pub(crate) cites: Option<String>,
}

/// A comparison whose value has not been read yet: its unit is the metric's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub(crate) op: Op,
    pub(crate) value: String,
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.op.sign(), self.value)
    }
}

pub(crate) fn read(scenario: &Fields<'_>, reader: &mut Reader) -> Vec<Option<Gate>> {
    let items = scenario.list(reader, "gates").unwrap_or_default();
    items.iter().map(|(path, item)| gate(item, path, reader)).collect()
}

fn gate(node: &Node, path: &str, reader: &mut Reader) -> Option<Gate> {
    if matches!(node.kind, Kind::Map(_)) {
        return long(node, path, reader);
    }
    let text = reader.text(node, path, Scalar::Gate)?;
    match short(text) {
        Ok((metric, go, during)) => Some(Gate {
            place: node.place.clone(),
            id: None,
            metric,
            go,
            conditional: None,
            during,
            cites: None,
        }),
        Err((what, help)) => {
            reader.problem(
                Problem::new(&node.place, format!("{path} is {}, {what}", node.described())).help(help),
            );
            None
        }
    }
}

/// Why a text is no gate, and what to write.
pub(super) type Refused = (String, String);

/// `metric op value [during phase]`.
fn short(text: &str) -> Result<(MetricRef, Comparison, Option<&'static str>), Refused> {
    let start = text.find(['<', '>', '=', '!']).ok_or_else(|| {
        (
            "which compares nothing".to_owned(),
            "write metric, comparison, value: delivery.rate >= 95%".to_owned(),
        )
    })?;
    let (metric, rest) = text.split_at(start);
    let (limit, during) = match rest.split_once(" during ") {
        Some((limit, phase)) => (limit, Some(phase.trim())),
        None => (rest, None),
    };
    let during = during.map(|phase| {
        tables::PHASES.iter().find(|known| **known == phase).copied().ok_or_else(|| {
            (format!("but \"{phase}\" is no phase"), format!("phases are {}", tables::PHASES.join(", ")))
        })
    });
    Ok((metric_ref(metric)?, comparison(limit)?, during.transpose()?))
}

pub(crate) fn metric_ref(text: &str) -> Result<MetricRef, Refused> {
    let text = text.trim();
    if text.is_empty() || text.contains(char::is_whitespace) {
        let help = "write metric, comparison, value: delivery.rate >= 95%".to_owned();
        return Err((format!("but \"{text}\" is no name of a metric"), help));
    }
    MetricRef::parse(text).ok_or_else(|| {
        let help =
            "brackets come once and hold a role or the id of a fault: memory.rss.max[worker], fault[1].lost";
        ("whose brackets do not pair".to_owned(), help.to_owned())
    })
}

/// `op value`.
pub(crate) fn comparison(text: &str) -> Result<Comparison, Refused> {
    let text = text.trim();
    let Some(op) = Op::ALL.into_iter().find(|op| text.starts_with(op.sign())) else {
        let sign: String = text.chars().take_while(|c| "<>=!".contains(*c)).collect();
        let meant = match sign.as_str() {
            "=" => "did you mean \"==\"?",
            "=>" => "did you mean \">=\"?",
            "=<" => "did you mean \"<=\"?",
            _ => "comparisons are <, <=, >, >=, == and !=",
        };
        return Err((format!("but \"{sign}\" is no comparison"), meant.to_owned()));
    };
    let value = text[op.sign().len()..].trim();
    // `=>` begins with no sign, but `<>` and `>>` do.
    if value.starts_with(['<', '>', '=', '!']) {
        let help = "comparisons are <, <=, >, >=, == and !=".to_owned();
        return Err((format!("but \"{}{}\" is no comparison", op.sign(), &value[..1]), help));
    }
    if value.is_empty() {
        return Err((
            "which compares with nothing".to_owned(),
            "write a value behind the comparison".to_owned(),
        ));
    }
    Ok(Comparison { op, value: value.to_owned() })
}

fn long(node: &Node, path: &str, reader: &mut Reader) -> Option<Gate> {
    let fields = reader.table(node, &tables::GATE, path)?;
    let id = fields.text(reader, "id").map(|id| id.value);
    let cites = fields.text(reader, "cites").map(|cites| cites.value);
    let during = fields.word(reader, "during");
    let metric = part(&fields, reader, "metric", metric_ref);
    let go = part(&fields, reader, "go", comparison);
    let conditional = part(&fields, reader, "conditional", comparison);
    let unread = |key, read: bool| fields.get(key).is_some() && !read;
    if unread("conditional", conditional.is_some()) || unread("during", during.is_some()) {
        return None;
    }
    Some(Gate {
        place: node.place.clone(),
        id,
        metric: metric?.value,
        go: go?.value,
        conditional,
        during: during.map(|d| d.value),
        cites,
    })
}

pub(crate) fn part<T>(
    fields: &Fields<'_>,
    reader: &mut Reader,
    key: &str,
    read: fn(&str) -> Result<T, Refused>,
) -> Option<At<T>> {
    let text = fields.text(reader, key)?;
    match read(&text.value) {
        Ok(value) => Some(At { value, place: text.place }),
        Err((what, help)) => {
            let what = format!("{} is \"{}\", {what}", fields.path(key), crate::tree::shortened(&text.value));
            reader.problem(Problem::new(&text.place, what).help(help));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_a_metric_a_comparison_a_value_and_perhaps_a_phase() {
        for (text, expected) in [
            ("delivery.rate >= 95%", "delivery.rate >= 95% -"),
            ("delivery.rate>=95%", "delivery.rate >= 95% -"),
            ("messages.lost == 0", "messages.lost == 0 -"),
            ("memory.rss.max[worker] < 64 MiB during hold", "memory.rss.max[worker] < 64 MiB hold"),
            ("fault[1.2].lost != 0", "fault[1.2].lost != 0 -"),
            ("delivery.rate 95%", "which compares nothing"),
            ("delivery.rate = 95%", "but \"=\" is no comparison"),
            ("delivery.rate => 95%", "but \"=>\" is no comparison"),
            ("delivery.rate <> 95%", "but \"<>\" is no comparison"),
            ("delivery.rate >=", "which compares with nothing"),
            (">= 95%", "but \"\" is no name of a metric"),
            ("delivery rate >= 95%", "but \"delivery rate\" is no name of a metric"),
            ("memory[worker >= 1MiB", "whose brackets do not pair"),
            ("delivery.rate >= 95% during lunch", "but \"lunch\" is no phase"),
        ] {
            let found = match short(text) {
                Ok((metric, limit, during)) => format!("{metric} {limit} {}", during.unwrap_or("-")),
                Err((what, _)) => what,
            };
            assert_eq!(found, expected, "{text}");
        }
    }
}
