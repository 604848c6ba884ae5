//! What the files of a run tell of how it goes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::Path;

use evidence::event::{Edge, Event, Fact, FaultStep, MemberState};
use evidence::layout;
use evidence::manifest::Manifest;
use evidence::round::{Interval, Round};
use evidence::sample::{Group, Sample};

use super::base;
use super::table::Table;
use super::tail::{From, Tail};

/// Intervals of which the delivery is told.
const RECENT: usize = 10;

/// A run, followed by its files.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) manifest: Manifest,
    events: Tail,
    rounds: Table<Round>,
    intervals: Table<Interval>,
    samples: Table<Sample>,
    pub(super) phase: String,
    /// When the load began, and when the hold phase did.
    pub(super) zero_ns: Option<u64>,
    hold_ns: Option<u64>,
    pub(super) agents: u32,
    alive: BTreeSet<u32>,
    pub(super) rounds_over: u64,
    recent: VecDeque<Interval>,
    /// The last sample of each group, and the first of the hold phase.
    pub(super) now: BTreeMap<Group, Sample>,
    pub(super) base: BTreeMap<Group, Sample>,
    pub(super) faults_done: u32,
    /// Incidents that no fault of the plan explains: how many, and the sentences of those that are open.
    pub(super) incidents: u64,
    pub(super) open: BTreeMap<u64, String>,
    pub(super) alerts: BTreeMap<String, String>,
    pub(super) gaps: u32,
    pub(super) ending: Option<String>,
    pub(super) last_ns: u64,
}

impl Course {
    /// # Errors
    /// If it has no manifest that can be read.
    pub(super) fn open(run: &Path) -> Result<Self, evidence::EvidenceError> {
        Ok(Self {
            manifest: Manifest::read(run)?,
            events: Tail::new(layout::EVENTS.within(run), From::Start),
            rounds: Table::new(layout::ROUNDS.within(run), From::End),
            intervals: Table::new(layout::INTERVALS.within(run), From::End),
            samples: Table::new(layout::SAMPLES.within(run), From::End),
            phase: String::new(),
            zero_ns: None,
            hold_ns: None,
            agents: 0,
            alive: BTreeSet::new(),
            rounds_over: 0,
            recent: VecDeque::new(),
            now: BTreeMap::new(),
            base: BTreeMap::new(),
            faults_done: 0,
            incidents: 0,
            open: BTreeMap::new(),
            alerts: BTreeMap::new(),
            gaps: 0,
            ending: None,
            last_ns: 0,
        })
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// If a file is there and cannot be read.
    pub(super) fn follow(&mut self, run: &Path) -> io::Result<()> {
        let mut events = Vec::new();
        // A line that is no event is one of a newer version; what is known of the rest stays true.
        self.events.lines(|line| events.extend(serde_json::from_str::<Event>(line)))?;
        events.into_iter().for_each(|event| self.happened(event));
        let (mut over, mut recent, mut samples) = (None, std::mem::take(&mut self.recent), Vec::new());
        self.rounds.rows(|row| over = over.max(Some(row.round + 1)))?;
        self.rounds_over = self.rounds_over.max(over.unwrap_or(0));
        self.intervals.rows(|row| {
            recent.push_back(row);
            if recent.len() > RECENT {
                recent.pop_front();
            }
        })?;
        self.recent = recent;
        self.samples.rows(|row| samples.push(row))?;
        let known = !self.base.is_empty();
        for sample in samples {
            self.last_ns = self.last_ns.max(sample.at_ns);
            if self.hold_ns.is_some_and(|hold_ns| sample.at_ns >= hold_ns) && known {
                self.base.entry(sample.group).or_insert_with(|| sample.clone());
            }
            self.now.insert(sample.group, sample);
        }
        match self.hold_ns {
            Some(hold_ns) if !known => self.find_base(run, hold_ns),
            _ => Ok(()),
        }
    }

    fn happened(&mut self, event: Event) {
        self.last_ns = self.last_ns.max(event.at_ns);
        match event.fact {
            Fact::Phase { phase, edge: Edge::Begin } => {
                if phase != "launch" {
                    self.zero_ns.get_or_insert(event.at_ns);
                }
                if phase == "hold" {
                    self.hold_ns.get_or_insert(event.at_ns);
                }
                self.phase = phase;
            }
            Fact::TargetReady { agents, .. } => self.agents = agents,
            Fact::Member { agent, state: MemberState::Left, .. } => {
                self.alive.remove(&agent);
            }
            Fact::Member { agent, state: MemberState::Ready | MemberState::Replaced, .. } => {
                self.alive.insert(agent);
            }
            Fact::Fault { step: FaultStep::Injected | FaultStep::Skipped, .. } => self.faults_done += 1,
            Fact::Incident { incident, edge, fault: None, what, .. } => {
                if edge == Edge::Begin {
                    self.incidents += 1;
                    self.open.insert(incident, what);
                } else {
                    self.open.remove(&incident);
                }
            }
            Fact::Alert { alert, edge, what, .. } => {
                if edge == Edge::Begin {
                    self.alerts.insert(alert, what);
                } else {
                    self.alerts.remove(&alert);
                }
            }
            Fact::Clock { .. } | Fact::Resumed { .. } => self.gaps += 1,
            Fact::EndingEarly { why, .. } => self.ending = Some(why),
            Fact::Interrupted { .. } => self.ending = Some("interrupted".to_owned()),
            _ => {}
        }
    }

    /// Looks for the first samples of the hold phase, until they are found or are not there any more.
    fn find_base(&mut self, run: &Path, hold_ns: u64) -> io::Result<()> {
        let every_ns = self.manifest.sampling.every_ns;
        match base::find(run, hold_ns, every_ns)? {
            Some(found) => self.base = found,
            // There is nothing to compare with; that is no reason to look again.
            None if self.last_ns > hold_ns + base::LATEST_AFTER.max(3 * every_ns) => self.hold_ns = None,
            None => {}
        }
        Ok(())
    }

    /// How many agents are alive.
    pub(super) fn alive(&self) -> usize {
        self.alive.len()
    }

    /// Tasks answered in time as a share of those sent or shed, over the last intervals.
    pub(super) fn delivery(&self) -> Option<f64> {
        let sum = |of: fn(&Interval) -> u64| self.recent.iter().map(of).sum::<u64>();
        let (sent, shed, answered) = (sum(|r| r.sent), sum(|r| r.shed), sum(|r| r.answered));
        #[expect(clippy::cast_precision_loss, reason = "a share for a person")]
        let share = (sent + shed > 0).then(|| answered as f64 / (sent + shed) as f64);
        share.map(|share| share.min(1.0))
    }

    /// How long the load is planned to be, in nanoseconds.
    pub(super) fn planned_ns(&self) -> u64 {
        let load = self.manifest.phases.iter().filter(|p| p.name != "drain");
        load.map(|p| p.length_ns).sum()
    }
}
