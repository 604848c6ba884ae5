//! Whether there is what a fault is done to, where that is no agent: a bus directory, hosts.

use crate::plan::FaultKind;
use crate::problem::Problem;
use crate::reader::Reader;
use crate::scenario::faults::Fault;
use crate::scenario::target::{Target, TargetKind};

pub(super) fn check(fault: &Fault, target: &Target, reader: &mut Reader) {
    bus_directory(fault, target, reader);
    hosts(fault, target, reader);
}

fn bus_directory(fault: &Fault, target: &Target, reader: &mut Reader) {
    let kind = &fault.act.kind;
    let acts = kind.acts_on_bus_directory() || matches!(kind, FaultKind::FileSize { .. });
    if !acts || target.bus_directory().is_some() {
        return;
    }
    let what = format!("fault \"{}\" acts on files of the bus, and the target has none", fault.id.value);
    let help = match target.kind {
        TargetKind::Swarm(_) => "let messages travel as files: target.swarm.bus: files",
        TargetKind::Command { .. } => "give it a bus directory: target.bus_dir: { size: 64MiB }",
    };
    reader.problem(Problem::new(&fault.place, what).help(help));
}

/// A directory that is intercepted holds a descriptor for every file that is there.
const MOST_INTERCEPTED: u64 = 10_000;

/// Using up the inodes of a directory that is intercepted takes as many descriptors.
pub(super) fn intercepted(faults: &[&Fault], target: &Target, reader: &mut Reader) {
    let first = |is: fn(&FaultKind) -> bool| faults.iter().find(|fault| is(&fault.act.kind));
    let intercepting =
        first(|kind| matches!(kind, FaultKind::FileErrors { .. } | FaultKind::FileDelay { .. }));
    let (Some(_), Some(full)) = (intercepting, first(|kind| matches!(kind, FaultKind::InodesFull { .. })))
    else {
        return;
    };
    let inodes = target.bus_directory().and_then(|bus| bus.inodes).unwrap_or(0);
    if inodes > MOST_INTERCEPTED {
        let what = format!(
            "fault \"{}\" uses up {inodes} inodes of a directory whose operations can be made to fail",
            full.id.value
        );
        let help = format!(
            "each takes a descriptor there: at most {MOST_INTERCEPTED}, or leave one of the faults out"
        );
        reader.problem(Problem::new(&full.place, what).help(help));
    }
}

fn hosts(fault: &Fault, target: &Target, reader: &mut Reader) {
    let Some(hit) = fault.act.kind.hosts() else { return };
    let id = &fault.id.value;
    let mut problem = |what: String, help: &str| {
        reader.problem(Problem::new(&fault.act.place, what).help(help.to_owned()));
    };
    let Some(hosts) = target.hosts() else {
        let help = match target.kind {
            TargetKind::Swarm(_) => {
                "the bundled runtime runs on one host; the bus faults and partition do the same to its messages"
            }
            TargetKind::Command { .. } => "give it one: target.network: { hosts: 2 }",
        };
        return problem(
            format!("fault \"{id}\" acts on the network, and the target has none of its own"),
            help,
        );
    };
    if let Some(beyond) = hit.iter().find(|host| **host > hosts) {
        let what = format!("fault \"{id}\" acts on host {beyond}, and the target has {hosts}");
        return problem(what, "hosts are counted from 1");
    }
    let between = !matches!(fault.act.kind, FaultKind::ConnectionKill { .. });
    if between && hosts < 2 {
        let what = format!("fault \"{id}\" acts between hosts, and the target has only one");
        return problem(what, "write target.network: { hosts: 2 }");
    }
    if matches!(fault.act.kind, FaultKind::NetworkPartition { .. }) && hit.len() == hosts as usize {
        problem(format!("fault \"{id}\" cuts all hosts off, so that there are no others"), "leave one out");
    }
}
