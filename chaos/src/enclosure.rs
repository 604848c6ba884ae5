//! What is made for the target on this host before it starts: a directory for its bus, a network of its own.
//!
//! The guardian makes it and everything is bound to lifetimes: mounts and networks are in namespaces that end
//! with the run's processes, and the processes in between ([`helper`]) die with the guardian. Only a plain
//! bus directory has a name on the host; guardian, heal and sweep remove it.

pub(crate) mod bus;
pub(crate) mod control;
pub(crate) mod files;
pub(crate) mod helper;
pub(crate) mod namespace;
pub(crate) mod rules;
pub(crate) mod shuttle;
mod trial;

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use scenarios::plan::Enclosure;
use serde::Serialize;

use crate::process::Identity;
use namespace::Left;
pub use trial::{Tried, try_all};

/// The variable in which the target finds the directory of its bus.
pub const BUS_DIRECTORY: &str = "SHAKEDOWN_BUS_DIR";
/// The variable in which the target finds its hosts, as a JSON list of objects with `host`, `address` and
/// `netns`, the path of the network namespace.
pub const NETWORK: &str = "SHAKEDOWN_NETWORK";

/// What names things of a guardian's run on this host.
pub(crate) fn name(guardian: Identity) -> String {
    format!("shakedown-{}-{}", guardian.pid, guardian.starttime)
}

/// The guardian that has this name, if it is one.
pub(crate) fn guardian_of(name: &str) -> Option<Identity> {
    let (pid, starttime) = name.strip_prefix("shakedown-")?.split_once('-')?;
    Some(Identity { pid: pid.parse().ok()?, starttime: starttime.parse().ok()? })
}

/// The name under which the rules for files are set.
pub(crate) fn files_control(guardian: Identity) -> String {
    format!("{}-files", name(guardian))
}

/// The name under which the rules for packets are set.
pub(crate) fn network_control(guardian: Identity) -> String {
    format!("{}-network", name(guardian))
}

/// What a guardian has made.
#[derive(Debug, Default)]
pub(crate) struct Made {
    guardian: Option<Identity>,
    run: PathBuf,
    bus: Option<PathBuf>,
    mounts: u32,
    files: Option<Identity>,
    shuttle: Option<Identity>,
    /// The network namespace in which the target starts.
    first_host: Option<File>,
    /// What the target finds in its environment.
    environment: Vec<(OsString, OsString)>,
    /// Whether the target needs privileges in the run's user namespace to reach its hosts.
    keeps_capabilities: bool,
}

#[derive(Serialize)]
struct Host {
    host: u32,
    address: String,
    netns: String,
}

impl Made {
    /// Makes what is planned. Must be called while this process, the guardian, has one thread. `log` is where
    /// helpers write what goes wrong. The error says what is missing; nothing is left then.
    pub(crate) fn new(plan: &Enclosure, own: Identity, run: &Path, log: &Path) -> Result<Self, String> {
        let mut made = Self { guardian: Some(own), ..Self::default() };
        if *plan == Enclosure::default() {
            return Ok(made);
        }
        made.run =
            std::fs::canonicalize(run).map_err(|e| format!("could not find {}: {e}", run.display()))?;
        match made.fill(plan, own, log) {
            Ok(()) => Ok(made),
            Err(found) => {
                made.dismantle();
                Err(found)
            }
        }
    }

    fn fill(&mut self, plan: &Enclosure, own: Identity, log: &Path) -> Result<(), String> {
        let mounted = plan.bus.as_ref().filter(|bus| bus::is_mount(bus));
        // Before this process leaves any namespace: they are reached from those of the harness.
        let listen = |name: String| control::listener(&name).map_err(|e| format!("could not listen: {e}"));
        let files_listener =
            mounted.filter(|bus| bus.intercepted).map(|_| listen(files_control(own))).transpose()?;
        let network_listener = plan.network.as_ref().map(|_| listen(network_control(own))).transpose()?;
        let left = (mounted.is_some() || plan.network.is_some()).then(namespace::leave_host).transpose()?;
        if let Some(bus) = &plan.bus {
            let path = if bus::is_mount(bus) {
                let path = bus::make_mount(bus, &self.run)?;
                self.mounts += 1;
                path
            } else {
                bus::make_plain(own)?
            };
            self.environment.push((BUS_DIRECTORY.into(), path.clone().into()));
            self.bus = Some(path.clone());
            if let Some(listener) = files_listener {
                let open_to_all = left == Some(Left::Privileged);
                self.files = Some(files::start(&path, open_to_all, listener, log)?);
                self.mounts += 1;
            }
        }
        if let (Some(network), Some(listener)) = (&plan.network, network_listener) {
            self.join(network.hosts, shuttle::start(network.hosts, listener, log)?)?;
            self.keeps_capabilities = left == Some(Left::InUserNamespace);
        }
        Ok(())
    }

