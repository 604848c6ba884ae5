//! Whole runs on a clock that the test moves, against a target that the test scripts.

mod alerts;
mod always;
mod ending;
mod every_phase;
mod faults;
mod incidents;
mod means;
mod open_at_death;
mod rest;
mod resume;
mod simulation;
mod talk;
mod work;

use simulation::{Deeds, MS, SECOND, Simulation, plan};
