//! The bundled target: an agent swarm on a message bus, every agent an operating-system process.
//!
//! Three kinds of process. The **gateway** is the root: it speaks the control protocol and holds every task
//! from its acceptance to its answer. The **spawner**, forked from it while it is small, forks all agents and
//! tells of every exit. The **agents** are the master, the coordinators and the workers, joined by Unix
//! seqpacket sockets, or by files, into a tree, with one table in shared memory that says who lives, who leads,
//! who reports to whom, and what every worker has executed.
//!
//! With `persist` the table is a file and the gateway keeps a journal beside it: the next swarm in the same
//! directory goes on with what this one had accepted. Both outlive every process, but not the host.
//!
//! Nothing here knows that it is being tested, except [`Defects`].

pub mod bus;
mod by_hand;
mod cli;
pub mod clock;
mod config;
mod coordinator;
mod defects;
mod directory;
mod gateway;
mod hearing;
mod limits;
mod listener;
mod pause;
mod poller;
mod process;
mod shape;
mod spawner;
mod swarm;
mod table;
mod worker;

pub use cli::swarm_main;
pub use config::{Config, ConfigError};
pub use defects::Defects;
pub use shape::{MAX_AGENTS, Shape};
