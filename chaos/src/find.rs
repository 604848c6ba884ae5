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

/// All living processes of a run, whether its guardian lives or not: those that descend from it, those that
/// carry its mark, the target's first, and what descends from these. Tops first; the guardian and the calling
/// process are never among them.
pub(crate) fn of_run(guardian: Identity, target: Option<Identity>) -> io::Result<Vec<Identity>> {
    let table = Table::read()?;
    let wanted = format!("{MARK}={}", mark(guardian)).into_bytes();
    let is_root = |p: &Identity| *p == guardian || Some(*p) == target || carries(p.pid, &wanted);
    let roots: Vec<Identity> = table.alive().filter(is_root).collect();
    let root_pids: Vec<u32> = roots.iter().map(|root| root.pid).collect();
    let mut found = table.tops_first(&roots);
    found.extend(table.below(&root_pids));
    let own = std::process::id();
    found.retain(|process| *process != guardian && process.pid != own);
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
    fn tops_first(&self, processes: &[Identity]) -> Vec<Identity> {
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
            let stat = Stat {
                state,
                ppid,
                threads: 1,
                major_faults: 0,
                cpu_ticks: 0,
                starttime: u64::from(pid),
                wait_status: 0,
            };
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
        // `spawn` returns a moment before the kernel has laid out the new program's environment.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let mut found = Vec::new();
        while found.is_empty() && std::time::Instant::now() < deadline {
            found = of_run(guardian, None).unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(pids(&found), [child.id()]);
    }
}
