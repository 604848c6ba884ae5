//! What this host and this user can do, found by trying it where that harms nobody.

use nix::sched::{sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use scenarios::plan::{FaultKind, Plan};

use crate::cgroup::{Controller, Group, Place, Version, name};
use crate::enclosure;
use crate::host::available_memory;
use crate::pidfd::PidFd;
use crate::process::Identity;
use crate::rlimit::{Resource, set_soft, soft};
use crate::undo::undo_one;

/// Whether one kind of fault can be had here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ability {
    /// The kind, as in scenario files.
    pub kind: &'static str,
    /// By what it is done here.
    pub mechanism: String,
    /// What it needs.
    pub privilege: &'static str,
    /// Why it does not work, where it does not.
    pub works: Result<(), String>,
}

const SAME_USER: &str = "none, for processes of the same user";
const NONE: &str = "none";
const GROUPS: &str = "root, or control groups delegated to the user";
const TARGET: &str = "none; the target must offer it";

/// Every kind of fault, in the order of the scenario files. Takes some tens of milliseconds; nothing of what is
/// tried is left.
#[must_use]
pub fn abilities() -> Vec<Ability> {
    let mut all = on_processes();
    all.extend(by_groups());
    all.extend(by_aides());
    all.extend(enclosure::try_all().into_iter().map(|tried| Ability {
        kind: tried.kind,
        mechanism: tried.mechanism.to_owned(),
        privilege: tried.privilege,
        works: tried.works,
    }));
    all.extend(by_the_target());
    all
}

fn ability(
    kind: &'static str,
    mechanism: &str,
    privilege: &'static str,
    works: Result<(), String>,
) -> Ability {
    Ability { kind, mechanism: mechanism.to_owned(), privilege, works }
}

fn on_processes() -> Vec<Ability> {
    let signals = try_descriptor();
    let signal = |kind, mechanism| ability(kind, mechanism, SAME_USER, signals.clone());
    let limit = |kind, mechanism, resource| ability(kind, mechanism, SAME_USER, try_limit(resource));
    vec![
        signal("kill", "pidfd_send_signal"),
        signal("pause", "SIGSTOP and SIGCONT"),
        signal("slow", "SIGSTOP and SIGCONT in turn"),
        signal("signals", "pidfd_send_signal, again and again"),
        limit("memory_limit", "prlimit, soft RLIMIT_DATA", Resource::Data),
        limit("descriptors", "prlimit, soft RLIMIT_NOFILE", Resource::Descriptors),
        limit("file_size", "prlimit, soft RLIMIT_FSIZE", Resource::FileSize),
        ability("cpu_pin", "sched_setaffinity of every thread", SAME_USER, try_affinity()),
    ]
}

fn by_groups() -> Vec<Ability> {
    let group = |kind, controller, v1: &str, v2: &str| {
        let tried = try_group(controller);
        let mechanism = match &tried {
            Ok(Version::V1) => format!("cgroup v1, {v1}"),
            Ok(Version::V2) => format!("cgroup v2, {v2}"),
            Err(_) => format!("cgroup v1, {v1}; cgroup v2, {v2}"),
        };
        Ability { kind, mechanism, privilege: GROUPS, works: tried.map(drop) }
    };
    let mut stall = group("memory_stall", Controller::Memory, "memory.oom_control", "none");
    if stall.works.is_ok() && stall.mechanism.starts_with("cgroup v2") {
        stall.works = Err("only control groups of version 1 can hold processes at their limit".to_owned());
    }
    vec![
        group("freeze", Controller::Freezer, "freezer.state", "cgroup.freeze"),
        group("out_of_memory", Controller::Memory, "memory.limit_in_bytes", "memory.max"),
        stall,
        group("processes", Controller::Pids, "pids.max", "pids.max"),
        group("cpu_quota", Controller::Cpu, "cpu.cfs_quota_us", "cpu.max"),
    ]
}

fn by_aides() -> Vec<Ability> {
    let memory = available_memory()
        .map(drop)
        .ok_or_else(|| "/proc/meminfo does not tell what is available".to_owned());
    vec![
        ability("memory_hog", "a process that takes memory", NONE, memory),
        ability("cpu_hog", "a process with busy threads", NONE, Ok(())),
    ]
}

fn by_the_target() -> Vec<Ability> {
    let bus = "rules of the target's bus, by the control protocol";
    [
        ("bus_drop", bus),
        ("bus_delay", bus),
        ("bus_duplicate", bus),
        ("bus_reorder", bus),
        ("bus_corrupt", bus),
        ("partition", bus),
        ("flood", "tasks beyond those of the workload"),
        ("clock", "the target's own clock, by the control protocol"),
        ("restart", "the target's end and start"),
    ]
    .map(|(kind, mechanism)| ability(kind, mechanism, TARGET, Ok(())))
    .to_vec()
}

