//! Memory, descriptors, threads and CPU of the target, by role and by phase.

use std::collections::BTreeMap;

use evidence::role::Role;
use evidence::sample::{Group, Mark, Process, Sample};

use super::swap::{self, Swap};
use super::{Basis, Findings, Measured, Of, number, seconds};
use crate::reading::Evidence;
use crate::statistics::Interval;
use crate::windows::Window;

/// The groups that together are the target.
pub(crate) const TARGET: [Group; 4] = [Group::Master, Group::Coordinator, Group::Worker, Group::Support];

/// The whole target, and each role by itself: what a gate may select, and the groups that it stands for.
pub(super) fn by_role() -> impl Iterator<Item = (Option<&'static str>, Vec<Group>)> {
    let roles = Role::ALL.into_iter().map(|role| (Some(role.name()), vec![Group::from(role)]));
    std::iter::once((None, TARGET.to_vec())).chain(roles)
}

pub(super) fn find(evidence: &Evidence, findings: &mut Findings) {
    let (swapped, of_one) = (swap::of_group(evidence), swap::of_process(evidence));
    for (selector, groups) in by_role() {
        let samples: Vec<&Sample> = evidence.samples.iter().filter(|s| groups.contains(&s.group)).collect();
        for window in std::iter::once(None).chain(evidence.windows.iter().map(Some)) {
            let of = Of { selector, phase: window.map(|w| w.phase.as_str()) };
            let here: Vec<&Sample> =
                samples.iter().copied().filter(|s| window.is_none_or(|w| w.holds(s.at_ns))).collect();
            let peaks = evidence.peaks().iter().filter(|s| groups.contains(&s.group));
            let peaks: Vec<&Sample> = peaks.filter(|s| window.is_none_or(|w| w.holds(s.at_ns))).collect();
            greatest(&peaks, of_one, of, findings);
            let most = total(&peaks, swapped, of, findings);
            let host = number(evidence.manifest.host.memory);
            if let Some((n, Interval { lo, hi })) = most.filter(|_| window.is_none() && host > 0.0) {
                let share = Interval { lo: lo / host, hi: hi / host };
                findings.put("memory.host_share", of, Measured::at_least(Basis::Samples, n, share));
            }
            if let Some(cores) = cores(&here) {
                findings.put("cpu.cores", of, cores);
            }
            // Without a phase, the mean is that of the hold phase: its name says "at its last reading".
            let hold = evidence.windows.iter().find(|w| w.phase == "hold");
            mean_proportional(&samples, window.or(hold), swapped, of, findings);
        }
        returned(&evidence.processes, &groups, Of { selector, phase: None }, findings);
    }
}

/// The largest process at any time, with what may have been swapped out of it.
fn greatest(samples: &[&Sample], swapped: Swap, of: Of<'_>, findings: &mut Findings) {
    let nothing: Swap = |_| 0.0;
    for (name, of_sample, swapped) in [
        ("memory.private.max", (|s| s.private_max) as fn(&Sample) -> Option<u64>, nothing),
        ("memory.rss.max", |s| s.rss_max, swapped),
        ("memory.pss.max", |s| s.pss_max, swapped),
        ("descriptors.max", |s| s.descriptors_max, nothing),
        ("threads.max", |s| s.threads_max, nothing),
    ] {
        let read = samples.iter().filter_map(|s| of_sample(s).map(|found| held(number(found), swapped(s))));
        if let Some(most) = most(read) {
            let n = ticks(samples.iter().filter(|s| of_sample(s).is_some()).map(|s| s.at_ns));
            findings.put(name, of, Measured::at_least(Basis::Samples, n, most));
        }
    }
}

/// What was held: at least what was found in memory, at most that and what was swapped out.
fn held(found: f64, swapped: f64) -> Interval {
    Interval { lo: found, hi: found + swapped }
}

/// The greatest of several.
fn most(held: impl Iterator<Item = Interval>) -> Option<Interval> {
    held.reduce(|a, b| Interval { lo: a.lo.max(b.lo), hi: a.hi.max(b.hi) })
}

/// How many different moments there are; a tick has one sample a group.
fn ticks(times: impl Iterator<Item = u64>) -> u64 {
    let mut times: Vec<u64> = times.collect();
    times.sort_unstable();
    times.dedup();
    times.len() as u64
}

