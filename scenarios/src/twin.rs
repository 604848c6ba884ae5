//! The clean twin of a control: the same load on a sound target.

use crate::tree::{Entry, Kind, Node};

/// Takes the planted defects and the mark of a control out of a document.
pub(crate) fn clean(root: &mut Node) {
    remove(root, "control");
    if let Some(swarm) = child(root, "target").and_then(|target| child(target, "swarm")) {
        remove(swarm, "defects");
    }
}

fn entries(node: &mut Node) -> Option<&mut Vec<Entry>> {
    match &mut node.kind {
        Kind::Map(entries) => Some(entries),
        _ => None,
    }
}

fn child<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    entries(node)?.iter_mut().find(|entry| entry.key.value == key).map(|entry| &mut entry.value)
}

fn remove(node: &mut Node, key: &str) {
    if let Some(entries) = entries(node) {
        entries.retain(|entry| entry.key.value != key);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Options, parse};

    const CONTROL: &str = "
name: control-drop
why: x
control: { gate: messages.lost == 0 }
target: { swarm: { shape: flat, workers: 4, defects: { drop_1_in: 50 } } }
workload: { rounds: { every: 50ms, timeout: 1s, payload: 256B, work: echo } }
phases: { hold: 2s }
gates: [messages.lost == 0]
";

    #[test]
    fn a_twin_differs_from_its_control_in_the_defects_alone() {
        let planted = parse(CONTROL, "x", &Options::default()).unwrap();
        let twin = parse(CONTROL, "x", &Options { twin: true, ..Options::default() }).unwrap();
        assert_eq!(planted.scenario.control(), Some("messages.lost == 0"));
        assert_eq!(twin.scenario.control(), None);
        let mut expected = planted.plan.clone();
        expected.target.config.as_object_mut().unwrap().remove("defects").unwrap();
        assert_eq!(twin.plan, expected);
    }
}
