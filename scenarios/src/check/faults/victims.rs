//! Whether there are the agents that a fault is done to.

use evidence::role::Role;

use crate::plan::{Agents, FaultKind};
use crate::problem::{Place, Problem};
use crate::reader::Reader;
use crate::scenario::faults::{Fault, Of, Selector, Share};
use crate::scenario::target::{Shape, Target, TargetKind};
use crate::scenario::{Lengths, Parts};

/// The most bytes of payload that one flood may have in all.
const MOST_FLOOD: u64 = 1 << 30;

pub(super) fn check(
    fault: &Fault,
    index: usize,
    parts: &Parts,
    lengths: Option<Lengths>,
    reader: &mut Reader,
) {
    let Some(selector) = &fault.act.victims else {
        if let Some(keep) = &fault.keep {
            let what = format!("fault \"{}\" is done to no agents, so that none can be kept", fault.id.value);
            reader.problem(Problem::new(&keep.place, what).help("remove keep"));
        }
        return flood(fault, 1, reader);
    };
    if let Of::Same(other) = &selector.of {
        same(fault, other, selector, &parts.faults[..index], lengths, reader);
    }
    let Some(target) = &parts.target else { return };
    let Some(agents) = target.agents() else {
        let what = format!(
            "fault \"{}\" cannot be planned: nobody knows how many agents there will be",
            fault.id.value
        );
        let help = "say so: target.agents: { coordinator: 2, worker: 8 }";
        return reader.problem(Problem::new(&fault.place, what).help(help));
    };
    if let Of::Role(role) = selector.of {
        there(fault, selector, role, agents, target, reader);
        kept(fault, selector, role, agents, parts, reader);
        flood(fault, selector.share.of(agents.of(role)).into(), reader);
    }
}

/// The fault whose victims are meant must stand further up, have victims, and be due as often or once.
fn same(
    fault: &Fault,
    other: &str,
    selector: &Selector,
    above: &[Option<Fault>],
    lengths: Option<Lengths>,
    reader: &mut Reader,
) {
    let id = &fault.id.value;
    let Some(meant) = above.iter().flatten().find(|above| above.id.value == *other) else {
        // One that could not be read may be the one that is meant.
        if above.iter().all(Option::is_some) {
            let what = format!(
                "fault \"{id}\" has the victims of fault \"{other}\", and none further up has that id"
            );
            let ids: Vec<_> = above.iter().flatten().map(|fault| fault.id.value.as_str()).collect();
            let help = if ids.is_empty() {
                "write it behind the other".to_owned()
            } else {
                format!("faults above: {}", ids.join(", "))
            };
            reader.problem(Problem::new(&selector.place, what).help(help));
        }
        return;
    };
    if meant.act.victims.is_none() {
        let what = format!("fault \"{id}\" has the victims of fault \"{other}\", which is done to no agents");
        reader.problem(Problem::new(&selector.place, what).help("choose another one, or write a role"));
    }
    let Some(lengths) = lengths else { return };
    let (times, others) = (fault.times(lengths), meant.times(lengths));
    if others != 1 && times > others {
        let what = format!(
            "fault \"{id}\" is due {times} times, and fault \"{other}\", whose victims it has, {others} times"
        );
        reader.problem(
            Problem::new(&selector.place, what).help("let both be due equally often, or the other once"),
        );
    }
}

fn there(
    fault: &Fault,
    selector: &Selector,
    role: Role,
    agents: Agents,
    target: &Target,
    reader: &mut Reader,
) {
    let there = agents.of(role);
    let id = &fault.id.value;
    if let Some(beyond) = selector.except.iter().find(|place| **place >= there && there > 0) {
        let what = format!("fault \"{id}\" leaves out {role} #{beyond}, and the target has {there}");
        reader
            .problem(Problem::new(&selector.place, what).help(format!("places are from 0 to {}", there - 1)));
        return;
    }
    let open = there.saturating_sub(u32::try_from(selector.except.len()).unwrap_or(u32::MAX));
    let wanted = match selector.share {
        Share::Count(count) => count,
        Share::Percent(_) => 1,
    };
    if wanted <= open {
        return;
    }
    let what = match there {
        0 => format!("fault \"{id}\" hits a {role}, and the target has none"),
        _ if open < there => {
            format!("fault \"{id}\" hits {wanted} agents of the role {role}, and leaves out all but {open}")
        }
        _ => format!("fault \"{id}\" hits {wanted} agents of the role {role}, and the target has {there}"),
    };
    reader.problem(Problem::new(&selector.place, what).help(has(agents, target)));
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

/// A fault that would always be skipped, because too few agents were left beside its victims.
fn kept(fault: &Fault, selector: &Selector, role: Role, agents: Agents, parts: &Parts, reader: &mut Reader) {
    let general = parts.chaos.as_ref().and_then(|chaos| chaos.keep.as_ref()).filter(|_| role != Role::Master);
    let Some(keep) = fault.keep.as_ref().or(general) else { return };
    let there = agents.of(role);
    let (kept, hit) = (keep.value.of(there), selector.share.of(there));
    if kept == 0 || hit > there || kept.saturating_add(hit) <= there {
        return;
    }
    let what = format!(
        "fault \"{}\" hits {hit} of {there} agents of the role {role}, and {kept} are to be kept",
        fault.id.value
    );
    let place: &Place = if fault.keep.is_some() { &keep.place } else { &selector.place };
    reader.problem(Problem::new(place, what).help("it would always be skipped: hit fewer, or write keep: 0"));
}

fn flood(fault: &Fault, victims: u64, reader: &mut Reader) {
    let FaultKind::Flood { messages, payload } = fault.act.kind else { return };
    let bytes = u64::from(messages) * u64::from(payload) * victims;
    if bytes > MOST_FLOOD {
        let what = format!("fault \"{}\" sends {} MiB of payload", fault.id.value, bytes >> 20);
        reader.problem(
            Problem::new(&fault.place, what).help("the most is 1 GiB: send fewer messages, or smaller ones"),
        );
    }
}
