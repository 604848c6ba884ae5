//! Floods: tasks beyond the workload, all at once or spread over the fault's length, and what became of them.

use std::collections::BTreeMap;

use evidence::event::{FaultStep, Level, Subject, Victim};
use protocol::{Capability, Command, Tasks, Work};
use scenarios::plan::{FaultKind, Means};

use super::Life;
use super::readings::{Read, Subjects, victim};
use crate::dispatcher::command::Commands;
use crate::dispatcher::event::Applied;
use crate::dispatcher::state::State;
use crate::ledger::Kind;
use crate::workload::to_millis;

/// How often the tasks of a flood that is spread are sent, in nanoseconds.
const SPREAD_NS: u64 = 10_000_000;
/// How long after its last task the target may take to accept or refuse all of them, in nanoseconds.
const SETTLED_WITHIN_NS: u64 = 10_000_000_000;

/// All floods of a plan.
#[derive(Debug, Default)]
pub(in crate::dispatcher) struct Floods {
    /// Those that are not over, by fault.
    open: BTreeMap<usize, Flood>,
    /// One counter for each victim of each flood: the tag of its tasks is its place.
    counts: Vec<Counts>,
}

/// One flood.
#[derive(Debug)]
struct Flood {
    began_ns: u64,
    for_ns: u64,
    messages: u32,
    payload: u32,
    /// How many each victim was to have been sent by now.
    sent: u32,
    pretend: bool,
    subjects: Subjects,
    /// The place of the first victim's counter.
    first: usize,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    accepted: u64,
    refused: u64,
    answered: u64,
}

impl Floods {
    pub(in crate::dispatcher) fn accepted(&mut self, tag: u64, count: u64) {
        self.with(tag, |counts| counts.accepted += count);
    }

    pub(in crate::dispatcher) fn refused(&mut self, tag: u64) {
        self.with(tag, |counts| counts.refused += 1);
    }

    pub(in crate::dispatcher) fn answered(&mut self, tag: u64, correctly: bool) {
        self.with(tag, |counts| counts.answered += u64::from(correctly));
    }

    fn with(&mut self, tag: u64, change: impl FnOnce(&mut Counts)) {
        if let Some(counts) = usize::try_from(tag).ok().and_then(|place| self.counts.get_mut(place)) {
            change(counts);
        }
    }

    /// When more of a flood is to be sent.
    pub(in crate::dispatcher) fn next_due(&self) -> Option<(u64, usize)> {
        let due = |(fault, flood): (&usize, &Flood)| Some((flood.next_ns()?, *fault));
        self.open.iter().filter_map(due).min()
    }
}

impl Flood {
    /// When the next task of each victim is due, on the grid of sending; `None` when all are sent.
    fn next_ns(&self) -> Option<u64> {
        if self.sent >= self.messages || self.for_ns == 0 {
            return None;
        }
        let offset = (u128::from(self.sent) * u128::from(self.for_ns)).div_ceil(u128::from(self.messages));
        let offset = u64::try_from(offset).unwrap_or(self.for_ns).next_multiple_of(SPREAD_NS);
        Some(self.began_ns + offset.min(self.for_ns))
    }

    /// How many more are due to each victim.
    fn due(&self, now_ns: u64) -> u32 {
        let elapsed = now_ns.saturating_sub(self.began_ns);
        if elapsed >= self.for_ns {
            return self.messages - self.sent;
        }
        // The task at the very beginning of its share of the time is due.
        let due = u128::from(elapsed) * u128::from(self.messages) / u128::from(self.for_ns) + 1;
        u32::try_from(due).unwrap_or(self.messages).min(self.messages) - self.sent
    }

    fn read(&self, counts: Counts, at_ns: u64) -> Read {
        let Counts { accepted, refused, answered } = counts;
        let settled = accepted + refused >= u64::from(self.messages);
        let expected = format!("{} accepted or refused", self.messages);
        let found = format!("{accepted} accepted, {refused} refused, {answered} answered by then");
        Read::new(at_ns, Level::E2, "reports `accepted`", expected, found, settled)
    }
}

