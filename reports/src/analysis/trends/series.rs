//! The series: which values, what breaks them, what is left out of them.

use std::collections::BTreeMap;

use evidence::event::{ClockChange, Edge, Fact, MemberState, Takeover};
use evidence::latency;
use evidence::role::Role;
use evidence::sample::{Group, Sample};

use super::{Watched, pair};
use crate::analysis::faults::{FaultFinding, Step, span};
use crate::analysis::load::{self, Load};
use crate::analysis::progress::RECOVERS_WITHIN_NS;
use crate::analysis::spans::Spans;
use crate::analysis::{number, seconds};
use crate::drift::{self, Point, Series};
use crate::reading::Evidence;

/// The unit in which the kernel gives memory.
pub(super) const PAGE: f64 = 4096.0;

/// The share of a group's processes from which on their replacement, or a change of their number, begins a new
/// segment: the mean of the group is then another one.
pub(crate) const ANOTHER: f64 = 0.1;

/// How long a target settles after a fault before its values count again, in nanoseconds.
const SETTLES_NS: u64 = 1_000_000_000;

/// How long a harness takes until its memory is what it stays at, in nanoseconds: in runs with 100 agents the last page
/// of its start came after 36 to 68 s.
const HARNESS_SETTLES_NS: u64 = 60_000_000_000;

/// What all series of a run share.
pub(in crate::analysis) struct Context<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) load: &'a Load,
    pub(super) confidence: f64,
    pub(super) horizon_s: f64,
    excluded: Vec<(f64, f64)>,
    faults: Vec<(f64, String)>,
    /// Where the target was started again because its harness had died, or the clocks did not agree.
    breaks: Vec<f64>,
    /// When another harness took over: of a target that was kept, the processes are the same as before, and only
    /// the harness is another one.
    takeovers: Vec<u64>,
    /// The end of each interval, and the tasks answered until then.
    work: Vec<(u64, u64)>,
}

impl<'a> Context<'a> {
    pub(super) fn of(
        evidence: &'a Evidence,
        load: &'a Load,
        faults: &[FaultFinding],
        confidence: f64,
    ) -> Self {
        let horizon = evidence.manifest.soak.horizon_ns.unwrap_or_else(|| load.spans.length());
        let disturbed = faults.iter().zip(&evidence.manifest.faults).filter_map(|(fault, planned)| {
            let (begun, over) = span(fault)?;
            // One from which the target never came back would leave nothing.
            let grace = planned.recovers_within_ns.unwrap_or(RECOVERS_WITHIN_NS);
            let latest = fault.healed_ns.unwrap_or(begun).saturating_add(grace);
            Some((begun, over.min(latest).saturating_add(SETTLES_NS)))
        });
        let excluded = Spans::new(disturbed.chain(at_rest(evidence)));
        let clocks = load::clock_changes(evidence).filter(|(_, change, _)| *change != ClockChange::Stalled);
        let again = takeovers(evidence).filter(|(_, target)| *target != Takeover::Kept);
        let breaks = clocks.map(|(at_ns, ..)| at_ns).chain(again.map(|(at_ns, _)| at_ns));
        let mut named: Vec<(f64, String)> =
            faults.iter().filter_map(|f| Some((f.injected_s?, f.id.clone()))).collect();
        named.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self {
            evidence,
            load,
            confidence,
            horizon_s: seconds(horizon),
            excluded: excluded.all().iter().copied().map(pair).collect(),
            faults: named,
            breaks: breaks.map(seconds).collect(),
            takeovers: takeovers(evidence).map(|(at_ns, _)| at_ns).collect(),
            work: work(evidence),
        }
    }

