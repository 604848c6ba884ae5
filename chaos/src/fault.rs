//! Applying a fault and reading back that it was applied.
//!
//! The frame is the same for all: take hold of the victims ([`prepare`]), note in the journal what undoes it,
//! apply it, read back; a [`Guard`] observes and heals it. What a kind of fault does is an [`act::Act`], in a
//! module of its family.

pub(crate) mod act;
mod beat;
mod files;
mod group;
mod hog;
mod kill;
mod limits;
mod network;
mod pause;
mod pin;
mod probe;
mod ruled;
mod seen;
mod setting;
mod signal;
mod slow;
mod storm;

use std::time::Duration;

use evidence::event::{FaultStep, Level, Proof, Reading, Subject, Victim as Evidence};
use evidence::role::Role;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use scenarios::plan;

use crate::clock::{Clock, monotonic_ns};
use crate::guard::Guard;
use crate::journal::Record;
use crate::pidfd::PidFd;
use crate::process::Identity;
use crate::site::Step;
use crate::{ChaosError, Site};
use act::Act;
pub(crate) use network::can_destroy;
pub(crate) use seen::Outcome;
pub(crate) use setting::Setting;

/// How long after its planned end a fault is undone by the guardian, should the harness not have done it.
const OVERDUE_AFTER: Duration = Duration::from_secs(2);
/// Descriptors that are left for everything else when victims are held.
const SPARE_DESCRIPTORS: u64 = 256;

/// An agent that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Victim {
    /// Its number.
    pub agent: u32,
    /// Its role.
    pub role: Role,
    /// Its process; 0 where it has none of its own.
    pub pid: u32,
    /// The start time of that process, as [`Identity`] has it, recorded when the agent was ready.
    pub starttime: u64,
}

impl Victim {
    pub(crate) fn process(&self) -> Identity {
        Identity { pid: self.pid, starttime: self.starttime }
    }

    pub(crate) fn evidence(&self, proof: Proof, readings: Vec<Reading>) -> Evidence {
        Evidence {
            subject: Subject::Agent { agent: self.agent, role: self.role },
            pid: self.pid,
            proof,
            readings,
        }
    }
}

/// A victim that was there, held so that no other process can be meant.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) victim: Victim,
    pub(crate) pidfd: PidFd,
}

impl Held {
    pub(crate) fn process(&self) -> Identity {
        self.victim.process()
    }
}

/// A fault whose victims are checked and held, ready to be applied at once.
#[derive(Debug)]
#[must_use = "nothing has been applied yet"]
pub struct Prepared {
    setting: Setting,
    skipped: Vec<(Victim, Reading)>,
    order: Vec<u32>,
    /// `None` if nobody is there to act on.
    act: Option<Box<dyn Act>>,
}

/// A fault that was applied.
#[derive(Debug)]
#[must_use = "dropping it heals the fault"]
pub struct Injected {
    /// Whether it counts as applied: `Skipped` if no victim was there, `Failed` if none could be reached.
    pub step: FaultStep,
    /// Why, unless it was applied to all.
    pub why: Option<String>,
    /// When the kernel was given the first of what it then acknowledged, in nanoseconds since the start of the
    /// run. The time of the attempt where nothing was acknowledged.
    pub at_ns: u64,
    /// From the first acknowledgement to the last.
    pub spread_ns: u64,
    /// What was read back of each victim, in the order in which they were given.
    pub victims: Vec<Evidence>,
    /// Heals it; `None` where there is nothing to heal: what acts once, and what was never applied.
    pub guard: Option<Guard>,
}

/// Checks the victims of a fault and takes hold of them, so that [`Prepared::apply`] acts at once. Nothing is
/// applied. A fault without victims in the plan is done to a part of the run, whatever `victims` holds.
///
/// # Errors
/// If the guardian is gone, this host cannot do it, or a victim is no process of this run: then none of them
/// is touched. A victim that is dead already is no error; it will be reported as skipped.
pub fn prepare(site: &Site, fault: &plan::Fault, victims: &[Victim]) -> Result<Prepared, ChaosError> {
    let read = |e| ChaosError::io("read", "/proc", e);
    let guardian = site.scope.guardian();
    if !guardian.is_alive().map_err(read)? {
        return Err(ChaosError::GuardianGone { pid: guardian.pid });
    }
    let mut setting =
        Setting { site: site.clone(), fault: fault.clone(), held: Vec::new(), parts: Vec::new() };
    let mut skipped = Vec::new();
    if fault.victims.is_none() {
        setting.parts = act::parts(&fault.kind);
    } else {
        room_for_descriptors(victims.len())?;
        for &victim in victims {
            match take_hold(site, fault, victim)? {
                Some(held) => setting.held.push(held),
                None => skipped.push((victim, absent(&victim, site.clock).map_err(read)?)),
            }
        }
    }
    let nobody = setting.held.is_empty() && setting.parts.is_empty();
    let act = if nobody { None } else { Some(act::prepare(&setting)?) };
    let order = victims.iter().map(|v| v.agent).collect();
    Ok(Prepared { setting, skipped, order, act })
}

/// [`prepare`] and [`Prepared::apply`] in one.
///
/// # Errors
/// As those two.
pub fn inject(site: &Site, fault: &plan::Fault, victims: &[Victim]) -> Result<Injected, ChaosError> {
    prepare(site, fault, victims)?.apply()
}

