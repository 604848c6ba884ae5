//! The chart of one drift: what was sampled, the medians of its blocks, the line fitted to them with its bounds,
//! and what a gate would have allowed; with the time that no slope was taken from.

use plotters::prelude::*;

use super::ink::{self, Ink};
use super::ticks::Axis;
use super::{BOTTOM, Canvas, Colour, Lane, Scale, TOP, Time, WIDTH};
use crate::drift::FittedLine;

const HEIGHT: i32 = 520;

/// In how many pieces a band or a line is drawn, so that it ends where it leaves the scale.
const PIECES: u32 = 32;

/// The least that the scale spans, as a share of the level: less than this is not worth looking at.
const LEAST_SPAN: f64 = 0.04;

/// By how much the scale may grow to hold what a gate allows, the bounds, or a ceiling.
const WIDER: f64 = 4.0;

/// Which share of the samples may lie beyond the scale, at either end.
const BEYOND: usize = 50;

/// Where the strip of events lies.
const STRIP: (i32, i32) = (12, 36);

/// One series and its drift. Times are seconds since the start of the run.
#[derive(Debug, Clone)]
pub(in crate::report) struct DriftChart {
    pub(in crate::report) title: String,
    pub(in crate::report) scale: Scale,
    /// What was sampled; a gap or another segment between two lists.
    pub(in crate::report) sampled: Vec<Vec<(f64, f64)>>,
    pub(in crate::report) medians: Vec<(f64, f64)>,
    pub(in crate::report) lines: Vec<FittedLine>,
    /// From the first sample to the end of the warm-up.
    pub(in crate::report) warm_up: (f64, f64),
    /// Left out of the slope.
    pub(in crate::report) excluded: Vec<(f64, f64)>,
    /// The growth per second at which a gate would turn, the strictest one.
    pub(in crate::report) allowed_per_s: Option<f64>,
    /// The level at which a gate turns; drawn where it is not far away.
    pub(in crate::report) ceiling: Option<f64>,
}

impl DriftChart {
    fn axis(&self) -> Axis {
        let ends = self.lines.iter().flat_map(|l| [l.at(l.from_s).value, l.at(l.to_s).value]);
        let seen = self.most_of_the_samples();
        let shown = || self.medians.iter().map(|m| m.1).chain(ends.clone()).chain(seen.clone());
        let (least, greatest) = range(shown()).unwrap_or((0.0, 1.0));
        let span = (greatest - least).max(self.least_span(greatest.abs()));
        let (mut from, mut to) = (least, greatest);
        let allowed = self.allowed().into_iter().flat_map(|(_, ends)| ends);
        for value in self.bounds().chain(allowed).chain(self.ceiling) {
            if value.max(to) - value.min(from) <= WIDER * span {
                (from, to) = (from.min(value), to.max(value));
            }
        }
        let missing = (span - (to - from)).max(0.0) / 2.0;
        let (from, to) = (from - missing, to + missing);
        let margin = (to - from) * 0.06;
        let least = if least >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
        Axis::between(self.scale, (from - margin).max(least), to + margin)
    }

    /// Things are counted in ones, and everything else has a scale of its own.
    fn least_span(&self, level: f64) -> f64 {
        let share = (level * LEAST_SPAN).max(1e-9);
        if self.scale == Scale::Count { share.max(2.0) } else { share }
    }

    /// The least and the greatest of what was sampled, but for a few at either end.
    fn most_of_the_samples(&self) -> impl Iterator<Item = f64> + Clone + use<> {
        let mut values: Vec<f64> = self.sampled.iter().flatten().map(|p| p.1).collect();
        values.sort_by(f64::total_cmp);
        let left_out = values.len() / BEYOND;
        let ends = [values.get(left_out).copied(), values.iter().rev().nth(left_out).copied()];
        ends.into_iter().flatten()
    }

    /// How many values are drawn at the edge of the scale because they lie beyond it.
    pub(in crate::report) fn beyond(&self) -> usize {
        let axis = self.axis();
        self.sampled.iter().flatten().filter(|p| !axis.holds(p.1)).count()
    }

    /// Whether there is a ceiling near enough to be drawn.
    pub(in crate::report) fn draws_ceiling(&self) -> bool {
        self.ceiling.is_some_and(|level| self.axis().holds(level))
    }

    fn bounds(&self) -> impl Iterator<Item = f64> + '_ {
        let ends = self.lines.iter().flat_map(|l| [l.at(l.from_s), l.at(l.to_s)]);
        ends.flat_map(|e| [e.lo, e.hi]).filter(|bound| bound.is_finite())
    }

    /// From the level at the end of the warm-up on: from when to when, and from where to where.
    fn allowed(&self) -> Option<([f64; 2], [f64; 2])> {
        let (first, last) = (self.lines.first()?, self.lines.last()?);
        let level = first.at(first.from_s).value;
        let grown = self.allowed_per_s? * (last.to_s - first.from_s);
        Some(([first.from_s, last.to_s], [level, level + grown]))
    }
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| {
        let (least, greatest) = range.unwrap_or((value, value));
        Some((value.min(least), value.max(greatest)))
    })
}

