//! The table in a file: what it holds is there for the next swarm, however this one ends.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::mman::{MapFlags, ProtFlags, mmap};
use protocol::Answer;

use super::{Extent, Head, Record, Slot, Table};

/// Changes with every change of the parts.
const VERSION: u64 = 1;

/// How a table is laid out.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Layout {
    /// The version and the sizes of the parts; another one is of another release.
    mark: AtomicU64,
    agents: AtomicU32,
    first_worker: AtomicU32,
    per_worker: AtomicU64,
}

/// Why a table in a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// The file system refuses.
    #[error("cannot use the table: {0}")]
    Io(#[from] io::Error),
    /// No room is left for it.
    #[error("cannot reserve {bytes} bytes for the table: {errno}")]
    Room { bytes: usize, errno: Errno },
    /// It was written by another release, or is no table.
    #[error("this is not a table of this release")]
    Foreign,
}

fn mark() -> u64 {
    let sizes = [size_of::<Head>(), size_of::<Slot>(), size_of::<Record>()];
    sizes.iter().fold(VERSION, |mark, size| mark << 16 | *size as u64)
}

impl Table {
    /// The same as [`Table::new`] in a new file, whose room is reserved: a page that could not be had when it is
    /// first touched would be the end of whoever touches it.
    pub(crate) fn in_file(
        path: &Path,
        agents: u32,
        first_worker: u32,
        inbox: u32,
    ) -> Result<Self, TableError> {
        let extent = Extent::new(agents, first_worker, inbox);
        let mut options = OpenOptions::new();
        let file = options.create_new(true).read(true).write(true).mode(0o600).open(path)?;
        let bytes = extent.bytes();
        match fallocate(&file, FallocateFlags::empty(), 0, bytes as i64) {
            Ok(()) => {}
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => file.set_len(bytes as u64)?,
            Err(errno) => return Err(TableError::Room { bytes, errno }),
        }
        let table = extent.view(map(&file, bytes)?);
        let layout = &table.head.layout;
        layout.agents.store(agents, Ordering::Relaxed);
        layout.first_worker.store(first_worker, Ordering::Relaxed);
        layout.per_worker.store(extent.per_worker as u64, Ordering::Relaxed);
        layout.mark.store(mark(), Ordering::Release);
        Ok(table)
    }

    /// The table in a file that [`Table::in_file`] made.
    pub(crate) fn open(path: &Path) -> Result<Self, TableError> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let length = usize::try_from(file.metadata()?.len()).map_err(|_| TableError::Foreign)?;
        if length < size_of::<Head>() {
            return Err(TableError::Foreign);
        }
        let base = map(&file, length)?;
        let none = Extent { agents: 0, first_worker: 0, per_worker: 0 };
        let layout = &none.view(base).head.layout;
        let extent = Extent {
            agents: layout.agents.load(Ordering::Relaxed) as usize,
            first_worker: layout.first_worker.load(Ordering::Relaxed),
            per_worker: layout.per_worker.load(Ordering::Relaxed) as usize,
        };
        let known = layout.mark.load(Ordering::Acquire) == mark();
        if !known || extent.first_worker as usize > extent.agents || extent.bytes() != length {
            return Err(TableError::Foreign);
        }
        Ok(extent.view(base))
    }

    /// How many tasks were executed, in all epochs.
    pub(crate) fn effects(self) -> u64 {
        let past = self.head.effects_past.load(Ordering::Relaxed);
        past + (self.first_worker..self.agents()).map(|worker| self.slot(worker).executed()).sum::<u64>()
    }

    /// The answers to all tasks that workers remember to have executed in their latest epoch; they are in no order,
    /// as answers to a second attempt may be.
    pub(crate) fn executed_tasks(self) -> impl Iterator<Item = Answer> {
        (self.first_worker..self.agents()).flat_map(move |agent| {
            let slot = self.slot(agent);
            let (epoch, last) = (slot.adopted(), slot.executed());
            self.records(agent).iter().filter_map(move |record| {
                let (token, seq, digest) = record.of_epoch(epoch).filter(|(_, seq, _)| *seq <= last)?;
                Some(Answer { token, agent, epoch, seq, attempt: 2, digest })
            })
        })
    }
}

fn map(file: &File, bytes: usize) -> Result<NonNull<std::ffi::c_void>, TableError> {
    let bytes = std::num::NonZeroUsize::new(bytes).ok_or(TableError::Foreign)?;
    #[expect(unsafe_code, reason = "the table is shared with forked processes and with the file")]
    // SAFETY: a new mapping at an address of the kernel's choice, never unmapped; the file is this swarm's own, and
    // nobody makes it shorter.
    let base = unsafe {
        mmap(None, bytes, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED, file, 0)
    };
    base.map_err(|errno| TableError::Io(errno.into()))
}
