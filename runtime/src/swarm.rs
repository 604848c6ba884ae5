//! What every process of a swarm knows: fixed at launch, inherited by fork.

use std::os::fd::OwnedFd;

use nix::sys::socket::UnixAddr;

use crate::bus::{Link, Mail, Rules, Spool, address};
use crate::clock::now_ns;
use crate::config::Config;
use crate::directory::Directory;
use crate::table::{GATEWAY, Place, Table};

/// A launched swarm.
#[derive(Debug)]
pub(crate) struct Swarm {
    pub(crate) config: Config,
    pub(crate) table: Table,
    pub(crate) rules: &'static Rules,
    /// Where its files lie, if it has any.
    pub(crate) directory: Option<Directory>,
    /// Where its messages lie, if they are files.
    pub(crate) spool: Option<&'static Spool>,
    name: String,
}

impl Swarm {
    /// Fills the table: all agents in their first epoch, or the one after their last, at home, with agent 0 leading.
    /// Never freed: it lives as long as the process.
    pub(crate) fn new(
        config: Config,
        table: Table,
        directory: Option<Directory>,
        spool: Option<Spool>,
    ) -> nix::Result<&'static Self> {
        let shape = config.shape;
        for agent in 0..shape.agents() {
            let slot = table.slot(agent);
            slot.end_epoch(0);
            // Homes have smaller numbers.
            match shape.home(agent) {
                Some(home) => slot.set_parent(home, table.slot(home).epoch()),
                None => slot.set_parent(GATEWAY, 1),
            }
        }
        table.set_leader(Place { agent: 0, epoch: table.slot(0).epoch(), turn: 1 });
        let name = format!("shakedown-{}-{:x}", std::process::id(), now_ns());
        let rules = Rules::shared()?;
        let spool = spool.map(|spool| &*Box::leak(Box::new(spool)));
        Ok(Box::leak(Box::new(Self { config, table, rules, directory, spool, name })))
    }

    /// A link of this swarm, under its rules.
    pub(crate) fn link(&self, fd: OwnedFd, sender: u32, epoch: u32) -> Link {
        let link = match self.spool {
            None => Link::new(fd, sender, epoch),
            Some(spool) => Link::by_mail(Mail::new(fd, spool, sender), sender, epoch),
        };
        link.under(self.rules)
    }

    /// Removes what was sent to earlier lives of an agent whose process has just begun.
    pub(crate) fn sweep_mail(&self, agent: u32) {
        let slot = self.table.slot(agent);
        if let Some(spool) = self.spool.filter(|_| slot.epoch() > 1) {
            spool.sweep(agent, slot.forked_ns.load(std::sync::atomic::Ordering::Relaxed));
        }
    }

    /// How often a file system has refused something to the bus.
    pub(crate) fn mail_refused(&self) -> u64 {
        let errors = |spool: &Spool| spool.counts().errors.load(std::sync::atomic::Ordering::Relaxed);
        self.spool.map_or(0, errors)
    }

    /// Removes the files of a swarm that has ended.
    pub(crate) fn leave_directory(&self) {
        if let Some(directory) = &self.directory {
            directory.leave();
        }
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
