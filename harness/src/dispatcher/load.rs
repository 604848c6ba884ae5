//! The work: what is due is sent, what comes back is entered.

use evidence::latency::Series;
use protocol::{Answer, Report, Tasks};
use scenarios::plan;

use super::command::Commands;
use super::state::State;
use crate::ledger::{Closing, Kind, Outcome};
use crate::recorder::Record;
use crate::recovery::{End, Seen};
use crate::workload::{For, RoundState, Schedule, drawn, participants, shed, to_millis, to_protocol};

/// Single tasks that become due in one step, at most, but for those of the last moment: a millisecond of work or so.
const TASKS_A_STEP: u64 = 10_000;

/// Single tasks with consecutive tokens and the same work.
struct Send<'w> {
    first: u64,
    count: u32,
    work: &'w plan::Work,
}

/// Adds so many tasks from a token on; `number` is that of the first of them in the plan. Where the work is a mixture,
/// each draws for itself.
fn add<'w>(
    sends: &mut Vec<Send<'w>>,
    work: &'w plan::Work,
    seed: u64,
    number: u64,
    (first, count): (u64, u32),
) {
    let mut add = |first, count, work| match sends.last_mut() {
        Some(last) if last.work == work => last.count += count,
        _ => sends.push(Send { first, count, work }),
    };
    if !matches!(work, plan::Work::Mix { .. }) {
        return add(first, count, work);
    }
    for n in 0..u64::from(count) {
        add(first + n, 1, drawn(work, seed, For::Single(number + n)));
    }
}

impl State {
    /// When the next round is due. None is due at the very end of the load.
    pub(super) fn next_round_ns(&self) -> Option<u64> {
        let rounds = self.plan.workload.rounds.as_ref()?;
        let at_ns = self.timeline.zero_ns()? + self.next_round * rounds.every_ns;
        (at_ns < self.timeline.load_ends_ns()?).then_some(at_ns)
    }

    pub(super) fn next_arrival_ns(&self) -> Option<u64> {
        let at_ns = self.timeline.zero_ns()? + self.arrivals.as_ref()?.next_ns()?;
        (at_ns < self.timeline.load_ends_ns()?).then_some(at_ns)
    }

    /// A round is due: it is sent, or shed if too many are open.
    pub(super) fn round_due(&mut self, due_ns: u64, out: &mut Commands) {
        let Some(rounds) = self.plan.workload.rounds.clone() else { return };
        let number = self.next_round;
        self.next_round += 1;
        if self.is_quiescing() {
            return self.withhold(1);
        }
        self.note_lag(due_ns);
        self.work_due(due_ns);
        self.look_for_outage(out);
        let phase = self.timeline.phase().to_owned();
        if self.is_down() || self.rounds.open() >= rounds.open as usize {
            self.shed.rounds += 1;
            self.shed.down += u64::from(self.is_down());
            return out.record(Record::Round(shed(number, &phase, due_ns)));
        }
        let workers = self.participants(due_ns);
        let tells_time = self.tells.contains(&protocol::Capability::RoundTime);
        let state =
            RoundState::sent(number, &phase, due_ns, self.now_ns, rounds.timeout_ns, workers, tells_time);
        self.rounds.push(state);
        let first = self.ledger.issue(Kind::Round, number, workers, due_ns, self.now_ns);
        self.watch_sent(Kind::Round, first, workers);
        let tasks = Tasks {
            first,
            count: workers,
            payload: rounds.payload,
            timeout_ms: to_millis(rounds.timeout_ns),
            work: to_protocol(drawn(&rounds.work, self.plan.seed, For::Round(number))),
        };
        out.tell(protocol::Command::Round { round: number, tasks });
        self.heard.round(self.now_ns, workers);
        self.arm_faults(number, self.now_ns);
    }

    /// How many workers the round that is due at this time goes to: the first of them by number.
    fn participants(&self, due_ns: u64) -> u32 {
        let levels = self.plan.workload.rounds.as_ref().map_or(&[][..], |rounds| &rounds.levels);
        let at_ns = due_ns.saturating_sub(self.timeline.zero_ns().unwrap_or(0));
        participants(levels, at_ns, self.workers)
    }

