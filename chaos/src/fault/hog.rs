//! Taking memory and CPU time of the host, by a process of ours.

use std::time::{Duration, Instant};

use evidence::event::Level;

use super::act::Act;
use super::{Outcome, Setting};
use crate::ChaosError;
use crate::aide::Aide;
use crate::host::{available_memory, kib};
use crate::process::Identity;
use crate::undo::Undo;

/// How long taking the memory may take.
const HELD_WITHIN: Duration = Duration::from_secs(30);
/// How long busy threads are given before they are looked at.
const BUSY_AFTER: Duration = Duration::from_millis(50);
/// The share of the memory taken by which what is available must have dropped, in percent: others give memory
/// back meanwhile.
const DROPPED_PERCENT: u64 = 50;
/// How long it is waited for, for the same reason.
const DROPPED_WITHIN: Duration = Duration::from_secs(2);
/// The share of the time in which busy threads must have had a CPU or waited for one, in percent.
const BUSY_PERCENT: u64 = 80;
/// How long it is waited for: the kernel counts a wait only when it is over, and the longer the time that is looked at,
/// the less of it the wait under way can be.
const BUSY_WITHIN: Duration = Duration::from_secs(2);
/// How often is looked meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Takes memory of the host.
#[derive(Debug)]
pub(super) struct MemoryHog {
    bytes: u64,
    hog: Aide,
    /// What was available before, in bytes.
    before: u64,
}

impl MemoryHog {
    pub(super) fn of(setting: &Setting, bytes: u64, reserve: u64) -> Result<Self, ChaosError> {
        let unable = |found| ChaosError::Unable { kind: setting.fault.kind.name(), found };
        let available = available_memory()
            .ok_or_else(|| unable("/proc/meminfo does not tell what is available".to_owned()))?;
        if available < bytes.saturating_add(reserve) {
            return Err(unable(format!(
                "of {available} bytes available, taking {bytes} would leave less than the reserve of {reserve}"
            )));
        }
        let words = ["memory".to_owned(), bytes.to_string(), reserve.to_string()];
        let hog = Aide::start(&setting.site, setting.fault.for_ns, &words.map(Into::into))?;
        Ok(Self { bytes, hog, before: available })
    }

    /// Looks at what is available on the host; `true` if it is as much less as it should be.
    fn dropped(&self, setting: &Setting, outcome: &mut Outcome) -> bool {
        let least = self.bytes / 100 * DROPPED_PERCENT;
        let dropped = self.before.saturating_sub(available_memory().unwrap_or(self.before));
        let (expected, found) = (format!("at least {least} bytes less"), format!("{dropped} bytes less"));
        let reading = setting.reading(Level::E2, "/proc/meminfo MemAvailable", expected, found);
        if dropped >= least {
            outcome.see(reading, true);
        } else if outcome.seen.iter().all(|seen| seen.reading.source != reading.source) {
            // Others may have given as much back, which contradicts nothing.
            outcome.note(reading);
        }
        dropped >= least
    }
}

impl Act for MemoryHog {
    fn undo(&self) -> Vec<Undo> {
        vec![Undo::End { process: self.hog.process() }]
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let before = available_memory().unwrap_or(0);
        let mut outcome = Outcome::sent(setting.now());
        if !setting.pretend() {
            self.hog.begin().map_err(|e| ChaosError::io("begin", "taking memory", e))?;
            // What it says is no evidence; that it is done is what is waited for.
            let _ = self.hog.line(Instant::now() + HELD_WITHIN);
        }
        let held = resident(self.hog.process());
        outcome.see(
            setting.reading(
                Level::E1,
                "VmRSS of the process that takes it",
                format!("at least {} bytes", self.bytes),
                format!("{held} bytes"),
            ),
            held >= self.bytes,
        );
        self.before = before;
        let deadline = Instant::now() + DROPPED_WITHIN;
        while !setting.pretend() && !self.dropped(setting, &mut outcome) && Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(vec![outcome])
    }

    fn observe(&mut self, setting: &Setting) -> Result<Option<Vec<Outcome>>, ChaosError> {
        let mut outcome = Outcome::default();
        self.dropped(setting, &mut outcome);
        Ok(Some(vec![outcome]))
    }

    fn takes(&self) -> Duration {
        HELD_WITHIN
    }

    fn stop(&mut self) {
        self.hog.end();
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        Ok(vec![ended(setting, self.hog.process())?])
    }
}

/// Keeps CPUs busy.
#[derive(Debug)]
pub(super) struct CpuHog {
    threads: u32,
    hog: Aide,
    begun: Option<Instant>,
    waited_ns: u64,
}

