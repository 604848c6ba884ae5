//! How fast something grows, from a bounded number of points over at most an hour.
//!
//! The growth is the end nearest to none of the 99 % confidence interval of the slope after Theil and Sen, with its
//! ranks after Kendall (P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63, 1968):
//! an alert should mean that something grows, not that a short series happens to rise. It is no drift analysis,
//! which corrects for autocorrelation and is made when the run is judged.

/// Points that are kept, at most.
const MAX_POINTS: usize = 60;
/// Below so many points nothing is said.
const MIN_POINTS: usize = 10;
/// How far back they reach, in nanoseconds.
const WINDOW_NS: u64 = HOUR_NS;
const HOUR_NS: u64 = 3_600_000_000_000;
/// The quantile of the normal distribution for a two-sided interval of 99 %.
const Z: f64 = 2.576;

/// Means of neighbouring readings, oldest first.
#[derive(Debug, Default)]
pub(super) struct Growth {
    base: Option<f64>,
    points: Vec<Point>,
    /// Readings that make a point: a power of two.
    width: u32,
    filling: Vec<Point>,
    value: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    at_ns: u64,
    value: f64,
}

impl Growth {
    /// Goes on from what an earlier harness had read for the baseline; its points are gone.
    pub(super) fn from(base: Option<f64>) -> Self {
        Self { base, width: 1, ..Self::default() }
    }

    /// What was read for the baseline.
    pub(super) fn base(&self) -> Option<f64> {
        self.base
    }

    /// Enters a reading. Its growth per hour as a share of the reading after the warm-up, which is the one that is
    /// the `baseline`; `None` before that and as long as there are too few points.
    pub(super) fn share_per_hour(&mut self, at_ns: u64, value: f64, baseline: bool) -> Option<f64> {
        if baseline {
            *self = Self { base: Some(value), width: 1, ..Self::default() };
        }
        let base = self.base.filter(|base| *base > 0.0)?;
        self.filling.push(Point { at_ns, value });
        if self.filling.len() >= self.width as usize {
            let point = middle(&self.filling);
            self.filling.clear();
            self.add(point);
            self.value = self.per_hour().map(|slope| slope / base);
        }
        self.value
    }

    /// By how much a reading is above the one after the warm-up.
    pub(super) fn beyond(&mut self, value: f64, baseline: bool) -> Option<f64> {
        if baseline {
            self.base = Some(value);
        }
        self.base.map(|base| value - base)
    }

    fn add(&mut self, point: Point) {
        self.points.push(point);
        self.points.retain(|p| p.at_ns + WINDOW_NS >= point.at_ns);
        if self.points.len() == MAX_POINTS {
            self.points = self.points.chunks(2).map(middle).collect();
            self.width *= 2;
        }
    }

    fn per_hour(&self) -> Option<f64> {
        let count = self.points.len();
        if count < MIN_POINTS {
            return None;
        }
        let mut slopes = Vec::with_capacity(count * (count - 1) / 2);
        for (index, from) in self.points.iter().enumerate() {
            let later = self.points[index + 1..].iter().filter(|to| to.at_ns > from.at_ns);
            slopes.extend(later.map(|to| (to.value - from.value) / hours(to.at_ns - from.at_ns)));
        }
        slopes.sort_by(f64::total_cmp);
        Some(nearest_to_none(&slopes, count))
    }
}

/// Of the interval of a slope, the end nearest to zero; zero where the interval contains it.
fn nearest_to_none(slopes: &[f64], points: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "at most some thousand")]
    let (n, all) = (points as f64, slopes.len() as f64);
    let spread = Z * (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    let low = ((all - spread) / 2.0).floor();
    if low < 0.0 {
        return 0.0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank within the slopes")]
    let low = low as usize;
    let (lower, upper) = (slopes[low], slopes[slopes.len() - 1 - low]);
    if lower > 0.0 { lower } else { upper.min(0.0) }
}

fn middle(points: &[Point]) -> Point {
    #[expect(clippy::cast_precision_loss, reason = "few points")]
    let count = points.len() as f64;
    let first_ns = points[0].at_ns;
    let at_ns = first_ns + points.iter().map(|p| p.at_ns - first_ns).sum::<u64>() / points.len() as u64;
    Point { at_ns, value: points.iter().map(|p| p.value).sum::<f64>() / count }
}

fn hours(ns: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53 within an hour")]
    let ns = ns as f64;
    ns / 3.6e12
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// The growth after so many readings, one a second.
    fn after(readings: u64, value: impl Fn(u64) -> f64) -> (Option<f64>, Growth) {
        let mut growth = Growth::default();
        let mut last = None;
        for second in 0..readings {
            last = growth.share_per_hour(second * SECOND, value(second), second == 0);
        }
        (last, growth)
    }

    #[expect(clippy::cast_precision_loss, reason = "small")]
    fn line(per_hour: f64) -> impl Fn(u64) -> f64 {
        move |second| 100.0 + per_hour * second as f64 / 3600.0
    }

    #[test]
    fn a_steady_growth_is_its_slope_as_a_share_of_the_beginning() {
        for readings in [50, 500, 8_000] {
            let (value, growth) = after(readings, line(12.0));
            assert!((value.unwrap() - 0.12).abs() < 1e-3, "{value:?} after {readings}");
            assert!(growth.points.len() < MAX_POINTS);
        }
    }

    #[test]
    fn only_the_last_hour_counts() {
        let (value, _) = after(9_000, |second| line(50.0)(second.min(5_000)));
        assert!(value.unwrap().abs() < 1e-9, "{value:?}");
    }

    #[test]
    fn few_readings_say_nothing() {
        assert_eq!(after(9, line(1_000.0)).0, None);
        let mut growth = Growth::default();
        assert_eq!(growth.share_per_hour(0, 1.0, false), None, "before the warm-up is over");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// A series that only jitters is no growth: at 99 %, few of many seeds are outside.
        #[test]
        fn jitter_is_hardly_ever_growth(seed in any::<u64>()) {
            let mut state = seed | 1;
            let values: Vec<f64> = (0..300).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                100.0 + f64::from((state >> 40) as u16) / 65_536.0
            }).collect();
            let (value, _) = after(300, |second| values[usize::try_from(second).unwrap()]);
            // A false alarm of a whole per cent per hour would need a slope of three standard errors.
            prop_assert!(value.unwrap().abs() < 0.05, "{:?}", value);
        }
    }
}
