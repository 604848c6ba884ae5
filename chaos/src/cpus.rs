//! On which CPUs threads may run.

use std::io;

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// A set of CPUs, in the kernel's words: `0-3,8`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cpus(String);

impl Cpus {
    pub(crate) fn one(cpu: usize) -> Self {
        Self(cpu.to_string())
    }

    /// Those of a thread; `None` if it is gone.
    pub(crate) fn of_thread(tid: u32) -> io::Result<Option<Self>> {
        match sched_getaffinity(raw(tid)) {
            Ok(set) => Ok(Some(Self::from_set(&set))),
            Err(Errno::ESRCH) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Lets a thread run on these only; `false` if it is gone.
    pub(crate) fn give_to(&self, tid: u32) -> io::Result<bool> {
        match sched_setaffinity(raw(tid), &self.to_set()?) {
            Ok(()) => Ok(true),
            Err(Errno::ESRCH) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Each of them, ascending.
    pub(crate) fn each(&self) -> Vec<usize> {
        let span = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.parse::<usize>().ok()?..=last.parse().ok()?)
        };
        self.0.split(',').filter_map(span).flatten().collect()
    }

    /// These and the others.
    pub(crate) fn and(&self, other: &Self) -> io::Result<Self> {
        let mut set = self.to_set()?;
        other.each().into_iter().try_for_each(|cpu| set.set(cpu))?;
        Ok(Self::from_set(&set))
    }

    fn from_set(set: &CpuSet) -> Self {
        let has = |cpu| set.is_set(cpu).unwrap_or(false);
        let mut parts = Vec::new();
        let mut cpu = 0;
        while cpu < CpuSet::count() {
            let first = cpu;
            while cpu < CpuSet::count() && has(cpu) {
                cpu += 1;
            }
            match cpu - first {
                0 => cpu += 1,
                1 => parts.push(first.to_string()),
                _ => parts.push(format!("{first}-{}", cpu - 1)),
            }
        }
        Self(parts.join(","))
    }

    fn to_set(&self) -> io::Result<CpuSet> {
        let mut set = CpuSet::new();
        self.each().into_iter().try_for_each(|cpu| set.set(cpu))?;
        Ok(set)
    }
}

fn raw(tid: u32) -> Pid {
    Pid::from_raw(i32::try_from(tid).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_reads_as_the_kernel_words_it() {
        for words in ["0", "0-3", "1,3-5,9", "7-8"] {
            let set = Cpus(words.to_owned()).to_set().unwrap();
            assert_eq!(Cpus::from_set(&set).0, words);
        }
        assert_eq!(Cpus("1,3-5".to_owned()).each(), [1, 3, 4, 5]);
        assert_eq!(Cpus::one(2).and(&Cpus("0-1".to_owned())).unwrap(), Cpus("0-2".to_owned()));
    }

    #[test]
    fn this_thread_may_run_somewhere() {
        assert!(!Cpus::of_thread(std::process::id()).unwrap().unwrap().each().is_empty());
    }
}
