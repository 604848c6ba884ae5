//! Durations, sizes, rates, shares and counts as people write them, into base units.

use evidence::unit::Unit;

/// Why a text is no such quantity: ends a sentence that began with the text, and says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) what: String,
    pub(crate) help: String,
}

impl Trouble {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }
}

/// Units of time, in nanoseconds.
const TIMES: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
];

/// Units of size, in bytes.
const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Nanoseconds of `8h`, `1h30m`, `1.5s`.
pub(crate) fn duration(text: &str) -> Result<u64, Trouble> {
    let text = text.trim();
    let mut rest = text;
    let mut all: u128 = 0;
    loop {
        let number = Decimal::leading(rest, text)?;
        let behind = number.rest.trim_start();
        let (unit, after) =
            behind.split_at(behind.find(|c: char| !c.is_alphabetic()).unwrap_or(behind.len()));
        if unit.is_empty() {
            return Err(Trouble::new("has no unit", format!("write {text}ms or {text}s")));
        }
        let part = number.times(factor(unit, TIMES, "time", "ns, us, ms, s, m, h, d, w")?);
        all = all.saturating_add(part);
        rest = after.trim_start();
        if rest.is_empty() {
            break;
        }
    }
    u64::try_from(all).map_err(|_| Trouble::new("is too long", "the longest that can be counted is 213503d"))
}

/// Nanoseconds since the day began of `09:00`.
pub(crate) fn time_of_day(text: &str) -> Result<u64, Trouble> {
    let part = |digits: &str, below: u64| {
        let good = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|n| good && *n < below)
    };
    let read = text.trim().split_once(':').and_then(|(hours, minutes)| {
        let minutes: u64 = part(minutes, 60).filter(|_| minutes.len() == 2)?;
        Some(part(hours, 24)? * 60 + minutes)
    });
    let minutes = read.ok_or_else(|| Trouble::new("is no time of day", "write hours and minutes: 09:00"))?;
    Ok(minutes * 60_000_000_000)
}

/// Nanoseconds of `1h` or `-5m`.
pub(crate) fn offset(text: &str) -> Result<i64, Trouble> {
    let text = text.trim();
    let (length, sign) = match text.strip_prefix('-') {
        Some(back) => (back, -1),
        None => (text, 1),
    };
    let ns = i64::try_from(duration(length)?);
    ns.map(|ns| sign * ns)
        .map_err(|_| Trouble::new("is too long", "the longest that can be counted is 106751d"))
}

/// Bytes of `64MiB`, `256B`.
pub(crate) fn size(text: &str) -> Result<u64, Trouble> {
    let text = text.trim();
    let number = Decimal::leading(text, text)?;
    let unit = number.rest.trim_start();
    if unit.is_empty() {
        return Err(Trouble::new("has no unit", format!("write {text}B or {text}KiB")));
    }
    let bytes = number.times(factor(unit, SIZES, "size", "B, KiB, MiB, GiB, TiB, kB, MB, GB, TB")?);
    u64::try_from(bytes)
        .map_err(|_| Trouble::new("is too large", "the largest that can be counted is 16777215TiB"))
}

/// Events per second of `50/s`, `3000/m`, `10/h`.
pub(crate) fn rate(text: &str) -> Result<f64, Trouble> {
    let text = text.trim();
    let number = Decimal::leading(text, text)?;
    let unit = number.rest.trim_start();
    if unit.is_empty() {
        return Err(Trouble::new("has no unit", format!("write {text}/s")));
    }
    let seconds = match unit.strip_prefix('/').map(str::trim) {
        Some("s") => 1.0,
        Some("m" | "min") => 60.0,
        Some("h") => 3_600.0,
        _ => {
            return Err(Trouble::new(
                format!("has the unknown unit \"{unit}\""),
                "units of a rate are /s, /m, /h",
            ));
        }
    };
    Ok(number.as_f64() / seconds)
}

/// A share of one: 0.95 of `95%`.
pub(crate) fn share(text: &str) -> Result<f64, Trouble> {
    let text = text.trim();
    let number = Decimal::leading(text, text)?;
    match number.rest.trim_start() {
        "%" => Ok(Decimal { decimals: number.decimals + 2, ..number }.as_f64()),
        "" => {
            let percent = Decimal { mantissa: number.mantissa.saturating_mul(100), ..number }.as_f64();
            let meant = if number.as_f64() <= 1.0 { percent } else { number.as_f64() };
            Err(Trouble::new("has no unit", format!("write {meant}%")))
        }
        unit => Err(Trouble::new(format!("has the unknown unit \"{unit}\""), "a share is written 95%")),
    }
}

/// The same in millionths: 50,000 of `5%`. What is finer than a millionth is rounded.
pub(crate) fn millionths(text: &str) -> Result<u64, Trouble> {
    share(text)?;
    let number = Decimal::leading(text.trim(), text)?;
    u64::try_from(number.times(10_000)).map_err(|_| Trouble::new("is too large", "the most is 100%"))
}

