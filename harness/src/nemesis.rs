//! Applies and undoes faults, each on a thread of its own: a fault that takes seconds to be acknowledged must
//! not delay the undoing of another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use chaos::{Guard, Site, Victim};
use evidence::event::FaultStep;
use scenarios::plan::Fault;
use tokio::sync::mpsc::UnboundedSender;

use crate::clock::Clock;
use crate::dispatcher::{Applied, Event, What};

/// The part that acts on processes.
#[derive(Debug)]
pub(crate) struct Nemesis {
    site: Site,
    clock: Clock,
    events: UnboundedSender<Event>,
    guards: Arc<Mutex<HashMap<usize, Guard>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Nemesis {
    pub(crate) fn new(site: Site, clock: Clock, events: UnboundedSender<Event>) -> Self {
        Self { site, clock, events, guards: Arc::default(), threads: Vec::new() }
    }

    /// Applies a fault; an `Injected` event tells of it.
    pub(crate) fn inject(&mut self, index: usize, fault: Fault, victims: Vec<Victim>) -> std::io::Result<()> {
        let (site, clock) = (self.site.clone(), self.clock);
        let (events, guards) = (self.events.clone(), self.guards.clone());
        self.start(move || {
            let injected = match chaos::inject(&site, &fault, &victims) {
                Ok(injected) => {
                    if let Some(guard) = injected.guard {
                        guards.lock().unwrap_or_else(PoisonError::into_inner).insert(index, guard);
                    }
                    let chaos::Injected { step, at_ns, victims, why, .. } = injected;
                    Applied { step, at_ns, victims, why }
                }
                Err(why) => failed(clock, &why.to_string()),
            };
            // Nobody listens any more when the run is over.
            let _ =
                events.send(Event { at_ns: clock.now_ns(), what: What::Injected { fault: index, injected } });
        })
    }

    /// Undoes a fault; a `Healed` event tells of it.
    pub(crate) fn heal(&mut self, index: usize) -> std::io::Result<()> {
        let guard = self.guards.lock().unwrap_or_else(PoisonError::into_inner).remove(&index);
        let (events, clock) = (self.events.clone(), self.clock);
        self.start(move || {
            let (observed, healed) = match guard.map(Guard::heal) {
                Some(chaos::Healed { step, why, at_ns, observed, victims }) => {
                    (observed, Applied { step, at_ns, victims, why })
                }
                None => (Vec::new(), failed(clock, "there was nothing to undo it with")),
            };
            let what = What::Healed { fault: index, observed, healed };
            // Nobody listens any more when the run is over.
            let _ = events.send(Event { at_ns: clock.now_ns(), what });
        })
    }

    fn start(&mut self, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        self.threads.retain(|thread| !thread.is_finished());
        self.threads.push(std::thread::Builder::new().name("nemesis".to_owned()).spawn(work)?);
        Ok(())
    }

    /// Undoes whatever is still in effect and waits until nothing is being done any more. Blocks.
    pub(crate) fn finish(self) {
        for thread in self.threads {
            // A thread that panicked has dropped its guard, which healed.
            let _ = thread.join();
        }
        self.guards.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn failed(clock: Clock, why: &str) -> Applied {
    Applied { step: FaultStep::Failed, at_ns: clock.now_ns(), victims: Vec::new(), why: Some(why.to_owned()) }
}
