//! What faults change on this host, read so that two readings can be compared.

use std::collections::BTreeMap;

use chaos::process::Identity;

/// By name: what was read.
pub(crate) type Snapshot = BTreeMap<String, String>;

/// The state of these processes, the control groups of this guardian, and the processes that carry its mark
/// and are none of the run.
pub(crate) fn of(guardian: Identity, processes: &[Identity]) -> Snapshot {
    let mut all = Snapshot::new();
    for process in processes {
        let (pid, alive) = (process.pid, process.is_alive().unwrap());
        all.insert(format!("{pid} alive"), alive.to_string());
        if alive {
            of_process(pid, &mut all);
        }
    }
    for group in groups(guardian) {
        all.insert(group, "there".to_owned());
    }
    for aide in aides(guardian, processes) {
        all.insert(format!("aide {aide}"), "there".to_owned());
    }
    all
}

fn of_process(pid: u32, all: &mut Snapshot) {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    for line in read("limits").lines().skip(1) {
        all.insert(format!("{pid} {}", line.get(..26).unwrap_or(line).trim()), line.to_owned());
    }
    all.insert(format!("{pid} cgroup"), read("cgroup"));
    all.insert(format!("{pid} oom_score_adj"), read("oom_score_adj"));
    let stopped = read("stat").rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" T"));
    all.insert(format!("{pid} stopped"), stopped.to_string());
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let tid = thread.file_name().to_string_lossy().into_owned();
        let status = read(&format!("task/{tid}/status"));
        let allowed = status.lines().find(|line| line.starts_with("Cpus_allowed_list")).unwrap_or_default();
        all.insert(format!("{tid} CPUs"), allowed.to_owned());
    }
}

/// The control groups of this guardian, wherever they are.
fn groups(guardian: Identity) -> Vec<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mounts = mounts.lines().filter(|line| line.contains(" - cgroup"));
    let mark = format!("shakedown-{}-{}-", guardian.pid, guardian.starttime);
    let mut found = Vec::new();
    let mut todo: Vec<std::path::PathBuf> =
        mounts.filter_map(|line| line.split(' ').nth(4)).map(Into::into).collect();
    while let Some(directory) = todo.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().starts_with(&mark) {
                    found.push(entry.path().display().to_string());
                }
                todo.push(entry.path());
            }
        }
    }
    found
}

/// Living processes that carry the mark of this guardian and are not among these.
fn aides(guardian: Identity, known: &[Identity]) -> Vec<u32> {
    let mark = format!("SHAKEDOWN_GUARDIAN={}:{}", guardian.pid, guardian.starttime).into_bytes();
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|b| *b == 0).any(|entry| entry == mark)
            && !known.iter().any(|p| p.pid == *pid)
            && Identity::of(*pid).unwrap().is_some_and(|p| p.is_alive().unwrap())
    })
    .collect()
}

/// What differs, in words; empty if nothing.
pub(crate) fn difference(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| format!("{name}: {:?} -> {:?}", before.get(name), after.get(name)))
        .collect()
}
