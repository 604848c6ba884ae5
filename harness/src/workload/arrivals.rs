//! An open arrival process: the moments at which single tasks are due.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scenarios::plan::{Segment, Shape};

/// The moments of a list of segments, in order, made one at a time. The same segments and seed give the same
/// moments.
#[derive(Debug, Clone)]
pub struct Schedule {
    segments: Vec<Segment>,
    seed: u64,
    segment: usize,
    /// Tasks of this segment that were passed on.
    index: u64,
    /// Poisson: where in the segment the process is, in nanoseconds.
    position: f64,
    rng: ChaCha8Rng,
    next: Option<u64>,
    /// Tasks that were passed on, of all segments.
    passed: u64,
}

impl Schedule {
    /// The schedule from its beginning.
    #[must_use]
    pub fn new(segments: Vec<Segment>, seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let mut schedule =
            Self { segments, seed, segment: 0, index: 0, position: 0.0, rng, next: None, passed: 0 };
        schedule.begin_segment(0);
        schedule.advance();
        schedule
    }

    /// When the next task is due, in nanoseconds from zero; `None` when there are no more.
    #[must_use]
    pub fn next_ns(&self) -> Option<u64> {
        self.next
    }

    /// Passes on the next task if it is due: its moment.
    pub fn pop(&mut self, until_ns: u64) -> Option<u64> {
        let due = self.next.filter(|due| *due <= until_ns)?;
        self.advance();
        self.passed += 1;
        Some(due)
    }

    /// Passes on every task that is due before a moment, without telling when: how many they were. Where no moment is drawn
    /// that takes hardly longer for many than for few.
    pub fn skip(&mut self, until_ns: u64) -> u64 {
        let before = self.passed;
        while self.next.is_some_and(|due| due < until_ns) {
            self.passed += self.skip_to_last(until_ns) + 1;
            self.advance();
        }
        self.passed - before
    }

    /// Passes over the tasks of this segment that are due before a moment, but for the last of them, which is then the next:
    /// how many they were.
    fn skip_to_last(&mut self, until_ns: u64) -> u64 {
        let Some(segment) = self.segments.get(self.segment) else { return 0 };
        let end_ns = until_ns.saturating_sub(segment.at_ns).min(segment.length_ns);
        let due_ns =
            |index| moment(&segment.shape, segment.length_ns, index).filter(|due_ns| *due_ns < end_ns);
        // Moments of one segment are in order: between one that is due and one that is not lies the last.
        let next = self.index - 1;
        let (mut last, mut beyond) = (next, next + 1);
        while due_ns(beyond).is_some() {
            (last, beyond) = (beyond, beyond.saturating_mul(2));
        }
        while beyond - last > 1 {
            let middle = last + (beyond - last) / 2;
            *if due_ns(middle).is_some() { &mut last } else { &mut beyond } = middle;
        }
        let Some(due_ns) = due_ns(last) else { return 0 };
        (self.index, self.next) = (last + 1, Some(segment.at_ns + due_ns));
        last - next
    }

    /// How many tasks were passed on: the number of the next one, in the order of the plan.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.passed
    }

    fn begin_segment(&mut self, segment: usize) {
        self.segment = segment;
        self.index = 0;
        self.position = 0.0;
        // Every segment draws from a stream of its own, so that a change of one moves no task of another.
        self.rng = ChaCha8Rng::seed_from_u64(self.seed);
        self.rng.set_stream(segment as u64 + 1);
    }

    fn advance(&mut self) {
        self.next = None;
        while let Some(segment) = self.segments.get(self.segment) {
            let (at_ns, length_ns, shape) = (segment.at_ns, segment.length_ns, segment.shape.clone());
            if let Some(offset) = self.offset(&shape, length_ns).filter(|offset| *offset < length_ns) {
                self.index += 1;
                self.next = Some(at_ns + offset);
                return;
            }
            self.begin_segment(self.segment + 1);
        }
    }

    /// When task `self.index` of a segment is due, in nanoseconds from the segment's beginning.
    fn offset(&mut self, shape: &Shape, length_ns: u64) -> Option<u64> {
        let Shape::Poisson { per_second } = shape else { return moment(shape, length_ns, self.index) };
        let uniform: f64 = self.rng.random();
        self.position += -(1.0 - uniform).ln() / per_second * 1e9;
        nanos(self.position)
    }
}

