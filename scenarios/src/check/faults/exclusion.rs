//! Faults that cannot act on the same thing at the same time: the second would undo the first, or find it done.

use evidence::role::Role;

use crate::format::scalar::written_duration;
use crate::plan::{Agents, FaultKind, Overlap};
use crate::problem::Problem;
use crate::reader::Reader;
use crate::scenario::faults::{Fault, Of};
use crate::scenario::{Lengths, Parts};

/// The one thing that a fault changes, where two cannot change it at once.
fn thing(kind: &FaultKind) -> Option<&'static str> {
    Some(match kind {
        FaultKind::Pause {} | FaultKind::Slow { .. } => "whether processes are stopped",
        FaultKind::Freeze {} => "whether processes are frozen",
        FaultKind::MemoryLimit { .. } => "the limit of the data segment",
        FaultKind::OutOfMemory { .. } | FaultKind::MemoryStall { .. } => "the memory cgroup",
        FaultKind::Descriptors { .. } => "the limit of descriptors",
        FaultKind::Processes { .. } => "the limit of processes",
        FaultKind::CpuPin { .. } => "the CPUs of processes",
        FaultKind::CpuQuota { .. } => "the CPU quota",
        FaultKind::DiskFull { .. } => "the room in the bus directory",
        FaultKind::InodesFull { .. } => "the inodes of the bus directory",
        FaultKind::ReadOnly {} => "whether the bus directory can be written",
        FaultKind::FileSize { .. } => "the limit of the size of a file",
        FaultKind::Clock { .. } => "the clock",
        FaultKind::Restart {} => "the whole target",
        _ => return None,
    })
}

/// A fault that is certain to act from one moment to another, with every seed.
struct Acting<'f> {
    fault: &'f Fault,
    from: u64,
    until: u64,
}

pub(super) fn check(parts: &Parts, lengths: Lengths, reader: &mut Reader) {
    let agents = parts.target.as_ref().and_then(|target| target.agents());
    let general = parts.chaos.as_ref().map_or(Overlap::Allow, |chaos| chaos.overlap());
    let mut acting = acting(parts, lengths);
    acting.sort_by_key(|one| one.from);
    let mut told: Vec<(&str, &str)> = Vec::new();
    for (index, later) in acting.iter().enumerate() {
        if later.fault.overlap.unwrap_or(general) != Overlap::Allow {
            continue;
        }
        for earlier in acting[..index].iter().filter(|earlier| earlier.until > later.from) {
            let ids = (earlier.fault.id.value.as_str(), later.fault.id.value.as_str());
            let (Some(one), Some(two)) = (thing(&earlier.fault.act.kind), thing(&later.fault.act.kind))
            else {
                continue;
            };
            if one != two || told.contains(&ids) || !meet(earlier.fault, later.fault, agents) {
                continue;
            }
            told.push(ids);
            reader.problem(clash(earlier, later, one));
        }
    }
}

fn clash(earlier: &Acting<'_>, later: &Acting<'_>, thing: &str) -> Problem {
    let (one, two) = (&earlier.fault.id.value, &later.fault.id.value);
    let what = if one == two {
        format!("fault \"{two}\" is due again while it still acts on {thing}")
    } else {
        format!("faults \"{one}\" and \"{two}\" act on {thing} at the same time")
    };
    let help = format!(
        "the first acts until {}, the second begins at {}; write overlap: queue, or move it",
        written_duration(earlier.until),
        written_duration(later.from)
    );
    Problem::new(&later.fault.place, what).help(help)
}

/// Every occurrence whose time is the same with every seed.
fn acting(parts: &Parts, lengths: Lengths) -> Vec<Acting<'_>> {
    let fixed = parts.faults.iter().flatten().filter(|fault| {
        fault.schedule.is_fixed()
            && fault.jitter_ns() == 0
            && thing(&fault.act.kind).is_some()
            && fault.act.for_ns > 0
    });
    fixed
        .flat_map(|fault| {
            let moments = fault.schedule.moments(lengths, fault.act.for_ns, |_| 0);
            moments.into_iter().map(move |at| {
                let from = parts.chaos.as_ref().map_or(at, |chaos| chaos.moved(at, fault.act.for_ns));
                Acting { fault, from, until: from.saturating_add(fault.act.for_ns) }
            })
        })
        .collect()
}

/// Whether two faults hit a common agent for certain.
fn meet(one: &Fault, two: &Fault, agents: Option<Agents>) -> bool {
    let (Some(first), Some(second)) = (&one.act.victims, &two.act.victims) else {
        return true;
    };
    match (&first.of, &second.of) {
        (_, Of::Same(id)) if *id == one.id.value => true,
        (Of::Role(a), Of::Role(b)) if a == b => {
            let there = agents.map_or(0, |agents| agents.of(*a));
            let hit = |share: crate::scenario::faults::Share| share.of(there);
            *a == Role::Master || hit(first.share) + hit(second.share) > there
        }
        _ => false,
    }
}
