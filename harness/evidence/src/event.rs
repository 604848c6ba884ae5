//! `events.jsonl`: the history of a run, faults and operations in one stream.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::role::Role;
use crate::{EvidenceError, layout, torn};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, in nanoseconds since the start of the run (`CLOCK_MONOTONIC`).
    pub at_ns: u64,
    /// What.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Fact {
    /// A phase began or ended.
    Phase {
        /// Its name.
        phase: String,
        /// Which of the two.
        edge: Edge,
    },
    /// The target's process was started.
    TargetStarted {
        /// Its process id.
        pid: u32,
        /// The name it gave in its `hello`.
        name: String,
        /// The version it gave.
        version: String,
    },
    /// All agents were ready.
    TargetReady {
        /// From the launch command, in nanoseconds.
        took_ns: u64,
        /// How many agents.
        agents: u32,
    },
    /// The limits that were in force for its processes when they were ready.
    Limits {
        /// Descriptors, of the process that held most.
        descriptors: u64,
    },
    /// The target's process ended.
    TargetExited {
        /// How: `exit 0`, `signal 9`.
        status: String,
        /// Whether the harness had asked for it.
        asked: bool,
    },
    /// An agent is there, or something became of it.
    Member {
        /// Its number.
        agent: u32,
        /// Its role.
        role: Role,
        /// Its process id.
        pid: u32,
        /// Which of its lives.
        epoch: u32,
        /// Whom it reports to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<u32>,
        /// What became of it.
        state: MemberState,
        /// How its process ended, where it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
        /// The fault that ended it, where a fault of the plan did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<String>,
    },
    /// A step in the life of a fault.
    Fault {
        /// Its id.
        fault: String,
        /// Which step.
        step: FaultStep,
        /// What was read back for each victim; with `injected`, `observed` and `healed`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        victims: Vec<Victim>,
        /// Why, where it needs saying (skipped, failed).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// The target suspected an agent.
    Suspected {
        /// The agent.
        agent: u32,
        /// Who noticed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<u32>,
        /// How: `death` or `lease`.
        how: String,
    },
    /// An agent took over a leading place.
    Elected {
        /// The agent that now holds it.
        agent: u32,
        /// The one before.
        replaces: u32,
        /// The epoch that began.
        epoch: u32,
    },
    /// Workers were given other coordinators.
    Assigned {
        /// Whom they lost.
        from: u32,
        /// Whom they have.
        to: Vec<u32>,
        /// How many workers.
        workers: u32,
        /// How many tasks were sent again.
        resent: u32,
        /// The epoch.
        epoch: u32,
    },
    /// A step of recovery seen from outside. `at_ns` is when it was reached.
    Recovery {
        /// The fault.
        fault: String,
        /// The step.
        step: RecoveryStep,
    },
    /// What a fault cost, known when the ledger was closed.
    Cost {
        /// The fault.
        fault: String,
        /// Tasks open at some time between injection and the end of its effects.
        open: u64,
        /// Those of them answered late.
        late: u64,
        /// Those of them sent to a worker more than once.
        #[serde(default)]
        retried: u64,
        /// Those of them lost.
        lost: u64,
    },
    /// A number that the target keeps.
    Gauge {
        /// Its name.
        name: String,
        /// Its value.
        value: f64,
    },
    /// Something that should not happen began, or was over. What is over at once ends at the time at which it
    /// began.
    Incident {
        /// Its number in the run, from 1; the same for its begin and its end.
        incident: u64,
        /// What kind of thing.
        kind: IncidentKind,
        /// How bad.
        severity: Severity,
        /// Which of the two.
        edge: Edge,
        /// The agent concerned, where it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<u32>,
        /// The fault of the plan that caused it, where one did: then it is no incident of the target's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<String>,
        /// What, in one sentence.
        what: String,
    },
    /// A live threshold of the plan was crossed, or is not any more.
    Alert {
        /// Its id in the plan.
        alert: String,
        /// Which of the two.
        edge: Edge,
        /// What was measured, in the unit of its metric.
        value: f64,
        /// What, in one sentence.
        what: String,
    },
    /// Somebody was told of an alert or an incident, or could not be.
    Notified {
        /// The alert, or the incident.
        about: String,
        /// Whom: `command`, `webhook`.
        whom: String,
        /// What came of it: `exit 0`, `200`, `connection refused`.
        found: String,
    },
    /// The clocks of the host no longer agree: at each tick `CLOCK_MONOTONIC`, `CLOCK_BOOTTIME` and
    /// `CLOCK_REALTIME` are compared.
    Clock {
        /// What it shows.
        change: ClockChange,
        /// By how much, in nanoseconds.
        by_ns: i64,
    },
    /// Work was withheld until the target had come to rest, its processes were read, and work went on.
    Quiesce {
        /// Which one, from 1.
        point: u32,
        /// Begin or end.
        edge: Edge,
        /// Whether the target came to rest in time; with the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rested: Option<bool>,
        /// Rounds and single tasks that the plan had in that time and that were not due for it; with the end.
        #[serde(default, skip_serializing_if = "is_zero")]
        withheld: u64,
    },
    /// A harness took over the run of one that had died.
    Resumed {
        /// Which segment of the run begins, from 2.
        segment: u32,
        /// The last that is known of the one before, in nanoseconds since the start of the run.
        from_ns: u64,
        /// Tasks whose fate nobody saw: they were open, or sent, when it died.
        hidden: u64,
        /// What became of the target.
        target: Takeover,
    },
    /// The run ends before its plan is over, by a rule of the plan.
    EndingEarly {
        /// Why, in one sentence.
        why: String,
        /// How much of the plan's time is saved, in nanoseconds.
        saved_ns: u64,
    },
    /// The user asked the run to end.
    Interrupted {
        /// How often by now.
        times: u32,
    },
    /// Something that a reader of the report should know.
    Note {
        /// One sentence.
        text: String,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Begin or end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// It began.
    Begin,
    /// It ended.
    End,
}

/// What became of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// Ready, with the launch.
    Ready,
    /// Its process ended.
    Left,
    /// A new process took its number.
    Replaced,
    /// It has another parent.
    Moved,
    /// It was cut off because another agent holds its place.
    Fenced,
}

