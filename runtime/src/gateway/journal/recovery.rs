//! From what a swarm has left behind to a new generation of it.
//!
//! A generation is a directory with a journal and a table. The next one is written beside it and then renamed,
//! which is the step from the one to the other: whoever is killed before finds the old one, and after the new one.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use protocol::Answer;

use super::record::u64_at;
use super::{Accepted, HEAD, Journal, Record, segment_path};
use crate::table::{Table, TableError};

/// Why what was left cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub(in crate::gateway) enum RecoveryError {
    #[error(
        "launch: cannot {doing} {path}: {error}; give the swarm a directory that it can write to, with room"
    )]
    Path { doing: &'static str, path: String, error: io::Error },
    #[error("launch: {path}: {error}; remove the directory `kept` to begin anew")]
    Table { path: String, error: TableError },
}

/// What earlier swarms in a directory have left, and where the present one goes on writing.
#[derive(Debug)]
pub(in crate::gateway) struct Recovered {
    pub(in crate::gateway) journal: Journal,
    pub(in crate::gateway) table: Table,
    /// How many tasks were executed so far.
    pub(in crate::gateway) effects: u64,
    /// Tasks that were accepted and that nobody has executed.
    pub(in crate::gateway) open: Vec<Accepted>,
    /// Answers that may not have been told.
    pub(in crate::gateway) answers: Vec<Answer>,
}

/// What one generation left.
#[derive(Debug, Default)]
struct Left {
    epochs: Vec<u32>,
    effects: u64,
    tasks: Vec<Accepted>,
    answers: HashMap<u64, Answer>,
    /// Tokens that are done.
    done: std::collections::HashSet<u64>,
}

/// Takes up what was left in a directory and begins the next generation, with a table for these agents.
pub(in crate::gateway) fn recover(
    directory: &Path,
    (agents, first_worker, inbox): (u32, u32, u32),
) -> Result<Recovered, RecoveryError> {
    let kept = directory.join("kept");
    fs::create_dir_all(&kept).map_err(failed("make", &kept))?;
    let (last, stale) = generations(&kept).map_err(failed("list", &kept))?;
    let left = match last {
        Some(number) => read(&kept.join(number.to_string()))?,
        None => Left::default(),
    };
    let next = kept.join((last.unwrap_or(0) + 1).to_string());
    let draft = kept.join("next");
    let _ = fs::remove_dir_all(&draft);
    fs::create_dir(&draft).map_err(failed("make", &draft))?;
    let table_path = draft.join("table");
    let table = Table::in_file(&table_path, agents, first_worker, inbox)
        .map_err(|error| RecoveryError::Table { path: table_path.display().to_string(), error })?;
    let (open, answers) = left.split();
    let mut journal = begin(&draft, &open, &answers).map_err(failed("write", &draft))?;
    table.head().effects_past.store(left.effects, std::sync::atomic::Ordering::Relaxed);
    for (agent, epoch) in (0..agents).zip(&left.epochs) {
        table.slot(agent).begin_after(*epoch);
    }
    fs::rename(&draft, &next).map_err(failed("name", &next))?;
    for old in stale.into_iter().chain(last.map(|number| kept.join(number.to_string()))) {
        // What is older than the latest generation is never read.
        let _ = fs::remove_dir_all(old);
    }
    journal.moved_to(next);
    Ok(Recovered { journal, table, effects: left.effects, open, answers })
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RecoveryError {
    let path = path.display().to_string();
    move |error| RecoveryError::Path { doing, path, error }
}

/// The number of the latest generation, and the directories of earlier ones.
fn generations(kept: &Path) -> io::Result<(Option<u64>, Vec<PathBuf>)> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(kept)? {
        numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    let last = numbers.pop();
    Ok((last, numbers.into_iter().map(|number| kept.join(number.to_string())).collect()))
}

fn read(generation: &Path) -> Result<Left, RecoveryError> {
    let mut left = Left::default();
    left.read_journal(generation).map_err(failed("read", generation))?;
    let path = generation.join("table");
    let table = Table::open(&path)
        .map_err(|error| RecoveryError::Table { path: path.display().to_string(), error })?;
    left.epochs = (0..table.agents()).map(|agent| table.slot(agent).epoch()).collect();
    left.effects = table.effects();
    for answer in table.executed_tasks() {
        left.answers.entry(answer.token).or_insert(answer);
    }
    Ok(left)
}

impl Left {
    fn read_journal(&mut self, generation: &Path) -> io::Result<()> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(generation)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("journal-")?.parse::<u64>().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        // Answers in the order in which they were written, from the first one that is still there.
        let (mut answered, mut before, mut told) = (Vec::new(), None, 0);
        for number in numbers {
            let bytes = fs::read(segment_path(generation, number))?;
            let counted = u64_at(&bytes, 0).unwrap_or(0);
            before.get_or_insert(counted);
            let mut rest = bytes.get(HEAD as usize..).unwrap_or_default();
            while let Some((record, after)) = Record::take(rest) {
                rest = after;
                match record {
                    Record::Accepted(tasks) => self.tasks.push(tasks),
                    Record::Answered(answers) => answered.extend(answers),
                    Record::Told(count) => told = count,
                    Record::Abandoned(token) => drop(self.done.insert(token)),
                }
            }
        }
        let told_here = usize::try_from(told.saturating_sub(before.unwrap_or(0))).unwrap_or(usize::MAX);
        for (place, answer) in answered.into_iter().enumerate() {
            if place < told_here {
                self.done.insert(answer.token);
            } else {
                self.answers.insert(answer.token, answer);
            }
        }
        Ok(())
    }

    /// Tasks that nobody has executed, in runs, and the answers of the others, as far as they may not have been
    /// told.
    fn split(&self) -> (Vec<Accepted>, Vec<Answer>) {
        let (mut open, mut answers): (Vec<Accepted>, Vec<Answer>) = (Vec::new(), Vec::new());
        for tasks in &self.tasks {
            for token in tasks.first..tasks.first + u64::from(tasks.count) {
                if self.done.contains(&token) {
                    continue;
                }
                match (self.answers.get(&token), open.last_mut()) {
                    (Some(answer), _) => answers.push(*answer),
                    (None, Some(run)) if run.first + u64::from(run.count) == token && run.is_like(tasks) => {
                        run.count += 1;
                    }
                    (None, _) => open.push(Accepted { first: token, count: 1, ..tasks.clone() }),
                }
            }
        }
        (open, answers)
    }
}

impl Accepted {
    fn is_like(&self, other: &Self) -> bool {
        (self.payload, self.timeout_ms, &self.work) == (other.payload, other.timeout_ms, &other.work)
    }
}

/// A journal that begins with what was left.
fn begin(directory: &Path, open: &[Accepted], answers: &[Answer]) -> io::Result<Journal> {
    let mut journal = Journal::create(directory)?;
    for run in open {
        journal.accept(run.clone())?;
    }
    for answer in answers {
        let work = crate::gateway::wire::WireWork::new(&protocol::Work::Echo {});
        journal.accept(Accepted { first: answer.token, count: 1, payload: 0, timeout_ms: 0, work })?;
    }
    for part in answers.chunks(4_096) {
        journal.answer(part);
        journal.write()?;
    }
    Ok(journal)
}
