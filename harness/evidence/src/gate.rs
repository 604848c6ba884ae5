//! A gate as data: which metric, which limit, in which phase.

use serde::{Deserialize, Serialize};

/// A named rule on a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Unique within the scenario; the text of the gate unless the author named it.
    pub id: String,
    /// The metric.
    pub metric: MetricRef,
    /// Inside this limit is GO.
    pub go: Limit,
    /// Outside `go` but inside this limit is CONDITIONAL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditional: Option<Limit>,
    /// Only this phase counts; the whole run where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The requirement that the author cites, word for word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cites: Option<String>,
}

/// A metric, narrowed to a role or to a fault where its name has brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MetricRef {
    /// The name without brackets, as in [`crate::metric`].
    pub name: String,
    /// What stood in brackets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
}

impl MetricRef {
    /// Splits `memory.private.max[worker]` or `fault[three].lost`. `None` where the brackets do not pair.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Some((before, rest)) = text.split_once('[') else {
            return (!text.contains(']')).then(|| Self { name: text.to_owned(), selector: None });
        };
        let (inside, after) = rest.split_once(']')?;
        if inside.is_empty() || after.contains(['[', ']']) {
            return None;
        }
        Some(Self { name: format!("{before}{after}"), selector: Some(inside.to_owned()) })
    }
}

impl std::fmt::Display for MetricRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.selector, self.name.split_once('.')) {
            (None, _) => f.write_str(&self.name),
            (Some(id), Some(("fault", rest))) => write!(f, "fault[{id}].{rest}"),
            (Some(role), _) => write!(f, "{}[{role}]", self.name),
        }
    }
}

/// A comparison with a number in the metric's base unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The comparison.
    pub op: Op,
    /// The number.
    pub value: f64,
}

impl Limit {
    /// Whether a value is inside the limit.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "== and != are for counts, which are exact below 2^53")]
    pub fn holds(self, value: f64) -> bool {
        match self.op {
            Op::Less => value < self.value,
            Op::LessOrEqual => value <= self.value,
            Op::Greater => value > self.value,
            Op::GreaterOrEqual => value >= self.value,
            Op::Equal => value == self.value,
            Op::NotEqual => value != self.value,
        }
    }
}

/// How a gate compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// `<`
    #[serde(rename = "<")]
    Less,
    /// `<=`
    #[serde(rename = "<=")]
    LessOrEqual,
    /// `>`
    #[serde(rename = ">")]
    Greater,
    /// `>=`
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// `==`
    #[serde(rename = "==")]
    Equal,
    /// `!=`
    #[serde(rename = "!=")]
    NotEqual,
}

impl Op {
    /// All of them, the longer signs first, so that a reader can try them in order.
    pub const ALL: [Self; 6] =
        [Self::LessOrEqual, Self::GreaterOrEqual, Self::Equal, Self::NotEqual, Self::Less, Self::Greater];

    /// What holds wherever this one does not.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
        }
    }

    /// The sign.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_narrow_a_metric_and_read_back_as_written() {
        for (text, name, selector) in [
            ("messages.lost", "messages.lost", None),
            ("memory.private.max[worker]", "memory.private.max", Some("worker")),
            ("fault[three].lost", "fault.lost", Some("three")),
        ] {
            let read = MetricRef::parse(text).expect("is well formed");
            assert_eq!((read.name.as_str(), read.selector.as_deref()), (name, selector));
            assert_eq!(read.to_string(), text);
        }
        for text in ["a[b", "a]b", "a[]", "a[b][c]"] {
            assert_eq!(MetricRef::parse(text), None, "{text}");
        }
    }
}
