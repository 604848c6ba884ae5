//! One process: what it uses now.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use chaos::process::{Stat, is_gone};
use nix::time::ClockId;
use nix::unistd::{SysconfVar, sysconf};

/// The kind of CPU clock that counts what the scheduler gave, and not ticks: `CPUCLOCK_SCHED` of the kernel.
const SCHEDULER: i32 = 2;

/// What was read of one process. Memory is in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) rss: Option<u64>,
    pub(super) private: Option<u64>,
    pub(super) pss: Option<u64>,
    pub(super) swap: Option<u64>,
    pub(super) descriptors: Option<u64>,
    pub(super) threads: u64,
    /// CPU time since its start, in nanoseconds.
    pub(super) cpu_ns: u64,
    pub(super) major_faults: u64,
}

/// Reads processes into buffers that are kept.
#[derive(Debug)]
pub(super) struct ProcessReader {
    path: Vec<u8>,
    text: Vec<u8>,
    page: u64,
    tick_ns: u64,
    counts_by_size: bool,
}

impl ProcessReader {
    pub(super) fn new() -> Self {
        let system = |name, default| {
            sysconf(name).ok().flatten().and_then(|value| u64::try_from(value).ok()).unwrap_or(default)
        };
        Self {
            path: Vec::with_capacity(64),
            text: vec![0; 8192],
            page: system(SysconfVar::PAGE_SIZE, 4096),
            tick_ns: 1_000_000_000 / system(SysconfVar::CLK_TCK, 100).max(1),
            counts_by_size: counts_by_size(),
        }
    }

    /// Nanoseconds in a clock tick.
    pub(super) fn tick_ns(&self) -> u64 {
        self.tick_ns
    }

    /// The cheap set of the process that started at this time; `None` if it is gone or a zombie. What cannot
    /// be read of a living one is absent. `swapping` says whether any of it may be swapped out.
    pub(super) fn read(&mut self, pid: u32, starttime: u64, swapping: bool) -> Option<Reading> {
        let stat = Stat::parse(self.file(pid, "stat").ok()?)?;
        if stat.starttime != starttime || !stat.is_alive() {
            return None;
        }
        let descriptors = self.descriptors(pid);
        let page = self.page;
        let memory = match self.file(pid, "statm") {
            Ok(text) => memory(text),
            Err(e) if is_gone(&e) => return None,
            Err(_) => None,
        };
        // A process that is ending gives its memory back first, then its descriptors: where memory is still
        // there, the descriptors counted before were there too.
        if memory.is_some_and(|memory| memory.size == 0) {
            return None;
        }
        let swap = match swapping.then(|| self.file(pid, "status")) {
            None => Some(0),
            Some(Ok(text)) if has_no_memory(text) => return None,
            Some(Ok(text)) => kibibytes(text, b"VmSwap:"),
            Some(Err(e)) if is_gone(&e) => return None,
            Some(Err(_)) => None,
        };
        Some(Reading {
            rss: memory.map(|m| m.resident * page),
            private: private(memory, page, swap),
            pss: None,
            swap,
            descriptors,
            threads: stat.threads,
            cpu_ns: cpu_ns(pid).unwrap_or(stat.cpu_ticks.saturating_mul(self.tick_ns)),
            major_faults: stat.major_faults,
        })
    }

    /// Its proportional memory, in bytes.
    pub(super) fn pss(&mut self, pid: u32) -> Option<u64> {
        self.file(pid, "smaps_rollup").ok().and_then(|text| kibibytes(text, b"Pss:"))
    }

    fn descriptors(&mut self, pid: u32) -> Option<u64> {
        let by_size = self.counts_by_size;
        let path = self.path(pid, "fd");
        if by_size { fs::metadata(path).ok().map(|m| m.len()) } else { count_entries(path).ok() }
    }

    /// The text of a file of a process, as much as one read gives: all of it, for files as short as these.
    fn file(&mut self, pid: u32, name: &str) -> io::Result<&[u8]> {
        let mut file = File::open(self.path(pid, name))?;
        let length = file.read(&mut self.text)?;
        Ok(&self.text[..length])
    }

    fn path(&mut self, pid: u32, name: &str) -> &Path {
        let mut digits = [0_u8; 10];
        let mut at = digits.len();
        let mut rest = pid;
        loop {
            at -= 1;
            digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.path.clear();
        self.path.extend_from_slice(b"/proc/");
        self.path.extend_from_slice(&digits[at..]);
        self.path.push(b'/');
        self.path.extend_from_slice(name.as_bytes());
        Path::new(OsStr::from_bytes(&self.path))
    }
}

/// What the scheduler has counted of a process, to the nanosecond: what `stat` shows of it is cut to ticks of ten
/// milliseconds, of which a process that does little has one in some seconds.
fn cpu_ns(pid: u32) -> Option<u64> {
    // As `clock_getcpuclockid` makes it, which asks the kernel once more whether there is such a process.
    let clock = ClockId::from_raw((!i32::try_from(pid).ok()? << 3) | SCHEDULER);
    let used = clock.now().ok()?;
    u64::try_from(Duration::from(used).as_nanos()).ok()
}

/// Pages of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Memory {
    size: u64,
    resident: u64,
    shared: u64,
}

fn memory(statm: &[u8]) -> Option<Memory> {
    let mut fields = statm.split(|b| *b == b' ').map(number);
    Some(Memory { size: fields.next()??, resident: fields.next()??, shared: fields.next()?? })
}