    /// Values at these times, in order, with what is known of them.
    fn series(
        &self,
        values: impl Iterator<Item = (u64, f64)>,
        breaks: &[f64],
        quantum: Option<f64>,
    ) -> Series {
        let under_load = values.filter(|(at_ns, value)| value.is_finite() && self.load.spans.hold(*at_ns));
        let points: Vec<Point> = under_load
            .map(|(at_ns, value)| Point { at_s: seconds(at_ns), value, work: self.work_until(at_ns) })
            .collect();
        let first = points.first().map_or(0.0, |p| p.at_s);
        let warm_up = seconds(self.load.begin_ns().saturating_add(self.load.warm_up_ns)) - first;
        Series {
            points,
            breaks: merged(&self.breaks, breaks.iter().copied()),
            excluded: self.excluded.clone(),
            faults: self.faults.clone(),
            declared_warm_up_s: warm_up.max(0.0),
            quantum,
            ..Series::default()
        }
    }

    /// The mean over the processes of these groups. A tick in which one of them could not be read has no value: the
    /// mean of the others is another one.
    pub(super) fn of_groups(&self, watched: Watched, groups: &[Group]) -> Series {
        let read: fn(&Sample) -> Option<u64> = match watched {
            Watched::Descriptors => |s| s.descriptors_sum,
            Watched::Threads => |s| s.threads_sum,
            _ => |s| s.private_sum,
        };
        let mut ticks: BTreeMap<u64, (Option<u64>, u64)> = BTreeMap::new();
        for s in self.evidence.samples.iter().filter(|s| groups.contains(&s.group) && s.processes > 0) {
            let (sum, processes) = ticks.entry(s.at_ns).or_insert((Some(0), 0));
            *sum = sum.zip(read(s)).map(|(sum, value)| sum.saturating_add(value));
            *processes += u64::from(s.processes);
        }
        let most = ticks.values().map(|(_, processes)| *processes).max().unwrap_or(1);
        let unit = if watched.unit() == evidence::unit::Unit::Bytes { PAGE } else { 1.0 };
        let breaks = self.others(&ticks, groups);
        let values = ticks
            .iter()
            .filter_map(|(at, (sum, processes))| Some((*at, number((*sum)?) / number(*processes))));
        self.series(values, &breaks, Some(unit / number(most)))
    }

    /// The memory of the harness, and whether the levels of its processes are compared. Each that took over is another
    /// process, which settles as the first did in the warm-up, and a slope is taken within each. Where that leaves less
    /// than half of the load they lived too short to drift: then it is asked whether one holds more than the one before,
    /// each from when it has taken a dear reading, in which it fills its buffers.
    pub(super) fn harness(&self) -> (Series, bool) {
        let series = self.of_groups(Watched::Harness, &[Group::Harness]);
        let dear_ns = self.evidence.manifest.sampling.slow_every_ns.saturating_add(SETTLES_NS);
        let young = |for_ns| self.takeovers.iter().map(move |at_ns| (*at_ns, at_ns.saturating_add(for_ns)));
        let settled = self.load.spans.less(&Spans::new(young(HARNESS_SETTLES_NS)));
        let compared = settled.length() < self.load.spans.length() / 2;
        let left_out_ns = if compared { dear_ns.min(HARNESS_SETTLES_NS) } else { HARNESS_SETTLES_NS };
        let left_out = young(left_out_ns).map(pair);
        let excluded = series.excluded.iter().copied().chain(left_out).collect();
        let breaks = merged(&series.breaks, self.takeovers.iter().copied().map(seconds));
        let lives = Series { breaks, excluded, ..series };
        (if compared { drift::levels(&lives) } else { lives }, compared)
    }

    /// When so many processes were replaced at once, or came or went, that a mean over them is another one.
    fn others(&self, ticks: &BTreeMap<u64, (Option<u64>, u64)>, groups: &[Group]) -> Vec<f64> {
        let roles: Vec<Role> = Role::ALL.into_iter().filter(|r| groups.contains(&Group::from(*r))).collect();
        let mut replaced: BTreeMap<u64, u64> = BTreeMap::new();
        for event in &self.evidence.events {
            let Fact::Member { role, state: MemberState::Replaced, .. } = &event.fact else { continue };
            if let Some((tick, _)) = ticks.range(event.at_ns..).next().filter(|_| roles.contains(role)) {
                *replaced.entry(*tick).or_default() += 1;
            }
        }
        let pairs = ticks.iter().zip(ticks.iter().skip(1));
        let changed = pairs.filter_map(|((_, (_, before)), (at, (_, after)))| {
            let others = before.abs_diff(*after).max(replaced.get(at).copied().unwrap_or(0));
            (number(others) >= ANOTHER * number(*before)).then_some(seconds(*at))
        });
        changed.collect()
    }

