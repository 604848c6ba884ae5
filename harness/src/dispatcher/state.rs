//! All that a run knows of itself.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use evidence::end::{Drain, How, Shed};
use protocol::Capability;
use scenarios::plan::Plan;

use super::alerts::Alerts;
use super::command::Trouble;
use super::faults::Faults;
use super::hung::Heard;
use super::incidents::Incidents;
use super::intervals::Tally;
use super::quiesce::Quiescing;
use super::resume::Resumption;
use super::sampling::Sampling;
use super::timeline::Timeline;
use crate::clocks::Clocks;
use crate::latency::Latency;
use crate::ledger::{Kind, Ledger, Terms};
use crate::members::Members;
use crate::progress::Progress;
use crate::workload::{OpenRounds, Schedule};

/// Where the run is. Times are nanoseconds since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The target's process is not there yet.
    Starting,
    /// Its `hello` is awaited.
    Greeting,
    /// Its `ready` is awaited.
    Launching,
    /// Its `attached` is awaited.
    Attaching,
    /// The start times of its processes are awaited.
    Identifying,
    /// The timeline of the plan.
    Running,
    /// No more load; faults are still to be undone.
    Healing,
    /// The drain barrier is awaited.
    Draining { since_ns: u64 },
    /// The last gauges are awaited.
    Snapshot,
    /// The last reading of the processes is awaited.
    LastSample,
    /// The target was asked to stop.
    Stopping { since_ns: u64 },
    /// Whatever is left is being ended.
    Ending,
    /// Nothing is left to do.
    Over,
}

/// What can be due. Of what is due at the same moment, the first of these comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A phase ends and the next begins.
    PhaseEdge,
    /// A fault is to be undone.
    Heal(usize),
    /// The next fault of the plan.
    Fault,
    /// A fault that waited for its round.
    Armed,
    /// A fault that waited until it may begin.
    Waited(usize),
    /// Nothing was heard of a fault in time.
    Unheard(usize),
    /// The next tasks of a flood.
    Flood(usize),
    /// The time-out of a round, or the end of waiting for what the target tells of it.
    Rounds,
    /// A point at which the target is to come to rest, or its next step.
    Quiesce,
    /// An interval of the workload ends and the next begins.
    Interval,
    /// The next round.
    Round,
    /// The next single task.
    Arrival,
    /// The next reading of the processes.
    Tick,
    /// Something that was waited for did not come.
    Deadline,
}

/// The state of a run.
#[derive(Debug)]
pub struct State {
    pub(super) plan: Plan,
    pub(super) run_id: String,
    /// `CLOCK_MONOTONIC` at the start of the run, in which the target tells its times.
    pub(super) zero_monotonic_ns: u64,
    pub(super) now_ns: u64,
    pub(super) stage: Stage,
    pub(super) deadline_ns: Option<u64>,
    pub(super) target_pid: u32,
    pub(super) tells: Vec<Capability>,
    pub(super) launched_ns: u64,
    pub(super) output_closed: bool,
    pub(super) members: Members,
    pub(super) starttimes: BTreeMap<u32, u64>,
    /// Processes that the last reading did not find, and since when.
    pub(super) missing: BTreeMap<u32, u64>,
    /// Workers at launch: the size of every round.
    pub(super) workers: u32,
    pub(super) timeline: Timeline,
    pub(super) ledger: Ledger,
    pub(super) latency: Latency,
    pub(super) rounds: OpenRounds,
    pub(super) next_round: u64,
    pub(super) rounds_done: u64,
    pub(super) arrivals: Option<Schedule>,
    pub(super) tally: Tally,
    pub(super) sampling: Sampling,
    /// How long an interval of the workload is.
    pub(super) interval_ns: u64,
    pub(super) quiescing: Quiescing,
    /// The clocks of the host at the last tick.
    pub(super) clocks: Option<Clocks>,
    pub(super) faults: Faults,
    pub(super) heard: Heard,
    pub(super) shed: Shed,
    pub(super) lag_ns: u64,
    pub(super) interrupts: u32,
    pub(super) drain: Option<Drain>,
    pub(super) gauges: BTreeMap<String, f64>,
    /// In this second of the run, this many reports of the target's own accord came.
    pub(super) told_in: (u64, u32),
    /// When each gauge was last written down.
    pub(super) gauges_written: HashMap<String, u64>,
    pub(super) incidents: Incidents,
    pub(super) alerts: Alerts,
    pub(super) stop_ns: Option<u64>,
    /// Whether the target ended, or had the time that it was promised for ending.
    pub(super) could_end: bool,
    pub(super) how: Option<How>,
    pub(super) trouble: Option<Trouble>,
    /// Which segment of the run this is, from 1: each death of a harness ends one.
    pub(super) segment: u32,
    /// What is known of the segment before, until the target can take work again.
    pub(super) resuming: Option<Box<Resumption>>,
}

impl Stage {
    /// Whether the target is being ended, or has been.
    pub(super) fn is_last(self) -> bool {
        matches!(self, Self::Ending | Self::Over)
    }
}

