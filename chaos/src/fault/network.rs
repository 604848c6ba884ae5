//! Faults of the target's own network.

pub(super) mod connections;
mod diagnosis;
pub(super) mod packets;
mod probe;

use std::os::fd::OwnedFd;

pub(crate) use diagnosis::can_destroy;

use super::Setting;
use crate::ChaosError;
use crate::enclosure::control::Control;
use crate::enclosure::shuttle;

/// How many hosts the network of the run has, where each of these is one of them.
fn hosts_of(setting: &Setting, named: &[u32]) -> Result<u32, ChaosError> {
    let unable = |found: String| ChaosError::Unable { kind: setting.fault.kind.name(), found };
    let Some(network) = &setting.site.enclosure.network else {
        return Err(unable("the run has no network of its own; give it one (target: network)".to_owned()));
    };
    match named.iter().find(|host| **host == 0 || **host > network.hosts) {
        Some(host) => Err(unable(format!("there is no host {host}, only 1 to {}", network.hosts))),
        None => Ok(network.hosts),
    }
}

/// The sockets on a host that are for us: one for probes, one for diagnosis.
fn sockets(control: &Control<shuttle::Act>, host: u32) -> Result<[OwnedFd; 2], ChaosError> {
    let failed = |e| ChaosError::io("get", format_args!("the sockets of host {host}"), e);
    let sockets = control.sockets(host).map_err(failed)?;
    <[OwnedFd; 2]>::try_from(sockets).map_err(|_| failed(std::io::ErrorKind::NotFound.into()))
}
