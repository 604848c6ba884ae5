//! Letting threads run on one CPU only.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use evidence::event::Level;

use super::act::Act;
use super::{Held, Outcome, Setting};
use crate::ChaosError;
use crate::cpus::Cpus;
use crate::process::{Identity, is_gone, threads};
use crate::site::Step;
use crate::undo::{Threads, Undo};

/// A process and where its threads could run.
#[derive(Debug)]
struct Pinned {
    process: Identity,
    before: Vec<Threads>,
}

#[derive(Debug)]
pub(super) struct Pin {
    cpu: usize,
    processes: Vec<Pinned>,
    /// Below which processes others can come to be: the victims, or the guardian for the whole target.
    roots: Vec<Identity>,
    /// How often each thread had been given a CPU when all were pinned.
    turns: BTreeMap<u32, u64>,
}

impl Pin {
    /// The CPU is counted among those that the first victim may use.
    pub(super) fn of(setting: &Setting, place: u32) -> Result<Self, ChaosError> {
        let mut processes = Vec::new();
        for process in everybody(setting)? {
            let before = where_threads_run(process).map_err(read)?;
            processes.push(Pinned { process, before });
        }
        let usable: Vec<usize> = processes
            .iter()
            .find_map(|p| p.before.first())
            .map(|first| first.cpus.each())
            .unwrap_or_default();
        let cpu = usable.get(place as usize).copied().ok_or_else(|| ChaosError::Unable {
            kind: setting.fault.kind.name(),
            found: format!("there is no CPU {place} among the {} that the target may use", usable.len()),
        })?;
        let roots = match setting.parts.is_empty() {
            true => processes.iter().map(|p| p.process).collect(),
            false => vec![setting.site.scope.guardian()],
        };
        Ok(Self { cpu, processes, roots, turns: BTreeMap::new() })
    }

    fn pinned(&self) -> Cpus {
        Cpus::one(self.cpu)
    }

    /// Pins every thread there is, again and again until there is no other: one that is started by a thread that
    /// was not pinned yet is not pinned either.
    fn pin(&self, setting: &Setting) -> Result<(), ChaosError> {
        let pinned = self.pinned();
        for _ in 0..10 {
            let mut some = false;
            for process in everybody(setting)? {
                for tid in threads(process).map_err(read)? {
                    if Cpus::of_thread(tid).map_err(read)?.is_some_and(|cpus| cpus != pinned) {
                        some |= pinned.give_to(tid).map_err(|e| {
                            ChaosError::io("pin", format_args!("a thread of process {}", process.pid), e)
                        })?;
                    }
                }
                setting.reached(Step::HalfApplied);
            }
            if !some {
                break;
            }
        }
        Ok(())
    }

    /// Reads back where the threads of these processes may run.
    fn allowed(&self, setting: &Setting, of: &[Identity], outcome: &mut Outcome) -> Result<(), ChaosError> {
        let pinned = self.pinned();
        let (mut all, mut there) = (0, 0);
        for process in of {
            for tid in threads(*process).map_err(read)? {
                if let Some(cpus) = Cpus::of_thread(tid).map_err(read)? {
                    all += 1;
                    there += u32::from(cpus == pinned);
                }
            }
        }
        if all == 0 {
            *outcome = Outcome::gone(setting.reading(Level::E1, "/proc/PID/task", "threads", "gone"));
            return Ok(());
        }
        let (expected, found) = (format!("all on {}", self.cpu), format!("{there} of {all} on {}", self.cpu));
        outcome.see(setting.reading(Level::E1, "sched_getaffinity", expected, found), there == all);
        Ok(())
    }

    /// Reads where those threads last ran that have run since they were pinned.
    fn ran(&self, setting: &Setting, of: &[Identity]) -> Result<Outcome, ChaosError> {
        let (mut all, mut there) = (0, 0);
        for process in of {
            for tid in threads(*process).map_err(read)? {
                let Some((turns, cpu)) = last_turn(*process, tid).map_err(read)? else { continue };
                if self.turns.get(&tid).is_none_or(|before| turns > *before) {
                    all += 1;
                    there += u32::from(cpu == self.cpu);
                }
            }
        }
        let mut outcome = Outcome::default();
        let expected = format!("all that ran since, on {}", self.cpu);
        let found = format!("{there} of {all} that ran since");
        let reading = setting.reading(Level::E2, "/proc/PID/task/TID/stat processor", expected, found);
        if all == 0 {
            outcome.note(reading);
        } else {
            outcome.see(reading, there == all);
        }
        Ok(outcome)
    }
}

