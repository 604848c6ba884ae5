//! Single values: what they take, in words and as they are written.

use super::Scalar;

impl Scalar {
    /// What it takes, in words.
    pub(crate) fn takes(self) -> String {
        match self {
            Self::Name => "a name of lower-case letters, digits and dashes".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Word([one]) => (*one).to_owned(),
            Self::Word([head @ .., last]) => format!("{} or {last}", head.join(", ")),
            Self::Word([]) => "nothing".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Count { .. } => "a whole number".to_owned(),
            Self::Duration { .. } => "a duration such as 30s or 500ms".to_owned(),
            Self::Size { .. } => "a size such as 256B or 64MiB".to_owned(),
            Self::Share { .. } => "a share such as 5%".to_owned(),
            Self::Offset { .. } => "a time to shift by, such as 1h or -5m".to_owned(),
            Self::Rate { .. } => "a rate such as 50/s".to_owned(),
            Self::Gate => "a gate such as \"delivery.rate >= 95%\"".to_owned(),
            Self::Limit => "a limit such as \"< 30s\"".to_owned(),
            Self::TimeOfDay => "a time of day such as 09:00".to_owned(),
            Self::Alert => "an alert such as \"memory.growth > 10%/h for 30m\"".to_owned(),
        }
    }

    /// A value in base units as a file would have it: the largest unit of which it is a whole number.
    #[expect(clippy::cast_precision_loss, reason = "a share is far below 2^53 millionths")]
    pub(crate) fn written(self, value: u64) -> String {
        match self {
            Self::Duration { .. } | Self::Offset { .. } => written_duration(value),
            Self::Share { .. } => format!("{}%", value as f64 / 10_000.0),
            Self::Size { .. } => whole(
                value,
                &[(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")],
            ),
            _ => value.to_string(),
        }
    }
}

/// Nanoseconds as a file would have them.
pub(crate) fn written_duration(ns: u64) -> String {
    const UNITS: [(u64, &str); 7] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    if ns == 0 { "0s".to_owned() } else { whole(ns, &UNITS) }
}

fn whole(value: u64, units: &[(u64, &str)]) -> String {
    match units.iter().find(|(unit, _)| value > 0 && value.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", value / unit),
        None => format!("{value}{}", units.last().map_or("", |(_, name)| name)),
    }
}
