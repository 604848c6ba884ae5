//! Finding the processes of a run.
//!
//! While the guardian lives they are its descendants, for it adopts those that lose their parents. When it
//! has been killed they are found by a mark in their environment, which every child inherits. A process that
//! has cleared its environment *and* left its parents *and* whose guardian was killed is not found.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io;

use crate::process::{Identity, Stat, is_gone};

/// The name of the mark in the environment.
pub(crate) const MARK: &str = "SHAKEDOWN_GUARDIAN";

/// The mark of a guardian's run: unique within one boot.
pub(crate) fn mark(guardian: Identity) -> String {
    format!("{}:{}", guardian.pid, guardian.starttime)
}

/// All living descendants of a process, parents before their children.
pub(crate) fn below(root: u32) -> io::Result<Vec<Identity>> {
    Ok(Table::read()?.below(&[root]))
}

/// All living processes that carry the mark or descend from one that does, or from the root of the target,
/// parents before their children. The calling process is never one of them.
pub(crate) fn marked(guardian: Identity, target: Option<Identity>) -> io::Result<Vec<Identity>> {
    let table = Table::read()?;
    let wanted = format!("{MARK}={}", mark(guardian)).into_bytes();
    let own = std::process::id();
    let mut roots: Vec<Identity> = Vec::new();
    for process in table.alive() {
        if process.pid != own && (Some(process) == target || carries(process.pid, &wanted)) {
            roots.push(process);
        }
    }
    let pids: Vec<u32> = roots.iter().map(|r| r.pid).collect();
    let mut found = table.above_all(&roots);
    let known: HashSet<u32> = pids.iter().copied().collect();
    found.extend(table.below(&pids).into_iter().filter(|p| p.pid != own && !known.contains(&p.pid)));
    Ok(found)
}

/// An environment that cannot be read is that of another user's process, which is none of ours.
fn carries(pid: u32, wanted: &[u8]) -> bool {
    std::fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environ| environ.split(|b| *b == 0).any(|entry| entry == wanted))
}

/// Who is whose child, at one time.
struct Table {
    processes: BTreeMap<u32, Stat>,
    children: BTreeMap<u32, Vec<u32>>,
}

impl Table {
    fn read() -> io::Result<Self> {
        let mut table = Self { processes: BTreeMap::new(), children: BTreeMap::new() };
        for entry in std::fs::read_dir("/proc")? {
            let entry = match entry {
                Ok(entry) => entry,
                Err(e) if is_gone(&e) => continue,
                Err(e) => return Err(e),
            };
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Some(stat) = Stat::read(pid)? {
                table.children.entry(stat.ppid).or_default().push(pid);
                table.processes.insert(pid, stat);
            }
        }
        Ok(table)
    }

    fn alive(&self) -> impl Iterator<Item = Identity> {
        self.processes
            .iter()
            .filter(|(_, stat)| stat.is_alive())
            .map(|(pid, stat)| Identity { pid: *pid, starttime: stat.starttime })
    }

    /// These, those of them first whose ancestors are not among them.
    fn above_all(&self, processes: &[Identity]) -> Vec<Identity> {
        let among: HashSet<u32> = processes.iter().map(|p| p.pid).collect();
        let is_top = |p: &Identity| !self.processes.get(&p.pid).is_some_and(|s| among.contains(&s.ppid));
        let (mut tops, rest): (Vec<Identity>, Vec<Identity>) = processes.iter().partition(|p| is_top(p));
        tops.extend(rest);
        tops
    }

    fn below(&self, roots: &[u32]) -> Vec<Identity> {
        let mut seen: HashSet<u32> = roots.iter().copied().collect();
        let mut todo: VecDeque<u32> = roots.iter().copied().collect();
        let mut found = Vec::new();
        while let Some(parent) = todo.pop_front() {
            for &pid in self.children.get(&parent).into_iter().flatten() {
                if !seen.insert(pid) {
                    continue;
                }
                todo.push_back(pid);
                if let Some(stat) = self.processes.get(&pid).filter(|stat| stat.is_alive()) {
                    found.push(Identity { pid, starttime: stat.starttime });
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(of: &[(u32, u32, u8)]) -> Table {
        let mut table = Table { processes: BTreeMap::new(), children: BTreeMap::new() };
        for &(pid, ppid, state) in of {
            let stat =
                Stat { state, ppid, threads: 1, cpu_ticks: 0, starttime: u64::from(pid), wait_status: 0 };
            table.children.entry(ppid).or_default().push(pid);
            table.processes.insert(pid, stat);
        }
        table
    }

    fn pids(found: &[Identity]) -> Vec<u32> {
        found.iter().map(|p| p.pid).collect()
    }

    #[test]
    fn descendants_come_parents_first_and_zombies_are_passed_over() {
        let table =
            table(&[(1, 0, b'S'), (9, 1, b'S'), (3, 9, b'S'), (4, 3, b'Z'), (2, 3, b'T'), (5, 1, b'S')]);
        assert_eq!(pids(&table.below(&[9])), [3, 2]);
    }

    #[test]
    fn a_process_that_is_its_own_ancestor_by_a_torn_reading_ends_the_walk() {
        let table = table(&[(2, 3, b'S'), (3, 2, b'S')]);
        assert_eq!(pids(&table.below(&[2])), [3]);
    }

    #[test]
    fn the_mark_is_found_in_the_environment_of_a_child() {
        let guardian = Identity { pid: 1, starttime: u64::MAX - u64::from(std::process::id()) };
        let mut child =
            std::process::Command::new("sleep").arg("60").env(MARK, mark(guardian)).spawn().unwrap();
        // `spawn` returns when the program has been replaced, so the environment is the new one.
        let found = marked(guardian, None).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(pids(&found), [child.id()]);
    }
}
