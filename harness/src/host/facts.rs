//! What this machine is.

use std::fmt::Write;

use evidence::manifest::Host;
use sha2::{Digest, Sha256};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use super::Limits;

/// Bytes of the hash that name a class: enough to tell machines apart.
const CLASS_BYTES: usize = 6;

/// The machine, as the manifest tells it. What cannot be read is empty or zero, which is a class of its own.
#[must_use]
pub fn facts() -> Host {
    let refresh = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(refresh).ok();
    let kernel = System::kernel_version().unwrap_or_default();
    let cpu = system.as_ref().and_then(|s| s.cpus().first()).map(|cpu| cpu.brand().trim().to_owned());
    let cpu = cpu.unwrap_or_default();
    let cores =
        std::thread::available_parallelism().map_or(0, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
    let memory = system.as_ref().map_or(0, System::total_memory);
    let class = class(&kernel, &cpu, cores, memory);
    Host { kernel, cpu, cores, memory, class, limits: Limits::read().named() }
}

fn class(kernel: &str, cpu: &str, cores: u32, memory: u64) -> String {
    let hash = Sha256::digest(format!("{kernel}\n{cpu}\n{cores}\n{memory}\n"));
    hash.iter().take(CLASS_BYTES).fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known() {
        let host = facts();
        assert!(host.kernel.starts_with(|c: char| c.is_ascii_digit()), "{host:?}");
        assert!(!host.cpu.is_empty() && host.cores > 0 && host.memory > 1 << 20, "{host:?}");
        assert_eq!(facts(), host, "twice the same");
    }

    #[test]
    fn the_class_changes_with_every_field() {
        let one = class("6.18", "cpu", 2, 8);
        assert_eq!(one.len(), 2 * CLASS_BYTES);
        for other in [class("6.19", "cpu", 2, 8), class("6.18", "cpx", 2, 8), class("6.18", "cpu", 4, 8)] {
            assert_ne!(one, other);
        }
        assert_ne!(one, class("6.18", "cpu", 2, 16));
    }
}