/// When the `index`-th task of a segment is due, in nanoseconds from the segment's beginning; `None` where there is none, or
/// where its moment is drawn.
fn moment(shape: &Shape, length_ns: u64, index: u64) -> Option<u64> {
    #[expect(clippy::cast_precision_loss, reason = "a count of tasks or nanoseconds is far below 2^53")]
    let (number, length) = (index as f64, length_ns as f64);
    match shape {
        Shape::Silence {} | Shape::Poisson { .. } | Shape::Burst { count: 0, .. } => None,
        Shape::Constant { per_second } => nanos(number / per_second * 1e9),
        Shape::Ramp { from, to } => nanos(ramp(*from, *to, length / 1e9, number)? * 1e9),
        Shape::Burst { count, every_ns } => (index / u64::from(*count)).checked_mul(*every_ns),
    }
}

/// When the `index`-th task is due, in seconds, at a rate that goes from one value to another within `length`
/// seconds: the root of `from·t + (to − from)·t²/(2·length) = index`.
fn ramp(from: f64, to: f64, length: f64, index: f64) -> Option<f64> {
    let bend = (to - from) / length;
    if bend.abs() < 1e-12 {
        return Some(index / from);
    }
    let under_root = from * from + 2.0 * bend * index;
    // Written so that it loses no digits where `bend` is small.
    (under_root >= 0.0).then(|| if index == 0.0 { 0.0 } else { 2.0 * index / (from + under_root.sqrt()) })
}

