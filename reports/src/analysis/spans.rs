//! Spans of time, in order and apart.

/// Spans in nanoseconds since the start of the run, each with its end left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spans(Vec<(u64, u64)>);

impl Spans {
    /// Those that overlap or touch become one.
    pub(super) fn new(spans: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut spans: Vec<(u64, u64)> = spans.filter(|(from, to)| from < to).collect();
        spans.sort_unstable();
        let mut apart: Vec<(u64, u64)> = Vec::new();
        for (from, to) in spans {
            match apart.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => apart.push((from, to)),
            }
        }
        Self(apart)
    }

    /// All of them.
    pub(super) fn all(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// How long they are together.
    pub(super) fn length(&self) -> u64 {
        self.0.iter().map(|(from, to)| to - from).sum()
    }

    /// The parts that lie in others as well.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let parts = self.0.iter().flat_map(|(from, to)| {
            let first = other.0.partition_point(|(_, end)| end <= from);
            let near = other.0[first..].iter().take_while(move |(begin, _)| begin < to);
            near.map(move |(begin, end)| (*from.max(begin), *to.min(end)))
        });
        Self::new(parts)
    }

    /// The parts that lie in none of the others.
    pub(super) fn less(&self, other: &Self) -> Self {
        let mut parts = Vec::new();
        for (from, to) in &self.0 {
            let first = other.0.partition_point(|(_, end)| end <= from);
            let mut at = *from;
            for (begin, end) in other.0[first..].iter().take_while(|(begin, _)| begin < to) {
                parts.push((at, *begin));
                at = at.max(*end);
            }
            parts.push((at, *to));
        }
        Self(parts.into_iter().filter(|(from, to)| from < to).collect())
    }

    /// Whether a moment lies in one of them.
    pub(super) fn hold(&self, at_ns: u64) -> bool {
        self.within(at_ns, at_ns.saturating_add(1)) > 0
    }

    /// How much of the time from one moment to another lies in them.
    pub(super) fn within(&self, from_ns: u64, to_ns: u64) -> u64 {
        let first = self.0.partition_point(|(_, to)| *to <= from_ns);
        let overlap = |(from, to): &(u64, u64)| to_ns.min(*to).saturating_sub(from_ns.max(*from));
        self.0[first..].iter().take_while(|(from, _)| *from < to_ns).map(overlap).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_within_spans_is_counted_once() {
        let spans = Spans::new([(30, 40), (10, 15), (12, 20), (50, 50)].into_iter());
        for ((from, to), expected) in
            [((0, 5), 0), ((5, 15), 5), ((0, 60), 20), ((12, 18), 6), ((20, 30), 0), ((35, 99), 5)]
        {
            assert_eq!(spans.within(from, to), expected, "{from} to {to}");
        }
        assert!(spans.hold(10) && !spans.hold(20) && !spans.hold(50));
    }

    #[test]
    fn spans_are_cut_by_others() {
        let spans = Spans::new([(0, 10), (20, 30)].into_iter());
        for (other, both, less) in [
            (vec![], vec![], vec![(0, 10), (20, 30)]),
            (vec![(5, 25)], vec![(5, 10), (20, 25)], vec![(0, 5), (25, 30)]),
            (vec![(2, 3), (4, 6)], vec![(2, 3), (4, 6)], vec![(0, 2), (3, 4), (6, 10), (20, 30)]),
            (vec![(0, 40)], vec![(0, 10), (20, 30)], vec![]),
        ] {
            let other = Spans::new(other.into_iter());
            assert_eq!((spans.intersection(&other).0, spans.less(&other).0), (both, less), "{other:?}");
        }
    }
}