impl Act for Pin {
    fn undo(&self) -> Vec<Undo> {
        let pinned = self.pinned();
        let before = self.processes.iter().find_map(|p| p.before.first()).map(|first| &first.cpus);
        let there = self.processes.iter().flat_map(|p| &p.before).filter(|t| t.cpus == pinned);
        let already: Vec<u32> = there.flat_map(|t| t.threads.iter().copied()).collect();
        let below =
            self.roots.iter().zip(before.into_iter().cycle()).map(|(process, before)| Undo::CpusBelow {
                process: *process,
                pinned: pinned.clone(),
                before: before.clone(),
                already: already.clone(),
            });
        let each = self.processes.iter().map(|p| Undo::Cpus {
            process: p.process,
            pinned: pinned.clone(),
            before: p.before.clone(),
        });
        below.chain(each).collect()
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let sent_ns = setting.now();
        if !setting.pretend() {
            self.pin(setting)?;
        }
        let mut outcomes = Vec::new();
        for of in subjects(setting)? {
            let mut outcome = Outcome::sent(sent_ns);
            self.allowed(setting, &of, &mut outcome)?;
            outcomes.push(outcome);
            for process in of {
                for tid in threads(process).map_err(read)? {
                    self.turns.extend(last_turn(process, tid).map_err(read)?.map(|(turns, _)| (tid, turns)));
                }
            }
        }
        Ok(outcomes)
    }

    fn observe(&mut self, setting: &Setting) -> Result<Option<Vec<Outcome>>, ChaosError> {
        subjects(setting)?.iter().map(|of| self.ran(setting, of)).collect::<Result<_, _>>().map(Some)
    }

    fn takes(&self) -> Duration {
        Duration::from_secs(1)
            + Duration::from_millis(2) * u32::try_from(self.processes.len()).unwrap_or(u32::MAX)
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let pinned = self.pinned();
        let mut outcomes = Vec::new();
        for of in subjects(setting)? {
            let mut left = 0;
            for pinned_before in self.processes.iter().filter(|p| of.contains(&p.process)) {
                let could_elsewhere = pinned_before.before.iter().any(|t| t.cpus != pinned);
                let was_here =
                    |tid| pinned_before.before.iter().any(|t| t.cpus == pinned && t.threads.contains(&tid));
                for tid in threads(pinned_before.process).map_err(read)? {
                    let here = Cpus::of_thread(tid).map_err(read)?.is_some_and(|cpus| cpus == pinned);
                    left += u32::from(here && could_elsewhere && !was_here(tid));
                }
            }
            let mut outcome = Outcome::default();
            let found = format!("{left} on {} only", self.cpu);
            let expected = format!("0 on {} only", self.cpu);
            outcome.see(setting.reading(Level::E1, "sched_getaffinity", expected, found), left == 0);
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }
}

/// The processes that each outcome is about.
fn subjects(setting: &Setting) -> Result<Vec<Vec<Identity>>, ChaosError> {
    if setting.parts.is_empty() {
        return Ok(setting.held.iter().map(|held| vec![held.process()]).collect());
    }
    let all = everybody(setting)?;
    Ok(setting.parts.iter().map(|_| all.clone()).collect())
}

fn everybody(setting: &Setting) -> Result<Vec<Identity>, ChaosError> {
    if setting.parts.is_empty() {
        return Ok(setting.held.iter().map(Held::process).collect());
    }
    setting.site.target().map_err(|e| ChaosError::io("find", "the processes of the target", e))
}

fn where_threads_run(process: Identity) -> io::Result<Vec<Threads>> {
    let mut all: Vec<Threads> = Vec::new();
    for tid in threads(process)? {
        let Some(cpus) = Cpus::of_thread(tid)? else { continue };
        match all.iter_mut().find(|group| group.cpus == cpus) {
            Some(group) => group.threads.push(tid),
            None => all.push(Threads { cpus, threads: vec![tid] }),
        }
    }
    Ok(all)
}

/// How often a thread was given a CPU, and which it had last; `None` if it is gone.
fn last_turn(process: Identity, tid: u32) -> io::Result<Option<(u64, usize)>> {
    let file = |name| match std::fs::read_to_string(format!("/proc/{}/task/{tid}/{name}", process.pid)) {
        Ok(text) => Ok(Some(text)),
        Err(e) if is_gone(&e) => Ok(None),
        Err(e) => Err(e),
    };
    let (Some(stat), Some(schedstat)) = (file("stat")?, file("schedstat")?) else { return Ok(None) };
    let turns = schedstat.split_whitespace().nth(2).and_then(|n| n.parse().ok());
    // Field 39, counted from the state behind the name.
    let cpu = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(36)?.parse().ok());
    Ok(turns.zip(cpu))
}

fn read(e: io::Error) -> ChaosError {
    ChaosError::io("read", "where threads run", e)
}
