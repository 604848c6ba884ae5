//! A scenario file becomes a plan.

pub mod plan;