/// A number of nanoseconds; `None` where it is none (a rate of zero).
fn nanos(value: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    (value.is_finite() && (0.0..9e18).contains(&value)).then_some(value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn moments(shape: Shape, length_ns: u64) -> Vec<u64> {
        let mut schedule = Schedule::new(vec![Segment { at_ns: 100, length_ns, shape }], 7);
        std::iter::from_fn(|| schedule.pop(u64::MAX)).collect()
    }

    #[test]
    fn each_shape_makes_as_many_tasks_due_as_its_rate_says() {
        for (shape, least, most) in [
            (Shape::Constant { per_second: 50.0 }, 100, 100),
            (Shape::Ramp { from: 0.0, to: 100.0 }, 100, 101),
            (Shape::Ramp { from: 100.0, to: 0.0 }, 99, 101),
            (Shape::Ramp { from: 50.0, to: 50.0 }, 100, 100),
            (Shape::Poisson { per_second: 1000.0 }, 1850, 2150),
            (Shape::Burst { count: 7, every_ns: SECOND / 2 }, 28, 28),
            (Shape::Burst { count: 0, every_ns: SECOND }, 0, 0),
            (Shape::Constant { per_second: 0.0 }, 0, 0),
            (Shape::Silence {}, 0, 0),
        ] {
            let count = moments(shape.clone(), 2 * SECOND).len();
            assert!((least..=most).contains(&count), "{shape:?}: {count}");
        }
    }

    proptest! {
        /// Whatever was passed on before, and wherever it goes on.
        #[test]
        fn tasks_that_are_skipped_are_as_many_as_would_have_been_passed_on(
            shape in prop_oneof![
                (0.1..5_000.0_f64).prop_map(|per_second| Shape::Constant { per_second }),
                Just(Shape::Constant { per_second: 1e9 / 3.0 }),
                Just(Shape::Ramp { from: 10.0, to: 90.0 }),
                Just(Shape::Poisson { per_second: 500.0 }),
                Just(Shape::Burst { count: 7, every_ns: 100_000 }),
                Just(Shape::Burst { count: 1_000, every_ns: 1_000 }),
            ],
            begun in 0_usize..20,
            until_ns in 0_u64..3_000_000,
        ) {
            let segment = |at_ns| Segment { at_ns, length_ns: 1_000_000, shape: shape.clone() };
            let mut one_by_one = Schedule::new(vec![segment(100), segment(1_000_100)], 7);
            for _ in 0..begun {
                one_by_one.pop(u64::MAX);
            }
            let mut at_once = one_by_one.clone();
            let skipped = at_once.skip(until_ns);
            let mut passed = 0;
            while until_ns > 0 && one_by_one.pop(until_ns - 1).is_some() {
                passed += 1;
            }
            prop_assert_eq!(skipped, passed);
            prop_assert_eq!(at_once.passed(), one_by_one.passed());
            let rest = |schedule: &mut Schedule| (0..50).map_while(|_| schedule.pop(u64::MAX)).collect::<Vec<_>>();
            prop_assert_eq!(rest(&mut at_once), rest(&mut one_by_one));
        }
    }

    #[test]
    fn many_tasks_are_skipped_at_once() {
        for shape in
            [Shape::Constant { per_second: 1e9 }, Shape::Burst { count: 1_000_000, every_ns: 1_000_000 }]
        {
            let mut schedule = Schedule::new(vec![Segment { at_ns: 0, length_ns: 3_600 * SECOND, shape }], 7);
            assert_eq!(schedule.skip(3_600 * SECOND), 3_600_000_000_000);
            assert_eq!(schedule.next_ns(), None);
        }
    }

    #[test]
    fn a_ramp_is_denser_where_its_rate_is_higher() {
        let due = moments(Shape::Ramp { from: 10.0, to: 90.0 }, 2 * SECOND);
        let early = due.iter().filter(|at| **at < 100 + SECOND).count();
        assert_eq!((due.len(), early), (100, 30));
    }

    #[test]
    fn a_segment_draws_from_its_own_stream() {
        let poisson =
            |at_ns| Segment { at_ns, length_ns: SECOND, shape: Shape::Poisson { per_second: 20.0 } };
        let silence = Segment { at_ns: 0, length_ns: SECOND, shape: Shape::Silence {} };
        let mut with = Schedule::new(vec![poisson(0), poisson(SECOND)], 3);
        let mut without = Schedule::new(vec![silence, poisson(SECOND)], 3);
        while with.pop(SECOND - 1).is_some() {}
        let rest = |s: &mut Schedule| std::iter::from_fn(|| s.pop(u64::MAX)).collect::<Vec<_>>();
        assert_eq!(rest(&mut with), rest(&mut without));
    }

    proptest! {
        /// Moments never go back, stay within their segments, and are the same for the same seed.
        #[test]
        fn moments_are_in_order_and_reproducible(
            rates in prop::collection::vec((0.0_f64..5000.0, 0.0_f64..5000.0, 1_u64..SECOND), 1..5),
            seed: u64,
        ) {
            let mut at_ns = 0;
            let segments: Vec<Segment> = rates.iter().enumerate().map(|(i, &(a, b, length_ns))| {
                let shape = match i % 3 {
                    0 => Shape::Ramp { from: a, to: b },
                    1 => Shape::Poisson { per_second: a },
                    _ => Shape::Constant { per_second: b },
                };
                at_ns += length_ns;
                Segment { at_ns: at_ns - length_ns, length_ns, shape }
            }).collect();
            let run = || {
                let mut schedule = Schedule::new(segments.clone(), seed);
                std::iter::from_fn(move || schedule.pop(u64::MAX)).collect::<Vec<_>>()
            };
            let due = run();
            prop_assert!(due.is_sorted());
            prop_assert!(due.last().is_none_or(|last| *last < at_ns));
            prop_assert_eq!(due, run());
        }
    }
}