    /// The time of each round that was complete; of others it is only known that they took longer, which gates on
    /// delivery account for.
    pub(super) fn rounds(&self) -> Series {
        let complete = self.evidence.rounds.iter().filter(|r| r.delivered >= r.expected && r.expected > 0);
        let took = complete.filter_map(|r| {
            let ended = r.started_ns.and(r.ended_ns)?;
            Some((r.due_ns, seconds(ended.saturating_sub(r.due_ns))))
        });
        self.series(took, &[], None)
    }

    /// What is asked of every series.
    pub(super) fn question(&self) -> drift::Question {
        drift::Question { confidence: self.confidence, ..drift::Question::over(self.horizon_s) }
    }

    /// Values that nothing but the run itself breaks.
    pub(super) fn of_values(&self, values: impl Iterator<Item = (u64, f64)>) -> Series {
        self.series(values, &[], None)
    }

    /// Whether another harness took over within this time.
    pub(super) fn taken_over(&self, within: std::ops::Range<u64>) -> bool {
        self.takeovers.iter().any(|at_ns| within.contains(at_ns))
    }

    /// The median response time of each interval.
    pub(super) fn response(&self) -> Series {
        let points = self.evidence.latency.get(&latency::Series::Response).map_or(&[][..], |d| &d.points);
        self.series(points.iter().map(|p| (p.at_ns + p.length_ns / 2, p.p50)), &[], None)
    }

    /// The recovery time of each fault, by when it was injected.
    pub(super) fn recovery(&self, faults: &[FaultFinding]) -> Series {
        let mut took: Vec<(u64, f64)> = faults
            .iter()
            .filter_map(|f| match f.recovery.steady {
                Some(Step::Took(s)) => Some((f.begun_ns?, s)),
                _ => None,
            })
            .collect();
        took.sort_by_key(|(at_ns, _)| *at_ns);
        let series = self.series(took.into_iter(), &[], None);
        Series {
            excluded: Vec::new(),
            faults: Vec::new(),
            breaks: Vec::new(),
            declared_warm_up_s: 0.0,
            ..series
        }
    }

    /// One agent's own memory: by when it was read, and which of its lives it was.
    pub(super) fn of_agent(&self, rows: &[super::agents::Row]) -> Series {
        let lives = rows.windows(2).filter(|pair| pair[0].1 != pair[1].1).map(|pair| seconds(pair[1].0));
        let breaks: Vec<f64> = lives.collect();
        self.series(rows.iter().map(|(at_ns, _, private)| (*at_ns, number(*private))), &breaks, Some(PAGE))
    }

    /// What the target may come to hold: what it held at the end and what the host had left then, or the limit of
    /// its cgroup if that is less.
    pub(super) fn memory_limit(&self, held: f64) -> Option<f64> {
        let host = self.evidence.samples.iter().rev().filter(|s| s.group == Group::Host);
        let left = host.filter_map(|s| s.available).next().map(|left| held + number(left));
        let whole = Some(self.evidence.manifest.host.memory).filter(|memory| *memory > 0).map(number);
        let limits = [left.or(whole), self.named("memory.max")];
        limits.into_iter().flatten().reduce(f64::min)
    }

    /// The limit of descriptors that was in force for the processes of the target.
    pub(super) fn descriptor_limit(&self) -> Option<f64> {
        let told = self.evidence.events.iter().rev().find_map(|event| match event.fact {
            Fact::Limits { descriptors } => Some(descriptors),
            _ => None,
        });
        told.map(number)
    }

