//! Charts as SVG that take their colours and letter sizes from the page around them, and so are legible in
//! the light, in the dark, and on a phone.

mod decimate;
mod drift;
mod ink;
mod ticks;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(crate) use decimate::decimate;
pub(super) use drift::{DriftChart, draw_drift};
use ink::Ink;
use ticks::Axis;

/// The canvas. All lengths are in its units; the page scales it.
const WIDTH: i32 = 1200;
const HEIGHT: i32 = 680;
const LEFT: i32 = 200;
const RIGHT: i32 = 24;
const TOP: i32 = 56;
const BOTTOM: i32 = 84;

/// Something over time.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    /// What it shows, and for those who cannot see it.
    pub(super) title: String,
    /// What needs saying about how it was drawn.
    pub(super) note: Option<String>,
    /// How the values read.
    pub(super) scale: Scale,
    pub(super) lines: Vec<Line>,
}

/// How values are laid out from bottom to top.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Seconds: from zero, or by decades where they spread over more than one.
    Time,
    /// Bytes, from zero.
    Bytes,
    /// A number of things, from zero.
    Count,
    /// A share, up to all.
    Share,
}

/// One line of a chart. Times are seconds since the start of the run; a gap separates two segments.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) label: String,
    /// Which colour of the page.
    pub(super) colour: Colour,
    pub(super) weight: Weight,
    pub(super) segments: Vec<Vec<(f64, f64)>>,
}

/// A colour of the page for lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    First,
    Second,
    Third,
    Fourth,
    Alarm,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Strong,
    Thin,
    Dots,
}

/// What all charts of a page share: the time that they span, when faults were at work, when phases began.
#[derive(Debug, Clone, Default)]
pub(super) struct Time {
    /// When the target was ready: what the axis counts from.
    pub(super) zero_s: f64,
    pub(super) end_s: f64,
    pub(super) shades: Vec<(f64, f64)>,
    pub(super) phases: Vec<(String, f64)>,
}

impl Line {
    fn values(&self) -> impl Iterator<Item = f64> {
        self.segments.iter().flatten().map(|(_, value)| *value)
    }
}

impl Chart {
    fn values(&self) -> Axis {
        Axis::values(self.scale, self.lines.iter().flat_map(Line::values))
    }

    /// Whether the values are laid out by decades.
    pub(super) fn is_logarithmic(&self) -> bool {
        self.values().log
    }
}

/// One kind of event over time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lane {
    pub(super) label: String,
    pub(super) colour: Colour,
    pub(super) spans: Vec<Span>,
}

/// When an event began, when it was over, and when the target was steady again; in seconds since the start of the
/// run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) from_s: f64,
    pub(super) until_s: f64,
    pub(super) steady_s: f64,
}

/// How high a lane is, where in it its bars begin, below its name, and how high they are.
const LANE: i32 = 96;
const LANE_BARS: i32 = 48;
const LANE_BAR: i32 = 26;

/// Lanes on the same time axis as all charts.
pub(super) fn lanes(title: &str, lanes: &[Lane], time: &Time) -> String {
    let height = TOP + LANE * i32::try_from(lanes.len()).unwrap_or(0) + BOTTOM;
    let (x, y) = (Axis::time(time.zero_s, time.end_s), Axis::values(Scale::Count, std::iter::empty()));
    let mut svg = String::new();
    {
        let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let canvas = Canvas { area, x, y, height };
        canvas.path(vec![(LEFT, height - BOTTOM), (WIDTH - RIGHT, height - BOTTOM)], Ink::Axis, 2);
        canvas.time_marks();
        canvas.phases(time);
        for (index, lane) in lanes.iter().enumerate() {
            canvas.lane(lane, TOP + LANE * i32::try_from(index).unwrap_or(0));
        }
    }
    ink::themed(&svg, title, height)
}

