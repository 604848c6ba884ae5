//! What a person wants to know while a run goes on.

use std::time::Duration;

/// The state of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// The phase.
    pub phase: String,
    /// Since the start of the run.
    pub elapsed: Duration,
    /// Until the last load is due; `None` before the target is ready and after the load.
    pub remaining: Option<Duration>,
    /// Agents that are alive.
    pub agents_alive: u32,
    /// Agents that there should be.
    pub agents_expected: u32,
    /// Rounds that are complete or timed out.
    pub rounds_done: u64,
    /// Tasks answered correctly and in time, as a share of those that are not still waited for; `None` before
    /// there are any.
    pub delivery: Option<f64>,
    /// Faults that were applied, and undone where they have to be.
    pub faults_done: u32,
    /// Faults in the plan.
    pub faults_planned: u32,
    /// Incidents so far, those that faults of the plan caused among them.
    pub incidents: u64,
    /// Live thresholds that are crossed.
    pub alerts: u32,
    /// The last alerts, critical incidents and notices that were not taken, each with its number in the run, from 1.
    pub news: Vec<(u64, String)>,
}
