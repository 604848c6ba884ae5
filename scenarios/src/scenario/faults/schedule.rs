//! When a fault is due.

use crate::format::tables;
use crate::plan::When;
use crate::problem::{Place, Problem};
use crate::reader::{Fields, Reader};
use crate::scenario::Lengths;
use crate::tree::{At, Kind};

/// A day, in nanoseconds.
const DAY: u64 = 86_400_000_000_000;

/// When it is due.
#[derive(Debug, Clone)]
pub(crate) enum Schedule {
    Once(At<u64>),
    /// As the phase begins, or so long after.
    Phase {
        phase: &'static str,
        after: u64,
        place: Place,
    },
    Repeated {
        every: u64,
        from: Option<At<u64>>,
        until: Option<At<u64>>,
    },
    /// At these moments.
    Listed(Vec<At<u64>>),
    /// So often, at moments to be drawn.
    Random {
        times: u64,
        from: Option<At<u64>>,
        until: Option<At<u64>>,
    },
}

impl Schedule {
    /// Whether it is due once, by the way it was written.
    pub(crate) fn is_single(&self) -> bool {
        matches!(self, Self::Once(_) | Self::Phase { .. })
    }

    /// How often it is due.
    pub(crate) fn times(&self, lengths: Lengths) -> u64 {
        match self {
            Self::Once(_) | Self::Phase { .. } => 1,
            Self::Repeated { every, .. } => {
                let (from, until) = self.window(lengths, 0);
                until.saturating_sub(from).div_ceil(*every)
            }
            Self::Listed(moments) => moments.len() as u64,
            Self::Random { times, .. } => *times,
        }
    }

    /// From when until when it can be due, jitter apart; `for_ns` is how long it acts.
    pub(crate) fn window(&self, lengths: Lengths, for_ns: u64) -> (u64, u64) {
        let or = |at: &Option<At<u64>>, default: u64| at.as_ref().map_or(default, |at| at.value);
        match self {
            Self::Once(at) => (at.value, at.value + 1),
            Self::Phase { phase, after, .. } => {
                let begins = if *phase == "hold" { lengths.warm_up } else { 0 };
                (begins.saturating_add(*after), begins.saturating_add(*after).saturating_add(1))
            }
            Self::Repeated { from, until, .. } => (or(from, lengths.warm_up), or(until, lengths.load())),
            Self::Listed(moments) => {
                let all = || moments.iter().map(|m| m.value);
                (all().min().unwrap_or(0), all().max().unwrap_or(0) + 1)
            }
            Self::Random { from, until, .. } => {
                (or(from, lengths.warm_up), or(until, lengths.load().saturating_sub(for_ns)))
            }
        }
    }

    /// When it is due each time, in order and before jitter; `draw` gives a number from 0 to its argument.
    pub(crate) fn moments(
        &self,
        lengths: Lengths,
        for_ns: u64,
        mut draw: impl FnMut(u64) -> u64,
    ) -> Vec<u64> {
        let (first, end) = self.window(lengths, for_ns);
        match self {
            Self::Once(_) | Self::Phase { .. } => vec![first],
            Self::Repeated { every, .. } => (0..self.times(lengths)).map(|n| first + n * every).collect(),
            Self::Listed(moments) => moments.iter().map(|m| m.value).collect(),
            Self::Random { times, .. } => {
                let last = end.saturating_sub(first).saturating_sub(1);
                let mut moments: Vec<u64> = (0..*times).map(|_| first + draw(last)).collect();
                moments.sort_unstable();
                moments
            }
        }
    }

    /// The last moment at which it can be due, jitter apart.
    pub(crate) fn latest(&self, lengths: Lengths, for_ns: u64) -> u64 {
        let (first, end) = self.window(lengths, for_ns);
        match self {
            Self::Repeated { every, .. } => first + self.times(lengths).saturating_sub(1) * every,
            _ => end.saturating_sub(1),
        }
    }

    /// Whether its moments stand in the file, so that they are the same with every seed.
    pub(crate) fn is_fixed(&self) -> bool {
        !matches!(self, Self::Random { .. })
    }
}

