//! One criterion of a gate file.

use evidence::gate::{Gate, Limit, Op};
use evidence::gatefile::{Ask, Criterion, Runs};
use evidence::unit::Unit;

use super::{one_or_more, refuse, share, trouble};
use crate::check::gates::{is_looser, of_any_run};
use crate::format::gatefile::{CRITERION, ENVIRONMENTS, RUNS};
use crate::problem::{Place, Problem};
use crate::quantity;
use crate::reader::{Fields, Reader};
use crate::scenario::gates::{self as written, comparison, metric_ref, part};
use crate::tree::{At, Node};

pub(super) fn read(node: &Node, path: &str, strict: bool, reader: &mut Reader) -> Option<Criterion> {
    let fields = reader.table(node, &CRITERION, path)?;
    if strict {
        let why = "rule is strict: a criterion holds or it does not; with rule: conditional it may stand";
        refuse(&fields, &["conditional", "band", "minor", "if_conditional"], why, reader);
    }
    let id = fields.name(reader, "id");
    let what = fields.text(reader, "what");
    let cites = one_or_more(&fields, reader, "cites");
    let minor = fields.get("minor").map(|_| fields.flag(reader, "minor"));
    let if_failed = fields.text(reader, "if_failed").map(|t| t.value.trim().to_owned());
    let if_conditional = fields.text(reader, "if_conditional").map(|t| t.value.trim().to_owned());
    let ask = ask(&fields, reader);
    Some(Criterion {
        id: id?.value,
        what: what?.value.trim().to_owned(),
        cites: cites.unwrap_or_default(),
        ask: ask?,
        minor: minor.unwrap_or(Some(false))?,
        if_failed,
        if_conditional,
    })
}

fn ask(fields: &Fields<'_>, reader: &mut Reader) -> Option<Ask> {
    let asks = ["metric", "verdict", "environments", "fact", "decision"];
    let there: Vec<_> = asks.into_iter().filter(|key| fields.get(key).is_some()).collect();
    let [one] = there[..] else { return None };
    match one {
        "metric" => metric(fields, reader),
        "verdict" => {
            let why = "a verdict has no limit: its own gates have";
            refuse(fields, &["during", "than", "go", "conditional", "band"], why, reader);
            let word = fields.word(reader, "verdict");
            let runs = runs(fields, reader);
            Some(Ask::Verdict { conditional_is_enough: word?.value == "CONDITIONAL", runs: runs? })
        }
        "environments" => environments(fields, reader),
        "fact" => {
            refuse(fields, &["during", "than", "runs"], "a fact belongs to no run", reader);
            super::expected::fact(fields, reader)
        }
        _ => {
            let why = "an earlier decision is as good as it was";
            refuse(fields, &["during", "than", "go", "conditional", "band", "runs"], why, reader);
            Some(Ask::Decision { gate: fields.name(reader, "decision")?.value })
        }
    }
}

fn metric(fields: &Fields<'_>, reader: &mut Reader) -> Option<Ask> {
    let runs = runs(fields, reader);
    let during = fields.word(reader, "during");
    let baseline = fields.word(reader, "than").is_some();
    let metric = part(fields, reader, "metric", metric_ref);
    let go = go(fields, reader, comparison);
    let conditional = part(fields, reader, "conditional", comparison);
    let band = band(fields, reader);
    let unread = |key, read: bool| fields.get(key).is_some() && !read;
    if unread("conditional", conditional.is_some())
        || unread("during", during.is_some())
        || unread("than", baseline)
    {
        return None;
    }
    let go = go?;
    let asked = written::Gate {
        place: fields.place.clone(),
        id: None,
        metric: metric?.value,
        go: go.value,
        conditional,
        during: during.map(|d| d.value),
        cites: None,
    };
    let mut gate = of_any_run(&asked, baseline, reader)?;
    if let Some(band) = &band {
        gate.conditional = Some(second(gate.go, band.value, &band.place, reader)?);
    }
    let band = band.map(|band| band.value);
    Some(Ask::Metric { gate: Gate { id: asked.metric.to_string(), ..gate }, band, baseline, runs: runs? })
}

