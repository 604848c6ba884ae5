//! This machine: what it is, and what it would refuse.

mod cgroup;
mod facts;
mod limits;

pub use cgroup::CgroupLimit;
pub use facts::facts;
pub use limits::Limits;
pub(crate) use limits::descriptor_limit;

/// The kernel's id of this boot; empty where it tells none.
#[must_use]
pub(crate) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| String::new(), |id| id.trim().to_owned())
}

/// What a plan needs of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Processes at the same time.
    pub processes: u64,
    /// Descriptors that one process may come to hold.
    pub descriptors: u64,
    /// Memory of everything together, in bytes.
    pub memory_bytes: u64,
}

/// The oldest kernel on which everything that is needed exists.
const OLDEST_KERNEL: (u32, u32) = (5, 10);

/// What of these needs this host cannot give, each as a sentence that names the limit and its value; empty if
/// it can give all. Nothing is started.
#[must_use]
pub fn refusals(needs: &Needs) -> Vec<String> {
    refused_by(&Limits::read(), needs)
}

/// What of these needs these limits do not allow. A limit that could not be read refuses nothing.
#[must_use]
pub fn refused_by(limits: &Limits, needs: &Needs) -> Vec<String> {
    let mut refusals = Vec::new();
    if let Some((major, minor)) = limits.kernel.filter(|kernel| *kernel < OLDEST_KERNEL) {
        let (oldest, least) = OLDEST_KERNEL;
        refusals.push(format!("needs Linux {oldest}.{least} or newer, but this kernel is {major}.{minor}"));
    }
    processes(limits, needs.processes, &mut refusals);
    if let Some(most) = limits.descriptors.filter(|most| needs.descriptors > *most) {
        refusals.push(format!(
            "needs up to {} descriptors in one process, but the hard limit RLIMIT_NOFILE is {most}; raise it \
             (ulimit -Hn, or LimitNOFILE of the service) or use fewer agents",
            needs.descriptors
        ));
    }
    if let Some(available) = limits.memory_available.filter(|available| needs.memory_bytes > *available) {
        refusals.push(format!(
            "needs some {} MiB of memory, but {} MiB are available ({}); use fewer agents or free some",
            needs.memory_bytes >> 20,
            available >> 20,
            limits.memory_source,
        ));
    }
    refusals
}

fn processes(limits: &Limits, needed: u64, refusals: &mut Vec<String>) {
    let cgroup = limits.cgroup_pids.as_ref();
    let bounds = [
        ("kernel.pid_max".to_owned(), limits.pid_max, limits.tasks, "sysctl kernel.pid_max"),
        ("kernel.threads-max".to_owned(), limits.threads_max, limits.tasks, "sysctl kernel.threads-max"),
        ("RLIMIT_NPROC".to_owned(), limits.user_processes, limits.user_tasks, "ulimit -u"),
        (
            cgroup.map_or_else(String::new, |c| format!("pids.max of the cgroup {}", c.path)),
            cgroup.map(|c| c.max),
            cgroup.map_or(0, |c| c.current),
            "TasksMax of the service, or --pids-limit of the container",
        ),
    ];
    for (name, most, in_use, how) in bounds {
        let Some(most) = most.filter(|most| needed.saturating_add(in_use) > *most) else { continue };
        refusals.push(format!(
            "needs {needed} processes, but {name} is {most} and {in_use} are in use; raise it ({how}) or use \
             fewer agents"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roomy() -> Limits {
        Limits {
            kernel: Some((6, 18)),
            pid_max: Some(32_768),
            threads_max: Some(100_000),
            tasks: 120,
            user_processes: Some(4_096),
            user_tasks: 40,
            cgroup_memory: None,
            cgroup_pids: Some(CgroupLimit { path: "/user.slice".into(), max: 5_000, current: 40 }),
            descriptors: Some(20_000),
            memory_available: Some(8 << 30),
            memory_source: "MemAvailable",
        }
    }

    const NEEDS: Needs = Needs { processes: 2_004, descriptors: 2_064, memory_bytes: 512 << 20 };

    #[test]
    fn a_host_with_room_refuses_nothing() {
        assert_eq!(refused_by(&roomy(), &NEEDS), [""; 0]);
    }

    #[test]
    fn each_limit_refuses_by_its_name_and_value() {
        let cgroup = |max| Some(CgroupLimit { path: "/user.slice".into(), max, current: 40 });
        let cases = [
            (Limits { kernel: Some((5, 9)), ..roomy() }, "needs Linux 5.10 or newer, but this kernel is 5.9"),
            (
                Limits { pid_max: Some(2_000), ..roomy() },
                "needs 2004 processes, but kernel.pid_max is 2000 and 120 are in use; \
                 raise it (sysctl kernel.pid_max) or use fewer agents",
            ),
            (
                Limits { threads_max: Some(2_123), ..roomy() },
                "needs 2004 processes, but kernel.threads-max is 2123 and 120 are in use; \
                 raise it (sysctl kernel.threads-max) or use fewer agents",
            ),
            (
                Limits { user_processes: Some(1_024), ..roomy() },
                "needs 2004 processes, but RLIMIT_NPROC is 1024 and 40 are in use; \
                 raise it (ulimit -u) or use fewer agents",
            ),
            (
                Limits { cgroup_pids: cgroup(512), ..roomy() },
                "needs 2004 processes, but pids.max of the cgroup /user.slice is 512 and 40 are in use; \
                 raise it (TasksMax of the service, or --pids-limit of the container) or use fewer agents",
            ),
            (
                Limits { descriptors: Some(1_024), ..roomy() },
                "needs up to 2064 descriptors in one process, but the hard limit RLIMIT_NOFILE is 1024; \
                 raise it (ulimit -Hn, or LimitNOFILE of the service) or use fewer agents",
            ),
            (
                Limits { memory_available: Some(300 << 20), ..roomy() },
                "needs some 512 MiB of memory, but 300 MiB are available (MemAvailable); \
                 use fewer agents or free some",
            ),
        ];
        for (limits, expected) in cases {
            assert_eq!(refused_by(&limits, &NEEDS), [expected]);
        }
    }

    #[test]
    fn needs_that_fit_exactly_are_met() {
        let limits = Limits {
            pid_max: Some(2_124),
            user_processes: Some(2_044),
            descriptors: Some(2_064),
            memory_available: Some(512 << 20),
            ..roomy()
        };
        assert_eq!(refused_by(&limits, &NEEDS), [""; 0]);
    }

    #[test]
    fn every_limit_that_is_too_low_is_told_at_once() {
        let limits =
            Limits { pid_max: Some(300), descriptors: Some(64), memory_available: Some(0), ..roomy() };
        assert_eq!(refused_by(&limits, &NEEDS).len(), 3);
    }

    #[test]
    fn what_could_not_be_read_refuses_nothing() {
        let limits = Limits {
            kernel: None,
            pid_max: None,
            threads_max: None,
            user_processes: None,
            cgroup_pids: None,
            cgroup_memory: None,
            descriptors: None,
            memory_available: None,
            ..roomy()
        };
        assert_eq!(refused_by(&limits, &NEEDS), [""; 0]);
    }
}
