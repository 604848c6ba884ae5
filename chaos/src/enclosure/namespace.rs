//! Namespaces: leaving those of the host, and acting for a moment in those of another process.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// How this process came to a mount namespace of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// By its privilege.
    Privileged,
    /// By a user namespace, in which it has every privilege and outside of which it has none.
    InUserNamespace,
}

/// Gives this process, which must have one thread, a mount namespace of its own. Mounts of the host still come
/// in; none goes out.
pub(crate) fn leave_host() -> Result<Left, String> {
    let left = match unshare(CloneFlags::CLONE_NEWNS) {
        Ok(()) => Left::Privileged,
        Err(Errno::EPERM) => {
            let user = nix::unistd::Uid::effective();
            let group = nix::unistd::Gid::effective();
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).map_err(|e| {
                format!(
                    "a mount namespace needs root or a user namespace, and the kernel refused both ({e}); run \
                     as root, or allow user namespaces (sysctl user.max_user_namespaces, \
                     kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)"
                )
            })?;
            let maps = [
                ("setgroups", "deny".to_owned()),
                ("uid_map", format!("{user} {user} 1")),
                ("gid_map", format!("{group} {group} 1")),
            ];
            for (file, map) in maps {
                std::fs::write(format!("/proc/self/{file}"), map).map_err(|e| {
                    format!("could not write /proc/self/{file} of the new user namespace: {e}")
                })?;
            }
            Left::InUserNamespace
        }
        Err(e) => return Err(format!("could not make a mount namespace: {e}")),
    };
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_SLAVE, None::<&str>)
        .map_err(|e| format!("could not keep mounts of the new namespace within it: {e}"))?;
    Ok(left)
}

/// Does something in the user and mount namespaces of a process, in a child of its own that then ends. `act`
/// may do system calls and nothing else: this process may have other threads, whose locks the child would
/// find taken.
pub(crate) fn inside(process: u32, act: impl FnOnce() -> nix::Result<()>) -> io::Result<()> {
    let user = foreign(process, "user")?;
    let mounts = foreign(process, "mnt")?;
    #[expect(unsafe_code, reason = "a namespace is entered by a process of one thread")]
    // SAFETY: the child does system calls only, on what was opened before, and ends without unwinding.
    let forked = unsafe { fork() }?;
    match forked {
        ForkResult::Child => {
            let done = enter(user.as_ref(), CloneFlags::CLONE_NEWUSER)
                .and_then(|()| enter(mounts.as_ref(), CloneFlags::CLONE_NEWNS))
                .and_then(|()| act());
            let status = done.err().map_or(0, |e| e as i32);
            #[expect(unsafe_code, reason = "nothing of the parent may be run at the exit of its copy")]
            // SAFETY: ends the process at once.
            unsafe {
                libc::_exit(status)
            }
        }
        ForkResult::Parent { child } => loop {
            match waitpid(child, None) {
                Ok(WaitStatus::Exited(_, 0)) => return Ok(()),
                Ok(WaitStatus::Exited(_, errno)) => return Err(io::Error::from_raw_os_error(errno)),
                Ok(other) => return Err(io::Error::other(format!("its child ended: {other:?}"))),
                Err(Errno::EINTR) => {}
                Err(e) => return Err(e.into()),
            }
        },
    }
}

fn enter(namespace: Option<&File>, kind: CloneFlags) -> nix::Result<()> {
    namespace.map_or(Ok(()), |namespace| setns(namespace.as_fd(), kind))
}

/// The namespace of another process; `None` if it is this one's.
fn foreign(process: u32, kind: &str) -> io::Result<Option<File>> {
    let theirs = PathBuf::from(format!("/proc/{process}/ns/{kind}"));
    let same = std::fs::metadata(&theirs)?.ino() == std::fs::metadata(format!("/proc/self/ns/{kind}"))?.ino();
    if same { Ok(None) } else { File::open(theirs).map(Some) }
}

/// Lets the program that is executed next keep the privileges in the run's user namespace with which it enters
/// its other hosts: to change namespaces, and to find them through another process. Does system calls only.
pub(crate) fn keep_capabilities() -> io::Result<()> {
    const KEPT: [u32; 2] = [21, 19]; // CAP_SYS_ADMIN, CAP_SYS_PTRACE
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    // Effective, permitted and inheritable of the capabilities below 32, then of those above.
    let mut sets = [0_u32; 6];
    #[expect(unsafe_code, reason = "neither std nor nix wraps capabilities")]
    // SAFETY: both arrays have the layout of this version of the call and outlive it.
    unsafe {
        if libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        for capability in KEPT {
            sets[2] |= 1 << capability;
        }
        if libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        for capability in KEPT {
            if libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0 {
                return Err(io::Error::last_os_error());
            }
        }
    }
    Ok(())
}
