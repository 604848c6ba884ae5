//! Lowering soft limits of running processes: descriptors, data segment, size of a file.

use std::io;

use evidence::event::Level;
use scenarios::plan::FaultKind;

use super::act::Act;
use super::probe::{self, Door};
use super::{Held, Outcome, Setting};
use crate::ChaosError;
use crate::host::kib;
use crate::process::{Identity, is_gone};
use crate::rlimit::{Resource, set_soft, soft, soft_as_told, words};
use crate::site::Step;
use crate::undo::Undo;

/// Where it is read back.
const SOURCE: &str = "/proc/PID/limits";
/// How many victims' doors are tried: each takes some time, and a few tell what all do.
const DOORS: usize = 64;

/// What is done to one victim.
#[derive(Debug)]
struct Limit {
    process: Identity,
    /// What it was, and what it is to be.
    before: u64,
    lowered: u64,
    /// Where it takes connections, if it does.
    door: Option<Door>,
}

#[derive(Debug)]
pub(super) struct Limits {
    resource: Resource,
    /// Whether nothing more can be opened, so that this can be seen from outside.
    shuts: bool,
    /// `None` for victims that are gone.
    limits: Vec<Option<Limit>>,
}

impl Limits {
    pub(super) fn of(setting: &Setting) -> Result<Self, ChaosError> {
        let kind = &setting.fault.kind;
        let (resource, shuts) = match kind {
            FaultKind::MemoryLimit { .. } => (Resource::Data, false),
            FaultKind::FileSize { .. } => (Resource::FileSize, false),
            FaultKind::Descriptors { limit } => (Resource::Descriptors, limit.is_none()),
            _ => return Err(ChaosError::Unable { kind: kind.name(), found: "it is no limit".to_owned() }),
        };
        let limits = setting.held.iter().enumerate().map(|(at, held)| {
            let read = |e| ChaosError::io("read", format_args!("the limits of {}", who(held)), e);
            let limit = Limit::plan(held, kind, resource).map_err(read)?;
            Ok(limit.map(|limit| Limit {
                door: (shuts && at < DOORS).then(|| probe::door(limit.process)).flatten(),
                ..limit
            }))
        });
        Ok(Self { resource, shuts, limits: limits.collect::<Result<_, ChaosError>>()? })
    }

    fn lower(&self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let mut outcomes = Vec::new();
        for (held, limit) in setting.held.iter().zip(&self.limits) {
            let sent_ns = setting.now();
            if let Some(limit) = limit
                && !setting.pretend()
            {
                set_soft(limit.process, self.resource, limit.lowered).map_err(|e| {
                    let what = self.resource.line().to_lowercase();
                    ChaosError::io("lower", format_args!("the {what} of {}", who(held)), e)
                })?;
            }
            outcomes.push(Outcome::sent(sent_ns));
            setting.reached(Step::HalfApplied);
        }
        Ok(outcomes)
    }

    fn read_back(
        &self,
        setting: &Setting,
        limit: &Limit,
        expected: u64,
        outcome: &mut Outcome,
    ) -> Result<bool, ChaosError> {
        let told =
            soft_as_told(limit.process, self.resource).map_err(|e| ChaosError::io("read", SOURCE, e))?;
        let Some(told) = told else { return Ok(false) };
        let source = format!("{SOURCE} {}", self.resource.line());
        let fits = told == words(expected);
        outcome.see(setting.reading(Level::E1, &source, words(expected), told), fits);
        Ok(true)
    }
}

impl Limit {
    /// `None` if the process is gone.
    fn plan(held: &Held, kind: &FaultKind, resource: Resource) -> io::Result<Option<Self>> {
        let process = held.process();
        let Some(before) = soft(process, resource)? else { return Ok(None) };
        let wanted = match kind {
            FaultKind::Descriptors { limit: None } => first_free_descriptor(process)?,
            FaultKind::Descriptors { limit } => *limit,
            FaultKind::MemoryLimit { headroom } => data_segment(process)?.map(|now| now + headroom),
            FaultKind::FileSize { limit } => Some(*limit),
            _ => None,
        };
        Ok(wanted.map(|wanted| Self { process, before, lowered: wanted.min(before), door: None }))
    }
}

impl Act for Limits {
    fn undo(&self) -> Vec<Undo> {
        let undo = |limit: &Limit| Undo::SoftLimit {
            process: limit.process,
            resource: self.resource,
            lowered: limit.lowered,
            soft: limit.before,
        };
        self.limits.iter().flatten().map(undo).collect()
    }

    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let mut outcomes = self.lower(setting)?;
        for ((held, limit), outcome) in setting.held.iter().zip(&self.limits).zip(&mut outcomes) {
            let there = match limit {
                Some(limit) => self.read_back(setting, limit, limit.lowered, outcome)?,
                None => false,
            };
            if !there {
                let reading = setting.reading(Level::E1, SOURCE, "a process that is alive", "gone");
                *outcome = Outcome::gone(reading);
            }
            if self.shuts && there {
                let door = limit.as_ref().and_then(|limit| limit.door.as_ref());
                probe::is_shut(setting, held.process(), door, outcome);
            }
        }
        Ok(outcomes)
    }

    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError> {
        let mut outcomes = Vec::new();
        for limit in &self.limits {
            let mut outcome = Outcome::default();
            let there = match limit {
                Some(limit) => self.given_back(setting, limit, &mut outcome)?,
                None => false,
            };
            if !there {
                outcome.see(setting.reading(Level::E1, SOURCE, "not lowered", "the process is dead"), true);
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }
}

impl Limits {
    /// Whether the process has at least what it had; where two faults overlapped, the other's is gone too.
    fn given_back(
        &self,
        setting: &Setting,
        limit: &Limit,
        outcome: &mut Outcome,
    ) -> Result<bool, ChaosError> {
        let now = soft(limit.process, self.resource).map_err(|e| ChaosError::io("read", SOURCE, e))?;
        let Some(now) = now else { return Ok(false) };
        let source = format!("{SOURCE} {}", self.resource.line());
        outcome
            .see(setting.reading(Level::E1, &source, words(limit.before), words(now)), now >= limit.before);
        Ok(true)
    }
}

fn who(held: &Held) -> String {
    format!("process {} of agent {}", held.victim.pid, held.victim.agent)
}

/// The number that the next descriptor will have. A limit of that number lets none be opened.
fn first_free_descriptor(process: Identity) -> io::Result<Option<u64>> {
    let entries = match std::fs::read_dir(format!("/proc/{}/fd", process.pid)) {
        Ok(entries) => entries,
        Err(e) if is_gone(&e) => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut used: Vec<u64> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    used.sort_unstable();
    Ok(Some((0..).zip(&used).find(|(at, fd)| at != *fd).map_or(used.len() as u64, |(at, _)| at)))
}

/// Bytes of the data segment, as the limit counts them.
fn data_segment(process: Identity) -> io::Result<Option<u64>> {
    match std::fs::read_to_string(format!("/proc/{}/status", process.pid)) {
        Ok(text) => Ok(kib(&text, "VmData:").map(|kib| kib << 10)),
        Err(e) if is_gone(&e) => Ok(None),
        Err(e) => Err(e),
    }
}
