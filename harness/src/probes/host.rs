//! The host: what all its processes together use and what is left.

use std::fs::File;
use std::io::Read;

use evidence::sample::{Group, Sample};

/// Reads the host into a buffer that is kept.
#[derive(Debug)]
pub(super) struct HostReader {
    text: Vec<u8>,
    /// CPU time when the run started, in clock ticks.
    cpu_before: Option<u64>,
    /// Major page faults when the run started.
    faults_before: Option<u64>,
}

/// What was read of the host.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HostReading {
    available: Option<u64>,
    load: Option<f64>,
    swap: Option<u64>,
    major_faults: Option<u64>,
    cpu_ticks: Option<u64>,
}

impl HostReader {
    pub(super) fn new() -> Self {
        let mut reader = Self { text: vec![0; 4096], cpu_before: None, faults_before: None };
        reader.cpu_before = reader.cpu_ticks();
        reader.faults_before = reader.major_faults();
        reader
    }

    pub(super) fn read(&mut self) -> HostReading {
        let used = self.cpu_ticks().zip(self.cpu_before);
        let major_faults = self.major_faults().zip(self.faults_before);
        let load = self.text_of("/proc/loadavg").and_then(load);
        let meminfo = self.text_of("/proc/meminfo");
        HostReading {
            available: meminfo.and_then(available),
            swap: meminfo.and_then(swap_used),
            major_faults: major_faults.map(|(now, was)| now.saturating_sub(was)),
            load,
            cpu_ticks: used.map(|(now, before)| now.saturating_sub(before)),
        }
    }

    fn major_faults(&mut self) -> Option<u64> {
        self.text_of("/proc/vmstat").and_then(|text| counter(text, "pgmajfault "))
    }

    fn cpu_ticks(&mut self) -> Option<u64> {
        self.text_of("/proc/stat").and_then(busy)
    }

    /// The beginning of a file, which holds what is wanted.
    fn text_of(&mut self, path: &str) -> Option<&str> {
        let length = File::open(path).and_then(|mut file| file.read(&mut self.text)).ok()?;
        // A buffer that cuts a long file short does so between ASCII characters.
        std::str::from_utf8(&self.text[..length]).ok()
    }
}

impl HostReading {
    /// Whether memory of any process may be swapped out.
    pub(super) fn is_swapping(&self) -> bool {
        self.swap != Some(0)
    }

    pub(super) fn sample(&self, at_ns: u64, tick_ns: u64) -> Sample {
        Sample {
            cpu_ns: self.cpu_ticks.map(|ticks| ticks.saturating_mul(tick_ns)),
            available: self.available,
            load: self.load,
            major_faults: self.major_faults,
            swap: self.swap,
            ..Sample::empty(at_ns, Group::Host)
        }
    }
}

fn available(meminfo: &str) -> Option<u64> {
    counter(meminfo, "MemAvailable:")?.checked_mul(1024)
}

fn swap_used(meminfo: &str) -> Option<u64> {
    let (total, free) = (counter(meminfo, "SwapTotal:")?, counter(meminfo, "SwapFree:")?);
    total.saturating_sub(free).checked_mul(1024)
}

/// The number on the line that begins with this name.
fn counter(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

fn load(loadavg: &str) -> Option<f64> {
    loadavg.split_whitespace().next()?.parse().ok()
}

/// CPU time of all processes and of the kernel on their behalf. Time of guests is in that of users; time that
/// was waited or stolen was not used.
fn busy(stat: &str) -> Option<u64> {
    let mut fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let mut next = || fields.next()?.parse::<u64>().ok();
    let (user, nice, system, _idle, _wait) = (next()?, next()?, next()?, next()?, next()?);
    Some(user + nice + system + next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_understood() {
        let meminfo =
            "MemTotal:       24684084 kB\nMemFree:        21565404 kB\nMemAvailable:   24231012 kB\n";
        assert_eq!(available(meminfo), Some(24_231_012 << 10));
        assert_eq!(load("0.42 0.36 0.20 2/123 4567\n"), Some(0.42));
        assert_eq!(busy("cpu  10 20 30 4000 500 6 7 80 9 0\ncpu0 1 2 3\n"), Some(73));
        assert_eq!(available("MemTotal: 5 kB\n"), None);
        assert_eq!(swap_used("SwapTotal:       100 kB\nSwapFree:        60 kB\n"), Some(40 << 10));
        assert_eq!(counter("pgfault 7\npgmajfault 12\n", "pgmajfault "), Some(12));
        assert_eq!(busy("cpu  10 20\n"), None);
    }

    #[test]
    fn this_host_can_be_read() {
        let reading = HostReader::new().read();
        assert!(reading.available.is_some_and(|bytes| bytes > 1 << 20));
        assert!(reading.load.is_some() && reading.cpu_ticks.is_some());
    }
}