/// Which of the ways to say when was written.
pub(super) fn read(fields: &Fields<'_>, reader: &mut Reader) -> Option<Schedule> {
    refuse_foreign_keys(fields, reader);
    let phase = phase(fields);
    let written = tables::SCHEDULES.iter().find(|key| fields.get(key).is_some());
    match (written, phase) {
        (Some(key), Some((_, place))) => {
            let what = format!("{} says when already", fields.path("when"));
            let help = format!("keep it, or \"{key}\"");
            reader.problem(Problem::new(&place, what).help(help));
            None
        }
        (None, Some((phase, place))) => {
            let after = fields.number(reader, "after");
            let good = fields.get("after").is_none() || after.is_some();
            good.then(|| Schedule::Phase { phase, after: after.map_or(0, |a| a.value), place })
        }
        // A word that `when` does not take is told by its own reader, and may have meant a phase.
        (None, None) if is_no_word(fields) => None,
        (None, None) => {
            let keys: Vec<_> = tables::SCHEDULES.iter().map(|key| format!("\"{key}\"")).collect();
            let what = format!("{} has none of {}", fields.path("").trim_end_matches('.'), keys.join(", "));
            reader
                .problem(Problem::new(&fields.place, what).help("it needs one of them, or when: phase hold"));
            None
        }
        (Some(&"at"), None) => fields.number(reader, "at").map(Schedule::Once),
        (Some(&"every"), None) => {
            let every = fields.number(reader, "every");
            let (from, until) = (fields.number(reader, "from"), fields.number(reader, "until"));
            Some(Schedule::Repeated { every: every?.value, from, until })
        }
        (Some(&"days"), None) => days(fields, reader),
        (Some(_), None) => random(fields, reader),
    }
}

/// The phase with which it is due, where it is due with one. Whatever else stands there is not read here.
fn phase(fields: &Fields<'_>) -> Option<(&'static str, Place)> {
    let node = fields.get("when")?;
    let Kind::Scalar { text, .. } = &node.kind else { return None };
    let word = tables::WHEN.iter().find(|word| *word == text)?;
    word.strip_prefix("phase ").map(|phase| (phase, node.place.clone()))
}

fn is_no_word(fields: &Fields<'_>) -> bool {
    let known = |text: &String| tables::WHEN.contains(&text.as_str());
    fields.get("when").is_some_and(|node| !matches!(&node.kind, Kind::Scalar { text, .. } if known(text)))
}

fn days(fields: &Fields<'_>, reader: &mut Reader) -> Option<Schedule> {
    let days = fields.numbers(reader, "days");
    let time = fields.number(reader, "time").map_or(0, |t| t.value);
    let days = days?;
    for pair in days.windows(2).filter(|pair| pair[0].value >= pair[1].value) {
        let what = format!("{} has day {} behind day {}", fields.path("days"), pair[1].value, pair[0].value);
        reader.problem(Problem::new(&pair[1].place, what).help("write each day once, in order"));
    }
    let moment = |day: At<u64>| At { value: (day.value - 1) * DAY + time, place: day.place };
    Some(Schedule::Listed(days.into_iter().map(moment).collect()))
}

fn random(fields: &Fields<'_>, reader: &mut Reader) -> Option<Schedule> {
    let fields = fields.table(reader, "random", &tables::RANDOM)?;
    let times = fields.number(reader, "times");
    let (from, until) = (fields.number(reader, "from"), fields.number(reader, "until"));
    Some(Schedule::Random { times: times?.value, from, until })
}

/// Keys that belong to another way to say when.
fn refuse_foreign_keys(fields: &Fields<'_>, reader: &mut Reader) {
    let written = tables::SCHEDULES.iter().find(|key| fields.get(key).is_some());
    for (key, of) in [("from", "every"), ("until", "every"), ("time", "days")] {
        let Some(place) = fields.place_of(key) else { continue };
        let Some(written) = written.filter(|_| fields.get(of).is_none()) else { continue };
        let what = format!("{} belongs to \"{of}\", but this fault has \"{written}\"", fields.path(key));
        let help = match *written {
            "random" if of == "every" => "write it into the table random".to_owned(),
            _ => format!("remove it, or write {of}: instead of {written}:"),
        };
        reader.problem(Problem::new(place, what).help(help));
    }
    if let (Some(place), Some(_)) = (fields.place_of("jitter"), fields.get("random")) {
        let what = format!("{} does nothing for moments that are drawn already", fields.path("jitter"));
        reader.problem(Problem::new(place, what).help("remove it"));
    }
}

/// What must be the case, where something must.
pub(super) fn when(fields: &Fields<'_>, reader: &mut Reader) -> Option<When> {
    if let (None, Some(place)) = (fields.get("when"), fields.place_of("after")) {
        let what = format!("{} does nothing without \"when\"", fields.path("after"));
        reader.problem(Problem::new(place, what).help("write when: round in flight"));
        return None;
    }
    if fields.get("when").is_none() {
        return Some(When::Due {});
    }
    let word = fields.word(reader, "when")?;
    if word.value != tables::WHEN[0] {
        return Some(When::Due {});
    }
    let after = fields.number(reader, "after");
    if let Some(after) = after.as_ref().filter(|a| a.value > tables::LONGEST_INTO_ROUND) {
        let what = format!("{} is longer than a round can last", fields.path("after"));
        reader.problem(Problem::new(&after.place, what).help("the most is 1h"));
        return None;
    }
    Some(When::RoundInFlight { after_ns: after.map_or(0, |a| a.value) })
}
