//! What is done to packets between the hosts of the target.

use super::{Read, bus, value};
use crate::format::tables;
use crate::plan::FaultKind;
use crate::reader::{Fields, Reader};

pub(super) fn read(key: &str, fields: &Fields<'_>, reader: &mut Reader) -> Option<FaultKind> {
    let hosts = hosts(fields, reader);
    match key {
        "network_delay" => {
            let delay = value(fields.number(reader, "delay"));
            let jitter = Read::new(fields, &tables::NETWORK_DELAY).duration(reader, "jitter");
            Some(FaultKind::NetworkDelay { hosts: hosts?, delay_ns: delay?, jitter_ns: jitter? })
        }
        "network_loss" => {
            let rate = value(fields.number(reader, "rate"))?;
            Some(FaultKind::NetworkLoss { hosts: hosts?, per_million: u32::try_from(rate).ok()? })
        }
        "network_rate" => {
            let bytes = value(fields.number(reader, "per_second"));
            Some(FaultKind::NetworkRate { hosts: hosts?, bytes_per_second: bytes? })
        }
        "network_partition" => {
            let direction = bus::direction(&Read::new(fields, &tables::NETWORK_PARTITION), reader);
            Some(FaultKind::NetworkPartition { hosts: hosts?, direction: direction? })
        }
        _ => Some(FaultKind::ConnectionKill { hosts: hosts? }),
    }
}

/// Those that were written, ascending; none for all.
fn hosts(fields: &Fields<'_>, reader: &mut Reader) -> Option<Vec<u32>> {
    if fields.get("hosts").is_none() {
        return Some(Vec::new());
    }
    let written = fields.numbers(reader, "hosts")?;
    let mut hosts: Vec<u32> = written.iter().filter_map(|host| u32::try_from(host.value).ok()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    Some(hosts)
}