/// A whole number.
pub(crate) fn count(text: &str) -> Result<u64, Trouble> {
    let text = text.trim();
    let number = Decimal::leading(text, text)?;
    if !number.rest.is_empty() || number.decimals > 0 {
        return Err(Trouble::new("is not a whole number", "write digits alone: 1000"));
    }
    u64::try_from(number.mantissa)
        .map_err(|_| Trouble::new("is too large", "the largest is 18446744073709551615"))
}

/// A value in the base unit of a metric.
pub(crate) fn of_unit(unit: Unit, text: &str) -> Result<f64, Trouble> {
    #[expect(clippy::cast_precision_loss, reason = "a limit needs no more than 53 bits")]
    match unit {
        Unit::Seconds => duration(text).map(|ns| ns as f64 / 1e9),
        Unit::Bytes => size(text).map(|bytes| bytes as f64),
        Unit::Ratio => share(text),
        Unit::PerSecond => rate(text),
        Unit::PerHour => per_hour(text, plain),
        Unit::BytesPerHour => per_hour(text, |number| size(number).map(|bytes| bytes as f64)),
        Unit::RatioPerHour => per_hour(text, share),
        Unit::Count => plain(text),
    }
}

fn plain(text: &str) -> Result<f64, Trouble> {
    let text = text.trim();
    let number = Decimal::leading(text, text)?;
    if number.rest.is_empty() {
        return Ok(number.as_f64());
    }
    Err(Trouble::new(format!("has \"{}\" behind a plain number", number.rest), "write the number alone: 0"))
}

/// An amount per time, such as `10%/h`, `5%/d`, `64KiB/min`, `1/week`, per hour.
fn per_hour(text: &str, amount: impl Fn(&str) -> Result<f64, Trouble>) -> Result<f64, Trouble> {
    const HELP: &str = "units of time behind the slash are min, h, d, week";
    let Some((number, unit)) = text.trim().rsplit_once('/') else {
        return Err(Trouble::new("says no time", format!("write {}/h; {HELP}", text.trim())));
    };
    let hours = match unit.trim() {
        "min" | "m" => 1.0 / 60.0,
        "h" => 1.0,
        "d" | "day" => 24.0,
        "w" | "week" => 168.0,
        unit => return Err(Trouble::new(format!("has the unknown unit \"/{unit}\""), HELP)),
    };
    Ok(amount(number.trim())? / hours)
}

fn factor(unit: &str, known: &[(&str, u64)], kind: &str, list: &str) -> Result<u64, Trouble> {
    known.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor).ok_or_else(|| {
        Trouble::new(format!("has the unknown unit \"{unit}\""), format!("units of {kind} are {list}"))
    })
}

/// A decimal number and the text behind it.
#[derive(Clone, Copy)]
struct Decimal<'t> {
    mantissa: u128,
    decimals: u32,
    rest: &'t str,
}

