//! Where an axis has its marks and how they read: one unit an axis, round numbers.

use evidence::unit::Unit;

use super::Scale;

/// From where to where an axis goes, with its marks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    pub(super) log: bool,
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Where a value lies, from 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        let share = if self.log {
            (value.max(self.from) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        share.clamp(0.0, 1.0)
    }

    /// Time from the start to the end of a run, counted from `zero_s`.
    pub(super) fn time(zero_s: f64, end_s: f64) -> Self {
        let counted = (end_s - zero_s).max(1e-3);
        let (size, name) = match counted {
            s if s < 180.0 => (1.0, "s"),
            s if s < 3.0 * 3600.0 => (60.0, "min"),
            s if s < 4.0 * 86_400.0 => (3600.0, "h"),
            _ => (86_400.0, "d"),
        };
        let ticks = steps(0.0, counted / size, 6).into_iter().map(|v| (zero_s + v * size, label(v, name)));
        Self { from: 0.0, to: end_s.max(1e-3), log: false, ticks: ticks.collect() }
    }

    /// Values on this scale.
    pub(super) fn values(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let (least, greatest) = values
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, 0.0_f64), |(least, greatest), v| (least.min(v), greatest.max(v)));
        match scale {
            Scale::Time if greatest > 12.0 * least.max(1e-6) => Self::decades(least.max(1e-6), greatest),
            Scale::Time => {
                let (size, name) = time_unit(greatest);
                Self::linear(greatest, size, name)
            }
            Scale::Bytes => {
                let (size, name) = byte_unit(greatest);
                Self::linear(greatest, size, name)
            }
            Scale::Count => Self::linear(greatest.max(4.0), 1.0, ""),
            Scale::Share => {
                let from = if least >= 0.9 {
                    0.9
                } else if least >= 0.5 {
                    0.5
                } else {
                    0.0
                };
                let ticks = steps(from * 100.0, 100.0, 5).into_iter().map(|v| (v / 100.0, label(v, "%")));
                // A little above all, so that the line is seen below the edge.
                Self { from, to: 1.0 + (1.0 - from) * 0.04, log: false, ticks: ticks.collect() }
            }
        }
    }

    /// Values between these two, with marks in one unit.
    pub(super) fn between(scale: Scale, from: f64, to: f64) -> Self {
        let (size, name) = match scale {
            Scale::Time => time_unit(to.abs()),
            Scale::Bytes => byte_unit(to.abs()),
            Scale::Share => (0.01, "%"),
            Scale::Count => (1.0, ""),
        };
        let to = if to > from { to } else { from + size };
        let ticks = steps(from / size, to / size, 5).into_iter().map(|v| (v * size, label(v, name)));
        Self { from, to, log: false, ticks: ticks.collect() }
    }

    /// Whether a value lies on it.
    pub(super) fn holds(&self, value: f64) -> bool {
        (self.from..=self.to).contains(&value)
    }

    fn linear(greatest: f64, size: f64, name: &str) -> Self {
        let to = if greatest > 0.0 { greatest * 1.06 } else { size };
        let ticks = steps(0.0, to / size, 5).into_iter().map(|v| (v * size, label(v, name))).collect();
        Self { from: 0.0, to, log: false, ticks }
    }

    fn decades(least: f64, greatest: f64) -> Self {
        let from = 10_f64.powf(least.log10().floor());
        let to = greatest * 1.15;
        let mut ticks = Vec::new();
        let wide = (to / from).log10() > 5.0;
        let mut value = from;
        while value <= to {
            if !wide || ticks.len() < 12 {
                ticks.push((value, Unit::Seconds.show(value)));
            }
            value *= if wide { 100.0 } else { 10.0 };
        }
        Self { from, to, log: true, ticks }
    }
}

fn time_unit(greatest: f64) -> (f64, &'static str) {
    match greatest {
        s if s < 1e-3 => (1e-6, "µs"),
        s if s < 1.0 => (1e-3, "ms"),
        _ => (1.0, "s"),
    }
}

fn byte_unit(greatest: f64) -> (f64, &'static str) {
    let mut unit = (1.0, "B");
    for name in ["KiB", "MiB", "GiB", "TiB"] {
        if greatest / unit.0 < 1024.0 {
            break;
        }
        unit = (unit.0 * 1024.0, name);
    }
    unit
}

/// Round numbers from `from` to `to`, at most `most` and some.
fn steps(from: f64, to: f64, most: u32) -> Vec<f64> {
    let rough = (to - from) / f64::from(most);
    let decade = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|s| s * decade).find(|s| *s >= rough * 0.999).unwrap_or(rough);
    let mut steps = Vec::new();
    let mut count = (from / step).ceil();
    while count * step <= to + step * 1e-6 && steps.len() < 20 {
        steps.push(count * step);
        count += 1.0;
    }
    steps
}

fn label(value: f64, unit: &str) -> String {
    // Nothing has no sign.
    let rounded = (value * 1000.0).round() / 1000.0 + 0.0;
    if unit.is_empty() && rounded.fract() == 0.0 {
        return Unit::Count.show(rounded);
    }
    format!("{rounded} {unit}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_numbers_in_one_unit() {
        let of = |axis: Axis| axis.ticks.into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(", ");
        assert_eq!(of(Axis::time(0.0, 12.3)), "0 s, 5 s, 10 s");
        assert_eq!(of(Axis::time(0.0, 8.0 * 3600.0)), "0 h, 2 h, 4 h, 6 h, 8 h");
        assert_eq!(of(Axis::values(Scale::Time, [0.004, 0.009].into_iter())), "0 ms, 2 ms, 4 ms, 6 ms, 8 ms");
        assert_eq!(
            of(Axis::values(Scale::Time, [0.0008, 0.9].into_iter())),
            "100 µs, 1 ms, 10 ms, 100 ms, 1 s"
        );
        assert_eq!(
            of(Axis::values(Scale::Bytes, [1_500_000.0].into_iter())),
            "0 MiB, 0.5 MiB, 1 MiB, 1.5 MiB"
        );
        assert_eq!(of(Axis::values(Scale::Share, [0.97].into_iter())), "90 %, 92 %, 94 %, 96 %, 98 %, 100 %");
        assert_eq!(of(Axis::values(Scale::Count, std::iter::empty())), "0, 1, 2, 3, 4");
        assert_eq!(of(Axis::values(Scale::Count, [4_200.0].into_iter())), "0, 1,000, 2,000, 3,000, 4,000");
    }

    #[test]
    fn time_counts_from_when_the_target_was_ready() {
        let axis = Axis::time(20.0, 32.0);
        assert_eq!(axis.ticks.first(), Some(&(20.0, "0 s".to_owned())), "the launch lies before zero");
        assert!((axis.share(20.0) - 0.625).abs() < 1e-9);
    }
}
