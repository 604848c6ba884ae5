//! Operations in the bus directory that fail or take longer.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use evidence::event::Level;
use nix::errno::Errno;
use scenarios::plan::FileOperation;

use super::super::act::Act;
use super::super::ruled::Ruled;
use super::super::{Outcome, Setting};
use super::{Bus, unable};
use crate::ChaosError;
use crate::enclosure::files;
use crate::site::Step;
use crate::undo::{Between, Undo};

/// How many failures are to be expected of the probes of a rule, and how many probes there are at most.
const EXPECTED_FAILURES: u64 = 12;
const MOST_PROBES: u64 = 4000;
/// How many there are at least, and for how long there are more.
const LEAST_PROBES: u64 = 4;
const PROBED_FOR: Duration = Duration::from_secs(5);
/// Probes of a delay.
const TIMED_PROBES: u32 = 3;
/// Probes without it, at most: on a busy machine some take as long as with it.
const QUICK_PROBES: u32 = 20;

#[derive(Debug)]
pub(in super::super) struct Intercepted {
    bus: Bus,
    ruled: Ruled<files::Act>,
    act: files::Act,
    probe: PathBuf,
    /// How long the probed operation takes without the rule.
    before: Duration,
    /// What was seen when it was applied. What the rule hit after that is told by its counters.
    seen: Outcome,
}

impl Intercepted {
    pub(in super::super) fn new(setting: &Setting, act: files::Act) -> Result<Self, ChaosError> {
        let bus = Bus::of(setting)?;
        if !bus.plan.intercepted {
            let found = "operations in the bus directory do not go through a process of the run; let them \
                         (bus_dir, or bus: files)";
            return Err(unable(setting, found));
        }
        if operations(&act).is_empty() {
            return Err(unable(setting, "no operation is chosen"));
        }
        let ruled = Ruled::new(setting, Between::Files, act.clone())?;
        let probe = bus.ours("probe", &setting.fault.id);
        Ok(Self { bus, ruled, act, probe, before: Duration::ZERO, seen: Outcome::default() })
    }

    /// How one more operation goes.
    fn try_one(&self, prober: &mut Prober) -> (io::Result<()>, Duration) {
        let began = Instant::now();
        let done = prober.perform();
        (done, began.elapsed())
    }

    /// How long the operation takes by itself, as far as that is to be known: until it took less than the delay. Another
    /// fault may let it fail already; what counts is what is seen under the rule.
    fn shortest(&self, prober: &mut Prober) -> Duration {
        let enough = match self.act {
            files::Act::Delay { delay_ns, .. } => Duration::from_nanos(delay_ns),
            files::Act::Error { .. } => Duration::MAX,
        };
        let mut shortest = Duration::MAX;
        for _ in 0..QUICK_PROBES {
            shortest = shortest.min(self.try_one(prober).1);
            if shortest < enough {
                break;
            }
        }
        shortest
    }

    fn prober(&self) -> Result<Prober, ChaosError> {
        let operation = operations(&self.act)[0];
        Prober::new(operation, &self.probe).map_err(|e| ChaosError::file("make", &self.probe, e))
    }

    fn look(&self, setting: &Setting, prober: &mut Prober) -> Result<Outcome, ChaosError> {
        let mut outcome = Outcome::sent(setting.now());
        self.ruled.in_force(setting, &mut outcome)?;
        match self.act {
            files::Act::Error { error, per_million, .. } => {
                self.count_failures(setting, prober, files::errno(error), per_million, &mut outcome);
            }
            files::Act::Delay { delay_ns, .. } => self.time(setting, prober, delay_ns, &mut outcome),
        }
        Ok(outcome)
    }

    fn count_failures(
        &self,
        setting: &Setting,
        prober: &mut Prober,
        errno: i32,
        per_million: u32,
        outcome: &mut Outcome,
    ) {
        let tries =
            (EXPECTED_FAILURES * 1_000_000 / u64::from(per_million.max(1))).clamp(LEAST_PROBES, MOST_PROBES);
        // Another fault may let some of them fail otherwise.
        let (mut failed, mut otherwise) = (0_u64, 0_u64);
        let (most, mut tries) = (tries, 0);
        let deadline = Instant::now() + PROBED_FOR;
        // Another fault may let each take long.
        while tries < most && (tries < LEAST_PROBES || Instant::now() < deadline) {
            tries += 1;
            match self.try_one(prober).0 {
                Ok(()) => {}
                Err(e) if e.raw_os_error() == Some(errno) => failed += 1,
                Err(_) => otherwise += 1,
            }
        }
        let name = format!("{:?}", Errno::from_raw(errno));
        let least = if per_million >= 1_000_000 { (tries - otherwise).max(1) } else { 1 };
        let also = if otherwise > 0 { format!(", otherwise {otherwise} times") } else { String::new() };
        let reading = setting.reading(
            Level::E2,
            prober.words(),
            format!("{name} at least {least} times"),
            format!("{name} {failed} of {tries} times{also}"),
        );
        outcome.see(reading, failed >= least);
    }

