//! Filling the memory of a control group of each victim: until the kernel ends it, or until it stands still.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use evidence::event::Level;

use crate::ChaosError;
use crate::aide::Aide;
use crate::cgroup::{Controller, Group, Place, Version};
use crate::fault::act::Act;
use crate::fault::beat::{Beat, Over};
use crate::fault::{Held, Outcome, Setting, kill};
use crate::host::{RESERVE, available_memory};
use crate::process::Identity;
use crate::site::Step;
use crate::undo::Undo;

/// How long filling a group may take beside what its bytes take.
const REACHED_WITHIN: Duration = Duration::from_secs(3);
/// How many bytes a second are filled at least.
const BYTES_PER_SECOND: u64 = 100 << 20;
/// How often it is looked whether victims stand still.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A victim with the group that it is put into and the process that fills it.
#[derive(Debug)]
struct Cell {
    victim: Identity,
    /// `oom_score_adj` of the victim; `None` if it is gone.
    score: Option<i32>,
    group: Group,
    filler: Aide,
}

impl Cell {
    fn new(
        setting: &Setting,
        place: &Place,
        at: usize,
        held: &Held,
        limit: u64,
        stalls: bool,
    ) -> Result<Self, ChaosError> {
        let victim = held.process();
        let group = super::plan(setting, place, at, [victim])?;
        // More than there is room for.
        let amount = [limit.saturating_mul(2).to_string(), RESERVE.to_string()];
        let mut words: Vec<OsString> = Vec::new();
        if stalls {
            words.push("memory".into());
            words.extend(amount.map(Into::into));
        } else {
            words.push("fill".into());
            words.extend(amount.map(Into::into));
            words.extend([victim.pid.to_string().into(), victim.starttime.to_string().into()]);
        }
        let filler = Aide::start(&setting.site, setting.fault.for_ns, &words)?;
        let score = std::fs::read_to_string(format!("/proc/{}/oom_score_adj", victim.pid));
        Ok(Self { victim, score: score.ok().and_then(|s| s.trim().parse().ok()), group, filler })
    }

    /// Everything but the filling.
    fn enclose(&self, setting: &Setting, limit: u64, stalls: bool) -> std::io::Result<()> {
        let group = &self.group;
        group.make()?;
        if setting.pretend() {
            return Ok(());
        }
        group.set(group.file("memory.limit_in_bytes", "memory.max"), &limit.to_string())?;
        if group.place.version == Version::V2 && group.path.join("memory.swap.max").exists() {
            group.set("memory.swap.max", "0")?;
        }
        if group.path.join("memory.memsw.limit_in_bytes").exists() {
            group.set("memory.memsw.limit_in_bytes", &limit.to_string())?;
        }
        if stalls {
            group.set("memory.oom_control", "1")?;
        } else if self.victim.is_alive()? {
            std::fs::write(format!("/proc/{}/oom_score_adj", self.victim.pid), "1000")?;
        }
        group.take_in(self.victim)?;
        group.take_in(self.filler.process())?;
        Ok(())
    }

    fn undo(&self) -> Vec<Undo> {
        let score = self.score.map(|score| Undo::OomScore { process: self.victim, score });
        let end = Undo::End { process: self.filler.process() };
        score.into_iter().chain([self.group.undo(), end]).collect()
    }

    /// How often the kernel ended a process of the group, and how often its limit was hit.
    fn counts(&self) -> std::io::Result<(u64, u64)> {
        let killed = self.group.count(self.group.file("memory.oom_control", "memory.events"), "oom_kill")?;
        let hits = match self.group.place.version {
            Version::V1 => self.group.get("memory.failcnt")?.parse().ok(),
            Version::V2 => self.group.count("memory.events", "max")?,
        };
        Ok((killed.unwrap_or(0), hits.unwrap_or(0)))
    }
}

fn cells(setting: &Setting, place: &Place, limit: u64, stalls: bool) -> Result<Vec<Cell>, ChaosError> {
    let all = limit.saturating_mul(setting.held.len() as u64);
    if available_memory().is_some_and(|available| available < all.saturating_add(RESERVE)) {
        return Err(ChaosError::Unable {
            kind: setting.fault.kind.name(),
            found: format!(
                "filling {all} bytes would leave this host less than {RESERVE}; choose a smaller limit or fewer victims"
            ),
        });
    }
    setting
        .held
        .iter()
        .enumerate()
        .map(|(at, held)| Cell::new(setting, place, at, held, limit, stalls))
        .collect()
}

/// Encloses every victim, then lets all fillers begin.
fn fill(setting: &Setting, cells: &mut [Cell], limit: u64, stalls: bool) -> Result<Vec<Outcome>, ChaosError> {
    for cell in cells.iter() {
        cell.enclose(setting, limit, stalls).map_err(|e| super::refused(&cell.group, e))?;
        setting.reached(Step::HalfApplied);
    }
    let mut outcomes = Vec::new();
    for cell in cells.iter_mut() {
        outcomes.push(Outcome::sent(setting.now()));
        if !setting.pretend() {
            cell.filler.begin().map_err(|e| ChaosError::io("begin", "filling memory", e))?;
        }
    }
    Ok(outcomes)
}

/// How long it may take until a limit of so many bytes is reached, or a victim is ended there.
fn within(limit: u64) -> Duration {
    REACHED_WITHIN + Duration::from_secs(limit / BYTES_PER_SECOND)
}

