//! When a target was steady again after a fault.
//!
//! The work comes in beats: rounds, or the intervals of the log where there are no rounds. Beats before the
//! fault set a band: a beat is inside it if no smaller share of its tasks was answered in time than in the
//! worst of them (less two points), and if it took no longer than [`SLACK`] times the slowest of them plus a
//! millisecond. The target is steady from the end of the first of [`IN_A_ROW`] consecutive beats inside the
//! band, once all earlier beats are over; the beat that was in flight counts as the first. If within
//! [`RELAPSE_NS`] from then, and before the next fault, a beat delivers less than the band allows, it was not
//! steady yet. So a target that was never unsteady is steady with the first beat complete after the fault, and
//! the resolution is the time between two beats. Beats of the warm-up, and those disturbed by earlier faults,
//! set no band.
//!
//! Where it is never steady by this, but would be with a slack of [`NOISE`] and ten milliseconds, it is only known
//! to have taken that long: beats somewhat slower than a few before a fault may be the noise of a busy host.

use evidence::latency::Series;

use super::{number, seconds};
use crate::reading::Evidence;

/// How many beats inside the band make it steady.
pub(crate) const IN_A_ROW: usize = 3;

/// For how long a target that seems steady must go on delivering, in nanoseconds.
pub(crate) const RELAPSE_NS: u64 = 1_000_000_000;

/// How much slower than the slowest before it a beat may be.
pub(crate) const SLACK: f64 = 1.5;

/// How much slower than the slowest before it a beat may be for all that a busy host can do.
pub(crate) const NOISE: f64 = 5.0;

/// The fewest beats that make a band, and the most that are looked at.
const BAND: std::ops::RangeInclusive<usize> = 3..=100;

/// One round, or one interval.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Beat {
    pub(super) begin_ns: u64,
    /// Absent while it was open when the evidence ended.
    pub(super) end_ns: Option<u64>,
    /// How long it took; of an interval, its 99th percentile. Absent if nothing was answered.
    pub(super) took_s: Option<f64>,
    /// The share of its tasks answered in time.
    pub(super) delivered: f64,
    pub(super) warm_up: bool,
}

/// When a target was steady again, in nanoseconds since the start of the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Steady {
    /// Then.
    At(u64),
    /// Not before this, as far as the evidence goes.
    NotBefore(u64),
}

/// The beats of a run, in the order in which they were due.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Beats {
    beats: Vec<Beat>,
    /// For each beat the end of the last of it and all before it: greatest of all while one is open.
    over_ns: Vec<u64>,
}

impl Beats {
    pub(super) fn of(evidence: &Evidence) -> Self {
        let rounds = evidence.manifest.workload.rounds_every_ns.is_some();
        Self::new(if rounds { of_rounds(evidence) } else { of_intervals(evidence) })
    }

    fn new(mut beats: Vec<Beat>) -> Self {
        beats.sort_by_key(|b| b.begin_ns);
        let last = |over: &mut u64, beat: &Beat| {
            *over = (*over).max(beat.end_ns.unwrap_or(u64::MAX));
            Some(*over)
        };
        let over_ns = beats.iter().scan(0, last).collect();
        Self { beats, over_ns }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.beats.is_empty()
    }

    pub(super) fn all(&self) -> &[Beat] {
        &self.beats
    }

    /// The places of those that were under way at some time between these two.
    pub(super) fn during(&self, from_ns: u64, to_ns: u64) -> Vec<usize> {
        let first = self.over_ns.partition_point(|over| *over <= from_ns);
        let end = self.beats.partition_point(|b| b.begin_ns < to_ns).max(first);
        (first..end).filter(|i| self.beats[*i].end_ns.is_none_or(|end| end > from_ns)).collect()
    }

    /// The 99th percentile of how long these took.
    pub(super) fn slowest(&self, places: &[usize]) -> Option<f64> {
        let mut took: Vec<f64> = places.iter().filter_map(|i| self.beats[*i].took_s).collect();
        took.sort_by(f64::total_cmp);
        let rank = (took.len() * 99).div_ceil(100);
        rank.checked_sub(1).map(|place| took[place])
    }

    /// The mean of what was delivered in these.
    pub(super) fn delivered(&self, places: &[usize]) -> Option<f64> {
        let sum: f64 = places.iter().map(|i| self.beats[*i].delivered).sum();
        (!places.is_empty()).then(|| sum / number(places.len() as u64))
    }

    /// Those that were not over at this moment, and all that came after it.
    fn after(&self, at_ns: u64) -> impl Iterator<Item = &Beat> {
        let first = self.over_ns.partition_point(|over| *over <= at_ns);
        self.beats[first..].iter().filter(move |b| b.end_ns.is_none_or(|end| end > at_ns))
    }

    /// Those that were over at this moment, the latest first.
    fn before(&self, at_ns: u64) -> impl Iterator<Item = &Beat> {
        let end = self.beats.partition_point(|b| b.begin_ns < at_ns);
        self.beats[..end].iter().rev().filter(move |b| b.end_ns.is_some_and(|end| end <= at_ns))
    }
}

