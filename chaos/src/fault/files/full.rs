//! A bus directory without room, or without inodes.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use evidence::event::Level;
use nix::fcntl::{FallocateFlags, fallocate};

use super::super::act::Act;
use super::super::{Outcome, Setting};
use super::{Bus, room, unable, word};
use crate::ChaosError;
use crate::enclosure::files::{behind, path_of};
use crate::host::{RESERVE, available_memory};
use crate::site::Step;
use crate::undo::Undo;
use crate::undo::enclosure::remove_all;

/// How often what the target has freed is taken as well.
const TOP_UP_EVERY: Duration = Duration::from_millis(20);
/// How much more than is left a probe tries to write.
const PROBE_BEYOND: u64 = 64 << 10;
const PAGE: u64 = 4096;
/// The memory that an inode takes at most, with its name.
const INODE: u64 = 2048;

/// What there is to be used up.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Of {
    Bytes,
    Inodes,
}

#[derive(Debug)]
pub(in super::super) struct Full {
    bus: Bus,
    of: Of,
    leave: u64,
    /// Its name through the guardian, by which it is removed.
    filler: PathBuf,
    /// The bus directory as it is now: behind the rules for files, and below whatever is mounted over it later.
    directory: Arc<OwnedFd>,
    probe: PathBuf,
    over: Arc<AtomicBool>,
    topping_up: Option<JoinHandle<()>>,
    /// What was seen when it was applied.
    seen: Outcome,
}

impl Full {
    pub(in super::super) fn new(setting: &Setting, of: Of, leave: u64) -> Result<Self, ChaosError> {
        let bus = Bus::of(setting)?;
        let limit = match of {
            Of::Bytes => bus.plan.bytes,
            Of::Inodes => bus.plan.inodes,
        };
        if limit.is_none() {
            let found = match of {
                Of::Bytes => {
                    "the bus directory has no size of its own, so that this would fill the host's memory"
                }
                Of::Inodes => {
                    "the bus directory has no number of inodes of its own, so that this would not end"
                }
            };
            return Err(unable(setting, &format!("{found}; give it one (bus_dir, or bus: files)")));
        }
        let (bytes, inodes) = room(&bus.outside)?;
        let takes = match of {
            Of::Bytes => bytes.saturating_sub(leave),
            Of::Inodes => inodes.saturating_sub(leave).saturating_mul(INODE),
        };
        // It is memory, and no process is ended to give it back.
        if available_memory().is_some_and(|available| available < takes.saturating_add(RESERVE)) {
            let found = format!(
                "filling the bus directory would take {takes} bytes and leave this host less than {RESERVE}; \
                 give it a smaller size, or fewer inodes"
            );
            return Err(unable(setting, &found));
        }
        let filler = bus.ours("filler", &setting.fault.id);
        let probe = bus.ours("probe", &setting.fault.id);
        let opened = |e| ChaosError::file("open", &bus.outside, e);
        let directory = match behind(bus.guardian).map_err(opened)? {
            Some(directory) => directory,
            None => File::open(&bus.outside).map_err(opened)?.into(),
        };
        let over = Arc::new(AtomicBool::new(false));
        let directory = Arc::new(directory);
        let seen = Outcome::default();
        Ok(Self { bus, of, leave, filler, directory, probe, over, topping_up: None, seen })
    }

    fn left(&self) -> Result<u64, ChaosError> {
        let (bytes, inodes) = room(&self.bus.outside)?;
        Ok(match self.of {
            Of::Bytes => bytes,
            Of::Inodes => inodes,
        })
    }

    fn filling(&self) -> Filling {
        let name = self.filler.file_name().unwrap_or_default();
        let filler = path_of(&*self.directory).join(name);
        Filling { of: self.of, leave: self.leave, filler, directory: Arc::clone(&self.directory) }
    }

    fn look(&self, setting: &Setting, outcome: &mut Outcome) -> Result<(), ChaosError> {
        let left = self.left()?;
        let (what, slack, asked) = match self.of {
            Of::Bytes => ("bytes", PAGE, "writing more"),
            Of::Inodes => ("inodes", 0, "making one more file"),
        };
        let reading = setting.reading(
            Level::E1,
            "statfs",
            format!("at most {} {what} left", self.leave),
            format!("{left} {what} left"),
        );
        outcome.see(reading, left <= self.leave.saturating_add(slack));
        let done = self.ask_for_more();
        let reading = setting.reading(Level::E2, asked, "ENOSPC", word(&done));
        match done.err().and_then(|e| e.raw_os_error()) {
            Some(libc::ENOSPC) => outcome.see(reading, true),
            None => outcome.see(reading, false),
            // Another fault lets it fail before there could be too little room.
            Some(_) => outcome.note(reading),
        };
        Ok(())
    }

    /// Again, where another fault lets it fail otherwise.
    fn ask_for_more(&self) -> io::Result<()> {
        const TRIES: u32 = 30;
        let mut done = Ok(());
        for _ in 0..TRIES {
            done = match self.of {
                Of::Bytes => self.write_more(),
                Of::Inodes => self.make_more(),
            };
            let _ = remove_all(&self.probe);
            if done.as_ref().map_or_else(|e| e.raw_os_error() == Some(libc::ENOSPC), |()| true) {
                break;
            }
        }
        done
    }