    /// A limit that the manifest holds.
    pub(super) fn named(&self, name: &str) -> Option<f64> {
        let limits = &self.evidence.manifest.host.limits;
        limits.iter().find(|(n, _)| n == name).and_then(|(_, value)| value.parse().ok())
    }

    /// Values of the whole target by tick: the sum of one number, the greatest of another, and the least by which it
    /// can change.
    pub(super) fn whole(
        &self,
        groups: &[Group],
        read: fn(&Sample) -> Option<u64>,
        add: fn(u64, u64) -> u64,
        quantum: f64,
    ) -> Series {
        let mut ticks: BTreeMap<u64, (Option<u64>, u64)> = BTreeMap::new();
        for s in self.evidence.samples.iter().filter(|s| groups.contains(&s.group) && s.processes > 0) {
            let (value, processes) = ticks.entry(s.at_ns).or_insert((Some(0), 0));
            *value = value.zip(read(s)).map(|(a, b)| add(a, b));
            *processes += u64::from(s.processes);
        }
        let breaks = self.others(&ticks, groups);
        let values = ticks.iter().filter_map(|(at, (value, _))| Some((*at, number((*value)?))));
        self.series(values, &breaks, Some(quantum))
    }

    /// Between two values further apart there is a gap.
    pub(super) fn gap_s(&self, watched: Watched) -> f64 {
        let manifest = &self.evidence.manifest;
        match watched {
            Watched::Rounds => seconds(manifest.workload.rounds_every_ns.unwrap_or(0)) * 3.0,
            Watched::Response => {
                let lengths = self.evidence.latency.get(&latency::Series::Response);
                seconds(lengths.and_then(|d| d.points.iter().map(|p| p.length_ns).max()).unwrap_or(0)) * 3.0
            }
            Watched::Recovery => f64::INFINITY,
            _ => seconds(load::longest_step_ns(self.evidence)),
        }
    }

    /// Tasks answered until a moment. Within an interval they are taken to be answered evenly.
    pub(super) fn work_until(&self, at_ns: u64) -> f64 {
        let next = self.work.partition_point(|(end, _)| *end <= at_ns);
        let before = next.checked_sub(1).map(|i| self.work[i]);
        match (before, self.work.get(next)) {
            (Some((from, had)), Some((to, has))) => {
                let share = number(at_ns - from) / number(to - from).max(1.0);
                number(had) + share * number(has - had)
            }
            (Some((_, had)), None) => number(had),
            (None, _) => 0.0,
        }
    }
}

/// All of them in order.
fn merged(some: &[f64], more: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<f64> = some.iter().copied().chain(more).collect();
    all.sort_by(f64::total_cmp);
    all
}

/// When another harness took over, and what became of the target.
fn takeovers(evidence: &Evidence) -> impl Iterator<Item = (u64, Takeover)> + '_ {
    evidence.events.iter().filter_map(|event| match event.fact {
        Fact::Resumed { target, .. } => Some((event.at_ns, target)),
        _ => None,
    })
}

fn work(evidence: &Evidence) -> Vec<(u64, u64)> {
    let mut until = 0_u64;
    let rows = evidence.intervals.iter().map(|r| {
        until = until.saturating_add(r.answered).saturating_add(r.late);
        (r.at_ns.saturating_add(r.length_ns), until)
    });
    rows.collect()
}

/// When work was withheld so that the target came to rest.
fn at_rest(evidence: &Evidence) -> Vec<(u64, u64)> {
    let mut rests: Vec<(u64, u64)> = Vec::new();
    for event in &evidence.events {
        match event.fact {
            Fact::Quiesce { edge: Edge::Begin, .. } => rests.push((event.at_ns, evidence.last_ns)),
            Fact::Quiesce { edge: Edge::End, .. } => {
                if let Some(open) = rests.last_mut() {
                    open.1 = event.at_ns.saturating_add(SETTLES_NS);
                }
            }
            _ => {}
        }
    }
    rests
}