/// The groups of one slow tick added up. Of a large group only some processes were read in that tick, in turn;
/// the others are taken to be like them. Resident or anonymous memory cannot be added up at all: forked
/// processes share pages, and a sum would count each page once a process. How many ticks, and the greatest sum, with what was
/// swapped out in the tick above it.
fn total(samples: &[&Sample], swapped: Swap, of: Of<'_>, findings: &mut Findings) -> Option<(u64, Interval)> {
    let mut by_tick: BTreeMap<u64, Option<Interval>> = BTreeMap::new();
    for sample in samples.iter().filter(|s| s.processes > 0) {
        let sum = by_tick.entry(sample.at_ns).or_insert(Some(Interval::exact(0.0)));
        let read = sample.pss_sum.zip(sample.pss_processes.filter(|n| *n > 0));
        let group = read.map(|(sum, read)| number(sum) / f64::from(read) * f64::from(sample.processes));
        let group = group.map(|found| held(found, swapped(sample)));
        *sum = sum.zip(group).map(|(a, b)| Interval { lo: a.lo + b.lo, hi: a.hi + b.hi });
    }
    let sums: Vec<Interval> = by_tick.into_values().flatten().collect();
    let (n, most) = (sums.len() as u64, most(sums.into_iter())?);
    findings.put("memory.total.max", of, Measured::at_least(Basis::Samples, n, most));
    Some((n, most))
}

/// CPU time between the first and the last tick over the time between them.
pub(super) fn cores(samples: &[&Sample]) -> Option<Measured> {
    let mut groups: BTreeMap<Group, (&Sample, &Sample)> = BTreeMap::new();
    for sample in samples.iter().copied().filter(|s| s.cpu_ns.is_some()) {
        groups.entry(sample.group).or_insert((sample, sample)).1 = sample;
    }
    let mut rate = 0.0;
    for (first, last) in groups.values() {
        let length = last.at_ns.checked_sub(first.at_ns).filter(|ns| *ns > 0)?;
        rate += seconds(last.cpu_ns?.saturating_sub(first.cpu_ns?)) / seconds(length);
    }
    let n = ticks(samples.iter().filter(|s| s.cpu_ns.is_some()).map(|s| s.at_ns));
    (!groups.is_empty()).then(|| Measured::exact(Basis::Samples, n, rate))
}

/// The last reading of proportional memory of each group in the window, as a mean over processes. Those that were read
/// are taken to have their part of what was swapped out of the group.
fn mean_proportional(
    samples: &[&Sample],
    window: Option<&Window>,
    swapped: Swap,
    of: Of<'_>,
    findings: &mut Findings,
) {
    let mut last: BTreeMap<Group, (f64, f64, u64)> = BTreeMap::new();
    for sample in samples.iter().filter(|s| window.is_none_or(|w| w.holds(s.at_ns))) {
        if let (Some(sum), Some(read @ 1..)) = (sample.pss_sum, sample.pss_processes) {
            let part = f64::from(read) / f64::from(sample.processes.max(read));
            last.insert(sample.group, (number(sum), swapped(sample) * part, u64::from(read)));
        }
    }
    let (found, out, read) =
        last.values().fold((0.0, 0.0, 0), |(f, o, r), (found, out, read)| (f + found, o + out, r + read));
    if read > 0 {
        let mean = held(found / number(read), out / number(read));
        findings.put("memory.pss.mean", of, Measured::at_least(Basis::Samples, read, mean));
    }
}

/// What a process kept: after the drain against after the warm-up, for those that lived through both.
fn returned(processes: &[Process], groups: &[Group], of: Of<'_>, findings: &mut Findings) {
    let marked = |mark: Mark| {
        let rows = processes.iter().filter(move |p| p.mark == mark && groups.contains(&p.group));
        rows.map(|p| ((p.pid, p.agent, p.epoch), p)).collect::<BTreeMap<_, _>>()
    };
    let before = marked(Mark::Baseline);
    let after = marked(Mark::Drained);
    let pairs = |read: fn(&Process) -> Option<u64>| -> Vec<(f64, f64)> {
        let both = before.iter().filter_map(|(key, b)| Some((read(b)?, read(after.get(key)?)?)));
        both.map(|(b, a)| (number(b), number(a))).collect()
    };
    let memory = pairs(|p| p.private);
    let (was, is) = memory.iter().fold((0.0, 0.0), |(was, is), (b, a)| (was + b, is + a));
    if was > 0.0 {
        let found = Measured::exact(Basis::Processes, memory.len() as u64, is / was - 1.0);
        findings.put("memory.return", of, found);
    }
    for (name, read) in [
        ("descriptors.return", (|p| p.descriptors) as fn(&Process) -> Option<u64>),
        ("threads.return", |p| p.threads),
    ] {
        let kept = pairs(read);
        if let Some(most) = kept.iter().map(|(b, a)| a - b).reduce(f64::max) {
            findings.put(name, of, Measured::exact(Basis::Processes, kept.len() as u64, most));
        }
    }
}
