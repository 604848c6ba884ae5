//! What exhausts memory, descriptors, processes and CPUs.

use super::{Read, value};
use crate::format::tables;
use crate::plan::FaultKind;
use crate::reader::{Fields, Reader};

pub(super) fn read(key: &str, fields: &Fields<'_>, reader: &mut Reader) -> Option<FaultKind> {
    let of = |table| Read::new(fields, table);
    Some(match key {
        "memory_limit" => {
            FaultKind::MemoryLimit { headroom: of(&tables::MEMORY_LIMIT).size(reader, "headroom")? }
        }
        "out_of_memory" => {
            FaultKind::OutOfMemory { limit: of(&tables::OUT_OF_MEMORY).size(reader, "limit")? }
        }
        "memory_stall" => FaultKind::MemoryStall { limit: of(&tables::MEMORY_STALL).size(reader, "limit")? },
        "memory_hog" => {
            let bytes = value(fields.number(reader, "bytes"));
            let reserve = of(&tables::MEMORY_HOG).size(reader, "reserve");
            FaultKind::MemoryHog { bytes: bytes?, reserve: reserve? }
        }
        "descriptors" => FaultKind::Descriptors { limit: descriptors(fields, reader)? },
        "processes" => FaultKind::Processes { headroom: of(&tables::PROCESSES).count(reader, "headroom")? },
        "cpu_pin" => FaultKind::CpuPin { cpu: of(&tables::CPU_PIN).count(reader, "cpu")? },
        "cpu_hog" => FaultKind::CpuHog { threads: of(&tables::CPU_HOG).count(reader, "threads")? },
        _ => FaultKind::CpuQuota { percent: quota(fields, reader)? },
    })
}

/// A number, or `None` for `held`, which is the default.
fn descriptors(fields: &Fields<'_>, reader: &mut Reader) -> Option<Option<u64>> {
    match fields.get("limit") {
        Some(_) => value(fields.count_or_word(reader, "limit")),
        None => Some(None),
    }
}

fn quota(fields: &Fields<'_>, reader: &mut Reader) -> Option<u32> {
    // Without it, that has left a problem.
    fields.get("share")?;
    Read::new(fields, &tables::CPU_QUOTA).percent(reader, "share")
}
