//! Fewer points that look the same: the first, least, greatest and last of each slice of time, so that no
//! spike is lost whatever the length of a run.

/// Points in the order of time, of at most so many slices, each gap longer than `gap_s` being the end of a segment.
pub(crate) fn decimate(points: &[(f64, f64)], gap_s: f64, slices: usize) -> Vec<Vec<(f64, f64)>> {
    let mut segments: Vec<Vec<(f64, f64)>> = Vec::new();
    let slice_s = match (points.first(), points.last()) {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        (Some(first), Some(last)) => (last.0 - first.0) / slices as f64,
        _ => return segments,
    };
    let few = points.len() <= 2 * slices;
    let mut slice: Vec<(f64, f64)> = Vec::new();
    let mut previous: Option<f64> = None;
    for point in points.iter().copied().filter(|(_, value)| value.is_finite()) {
        let gap = previous.is_none_or(|at| point.0 - at > gap_s);
        let full = few || slice.first().is_some_and(|first| point.0 - first.0 >= slice_s);
        if gap || full {
            flush(&mut slice, &mut segments);
        }
        if gap {
            segments.push(Vec::new());
        }
        slice.push(point);
        previous = Some(point.0);
    }
    flush(&mut slice, &mut segments);
    segments
}

fn flush(slice: &mut Vec<(f64, f64)>, segments: &mut [Vec<(f64, f64)>]) {
    let Some(segment) = segments.last_mut() else { return };
    let extreme = |greater: bool| {
        let better = |a: f64, b: f64| if greater { a > b } else { a < b };
        (0..slice.len()).reduce(|best, i| if better(slice[i].1, slice[best].1) { i } else { best })
    };
    let mut kept: Vec<usize> =
        [Some(0), extreme(false), extreme(true), slice.len().checked_sub(1)].into_iter().flatten().collect();
    kept.sort_unstable();
    kept.dedup();
    segment.extend(kept.into_iter().filter_map(|i| slice.get(i)));
    slice.clear();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SLICES: usize = 240;

    #[test]
    fn a_spike_in_a_month_survives_and_a_gap_stays_a_gap() {
        let mut points: Vec<(f64, f64)> = (0..200_000).map(|i| (f64::from(i), 1.0)).collect();
        points[123_456].1 = 99.0;
        points.retain(|(at, _)| !(50_000.0..60_000.0).contains(at));
        let segments = decimate(&points, 3.0, SLICES);
        assert_eq!(segments.len(), 2);
        let kept: usize = segments.iter().map(Vec::len).sum();
        assert!(kept <= 4 * (SLICES + 2), "{kept}");
        assert!(segments[1].contains(&(123_456.0, 99.0)));
    }

    proptest! {
        /// Whatever is drawn was measured, in the order of time, with the least and the greatest.
        #[test]
        fn only_measured_points_are_drawn(values in prop::collection::vec(0.0_f64..1e6, 1..3000), gap in 0.5_f64..3.0) {
            let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(i, v)| (i as f64, *v)).collect();
            let drawn: Vec<(f64, f64)> = decimate(&points, gap, SLICES).concat();
            prop_assert!(drawn.iter().all(|p| points.contains(p)));
            prop_assert!(drawn.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let greatest = |of: &[(f64, f64)]| of.iter().map(|p| p.1).fold(0.0, f64::max);
            prop_assert!((greatest(&drawn) - greatest(&points)).abs() < 1e-9);
        }
    }
}
