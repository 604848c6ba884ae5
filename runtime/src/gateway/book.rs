//! The gateway's book: every accepted task from its acceptance to its answer. Pure; it sends nothing and reads
//! no clock.

mod hasher;
mod overdue;
mod queue;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use protocol::{Report, Tasks};

use super::journal::Accepted;
use super::wire::WireWork;
use hasher::TokenHasher;
use queue::Queue;

/// After so many attempts a task that nobody waits for is not tried any more when its worker has died.
const MOST_ATTEMPTS: u32 = 16;

/// How many workers are looked at for one without work before the least loaded of them gets the task.
const WINDOW: usize = 64;

/// One accepted task.
#[derive(Debug)]
struct Task {
    worker: u32,
    /// Its number among the tasks of its worker.
    number: u32,
    attempt: u32,
    batch: u32,
    /// When it was last sent.
    sent_ns: u64,
}

/// The tasks of one command.
#[derive(Debug)]
struct Batch {
    round: Option<u64>,
    payload: u32,
    work: Rc<WireWork>,
    started_ns: u64,
    /// Tasks without an answer.
    open: u32,
    delivered: u32,
    given_up: bool,
}

/// A task that is to be sent now.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    pub(super) worker: u32,
    pub(super) number: u32,
    pub(super) attempt: u32,
    pub(super) payload: u32,
    pub(super) work: Rc<WireWork>,
}

/// All accepted tasks that have no answer yet.
#[derive(Debug)]
pub(super) struct Book {
    tasks: HashMap<u64, Task, BuildHasherDefault<TokenHasher>>,
    batches: HashMap<u32, Batch>,
    deadlines: BinaryHeap<Reverse<(u64, u32)>>,
    queues: Vec<Queue>,
    first_worker: u32,
    inbox: u32,
    /// How far a task that is sent may be ahead of the first open one of its worker.
    window: u32,
    next_batch: u32,
    cursor: usize,
    /// Tasks that were given up without an answer.
    pub(super) abandoned: u64,
    /// Tasks sent more than once, counted once for each further time.
    pub(super) retried: u64,
    /// Rounds that are over and not told yet.
    ended: Vec<Report>,
}

impl Book {
    pub(super) fn new(first_worker: u32, workers: u32, inbox: u32, window: u32) -> Self {
        Self {
            tasks: HashMap::default(),
            batches: HashMap::new(),
            deadlines: BinaryHeap::new(),
            queues: (0..workers).map(|_| Queue::default()).collect(),
            first_worker,
            inbox,
            window,
            next_batch: 0,
            cursor: 0,
            abandoned: 0,
            retried: 0,
            ended: Vec::new(),
        }
    }

    /// Accepts as many of the tasks as the inboxes of the `living` workers have room for, and gives each a
    /// worker: in a round the i-th task the i-th worker, else a worker without work or with little. How many.
    pub(super) fn accept(
        &mut self,
        tasks: &Tasks,
        work: WireWork,
        round: Option<u64>,
        living: &[u32],
        now_ns: u64,
    ) -> u32 {
        let batch = self.next_batch;
        self.next_batch = self.next_batch.wrapping_add(1);
        let mut accepted = 0;
        for index in 0..tasks.count {
            let token = tasks.first + u64::from(index);
            let start = if round.is_some() { index as usize } else { self.cursor };
            let Some(worker) = self.choose(living, start, round.is_some()) else { break };
            if self.tasks.contains_key(&token) {
                break;
            }
            let number = self.queue(worker).push(token);
            self.tasks.insert(token, Task { worker, number, attempt: 0, batch, sent_ns: 0 });
            accepted += 1;
        }
        let open = Batch {
            round,
            payload: tasks.payload,
            work: Rc::new(work),
            started_ns: now_ns,
            open: accepted,
            delivered: 0,
            given_up: false,
        };
        if accepted == 0 {
            self.end_round(&open, now_ns);
        } else {
            self.batches.insert(batch, open);
            let deadline = now_ns.saturating_add(tasks.timeout_ms.saturating_mul(1_000_000));
            self.deadlines.push(Reverse((deadline, batch)));
            if self.deadlines.len() > 1_024 + 2 * self.batches.len() {
                let batches = &self.batches;
                self.deadlines.retain(|Reverse((_, id))| batches.contains_key(id));
            }
        }
        accepted
    }