    fn write_more(&self) -> io::Result<()> {
        let mut file = File::create(&self.probe)?;
        let block = vec![0_u8; 64 << 10];
        for _ in 0..=(self.leave + PROBE_BEYOND) / block.len() as u64 {
            file.write_all(&block)?;
        }
        Ok(())
    }

    fn make_more(&self) -> io::Result<()> {
        std::fs::create_dir(&self.probe)?;
        for number in 0..self.leave {
            File::create(self.probe.join(number.to_string()))?;
        }
        Ok(())
    }
}

impl Act for Full {
    fn undo(&self) -> Vec<Undo> {
        let guardian = self.bus.guardian;
        [&self.filler, &self.probe].map(|path| Undo::Remove { guardian, path: path.clone() }).to_vec()
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        if !setting.pretend() {
            let filling = self.filling();
            let failed = |e| ChaosError::file("fill", &self.bus.outside, e);
            filling.begin().map_err(failed)?;
            setting.reached(Step::HalfApplied);
            // Held open for writing, so that the file system itself stays writable and what fills it can be removed.
            let held = filling.hold().map_err(failed)?;
            filling.top_up().map_err(failed)?;
            let over = Arc::clone(&self.over);
            self.topping_up = Some(std::thread::spawn(move || {
                let _held = held;
                while !over.load(Ordering::Acquire) {
                    // What cannot be taken now is taken the next time; what was seen of it is told at the end.
                    let _ = filling.top_up();
                    std::thread::park_timeout(TOP_UP_EVERY);
                }
            }));
        }
        let mut outcome = Outcome::sent(setting.now());
        self.look(setting, &mut outcome)?;
        self.seen = outcome.clone();
        Ok(vec![outcome])
    }

    fn observe(&mut self, setting: &Setting) -> Result<Option<Vec<Outcome>>, ChaosError> {
        let mut outcome = std::mem::take(&mut self.seen);
        self.look(setting, &mut outcome)?;
        Ok(Some(vec![outcome]))
    }

    fn stop(&mut self) {
        self.over.store(true, Ordering::Release);
        if let Some(thread) = self.topping_up.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
        // Here it can be removed although the directory is read-only for all who reach it by its path; what is left
        // is for the undoing to find.
        let _ = remove_all(&self.filling().filler);
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let there = self.filling().filler.exists();
        let left = self.left().map_or_else(|e| e.to_string(), |left| format!("{left} left"));
        let found = if there { "still there".to_owned() } else { format!("gone, {left}") };
        let mut outcome = Outcome::default();
        outcome.see(setting.reading(Level::E1, "what filled it", "gone", found), !there);
        Ok(vec![outcome])
    }
}

/// Taking what there is: bytes in one file, inodes as files of one directory.
struct Filling {
    directory: Arc<OwnedFd>,
    of: Of,
    leave: u64,
    /// Through the descriptor.
    filler: PathBuf,
}

impl Filling {
    fn begin(&self) -> io::Result<()> {
        match self.of {
            Of::Bytes => File::create(&self.filler).map(drop),
            Of::Inodes => std::fs::create_dir(&self.filler),
        }
    }

    fn hold(&self) -> io::Result<File> {
        match self.of {
            Of::Bytes => File::options().write(true).open(&self.filler),
            Of::Inodes => File::create(self.filler.join("0")),
        }
    }

    fn top_up(&self) -> io::Result<()> {
        match self.of {
            Of::Bytes => self.take_bytes(),
            Of::Inodes => self.take_inodes(),
        }
    }

    fn take_bytes(&self) -> io::Result<()> {
        let file = File::options().write(true).open(&self.filler)?;
        // Others take and give back at the same time, so that a step may come too late: a smaller one follows.
        let mut part = 1;
        loop {
            let stat = nix::sys::statvfs::fstatvfs(&*self.directory)?;
            let left = stat.blocks_available() * stat.fragment_size();
            let step = left.saturating_sub(self.leave) / part / PAGE * PAGE;
            if step == 0 {
                return Ok(());
            }
            let (at, length) = (signed(file.metadata()?.len())?, signed(step)?);
            match fallocate(&file, FallocateFlags::empty(), at, length) {
                Ok(()) => part = 1,
                Err(nix::errno::Errno::ENOSPC | nix::errno::Errno::EINTR) => part *= 2,
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn take_inodes(&self) -> io::Result<()> {
        let mut number = std::fs::read_dir(&self.filler)?.count();
        while nix::sys::statvfs::fstatvfs(&*self.directory)?.files_free() > self.leave {
            match File::create(self.filler.join(number.to_string())) {
                Err(e) if e.raw_os_error() == Some(libc::ENOSPC) => return Ok(()),
                made => drop(made?),
            }
            number += 1;
        }
        Ok(())
    }
}

fn signed(bytes: u64) -> io::Result<i64> {
    i64::try_from(bytes).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))
}
