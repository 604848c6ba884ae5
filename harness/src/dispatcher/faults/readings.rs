//! What the harness itself reads of a fault, and how far that proves it.

use evidence::event::{Level, Proof, Reading, Subject, Victim};

/// To whom a fault is done that needs no system call.
#[derive(Debug)]
pub(super) struct Subjects {
    /// Those that are there, with their processes.
    pub(super) there: Vec<(Subject, u32)>,
    /// Victims that were not there any more.
    pub(super) absent: Vec<Victim>,
}

impl Subjects {
    /// The agents among them.
    pub(super) fn agents(&self) -> Vec<u32> {
        self.there.iter().filter_map(|(subject, _)| subject.agent()).collect()
    }

    /// All of them, of which this was read.
    pub(super) fn victims(&self, requires: Level, read: &[Read]) -> Vec<Victim> {
        let of = |(subject, pid): &(Subject, u32)| victim(subject.clone(), *pid, requires, read);
        self.there.iter().map(of).chain(self.absent.iter().cloned()).collect()
    }
}

/// A reading, and whether it is what had to be there.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) reading: Reading,
    pub(super) fits: bool,
}

impl Read {
    pub(super) fn new(
        at_ns: u64,
        level: Level,
        source: &str,
        expected: String,
        found: String,
        fits: bool,
    ) -> Self {
        let reading = Reading { at_ns, level, source: source.to_owned(), expected, found };
        Self { reading, fits }
    }
}

/// A victim of which this was read. It is proven by one reading that fits and is as strong as required, unless
/// another one contradicts.
pub(super) fn victim(subject: Subject, pid: u32, requires: Level, read: &[Read]) -> Victim {
    let proven = read.iter().any(|r| r.fits && r.reading.level >= requires);
    let contradicted = read.iter().any(|r| !r.fits && r.reading.level > Level::E0);
    Victim {
        subject,
        pid,
        proof: match (proven, contradicted) {
            (true, false) => Proof::Proven,
            (true, true) => Proof::Mismatch,
            (false, _) => Proof::Unproven,
        },
        readings: read.iter().map(|r| r.reading.clone()).collect(),
    }
}

/// A victim that was not there any more.
pub(super) fn absent(subject: Subject, pid: u32, at_ns: u64) -> Victim {
    let reading = Reading {
        at_ns,
        level: Level::E3,
        source: "members of the target".to_owned(),
        expected: "alive".to_owned(),
        found: "gone".to_owned(),
    };
    Victim { subject, pid, proof: Proof::Skipped, readings: vec![reading] }
}
