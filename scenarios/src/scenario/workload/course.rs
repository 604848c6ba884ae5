//! `daily`: what changes with the time of day.

use crate::format::{Scalar, Table, Value};
use crate::problem::Problem;
use crate::quantity;
use crate::reader::{Fields, Reader};
use crate::tree::{At, Kind, Node};

/// A day of the run, in nanoseconds. The first begins at zero.
const DAY: u64 = 86_400_000_000_000;

/// What holds from when on.
#[derive(Debug, Clone)]
pub(crate) enum Course<T> {
    /// Each day anew, in nanoseconds since the day began; the first at zero, in order.
    Daily(Vec<(u64, T)>),
    /// Once, in nanoseconds since the start of the run; the first at zero, in order.
    Once(Vec<(u64, T)>),
}

impl<T: Clone> Course<T> {
    /// What was written, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &T> {
        let (Self::Daily(entries) | Self::Once(entries)) = self;
        entries.iter().map(|(_, what)| what)
    }

    /// The same changes in less time: `shorter` says when each comes. Those that come at once become one.
    pub(crate) fn compress(&mut self, load: u64, shorter: impl Fn(u64) -> u64) {
        let mut moments: Vec<(u64, T)> = Vec::new();
        for (at, what) in self.moments(load) {
            let at = shorter(at);
            match moments.last_mut() {
                Some(last) if last.0 == at => last.1 = what,
                _ => moments.push((at, what)),
            }
        }
        *self = Self::Once(moments);
    }

    /// What holds from when on, from zero to the end of the load.
    pub(crate) fn moments(&self, load: u64) -> Vec<(u64, T)> {
        match self {
            Self::Once(moments) => moments.clone(),
            Self::Daily(day) => {
                let days = (0..load.div_ceil(DAY)).map(|number| number * DAY);
                let all =
                    days.flat_map(|begins| day.iter().map(move |(from, what)| (begins + from, what.clone())));
                all.take_while(|(at, _)| *at < load).collect()
            }
        }
    }
}

/// How many workers take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workers {
    Count(u32),
    /// In millionths of all.
    Share(u64),
}

impl Workers {
    /// How many that is of so many; a share is rounded up, so that it is never nobody.
    pub(crate) fn of(self, all: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Share(millionths) => {
                u32::try_from((u64::from(all) * millionths).div_ceil(1_000_000)).unwrap_or(all)
            }
        }
    }
}

/// The entries under `daily`; `what` reads what each of them says beside its time.
pub(super) fn read<'n, T>(
    fields: &Fields<'n>,
    table: &'static Table,
    reader: &mut Reader,
    what: impl Fn(&Fields<'n>, &mut Reader) -> Option<T>,
) -> Option<Course<T>> {
    fields.get("daily")?;
    let items = fields.list(reader, "daily")?;
    let mut entries = Vec::new();
    let mut last: Option<Option<u64>> = None;
    for (path, item) in &items {
        let Some(entry) = reader.table(item, table, path) else {
            last = Some(None);
            continue;
        };
        let from = from(&entry, last, reader);
        last = Some(from);
        let what = what(&entry, reader);
        entries.push(from.zip(what));
    }
    // An item that is no table has left a problem too.
    (entries.len() == items.len()).then_some(())?;
    Some(Course::Daily(entries.into_iter().collect::<Option<_>>()?))
}

/// From when on an entry holds; `last` is when the one before does, where there is one and it could be read.
fn from(entry: &Fields<'_>, last: Option<Option<u64>>, reader: &mut Reader) -> Option<u64> {
    let node = entry.get("from")?;
    let path = entry.path("from");
    let text = reader.text(node, &path, Scalar::TimeOfDay)?;
    let from = reader.quantity(node, &path, quantity::time_of_day(text))?;
    let help = match last {
        None if from > 0 => "the first entry is from 00:00, when the run's day begins",
        Some(Some(last)) if from <= last => "entries stand in the order of the day, each time once",
        _ => return Some(from),
    };
    reader.problem(Problem::new(&node.place, format!("{path} is {}", node.described())).help(help));
    None
}

/// `workers`, as a number or as a share.
pub(super) fn workers(entry: &Fields<'_>, reader: &mut Reader) -> Option<At<Workers>> {
    let node = entry.get("workers")?;
    let path = entry.path("workers");
    let Value::Either([Value::Scalar(count), Value::Scalar(share)]) = entry.takes("workers") else {
        unreachable!("{path} is no number or share")
    };
    let value = if is_share(node) {
        Workers::Share(reader.number(node, &path, *share)?)
    } else {
        Workers::Count(u32::try_from(reader.number(node, &path, *count)?).unwrap_or(u32::MAX))
    };
    Some(At { value, place: node.place.clone() })
}

fn is_share(node: &Node) -> bool {
    matches!(&node.kind, Kind::Scalar { text, .. } if text.trim_end().ends_with('%'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    #[test]
    fn each_day_begins_anew_and_the_load_ends_it() {
        let course = Course::Daily(vec![(0, 'a'), (9 * HOUR, 'b')]);
        let hours = |load: u64| {
            course.moments(load * HOUR).into_iter().map(|(at, what)| (at / HOUR, what)).collect::<Vec<_>>()
        };
        assert_eq!(hours(9), [(0, 'a')]);
        assert_eq!(hours(10), [(0, 'a'), (9, 'b')]);
        assert_eq!(hours(24), [(0, 'a'), (9, 'b')]);
        assert_eq!(hours(49), [(0, 'a'), (9, 'b'), (24, 'a'), (33, 'b'), (48, 'a')]);
    }

    #[test]
    fn a_share_is_rounded_up() {
        let of = |share, all| Workers::Share(share).of(all);
        assert_eq!((of(500_000, 5), of(1, 5), of(1_000_000, 5)), (3, 1, 5));
        assert_eq!(Workers::Count(7).of(5), 7);
    }
}
