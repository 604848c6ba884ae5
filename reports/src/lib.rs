//! Evidence becomes numbers, numbers become a verdict, a verdict becomes a report.
//!
//! Everything here is a function over a run directory: no clock, no network, no target. The same directory
//! gives the same verdict again, byte for byte. Start with [`render`], which does all of it; or with
//! [`Evidence::read`], [`analyse`] and [`judge`], which are its steps.

mod analysis;
mod decision;
pub mod drift;
mod interim;
mod latency;
pub mod proof;
mod reading;
pub mod reference;
mod report;
mod statistics;
mod verdict;
mod windows;

pub use analysis::{
    About, Against, Analysis, Basis, ClockStep, Course, FaultFinding, Finding, Incident, Instrument,
    Interruption, Left, Name, Pace, Placebo, PointOfRest, Recovery, Sight, Step, Swapped, Trend, Unread,
    Watched, analyse,
};
pub use decision::{
    Cell, CriterionVerdict, Decision, Earlier, Environment, Grade, Rest, Risk, Row, Run, Soundness, Summary,
    decide, decision_json, decision_page, decision_terminal, write_decision,
};
pub use evidence::EvidenceError;
pub use interim::{Kind, Look, Reason, interim};
pub use reading::Evidence;
pub use report::{RenderError, Rendered, render, terminal};
pub use statistics::Interval;
pub use verdict::{Condition, GateVerdict, Outcome, Scope, Verdict, judge, verdict_json};
pub use windows::Window;
