//! Was there enough evidence to judge?
//!
//! A run can be calm because the target is healthy, or because nothing was asked of it, or because nobody
//! looked. These conditions tell them apart before any gate is read. They never say GO of a target; they can
//! only withhold one. The single one that says NO-GO is that the target ended by itself.

use evidence::end::How;
use evidence::event::{ClockChange, Proof};
use evidence::unit::Unit;

use super::outcome::Outcome;
use super::{pace, swap, unread};
use crate::analysis::{Analysis, Basis, Course, Instrument, Watched, seconds};
use crate::drift::Shape;

/// The smallest share of sampling ticks that must have been taken in time.
pub(crate) const SAMPLES: f64 = 0.95;

/// The longest time without a sample, in sampling intervals.
pub(crate) const GAP: f64 = 3.0;

/// The greatest share of the load that may lie in gaps of the sampling.
pub(crate) const GAPS: f64 = 0.05;

/// By how much the memory of the harness must have grown over a run, for sure, before its drift withholds those that it
/// measured, in bytes.
pub(crate) const HARNESS_GROWTH: f64 = 4_194_304.0;

/// From which lateness on work that was not started is put down to the harness and not to the target.
pub(crate) const LAG_S: f64 = 0.1;

/// What a condition bears on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The whole evidence: where it is not met, no gate is decided, but by a counted fact.
    Evidence,
    /// The verdict alone: gates are judged on what there is.
    Verdict,
    /// Only the gates that rest on this kind of evidence.
    Gates,
}

/// One thing that the evidence had to fulfil.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Its name.
    pub id: &'static str,
    /// GO where it is met.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// Why it matters, as one sentence; what was found again where it is met.
    pub why: String,
    /// What it bears on.
    pub scope: Scope,
    bears_on: &'static [Basis],
}

impl Condition {
    /// Whether it withholds a gate on this evidence.
    pub(super) fn withholds(&self, basis: Basis, breach: bool, counted: bool) -> bool {
        let counted_fact = breach && counted;
        self.outcome != Outcome::Go
            && match self.scope {
                Scope::Evidence => !counted_fact,
                Scope::Verdict => false,
                Scope::Gates => self.bears_on.contains(&basis),
            }
    }

    pub(super) fn met(id: &'static str, scope: Scope, found: String) -> Self {
        Self { id, outcome: Outcome::Go, why: found.clone(), found, scope, bears_on: &[] }
    }

    pub(super) fn poor(id: &'static str, scope: Scope, found: String, why: String) -> Self {
        Self { id, outcome: Outcome::Inconclusive, found, why, scope, bears_on: &[] }
    }
}