    fn join(&mut self, hosts: u32, shuttle: shuttle::Started) -> Result<(), String> {
        self.shuttle = Some(shuttle.process);
        let list: Vec<Host> = (1..=hosts)
            .zip(&shuttle.namespaces)
            .map(|(host, netns)| Host {
                host,
                address: shuttle::address(host).to_string(),
                netns: netns.display().to_string(),
            })
            .collect();
        let json = serde_json::to_string(&list).map_err(|e| e.to_string())?;
        self.environment.push((NETWORK.into(), json.into()));
        let first = shuttle.namespaces.first().ok_or("a network has at least one host")?;
        let open = File::open(first)
            .map_err(|e| format!("could not open the network namespace {}: {e}", first.display()))?;
        self.first_host = Some(open);
        Ok(())
    }

    /// Lets the target start where it belongs and find what was made for it.
    pub(crate) fn place(&self, command: &mut Command) {
        command.envs(self.environment.iter().cloned());
        let Some(first) = &self.first_host else { return };
        let Ok(first) = first.try_clone() else { return };
        let keeps_capabilities = self.keeps_capabilities;
        #[expect(unsafe_code, reason = "only between fork and exec does the child alone change its network")]
        // SAFETY: the closure does system calls only.
        unsafe {
            command.pre_exec(move || {
                setns(first.as_fd(), CloneFlags::CLONE_NEWNET)?;
                if keeps_capabilities { namespace::keep_capabilities() } else { Ok(()) }
            });
        }
    }

    /// The processes in between, which are neither the target nor adopted by it.
    pub(crate) fn helpers(&self) -> Vec<Identity> {
        [self.files, self.shuttle].into_iter().flatten().collect()
    }

    /// Notes that a helper has ended, if it is one. Where operations on files went through it, they fail from
    /// then on; taking its mount away lets new ones reach the files again.
    pub(crate) fn ended(&mut self, pid: u32) -> bool {
        if self.files.is_some_and(|files| files.pid == pid) {
            self.files = None;
            if let Some(bus) = &self.bus
                && bus::uncover(bus).is_ok()
            {
                self.mounts -= 1;
            }
            return true;
        }
        if self.shuttle.is_some_and(|shuttle| shuttle.pid == pid) {
            self.shuttle = None;
            return true;
        }
        false
    }

    /// Ends the processes in between, so that nobody who is to be ended waits for one of them.
    pub(crate) fn end_helpers(&mut self) {
        for helper in [self.files.take(), self.shuttle.take()].into_iter().flatten() {
            let Ok(pid) = i32::try_from(helper.pid) else { continue };
            // Our own child that nobody has waited for: its id is still its own.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            let _ = waitpid(Pid::from_raw(pid), None);
        }
    }

    /// Takes away all that has a name. What is in namespaces goes with the last process in them.
    pub(crate) fn dismantle(&mut self) {
        self.end_helpers();
        if let Some(bus) = self.bus.take() {
            for _ in 0..std::mem::take(&mut self.mounts) {
                let _ = bus::uncover(&bus);
            }
            if let Some(guardian) = self.guardian {
                // What cannot be removed is left to the sweep.
                let _ = bus::remove(guardian, &self.run);
            }
        }
    }
}

/// Removes what runs whose guardians are dead have left with a name on this host, and says what. Only what
/// belongs to this user.
///
/// # Errors
/// If a directory cannot be read or removed.
pub fn sweep() -> Result<Vec<PathBuf>, crate::ChaosError> {
    bus::sweep().map_err(|e| crate::ChaosError::io("remove", "what dead runs have left in memory", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guardian_is_known_by_the_name_of_what_it_made() {
        let guardian = Identity { pid: 17, starttime: 4711 };
        assert_eq!(name(guardian), "shakedown-17-4711");
        assert_eq!(guardian_of("shakedown-17-4711"), Some(guardian));
        for other in ["shakedown-17", "shakedown-x-1", "sheikdown-17-4711", "shakedown-17-4711-more"] {
            assert_eq!(guardian_of(other), None, "{other}");
        }
    }
}