fn try_descriptor() -> Result<(), String> {
    let failed =
        |e: std::io::Error| format!("this kernel has no process descriptors (Linux 5.3 or later): {e}");
    let own = Identity::own().map_err(failed)?;
    PidFd::of(own).map_err(failed)?.map(drop).ok_or_else(|| "its own process is not there".to_owned())
}

fn try_limit(resource: Resource) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("could not set a soft limit: {e}");
    let own = Identity::own().map_err(failed)?;
    let now = soft(own, resource).map_err(failed)?.unwrap_or(u64::MAX);
    set_soft(own, resource, now).map(drop).map_err(failed)
}

fn try_affinity() -> Result<(), String> {
    let own = Pid::from_raw(0);
    sched_getaffinity(own)
        .and_then(|now| sched_setaffinity(own, &now))
        .map_err(|e| format!("could not set the CPUs of a thread: {e}"))
}

fn try_group(controller: Controller) -> Result<Version, String> {
    let place = Place::of(controller)?;
    let failed = |e: std::io::Error| format!("could not make a control group: {e}");
    let own = Identity::own().map_err(failed)?;
    let group = Group::plan(&place, &name(own, &format!("{controller:?}"), next()), []).map_err(failed)?;
    group.make().map_err(failed)?;
    undo_one(&group.undo())?;
    Ok(place.version)
}

/// So that two who try at the same time do not meet.
fn next() -> usize {
    static TRIED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    TRIED.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Each fault of a plan that this host or this user cannot do, and what the plan wants made for its target that
/// cannot be made, with the reason; empty if nothing keeps the plan from being carried out. To be asked before
/// anything is started.
#[must_use]
pub fn refusals(plan: &Plan) -> Vec<String> {
    let abilities = abilities();
    let works = |kind: &str| match abilities.iter().find(|a| a.kind == kind) {
        Some(ability) => {
            ability.works.clone().map_err(|found| format!("{found} (needs: {})", ability.privilege))
        }
        None => Err("this version cannot do it".to_owned()),
    };
    let mut all: Vec<String> = Vec::new();
    let enclosure = &plan.target.enclosure;
    let wanted = [
        (
            enclosure.bus.as_ref().is_some_and(|bus| bus.bytes.is_some()),
            "disk_full",
            "bus directory with a size",
        ),
        (
            enclosure.bus.as_ref().is_some_and(|bus| bus.intercepted),
            "file_errors",
            "intercepted bus directory",
        ),
        (enclosure.network.is_some(), "network_delay", "network of the target"),
    ];
    for (_, kind, what) in wanted.into_iter().filter(|(wanted, ..)| *wanted) {
        all.extend(works(kind).err().map(|why| format!("cannot make the {what}: {why}")));
    }
    for fault in &plan.faults {
        let name = fault.kind.name();
        let why = works(name).err().or_else(|| too_much(&fault.kind));
        all.extend(why.map(|why| format!("cannot do fault \"{}\" ({name}): {why}", fault.id)));
    }
    all
}

/// Why a fault would take more than this host can spare, where that is known beforehand.
fn too_much(kind: &FaultKind) -> Option<String> {
    match kind {
        FaultKind::MemoryHog { bytes, reserve } => {
            let available = available_memory()?;
            (available < bytes.saturating_add(*reserve)).then(|| {
                format!("of {available} bytes available, taking {bytes} would leave less than the reserve of {reserve}")
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_told_of_once_and_what_does_not_work_says_why() {
        let all = abilities();
        let mut kinds: Vec<&str> = all.iter().map(|a| a.kind).collect();
        kinds.sort_unstable();
        let expected = [
            "bus_corrupt",
            "bus_delay",
            "bus_drop",
            "bus_duplicate",
            "bus_reorder",
            "clock",
            "connection_kill",
            "cpu_hog",
            "cpu_pin",
            "cpu_quota",
            "descriptors",
            "disk_full",
            "file_delay",
            "file_errors",
            "file_size",
            "flood",
            "freeze",
            "inodes_full",
            "kill",
            "memory_hog",
            "memory_limit",
            "memory_stall",
            "network_delay",
            "network_loss",
            "network_partition",
            "network_rate",
            "out_of_memory",
            "partition",
            "pause",
            "processes",
            "read_only",
            "restart",
            "signals",
            "slow",
        ];
        assert_eq!(kinds, expected);
        for ability in &all {
            assert!(
                ability.works.as_ref().is_ok() || ability.works.as_ref().is_err_and(|why| why.len() > 10)
            );
        }
        for kind in ["kill", "descriptors", "cpu_pin", "memory_hog"] {
            assert_eq!(all.iter().find(|a| a.kind == kind).unwrap().works, Ok(()), "{kind}");
        }
    }
}
