//! What is done, how long, and to whom.

mod bus;
mod files;
mod network;
mod processes;
mod resources;

use super::victims::{self, Selector};
use crate::format::{Table, tables};
use crate::plan::FaultKind;
use crate::problem::{Place, Problem};
use crate::reader::{Fields, Reader};
use crate::tree::At;

/// What is done.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    /// Where it stands.
    pub(crate) place: Place,
    pub(crate) kind: FaultKind,
    pub(crate) for_ns: u64,
    /// `None` is the target as a whole, or no agent at all.
    pub(crate) victims: Option<Selector>,
}

/// Reads the one key that says what is done.
pub(super) fn read(fault: &Fields<'_>, reader: &mut Reader) -> Option<Act> {
    let key = *tables::KINDS.iter().find(|key| fault.get(key).is_some())?;
    let table = fault.table_of(key);
    let place = fault.place_of(key)?.clone();
    let fields = fault.table(reader, key, table)?;
    let has = |key| table.field(key).is_some();
    let victims = if has("role") { victims::read(&fields, reader) } else { Some(None) };
    let for_ns = if has("for") { length(&fields, table, reader) } else { Some(0) };
    let kind = kind(key, &fields, reader);
    let victims = victims?;
    // That neither is there has left a problem.
    let needed = table.choices.iter().any(|choice| choice.required && choice.keys.contains(&"role"));
    if needed && victims.is_none() {
        return None;
    }
    Some(Act { place, kind: kind?, for_ns: for_ns?, victims })
}

fn length(fields: &Fields<'_>, table: &'static Table, reader: &mut Reader) -> Option<u64> {
    match (fields.get("for"), table.try_default("for")) {
        (Some(_), _) => fields.number(reader, "for").map(|length| length.value),
        (None, Some(_)) => Some(table.default_duration("for")),
        (None, None) => Some(0),
    }
}

fn kind(key: &str, fields: &Fields<'_>, reader: &mut Reader) -> Option<FaultKind> {
    match key {
        "kill" | "pause" | "freeze" | "slow" | "signals" => processes::read(key, fields, reader),
        "disk_full" | "inodes_full" | "read_only" | "file_size" | "file_errors" | "file_delay" => {
            files::read(key, fields, reader)
        }
        "network_delay" | "network_loss" | "network_rate" | "network_partition" | "connection_kill" => {
            network::read(key, fields, reader)
        }
        "bus_drop" | "bus_delay" | "bus_duplicate" | "bus_reorder" | "bus_corrupt" | "partition"
        | "flood" | "clock" | "restart" => bus::read(key, fields, reader),
        _ => resources::read(key, fields, reader),
    }
}

/// A number that is written, or the default of its key.
struct Read<'f, 'n> {
    fields: &'f Fields<'n>,
    table: &'static Table,
}

impl<'f, 'n> Read<'f, 'n> {
    fn new(fields: &'f Fields<'n>, table: &'static Table) -> Self {
        Self { fields, table }
    }

    /// What was written, or what its default says; `None` has left a problem.
    fn or_default(&self, reader: &mut Reader, key: &str, default: fn(&Table, &str) -> u64) -> Option<u64> {
        match self.fields.get(key) {
            Some(_) => self.fields.number(reader, key).map(|n| n.value),
            None => Some(default(self.table, key)),
        }
    }

    fn duration(&self, reader: &mut Reader, key: &str) -> Option<u64> {
        self.or_default(reader, key, Table::default_duration)
    }

    fn size(&self, reader: &mut Reader, key: &str) -> Option<u64> {
        self.or_default(reader, key, Table::default_size)
    }

    fn count(&self, reader: &mut Reader, key: &str) -> Option<u32> {
        self.or_default(reader, key, Table::default_count).and_then(|n| u32::try_from(n).ok())
    }

    fn share(&self, reader: &mut Reader, key: &str) -> Option<u32> {
        self.or_default(reader, key, Table::default_share).and_then(|n| u32::try_from(n).ok())
    }

    /// A share that must be whole percent.
    fn percent(&self, reader: &mut Reader, key: &str) -> Option<u32> {
        let millionths = self.share(reader, key)?;
        if millionths.is_multiple_of(10_000) {
            return Some(millionths / 10_000);
        }
        let what = format!("{} is finer than a percent", self.fields.path(key));
        let place = self.fields.get(key).map_or(&self.fields.place, |node| &node.place);
        reader.problem(Problem::new(place, what).help("write whole percent"));
        None
    }

    fn word(&self, reader: &mut Reader, key: &str) -> Option<&'static str> {
        match self.fields.get(key) {
            Some(_) => self.fields.word(reader, key).map(|word| word.value),
            None => Some(self.table.default_word(key)),
        }
    }
}

/// The value that must be there; that it is not has left a problem.
fn value<T>(read: Option<At<T>>) -> Option<T> {
    read.map(|at| at.value)
}