impl State {
    /// Begins a flood.
    pub(super) fn begin_flood(&mut self, fault: usize, out: &mut Commands) {
        let planned = self.plan.faults[fault].clone();
        let FaultKind::Flood { messages, payload } = planned.kind else { return };
        if planned.victims.is_some() && !self.tells.contains(&Capability::To) {
            let why = "the target cannot do it: its `hello` does not tell `to`";
            return self.not_applied(fault, FaultStep::Failed, why, out);
        }
        let Some(subjects) = self.subjects(fault, "target") else {
            return self.not_applied(fault, FaultStep::Skipped, "every victim was dead already", out);
        };
        let first = self.faults.floods.counts.len();
        self.faults.floods.counts.resize(first + subjects.there.len(), Counts::default());
        let (began_ns, for_ns, pretend) = (self.now_ns, planned.for_ns, planned.pretend);
        let flood = Flood { began_ns, for_ns, messages, payload, sent: 0, pretend, subjects, first };
        self.faults.floods.open.insert(fault, flood);
        self.flood_due(fault, out);
        let victims = self.flood_victims(fault, |flood, _| {
            let found = if flood.pretend { "0 sent" } else { "sent" };
            let sent = !flood.pretend;
            Read::new(began_ns, Level::E0, "command `send`", "sent".to_owned(), found.to_owned(), sent)
        });
        self.injected(fault, Applied { step: FaultStep::Injected, at_ns: began_ns, victims, why: None }, out);
        if for_ns == 0 {
            // Nothing has to be undone, but what becomes of it is still to be seen.
            self.faults.hear_of(fault, self.now_ns + SETTLED_WITHIN_NS);
        }
    }

    /// Sends what is due of a flood.
    pub(in crate::dispatcher) fn flood_due(&mut self, fault: usize, out: &mut Commands) {
        let timeout_ns = self.ledger.lane(Kind::Flood).terms().timeout_ns;
        let (now_ns, down) = (self.now_ns, self.is_down());
        let Some(flood) = self.faults.floods.open.get_mut(&fault) else { return };
        let count = flood.due(now_ns);
        flood.sent += count;
        if flood.pretend || count == 0 || down {
            return;
        }
        for (place, (subject, _)) in flood.subjects.there.iter().enumerate() {
            let first = self.ledger.issue_flood((flood.first + place) as u64, count, flood.payload, now_ns);
            let tasks = Tasks {
                first,
                count,
                payload: flood.payload,
                timeout_ms: to_millis(timeout_ns),
                work: Work::Echo {},
            };
            out.tell(Command::Send { tasks, to: subject.agent() });
        }
    }

    /// The time of a flood is over: nothing more of it is sent.
    pub(super) fn end_flood(&mut self, fault: usize, out: &mut Commands) {
        self.flood_due(fault, out);
        if let Some(flood) = self.faults.floods.open.get_mut(&fault) {
            flood.sent = flood.messages;
        }
        self.faults.hear_of(fault, self.now_ns + SETTLED_WITHIN_NS);
        self.end_settled_floods(out);
    }

    /// No more load: floods that go on end now.
    pub(in crate::dispatcher) fn stop_floods(&mut self, out: &mut Commands) {
        for fault in self.faults.active.clone() {
            let is_flood = self.plan.faults[fault].kind.means() == Means::Load;
            if is_flood && matches!(self.faults.lives[fault], Life::Applied { .. }) {
                self.order_heal(fault, out);
            }
        }
    }

    /// Floods of which nothing more is sent and all was accepted or refused are over.
    pub(in crate::dispatcher) fn end_settled_floods(&mut self, out: &mut Commands) {
        let floods = &self.faults.floods;
        let settled = |flood: &Flood| {
            floods.counts[flood.first..]
                .iter()
                .take(flood.subjects.there.len())
                .all(|c| flood.read(*c, 0).fits)
        };
        let over: Vec<usize> = floods
            .open
            .iter()
            .filter(|(fault, flood)| self.faults.lives[**fault] == Life::Healing && settled(flood))
            .map(|(fault, _)| *fault)
            .collect();
        over.into_iter().for_each(|fault| self.conclude_flood(fault, out));
    }

    /// What became of a flood, as far as it is known now.
    pub(super) fn conclude_flood(&mut self, fault: usize, out: &mut Commands) {
        let at_ns = self.now_ns;
        let observed = self.flood_victims(fault, |flood, counts| flood.read(counts, at_ns));
        self.faults.heard_of(fault);
        self.faults.floods.open.remove(&fault);
        if self.plan.faults[fault].for_ns == 0 {
            self.observed(fault, observed, at_ns, out);
            self.faults.live(fault, Life::Done);
            return self.go_on_when_healed(out);
        }
        let healed = Applied { step: FaultStep::Healed, at_ns, victims: Vec::new(), why: None };
        self.healed(fault, observed, healed, out);
    }

    fn flood_victims(&self, fault: usize, read: impl Fn(&Flood, Counts) -> Read) -> Vec<Victim> {
        let Some(flood) = self.faults.floods.open.get(&fault) else { return Vec::new() };
        let requires = self.plan.faults[fault].requires;
        let counts = &self.faults.floods.counts[flood.first..];
        let of = |((subject, pid), counts): (&(Subject, u32), &Counts)| {
            victim(subject.clone(), *pid, requires, &[read(flood, *counts)])
        };
        flood.subjects.there.iter().zip(counts).map(of).chain(flood.subjects.absent.iter().cloned()).collect()
    }
}
