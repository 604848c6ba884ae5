//! What the kernel asks for.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    Errno, FileAttr, FileHandle, Filesystem, FopenFlags, Generation, INodeNo, InitFlags, KernelConfig,
    LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyLseek, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use nix::fcntl::{FallocateFlags, OFlag, RenameFlags as NixRenameFlags};
use nix::sys::stat::{Mode, SFlag};
use nix::unistd::{LinkatFlags, UnlinkatFlags, Whence};
use scenarios::plan::FileOperation;

use super::super::path_of;
use super::{Passthrough, io_error, nix_error};

/// How long the kernel may remember what it was told. All that the target changes comes through here.
const REMEMBERED: Duration = Duration::from_secs(1);

/// Answers an entry or the error.
fn answer(reply: ReplyEntry, found: Result<FileAttr, Errno>) {
    match found {
        Ok(attributes) => reply.entry(&REMEMBERED, &attributes, Generation(0)),
        Err(e) => reply.error(e),
    }
}

fn finish(reply: ReplyEmpty, done: Result<(), Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(e) => reply.error(e),
    }
}

impl Filesystem for Passthrough {
    fn init(&mut self, _req: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // Old kernels do without them.
        for wanted in [
            InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP,
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_ATOMIC_O_TRUNC,
        ] {
            let _ = config.add_capabilities(wanted);
        }
        Ok(())
    }

    fn lookup(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer(reply, self.find(parent, name));
    }

    fn forget(&self, _req: &Request, ino: INodeNo, nlookup: u64) {
        self.forget_some(self.below(ino), nlookup);
    }

    fn getattr(&self, _req: &Request, ino: INodeNo, fh: Option<FileHandle>, reply: ReplyAttr) {
        let read = || -> Result<FileAttr, Errno> {
            let meta = match fh.and_then(|fh| self.file(fh).ok()) {
                Some(file) => file.metadata()?,
                // The descriptor itself, for it may be a symbolic link, which a path would follow.
                None => File::from(self.at(ino)?.try_clone()?).metadata()?,
            };
            Ok(self.attributes(&meta))
        };
        match read() {
            Ok(attributes) => reply.attr(&REMEMBERED, &attributes),
            Err(e) => reply.error(e),
        }
    }

    fn setattr(
        &self,
        _req: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        match self.set(ino, mode, (uid, gid), size, (atime, mtime)) {
            Ok(attributes) => reply.attr(&REMEMBERED, &attributes),
            Err(e) => reply.error(e),
        }
    }

    fn readlink(&self, _req: &Request, ino: INodeNo, reply: ReplyData) {
        match self.at(ino).and_then(|at| nix::fcntl::readlinkat(&*at, "").map_err(nix_error)) {
            Ok(target) => reply.data(target.as_bytes()),
            Err(e) => reply.error(e),
        }
    }

    fn mknod(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        rdev: u32,
        reply: ReplyEntry,
    ) {
        let made = self.pass(FileOperation::Open).and_then(|()| self.at(parent)).and_then(|at| {
            let kind = SFlag::from_bits_truncate(mode & libc::S_IFMT);
            let mode = Mode::from_bits_truncate(mode & !umask);
            nix::sys::stat::mknodat(&*at, name, kind, mode, u64::from(rdev)).map_err(nix_error)
        });
        answer(reply, made.and_then(|()| self.find(parent, name)));
    }

    fn mkdir(&self, _req: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        let made = self.pass(FileOperation::Open).and_then(|()| self.at(parent)).and_then(|at| {
            nix::sys::stat::mkdirat(&*at, name, Mode::from_bits_truncate(mode & !umask)).map_err(nix_error)
        });
        answer(reply, made.and_then(|()| self.find(parent, name)));
    }

    fn unlink(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        finish(reply, self.remove(parent, name, UnlinkatFlags::NoRemoveDir));
    }

    fn rmdir(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        finish(reply, self.remove(parent, name, UnlinkatFlags::RemoveDir));
    }

    fn symlink(&self, _req: &Request, parent: INodeNo, link_name: &OsStr, target: &Path, reply: ReplyEntry) {
        let made = self.pass(FileOperation::Open).and_then(|()| self.at(parent));
        let made = made.and_then(|at| nix::unistd::symlinkat(target, &*at, link_name).map_err(nix_error));
        answer(reply, made.and_then(|()| self.find(parent, link_name)));
    }

    fn rename(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let renamed = || -> Result<(), Errno> {
            self.pass(FileOperation::Rename)?;
            let (from, to) = (self.at(parent)?, self.at(newparent)?);
            let flags = NixRenameFlags::from_bits_truncate(flags.bits());
            nix::fcntl::renameat2(&*from, name, &*to, newname, flags).map_err(nix_error)
        };
        finish(reply, renamed());
    }

    fn link(&self, _req: &Request, ino: INodeNo, newparent: INodeNo, newname: &OsStr, reply: ReplyEntry) {
        let linked = || -> Result<FileAttr, Errno> {
            self.pass(FileOperation::Rename)?;
            let (file, to) = (self.at(ino)?, self.at(newparent)?);
            // By the path of the descriptor: linking an empty path needs a privilege.
            let from = path_of(&*file);
            nix::unistd::linkat(nix::fcntl::AT_FDCWD, &from, &*to, newname, LinkatFlags::AT_SYMLINK_FOLLOW)
                .map_err(nix_error)?;
            self.find(newparent, newname)
        };
        answer(reply, linked());
    }

    fn open(&self, _req: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        match self.pass(FileOperation::Open).and_then(|()| self.reopen(ino, flags.0)) {
            // Past the page cache, so that every reading and writing comes here.
            Ok(file) => reply.opened(self.keep(file), direct()),
            Err(e) => reply.error(e),
        }
    }

