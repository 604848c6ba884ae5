//! The process that carries packets between the hosts of the target's network, and lets rules delay, lose, slow
//! or stop them.
//!
//! Every host is a network namespace with one point-to-point device, whose other end is held here. No packet
//! has another way out.

mod carrier;
mod host;

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scenarios::plan::Direction;
use serde::{Deserialize, Serialize};

use super::control::{self, Sockets};
use super::helper;
use super::rules::Rules;
use crate::fault::can_destroy;
use crate::process::Identity;
use carrier::Carrier;
use host::Host;

/// The most hosts that the addresses allow.
pub(crate) const MOST_HOSTS: u32 = 250;

/// What a rule does to packets. A packet concerns the host that it comes from and the host that it goes to; an
/// empty list of hosts means all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    /// It arrives later.
    Delay { hosts: Vec<u32>, delay_ns: u64, jitter_ns: u64 },
    /// It is lost, so many out of a million.
    Lose { hosts: Vec<u32>, per_million: u32 },
    /// It waits until those before it have passed at this rate, those from and those to a host apart.
    Rate { hosts: Vec<u32>, bytes_per_second: u64 },
    /// It does not pass between these hosts and the others.
    Cut { hosts: Vec<u32>, direction: Direction },
}

/// The address of a host.
pub(crate) fn address(host: u32) -> Ipv4Addr {
    let number = u8::try_from(host).unwrap_or(u8::MAX);
    Ipv4Addr::new(10, 77, 0, number)
}

/// What has come of starting it.
pub(crate) struct Started {
    pub(crate) process: Identity,
    /// The network namespaces, the first host's first: paths that can be opened while it lives.
    pub(crate) namespaces: Vec<PathBuf>,
}

/// Makes the hosts and starts to carry. The calling process has one thread, and the privilege over networks or
/// a user namespace of its own.
pub(crate) fn start(hosts: u32, listener: OwnedFd, log: &Path) -> Result<Started, String> {
    if !(1..=MOST_HOSTS).contains(&hosts) {
        return Err(format!("a network has 1 to {MOST_HOSTS} hosts, not {hosts}"));
    }
    let (process, numbers) = helper::start("shakedown-net", log, |ready| {
        let made: Vec<Host> = (1..=hosts).map(Host::new).collect::<Result<_, _>>()?;
        let numbers: Vec<String> = made.iter().map(|h| h.namespace.as_raw_fd().to_string()).collect();
        let rules = Arc::new(Rules::new());
        let hosts = Arc::new(Hosts(made));
        let (to_serve, of_hosts) = (Arc::clone(&rules), Arc::clone(&hosts));
        std::thread::Builder::new()
            .spawn(move || control::serve(&listener, &to_serve, &of_hosts))
            .map_err(|e| format!("could not start a thread: {e}"))?;
        ready.tell(&numbers.join(" "));
        Carrier::new(&hosts.0, &rules).run().map_err(|e| format!("carrying packets failed: {e}"))
    })?;
    let of_number = |number: &str| PathBuf::from(format!("/proc/{}/fd/{number}", process.pid));
    Ok(Started { process, namespaces: numbers.split(' ').map(of_number).collect() })
}

/// Whether a host can be made. The calling process has left the namespaces of this host and ends soon.
pub(super) fn try_host() -> Result<(), String> {
    Host::new(1).map(drop)
}

/// Whether the connections of a host can be ended.
pub(super) fn try_destroying() -> Result<(), String> {
    let host = Host::new(1)?;
    match can_destroy(&host.diagnosis) {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err("this kernel cannot end connections (CONFIG_INET_DIAG_DESTROY is not set)".to_owned())
        }
        Err(e) => Err(format!("could not end a connection: {e}")),
    }
}

struct Hosts(Vec<Host>);

impl Sockets for Hosts {
    fn of(&self, host: u32) -> Vec<BorrowedFd<'_>> {
        let index = usize::try_from(host).unwrap_or_default().wrapping_sub(1);
        self.0.get(index).map(|h| vec![h.probe.as_fd(), h.diagnosis.as_fd()]).unwrap_or_default()
    }
}
