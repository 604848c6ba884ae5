//! How a run ends: by its plan, by the user, or because something cannot go on. In every case what was broken
//! is undone first and nothing is left running.

use std::collections::BTreeMap;

use evidence::end::{Drain, End, How};
use evidence::event::{Fact, IncidentKind, Severity};
use evidence::manifest::SCHEMA;
use evidence::sample::Mark;

use super::command::{Command, Commands, Conclusion, Trouble};
use super::state::{Stage, State};
use crate::error::{HostFailure, TargetFailure};
use crate::target::shown;

/// How much longer than it was given the target may take to say that it is drained.
const DRAIN_GRACE_NS: u64 = 1_000_000_000;
/// How long a question may remain unanswered that takes no work to answer.
const ANSWER_WITHIN_NS: u64 = 5_000_000_000;
/// How long undoing faults may take beyond their planned end.
const HEAL_WITHIN_NS: u64 = 15_000_000_000;
/// How long the target may take to stop when the user is in a hurry.
const HURRIED_STOP_NS: u64 = 1_000_000_000;
/// How long after closing its output the target may take to end.
const EXIT_AFTER_CLOSE_NS: u64 = 2_000_000_000;
/// How much of an error that a target reports is kept, in characters.
const MAX_MESSAGE: usize = 500;

impl State {
    /// The load is over. Faults in effect are undone when the plan says, then comes the drain barrier.
    pub(super) fn end_load(&mut self, out: &mut Commands) {
        self.skip_faults("the load was over", out);
        self.look_for_outage(out);
        self.no_more_work_due(out);
        self.stage = Stage::Healing;
        self.end_quiesce(false, out);
        self.remember_workers();
        self.stop_floods(out);
        let last_heal_ns = self.last_heal_ns().map_or(self.now_ns, |at_ns| at_ns.max(self.now_ns));
        self.deadline_ns = Some(last_heal_ns + self.timeline.drain_ns + HEAL_WITHIN_NS);
        if self.how.is_some() {
            self.heal_all(out);
        }
        self.go_on_when_healed(out);
    }

    /// Nothing is broken any more: what waited for that goes on.
    pub(super) fn go_on_when_healed(&mut self, out: &mut Commands) {
        if self.stage != Stage::Healing || self.faults.any_in_effect() {
            return;
        }
        if self.interrupts > 1 || matches!(self.how, Some(How::HarnessFailed { .. })) {
            return self.ask_to_stop(out);
        }
        let drain_ns = self.timeline.drain_ns;
        out.tell(protocol::Command::Quiesce {});
        out.tell(protocol::Command::Drain { deadline_ms: crate::workload::to_millis(drain_ns) });
        self.stage = Stage::Draining { since_ns: self.now_ns };
        self.deadline_ns = Some(self.now_ns + drain_ns + DRAIN_GRACE_NS);
    }

    /// The target said that it is drained.
    pub(super) fn drained(&mut self, outstanding: u64, out: &mut Commands) {
        if let Stage::Draining { since_ns } = self.stage {
            let took_ns = self.now_ns - since_ns;
            self.drain = Some(Drain { completed: true, took_ns, outstanding });
            self.ask_for_snapshot(out);
        }
    }

    fn ask_for_snapshot(&mut self, out: &mut Commands) {
        out.tell(protocol::Command::Snapshot {});
        self.stage = Stage::Snapshot;
        self.deadline_ns = Some(self.now_ns + ANSWER_WITHIN_NS);
    }

    /// The target told its gauges.
    pub(super) fn snapshot(&mut self, gauges: BTreeMap<String, f64>, out: &mut Commands) {
        self.gauges = gauges;
        if self.stage == Stage::Snapshot {
            self.take_last_sample(out);
        }
    }

    fn take_last_sample(&mut self, out: &mut Commands) {
        self.stage = Stage::LastSample;
        self.deadline_ns = Some(self.now_ns + ANSWER_WITHIN_NS);
        self.mark(Mark::Drained, out);
    }

    pub(super) fn ask_to_stop(&mut self, out: &mut Commands) {
        // An interval of its own: answers may still come until the target has ended.
        self.enter_phase("stop", self.now_ns, out);
        out.tell(protocol::Command::Stop {});
        self.stage = Stage::Stopping { since_ns: self.now_ns };
        let within_ns = match self.interrupts {
            0 | 1 => self.plan.target.stop_within_ms * 1_000_000,
            _ => HURRIED_STOP_NS,
        };
        self.deadline_ns = Some(self.now_ns + within_ns);
    }

    /// The target said that it stops.
    pub(super) fn stopped(&mut self, out: &mut Commands) {
        if !matches!(self.stage, Stage::Stopping { .. }) {
            self.target_failed(TargetFailure::Stopped { during: self.doing() }, out);
        }
    }

