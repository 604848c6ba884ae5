//! Units: what a number counts, and how a person reads it.

use serde::{Deserialize, Serialize};

/// The base unit of a metric. Every value in evidence, gates and verdicts is in its metric's base unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A plain number of things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share of one; 1.0 is shown as 100 %.
    Ratio,
    /// Events per second.
    PerSecond,
    /// Events or things per hour.
    PerHour,
    /// Bytes per hour.
    BytesPerHour,
    /// A share of one per hour; 0.1 is shown as 10 %/h.
    RatioPerHour,
}

impl Unit {
    /// The value with a unit that suits its size, to three significant digits: `12.3 ms`, `4.00 MiB`, `99.2 %`.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        match self {
            Self::Count => show_count(value),
            Self::Seconds => show_seconds(value),
            Self::Bytes => show_bytes(value),
            Self::Ratio => format!("{} %", three_digits(value * 100.0)),
            Self::PerSecond => format!("{}/s", show_count(value)),
            Self::PerHour => format!("{}/h", show_count(value)),
            Self::BytesPerHour => format!("{}/h", show_bytes(value)),
            Self::RatioPerHour => format!("{} %/h", three_digits(value * 100.0)),
        }
    }
}

fn show_count(value: f64) -> String {
    if value.fract().abs() < 1e-9 && value.abs() < 1e15 {
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
        let whole = value as i64;
        grouped(whole)
    } else if value.abs() >= 1000.0 {
        #[expect(clippy::cast_possible_truncation, reason = "a count with a fraction is far below 2^63")]
        let whole = value.round() as i64;
        grouped(whole)
    } else {
        three_digits(value)
    }
}

/// `1234567` as `1,234,567`.
fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::from(if value < 0 { "-" } else { "" });
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

fn show_seconds(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size == 0.0 => "0 s".to_owned(),
        s if s < 1e-6 => format!("{} ns", three_digits(value * 1e9)),
        s if s < 1e-3 => format!("{} µs", three_digits(value * 1e6)),
        s if s < 1.0 => format!("{} ms", three_digits(value * 1e3)),
        s if s < 120.0 => format!("{} s", three_digits(value)),
        s if s < 7200.0 => format!("{} min", three_digits(value / 60.0)),
        s if s < 172_800.0 => format!("{} h", three_digits(value / 3600.0)),
        _ => format!("{} d", three_digits(value / 86_400.0)),
    }
}

fn show_bytes(value: f64) -> String {
    const STEPS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = value;
    let mut step = 0;
    while value.abs() >= 1024.0 && step + 1 < STEPS.len() {
        value /= 1024.0;
        step += 1;
    }
    if step == 0 && value.abs() >= 10.0 {
        format!("{value:.0} B")
    } else {
        format!("{} {}", three_digits(value), STEPS[step])
    }
}

/// Three significant digits, never an exponent; whole numbers stay whole, and next to nothing is zero.
fn three_digits(value: f64) -> String {
    let size = value.abs();
    let whole = value.fract().abs() < 1e-9 && size < 1e15;
    if size < 0.000_05 {
        "0".to_owned()
    } else if whole || size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 0.01 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_a_suitable_unit() {
        for (unit, value, shown) in [
            (Unit::Seconds, 0.000_012_3, "12.3 µs"),
            (Unit::Seconds, 0.25, "250 ms"),
            (Unit::Seconds, 30.0, "30 s"),
            (Unit::Seconds, 5400.0, "90 min"),
            (Unit::Bytes, 512.0, "512 B"),
            (Unit::Bytes, -0.32, "-0.32 B"),
            (Unit::BytesPerHour, -0.000_01, "0 B/h"),
            (Unit::Bytes, 204_800.0, "200 KiB"),
            (Unit::Bytes, 1.5 * 1024.0 * 1024.0, "1.50 MiB"),
            (Unit::Ratio, 0.95, "95 %"),
            (Unit::Ratio, 0.999_12, "99.9 %"),
            (Unit::Count, 1_234_567.0, "1,234,567"),
            (Unit::PerSecond, 8000.0, "8,000/s"),
            (Unit::Count, f64::NAN, "–"),
        ] {
            assert_eq!(unit.show(value), shown);
        }
    }
}