    /// Single tasks are due: all that are due before anything else is, and are of one kind, are sent together. Whether that
    /// was all: of a load that cannot be started there is always more.
    pub(super) fn arrivals_due(&mut self, out: &mut Commands) -> bool {
        let (Some(plan), Some(zero_ns)) = (self.plan.workload.arrivals.clone(), self.timeline.zero_ns())
        else {
            return true;
        };
        self.ledger.expire(self.now_ns);
        // Nothing can be sent to a target that is down.
        let slots = if self.is_down() { 0 } else { plan.slots };
        let mut free = u64::from(slots).saturating_sub(self.ledger.in_flight(Kind::Single));
        let mut sends: Vec<Send> = Vec::new();
        let mut gone_through = 0;
        while gone_through < TASKS_A_STEP
            && let Some((due_ns, due)) = self.pop_arrivals(zero_ns)
        {
            gone_through += due;
            if self.is_quiescing() {
                self.withhold(due);
                continue;
            }
            self.note_lag(due_ns);
            self.work_due(due_ns);
            let taken = due.min(free);
            free -= taken;
            self.tally.due += due;
            self.shed_tasks(due - taken);
            let taken = u32::try_from(taken).unwrap_or(u32::MAX);
            if taken > 0 {
                let token = self.ledger.issue(Kind::Single, 0, taken, due_ns, self.now_ns);
                let passed = self.arrivals.as_ref().map_or(0, Schedule::passed);
                add(&mut sends, &plan.work, self.plan.seed, passed.saturating_sub(due), (token, taken));
            }
        }
        for send in sends {
            self.send(&plan, &send, out);
        }
        gone_through < TASKS_A_STEP || self.given_up(zero_ns)
    }

    /// So many single tasks are due and not started.
    fn shed_tasks(&mut self, count: u64) {
        self.tally.shed += count;
        self.shed.operations += count;
        self.shed.down += if self.is_down() { count } else { 0 };
    }

    /// Whether the load is over: what is due before anything else and was not reached by then is not started any more.
    fn given_up(&mut self, zero_ns: u64) -> bool {
        if self.timeline.load_ends_ns().is_none_or(|ends_ns| self.now_ns < ends_ns) {
            return false;
        }
        let until_ns = self.earliest_but_arrivals().map_or(self.now_ns, |(at_ns, _)| at_ns.min(self.now_ns));
        let left =
            self.arrivals.as_mut().map_or(0, |arrivals| arrivals.skip(until_ns.saturating_sub(zero_ns)));
        if self.is_quiescing() {
            self.withhold(left);
        } else {
            self.tally.due += left;
            self.shed_tasks(left);
        }
        true
    }

    fn send(&mut self, plan: &plan::Arrivals, send: &Send, out: &mut Commands) {
        self.watch_sent(Kind::Single, send.first, send.count);
        let tasks = Tasks {
            first: send.first,
            count: send.count,
            payload: plan.payload,
            timeout_ms: to_millis(plan.timeout_ns),
            work: to_protocol(send.work),
        };
        out.tell(protocol::Command::Send { tasks, to: None });
    }

    /// The next moment at which single tasks are due and how many, if that is by now and before everything
    /// else that is due.
    fn pop_arrivals(&mut self, zero_ns: u64) -> Option<(u64, u64)> {
        let (at_ns, due) = self.earliest()?;
        if due != super::state::Due::Arrival || at_ns > self.now_ns {
            return None;
        }
        let schedule = self.arrivals.as_mut()?;
        let mut count = 0;
        while schedule.pop(at_ns - zero_ns).is_some() {
            count += 1;
        }
        Some((at_ns, count))
    }

    /// A report while the target is at work.
    pub(super) fn reported_at_work(&mut self, report: Report, out: &mut Commands) {
        match report {
            Report::Answers { items } => {
                for answer in &items {
                    self.answered(answer, out);
                }
                self.close_rounds(false, out);
            }
            Report::Accepted { first, count, refused } => self.accepted(first, count, refused, out),
            Report::Round { round, elapsed_ns, .. } => {
                self.rounds.told(round, elapsed_ns);
                self.close_rounds(false, out);
            }
            Report::Quiesced {} => {}
            Report::Drained { outstanding } => self.drained(outstanding, out),
            Report::Snapshot { gauges } => self.snapshot(gauges, out),
            Report::Stopped {} => self.stopped(out),
            Report::Fault { fault, state, why, counters, at_ns } => {
                self.told_of_fault(&fault, state, why.as_deref(), counters, at_ns, out);
            }
            other => self.reported_on_agents(other, out),
        }
    }