    /// The worker for the next task: the one at `start` if `fixed` and it has room, else the least loaded of
    /// those that follow.
    fn choose(&mut self, living: &[u32], start: usize, fixed: bool) -> Option<u32> {
        let mut best: Option<(u32, usize)> = None;
        for step in 0..living.len() {
            let at = (start + step) % living.len();
            let open = self.open(living[at]);
            if open < self.inbox && best.is_none_or(|(least, _)| open < least) {
                best = Some((open, at));
            }
            let enough = fixed || open == 0 || step >= WINDOW;
            if best.is_some() && enough {
                break;
            }
        }
        let (_, at) = best?;
        if !fixed {
            self.cursor = at + 1;
        }
        Some(living[at])
    }

    fn queue(&mut self, worker: u32) -> &mut Queue {
        &mut self.queues[(worker - self.first_worker) as usize]
    }

    /// How many tasks wait at a worker.
    pub(super) fn open(&self, worker: u32) -> u32 {
        self.queues[(worker - self.first_worker) as usize].open()
    }

    /// All tasks that have no answer.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// The longest of the workers' queues.
    pub(super) fn longest(&self) -> u32 {
        self.queues.iter().map(Queue::open).max().unwrap_or(0)
    }

    /// Counts one more sending of a task and tells what to send; `None` if it needs no sending, because it was
    /// answered, or must wait until an earlier one was.
    pub(super) fn send(&mut self, token: u64, now_ns: u64) -> Option<Sending> {
        let task = self.tasks.get_mut(&token)?;
        let batch = self.batches.get(&task.batch)?;
        let queue = &mut self.queues[(task.worker - self.first_worker) as usize];
        let too_far = queue.ahead(task.number) >= self.window;
        if too_far || (queue.stalled && task.attempt == 0) {
            queue.stalled |= task.attempt == 0;
            return None;
        }
        task.attempt += 1;
        task.sent_ns = now_ns;
        self.retried += u64::from(task.attempt > 1);
        Some(Sending {
            worker: task.worker,
            number: task.number,
            attempt: task.attempt,
            payload: batch.payload,
            work: Rc::clone(&batch.work),
        })
    }

    /// The worker of a task; `None` if it is not in the book.
    pub(super) fn worker_of(&self, token: u64) -> Option<u32> {
        self.tasks.get(&token).map(|task| task.worker)
    }

    /// How often a task was sent, and its number; `None` if it is not in the book.
    pub(super) fn attempts(&self, token: u64) -> Option<(u32, u32)> {
        self.tasks.get(&token).map(|task| (task.attempt, task.number))
    }

    /// The tasks of a worker that have no answer, in the order in which they were given to it.
    pub(super) fn pending_of(&mut self, worker: u32) -> Vec<u64> {
        let tasks = &self.tasks;
        let mine = |token: u64| tasks.get(&token).is_some_and(|task| task.worker == worker);
        self.queues[(worker - self.first_worker) as usize].pending(mine)
    }

    /// Gives a task of a dead worker to another one.
    pub(super) fn reassign(&mut self, token: u64, worker: u32) {
        let Some(task) = self.tasks.get_mut(&token) else { return };
        // Its order among the new worker's tasks is not the order of tokens: never a first attempt.
        task.attempt = task.attempt.max(1);
        let before = std::mem::replace(&mut task.worker, worker);
        self.queue(before).remove(token);
        let number = self.queue(worker).push(token);
        if let Some(task) = self.tasks.get_mut(&token) {
            (task.number, task.sent_ns) = (number, 0);
        }
    }

    /// Whether nobody waits for a task any longer and it was tried so often that there is no hope for it: it may
    /// be what its workers die of.
    pub(super) fn is_hopeless(&self, token: u64) -> bool {
        let Some(task) = self.tasks.get(&token) else { return false };
        task.attempt >= MOST_ATTEMPTS && self.batches.get(&task.batch).is_some_and(|batch| batch.given_up)
    }

