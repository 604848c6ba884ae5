//! Whether faults fit the target and the timeline.

use evidence::role::Role;

use crate::format::scalar::written_duration;
use crate::plan::{Agents, FaultKind, When};
use crate::problem::{Place, Problem};
use crate::reader::Reader;
use crate::scenario::faults::{Fault, Schedule, Share};
use crate::scenario::target::{Shape, Target, TargetKind};
use crate::scenario::{Lengths, Parts};

/// The most faults of a plan, repeated ones counted each.
const MOST: u64 = 10_000;

/// How many faults there will be; `None` if that is more than a plan holds.
pub(super) fn total(parts: &Parts, lengths: Lengths) -> Option<u64> {
    let mut counts = parts.faults.iter().flatten().map(|fault| fault.times(lengths).0);
    counts.try_fold(0_u64, u64::checked_add).filter(|sum| *sum <= MOST)
}

pub(super) fn check(parts: &Parts, lengths: Option<Lengths>, reader: &mut Reader) {
    unique(parts, reader);
    if lengths.is_some_and(|lengths| total(parts, lengths).is_none()) {
        let place = parts.faults.iter().flatten().last().map_or(&Place::File, |fault| &fault.place);
        let what = format!("the faults are due more than {MOST} times in all");
        reader.problem(
            Problem::new(place, what).help("let a repeated one be due less often, or not until the end"),
        );
    }
    for fault in parts.faults.iter().flatten() {
        if let Some(target) = &parts.target {
            victims(fault, target, reader);
        }
        if let Some(lengths) = lengths {
            due(fault, lengths, reader);
        }
        let rounds = parts.workload.as_ref().map(|w| w.rounds.is_some());
        if matches!(fault.when, When::RoundInFlight { .. }) && rounds == Some(false) {
            let what = format!("fault \"{}\" waits for a round, and the workload has none", fault.id.value);
            reader.problem(Problem::new(&fault.place, what).help("add workload.rounds, or remove when"));
        }
    }
}

fn unique(parts: &Parts, reader: &mut Reader) {
    let faults: Vec<_> = parts.faults.iter().flatten().collect();
    for (index, fault) in faults.iter().enumerate() {
        if faults[..index].iter().any(|earlier| earlier.id.value == fault.id.value) {
            let what = format!("two faults have the id \"{}\"", fault.id.value);
            let help = "a fault without an id has its place in the list, from 1, as its id";
            reader.problem(Problem::new(&fault.id.place, what).help(help));
        }
    }
}

fn victims(fault: &Fault, target: &Target, reader: &mut Reader) {
    let Some(agents) = target.agents() else {
        let what = format!(
            "fault \"{}\" cannot be planned: nobody knows how many agents there will be",
            fault.id.value
        );
        reader.problem(
            Problem::new(&fault.place, what).help("say so: target.agents: { coordinator: 2, worker: 8 }"),
        );
        return;
    };
    let role = fault.role.value;
    let there = agents.of(role);
    let wanted = match fault.share {
        Share::Count(count) => count,
        Share::Percent(_) => 1,
    };
    if wanted <= there {
        return;
    }
    let what = match there {
        0 => format!("fault \"{}\" hits a {role}, and the target has none", fault.id.value),
        _ => format!(
            "fault \"{}\" hits {wanted} agents of the role {role}, and the target has {there}",
            fault.id.value
        ),
    };
    reader.problem(Problem::new(&fault.role.place, what).help(has(agents, target)));
}

/// What the target has, for a fault that asked for something else.
fn has(agents: Agents, target: &Target) -> String {
    if let TargetKind::Swarm(swarm) = &target.kind
        && let Shape::Flat { .. } = swarm.shape
    {
        return "in the flat shape one coordinator leads all workers: role: coordinator, count: 1".to_owned();
    }
    let counts = Role::ALL.map(|role| format!("{} of the role {role}", agents.of(role)));
    format!("it has {}", counts.join(", "))
}

fn due(fault: &Fault, lengths: Lengths, reader: &mut Reader) {
    let id = &fault.id.value;
    let load = written_duration(lengths.load());
    let (count, first) = fault.times(lengths);
    if let Schedule::Once(at) = &fault.schedule {
        if at.value >= lengths.load() {
            let what =
                format!("fault \"{id}\" is due at {}, after the load has ended", written_duration(at.value));
            reader.problem(
                Problem::new(&at.place, what).help(format!("warm-up and hold together last {load}")),
            );
            return;
        }
    } else if !repeated(fault, lengths, count, first, reader) {
        return;
    }
    let jitter = fault.jitter.as_ref().map_or(0, |j| j.value);
    let last = match &fault.schedule {
        Schedule::Once(at) => at.value,
        Schedule::Repeated { every, .. } => first + (count - 1) * every,
    };
    if let (FaultKind::Pause { for_ns }, Some(healed)) =
        (&fault.kind, last.checked_add(jitter + fault.kind.for_ns()))
        && healed > lengths.all()
    {
        let what = format!("fault \"{id}\" pauses for {}, longer than the run", written_duration(*for_ns));
        let help = format!(
            "it would end at {}; the run with its drain ends at {}",
            written_duration(healed),
            written_duration(lengths.all())
        );
        reader.problem(Problem::new(&fault.place, what).help(help));
    }
}

/// Whether a repeated fault fits the timeline.
fn repeated(fault: &Fault, lengths: Lengths, count: u64, first: u64, reader: &mut Reader) -> bool {
    let Schedule::Repeated { every, from, until } = &fault.schedule else { return true };
    let id = &fault.id.value;
    let problem = if let Some(late) = [from, until].into_iter().flatten().find(|at| at.value > lengths.load())
    {
        let what =
            format!("fault \"{id}\" is due until {}, after the load has ended", written_duration(late.value));
        let help = format!("warm-up and hold together last {}", written_duration(lengths.load()));
        Problem::new(&late.place, what).help(help)
    } else if count == 0 {
        let what = format!("fault \"{id}\" is never due: it ends before it begins");
        Problem::new(&fault.place, what).help(format!("it begins at {}", written_duration(first)))
    } else if let Some(jitter) = fault.jitter.as_ref().filter(|j| j.value >= *every) {
        let what = format!("fault \"{id}\" has a jitter that is not shorter than the time to the next");
        Problem::new(&jitter.place, what).help(format!("it is due every {}", written_duration(*every)))
    } else {
        return true;
    };
    reader.problem(problem);
    false
}