impl CpuHog {
    pub(super) fn of(setting: &Setting, threads: u32) -> Result<Self, ChaosError> {
        let words = ["cpu".to_owned(), threads.to_string()];
        let hog = Aide::start(&setting.site, setting.fault.for_ns, &words.map(Into::into))?;
        Ok(Self { threads, hog, begun: None, waited_ns: 0 })
    }

    /// The time in which the threads must have had a CPU or waited for one since they began, all together.
    fn least_ns(&self) -> u64 {
        let since =
            self.begun.map_or(0, |begun| u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
        since / 100 * BUSY_PERCENT * u64::from(self.threads)
    }

    /// The least that must have been counted, and how long the threads were on a CPU and waited for one.
    fn counted(&self, setting: &Setting) -> (u64, u64, u64) {
        let deadline = Instant::now() + BUSY_WITHIN;
        loop {
            let (least, (had, wanted)) = (self.least_ns(), busy_ns(self.hog.process()));
            let busy = self.hog.process().is_alive().unwrap_or(false);
            if had + wanted >= least || !busy || setting.pretend() || Instant::now() >= deadline {
                return (least, had, wanted);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Act for CpuHog {
    fn undo(&self) -> Vec<Undo> {
        vec![Undo::End { process: self.hog.process() }]
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        self.waited_ns = waited_ns(setting)?;
        let mut outcome = Outcome::sent(setting.now());
        if !setting.pretend() {
            self.hog.begin().map_err(|e| ChaosError::io("begin", "keeping CPUs busy", e))?;
            let _ = self.hog.line(Instant::now() + HELD_WITHIN);
        }
        // From when all of them are there: until then a busy host may have let it wait.
        self.begun = Some(Instant::now());
        std::thread::sleep(BUSY_AFTER);
        let found = self.hog.process().stat().ok().flatten().map_or(0, |stat| stat.threads);
        // Its first thread only waits.
        let expected = u64::from(self.threads) + 1;
        outcome.see(
            setting.reading(
                Level::E1,
                "threads of the process that keeps them busy",
                expected.to_string(),
                found.to_string(),
            ),
            found == expected,
        );
        Ok(vec![outcome])
    }

    fn observe(&mut self, setting: &Setting) -> Result<Option<Vec<Outcome>>, ChaosError> {
        let mut outcome = Outcome::default();
        let (least, had, wanted) = self.counted(setting);
        let ms = |ns: u64| ns / 1_000_000;
        outcome.see(
            setting.reading(
                Level::E2,
                "/proc/PID/task/TID/schedstat of the busy threads",
                format!("on a CPU or waiting for one at least {} ms", ms(least)),
                format!("on a CPU {} ms, waiting {} ms", ms(had), ms(wanted)),
            ),
            least > 0 && had > 0 && had + wanted >= least,
        );
        let waited = waited_ns(setting)?.saturating_sub(self.waited_ns);
        outcome.note(setting.reading(
            Level::E2,
            "/proc/PID/schedstat of the target",
            "waited for a CPU",
            format!("{} ms", waited / 1_000_000),
        ));
        Ok(Some(vec![outcome]))
    }

    fn takes(&self) -> Duration {
        HELD_WITHIN
    }

    fn stop(&mut self) {
        self.hog.end();
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        Ok(vec![ended(setting, self.hog.process())?])
    }
}

fn ended(setting: &Setting, hog: Identity) -> Result<Outcome, ChaosError> {
    let alive = hog.is_alive().map_err(|e| ChaosError::io("read", "/proc", e))?;
    let mut outcome = Outcome::default();
    let found = if alive { "alive" } else { "ended" };
    outcome.see(setting.reading(Level::E1, "/proc/PID/stat of our process", "ended", found), !alive);
    Ok(outcome)
}

fn resident(process: Identity) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap_or_default();
    kib(&status, "VmRSS:").unwrap_or(0) << 10
}

/// How long all threads of a process were on a CPU, and waited for one.
fn busy_ns(process: Identity) -> (u64, u64) {
    let threads = crate::process::threads(process).unwrap_or_default();
    let sum = |field| {
        let of_thread = |tid: &u32| schedstat(&format!("/proc/{}/task/{tid}/schedstat", process.pid), field);
        threads.iter().map(of_thread).sum()
    };
    (sum(0), sum(1))
}

/// How long the processes of the target have waited for a CPU, all together.
fn waited_ns(setting: &Setting) -> Result<u64, ChaosError> {
    let all = setting.site.target().map_err(|e| ChaosError::io("find", "the processes of the target", e))?;
    Ok(all.iter().map(|p| schedstat(&format!("/proc/{}/schedstat", p.pid), 1)).sum())
}

fn schedstat(path: &str, field: usize) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().nth(field).and_then(|n| n.parse().ok()).unwrap_or(0)
}