    fn accepted(&mut self, first: u64, count: u32, refused: u32, out: &mut Commands) {
        // Of a harness that is dead.
        if first > 0 && self.ledger.is_earlier(first) {
            return;
        }
        let mut closed = Vec::new();
        let of_floods = self.ledger.flooded(first, count);
        let floods = &mut self.faults.floods;
        let entered = self.ledger.accept(first, count, refused, |closing| match closing.kind {
            // A flood may be refused as a whole, and is counted only.
            Kind::Flood => floods.refused(closing.round),
            Kind::Round | Kind::Single => closed.push(closing),
        });
        if let Err(why) = entered {
            return self.breach(&why.to_string(), out);
        }
        of_floods.into_iter().for_each(|(tag, count)| self.faults.floods.accepted(tag, count));
        self.end_settled_floods(out);
        if closed.is_empty() {
            return;
        }
        for closing in closed {
            if closing.kind == Kind::Round {
                self.rounds.refused(closing.round, self.now_ns);
            }
            self.ended_task(closing, None, 0, End::Refused, out);
        }
        self.close_rounds(false, out);
    }

    fn answered(&mut self, answer: &Answer, out: &mut Commands) {
        let at_ns = self.now_ns;
        self.heard.answer(answer.agent, at_ns);
        self.end_hang(answer.agent, None, out);
        let (closing, end) = match self.ledger.answer(answer, at_ns) {
            Outcome::InTime(closing) => (closing, End::InTime),
            Outcome::Late(closing) => (closing, End::Late),
            Outcome::Corrupt(Some(closing)) => (closing, End::Corrupt),
            Outcome::Again(Some(round)) => return self.rounds.duplicated(round),
            Outcome::Corrupt(None) | Outcome::Again(None) | Outcome::Earlier | Outcome::Phantom => return,
        };
        if closing.kind == Kind::Flood {
            return self.faults.floods.answered(closing.round, end != End::Corrupt);
        }
        if end == End::Corrupt {
            if closing.kind == Kind::Round {
                self.rounds.corrupted(closing.round, at_ns);
            }
        } else {
            self.work_answered(out);
            self.latency.record(Series::Response, at_ns.saturating_sub(closing.intended_ns));
            self.latency.record(Series::Service, at_ns.saturating_sub(closing.started_ns));
            if closing.kind == Kind::Round {
                self.rounds.answered(closing.round, end == End::InTime, at_ns);
            }
        }
        self.faults.asked.values_mut().for_each(|asked| asked.saw(answer, &closing, at_ns));
        self.ended_task(closing, Some(answer.agent), answer.attempt, end, out);
    }

    fn ended_task(
        &mut self,
        closing: Closing,
        agent: Option<u32>,
        attempt: u32,
        end: End,
        out: &mut Commands,
    ) {
        self.watch_recovery(&Seen { closing, agent, attempt, at_ns: self.now_ns, end }, out);
    }

    /// Writes down the rounds that are over; at the end of the run, all of them.
    pub(super) fn close_rounds(&mut self, at_the_end: bool, out: &mut Commands) {
        for row in self.rounds.take_written(self.now_ns, at_the_end) {
            self.rounds_done += 1;
            if let Some(ended_ns) = row.ended_ns {
                self.watch_round(ended_ns.saturating_sub(row.due_ns));
                self.latency.record(Series::Round, ended_ns.saturating_sub(row.due_ns));
            }
            if let Some(target_ns) = row.target_ns {
                self.latency.record(Series::TargetRound, target_ns);
            }
            if !at_the_end {
                self.round_over(&row, out);
                self.look_for_hangs(&row, out);
            }
            out.record(Record::Round(row));
        }
    }
}
