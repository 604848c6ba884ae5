//! What every process of a swarm knows: fixed at launch, inherited by fork.

use nix::sys::socket::UnixAddr;

use crate::bus::address;
use crate::clock::now_ns;
use crate::config::Config;
use crate::table::{GATEWAY, Place, Table};

/// A launched swarm.
#[derive(Debug)]
pub(crate) struct Swarm {
    pub(crate) config: Config,
    pub(crate) table: Table,
    name: String,
}

impl Swarm {
    /// Lays out the table: all agents in epoch 1, at home, with agent 0 leading. Never freed: it lives as long
    /// as the process.
    pub(crate) fn new(config: Config) -> nix::Result<&'static Self> {
        let shape = config.shape;
        let table = Table::new(shape.agents(), shape.inner(), config.inbox)?;
        for agent in 0..shape.agents() {
            let slot = table.slot(agent);
            slot.end_epoch(0);
            slot.set_parent(shape.home(agent).unwrap_or(GATEWAY), 1);
        }
        table.set_leader(Place { agent: 0, epoch: 1, turn: 1 });
        let name = format!("shakedown-{}-{:x}", std::process::id(), now_ns());
        Ok(Box::leak(Box::new(Self { config, table, name })))
    }

    /// Where the agent that leads others, or the gateway, listens.
    pub(crate) fn listens_at(&self, agent: u32) -> UnixAddr {
        address(&self.name, 'l', agent)
    }

    /// Where a worker takes what other workers ask.
    pub(crate) fn inbox_of(&self, worker: u32) -> UnixAddr {
        address(&self.name, 'i', worker)
    }

    /// Where a worker takes what other workers reply.
    pub(crate) fn replies_of(&self, worker: u32) -> UnixAddr {
        address(&self.name, 'r', worker)
    }
}