    fn time(&self, setting: &Setting, prober: &mut Prober, delay_ns: u64, outcome: &mut Outcome) {
        let shortest = (0..TIMED_PROBES).map(|_| self.try_one(prober).1).min().unwrap_or_default();
        let delay = Duration::from_nanos(delay_ns);
        let reading = setting.reading(
            Level::E2,
            prober.words(),
            format!("at least {delay:?}"),
            format!("{shortest:?} ({:?} before)", self.before),
        );
        // What takes as long without the rule is no evidence of it.
        if self.before >= delay {
            outcome.note(reading)
        } else {
            outcome.see(reading, shortest >= delay)
        };
    }
}

fn operations(act: &files::Act) -> &[FileOperation] {
    let (files::Act::Error { operations, .. } | files::Act::Delay { operations, .. }) = act;
    operations
}

impl Act for Intercepted {
    fn undo(&self) -> Vec<Undo> {
        let guardian = self.bus.guardian;
        let remove = |path: PathBuf| Undo::Remove { guardian, path };
        vec![remove(self.probe.clone()), remove(second(&self.probe)), self.ruled.undo()]
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let mut prober = self.prober()?;
        setting.reached(Step::HalfApplied);
        self.before = self.shortest(&mut prober);
        self.ruled.set(setting)?;
        self.seen = self.look(setting, &mut prober)?;
        Ok(vec![self.seen.clone()])
    }

    fn observe(&mut self, setting: &Setting) -> Result<Option<Vec<Outcome>>, ChaosError> {
        let mut outcome = std::mem::take(&mut self.seen);
        self.ruled.in_force(setting, &mut outcome)?;
        Ok(Some(vec![outcome]))
    }

    fn takes(&self) -> Duration {
        PROBED_FOR
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        Ok(vec![self.ruled.ended(setting)?])
    }
}

/// Does one kind of operation again and again, on a file of its own.
struct Prober {
    operation: FileOperation,
    path: PathBuf,
    file: Option<File>,
}

fn second(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-2");
    name.into()
}

impl Prober {
    fn new(operation: FileOperation, path: &Path) -> io::Result<Self> {
        let open = || File::options().read(true).write(true).create(true).truncate(false).open(path);
        let file = match operation {
            // These are what is probed, or do not need an open file.
            FileOperation::Open | FileOperation::Remove | FileOperation::Rename => None,
            _ => {
                // A rule that is in force may let it fail: then a few tries are had.
                let mut opened = open();
                for _ in 0..100 {
                    if opened.is_ok() {
                        break;
                    }
                    opened = open();
                }
                Some(opened?)
            }
        };
        Ok(Self { operation, path: path.to_path_buf(), file })
    }

    fn words(&self) -> &'static str {
        match self.operation {
            FileOperation::Open => "opening",
            FileOperation::Read => "reading",
            FileOperation::Write => "writing",
            FileOperation::Rename => "renaming",
            FileOperation::Remove => "removing",
            FileOperation::Sync => "syncing",
        }
    }

    fn perform(&mut self) -> io::Result<()> {
        match (self.operation, &mut self.file) {
            (FileOperation::Read, Some(file)) => {
                file.seek(SeekFrom::Start(0))?;
                file.read(&mut [0; 64]).map(drop)
            }
            (FileOperation::Write, Some(file)) => {
                file.seek(SeekFrom::Start(0))?;
                file.write_all(b"probe")
            }
            (FileOperation::Sync, Some(file)) => file.sync_all(),
            (FileOperation::Rename, _) => {
                if !self.path.exists() && !second(&self.path).exists() {
                    File::create(&self.path)?;
                }
                if self.path.exists() {
                    std::fs::rename(&self.path, second(&self.path))
                } else {
                    std::fs::rename(second(&self.path), &self.path)
                }
            }
            (FileOperation::Remove, _) => {
                File::create(&self.path)?;
                std::fs::remove_file(&self.path)
            }
            _ => File::create(&self.path).map(drop),
        }
    }
}
