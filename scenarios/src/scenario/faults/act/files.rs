//! What is done to files.

use super::{Read, value};
use crate::format::tables;
use crate::plan::{FaultKind, FileError, FileOperation};
use crate::reader::{Fields, Reader};

pub(super) fn read(key: &str, fields: &Fields<'_>, reader: &mut Reader) -> Option<FaultKind> {
    match key {
        "disk_full" => {
            let leave = Read::new(fields, &tables::DISK_FULL).size(reader, "leave");
            Some(FaultKind::DiskFull { leave: leave? })
        }
        "inodes_full" => {
            let leave = Read::new(fields, &tables::INODES_FULL).count(reader, "leave");
            Some(FaultKind::InodesFull { leave: leave?.into() })
        }
        "read_only" => Some(FaultKind::ReadOnly {}),
        "file_size" => Some(FaultKind::FileSize { limit: value(fields.number(reader, "limit"))? }),
        "file_errors" => errors(fields, reader),
        _ => delay(fields, reader),
    }
}

fn errors(fields: &Fields<'_>, reader: &mut Reader) -> Option<FaultKind> {
    let error = value(fields.word(reader, "error"));
    let operations = operations(fields, reader);
    let rate = Read::new(fields, &tables::FILE_ERRORS).share(reader, "rate");
    let error = match error? {
        "ENOSPC" => FileError::Enospc,
        "EMFILE" => FileError::Emfile,
        "EACCES" => FileError::Eacces,
        _ => FileError::Eio,
    };
    Some(FaultKind::FileErrors { error, operations: operations?, per_million: rate? })
}

fn delay(fields: &Fields<'_>, reader: &mut Reader) -> Option<FaultKind> {
    let delay = value(fields.number(reader, "delay"));
    let jitter = Read::new(fields, &tables::FILE_DELAY).duration(reader, "jitter");
    let operations = operations(fields, reader);
    Some(FaultKind::FileDelay { delay_ns: delay?, jitter_ns: jitter?, operations: operations? })
}

/// Those that were written, each once and in the order of the enumeration.
fn operations(fields: &Fields<'_>, reader: &mut Reader) -> Option<Vec<FileOperation>> {
    if fields.get("on").is_none() {
        return Some(vec![FileOperation::Write, FileOperation::Sync]);
    }
    let words = fields.words(reader, "on")?;
    let mut operations: Vec<_> = words.into_iter().map(named).collect();
    operations.sort_unstable();
    operations.dedup();
    Some(operations)
}

fn named(word: &str) -> FileOperation {
    match word {
        "open" => FileOperation::Open,
        "read" => FileOperation::Read,
        "write" => FileOperation::Write,
        "rename" => FileOperation::Rename,
        "remove" => FileOperation::Remove,
        _ => FileOperation::Sync,
    }
}
