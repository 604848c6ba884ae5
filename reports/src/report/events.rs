//! What happened during a run, kind by kind, on the time axis of every chart.

use super::chart::{Colour, Lane, Span};
use super::series;
use crate::verdict::Verdict;

/// A lane for each kind of event that there was: faults, incidents, outages, time in which nobody looked, points of
/// rest.
pub(super) fn events(verdict: &Verdict, end_s: f64) -> Vec<Lane> {
    let course = &verdict.course;
    let span = |(from_s, until_s): (f64, f64)| Span { from_s, until_s, steady_s: until_s };
    let faults = series::lanes(&verdict.faults, end_s).into_iter().flat_map(|lane| lane.spans).collect();
    let incidents = course.incidents.iter().map(|i| span((i.begin_s, i.end_s.unwrap_or(end_s)))).collect();
    let unseen = course.interruptions.iter().map(|i| (i.from_s, i.to_s));
    let clocks = course.clocks.iter().map(|c| (c.at_s, c.at_s));
    let unseen = unseen.chain(clocks).chain(course.gaps.iter().copied()).map(span).collect();
    let lanes: [(&str, Colour, Vec<Span>); 5] = [
        ("faults", Colour::Alarm, faults),
        ("incidents", Colour::Second, incidents),
        ("the target did not serve", Colour::Third, course.outages.iter().copied().map(span).collect()),
        ("interruptions, clock steps and gaps", Colour::Fourth, unseen),
        (
            "points of rest",
            Colour::First,
            course.rests.iter().map(|r| span((r.begin_s, r.begin_s))).collect(),
        ),
    ];
    let some = lanes.into_iter().filter(|(.., spans)| !spans.is_empty());
    some.map(|(label, colour, mut spans)| {
        spans.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
        Lane { label: label.to_owned(), colour, spans: merged(spans, end_s / 400.0) }
    })
    .collect()
}

/// Events that no eye could tell apart, as one.
fn merged(spans: Vec<Span>, apart: f64) -> Vec<Span> {
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.from_s <= last.until_s + apart => {
                last.until_s = last.until_s.max(span.until_s);
                last.steady_s = last.steady_s.max(span.steady_s);
            }
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_lie_on_each_other_are_one_mark_and_lose_no_time() {
        let span = |from_s, until_s| Span { from_s, until_s, steady_s: until_s };
        let found = merged(vec![span(1.0, 1.0), span(1.05, 3.0), span(2.0, 2.5), span(9.0, 9.0)], 0.1);
        assert_eq!(found, [span(1.0, 3.0), span(9.0, 9.0)]);
    }
}
