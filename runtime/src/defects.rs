//! Planted defects, all off unless asked for: so that a gate can be shown to turn red.

use serde::Deserialize;

/// What is to be wrong with this swarm. `None` everywhere is a sound one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Defects {
    /// Every n-th answer is forgotten for good.
    pub drop_1_in: Option<u64>,
    /// Every n-th answer is passed on twice.
    pub duplicate_1_in: Option<u64>,
    /// Every n-th task is executed twice, and both executions answer.
    pub reexecute_1_in: Option<u64>,
    /// Every n-th answer is held back until after the next one of the same worker.
    pub reorder_1_in: Option<u64>,
    /// One byte of every n-th payload is changed on its way to the worker.
    pub corrupt_1_in: Option<u64>,
    /// Every n-th answer comes late, by [`Defects::late_ms`].
    pub late_1_in: Option<u64>,
    /// How late, in milliseconds; 1,000 unless said otherwise.
    pub late_ms: Option<u64>,
    /// Memory that a worker never gives back, in bytes for each task.
    pub leak_bytes_per_task: Option<u64>,
    /// Descriptors that a worker never closes, for each task.
    pub leak_descriptor_per_task: Option<u64>,
    /// Every n-th task of a worker leaves a thread that never ends.
    pub leak_thread_1_in: Option<u64>,
    /// A worker dies when it is given its n-th task.
    pub die_on_task: Option<u64>,
    /// A worker dies each time that so many milliseconds have passed, one after the other.
    pub die_every_ms: Option<u64>,
    /// A worker falls silent, but lives, when it is given its n-th task.
    pub hang_on_task: Option<u64>,
    /// Every task takes this much longer, in milliseconds.
    pub slow_ms: Option<u64>,
    /// The work of a task takes longer by this share of itself for each minute that its worker has lived, in millionths.
    pub slower_per_minute: Option<u64>,
    /// Workers that lost their coordinator never get another one.
    #[serde(deserialize_with = "flag")]
    pub never_reassign: bool,
    /// Workers that lost their coordinator wait this long for another one, in milliseconds.
    pub reassign_after_ms: Option<u64>,
    /// They wait this much longer, in milliseconds, with every coordinator that was lost before.
    pub reassign_slower_ms: Option<u64>,
    /// It tells half of its executions, and that nothing is open whatever is.
    #[serde(deserialize_with = "flag")]
    pub false_gauges: bool,
}

/// A flag may be written as `true` or as `1`, as scenario files do for all other defects.
fn flag<'de, D: serde::Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Bool(bool),
        Number(u8),
    }
    match Flag::deserialize(from) {
        Ok(Flag::Bool(on)) => Ok(on),
        Ok(Flag::Number(n @ 0..=1)) => Ok(n == 1),
        _ => Err(serde::de::Error::custom("a defect without a size is true or false")),
    }
}

impl Defects {
    /// The name of a defect with a count of 0, which means nothing; `None` if all are sound.
    #[must_use]
    pub fn zero(&self) -> Option<&'static str> {
        [
            ("drop_1_in", self.drop_1_in),
            ("duplicate_1_in", self.duplicate_1_in),
            ("reexecute_1_in", self.reexecute_1_in),
            ("reorder_1_in", self.reorder_1_in),
            ("corrupt_1_in", self.corrupt_1_in),
            ("late_1_in", self.late_1_in),
            ("die_on_task", self.die_on_task),
            ("hang_on_task", self.hang_on_task),
            ("leak_thread_1_in", self.leak_thread_1_in),
            ("die_every_ms", self.die_every_ms),
        ]
        .into_iter()
        .find_map(|(name, n)| (n == Some(0)).then_some(name))
    }

    /// How long workers whose coordinator was lost after so many others wait for another one, in nanoseconds; `None`
    /// for ever.
    pub(crate) fn reassign_after_ns(&self, lost_before: u64) -> Option<u64> {
        let slower_ms = self.reassign_slower_ms.unwrap_or(0).saturating_mul(lost_before);
        let after_ms = self.reassign_after_ms.unwrap_or(0).saturating_add(slower_ms);
        (!self.never_reassign).then(|| after_ms.saturating_mul(1_000_000))
    }

    /// How much longer work of this length takes after so long a life, both in nanoseconds.
    pub(crate) fn drag_ns(&self, work_ns: u64, lived_ns: u64) -> u64 {
        let share = self.slower_per_minute.unwrap_or(0) as f64 / 1e6 * (lived_ns as f64 / 60e9);
        (work_ns as f64 * share) as u64
    }

    /// How late a late answer is, in nanoseconds.
    pub(crate) fn late_ns(&self) -> u64 {
        self.late_ms.unwrap_or(1_000) * 1_000_000
    }
}

/// Counts to n and starts again; never fires if there is no n.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EveryNth {
    n: Option<u64>,
    seen: u64,
}

impl EveryNth {
    pub(crate) fn new(n: Option<u64>) -> Self {
        Self { n, seen: 0 }
    }

    /// Counts one; whether it was an n-th.
    pub(crate) fn fires(&mut self) -> bool {
        let Some(n) = self.n else { return false };
        self.seen += 1;
        self.seen.is_multiple_of(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_is_every_third() {
        let mut third = EveryNth::new(Some(3));
        let fired: Vec<bool> = (0..7).map(|_| third.fires()).collect();
        assert_eq!(fired, [false, false, true, false, false, true, false]);
        assert!(!EveryNth::new(None).fires());
    }

    #[test]
    fn work_of_a_second_takes_a_hundredth_longer_after_a_minute_and_two_after_the_next() {
        let defects = Defects { slower_per_minute: Some(10_000), ..Defects::default() };
        let minute = 60_000_000_000;
        let drags = [0, minute, 2 * minute].map(|lived_ns| defects.drag_ns(1_000_000_000, lived_ns));
        assert_eq!(drags, [0, 10_000_000, 20_000_000]);
        assert_eq!(Defects::default().drag_ns(1_000_000_000, minute), 0);
    }

    #[test]
    fn every_coordinator_that_is_lost_is_replaced_later_than_the_one_before() {
        let defects = Defects { reassign_slower_ms: Some(50), ..Defects::default() };
        let waits = [0, 1, 4].map(|lost| defects.reassign_after_ns(lost));
        assert_eq!(waits, [Some(0), Some(50_000_000), Some(200_000_000)]);
        let never = Defects { never_reassign: true, ..Defects::default() };
        assert_eq!(never.reassign_after_ns(0), None);
    }

    #[test]
    fn an_unknown_defect_and_a_zero_count_are_found() {
        assert!(serde_json::from_str::<Defects>(r#"{"drop_1_in":5,"drops":1}"#).is_err());
        let defects: Defects = serde_json::from_str(r#"{"late_1_in":0}"#).unwrap();
        assert_eq!(defects.zero(), Some("late_1_in"));
    }
}