/// `go`, which this criterion needs.
pub(super) fn go<T>(
    fields: &Fields<'_>,
    reader: &mut Reader,
    read: fn(&str) -> Result<T, (String, String)>,
) -> Option<At<T>> {
    if fields.get("go").is_none() {
        let what = format!("{} is missing", fields.path("go"));
        reader.problem(Problem::new(&fields.place, what).help("it says from where on this is GO"));
    }
    part(fields, reader, "go", read)
}

pub(super) fn band(fields: &Fields<'_>, reader: &mut Reader) -> Option<At<f64>> {
    let place = fields.get("band")?.place.clone();
    Some(At { value: share(fields, reader, "band")?, place })
}

/// The second limit by a share of the first: what must be more may be that share of it, what must be less may
/// be so much more that the target is that share of it.
pub(super) fn second(go: Limit, band: f64, place: &Place, reader: &mut Reader) -> Option<Limit> {
    let value = match go.op {
        Op::Less | Op::LessOrEqual => go.value / band,
        Op::Greater | Op::GreaterOrEqual => go.value * band,
        Op::Equal | Op::NotEqual => f64::NAN,
    };
    let limit = Limit { op: go.op, value };
    if value.is_finite() && is_looser(limit, go) {
        return Some(limit);
    }
    let problem = Problem::new(place, "a band of this target allows nothing more");
    reader.problem(
        problem.help(
            "a band is a share of a target that is not zero and is compared with < or >; use conditional",
        ),
    );
    None
}

fn environments(fields: &Fields<'_>, reader: &mut Reader) -> Option<Ask> {
    refuse(
        fields,
        &["during", "than", "runs", "band"],
        "the criteria that it names say on which runs",
        reader,
    );
    let inner = fields.table(reader, "environments", &ENVIRONMENTS);
    let hold = inner.and_then(|inner| inner.texts(reader, "hold"));
    let written = go(fields, reader, comparison);
    let count = |at: &At<written::Comparison>, reader: &mut Reader| match quantity::of_unit(
        Unit::Count,
        &at.value.value,
    ) {
        Ok(value) => Some(Limit { op: at.value.op, value }),
        Err(why) => {
            reader.problem(trouble(format!("\"{}\"", at.value), why, &at.place));
            None
        }
    };
    let second = part(fields, reader, "conditional", comparison);
    let conditional = match (&second, fields.get("conditional")) {
        (Some(at), _) => Some(count(at, reader)?),
        (None, Some(_)) => return None,
        (None, None) => None,
    };
    let go = count(&written?, reader)?;
    if let (Some(conditional), Some(at)) = (conditional, &second)
        && !is_looser(conditional, go)
    {
        reader.problem(
            Problem::new(&at.place, "this can never be conditional").help("it must allow more than go"),
        );
        return None;
    }
    Some(Ask::Environments { hold: hold?, go, conditional })
}

fn runs(fields: &Fields<'_>, reader: &mut Reader) -> Option<Runs> {
    let all = Runs {
        scenarios: Vec::new(),
        agents: None,
        lasting_ns: None,
        environments: Vec::new(),
        least: 1,
        best: false,
    };
    if fields.get("runs").is_none() {
        return Some(all);
    }
    let fields = fields.table(reader, "runs", &RUNS)?;
    let number = |key, reader: &mut Reader| fields.number(reader, key).map(|n| n.value);
    let agents = number("agents", reader).and_then(|n| u32::try_from(n).ok());
    let lasting_ns = number("lasting", reader);
    let least = number("least", reader).and_then(|n| u32::try_from(n).ok());
    Some(Runs {
        scenarios: one_or_more(&fields, reader, "scenario").unwrap_or_default(),
        agents,
        lasting_ns,
        environments: one_or_more(&fields, reader, "environment").unwrap_or_default(),
        least: least.unwrap_or(all.least),
        best: fields.word(reader, "take").is_some_and(|take| take.value == "best"),
    })
}