/// Draws a chart. The drawing holds class names in place of colours.
pub(super) fn draw(chart: &Chart, time: &Time) -> String {
    let x = Axis::time(time.zero_s, time.end_s);
    let y = chart.values();
    let mut svg = String::new();
    {
        let size = (WIDTH.unsigned_abs(), HEIGHT.unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let canvas = Canvas { area, x, y, height: HEIGHT };
        canvas.shades(time);
        canvas.grid();
        canvas.phases(time);
        for line in &chart.lines {
            canvas.line(line);
        }
    }
    ink::themed(&svg, &chart.title, HEIGHT)
}

/// Bars side by side from zero, one for each name.
pub(super) fn bars(title: &str, values: &[(String, f64)]) -> String {
    let y = Axis::values(Scale::Count, values.iter().map(|(_, value)| *value));
    let x = Axis::time(0.0, 1.0);
    let mut svg = String::new();
    {
        let size = (WIDTH.unsigned_abs(), HEIGHT.unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let canvas = Canvas { area, x, y, height: HEIGHT };
        canvas.horizontal_grid();
        canvas.bars(values);
    }
    ink::themed(&svg, title, HEIGHT)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Draws into a string, which cannot fail; what the crate returns is therefore dropped.
struct Canvas<'a> {
    area: Area<'a>,
    x: Axis,
    y: Axis,
    height: i32,
}

impl Canvas<'_> {
    #[expect(clippy::cast_possible_truncation, reason = "a share of the canvas")]
    fn at_x(&self, value: f64) -> i32 {
        LEFT + (self.x.share(value) * f64::from(WIDTH - LEFT - RIGHT)).round() as i32
    }

    #[expect(clippy::cast_possible_truncation, reason = "a share of the canvas")]
    fn at_y(&self, value: f64) -> i32 {
        let foot = self.height - BOTTOM;
        foot - (self.y.share(value) * f64::from(foot - TOP)).round() as i32
    }

    fn text(&self, text: &str, at: (i32, i32), anchor: Pos, ink: Ink) {
        // The page sets the size; this one only has to be some size.
        let colour = ink.colour();
        let style = TextStyle::from(("sans-serif", 28).into_font()).color(&colour).pos(anchor);
        let _ = self.area.draw_text(text, &style, at);
    }

    fn path(&self, points: Vec<(i32, i32)>, ink: Ink, width: u32) {
        let _ = self.area.draw(&PathElement::new(points, ink.colour().stroke_width(width)));
    }

    fn dot(&self, at: (i32, i32), size: i32, ink: Ink) {
        let _ = self.area.draw(&Circle::new(at, size, ink.colour().filled()));
    }

    /// A line where each fault began, so that one is seen however short it was.
    fn shades(&self, time: &Time) {
        for (from, to) in &time.shades {
            let left = self.at_x(*from);
            let right = self.at_x(*to).max(left + 4);
            let corners = [(left, TOP), (right, self.height - BOTTOM)];
            let _ = self.area.draw(&Rectangle::new(corners, Ink::Shade.colour().filled()));
            self.path(vec![(left, TOP), (left, self.height - BOTTOM)], Ink::Alarm, 2);
        }
    }

    fn grid(&self) {
        self.horizontal_grid();
        self.time_marks();
    }

    fn time_marks(&self) {
        let foot = self.height - BOTTOM;
        for (value, label) in &self.x.ticks {
            let x = self.at_x(*value);
            self.path(vec![(x, foot), (x, foot + 10)], Ink::Axis, 2);
            self.text(label, (x, foot + 18), Pos::new(HPos::Center, VPos::Top), Ink::Text);
        }
    }

    /// The name over the bars; a bar is seen however short it is.
    fn lane(&self, lane: &Lane, top: i32) {
        self.path(vec![(LEFT, top), (WIDTH - RIGHT, top)], Ink::Grid, 2);
        self.text(&lane.label, (LEFT - 180, top + 6), Pos::new(HPos::Left, VPos::Top), Ink::Text);
        let (head, foot) = (top + LANE_BARS, top + LANE_BARS + LANE_BAR);
        for span in &lane.spans {
            let [from, until, steady] = [span.from_s, span.until_s, span.steady_s].map(|s| self.at_x(s));
            let corners = [(from, head), (steady.max(from + 4), foot)];
            let _ = self.area.draw(&Rectangle::new(corners, Ink::Shade.colour().filled()));
            let corners = [(from, head), (until.max(from + 4), foot)];
            let _ = self.area.draw(&Rectangle::new(corners, Ink::of(lane.colour).colour().filled()));
        }
    }

    fn horizontal_grid(&self) {
        for (value, label) in &self.y.ticks {
            let y = self.at_y(*value);
            self.path(vec![(LEFT, y), (WIDTH - RIGHT, y)], Ink::Grid, 2);
            self.text(label, (LEFT - 16, y), Pos::new(HPos::Right, VPos::Center), Ink::Text);
        }
        let foot = self.height - BOTTOM;
        self.path(vec![(LEFT, foot), (WIDTH - RIGHT, foot)], Ink::Axis, 2);
    }

    /// A line where each phase begins, and its name where there is room.
    fn phases(&self, time: &Time) {
        for (index, (name, begin)) in time.phases.iter().enumerate() {
            let x = self.at_x(*begin);
            let next = time.phases.get(index + 1).map_or(WIDTH - RIGHT, |(_, begin)| self.at_x(*begin));
            self.path(vec![(x, TOP - 36), (x, self.height - BOTTOM)], Ink::Phase, 2);
            let room = i32::try_from(name.chars().count()).unwrap_or(100) * 26 + 20;
            if next - x > room {
                let name = name.replace('_', " ");
                self.text(&name, (x + 10, TOP - 40), Pos::new(HPos::Left, VPos::Top), Ink::Phase);
            }
        }
    }

    fn line(&self, line: &Line) {
        let ink = Ink::of(line.colour);
        for segment in &line.segments {
            let points: Vec<(i32, i32)> =
                segment.iter().map(|(x, y)| (self.at_x(*x), self.at_y(*y))).collect();
            match line.weight {
                Weight::Dots => points.iter().for_each(|at| self.dot(*at, 7, ink)),
                // A single value between two gaps would otherwise not be seen.
                _ if points.len() == 1 => self.dot(points[0], 4, ink),
                Weight::Strong => self.path(points, ink, 7),
                Weight::Thin => self.path(points, ink, 3),
            }
        }
    }

    fn bars(&self, values: &[(String, f64)]) {
        let count = i32::try_from(values.len().max(1)).unwrap_or(i32::MAX);
        let slot = (WIDTH - LEFT - RIGHT) / count;
        let margin = slot / 6;
        let every = (values.len().div_ceil(10)).max(1);
        for (index, (name, value)) in values.iter().enumerate() {
            let left = LEFT + slot * i32::try_from(index).unwrap_or(0);
            let corners = [(left + margin, self.at_y(*value)), (left + slot - margin, HEIGHT - BOTTOM)];
            let _ = self.area.draw(&Rectangle::new(corners, Ink::of(Colour::First).colour().filled()));
            if index % every == 0 {
                let at = (left + slot / 2, HEIGHT - BOTTOM + 18);
                self.text(name, at, Pos::new(HPos::Center, VPos::Top), Ink::Text);
            }
        }
    }
}
