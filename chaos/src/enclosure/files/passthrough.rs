//! A file system that is another directory, seen through rules.

mod operations;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use fuser::{Errno, FileAttr, FileHandle, FileType, INodeNo, TimeOrNow};
use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, UtimensatFlags};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, UnlinkatFlags};
use scenarios::plan::FileOperation;

use super::super::rules::Rules;
use super::{Act, errno, path_of, raw};

/// A file that the kernel knows: how often it was told of it, and a descriptor that keeps it.
struct Known {
    told: u64,
    at: Arc<OwnedFd>,
}

pub(super) struct Passthrough {
    rules: Arc<Rules<Act>>,
    /// By the number of the inode in the file system below, which is that of the mount's only file system.
    known: RwLock<HashMap<u64, Known>>,
    root: u64,
    open: RwLock<HashMap<u64, Arc<File>>>,
    listed: RwLock<HashMap<u64, Arc<Vec<Listed>>>>,
    next_handle: AtomicU64,
}

struct Listed {
    inode: u64,
    kind: FileType,
    name: Vec<u8>,
}

impl Passthrough {
    pub(super) fn over(directory: OwnedFd, rules: Arc<Rules<Act>>) -> io::Result<Self> {
        let root = File::from(directory.try_clone()?).metadata()?.ino();
        let known = HashMap::from([(root, Known { told: 1, at: Arc::new(directory) })]);
        Ok(Self {
            rules,
            known: RwLock::new(known),
            root,
            open: RwLock::new(HashMap::new()),
            listed: RwLock::new(HashMap::new()),
            next_handle: AtomicU64::new(1),
        })
    }

    /// What the rules say of this operation: waits, or an error.
    fn pass(&self, operation: FileOperation) -> Result<(), Errno> {
        let mut wait_ns = 0_u64;
        let mut fails = None;
        self.rules.each(|applied, _| {
            if !applied.rule.act.concerns(operation) {
                return;
            }
            applied.counters.considered += 1;
            match applied.rule.act {
                Act::Error { error, per_million, .. } => {
                    if applied.chance.hits(per_million) {
                        applied.counters.hit += 1;
                        fails = Some(errno(error));
                    }
                }
                Act::Delay { delay_ns, jitter_ns, .. } => {
                    applied.counters.hit += 1;
                    wait_ns =
                        wait_ns.saturating_add(delay_ns).saturating_add(applied.chance.up_to(jitter_ns));
                }
            }
        });
        if wait_ns > 0 {
            std::thread::sleep(Duration::from_nanos(wait_ns));
        }
        fails.map_or(Ok(()), |errno| Err(Errno::from_i32(errno)))
    }

    fn below(&self, inode: INodeNo) -> u64 {
        if inode == INodeNo::ROOT { self.root } else { inode.0 }
    }

    fn above(&self, inode: u64) -> INodeNo {
        if inode == self.root { INodeNo::ROOT } else { INodeNo(inode) }
    }

