//! One series of many: what the agents of a role do on the whole.

use std::collections::BTreeMap;

use super::{Point, Series};

/// The mean of the agents at each moment at which any of them was sampled, over those that were. Wherever an agent
/// begins a new segment, joins or leaves, so does the mean: its level then changes though no agent's does. What moves the
/// agents together stays in the mean and counts as its noise, so that common movement is not mistaken for many witnesses.
///
/// Windows, faults, warm-up and period are those of the first agent: they belong to the run.
#[must_use]
pub fn pooled(agents: &[Series]) -> Series {
    let mut moments: BTreeMap<u64, Moment> = BTreeMap::new();
    for (agent, series) in agents.iter().enumerate() {
        for point in series.points.iter().filter(|p| p.value.is_finite() && p.at_s >= 0.0) {
            moments.entry(point.at_s.to_bits()).or_default().add(agent as u64, point);
        }
    }
    let mut breaks: Vec<f64> = agents.iter().flat_map(|series| series.breaks.iter().copied()).collect();
    let mut points = Vec::with_capacity(moments.len());
    let mut before: Option<(u64, u64)> = None;
    // The bits of numbers that are not negative are ordered as the numbers are.
    for (bits, moment) in moments {
        let at_s = f64::from_bits(bits);
        if before.replace(moment.members).is_some_and(|members| members != moment.members) {
            breaks.push(at_s);
        }
        points.push(moment.mean(at_s));
    }
    breaks.sort_by(f64::total_cmp);
    breaks.dedup();
    let quantum = agents.iter().filter_map(|series| series.quantum).fold(f64::INFINITY, f64::min);
    let first = agents.first().cloned().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a count of agents")]
    let quantum = quantum.is_finite().then(|| quantum / agents.len() as f64);
    Series { points, breaks, quantum, ..first }
}

/// The agents sampled at one moment.
#[derive(Default)]
struct Moment {
    count: f64,
    value: f64,
    work: f64,
    /// How many agents, and a mixture of which ones: other members, other numbers.
    members: (u64, u64),
}

impl Moment {
    fn add(&mut self, agent: u64, point: &Point) {
        self.count += 1.0;
        self.value += point.value;
        self.work += point.work;
        self.members.0 += 1;
        // The finaliser of SplitMix64 scatters neighbouring numbers over all 64 bits.
        let mixed = (agent + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        self.members.1 ^= mixed ^ (mixed >> 27);
    }

    fn mean(&self, at_s: f64) -> Point {
        Point { at_s, value: self.value / self.count, work: self.work / self.count }
    }
}
