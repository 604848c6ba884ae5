//! Readings of processes, added up by group.

use evidence::sample::{Group, Sample};

use super::process::Reading;

/// The groups that are made of processes, in the order of their rows.
pub(super) const ALL: [Group; GROUPS] =
    [Group::Master, Group::Coordinator, Group::Worker, Group::Support, Group::Harness];
/// How many there are.
pub(super) const GROUPS: usize = 5;

/// The place of a group in tables. The host is no group of processes; what is told to belong to it counts as
/// support.
pub(super) fn slot(group: Group) -> usize {
    match group {
        Group::Master => 0,
        Group::Coordinator => 1,
        Group::Worker => 2,
        Group::Support | Group::Host => 3,
        Group::Harness => 4,
    }
}

/// Sum and maximum of one value over the processes of which it could be read.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    total: u64,
    max: u64,
    count: u32,
}

impl Sum {
    fn add(&mut self, value: Option<u64>) {
        if let Some(value) = value {
            self.total = self.total.saturating_add(value);
            self.max = self.max.max(value);
            self.count += 1;
        }
    }

    fn total(self) -> Option<u64> {
        (self.count > 0).then_some(self.total)
    }

    /// The sum over as many processes; that of some of them is not theirs.
    fn of_all(self, processes: u32) -> Option<u64> {
        self.total().filter(|_| self.count == processes)
    }

    fn max(self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }
}

/// All values of one group at one tick.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    processes: u32,
    rss: Sum,
    private: Sum,
    pss: Sum,
    swap: Sum,
    descriptors: Sum,
    threads: Sum,
}

impl Sums {
    pub(super) fn add(&mut self, reading: &Reading) {
        self.processes += 1;
        self.rss.add(reading.rss);
        self.private.add(reading.private);
        self.pss.add(reading.pss);
        self.swap.add(reading.swap);
        self.descriptors.add(reading.descriptors);
        self.threads.add(Some(reading.threads));
    }

    /// `cpu_ns` and `major_faults` are what the group has used since the start of the run.
    pub(super) fn sample(&self, at_ns: u64, group: Group, cpu_ns: u64, major_faults: u64) -> Sample {
        Sample {
            processes: self.processes,
            rss_sum: self.rss.of_all(self.processes),
            rss_max: self.rss.max(),
            private_sum: self.private.of_all(self.processes),
            private_max: self.private.max(),
            pss_sum: self.pss.total(),
            pss_max: self.pss.max(),
            pss_processes: (self.pss.count > 0).then_some(self.pss.count),
            descriptors_sum: self.descriptors.of_all(self.processes),
            descriptors_max: self.descriptors.max(),
            threads_sum: self.threads.total(),
            threads_max: self.threads.max(),
            cpu_ns: Some(cpu_ns),
            major_faults: Some(major_faults),
            swap: self.swap.of_all(self.processes),
            ..Sample::empty(at_ns, group)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_of_one_is_absent_of_all_and_does_not_count_as_zero() {
        let reading = |rss, pss| Reading { rss, pss, threads: 2, ..Reading::default() };
        let mut sums = Sums::default();
        sums.add(&reading(Some(10), None));
        sums.add(&reading(None, Some(7)));
        sums.add(&reading(Some(30), Some(5)));
        let sample = sums.sample(1, Group::Worker, 99, 3);
        let expected = Sample {
            processes: 3,
            rss_max: Some(30),
            pss_sum: Some(12),
            pss_max: Some(7),
            pss_processes: Some(2),
            threads_sum: Some(6),
            threads_max: Some(2),
            cpu_ns: Some(99),
            major_faults: Some(3),
            ..Sample::empty(1, Group::Worker)
        };
        assert_eq!(sample, expected);
    }

    #[test]
    fn every_group_of_processes_has_a_place_of_its_own() {
        let places: Vec<usize> = ALL.iter().map(|group| slot(*group)).collect();
        assert_eq!(places, (0..GROUPS).collect::<Vec<_>>());
    }
}
