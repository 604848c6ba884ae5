//! Faults of the target's network: each is seen, is undone, and is not proven where it is only claimed.

use evidence::event::{FaultStep, Proof, Victim};
use scenarios::plan::{self, Direction, FaultKind};

use crate::enclosure::{Shell, with_hosts};

const SECOND: u64 = 1_000_000_000;

fn fault(kind: FaultKind) -> plan::Fault {
    plan::Fault::new("one", kind, None, 0, 60 * SECOND)
}

fn inject(shell: &Shell, fault: &plan::Fault) -> Result<chaos::Injected, chaos::ChaosError> {
    chaos::inject(&shell.guardian().site(0).unwrap(), fault, &[])
}

fn words(victims: &[Victim]) -> Vec<String> {
    let readings = victims.iter().flat_map(|v| &v.readings);
    readings.map(|r| format!("{:?} {}: {} / {}", r.level, r.source, r.expected, r.found)).collect()
}

fn proofs(victims: &[Victim]) -> Vec<(String, Proof)> {
    victims.iter().map(|v| (v.subject.to_string(), v.proof)).collect()
}

/// Claims it, injects it, heals it; gives what was read.
fn bites(shell: &Shell, kind: &FaultKind, parts: &[&str]) -> Vec<String> {
    let all = |proof| parts.iter().map(|part| ((*part).to_owned(), proof)).collect::<Vec<_>>();
    let claimed = plan::Fault { pretend: true, ..fault(kind.clone()) };
    let nothing = inject(shell, &claimed).unwrap();
    assert_eq!(proofs(&nothing.victims), all(Proof::Mismatch), "{:?}", words(&nothing.victims));
    drop(nothing);
    let injected = inject(shell, &fault(kind.clone())).unwrap();
    assert_eq!(injected.step, FaultStep::Injected, "{injected:?}");
    assert_eq!(proofs(&injected.victims), all(Proof::Proven), "{:?}", words(&injected.victims));
    let healed = injected.guard.unwrap().heal();
    assert_eq!((healed.step, &healed.why), (FaultStep::Healed, &None));
    assert_eq!(proofs(&healed.observed), all(Proof::Proven), "{:?}", words(&healed.observed));
    words(&healed.observed)
}

#[test]
fn packets_are_delayed_lost_slowed_and_stopped() {
    let shell = Shell::within(&with_hosts(3)).unwrap();
    let delay = FaultKind::NetworkDelay { hosts: vec![2], delay_ns: SECOND / 20, jitter_ns: 1_000_000 };
    bites(&shell, &delay, &["host 2"]);
    bites(&shell, &FaultKind::NetworkLoss { hosts: Vec::new(), per_million: 50_000 }, &["network"]);
    bites(
        &shell,
        &FaultKind::NetworkLoss { hosts: vec![1, 3], per_million: 1_000_000 },
        &["host 1", "host 3"],
    );
    bites(&shell, &FaultKind::NetworkRate { hosts: Vec::new(), bytes_per_second: 1 << 20 }, &["network"]);
    let cut = |direction| FaultKind::NetworkPartition { hosts: vec![3], direction };
    for (direction, found) in [
        (Direction::Both, "0 of 5 pass from host 3, 0 of 5 to it"),
        (Direction::From, "0 of 5 pass from host 3, 5 of 5 to it"),
        (Direction::To, "5 of 5 pass from host 3, 0 of 5 to it"),
    ] {
        let read = bites(&shell, &cut(direction), &["host 3"]);
        assert_eq!(
            read[1],
            format!(
                "E2 datagrams from host 3 to host 1: {found} / {found} (before: 5 of 5 pass from host 3, 5 of 5 to it)"
            )
        );
    }
    shell.end();
}

#[test]
fn established_connections_are_ended() {
    let mut shell = Shell::within(&with_hosts(2)).unwrap();
    let script = shell.dir.path().join("pair.py");
    std::fs::write(
        &script,
        "import ctypes, json, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
hosts = json.loads(os.environ['SHAKEDOWN_NETWORK'])
def enter(host):
    with open(host['netns']) as ns:
        assert libc.setns(ns.fileno(), 0x40000000) == 0, os.strerror(ctypes.get_errno())
enter(hosts[1])
listener = socket.create_server((hosts[1]['address'], 0))
enter(hosts[0])
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
print('connected', flush=True)
for side in (client, server):
    try: print(side.recv(1) and 'data' or 'end', flush=True)
    except OSError as e: print(e.errno, flush=True)
",
    )
    .unwrap();
    assert_eq!(shell.says(&format!("python3 {}", script.display())), "connected");
    let kind = FaultKind::ConnectionKill { hosts: Vec::new() };
    let claimed = plan::Fault { pretend: true, ..fault(kind.clone()) };
    assert_eq!(
        words(&inject(&shell, &claimed).unwrap().victims),
        [
            "E1 SOCK_DESTROY: 2 of 2 connections / 0 of 2 connections",
            "E2 connections of before that are left: 0 of 2 connections / 2 of 2 connections"
        ]
    );
    let injected = inject(&shell, &fault(kind.clone())).unwrap();
    assert_eq!(
        words(&injected.victims),
        [
            "E1 SOCK_DESTROY: 2 of 2 connections / 2 of 2 connections",
            "E2 connections of before that are left: 0 of 2 connections / 0 of 2 connections"
        ]
    );
    assert_eq!(proofs(&injected.victims), [("network".to_owned(), Proof::Proven)]);
    assert!(injected.guard.is_none());
    // ECONNABORTED, or ECONNRESET where the other side was the first.
    for side in ["client", "server"] {
        let errno = shell.says("");
        assert!(["103", "104"].contains(&&*errno), "{side}: {errno}");
    }
    let again = inject(&shell, &fault(kind)).unwrap();
    assert_eq!(proofs(&again.victims), [("network".to_owned(), Proof::Unproven)], "{again:?}");
    assert_eq!(shell.says("wait; echo over"), "over");
    shell.end();
}

#[test]
fn a_fault_of_hosts_that_are_not_there_is_refused() {
    let shell = Shell::within(&with_hosts(2)).unwrap();
    let refused = |kind| inject(&shell, &fault(kind)).unwrap_err().to_string();
    assert_eq!(
        refused(FaultKind::NetworkLoss { hosts: vec![3], per_million: 1 }),
        "cannot apply network_loss: there is no host 3, only 1 to 2"
    );
    assert_eq!(
        refused(FaultKind::NetworkPartition { hosts: vec![1, 2], direction: Direction::Both }),
        "cannot apply network_partition: no host is left from which the hosts could be cut off"
    );
    shell.end();
    let without = Shell::within(&scenarios::plan::Enclosure::default()).unwrap();
    let refused = inject(&without, &fault(FaultKind::ConnectionKill { hosts: Vec::new() })).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "cannot apply connection_kill: the run has no network of its own; give it one (target: network)"
    );
    without.end();
}