/// Every condition that applies to a run.
pub(super) fn conditions(analysis: &Analysis) -> Vec<Condition> {
    let instrument = &analysis.instrument;
    [
        Some(ending(analysis)),
        watched(&analysis.course),
        target(instrument),
        rehearsal(analysis),
        faults(analysis),
        driver(instrument),
        records(instrument),
        files(instrument),
        work(instrument),
        ledger(instrument),
        drain(instrument),
        clock(&analysis.course),
        samples(instrument),
        gaps(&analysis.course),
        harness(&analysis.course),
        swap::condition(&analysis.course),
        unread::condition(&analysis.course),
        pace::condition(&analysis.course),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn ending(analysis: &Analysis) -> Condition {
    let poor =
        |scope, found: &str, why: &str| Condition::poor("ending", scope, found.to_owned(), why.to_owned());
    match &analysis.about.how {
        Some(How::Finished) => Condition::met("ending", Scope::Verdict, "by its plan".to_owned()),
        Some(How::Interrupted) => {
            poor(Scope::Verdict, "interrupted", "the run was interrupted before its plan was over")
        }
        Some(How::EndedEarly { why, .. } | How::DiskSpent { why }) => {
            poor(Scope::Verdict, "ended early", &format!("the run ended before its plan was over: {why}"))
        }
        Some(How::TargetFailed { .. }) => {
            poor(Scope::Verdict, "the target failed", "the target failed before the plan was over")
        }
        Some(How::HarnessFailed { why }) => {
            poor(Scope::Evidence, "the harness failed", &format!("the harness could not go on: {why}"))
        }
        None => poor(Scope::Evidence, "crashed", "the run crashed: its evidence has no end"),
    }
}

/// A run goes on when another harness takes over, but the load that was due meanwhile was never given.
fn watched(course: &Course) -> Option<Condition> {
    let share = course.unattended?;
    let found = format!("no harness for {} of the planned load", Unit::Ratio.show(share));
    if share <= GAPS {
        return Some(Condition::met("attendance", Scope::Verdict, found));
    }
    let why = format!(
        "there was {found}, at most {} may be, so that it is not the run that was planned",
        Unit::Ratio.show(GAPS)
    );
    Some(Condition::poor("attendance", Scope::Verdict, found, why))
}

/// A target that was ready and ended, unasked, has failed, whatever the gates ask.
fn target(instrument: &Instrument) -> Option<Condition> {
    let status = instrument.target_exit.as_ref()?;
    let mut condition = Condition::poor(
        "target",
        Scope::Verdict,
        status.clone(),
        format!("the target failed before it was asked to stop: {status}"),
    );
    if instrument.ready {
        condition.outcome = Outcome::NoGo;
    }
    Some(condition)
}

fn rehearsal(analysis: &Analysis) -> Option<Condition> {
    let factor = analysis.about.rehearsal?;
    let found = format!("{factor:.0} times faster than planned");
    let why =
        format!("this is a rehearsal, {found}: it shows that the scenario works, not that the target does");
    Some(Condition::poor("rehearsal", Scope::Verdict, found, why))
}

fn faults(analysis: &Analysis) -> Option<Condition> {
    let planned = analysis.faults.len();
    let proven = analysis.faults.iter().filter(|f| f.proof == Proof::Proven).count();
    let found = format!("{proven} of {planned} proven");
    let Some(first) = analysis.faults.iter().find(|f| f.proof != Proof::Proven) else {
        return (planned > 0).then(|| Condition::met("faults", Scope::Evidence, found));
    };
    let what = first.why.as_deref().unwrap_or("no evidence of it");
    let why = format!("{found}: fault {} ({}) is not: {what}", first.id, first.words);
    Some(Condition::poor("faults", Scope::Evidence, found, why))
}

/// Whether what was due was started. If not, and the harness was late itself, then the load is not the one
/// that the plan asked for; else it was the target's slowness, which the response times and the gates on shed
/// work account for.
fn driver(instrument: &Instrument) -> Option<Condition> {
    let (shed, lag) = (instrument.shed?, instrument.lag_s?);
    if !instrument.has_work {
        return None;
    }
    let late = Unit::Seconds.show(lag);
    // What was due while a fault had the target down could not be started by anybody.
    let lost = shed.rounds.saturating_add(shed.operations).saturating_sub(shed.down);
    Some(if lost == 0 {
        Condition::met(
            "driver",
            Scope::Evidence,
            format!("all that was due was started, at most {late} late"),
        )
    } else if lag < LAG_S {
        let found = format!("{lost} due and not started, the target being slow; harness at most {late} late");
        Condition::met("driver", Scope::Evidence, found)
    } else {
        let found = format!("{lost} due and not started, harness up to {late} late");
        let why = format!("the harness was saturated: {found}, so the load was not the planned one");
        Condition::poor("driver", Scope::Evidence, found, why)
    })
}

fn records(instrument: &Instrument) -> Option<Condition> {
    let dropped = instrument.dropped_records?;
    let found = format!("{dropped} records dropped");
    Some(if dropped == 0 {
        Condition::met("records", Scope::Evidence, found)
    } else {
        let why = format!("{found}: what they would have said is not known");
        Condition::poor("records", Scope::Evidence, found, why)
    })
}

fn files(instrument: &Instrument) -> Option<Condition> {
    let found = instrument.damage.clone()?;
    let why = format!("the evidence is not what it was when the run ended: {found}");
    Some(Condition::poor("files", Scope::Evidence, found, why))
}

/// A target that answers nobody loses nothing, is never slow and recovers from everything.
fn work(instrument: &Instrument) -> Option<Condition> {
    let (sent, answered) = instrument.tasks.filter(|_| instrument.has_work)?;
    if answered > 0 {
        return None;
    }
    let found = if sent == 0 { "no task was sent" } else { "no task was answered" };
    let why = format!("{found}, so that nothing is known of how the target works");
    Some(Condition::poor("work", Scope::Verdict, found.to_owned(), why))
}

/// Every task that was sent must have an end that is known, or be known to be hidden: else the accounting is wrong,
/// whatever it says.
fn ledger(instrument: &Instrument) -> Option<Condition> {
    let ledger = instrument.ledger.filter(|_| instrument.has_work)?;
    let ends = [ledger.refused, ledger.in_time, ledger.late, ledger.lost, ledger.unknown, ledger.hidden];
    let ends = ends.into_iter().fold(0, u64::saturating_add);
    if ends != ledger.sent {
        let found = format!("{} tasks sent, {ends} accounted for", ledger.sent);
        let why = format!("the ledger does not close: {found}, so that its counts cannot be trusted");
        return Some(Condition::poor("ledger", Scope::Evidence, found, why));
    }
    (ledger.hidden > 0).then(|| {
        let found = format!(
            "closed, but for {} of {} tasks, of which nobody saw what became of them while the harness was dead",
            ledger.hidden, ledger.sent
        );
        Condition::met("ledger", Scope::Evidence, found)
    })
}

/// Times are worth nothing while the clocks of the host do not agree. That the harness was not run for a while is
/// no matter of clocks; where it left a gap, the gap counts.
pub(crate) fn clock(course: &Course) -> Option<Condition> {
    let first = course.clocks.iter().find(|c| c.change != ClockChange::Stalled)?;
    let by = Unit::Seconds.show(first.by_s.abs());
    let found = match first.change {
        ClockChange::Suspended => format!("the host slept for {by}"),
        _ => format!("the wall clock was set by {by}"),
    };
    let why = format!("{found} in the middle of the run, so that it is not the run that was planned");
    Some(Condition::poor("clock", Scope::Evidence, found, why))
}

/// No series is drawn over a gap, but a run of which too much was not seen says nothing of how it went.
fn gaps(course: &Course) -> Option<Condition> {
    let share = course.gap_share?;
    let found = format!("{} of the load without samples", Unit::Ratio.show(share));
    if share <= GAPS {
        return (!course.gaps.is_empty()).then(|| Condition::met("gaps", Scope::Gates, found));
    }
    let why =
        format!("{found}, at most {} may be, so that how the run went is not known", Unit::Ratio.show(GAPS));
    let poor = Condition::poor("gaps", Scope::Gates, found, why);
    Some(Condition { bears_on: &[Basis::Samples, Basis::Series], ..poor })
}

/// Drift is told from numbers that the harness keeps taking. One that grows itself may cause what it sees.
fn harness(course: &Course) -> Option<Condition> {
    let trend = course.trends.iter().find(|t| t.watched == Watched::Harness)?;
    let over_run = trend.drift.over_run;
    if trend.drift.shape == Shape::TooShort || trend.drift.shape == Shape::Settling {
        return None;
    }
    let found = format!("its memory grew by {} over the run", Unit::Bytes.show(over_run.value.max(0.0)));
    if over_run.lo <= HARNESS_GROWTH {
        return Some(Condition::met("harness", Scope::Gates, found));
    }
    let why = format!("the harness itself drifts ({found}), so that it may be the cause of what it sees");
    Some(Condition { bears_on: &[Basis::Series], ..Condition::poor("harness", Scope::Gates, found, why) })
}

fn drain(instrument: &Instrument) -> Option<Condition> {
    if !instrument.has_work || instrument.dropped_records.is_none() {
        return None;
    }
    Some(match instrument.drain {
        Some(drain) if drain.completed => {
            let took = Unit::Seconds.show(seconds(drain.took_ns));
            Condition::met("drain", Scope::Gates, format!("barrier passed in {took}"))
        }
        _ => Condition {
            bears_on: &[Basis::ClosedLedger],
            ..Condition::poor(
                "drain",
                Scope::Gates,
                "barrier not passed".to_owned(),
                "the drain barrier was not passed, so that nothing is proven lost or kept; a longer drain may settle it"
                    .to_owned(),
            )
        },
    })
}

fn samples(instrument: &Instrument) -> Option<Condition> {
    let share = instrument.samples?;
    let gap = instrument.widest_gap.unwrap_or(f64::INFINITY);
    let shown = Unit::Ratio.show(share);
    let found = if gap.is_finite() {
        format!("{shown} of ticks in time, widest gap {gap:.1} intervals")
    } else {
        format!("{shown} of ticks in time")
    };
    Some(if share >= SAMPLES && gap <= GAP {
        Condition::met("samples", Scope::Gates, found)
    } else {
        let why = format!("sampling has holes ({found}), so that a peak may have been missed");
        Condition { bears_on: &[Basis::Samples], ..Condition::poor("samples", Scope::Gates, found, why) }
    })
}