impl Prepared {
    /// Applies the fault to all victims at the same instant and reads back what became of it. Blocks until
    /// the kernel has acknowledged it, at most some seconds. A fault without a length, and one that could not
    /// be applied to anybody, is undone at once.
    ///
    /// # Errors
    /// If the journal cannot be written (then nothing was applied) or the kernel cannot be asked.
    pub fn apply(self) -> Result<Injected, ChaosError> {
        let Self { setting, skipped, order, act } = self;
        let attempted_ns = setting.now();
        let Some(act) = act else {
            let victims = with_skipped(Vec::new(), &skipped, &order);
            let (step, why) = seen::judge(&victims, false);
            return Ok(Injected { step, why, at_ns: attempted_ns, spread_ns: 0, victims, guard: None });
        };
        let expires_ns = write_ahead(&setting, act.as_ref())?;
        setting.reached(Step::Prepared);
        // From here on an error heals by dropping the guard.
        let mut guard = Guard::new(setting, act);
        let outcomes = guard.apply()?;
        let acknowledged: Vec<u64> = outcomes.iter().filter_map(Outcome::acknowledged_ns).collect();
        let of_those = outcomes.iter().filter(|o| o.acknowledged_ns().is_some());
        let sent_ns = of_those.filter_map(|o| o.sent_ns).min();
        let (first, last) = (acknowledged.iter().min(), acknowledged.iter().max());
        let requires = guard.setting().fault.requires;
        let mut victims = guard.setting().evidence(outcomes, |_, o| o.proof(requires));
        let mut undone = None;
        // The guardian has undone it by then, or is about to: what was applied after that would stay.
        let too_late = guard.lasts() && monotonic_ns() >= expires_ns;
        let guard = if too_late || guard.must_heal_at_once(first.is_none()) {
            let healed = guard.heal();
            if !healed.observed.is_empty() {
                victims = healed.observed;
            }
            undone = if too_late {
                Some("applying it took longer than it was to last".to_owned())
            } else {
                healed.why
            };
            None
        } else {
            guard.if_it_lasts()
        };
        let victims = with_skipped(victims, &skipped, &order);
        let (step, why) = seen::judge(&victims, first.is_some());
        Ok(Injected {
            step: if undone.is_some() { FaultStep::Failed } else { step },
            why: undone.or(why),
            at_ns: sent_ns.unwrap_or(attempted_ns),
            spread_ns: last.zip(first).map_or(0, |(last, first)| last - first),
            victims,
            guard,
        })
    }
}

/// Notes what undoes the fault, and when the guardian does at the latest; that is the result. Where nothing has to be undone, no power failure can be waited for between
/// the due time and the act.
fn write_ahead(setting: &Setting, act: &dyn Act) -> Result<u64, ChaosError> {
    let (undo, fault) = (act.undo(), &setting.fault);
    let grace = u64::try_from((OVERDUE_AFTER + act.takes()).as_nanos()).unwrap_or(u64::MAX);
    let synced = !undo.is_empty();
    let expires_ns = monotonic_ns().saturating_add(fault.for_ns).saturating_add(grace);
    let record =
        Record::Prepare { fault: fault.id.clone(), kind: fault.kind.name().to_owned(), undo, expires_ns };
    let journal = &setting.site.journal;
    if synced {
        journal.append_synced(&record)?
    } else {
        journal.append(&record)?
    }
    Ok(expires_ns)
}

/// Takes hold of a victim; `None` if it is dead.
fn take_hold(site: &Site, fault: &plan::Fault, victim: Victim) -> Result<Option<Held>, ChaosError> {
    let read = |e| ChaosError::io("read", "/proc", e);
    let Victim { agent, pid, .. } = victim;
    if pid == 0 {
        return Err(ChaosError::NoProcess { agent, kind: fault.kind.name() });
    }
    let open = |e| ChaosError::io("open", format_args!("process {pid} of agent {agent}"), e);
    match PidFd::of(victim.process()).map_err(open)? {
        None => Ok(None),
        Some(pidfd) if site.scope.holds(pid).map_err(read)? => Ok(Some(Held { victim, pidfd })),
        // It may have died between the two looks; then it is not somebody else's process.
        Some(_) if !victim.process().is_alive().map_err(read)? => Ok(None),
        Some(_) => Err(ChaosError::OutOfScope { agent, pid, guardian: site.scope.guardian().pid }),
    }
}

/// Raises this process's own soft limit so that each victim can be held by a descriptor.
fn room_for_descriptors(victims: usize) -> Result<(), ChaosError> {
    let failed =
        |e: nix::Error| ChaosError::io("raise", "the limit of descriptors of this process", e.into());
    let open = std::fs::read_dir("/proc/self/fd").map(Iterator::count).unwrap_or(0);
    let needed = (victims + open) as u64 + SPARE_DESCRIPTORS;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    if needed <= soft {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, needed.saturating_mul(2).min(hard), hard).map_err(failed)
}

/// The evidence on all victims, in the order in which they were given.
fn with_skipped(mut victims: Vec<Evidence>, skipped: &[(Victim, Reading)], order: &[u32]) -> Vec<Evidence> {
    victims.extend(skipped.iter().map(|(v, reading)| v.evidence(Proof::Skipped, vec![reading.clone()])));
    if victims.iter().all(|v| v.subject.agent().is_some()) {
        victims.sort_by_key(|v| order.iter().position(|agent| Some(*agent) == v.subject.agent()));
    }
    victims
}

/// What there is in the place of a victim that is dead.
fn absent(victim: &Victim, clock: Clock) -> std::io::Result<Reading> {
    let found = match crate::process::Stat::read(victim.pid)? {
        None => "gone".to_owned(),
        Some(stat) if stat.starttime == victim.starttime => "dead, not yet reaped".to_owned(),
        Some(stat) => format!("another process, started at {}", stat.starttime),
    };
    Ok(Reading {
        at_ns: clock.now(),
        level: Level::E1,
        source: "/proc/PID/stat".to_owned(),
        expected: format!("the process started at {}", victim.starttime),
        found,
    })
}