    fn at(&self, inode: INodeNo) -> Result<Arc<OwnedFd>, Errno> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&self.below(inode)).map(|k| Arc::clone(&k.at)).ok_or(Errno::from_i32(libc::ESTALE))
    }

    fn file(&self, handle: FileHandle) -> Result<Arc<File>, Errno> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.get(&handle.0).cloned().ok_or(Errno::from_i32(libc::EBADF))
    }

    fn keep(&self, file: File) -> FileHandle {
        let handle = self.next_handle.fetch_add(1, Ordering::Relaxed);
        self.open.write().unwrap_or_else(PoisonError::into_inner).insert(handle, Arc::new(file));
        FileHandle(handle)
    }

    /// Finds a name, and counts that the kernel is told of it.
    fn find(&self, parent: INodeNo, name: &OsStr) -> Result<FileAttr, Errno> {
        let parent = self.at(parent)?;
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let found = nix::fcntl::openat(&*parent, name, flags, Mode::empty()).map_err(nix_error)?;
        let attributes = self.attributes(&File::from(found.try_clone()?).metadata()?);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let entry =
            known.entry(self.below(attributes.ino)).or_insert_with(|| Known { told: 0, at: Arc::new(found) });
        entry.told += 1;
        Ok(attributes)
    }

    fn forget_some(&self, inode: u64, times: u64) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = known.get_mut(&inode) {
            entry.told = entry.told.saturating_sub(times);
            if entry.told == 0 && inode != self.root {
                known.remove(&inode);
            }
        }
    }

    fn attributes(&self, meta: &Metadata) -> FileAttr {
        let since = |seconds: i64, nanoseconds: i64| {
            let seconds = Duration::from_secs(seconds.unsigned_abs());
            let base = SystemTime::UNIX_EPOCH + seconds;
            base + Duration::from_nanos(nanoseconds.unsigned_abs())
        };
        FileAttr {
            ino: self.above(meta.ino()),
            size: meta.len(),
            blocks: meta.blocks(),
            atime: since(meta.atime(), meta.atime_nsec()),
            mtime: since(meta.mtime(), meta.mtime_nsec()),
            ctime: since(meta.ctime(), meta.ctime_nsec()),
            crtime: SystemTime::UNIX_EPOCH,
            kind: kind(meta.file_type()),
            perm: u16::try_from(meta.mode() & 0o7777).unwrap_or_default(),
            nlink: u32::try_from(meta.nlink()).unwrap_or(u32::MAX),
            uid: meta.uid(),
            gid: meta.gid(),
            rdev: u32::try_from(meta.rdev()).unwrap_or_default(),
            blksize: 4096,
            flags: 0,
        }
    }

    /// Opens a file anew by its descriptor, for reading or writing.
    fn reopen(&self, inode: INodeNo, flags: i32) -> Result<File, Errno> {
        let at = self.at(inode)?;
        let flags = OFlag::from_bits_truncate(flags) - OFlag::O_NOFOLLOW - OFlag::O_CREAT - OFlag::O_EXCL;
        let opened =
            nix::fcntl::open(&path_of(&*at), flags | OFlag::O_CLOEXEC, Mode::empty()).map_err(nix_error)?;
        Ok(File::from(opened))
    }

    fn list(&self, inode: INodeNo) -> Result<Vec<Listed>, Errno> {
        let at = self.at(inode)?;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut directory = Dir::openat(&*at, ".", flags, Mode::empty()).map_err(nix_error)?;
        let mut listed = Vec::new();
        for entry in directory.iter() {
            let entry = entry.map_err(nix_error)?;
            let kind = match entry.file_type() {
                Some(nix::dir::Type::Directory) => FileType::Directory,
                Some(nix::dir::Type::Symlink) => FileType::Symlink,
                Some(nix::dir::Type::Fifo) => FileType::NamedPipe,
                Some(nix::dir::Type::Socket) => FileType::Socket,
                _ => FileType::RegularFile,
            };
            let name = entry.file_name().to_bytes().to_vec();
            listed.push(Listed { inode: self.above(entry.ino()).0, kind, name });
        }
        Ok(listed)
    }

    fn set(
        &self,
        inode: INodeNo,
        mode: Option<u32>,
        owner: (Option<u32>, Option<u32>),
        size: Option<u64>,
        times: (Option<TimeOrNow>, Option<TimeOrNow>),
    ) -> Result<FileAttr, Errno> {
        let at = self.at(inode)?;
        let path = path_of(&*at);
        if let Some(mode) = mode {
            let mode = Mode::from_bits_truncate(mode);
            nix::sys::stat::fchmodat(
                nix::fcntl::AT_FDCWD,
                &path,
                mode,
                nix::sys::stat::FchmodatFlags::FollowSymlink,
            )
            .map_err(nix_error)?;
        }
        if owner != (None, None) {
            let (user, group) = (owner.0.map(nix::unistd::Uid::from_raw), owner.1.map(Gid::from_raw));
            nix::unistd::fchownat(&*at, "", user, group, AtFlags::AT_EMPTY_PATH).map_err(nix_error)?;
        }
        if let Some(size) = size {
            self.pass(FileOperation::Write)?;
            let size = i64::try_from(size).map_err(|_| Errno::from_i32(libc::EFBIG))?;
            nix::unistd::truncate(&path, size).map_err(nix_error)?;
        }
        if times.0.is_some() || times.1.is_some() {
            let (read, written) = (time(times.0), time(times.1));
            nix::sys::stat::utimensat(
                nix::fcntl::AT_FDCWD,
                &path,
                &read,
                &written,
                UtimensatFlags::FollowSymlink,
            )
            .map_err(nix_error)?;
        }
        Ok(self.attributes(&std::fs::metadata(path)?))
    }

    fn remove(&self, parent: INodeNo, name: &OsStr, what: UnlinkatFlags) -> Result<(), Errno> {
        self.pass(FileOperation::Remove)?;
        let at = self.at(parent)?;
        nix::unistd::unlinkat(&*at, name, what).map_err(nix_error)
    }
}

fn time(wanted: Option<TimeOrNow>) -> TimeSpec {
    match wanted {
        None => TimeSpec::UTIME_OMIT,
        Some(TimeOrNow::Now) => TimeSpec::UTIME_NOW,
        Some(TimeOrNow::SpecificTime(at)) => {
            TimeSpec::from_duration(at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
        }
    }
}

fn kind(of: std::fs::FileType) -> FileType {
    match of {
        of if of.is_dir() => FileType::Directory,
        of if of.is_symlink() => FileType::Symlink,
        of if of.is_fifo() => FileType::NamedPipe,
        of if of.is_socket() => FileType::Socket,
        of if of.is_char_device() => FileType::CharDevice,
        of if of.is_block_device() => FileType::BlockDevice,
        _ => FileType::RegularFile,
    }
}

fn nix_error(e: nix::errno::Errno) -> Errno {
    Errno::from_i32(e as i32)
}

fn io_error(e: &io::Error) -> Errno {
    Errno::from_i32(raw(e))
}
