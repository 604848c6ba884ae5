//! Everything that a run can do.

use std::sync::Arc;

use evidence::end::End;
use evidence::event::{Event, Fact};
use evidence::sample::Mark;

use crate::error::{HostFailure, TargetFailure};
use crate::probes::ProcessId;
use crate::recorder::Record;

/// What is to be done, in order.
#[derive(Debug, Default)]
pub struct Commands(Vec<Command>);

/// One thing to be done.
#[derive(Debug)]
pub enum Command {
    /// Tell the target.
    Tell(protocol::Command),
    /// Write this down.
    Record(Record),
    /// Read the start times of these processes.
    Identify(Vec<u32>),
    /// Apply a fault.
    Inject {
        /// Its place in the plan.
        fault: usize,
        /// To whom.
        victims: Vec<chaos::Victim>,
    },
    /// Undo a fault.
    Heal {
        /// Its place in the plan.
        fault: usize,
    },
    /// Kill every process of the target, which will be started again.
    KillTarget,
    /// Start the target again.
    StartTarget,
    /// Read the processes.
    Sample(SampleOrder),
    /// Tell whoever the plan names.
    Notify(Notice),
    /// End every process of the run that is still there.
    EndTarget,
    /// The run is over.
    Finish(Box<Conclusion>),
}

/// A tick of the sampler.
#[derive(Debug, Clone)]
pub struct SampleOrder {
    /// Whom to read.
    pub processes: Arc<[ProcessId]>,
    /// Whether the dear readings are wanted too.
    pub slow: bool,
    /// What the tick is for, if it is a special one.
    pub mark: Option<Mark>,
}

/// What somebody outside is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The alert, or the kind of incident.
    pub about: String,
    /// One line of JSON.
    pub line: String,
}

/// What is known when a run is over.
#[derive(Debug)]
pub struct Conclusion {
    /// The last record; the number of dropped records is not in it.
    pub end: End,
    /// Why the run could not be carried out, if it could not.
    pub trouble: Option<Trouble>,
}

/// Why a run could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// By the target.
    Target(TargetFailure),
    /// By this machine.
    Host(HostFailure),
}

impl Commands {
    pub(super) fn push(&mut self, command: Command) {
        self.0.push(command);
    }

    pub(super) fn tell(&mut self, command: protocol::Command) {
        self.push(Command::Tell(command));
    }

    pub(super) fn record(&mut self, record: Record) {
        self.push(Command::Record(record));
    }

    pub(super) fn fact(&mut self, at_ns: u64, fact: Fact) {
        self.record(Record::Event(Event { at_ns, fact }));
    }
}

impl IntoIterator for Commands {
    type Item = Command;
    type IntoIter = std::vec::IntoIter<Command>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
