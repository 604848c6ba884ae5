//! What of all this can be had on this host by this user, found by making it for a moment in a child.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

use super::{files, namespace, shuttle};

/// What came of it for one kind of fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The kind, as in scenario files.
    pub kind: &'static str,
    /// By what it is done here.
    pub mechanism: &'static str,
    /// What it needs.
    pub privilege: &'static str,
    /// Why it does not work, where it does not.
    pub works: Result<(), String>,
}

/// Kinds that need the same, in the order in which it is tried.
struct Group {
    kinds: &'static [(&'static str, &'static str)],
    privilege: &'static str,
}

const GROUPS: [Group; 4] = [
    Group {
        kinds: &[
            ("disk_full", "a file that takes what is left of a tmpfs of the run"),
            ("inodes_full", "files that take what is left of a tmpfs of the run"),
            ("read_only", "a read-only mount in the run's mount namespace"),
        ],
        privilege: "root, or a user namespace",
    },
    Group {
        kinds: &[
            ("file_errors", "FUSE over the bus directory"),
            ("file_delay", "FUSE over the bus directory"),
        ],
        privilege: "root, or a user namespace and /dev/fuse open to the user",
    },
    Group {
        kinds: &[
            ("network_delay", "network namespaces joined by TUN devices"),
            ("network_loss", "network namespaces joined by TUN devices"),
            ("network_rate", "network namespaces joined by TUN devices"),
            ("network_partition", "network namespaces joined by TUN devices"),
        ],
        privilege: "root, or a user namespace and /dev/net/tun open to the user",
    },
    Group {
        kinds: &[("connection_kill", "SOCK_DESTROY in network namespaces of the run")],
        privilege: "root, or a user namespace and /dev/net/tun open to the user",
    },
];

/// Tries all. Nothing of it is left.
pub fn try_all() -> Vec<Tried> {
    let told = in_child().unwrap_or_else(|e| format!("could not try: {e}\n").repeat(GROUPS.len()));
    let mut lines = told.lines();
    let mut tried = Vec::new();
    for group in &GROUPS {
        let works = match lines.next() {
            Some("") => Ok(()),
            Some(found) => Err(found.to_owned()),
            None => Err("could not try: the process that tried has ended".to_owned()),
        };
        tried.extend(group.kinds.iter().map(|(kind, mechanism)| Tried {
            kind,
            mechanism,
            privilege: group.privilege,
            works: works.clone(),
        }));
    }
    tried
}

/// A line for each group: empty, or why it does not work.
fn in_child() -> std::io::Result<String> {
    let (told, telling) = nix::unistd::pipe()?;
    #[expect(unsafe_code, reason = "namespaces are tried by a process that ends")]
    // SAFETY: of what other threads may hold locked at the fork, the child uses only the allocator, which the C
    // libraries of Linux keep usable.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(told);
            let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
            let mut told = String::new();
            for result in attempts() {
                told.push_str(&result.err().unwrap_or_default().replace('\n', " "));
                told.push('\n');
            }
            let _ = File::from(telling).write_all(told.as_bytes());
            #[expect(unsafe_code, reason = "nothing of the parent may be run at the exit of its copy")]
            // SAFETY: ends the process at once.
            unsafe {
                libc::_exit(0)
            }
        }
        ForkResult::Parent { child } => {
            drop(telling);
            let mut said = String::new();
            let read = File::from(told).read_to_string(&mut said);
            // However it ended, what it said is what counts.
            let _ = waitpid(child, None);
            read.map(|_| said)
        }
    }
}

fn attempts() -> [Result<(), String>; 4] {
    let mounts = namespace::leave_host().and_then(|_| try_mount());
    let after = |next: fn() -> Result<(), String>| mounts.clone().and_then(|()| next());
    let (intercepted, network, connections) =
        (after(files::try_mount), after(shuttle::try_host), after(shuttle::try_destroying));
    [mounts, intercepted, network, connections]
}

/// Over the root directory of a namespace in which nobody looks for anything any more.
fn try_mount() -> Result<(), String> {
    nix::mount::mount(Some("shakedown"), Path::new("/"), Some("tmpfs"), super::bus::FLAGS, None::<&str>)
        .map_err(|e| format!("could not mount a memory file system: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_tried_once_and_what_does_not_work_says_why() {
        let before = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let tried = try_all();
        assert_eq!(tried.len(), 10);
        for t in &tried {
            assert!(t.works.as_ref().is_ok() || t.works.as_ref().is_err_and(|why| why.len() > 10), "{t:?}");
        }
        if nix::unistd::Uid::effective().is_root() {
            assert_eq!(tried[0].works, Ok(()));
        }
        assert_eq!(std::fs::read_to_string("/proc/self/mountinfo").unwrap(), before);
    }
}