/// The life of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultStep {
    /// It was applied and read back. The event's time is when the kernel had acknowledged it.
    Injected,
    /// What was seen of its effect while it acted, read before it was undone. Where there is such a step its
    /// victims say how far the fault is proven, and those of `injected` only what was known then.
    Observed,
    /// It was undone and that was read back; a kill needs none.
    Healed,
    /// It was not applied: there was nobody to apply it to. Never counts for coverage.
    Skipped,
    /// It could not be applied or undone.
    Failed,
}

/// How far a fault is proven for one victim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The evidence that was required was read and fits.
    Proven,
    /// It was read and says something else.
    Mismatch,
    /// The victim was not there.
    Skipped,
    /// It could not be read.
    Unproven,
}

/// How strong a reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// The call returned.
    E0,
    /// The kernel's state was read back.
    E1,
    /// The effect was observed from outside.
    E2,
    /// The target reported it.
    E3,
}

/// One victim of a fault with what was read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Victim {
    /// What it was done to: an agent, or a part of the run that is none.
    #[serde(flatten)]
    pub subject: Subject,
    /// Its process; 0 where it has none of its own.
    pub pid: u32,
    /// How far it is proven.
    pub proof: Proof,
    /// What was read.
    pub readings: Vec<Reading>,
}

/// What a fault is done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Subject {
    /// An agent.
    Agent {
        /// Its number.
        agent: u32,
        /// Its role.
        role: Role,
    },
    /// Something else: `target`, `bus directory`, `host memory`, `host 2`.
    Part {
        /// What.
        part: String,
    },
}

impl Subject {
    /// The agent, if it is one.
    #[must_use]
    pub fn agent(&self) -> Option<u32> {
        match self {
            Self::Agent { agent, .. } => Some(*agent),
            Self::Part { .. } => None,
        }
    }
}

impl Subject {
    /// Its role, if it is an agent.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::Agent { role, .. } => Some(*role),
            Self::Part { .. } => None,
        }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Agent { agent, role } => write!(f, "{role} {agent}", role = role.name()),
            Self::Part { part } => f.write_str(part),
        }
    }
}

/// One thing that was read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// When, in nanoseconds since the start of the run.
    pub at_ns: u64,
    /// How strong it is.
    pub level: Level,
    /// Where it was read: `pidfd`, `wait status`, `/proc/PID/stat state`.
    pub source: String,
    /// What had to be there.
    pub expected: String,
    /// What was there.
    pub found: String,
}

/// Steps of recovery that can be seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryStep {
    /// A task of an affected agent, started after the fault, was answered.
    FirstSuccess,
    /// The round that was in flight was complete.
    Round,
    /// No task that was open at the fault, or sent during it, was open any more.
    Drained,
}