impl State {
    /// A run that has not begun. `run_id` is told to the target; `zero_monotonic_ns` is `CLOCK_MONOTONIC` at
    /// its start.
    #[must_use]
    pub fn new(plan: Plan, run_id: String, zero_monotonic_ns: u64) -> Self {
        let terms = |payload, timeout_ns| Terms { payload, timeout_ns };
        let rounds = plan.workload.rounds.as_ref().map_or(terms(0, 0), |r| terms(r.payload, r.timeout_ns));
        let singles = plan.workload.arrivals.as_ref().map_or(terms(0, 0), |a| terms(a.payload, a.timeout_ns));
        let arrivals = plan.workload.arrivals.as_ref().map(|a| Schedule::new(a.segments.clone(), plan.seed));
        Self {
            run_id,
            zero_monotonic_ns,
            now_ns: 0,
            stage: Stage::Starting,
            deadline_ns: None,
            target_pid: 0,
            tells: Vec::new(),
            launched_ns: 0,
            output_closed: false,
            members: Members::default(),
            starttimes: BTreeMap::new(),
            missing: BTreeMap::new(),
            workers: 0,
            timeline: Timeline::new(&plan),
            ledger: Ledger::new(rounds, singles),
            latency: Latency::default(),
            rounds: OpenRounds::default(),
            next_round: 0,
            rounds_done: 0,
            arrivals,
            tally: Tally::default(),
            sampling: Sampling::new(&plan.sample),
            interval_ns: scenarios::retention::of(&plan).interval_ns,
            quiescing: Quiescing::new(&plan),
            clocks: None,
            faults: Faults::new(plan.faults.len()),
            heard: Heard::default(),
            shed: Shed::default(),
            lag_ns: 0,
            interrupts: 0,
            drain: None,
            gauges: BTreeMap::new(),
            told_in: (0, 0),
            gauges_written: HashMap::new(),
            incidents: Incidents::default(),
            alerts: Alerts::new(&plan.soak.alerts),
            stop_ns: None,
            could_end: false,
            how: None,
            trouble: None,
            segment: 1,
            resuming: None,
            plan,
        }
    }

    /// The plan that is carried out.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// When something is next due, in nanoseconds since the start of the run.
    #[must_use]
    pub fn next_due_ns(&self) -> Option<u64> {
        self.earliest().map(|(at_ns, _)| at_ns)
    }

    /// Whether the run is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    pub(super) fn earliest(&self) -> Option<(u64, Due)> {
        let arrival = self.next_arrival_ns().filter(|_| self.stage == Stage::Running);
        let arrival = arrival.map(|at_ns| (at_ns, Due::Arrival));
        self.earliest_but_arrivals().into_iter().chain(arrival).min()
    }

    /// The same without single tasks.
    pub(super) fn earliest_but_arrivals(&self) -> Option<(u64, Due)> {
        let running = self.stage == Stage::Running;
        let while_running = |at: Option<u64>, due| at.filter(|_| running).map(|at| (at, due));
        [
            while_running(self.timeline.next_edge_ns(), Due::PhaseEdge),
            self.next_heal().map(|(at, fault)| (at, Due::Heal(fault))),
            while_running(self.next_fault_ns(), Due::Fault),
            while_running(self.faults.next_armed_ns(), Due::Armed),
            self.next_waited().filter(|_| running).map(|(at, fault)| (at, Due::Waited(fault))),
            self.faults.next_unheard().map(|(at, fault)| (at, Due::Unheard(fault))),
            self.faults.floods.next_due().map(|(at, fault)| (at, Due::Flood(fault))),
            self.rounds.next_ns().filter(|_| self.stage != Stage::Over).map(|at| (at, Due::Rounds)),
            while_running(self.next_quiesce_ns(), Due::Quiesce),
            self.next_interval_ns().map(|at| (at, Due::Interval)),
            while_running(self.next_round_ns(), Due::Round),
            self.next_tick_ns().map(|at| (at, Due::Tick)),
            self.deadline_ns.map(|at| (at, Due::Deadline)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Something that was due at `at_ns` is done now.
    pub(super) fn note_lag(&mut self, at_ns: u64) {
        self.lag_ns = self.lag_ns.max(self.now_ns.saturating_sub(at_ns));
    }

    /// For a person.
    #[must_use]
    pub fn progress(&self, now_ns: u64) -> Progress {
        let counts = self.ledger.counts().work;
        let waited_for = self.ledger.in_flight(Kind::Round) + self.ledger.in_flight(Kind::Single);
        let settled = counts.sent.saturating_sub(waited_for);
        #[expect(clippy::cast_precision_loss, reason = "a share for a person")]
        let delivery = (settled > 0).then(|| counts.in_time as f64 / settled as f64);
        let load_end = self.timeline.load_ends_ns().filter(|_| self.stage == Stage::Running);
        let planned = self.plan.target.agents.map_or(0, scenarios::plan::Agents::all);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Progress {
            phase: self.timeline.phase().to_owned(),
            elapsed: Duration::from_nanos(now_ns),
            remaining: load_end.map(|end| Duration::from_nanos(end.saturating_sub(now_ns))),
            agents_alive: self.members.alive(),
            agents_expected: if self.workers > 0 { self.members.count() } else { planned },
            rounds_done: self.rounds_done,
            delivery,
            faults_done: count(self.faults.done()),
            faults_planned: count(self.plan.faults.len()),
            incidents: self.incidents.count(),
            alerts: count(self.alerts.crossed()),
            news: self.alerts.news(),
        }
    }
}