/// Draws it, with a strip of events above.
pub(in crate::report) fn draw_drift(chart: &DriftChart, events: &[Lane], time: &Time) -> String {
    let (x, y) = (Axis::time(time.zero_s, time.end_s), chart.axis());
    let mut svg = String::new();
    {
        let size = (WIDTH.unsigned_abs(), HEIGHT.unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let canvas = Canvas { area, x, y, height: HEIGHT };
        canvas.strip(events);
        canvas.left_out(chart.warm_up, Ink::WarmUp);
        chart.excluded.iter().for_each(|span| canvas.left_out(*span, Ink::Shade));
        canvas.grid();
        chart.sampled.iter().for_each(|segment| canvas.sampled(segment));
        chart.lines.iter().for_each(|line| canvas.band(line));
        if let Some((at, level)) = chart.allowed() {
            canvas.straight(at, level, Ink::Alarm, 4);
        }
        if let Some(level) = chart.ceiling {
            canvas.straight([time.zero_s, time.end_s], [level; 2], Ink::Ceiling, 4);
        }
        for line in &chart.lines {
            let at = [line.from_s, line.to_s];
            canvas.straight(at, at.map(|at| line.at(at).value), Ink::of(Colour::Second), 6);
        }
        chart.medians.iter().for_each(|(at, value)| {
            canvas.dot((canvas.at_x(*at), canvas.at_y(*value)), 6, Ink::of(Colour::First));
        });
    }
    ink::themed(&svg, &chart.title, HEIGHT)
}

impl Canvas<'_> {
    /// Every event in one row, in the colour of its kind, as wide as it was long and never unseen.
    fn strip(&self, events: &[Lane]) {
        for lane in events {
            let mut drawn = i32::MIN;
            for span in &lane.spans {
                let (left, right) = (self.at_x(span.from_s), self.at_x(span.until_s));
                let corners = [(left.max(drawn), STRIP.0), (right.max(left + 5), STRIP.1)];
                if corners[1].0 > drawn {
                    drawn = corners[1].0;
                    self.area_of(corners, Ink::of(lane.colour));
                }
            }
        }
    }

    fn left_out(&self, (from, to): (f64, f64), ink: Ink) {
        let (left, right) = (self.at_x(from), self.at_x(to));
        if right > left {
            self.area_of([(left, TOP), (right, self.height - BOTTOM)], ink);
        }
    }

    fn area_of(&self, corners: [(i32, i32); 2], ink: Ink) {
        let _ = self.area.draw(&Rectangle::new(corners, ink.colour().filled()));
    }

    fn sampled(&self, segment: &[(f64, f64)]) {
        let points: Vec<(i32, i32)> = segment.iter().map(|(x, y)| (self.at_x(*x), self.at_y(*y))).collect();
        match points[..] {
            [one] => self.dot(one, 2, Ink::Sampled),
            _ => self.path(points, Ink::Sampled, 2),
        }
    }

    /// Between the bounds, which meet in the middle.
    fn band(&self, line: &FittedLine) {
        let bounds = line.at(line.to_s);
        if !bounds.lo.is_finite() || !bounds.hi.is_finite() || line.from_s >= line.to_s {
            return;
        }
        let times: Vec<f64> = places(line.from_s, line.to_s).collect();
        let upper = times.iter().map(|at| (self.at_x(*at), self.at_y(line.at(*at).hi)));
        let lower = times.iter().rev().map(|at| (self.at_x(*at), self.at_y(line.at(*at).lo)));
        let outline: Vec<(i32, i32)> = upper.chain(lower).collect();
        let _ = self.area.draw(&Polygon::new(outline, Ink::Band.colour().filled()));
    }

    /// A straight line, as far as it lies on the scale.
    fn straight(&self, at: [f64; 2], level: [f64; 2], ink: Ink, width: u32) {
        let along =
            |place: f64| level[0] + (level[1] - level[0]) * (place - at[0]) / (at[1] - at[0]).max(1e-9);
        let inside: Vec<f64> = places(at[0], at[1]).filter(|place| self.y.holds(along(*place))).collect();
        if let [first, .., last] = inside[..] {
            let ends = [first, last].map(|place| (self.at_x(place), self.at_y(along(place))));
            self.path(ends.to_vec(), ink, width);
        }
    }
}

fn places(from: f64, to: f64) -> impl Iterator<Item = f64> + Clone {
    (0..=PIECES).map(move |i| from + (to - from) * f64::from(i) / f64::from(PIECES))
}