    /// The target's process has ended.
    pub(super) fn target_exited(&mut self, status: &str, out: &mut Commands) {
        let asked = matches!(self.stage, Stage::Stopping { .. } | Stage::Ending | Stage::Over);
        self.could_end = true;
        out.fact(self.now_ns, Fact::TargetExited { status: status.to_owned(), asked });
        match self.stage {
            Stage::Stopping { since_ns } => {
                self.stop_ns = Some(self.now_ns - since_ns);
                if status != "exit 0" {
                    let what = format!("the target was asked to stop and ended with {status}");
                    self.incident(self.now_ns, IncidentKind::Protocol, Severity::Minor, None, &what, out);
                }
                self.end_target(out);
            }
            Stage::Ending | Stage::Over => {}
            _ => {
                let failure = TargetFailure::Died { during: self.doing(), status: status.to_owned() };
                self.target_failed(failure, out);
            }
        }
    }

    fn doing(&self) -> &'static str {
        match self.stage {
            Stage::Starting | Stage::Greeting => "before it said `hello`",
            Stage::Launching | Stage::Identifying => "in launch",
            Stage::Attaching => "while it was taken over",
            Stage::Running => "under load",
            _ => "while it was drained",
        }
    }

    /// The target's standard output is closed; its process should end at once.
    pub(super) fn output_closed(&mut self) {
        self.output_closed = true;
        if self.is_down() {
            return;
        }
        if !matches!(self.stage, Stage::Stopping { .. } | Stage::Ending | Stage::Over) {
            self.deadline_ns = Some(self.now_ns + EXIT_AFTER_CLOSE_NS);
        }
    }

    /// Something that was waited for did not come.
    pub(super) fn deadline_passed(&mut self, out: &mut Commands) {
        self.deadline_ns = None;
        let note = |text: &str| Fact::Note { text: text.to_owned() };
        match self.stage {
            Stage::Starting | Stage::Ending | Stage::Over => {}
            Stage::Stopping { .. } => {
                self.could_end = self.interrupts < 2;
                let what = "the target was asked to stop and did not end in time; it was ended".to_owned();
                self.incident(self.now_ns, IncidentKind::Protocol, Severity::Minor, None, &what, out);
                self.end_target(out);
            }
            _ if self.output_closed => self.target_failed(TargetFailure::ClosedOutput, out),
            Stage::Greeting | Stage::Launching | Stage::Attaching | Stage::Identifying => {
                let waiting_for = self.awaited();
                let within_ms = self.plan.target.ready_within_ms;
                self.target_failed(TargetFailure::NotReady { waiting_for, within_ms }, out);
            }
            Stage::Running => {}
            Stage::Healing => {
                out.fact(
                    self.now_ns,
                    note("a fault was not undone in time; the run was ended without a drain"),
                );
                self.ask_to_stop(out);
            }
            Stage::Draining { since_ns } => {
                self.drain = Some(Drain {
                    completed: false,
                    took_ns: self.now_ns - since_ns,
                    outstanding: self.ledger.open(),
                });
                self.ask_for_snapshot(out);
            }
            Stage::Snapshot => {
                out.fact(self.now_ns, note("the target did not tell its gauges after the drain"));
                self.take_last_sample(out);
            }
            Stage::LastSample => {
                out.fact(self.now_ns, note("the processes could not be read after the drain"));
                self.ask_to_stop(out);
            }
        }
    }

    /// The user wants the run to end: faults are undone, the target is drained, the evidence is finished. The
    /// second time, the drain is left out.
    pub(super) fn interrupted(&mut self, out: &mut Commands) {
        self.interrupts += 1;
        out.fact(self.now_ns, Fact::Interrupted { times: self.interrupts });
        self.how.get_or_insert(How::Interrupted);
        self.end_early(out);
    }

    /// By a rule of the plan the run should not go on. Nothing but a run under load has time to save.
    pub(super) fn end_by_rule(&mut self, why: String, out: &mut Commands) {
        if self.stage != Stage::Running || self.how.is_some() {
            return;
        }
        let saved_ns = self.timeline.load_ends_ns().map_or(0, |end_ns| end_ns.saturating_sub(self.now_ns));
        out.fact(self.now_ns, Fact::EndingEarly { why: why.clone(), saved_ns });
        self.how = Some(How::EndedEarly { why, saved_ns });
        self.end_early(out);
    }

    /// The run ends now, in order.
    pub(super) fn end_early(&mut self, out: &mut Commands) {
        let hurry = self.interrupts > 1 || matches!(self.how, Some(How::HarnessFailed { .. }));
        match self.stage {
            Stage::Starting | Stage::Greeting | Stage::Launching | Stage::Attaching | Stage::Identifying => {
                self.end_target(out)
            }
            Stage::Running => self.cut_load(out),
            Stage::Healing => {
                self.heal_all(out);
                self.go_on_when_healed(out);
            }
            Stage::Draining { since_ns } if hurry => {
                let (took_ns, outstanding) = (self.now_ns - since_ns, self.ledger.open());
                self.drain = Some(Drain { completed: false, took_ns, outstanding });
                self.ask_to_stop(out);
            }
            Stage::Snapshot | Stage::LastSample if hurry => self.ask_to_stop(out),
            Stage::Stopping { .. } if hurry => {
                let soon_ns = self.now_ns + HURRIED_STOP_NS;
                self.deadline_ns = Some(self.deadline_ns.map_or(soon_ns, |at_ns| at_ns.min(soon_ns)));
            }
            _ => {}
        }
    }

    /// The target cannot be used any further.
    pub(super) fn target_failed(&mut self, failure: TargetFailure, out: &mut Commands) {
        if self.stage.is_last() {
            return;
        }
        let what = failure.to_string();
        self.incident(self.now_ns, IncidentKind::Crash, Severity::Critical, None, &what, out);
        // A target that ends under load, or when it should drain, is a result of the run and not an error.
        let ended = matches!(failure, TargetFailure::Died { .. } | TargetFailure::Stopped { .. });
        let is_result = ended && self.timeline.zero_ns().is_some();
        self.how.get_or_insert(How::TargetFailed { why: what });
        if !is_result {
            self.trouble.get_or_insert(Trouble::Target(failure));
        }
        self.end_target(out);
    }

    /// The target broke the protocol.
    pub(super) fn breach(&mut self, what: &str, out: &mut Commands) {
        self.target_failed(TargetFailure::Breach { what: what.to_owned() }, out);
    }

    /// The target said that it cannot do what it was asked: in launch it is of no use, later it goes on as
    /// well as it can.
    pub(super) fn target_said_error(&mut self, message: &str, out: &mut Commands) {
        let message = shown(message, MAX_MESSAGE);
        if self.timeline.zero_ns().is_none() {
            return self.target_failed(TargetFailure::Said { message }, out);
        }
        self.error_reported(&message, out);
    }

    /// This machine does not let the run go on: it ends in order, as far as that is possible.
    pub(super) fn host_failed(&mut self, failure: HostFailure, out: &mut Commands) {
        let what = failure.to_string();
        self.incident(self.now_ns, IncidentKind::Instrument, Severity::Critical, None, &what, out);
        let again = matches!(self.how, Some(How::HarnessFailed { .. }));
        self.how.get_or_insert(How::HarnessFailed { why: what });
        // Without a guardian nobody would undo anything if the harness died now; and where ending in order was
        // tried and failed, only the hard way is left.
        let at_once = again || failure == HostFailure::GuardianGone;
        self.trouble.get_or_insert(Trouble::Host(failure));
        if at_once {
            self.end_target(out);
        } else {
            self.end_early(out);
        }
    }

    fn end_target(&mut self, out: &mut Commands) {
        if self.stage.is_last() {
            return;
        }
        self.end_quiesce(false, out);
        if !matches!(self.stage, Stage::Stopping { .. }) {
            self.enter_phase("stop", self.now_ns, out);
        }
        self.skip_faults("the run had ended", out);
        self.heal_all(out);
        // Now, since nobody is told anything any more behind this.
        self.end_alerts(out);
        self.tell_open_incidents(out);
        self.stage = Stage::Ending;
        self.deadline_ns = None;
        out.push(Command::EndTarget);
    }

    /// Nothing is left running: the ledger is closed and the run is over.
    pub(super) fn ended(&mut self, left_behind: Option<u32>, out: &mut Commands) {
        self.close_rounds(true, out);
        self.conclude_faults(out);
        self.leave_phase(self.now_ns, out);
        let costs = self.tell_costs(out);
        let has_processes = self.members.iter().any(|(_, agent)| agent.pid != 0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, below 2^53")]
        let effects = self.gauges.get("effects").filter(|n| **n >= 0.0).map(|n| *n as u64);
        let told = self.tells.contains(&protocol::Capability::Effects);
        let ledger = self.ledger.close(effects.filter(|_| told));
        // Lost is only proven behind the barrier.
        if self.drain.is_some_and(|drain| drain.completed) {
            self.tasks_lost(ledger.lost.saturating_sub(ledger.floods.lost), &costs, out);
        }
        self.end_incidents(out);
        let end = End {
            schema: SCHEMA,
            how: self.how.clone().unwrap_or(How::Finished),
            at_ns: self.now_ns,
            ledger,
            drain: self.drain,
            shed: self.shed,
            ticks: self.sampling.ticks,
            lag_ns: self.lag_ns,
            dropped_records: 0,
            interruptions: self.segment - 1,
            stop_ns: self.stop_ns,
            // A target that was not let end left nobody behind: its processes were taken from it.
            left_behind: left_behind.filter(|left| self.could_end && (has_processes || *left > 0)),
            hung: self.heard.hung(),
            gauges: std::mem::take(&mut self.gauges),
            files: BTreeMap::new(),
        };
        self.stage = Stage::Over;
        out.push(Command::Finish(Box::new(Conclusion { end, trouble: self.trouble.take() })));
    }
}