    fn create(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let created = || -> Result<(FileAttr, File), Errno> {
            self.pass(FileOperation::Open)?;
            let at = self.at(parent)?;
            let flags =
                OFlag::from_bits_truncate(flags) | OFlag::O_CREAT | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
            let mode = Mode::from_bits_truncate(mode & !umask);
            let file = nix::fcntl::openat(&*at, name, flags, mode).map_err(nix_error)?;
            Ok((self.find(parent, name)?, File::from(file)))
        };
        match created() {
            Ok((attributes, file)) => {
                reply.created(&REMEMBERED, &attributes, Generation(0), self.keep(file), direct());
            }
            Err(e) => reply.error(e),
        }
    }

    fn read(
        &self,
        _req: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = || -> Result<Vec<u8>, Errno> {
            self.pass(FileOperation::Read)?;
            let mut buffer = vec![0; size as usize];
            let read = self.file(fh)?.read_at(&mut buffer, offset)?;
            buffer.truncate(read);
            Ok(buffer)
        };
        match read() {
            Ok(bytes) => reply.data(&bytes),
            Err(e) => reply.error(e),
        }
    }

    fn write(
        &self,
        _req: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = || -> Result<usize, Errno> {
            self.pass(FileOperation::Write)?;
            Ok(self.file(fh)?.write_at(data, offset)?)
        };
        match written() {
            Ok(bytes) => reply.written(u32::try_from(bytes).unwrap_or(u32::MAX)),
            Err(e) => reply.error(e),
        }
    }

    fn flush(
        &self,
        _req: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _lock_owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        reply.ok();
    }

    fn release(
        &self,
        _req: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(&fh.0);
        reply.ok();
    }

    fn fsync(&self, _req: &Request, _ino: INodeNo, fh: FileHandle, datasync: bool, reply: ReplyEmpty) {
        let synced = self.pass(FileOperation::Sync).and_then(|()| self.file(fh)).and_then(|file| {
            let synced = if datasync { file.sync_data() } else { file.sync_all() };
            synced.map_err(|e| io_error(&e))
        });
        finish(reply, synced);
    }

    fn opendir(&self, _req: &Request, ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        match self.list(ino) {
            Ok(listed) => {
                let handle = self.next_handle.fetch_add(1, Ordering::Relaxed);
                let mut all = self.listed.write().unwrap_or_else(PoisonError::into_inner);
                all.insert(handle, Arc::new(listed));
                reply.opened(FileHandle(handle), FopenFlags::empty());
            }
            Err(e) => reply.error(e),
        }
    }

    fn readdir(&self, _req: &Request, ino: INodeNo, fh: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        // From its beginning it is read anew, for whoever rewinds.
        if offset == 0 {
            match self.list(ino) {
                Ok(listed) => {
                    let mut all = self.listed.write().unwrap_or_else(PoisonError::into_inner);
                    all.insert(fh.0, Arc::new(listed));
                }
                Err(e) => return reply.error(e),
            }
        }
        let listed = self.listed.read().unwrap_or_else(PoisonError::into_inner).get(&fh.0).cloned();
        let Some(listed) = listed else { return reply.error(Errno::from_i32(libc::EBADF)) };
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        for (at, entry) in listed.iter().enumerate().skip(from) {
            let name = OsStr::from_bytes(&entry.name);
            if reply.add(INodeNo(entry.inode), at as u64 + 1, entry.kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        _req: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.listed.write().unwrap_or_else(PoisonError::into_inner).remove(&fh.0);
        reply.ok();
    }

    fn fsyncdir(&self, _req: &Request, ino: INodeNo, _fh: FileHandle, datasync: bool, reply: ReplyEmpty) {
        let synced = || -> Result<(), Errno> {
            self.pass(FileOperation::Sync)?;
            let directory = File::open(path_of(&*self.at(ino)?))?;
            if datasync {
                directory.sync_data()?
            } else {
                directory.sync_all()?
            }
            Ok(())
        };
        finish(reply, synced());
    }

    fn statfs(&self, _req: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        let read = self.at(INodeNo::ROOT).and_then(|at| nix::sys::statvfs::fstatvfs(&*at).map_err(nix_error));
        match read {
            Ok(s) => reply.statfs(
                s.blocks(),
                s.blocks_free(),
                s.blocks_available(),
                s.files(),
                s.files_free(),
                u32::try_from(s.block_size()).unwrap_or(4096),
                u32::try_from(s.name_max()).unwrap_or(255),
                u32::try_from(s.fragment_size()).unwrap_or(4096),
            ),
            Err(e) => reply.error(e),
        }
    }

    fn fallocate(
        &self,
        _req: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let done = || -> Result<(), Errno> {
            self.pass(FileOperation::Write)?;
            let too_big = |_| Errno::from_i32(libc::EFBIG);
            let (offset, length) =
                (i64::try_from(offset).map_err(too_big)?, i64::try_from(length).map_err(too_big)?);
            let flags = FallocateFlags::from_bits_truncate(mode);
            nix::fcntl::fallocate(&*self.file(fh)?, flags, offset, length).map_err(nix_error)
        };
        finish(reply, done());
    }

    fn lseek(
        &self,
        _req: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        let whence = if whence == libc::SEEK_HOLE { Whence::SeekHole } else { Whence::SeekData };
        let found =
            self.file(fh).and_then(|file| nix::unistd::lseek(&*file, offset, whence).map_err(nix_error));
        match found {
            Ok(at) => reply.offset(at),
            Err(e) => reply.error(e),
        }
    }
}

fn direct() -> FopenFlags {
    FopenFlags::FOPEN_DIRECT_IO | FopenFlags::FOPEN_PARALLEL_DIRECT_WRITES
}
