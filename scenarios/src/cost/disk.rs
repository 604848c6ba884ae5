//! What each file of a run will hold, by the form in which a run of this length is kept.

use evidence::layout::{self, File};
use evidence::role::Role;
use evidence::sample::{Group, PSS_PER_GROUP};
use evidence::segment;
use evidence::tier::{Retention, SAMPLE_TIERS};

use super::load::{Stretch, seconds, stretches};
use super::{documents, history, latency, rows};
use crate::plan::Plan;
use crate::retention;

/// What each file of the run directory will hold, in bytes; of one in segments, all that are kept together.
#[must_use]
pub fn files(plan: &Plan) -> Vec<(File, u64)> {
    let disk = Disk::of(plan);
    let mut files = vec![
        (layout::EVENTS, history::events(plan)),
        (layout::JOURNAL, history::journal(plan)),
        (layout::ROUNDS, disk.rounds()),
        (layout::INTERVALS, disk.intervals()),
    ];
    files.extend(disk.samples());
    files.extend(disk.processes());
    files.extend(disk.latency());
    files.extend(documents::all(plan));
    files
}

struct Disk<'a> {
    plan: &'a Plan,
    kept: Retention,
    load: Vec<Stretch>,
    load_ns: u64,
    /// Groups of which there are rows, and how many processes each has.
    groups: Vec<(Group, u32)>,
}

impl<'a> Disk<'a> {
    fn of(plan: &'a Plan) -> Self {
        let of_role = |role: Role| (Group::from(role), retention::agents(plan).of(role));
        let others = [(Group::Support, 1), (Group::Harness, 1), (Group::Host, 1)];
        let roles = Role::ALL.into_iter().map(of_role).filter(|(_, count)| *count > 0);
        Self {
            plan,
            kept: retention::of(plan),
            load: stretches(plan),
            load_ns: plan.load_ends_ns(),
            groups: roles.chain(others).collect(),
        }
    }

    fn rounds(&self) -> u64 {
        whole(
            self.load
                .iter()
                .map(|of| of.length_s * of.rounds_per_s * float(rows::round(self.plan, of)))
                .sum(),
        )
    }

    fn intervals(&self) -> u64 {
        let length_s = seconds(self.kept.interval_ns);
        let row = |of: &Stretch| float(rows::interval(self.plan, of, self.kept.interval_ns));
        whole(self.load.iter().map(|of| of.length_s / length_s * row(of)).sum())
    }

    /// `samples.csv` and its tiers.
    fn samples(&self) -> Vec<(File, u64)> {
        let every_ns = self.plan.sample.every_ns.max(1);
        let ticks = |stretch_ns: u64| seconds(self.load_ns) / seconds(stretch_ns);
        // Beside the ticks: the points of rest and the last reading.
        let special = float(retention::rests(self.plan) + 1) * self.tick(1.0, 1);
        let raw = whole(ticks(every_ns) * self.tick(self.dear(every_ns), 1) + special);
        let mut files = vec![(layout::SAMPLES, in_segments(raw, !self.kept.samples_ns.is_empty()))];
        for stretch_ns in &self.kept.samples_ns {
            let rows = ticks(*stretch_ns) * self.tick(self.dear(*stretch_ns), stretch_ns / every_ns);
            files.extend(tier(*stretch_ns).map(|file| (file, whole(rows))));
        }
        files
    }

    /// The share of stretches of this length in which there is a dear reading.
    fn dear(&self, stretch_ns: u64) -> f64 {
        (seconds(stretch_ns) / seconds(self.plan.sample.slow_every_ns.max(1))).min(1.0)
    }

    /// Rows of all groups in the middle of the run, each for so many ticks; a share of them is dear.
    fn tick(&self, share: f64, ticks: u64) -> f64 {
        let ticks = u32::try_from(ticks).unwrap_or(u32::MAX);
        let row = |(group, count): &(Group, u32), dear| {
            float(rows::sample(*group, *count, self.load_ns / 2, dear, ticks))
        };
        let groups = self.groups.iter();
        groups.map(|group| share * row(group, true) + (1.0 - share) * row(group, false)).sum()
    }

    /// `processes.csv` and its tier.
    fn processes(&self) -> Vec<(File, u64)> {
        let slow_ns = self.plan.sample.slow_every_ns.max(1);
        // The readings with a mark: those of the points of rest, and the last.
        let marked = float(retention::rests(self.plan) + 1);
        let raw = (seconds(self.load_ns) / seconds(slow_ns) + 1.0 + marked) * self.each_process(1.0);
        let mut files = vec![(layout::PROCESSES, in_segments(whole(raw), self.kept.processes_ns.is_some()))];
        if let Some(stretch_ns) = self.kept.processes_ns {
            // No stretch reaches over the edge of a phase.
            let stretches = seconds(self.load_ns) / seconds(stretch_ns) + 2.0;
            let readings = seconds(stretch_ns) / seconds(slow_ns);
            let bytes = stretches * self.each_process(readings) + marked * self.each_process(1.0);
            files.push((layout::PROCESSES_TIER, whole(bytes)));
        }
        files
    }

    /// A row of every process; of each so many readings.
    fn each_process(&self, readings: f64) -> f64 {
        let rows = self.groups.iter().filter(|(group, _)| *group != Group::Host).map(|(group, count)| {
            let agent = (!matches!(group, Group::Support | Group::Harness)).then_some(count / 2);
            let row = |pss| float(rows::process(*group, agent, self.load_ns / 2, pss));
            // In turn, where there are many.
            let read = (PSS_PER_GROUP as f64 / f64::from(*count) * readings).min(1.0);
            f64::from(*count) * (read * row(true) + (1.0 - read) * row(false))
        });
        rows.sum()
    }

    /// `latency.hlog` and its tier.
    fn latency(&self) -> Vec<(File, u64)> {
        let interval_s = seconds(self.kept.interval_ns);
        let lines = |share: f64, length_s: f64| {
            let of = |of: &Stretch| latency::lines(self.plan, of, share * of.length_s / length_s, length_s);
            self.load.iter().map(of).sum::<f64>()
        };
        let raw = in_segments(whole(lines(1.0, interval_s)), self.kept.latency_ns.is_some());
        let mut files = vec![(layout::LATENCY, raw)];
        if let Some(stretch_ns) = self.kept.latency_ns {
            let fine_ns: u64 = self.kept.fine_ns.iter().map(|(from, to)| to - from).sum();
            let fine = (seconds(fine_ns) / seconds(self.load_ns.max(1))).min(1.0);
            let tier = lines(fine, interval_s) + lines(1.0 - fine, seconds(stretch_ns));
            files.push((layout::LATENCY_TIER, whole(tier)));
        }
        files
    }
}

/// The files of a tier of the samples.
fn tier(stretch_ns: u64) -> [File; 3] {
    if stretch_ns == SAMPLE_TIERS[0] {
        [layout::SAMPLES_1M_MIN, layout::SAMPLES_1M, layout::SAMPLES_1M_MAX]
    } else {
        [layout::SAMPLES_10M_MIN, layout::SAMPLES_10M, layout::SAMPLES_10M_MAX]
    }
}

/// What is there of a file of so many bytes; of one in segments, those that are kept and half of the one that is
/// written.
fn in_segments(bytes: u64, bounded: bool) -> u64 {
    let most = segment::BYTES * segment::KEPT + segment::BYTES / 2;
    if bounded { bytes.min(most) } else { bytes }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes, far below 2^53")]
fn whole(bytes: f64) -> u64 {
    bytes as u64
}
