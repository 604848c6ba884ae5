//! Follows agents that were given another parent until the last of them is attached there.

use std::collections::{BTreeSet, HashSet, VecDeque};

use protocol::Report;

use crate::bus::{Attached, Elected, Moved};
use crate::swarm::Swarm;
use crate::table::GATEWAY;

/// So many of the last moves are known again.
const KNOWN: usize = 64;

/// One move that is under way.
#[derive(Debug)]
struct Move {
    from: u32,
    to: BTreeSet<u32>,
    epoch: u32,
    /// Workers that have not arrived.
    waiting: HashSet<u32>,
    /// All workers that are on the move.
    workers: HashSet<u32>,
    resent: u32,
    last_ns: u64,
}

/// All moves that are under way.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    moves: Vec<Move>,
    /// Whose place as the leader was taken, and the epoch of its own that began then.
    succeeded: Option<(u32, u32)>,
    /// The latest term that was told.
    term: u32,
    /// The moves that were told last, by whom they lost and when.
    known: VecDeque<(u32, u64)>,
    pub(super) elections: u64,
    pub(super) reassignments: u64,
}

impl Recovery {
    /// A new leader; `None` if that is known already.
    pub(super) fn elected(&mut self, swarm: &Swarm, news: &Elected) -> Option<Report> {
        if news.term <= self.term {
            return None;
        }
        self.term = news.term;
        self.succeeded = Some((news.replaces, swarm.table.slot(news.replaces).epoch()));
        self.elections += 1;
        let Elected { agent, replaces, term, at_ns } = *news;
        Some(Report::Elected { agent, replaces, epoch: term, at_ns })
    }

    /// Agents are on the move. If whom they lost was not the leader, those that take them over take its place.
    pub(super) fn begin(&mut self, swarm: &Swarm, news: &Moved) -> Option<Report> {
        if self.known.contains(&(news.from, news.at_ns)) {
            return None;
        }
        self.known.push_back((news.from, news.at_ns));
        if self.known.len() > KNOWN {
            self.known.pop_front();
        }
        let workers = workers_below(swarm, &news.pairs);
        for other in &mut self.moves {
            other.waiting.retain(|worker| !workers.contains(worker));
        }
        let to: BTreeSet<u32> = news.pairs.iter().map(|(_, to)| *to).collect();
        let first = news.pairs.first().map(|(_, to)| *to)?;
        if !workers.is_empty() {
            self.reassignments += 1;
            let waiting = workers.clone();
            let (from, epoch) = (news.from, news.epoch);
            self.moves.push(Move { from, to, epoch, waiting, workers, resent: 0, last_ns: news.at_ns });
        }
        (self.succeeded != Some((news.from, news.epoch))).then_some(Report::Elected {
            agent: first,
            replaces: news.from,
            epoch: news.epoch,
            at_ns: news.at_ns,
        })
    }

    /// A worker has arrived somewhere, and so many of its tasks were sent again.
    pub(super) fn attached(&mut self, news: &Attached, resent: u32) {
        for one in &mut self.moves {
            if one.workers.contains(&news.agent) {
                one.resent += resent;
            }
            if one.waiting.remove(&news.agent) {
                one.last_ns = one.last_ns.max(news.at_ns);
            }
        }
    }

    /// A worker will not arrive.
    pub(super) fn left(&mut self, worker: u32) {
        for one in &mut self.moves {
            one.waiting.remove(&worker);
        }
    }

    /// The moves that are complete.
    pub(super) fn take_complete(&mut self) -> Vec<Report> {
        let complete = self.moves.extract_if(.., |one| one.waiting.is_empty());
        complete
            .map(|one| Report::Assigned {
                from: one.from,
                to: one.to.into_iter().collect(),
                workers: one.workers.len() as u32,
                resent: one.resent,
                epoch: one.epoch,
                at_ns: one.last_ns,
            })
            .collect()
    }
}

/// The workers among the moved agents and below them.
fn workers_below(swarm: &Swarm, pairs: &[(u32, u32)]) -> HashSet<u32> {
    let moved: HashSet<u32> = pairs.iter().map(|(agent, _)| *agent).collect();
    let mut below = HashSet::new();
    for worker in swarm.config.shape.workers() {
        let mut at = worker;
        for _ in 0..4 {
            if moved.contains(&at) {
                below.insert(worker);
                break;
            }
            at = swarm.table.slot(at).parent().agent;
            if at == GATEWAY {
                break;
            }
        }
    }
    below
}
