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
    /// A worker dies when it is given its n-th task.
    pub die_on_task: Option<u64>,
    /// A worker falls silent, but lives, when it is given its n-th task.
    pub hang_on_task: Option<u64>,
    /// Every task takes this much longer, in milliseconds.
    pub slow_ms: Option<u64>,
    /// Workers that lost their coordinator never get another one.
    #[serde(deserialize_with = "flag")]
    pub never_reassign: bool,
    /// Workers that lost their coordinator wait this long for another one, in milliseconds.
    pub reassign_after_ms: Option<u64>,
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
        _ => Err(serde::de::Error::custom("never_reassign is true or false")),
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
        ]
        .into_iter()
        .find_map(|(name, n)| (n == Some(0)).then_some(name))
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
    fn an_unknown_defect_and_a_zero_count_are_found() {
        assert!(serde_json::from_str::<Defects>(r#"{"drop_1_in":5,"drops":1}"#).is_err());
        let defects: Defects = serde_json::from_str(r#"{"late_1_in":0}"#).unwrap();
        assert_eq!(defects.zero(), Some("late_1_in"));
    }
}
