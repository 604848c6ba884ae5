//! What a fault leaves behind: the change of level across each, against the change across moments without one.

use distrs::StudentsT;
use evidence::fewest::OF_STEP;

use super::blocks::median;
use super::{Estimate, Point, Series, Step};

/// Names the fault with which each step coincides: one of whose windows it lies within, or that is no further
/// away than `near_s`.
pub(super) fn name(steps: &mut [Step], series: &Series, near_s: f64) {
    for step in steps {
        step.fault = series
            .faults
            .iter()
            .filter(|(at, _)| step.at_s >= at - near_s && step.at_s <= end_of(series, *at) + near_s)
            .min_by(|a, b| (a.0 - step.at_s).abs().total_cmp(&(b.0 - step.at_s).abs()))
            .map(|(_, name)| name.clone());
    }
}

/// The change at a fault, mean over faults, less the mean change at moments without one; the interval is that of
/// a difference of means with unequal variances (Welch 1947).
pub(super) fn each(points: &[Point], series: &Series, confidence: f64) -> Option<Estimate> {
    let calm = calm(points, series);
    let window = calm.iter().map(|(from, to)| to - from).collect::<Vec<_>>();
    let quarter = median(window) / 4.0;
    let across = |before: f64, after: f64| -> Option<f64> {
        let broken = series.breaks.iter().any(|b| *b > before - quarter && *b <= after + quarter);
        let level = |from, to| level(points, from, to);
        if broken { None } else { Some(level(after, after + quarter)? - level(before - quarter, before)?) }
    };
    let at_faults: Vec<f64> =
        series.faults.iter().filter_map(|(at, _)| across(*at, end_of(series, *at))).collect();
    let between: Vec<f64> = calm
        .iter()
        .filter_map(|(from, to)| {
            let middle = f64::midpoint(*from, *to);
            across(middle, middle)
        })
        .collect();
    difference(&at_faults, &between, confidence)
}

/// Where the window of a fault ends.
fn end_of(series: &Series, at: f64) -> f64 {
    series.excluded.iter().filter(|(from, to)| *from <= at && at <= *to).map(|(_, to)| *to).fold(at, f64::max)
}

/// The stretches between the faults.
fn calm(points: &[Point], series: &Series) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    let mut marks: Vec<(f64, f64)> = series.faults.iter().map(|(at, _)| (*at, end_of(series, *at))).collect();
    marks.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ends = std::iter::once(first.at_s).chain(marks.iter().map(|m| m.1));
    let starts = marks.iter().map(|m| m.0).chain(std::iter::once(last.at_s));
    ends.zip(starts).filter(|(end, start)| start > end).collect()
}

/// The median of the samples in a stretch, if there is any.
fn level(points: &[Point], from: f64, to: f64) -> Option<f64> {
    let inside = &points[points.partition_point(|p| p.at_s < from)..points.partition_point(|p| p.at_s <= to)];
    (!inside.is_empty()).then(|| median(inside.iter().map(|p| p.value).collect()))
}

#[expect(clippy::cast_precision_loss, reason = "counts of faults")]
fn difference(with: &[f64], without: &[f64], confidence: f64) -> Option<Estimate> {
    if with.len() < OF_STEP || without.len() < OF_STEP {
        return None;
    }
    let summary = |values: &[f64]| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, variance / n, n - 1.0)
    };
    let ((a, var_a, dof_a), (b, var_b, dof_b)) = (summary(with), summary(without));
    let variance = var_a + var_b;
    let value = a - b;
    if variance <= 0.0 {
        return Some(Estimate { value, lo: value, hi: value });
    }
    let dof = variance * variance / (var_a * var_a / dof_a + var_b * var_b / dof_b);
    let half = StudentsT::ppf(confidence, dof) * variance.sqrt();
    Some(Estimate { value, lo: value - half, hi: value + half })
}