/// Anonymous memory in bytes, resident or swapped out; not known without both.
fn private(memory: Option<Memory>, page: u64, swap: Option<u64>) -> Option<u64> {
    let resident = memory.map(|m| m.resident.saturating_sub(m.shared) * page);
    resident.zip(swap).map(|(resident, swapped)| resident + swapped)
}

/// Whether `status` is that of a process that has given its memory back: where the lines of memory belong, before the
/// number of threads, there is none. One that lacks `VmSwap` alone, or is cut off at the end of the buffer, is alive.
fn has_no_memory(status: &[u8]) -> bool {
    let has = |name: &[u8]| line(status, name).is_some();
    has(b"Threads:") && !has(b"VmSize:") && !has(b"VmSwap:")
}

/// What follows this at the beginning of a line.
fn line<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    text.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(name))
}

/// The value of a line of `smaps_rollup` or `status`, in bytes.
fn kibibytes(text: &[u8], name: &[u8]) -> Option<u64> {
    let line = line(text, name)?;
    number(line.trim_ascii().split(|b| *b == b' ').next()?).map(|kib| kib * 1024)
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whether the size of `/proc/PID/fd` is the number of descriptors: since Linux 6.2; before it is zero.
/// Other threads may open and close meanwhile, so one agreement in a few tries is enough.
fn counts_by_size() -> bool {
    let own = Path::new("/proc/self/fd");
    (0..16).any(|_| match (fs::metadata(own), count_entries(own)) {
        // The counting itself holds one open.
        (Ok(metadata), Ok(entries)) => metadata.len() > 0 && metadata.len() + 1 == entries,
        _ => false,
    })
}

fn count_entries(directory: &Path) -> io::Result<u64> {
    let mut count = 0;
    for entry in fs::read_dir(directory)? {
        entry?;
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_taken_from_the_first_three_fields() {
        assert_eq!(memory(b"900 120 80 1 0 30 0\n"), Some(Memory { size: 900, resident: 120, shared: 80 }));
        assert_eq!(memory(b"900 x 80"), None);
        assert_eq!(memory(b""), None);
    }

    #[test]
    fn what_is_swapped_out_is_held_and_without_it_nothing_is_known() {
        let memory = Some(Memory { size: 900, resident: 120, shared: 80 });
        let swapped = kibibytes(b"Name:\tsh\nVmStk:\t 132 kB\nVmSwap:\t   8 kB\nThreads:\t1\n", b"VmSwap:");
        assert_eq!(swapped, Some(8192));
        assert_eq!(private(memory, 4096, swapped), Some(42 * 4096));
        assert_eq!(private(memory, 4096, Some(0)), Some(40 * 4096));
        assert_eq!(private(memory, 4096, None), None);
        assert_eq!(private(None, 4096, swapped), None);
    }

    #[test]
    fn only_a_process_without_any_memory_has_given_it_back() {
        for (status, gave_back, swapped) in [
            ("Name:\tsh\nVmSize:\t  900 kB\nVmSwap:\t   8 kB\nThreads:\t1\n", false, Some(8192)),
            ("Name:\tsh\nVmSize:\t  900 kB\nVmRSS:\t 12 kB\nThreads:\t1\n", false, None),
            ("Name:\tsh\nGroups:\t1 2 3", false, None),
            ("Name:\tsh\nState:\tZ (zombie)\nThreads:\t1\n", true, None),
        ] {
            assert_eq!(has_no_memory(status.as_bytes()), gave_back, "{status}");
            assert_eq!(kibibytes(status.as_bytes(), b"VmSwap:"), swapped, "{status}");
        }
    }

    #[test]
    fn cpu_time_below_a_tick_of_the_clock_is_counted() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let starttime = Stat::read(child.id()).unwrap().unwrap().starttime;
        let read = ProcessReader::new().read(child.id(), starttime, false).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // It has been started, and that is all.
        assert!((1..1_000_000_000).contains(&read.cpu_ns), "{read:?}");
    }

    #[test]
    fn while_a_host_swaps_what_of_a_process_is_swapped_out_is_read_and_the_dead_are_gone() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let starttime = Stat::read(child.id()).unwrap().unwrap().starttime;
        let mut reader = ProcessReader::new();
        let read = reader.read(child.id(), starttime, true).unwrap();
        let status = fs::read(format!("/proc/{}/status", child.id())).unwrap();
        assert_eq!(read.swap, kibibytes(&status, b"VmSwap:"));
        assert!(read.swap.is_some() && read.private > read.swap, "{read:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(reader.read(child.id(), starttime, true), None);
    }

    #[test]
    fn a_path_is_made_for_every_length_of_id() {
        let mut reader = ProcessReader::new();
        for (pid, path) in [(0, "/proc/0/stat"), (7, "/proc/7/stat"), (u32::MAX, "/proc/4294967295/stat")] {
            assert_eq!(reader.path(pid, "stat"), Path::new(path));
        }
    }

    #[test]
    fn both_ways_of_counting_descriptors_agree() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut reader = ProcessReader::new();
        let counted = |reader: &mut ProcessReader, by_size| {
            reader.counts_by_size = by_size;
            reader.descriptors(child.id()).unwrap()
        };
        let by_entries = counted(&mut reader, false);
        assert!(by_entries >= 3);
        if counts_by_size() {
            assert_eq!(counted(&mut reader, true), by_entries);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