/// What kind of thing an incident is. `docs/reference/incidents.md` has the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// A process of the target ended and no fault of the plan ended it.
    Crash,
    /// An agent lives and answers nothing.
    Hang,
    /// Rounds in which tasks were not answered in time, one after the other.
    FailedRounds,
    /// Tasks that were acknowledged were not answered.
    Lost,
    /// The target replaced an agent, or was started again, and no fault of the plan asked for it.
    Restart,
    /// A live threshold was crossed.
    Threshold,
    /// No work was answered at all, though work was due.
    Outage,
    /// The target broke the control protocol, or did not end when it was asked to.
    Protocol,
    /// The harness or the host failed; it says nothing of the target.
    Instrument,
}

/// What a comparison of clocks shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockChange {
    /// The host slept: boot time went on and the monotonic clock did not.
    Suspended,
    /// The wall clock was set.
    Stepped,
    /// The harness was not run for longer than three sampling intervals.
    Stalled,
}

/// What became of the target when another harness took over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Takeover {
    /// It lived and went on.
    Kept,
    /// It had ended with the harness, on the same boot, and was started again.
    StartedAgain,
    /// The host had been started again, and so was the target.
    Rebooted,
}

/// How bad an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Service went on.
    Minor,
    /// Service stopped, or something acknowledged was lost.
    Critical,
}

/// Appends to `events.jsonl`.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Writer {
    /// A new history.
    ///
    /// # Errors
    /// If the file exists or cannot be made.
    pub fn create(run: &Path) -> Result<Self, EvidenceError> {
        let path = layout::EVENTS.within(run);
        let file = File::create_new(&path).map_err(|e| EvidenceError::io("create", &path, e))?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    /// The history of a run that is resumed, behind its last whole line.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn resume(run: &Path) -> Result<Self, EvidenceError> {
        let path = layout::EVENTS.within(run);
        let (file, _) = torn::open(&path)?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    /// Appends one event; it reaches the file with the next [`Self::flush`] at the latest.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn append(&mut self, event: &Event) -> Result<(), EvidenceError> {
        serde_json::to_writer(&mut self.file, event)
            .map_err(std::io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"))
            .map_err(|e| EvidenceError::io("write", &self.path, e))
    }

    /// Hands everything to the kernel.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn flush(&mut self) -> Result<(), EvidenceError> {
        self.file.flush().map_err(|e| EvidenceError::io("write", &self.path, e))
    }
}

/// The whole history, in the order in which it was written. A line torn by a crash at the very end is left
/// out.
///
/// # Errors
/// If the file cannot be read or a line is not an event.
pub fn read(run: &Path) -> Result<Vec<Event>, EvidenceError> {
    let path = layout::EVENTS.within(run);
    let text = std::fs::read_to_string(&path).map_err(|e| EvidenceError::io("read", &path, e))?;
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    whole
        .lines()
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|e| EvidenceError::Record {
                path: path.clone(),
                line: index as u64 + 1,
                found: e.to_string(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_reads_back_as_written_and_a_torn_last_line_is_left_out() {
        let run = tempfile::tempdir().unwrap();
        let events = vec![
            Event { at_ns: 0, fact: Fact::Phase { phase: "launch".into(), edge: Edge::Begin } },
            Event {
                at_ns: 17,
                fact: Fact::Fault {
                    fault: "1".into(),
                    step: FaultStep::Injected,
                    victims: vec![Victim {
                        subject: Subject::Agent { agent: 1, role: Role::Coordinator },
                        pid: 4242,
                        proof: Proof::Proven,
                        readings: vec![Reading {
                            at_ns: 16,
                            level: Level::E1,
                            source: "pidfd".into(),
                            expected: "exited".into(),
                            found: "exited".into(),
                        }],
                    }],
                    why: None,
                },
            },
            Event { at_ns: 20, fact: Fact::Gauge { name: "depth".into(), value: 2.5 } },
        ];
        let mut writer = Writer::create(run.path()).unwrap();
        for event in &events {
            writer.append(event).unwrap();
        }
        writer.flush().unwrap();
        std::fs::OpenOptions::new()
            .append(true)
            .open(layout::EVENTS.within(run.path()))
            .unwrap()
            .write_all(br#"{"at_ns":21,"eve"#)
            .unwrap();
        assert_eq!(read(run.path()).unwrap(), events);
    }
}