impl<'t> Decimal<'t> {
    /// The number that `text` begins with; `whole` is what the message shows an example of.
    fn leading(text: &'t str, whole: &str) -> Result<Self, Trouble> {
        if text.starts_with('-') {
            return Err(Trouble::new("is negative", "write it without the minus sign"));
        }
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (digits, rest) = text.split_at(end);
        let (whole_part, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let complete = !digits.contains('.') || !fraction.is_empty();
        if whole_part.is_empty() || !complete || fraction.contains('.') {
            let help = if whole.is_empty() { "it is empty" } else { "it begins with digits: 10, 2.5" };
            return Err(Trouble::new("is not a number", help));
        }
        if digits.len() > 24 {
            return Err(Trouble::new("has too many digits", "the most is 24"));
        }
        let mantissa = format!("{whole_part}{fraction}").parse();
        let mantissa = mantissa.map_err(|_| Trouble::new("is not a number", "write digits"))?;
        let decimals = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
        Ok(Self { mantissa, decimals, rest })
    }

    /// That many times a unit, rounded to whole base units. 24 digits times the largest unit fit.
    fn times(self, unit: u64) -> u128 {
        let scale = 10_u128.pow(self.decimals);
        (self.mantissa.saturating_mul(unit.into()).saturating_add(scale / 2)) / scale
    }

    fn as_f64(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "rounded once, to the nearest")]
        let mantissa = self.mantissa as f64;
        mantissa / 10_f64.powi(self.decimals.cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check<T: std::fmt::Debug + PartialEq>(
        read: fn(&str) -> Result<T, Trouble>,
        table: &[(&str, Result<T, &str>)],
    ) {
        for (text, expected) in table {
            let found = read(text).map_err(|t| t.what);
            assert_eq!(found.as_ref().map_err(String::as_str), expected.as_ref().map_err(|e| *e), "{text}");
        }
    }

    #[test]
    fn durations_are_nanoseconds() {
        check(
            duration,
            &[
                ("8h", Ok(28_800_000_000_000)),
                ("15m", Ok(900_000_000_000)),
                ("1h30m", Ok(5_400_000_000_000)),
                ("1.5s", Ok(1_500_000_000)),
                ("250 us", Ok(250_000)),
                ("7µs", Ok(7_000)),
                ("0s", Ok(0)),
                ("1w", Ok(604_800_000_000_000)),
                ("100", Err("has no unit")),
                ("-5s", Err("is negative")),
                ("s", Err("is not a number")),
                ("", Err("is not a number")),
                (".5s", Err("is not a number")),
                ("5.s", Err("is not a number")),
                ("1.2.3s", Err("is not a number")),
                ("5 parsecs", Err("has the unknown unit \"parsecs\"")),
                ("5parsecs", Err("has the unknown unit \"parsecs\"")),
                ("99999999999d", Err("is too long")),
                ("9999999999999999999999999s", Err("has too many digits")),
                ("1h30", Err("has no unit")),
            ],
        );
    }

    #[test]
    fn sizes_are_bytes() {
        check(
            size,
            &[
                ("256B", Ok(256)),
                ("64MiB", Ok(67_108_864)),
                ("64 MiB", Ok(67_108_864)),
                ("1.5KiB", Ok(1_536)),
                ("2GB", Ok(2_000_000_000)),
                ("256", Err("has no unit")),
                ("-1B", Err("is negative")),
                ("1mib", Err("has the unknown unit \"mib\"")),
                ("99999999999TiB", Err("is too large")),
            ],
        );
    }

    #[test]
    fn rates_shares_and_counts_are_read() {
        check(
            rate,
            &[
                ("50/s", Ok(50.0)),
                ("90/m", Ok(1.5)),
                ("50", Err("has no unit")),
                ("50/y", Err("has the unknown unit \"/y\"")),
            ],
        );
        check(
            share,
            &[
                ("95%", Ok(0.95)),
                ("99.9%", Ok(0.999)),
                ("0.95", Err("has no unit")),
                ("95/s", Err("has the unknown unit \"/s\"")),
            ],
        );
        check(
            millionths,
            &[
                ("5%", Ok(50_000)),
                ("0.01%", Ok(100)),
                ("100%", Ok(1_000_000)),
                ("5", Err("has no unit")),
                ("-5%", Err("is negative")),
            ],
        );
        check(
            offset,
            &[("1h", Ok(3_600_000_000_000)), ("-5m", Ok(-300_000_000_000)), ("--5m", Err("is negative"))],
        );
        check(
            count,
            &[("1000", Ok(1000)), ("1.5", Err("is not a whole number")), ("-1", Err("is negative"))],
        );
        check(
            |t| of_unit(Unit::Count, t),
            &[("1.5", Ok(1.5)), ("3s", Err("has \"s\" behind a plain number"))],
        );
    }

    #[test]
    fn times_of_day_are_nanoseconds_since_it_began() {
        check(
            time_of_day,
            &[
                ("00:00", Ok(0)),
                ("9:30", Ok(34_200_000_000_000)),
                ("23:59", Ok(86_340_000_000_000)),
                ("24:00", Err("is no time of day")),
                ("09:60", Err("is no time of day")),
                ("09:5", Err("is no time of day")),
                ("09", Err("is no time of day")),
                ("+9:00", Err("is no time of day")),
                ("9h", Err("is no time of day")),
            ],
        );
    }

    #[test]
    fn rates_of_drift_are_per_hour() {
        check(
            |text| of_unit(Unit::RatioPerHour, text),
            &[
                ("10%/h", Ok(0.1)),
                ("12 % / d", Ok(0.005)),
                ("16.8%/week", Ok(0.001)),
                ("10%", Err("says no time")),
                ("0.1/h", Err("has no unit")),
                ("10%/y", Err("has the unknown unit \"/y\"")),
            ],
        );
        check(
            |text| of_unit(Unit::BytesPerHour, text),
            &[("64KiB/min", Ok(3_932_160.0)), ("1MiB/h", Ok(1_048_576.0)), ("64KiB", Err("says no time"))],
        );
        check(
            |text| of_unit(Unit::PerHour, text),
            &[
                ("1.5/h", Ok(1.5)),
                ("168/week", Ok(1.0)),
                ("inf/h", Err("is not a number")),
                ("-1/h", Err("is negative")),
                ("1e3/h", Err("has \"e3\" behind a plain number")),
            ],
        );
    }

    #[test]
    fn the_help_shows_what_was_probably_meant() {
        let help = |r: Result<f64, Trouble>| r.unwrap_err().help;
        assert_eq!(duration("100").unwrap_err().help, "write 100ms or 100s");
        assert_eq!(help(share("0.95")), "write 95%");
        assert_eq!(help(share("95")), "write 95%");
        assert_eq!(help(rate("50")), "write 50/s");
    }

    proptest! {
        /// No text makes a reader panic, and whole seconds survive.
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,30}", seconds in 0u64..1_000_000) {
            for unit in [
                Unit::Count,
                Unit::Seconds,
                Unit::Bytes,
                Unit::Ratio,
                Unit::PerSecond,
                Unit::PerHour,
                Unit::BytesPerHour,
                Unit::RatioPerHour,
            ] {
                let _ = of_unit(unit, &text);
            }
            prop_assert_eq!(duration(&format!("{seconds}s")), Ok(seconds * 1_000_000_000));
        }
    }
}
