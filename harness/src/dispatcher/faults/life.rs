//! Where every fault of the plan is in its life.

use std::collections::BTreeMap;

use super::asked::Asked;
use super::causes::Causes;
use super::crash_loop::CrashLoop;
use super::flood::Floods;
use super::restart::Restart;
use crate::members::Members;
use crate::recovery::Watch;

/// Where a fault is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// Not due yet.
    Planned,
    /// Due, and waiting for the next round to be sent.
    AwaitsRound,
    /// Due at this time, if this round is still open then.
    Armed { at_ns: u64, round: u64 },
    /// Due, and waiting until it may begin.
    Waiting,
    /// Being applied.
    Asked,
    /// Applied, and to be undone at this time.
    Applied { until_ns: u64 },
    /// Being undone, or what became of it is still to be seen.
    Healing,
    /// Applied and undone, or not applied.
    Done,
}

impl Life {
    pub(super) fn in_effect(self) -> bool {
        matches!(self, Self::Asked | Self::Applied { .. } | Self::Healing)
    }
}

/// All faults of the plan.
#[derive(Debug)]
pub(in crate::dispatcher) struct Faults {
    pub(super) lives: Vec<Life>,
    pub(super) next: usize,
    /// Faults that are neither planned nor done.
    pub(super) active: Vec<usize>,
    pub(super) done: usize,
    /// Which of them was over last, and when.
    pub(super) over: Option<(usize, u64)>,
    /// The agents to which a fault is done that is in effect.
    pub(super) touched: BTreeMap<usize, Vec<u32>>,
    /// By when something is to be heard of a fault.
    pub(super) hear_by: BTreeMap<usize, u64>,
    pub(in crate::dispatcher) causes: Causes,
    pub(in crate::dispatcher) asked: BTreeMap<usize, Asked>,
    pub(in crate::dispatcher) floods: Floods,
    pub(super) crash_loops: BTreeMap<usize, CrashLoop>,
    pub(in crate::dispatcher) restart: Option<Restart>,
    pub(super) watches: Vec<Watch>,
    /// What the faults cost whose watch is over.
    pub(super) costs: Vec<(usize, crate::recovery::Cost)>,
}

impl Faults {
    pub(in crate::dispatcher) fn new(count: usize) -> Self {
        Self {
            lives: vec![Life::Planned; count],
            next: 0,
            active: Vec::new(),
            done: 0,
            over: None,
            touched: BTreeMap::new(),
            hear_by: BTreeMap::new(),
            causes: Causes::default(),
            asked: BTreeMap::new(),
            floods: Floods::default(),
            crash_loops: BTreeMap::new(),
            restart: None,
            watches: Vec::new(),
            costs: Vec::new(),
        }
    }

    /// How many are over, or applied with nothing to undo.
    pub(in crate::dispatcher) fn done(&self) -> usize {
        self.done
    }

    pub(in crate::dispatcher) fn members_changed(&mut self, members: &Members) {
        self.watches.iter_mut().for_each(|watch| watch.members_changed(members));
    }

    /// When the last of them was over, or applied with nothing to undo.
    pub(in crate::dispatcher) fn last_over_ns(&self) -> Option<u64> {
        self.over.map(|(_, at_ns)| at_ns)
    }

    /// Which of them was over last, and when.
    pub(in crate::dispatcher) fn last_over(&self) -> Option<(usize, u64)> {
        self.over
    }

    /// Those that are being applied, in effect or being undone, in the order in which they began.
    pub(in crate::dispatcher) fn in_effect(&self) -> impl Iterator<Item = usize> {
        self.active.iter().copied().filter(|&fault| self.lives[fault].in_effect())
    }

    /// The agents to which a fault is done that is in effect.
    pub(in crate::dispatcher) fn victims_of(&self, fault: usize) -> &[u32] {
        self.touched.get(&fault).map_or(&[], Vec::as_slice)
    }

    /// Whether the recovery from this fault is still watched.
    pub(in crate::dispatcher) fn is_watched(&self, fault: usize) -> bool {
        self.watches.iter().any(|watch| watch.fault == fault)
    }

    /// Whether something is being applied, is in effect or is being undone.
    pub(in crate::dispatcher) fn any_in_effect(&self) -> bool {
        self.in_effect().next().is_some()
    }

    pub(in crate::dispatcher) fn next_armed_ns(&self) -> Option<u64> {
        self.armed().map(|(at_ns, _, _)| at_ns).min()
    }

    pub(super) fn armed(&self) -> impl Iterator<Item = (u64, usize, u64)> {
        self.active.iter().filter_map(|&fault| match self.lives[fault] {
            Life::Armed { at_ns, round } => Some((at_ns, fault, round)),
            _ => None,
        })
    }

    /// The first fault of which something is to be heard, and by when.
    pub(in crate::dispatcher) fn next_unheard(&self) -> Option<(u64, usize)> {
        self.hear_by.iter().map(|(fault, at_ns)| (*at_ns, *fault)).min()
    }

    pub(super) fn hear_of(&mut self, fault: usize, by_ns: u64) {
        self.hear_by.insert(fault, by_ns);
    }

    pub(super) fn heard_of(&mut self, fault: usize) {
        self.hear_by.remove(&fault);
    }

    pub(super) fn live(&mut self, fault: usize, life: Life) {
        if self.lives[fault] == Life::Planned {
            self.active.push(fault);
        }
        self.lives[fault] = life;
        if life == Life::Done {
            self.active.retain(|f| *f != fault);
            self.touched.remove(&fault);
            self.hear_by.remove(&fault);
            self.asked.remove(&fault);
            self.crash_loops.remove(&fault);
            self.done += 1;
        }
    }
}
