//! Whether this host allows so many agents: asked before the first of them is started.

use std::fs;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::geteuid;

use crate::shape::Shape;

/// Descriptors that an agent has open besides its connections.
const OWN_DESCRIPTORS: u64 = 32;
/// Processes that a swarm has besides its agents.
const OWN_PROCESSES: u64 = 2;
/// Memory that one agent takes, kernel included, in KiB.
const AGENT_KIB: u64 = 200;

/// A limit of this host that is too low.
#[derive(Debug, thiserror::Error)]
#[error("launch: {agents} agents need {need} {what}, but {limit} is {value}; {advice}")]
pub(crate) struct LimitError {
    agents: u32,
    need: u64,
    what: &'static str,
    limit: &'static str,
    value: u64,
    advice: &'static str,
}

/// Compares what a swarm needs with what there is; raises the soft limit of descriptors where it may.
pub(crate) fn check_limits(shape: Shape) -> Result<(), LimitError> {
    let agents = shape.agents();
    let check = |what, need, limit, value: Option<u64>, advice| match value {
        Some(value) if value < need => Err(LimitError { agents, need, what, limit, value, advice }),
        _ => Ok(()),
    };
    // After failures one agent may have to lead all workers.
    let descriptors = u64::from(agents) + OWN_DESCRIPTORS;
    let advice = "raise the hard limit (ulimit -Hn) or launch fewer";
    check("open files in one process", descriptors, "RLIMIT_NOFILE", open_files(descriptors), advice)?;
    let processes = u64::from(agents) + OWN_PROCESSES;
    let advice = "raise it or launch fewer";
    if !geteuid().is_root() {
        check("processes", processes, "RLIMIT_NPROC", soft(Resource::RLIMIT_NPROC), advice)?;
    }
    for (limit, path) in [
        ("kernel.pid_max", "/proc/sys/kernel/pid_max".to_owned()),
        ("kernel.threads-max", "/proc/sys/kernel/threads-max".to_owned()),
        ("the control group's pids.max", format!("/sys/fs/cgroup{}/pids.max", control_group())),
    ] {
        check("processes", processes, limit, number_in(&path), advice)?;
    }
    let memory = u64::from(agents) * AGENT_KIB;
    check("KiB of memory", memory, "MemAvailable", available_kib(), "free some or launch fewer")
}

fn soft(resource: Resource) -> Option<u64> {
    getrlimit(resource).ok().map(|(soft, _)| soft)
}

/// The limit of open files, after it was raised to what is needed where the hard limit allows that.
fn open_files(need: u64) -> Option<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    if soft < need && hard >= need && setrlimit(Resource::RLIMIT_NOFILE, need, hard).is_ok() {
        return Some(need);
    }
    Some(soft)
}

/// The path of this process's control group (version 2) below its mount point.
fn control_group() -> String {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
    path.trim_end_matches('/').to_owned()
}

fn number_in(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn available_kib() -> Option<u64> {
    let memory = fs::read_to_string("/proc/meminfo").ok()?;
    let line = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_too_low_is_named_with_its_value() {
        let error = LimitError {
            agents: 500,
            need: 532,
            what: "open files in one process",
            limit: "RLIMIT_NOFILE",
            value: 256,
            advice: "raise the hard limit (ulimit -Hn) or launch fewer",
        };
        insta::assert_snapshot!(error, @"launch: 500 agents need 532 open files in one process, but RLIMIT_NOFILE is 256; raise the hard limit (ulimit -Hn) or launch fewer");
    }
}
