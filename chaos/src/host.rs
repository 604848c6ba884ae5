//! The memory and the limits of this host, of which faults leave a reserve.

/// What is left to the host in any case where a scenario does not say, in bytes.
pub(crate) const RESERVE: u64 = 256 << 20;

/// Memory that can be had without swapping, in bytes; `None` where the kernel does not tell.
pub(crate) fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    Some(kib(&text, "MemAvailable:")? << 10)
}

/// The number of a line `NAME  NUMBER kB`.
pub(crate) fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// How many more processes and threads the host has room for, a fifth of all being left.
pub(crate) fn room_for_processes() -> Option<u64> {
    let number = |path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let most = number("/proc/sys/kernel/pid_max")?.min(number("/proc/sys/kernel/threads-max")?);
    let load = std::fs::read_to_string("/proc/loadavg").ok()?;
    let present: u64 = load.split_whitespace().nth(3)?.split_once('/')?.1.parse().ok()?;
    Some((most / 5 * 4).saturating_sub(present))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_tells_its_memory_and_its_room() {
        assert!(available_memory().unwrap() > 1 << 20);
        assert!(room_for_processes().unwrap() > 100);
        assert_eq!(kib("A:   7 kB\nMemAvailable:  12 kB\n", "MemAvailable:"), Some(12));
    }
}
