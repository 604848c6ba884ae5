//! Connections that are ended by the kernel, as if both sides had been reset.

use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use evidence::event::Level;

use super::super::act::Act;
use super::super::{Outcome, Setting};
use super::diagnosis::{destroy, established};
use super::{hosts_of, sockets};
use crate::ChaosError;
use crate::enclosure::control::Control;
use crate::enclosure::network_control;
use crate::undo::Undo;

/// One at a time: they share the sockets of the hosts, and each would read the answers to the other.
static ASKING: Mutex<()> = Mutex::new(());

#[derive(Debug)]
pub(in super::super) struct Connections {
    /// For each part of the evidence, the hosts it is about with a socket on each.
    hosts: Vec<Vec<(u32, OwnedFd)>>,
}

impl Connections {
    pub(in super::super) fn new(setting: &Setting, named: &[u32]) -> Result<Self, ChaosError> {
        let all = hosts_of(setting, named)?;
        let name = network_control(setting.site.scope.guardian());
        let what = "the process that carries the run's packets";
        let control = Control::connect(&name).map_err(|e| ChaosError::io("talk to", what, e))?;
        let control = control.ok_or_else(|| ChaosError::Unable {
            kind: setting.fault.kind.name(),
            found: format!("{what} is gone"),
        })?;
        let socket = |host| sockets(&control, host).map(|[_, diagnosis]| (host, diagnosis));
        let hosts = if named.is_empty() {
            vec![(1..=all).map(socket).collect::<Result<_, _>>()?]
        } else {
            named.iter().map(|host| Ok(vec![socket(*host)?])).collect::<Result<_, ChaosError>>()?
        };
        Ok(Self { hosts })
    }
}

impl Act for Connections {
    fn undo(&self) -> Vec<Undo> {
        Vec::new()
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let _alone = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
        self.hosts.iter().map(|part| end_all(setting, part)).collect()
    }

    fn healed(&mut self, _setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        Ok(self.hosts.iter().map(|_| Outcome::default()).collect())
    }

    fn lasts(&self) -> bool {
        false
    }
}

fn end_all(setting: &Setting, part: &[(u32, OwnedFd)]) -> Result<Outcome, ChaosError> {
    let mut outcome = Outcome::sent(setting.now());
    let failed = |e| ChaosError::io("ask for", "the connections of a host", e);
    let mut before = Vec::new();
    for (host, socket) in part {
        before.push((host, socket, established(socket).map_err(failed)?));
    }
    let were: usize = before.iter().map(|(.., connections)| connections.len()).sum();
    let mut ended = 0;
    if !setting.pretend() {
        for (host, socket, connections) in &before {
            for connection in connections {
                destroy(socket, connection).map_err(|e| refused(setting, **host, e))?;
                ended += 1;
            }
        }
    }
    let mut left = 0;
    for (_, socket, connections) in &before {
        let now = established(socket).map_err(failed)?;
        left += connections.iter().filter(|c| now.contains(c)).count();
    }
    let words = |what: usize| format!("{what} of {were} connections");
    let all = setting.reading(Level::E1, "SOCK_DESTROY", words(were), words(ended));
    let none = setting.reading(Level::E2, "connections of before that are left", words(0), words(left));
    // Where there was none, nothing can be seen either way.
    if were == 0 {
        outcome.note(all).note(none);
    } else {
        outcome.see(all, ended == were).see(none, left == 0);
    }
    Ok(outcome)
}

fn refused(setting: &Setting, host: u32, e: std::io::Error) -> ChaosError {
    if e.raw_os_error() == Some(libc::EOPNOTSUPP) {
        let found = "this kernel cannot end connections (CONFIG_INET_DIAG_DESTROY is not set)".to_owned();
        return ChaosError::Unable { kind: setting.fault.kind.name(), found };
    }
    ChaosError::io("end", format_args!("a connection of host {host}"), e)
}
