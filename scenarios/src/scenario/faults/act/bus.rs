//! What is done to messages, clocks and the target as a whole.

use super::{Read, value};
use crate::format::tables;
use crate::plan::{Direction, FaultKind};
use crate::reader::{Fields, Reader};

pub(super) fn read(key: &str, fields: &Fields<'_>, reader: &mut Reader) -> Option<FaultKind> {
    match key {
        "bus_delay" => {
            let read = Read::new(fields, &tables::BUS_DELAY);
            let (delay, jitter) = (fields.number(reader, "delay"), read.duration(reader, "jitter"));
            let per_million = read.share(reader, "rate")?;
            Some(FaultKind::BusDelay { per_million, delay_ns: value(delay)?, jitter_ns: jitter? })
        }
        "partition" => Some(FaultKind::Partition {
            direction: direction(&Read::new(fields, &tables::PARTITION), reader)?,
        }),
        "flood" => {
            let messages = fields.number(reader, "messages");
            let payload = Read::new(fields, &tables::FLOOD).size(reader, "payload");
            let small = |n| u32::try_from(n).ok();
            Some(FaultKind::Flood { messages: small(messages?.value)?, payload: small(payload?)? })
        }
        "clock" => Some(FaultKind::Clock { offset_ns: value(fields.offset(reader, "offset"))? }),
        "restart" => Some(FaultKind::Restart {}),
        _ => rated(key, fields, reader),
    }
}

/// Faults with nothing but a rate.
fn rated(key: &str, fields: &Fields<'_>, reader: &mut Reader) -> Option<FaultKind> {
    let per_million = u32::try_from(fields.number(reader, "rate")?.value).ok()?;
    Some(match key {
        "bus_drop" => FaultKind::BusDrop { per_million },
        "bus_duplicate" => FaultKind::BusDuplicate { per_million },
        "bus_reorder" => FaultKind::BusReorder { per_million },
        _ => FaultKind::BusCorrupt { per_million },
    })
}

pub(super) fn direction(read: &Read<'_, '_>, reader: &mut Reader) -> Option<Direction> {
    Some(match read.word(reader, "direction")? {
        "from" => Direction::From,
        "to" => Direction::To,
        _ => Direction::Both,
    })
}