fn of_rounds(evidence: &Evidence) -> Vec<Beat> {
    let rounds = evidence.rounds.iter().map(|r| Beat {
        begin_ns: r.due_ns,
        end_ns: if r.started_ns.is_some() { r.ended_ns } else { Some(r.due_ns) },
        took_s: r.started_ns.and(r.ended_ns).map(|end| seconds(end.saturating_sub(r.due_ns))),
        delivered: f64::from(r.delivered) / f64::from(r.expected.max(1)),
        warm_up: r.phase == "warm_up",
    });
    rounds.collect()
}

fn of_intervals(evidence: &Evidence) -> Vec<Beat> {
    let points = evidence.latency.get(&Series::Response).map_or(&[][..], |d| &d.points);
    let slack = |at_ns: u64, other: u64| at_ns.abs_diff(other) < 2_000_000;
    let rows = evidence.intervals.iter().filter(|r| r.sent > 0 || r.answered > 0);
    rows.map(|r| Beat {
        begin_ns: r.at_ns,
        end_ns: Some(r.at_ns + r.length_ns),
        // The log keeps the times of its intervals to the millisecond.
        took_s: points.iter().find(|p| slack(p.at_ns, r.at_ns)).map(|p| p.p99),
        delivered: (number(r.answered) / number(r.sent.max(1))).min(1.0),
        warm_up: r.phase == "warm_up",
    })
    .collect()
}

/// When the target was steady after a fault. `disturbed` are the spans of earlier faults. `None` where too
/// little went before to say what steady is.
pub(super) fn steady(beats: &Beats, fault: Fault, disturbed: &[(u64, u64)], last_ns: u64) -> Option<Steady> {
    steady_from(beats, fault.at_ns, fault, disturbed, last_ns)
}

/// The same from a later moment on, the end of the fault: by the band of before the fault.
pub(super) fn steady_from(
    beats: &Beats,
    fault_ns: u64,
    from: Fault,
    disturbed: &[(u64, u64)],
    last_ns: u64,
) -> Option<Steady> {
    let band = Band::before(beats, fault_ns, disturbed)?;
    match within(&band, beats, from, last_ns) {
        Steady::NotBefore(end) => {
            match within(&Band { slack: NOISE, more_s: 0.01, ..band }, beats, from, last_ns) {
                Steady::At(noisy) => Some(Steady::NotBefore(noisy.min(end))),
                Steady::NotBefore(_) => Some(Steady::NotBefore(end)),
            }
        }
        at @ Steady::At(_) => Some(at),
    }
}

/// The same for one band.
fn within(band: &Band, beats: &Beats, fault: Fault, last_ns: u64) -> Steady {
    let mut row = 0;
    // The end of the first of the beats in a row, and of everything before it.
    let mut since = fault.at_ns;
    let mut over = fault.at_ns;
    for beat in beats.after(fault.at_ns) {
        let end = beat.end_ns.unwrap_or(last_ns);
        if row >= IN_A_ROW && beat.begin_ns >= fault.next_ns.min(since + RELAPSE_NS) {
            break;
        }
        over = over.max(end);
        if row >= IN_A_ROW && band.delivers(beat) || band.holds(beat) {
            if row == 0 {
                since = over;
            }
            row += 1;
        } else {
            row = 0;
        }
    }
    match row {
        IN_A_ROW.. => Steady::At(since),
        1.. => Steady::NotBefore(since),
        0 => Steady::NotBefore(last_ns.max(over)),
    }
}

/// When a fault came, and when the next one did, in nanoseconds since the start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at_ns: u64,
    /// The greatest number for the last fault.
    pub(super) next_ns: u64,
}

#[derive(Clone, Copy)]
struct Band {
    slowest_s: f64,
    worst_delivery: f64,
    slack: f64,
    more_s: f64,
}

impl Band {
    fn before(beats: &Beats, fault_ns: u64, disturbed: &[(u64, u64)]) -> Option<Self> {
        let calm = |b: &&Beat| {
            let end = b.end_ns.unwrap_or(u64::MAX);
            !b.warm_up && !disturbed.iter().rev().any(|(from, to)| b.begin_ns < *to && end > *from)
        };
        let told = beats.before(fault_ns).filter(|b| b.took_s.is_some());
        let calm: Vec<&Beat> = told.filter(calm).take(*BAND.end()).collect();
        (calm.len() >= *BAND.start()).then(|| Self {
            slowest_s: calm.iter().filter_map(|b| b.took_s).fold(0.0, f64::max),
            worst_delivery: calm.iter().map(|b| b.delivered).fold(1.0, f64::min),
            slack: SLACK,
            more_s: 0.001,
        })
    }

    fn delivers(&self, beat: &Beat) -> bool {
        beat.end_ns.is_some() && beat.delivered >= self.worst_delivery - 0.02
    }