fn undo(cells: &[Cell]) -> Vec<Undo> {
    cells.iter().flat_map(Cell::undo).collect()
}

fn removed(setting: &Setting, cells: &[Cell]) -> Vec<Outcome> {
    let groups: Vec<&Group> = cells.iter().map(|cell| &cell.group).collect();
    super::removed(setting, &groups)
}

/// The kernel ends the victim for want of memory.
#[derive(Debug)]
pub(in crate::fault) struct OutOfMemory {
    limit: u64,
    cells: Vec<Cell>,
}

impl OutOfMemory {
    pub(in crate::fault) fn of(setting: &Setting, limit: u64) -> Result<Self, ChaosError> {
        let place = super::place(setting, Controller::Memory)?;
        Ok(Self { limit, cells: cells(setting, &place, limit, false)? })
    }
}

impl Act for OutOfMemory {
    fn undo(&self) -> Vec<Undo> {
        undo(&self.cells)
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let mut outcomes = fill(setting, &mut self.cells, self.limit, false)?;
        let held: Vec<&Held> = setting.held.iter().collect();
        kill::read_ends(setting, &held, within(self.limit), &mut outcomes)?;
        for (cell, outcome) in self.cells.iter().zip(&mut outcomes) {
            let (killed, hits) = cell.counts().map_err(|e| super::refused(&cell.group, e))?;
            let found = format!("{killed} ended, limit hit {hits} times");
            let expected = "at least 1 ended by the kernel";
            let source = cell.group.file("memory.oom_control oom_kill, memory.failcnt", "memory.events");
            outcome.see(setting.reading(Level::E2, source, expected, found), killed > 0);
        }
        Ok(outcomes)
    }

    fn takes(&self) -> Duration {
        within(self.limit) + super::takes(2 * self.cells.len())
    }

    fn stop(&mut self) {
        self.cells.iter_mut().for_each(|cell| cell.filler.end());
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        Ok(removed(setting, &self.cells))
    }
}

/// Victims that need memory stand still.
#[derive(Debug)]
pub(in crate::fault) struct Stall {
    limit: u64,
    cells: Vec<Cell>,
    watch: Option<Beat<Vec<Looks>>>,
}

impl Stall {
    pub(in crate::fault) fn of(setting: &Setting, limit: u64) -> Result<Self, ChaosError> {
        let place = super::place(setting, Controller::Memory)?;
        if place.version == Version::V2 {
            return Err(ChaosError::Unable {
                kind: setting.fault.kind.name(),
                found: "control groups of version 2 cannot hold processes at their limit; it needs version 1"
                    .to_owned(),
            });
        }
        Ok(Self { limit, cells: cells(setting, &place, limit, true)?, watch: None })
    }
}

impl Act for Stall {
    fn undo(&self) -> Vec<Undo> {
        undo(&self.cells)
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let mut outcomes = fill(setting, &mut self.cells, self.limit, true)?;
        let deadline = Instant::now() + within(self.limit);
        for (cell, outcome) in self.cells.iter().zip(&mut outcomes) {
            let source = "memory.oom_control under_oom";
            let under = || cell.group.count("memory.oom_control", "under_oom").map(|n| n == Some(1));
            while !setting.pretend()
                && !under().map_err(|e| super::refused(&cell.group, e))?
                && Instant::now() < deadline
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            let fits = under().map_err(|e| super::refused(&cell.group, e))?;
            let found = u32::from(fits).to_string();
            outcome.see(setting.reading(Level::E1, source, "1", found), fits);
        }
        let victims: Vec<Identity> = self.cells.iter().map(|cell| cell.victim).collect();
        self.watch = Some(Beat::start("stall", move |over| look(&victims, over))?);
        Ok(outcomes)
    }

    fn observe(&mut self, setting: &Setting) -> Result<Option<Vec<Outcome>>, ChaosError> {
        let Some(looks) = self.watch.take().and_then(Beat::end) else { return Ok(None) };
        let outcome = |looks: Looks| {
            let mut outcome = Outcome::default();
            let found = format!("{} of {} looks", looks.still, looks.all);
            let reading = setting.reading(Level::E2, "/proc/PID/stat state D", "at least 1 look", found);
            if looks.still > 0 {
                outcome.see(reading, true);
            } else {
                // One that needed no memory did not have to stand still.
                outcome.note(reading);
            }
            outcome
        };
        Ok(Some(looks.into_iter().map(outcome).collect()))
    }

    fn takes(&self) -> Duration {
        within(self.limit) + super::takes(2 * self.cells.len())
    }

    fn stop(&mut self) {
        self.watch = None;
        self.cells.iter_mut().for_each(|cell| cell.filler.end());
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        Ok(removed(setting, &self.cells))
    }
}

/// How often a process was looked at, and how often it stood still in the kernel.
#[derive(Debug, Clone, Copy, Default)]
struct Looks {
    all: u64,
    still: u64,
}

/// Looks at the victims again and again until it is over.
fn look(victims: &[Identity], over: &mut Over) -> Vec<Looks> {
    let mut looks = vec![Looks::default(); victims.len()];
    while over.after(LOOK_EVERY) {
        for (victim, looks) in victims.iter().zip(&mut looks) {
            let still = victim.stat().ok().flatten().is_some_and(|stat| stat.state == b'D');
            looks.all += 1;
            looks.still += u64::from(still);
        }
    }
    looks
}