    /// Strikes out a task that is not accepted after all.
    pub(super) fn revoke(&mut self, token: u64, now_ns: u64) {
        self.strike(token, now_ns, false);
    }

    /// Takes up a task that an earlier swarm had accepted, whether there is room in an inbox or not.
    pub(super) fn restore(&mut self, tasks: Accepted, now_ns: u64) {
        let batch = self.next_batch;
        self.next_batch = self.next_batch.wrapping_add(1);
        for token in tasks.first..tasks.first + u64::from(tasks.count) {
            let worker = self.first_worker + (self.cursor % self.queues.len()) as u32;
            self.cursor += 1;
            let number = self.queue(worker).push(token);
            // It may have been sent before: never a first attempt.
            self.tasks.insert(token, Task { worker, number, attempt: 1, batch, sent_ns: 0 });
        }
        let deadline = now_ns.saturating_add(tasks.timeout_ms.saturating_mul(1_000_000));
        self.deadlines.push(Reverse((deadline, batch)));
        let (payload, open) = (tasks.payload, tasks.count);
        let work = Rc::new(tasks.work);
        let restored =
            Batch { round: None, payload, work, started_ns: now_ns, open, delivered: 0, given_up: false };
        self.batches.insert(batch, restored);
    }

    /// Strikes out a task that nobody waits for and for which there is no hope.
    pub(super) fn abandon(&mut self, token: u64) {
        if self.strike(token, 0, false) {
            self.abandoned += 1;
        }
    }

    /// Strikes out a task of which this attempt was answered; whether it was in the book. `counts` is whether its
    /// round has it.
    pub(super) fn answered(&mut self, token: u64, attempt: u32, now_ns: u64, counts: bool) -> bool {
        if let Some(task) = self.tasks.get(&token).filter(|task| task.attempt == attempt) {
            let (worker, sent_ns) = (task.worker, task.sent_ns);
            let queue = self.queue(worker);
            queue.answered_sent_ns = queue.answered_sent_ns.max(sent_ns);
        }
        self.strike(token, now_ns, counts)
    }

    fn strike(&mut self, token: u64, now_ns: u64, counts: bool) -> bool {
        let Some(task) = self.tasks.remove(&token) else { return false };
        let tasks = &self.tasks;
        let queue = &mut self.queues[(task.worker - self.first_worker) as usize];
        queue.close();
        queue.trim(|token| tasks.get(&token).is_some_and(|other| other.worker == task.worker));
        let Some(batch) = self.batches.get_mut(&task.batch) else { return true };
        batch.open -= 1;
        batch.delivered += u32::from(counts);
        if batch.open == 0
            && let Some(batch) = self.batches.remove(&task.batch)
            && !batch.given_up
        {
            self.end_round(&batch, now_ns);
        }
        true
    }

    fn end_round(&mut self, batch: &Batch, now_ns: u64) {
        if let Some(round) = batch.round {
            self.ended.push(Report::Round {
                round,
                delivered: batch.delivered,
                timed_out: batch.open,
                elapsed_ns: now_ns.saturating_sub(batch.started_ns),
            });
        }
    }

    /// Gives up what is past its time. Its answers are still passed on if they come.
    pub(super) fn expire(&mut self, now_ns: u64) {
        while let Some(Reverse((deadline, id))) = self.deadlines.peek().copied() {
            if deadline > now_ns {
                break;
            }
            self.deadlines.pop();
            let Some(mut batch) = self.batches.remove(&id) else { continue };
            self.end_round(&batch, now_ns);
            batch.given_up = true;
            self.batches.insert(id, batch);
        }
    }

    /// When to look for expired tasks next.
    pub(super) fn next_deadline(&mut self) -> Option<u64> {
        while let Some(Reverse((deadline, id))) = self.deadlines.peek() {
            if self.batches.contains_key(id) {
                return Some(*deadline);
            }
            self.deadlines.pop();
        }
        None
    }

    /// The rounds that have ended since the last call.
    pub(super) fn take_ended(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.ended)
    }
}

#[cfg(test)]
mod tests;