    fn holds(&self, beat: &Beat) -> bool {
        self.delivers(beat)
            && beat.took_s.is_some_and(|took| took <= self.slowest_s * self.slack + self.more_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// A beat each 100 ms from zero, taking as many milliseconds as given.
    fn beats(took_ms: &[u64]) -> Beats {
        let beat = |(i, took): (usize, &u64)| Beat {
            begin_ns: i as u64 * 100 * MS,
            end_ns: Some((i as u64 * 100 + took) * MS),
            took_s: Some(seconds(took * MS)),
            delivered: 1.0,
            warm_up: false,
        };
        Beats::new(took_ms.iter().enumerate().map(beat).collect())
    }

    fn alone(at_ns: u64) -> Fault {
        Fault { at_ns, next_ns: u64::MAX }
    }

    #[test]
    fn a_target_that_soon_fails_to_deliver_was_not_steady_yet() {
        let mut relapse = beats(&[10; 20]);
        relapse.beats[8].delivered = 0.5;
        let fault = alone(305 * MS);
        assert_eq!(steady(&relapse, fault, &[], 2000 * MS), Some(Steady::At(910 * MS)));
        let before_the_next = Fault { next_ns: 750 * MS, ..fault };
        assert_eq!(steady(&relapse, before_the_next, &[], 2000 * MS), Some(Steady::At(310 * MS)));
        relapse.beats[8].delivered = 1.0;
        relapse.beats[15].delivered = 0.5;
        assert_eq!(steady(&relapse, fault, &[], 2000 * MS), Some(Steady::At(310 * MS)), "that is too late");
        relapse.beats[15].delivered = 1.0;
        relapse.beats[8].took_s = Some(0.09);
        assert_eq!(steady(&relapse, fault, &[], 2000 * MS), Some(Steady::At(310 * MS)), "one slow beat");
    }

    #[test]
    fn a_target_that_hid_a_fault_and_breaks_on_its_end_is_not_steady_after_it() {
        let mut hidden = beats(&[10; 40]);
        for beat in &mut hidden.beats[33..] {
            (beat.took_s, beat.delivered) = (Some(5.0), 0.0);
            beat.end_ns = Some(beat.begin_ns + 5_000 * MS);
        }
        let fault = alone(305 * MS);
        assert_eq!(steady(&hidden, fault, &[], 9_000 * MS), Some(Steady::At(310 * MS)), "while it acts");
        let after = steady_from(&hidden, fault.at_ns, alone(3_250 * MS), &[], 9_000 * MS);
        assert!(matches!(after, Some(Steady::NotBefore(end)) if end >= 8_000 * MS), "{after:?}");
    }

    #[test]
    fn a_target_is_steady_with_the_first_of_three_beats_inside_the_band() {
        let at = |ms: u64| Some(Steady::At(ms * MS));
        let not_before = |ms: u64| Some(Steady::NotBefore(ms * MS));
        for (took_ms, fault_ms, expected) in [
            // Never unsteady: the beat in flight is the first.
            (&[10, 10, 10, 12, 10, 10][..], 305, at(312)),
            // The beat in flight is slow, the next three are not.
            (&[10, 10, 10, 80, 10, 10, 10], 305, at(410)),
            // One good beat between two slow ones is not steady.
            (&[10, 10, 10, 80, 10, 80, 10, 10, 10], 305, at(610)),
            // A slow beat that outlasts the next ones.
            (&[10, 10, 10, 250, 10, 10, 10], 305, at(550)),
            // The evidence ends too early to tell.
            (&[10, 10, 10, 80, 10, 10], 305, not_before(410)),
            // Never steady again.
            (&[10, 10, 10, 80, 80, 80], 305, not_before(1000)),
            // Nothing before it to compare with.
            (&[10, 10, 10, 10], 105, None),
        ] {
            let found = steady(&beats(took_ms), alone(fault_ms * MS), &[], 1000 * MS);
            assert_eq!(found, expected, "{took_ms:?}");
        }
    }

    #[test]
    fn beats_that_noise_can_explain_do_not_prove_that_a_target_was_never_steady() {
        let noisy = beats(&[10, 10, 10, 80, 40, 30, 10, 40, 12, 40]);
        assert_eq!(steady(&noisy, alone(305 * MS), &[], 1000 * MS), Some(Steady::NotBefore(440 * MS)));
    }

    #[test]
    fn beats_disturbed_by_an_earlier_fault_set_no_band() {
        let beats = beats(&[10, 10, 10, 90, 90, 10, 10, 90, 10, 10, 10]);
        let calm = steady(&beats, alone(705 * MS), &[(305 * MS, 510 * MS)], 2000 * MS);
        assert_eq!(calm, Some(Steady::At(810 * MS)));
        let blind = steady(&beats, alone(705 * MS), &[], 2000 * MS);
        assert_eq!(blind, Some(Steady::At(790 * MS)), "with them, the slow beat would have been inside");
    }
}
