//! Tells whoever the plan names: a program, a web server on this machine. What came of it is an event; a run never
//! waits for it.
//!
//! For each alert there is at most one notice under way and two that wait: both edges of what is over at once come
//! together. What comes on top is not told, and that is written down.

mod command;
mod webhook;

use std::collections::HashMap;
use std::time::Duration;

use scenarios::plan::Notify;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::dispatcher::{Event, Notice, What};

/// How long telling somebody may take.
pub(crate) const WITHIN: Duration = Duration::from_secs(10);
/// Notices of one alert that may wait while one is under way.
const WAITING: usize = 2;
/// How long what is under way at the end of a run may still take.
const AT_THE_END: Duration = Duration::from_secs(2);

/// One who is told.
#[derive(Debug, Clone)]
enum Whom {
    Command(Vec<String>),
    Webhook(String),
}

/// Tells each of them of each alert, one after the other.
#[derive(Debug)]
pub(crate) struct Notifier {
    whom: Vec<Whom>,
    clock: Clock,
    events: UnboundedSender<Event>,
    tellers: HashMap<(String, usize), Teller>,
}

/// What tells one of them of one alert.
#[derive(Debug)]
struct Teller {
    lines: mpsc::Sender<String>,
    task: JoinHandle<()>,
}

impl Whom {
    fn name(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            Self::Webhook(_) => "webhook",
        }
    }

    /// What came of telling it; an error if whoever it is did not take it.
    async fn tell(&self, line: &str) -> Result<String, String> {
        match self {
            Self::Command(argv) => command::tell(argv, line).await,
            Self::Webhook(url) => webhook::tell(url, line).await,
        }
    }
}

impl Notifier {
    pub(crate) fn new(notify: &Notify, clock: Clock, events: UnboundedSender<Event>) -> Self {
        let command = notify.command.clone().filter(|argv| !argv.is_empty()).map(Whom::Command);
        let webhook = notify.webhook.clone().map(Whom::Webhook);
        let whom = command.into_iter().chain(webhook).collect();
        Self { whom, clock, events, tellers: HashMap::new() }
    }

    /// Has everybody told; returns at once.
    pub(crate) fn tell(&mut self, notice: &Notice) {
        for index in 0..self.whom.len() {
            let teller = self.tellers.entry((notice.about.clone(), index)).or_insert_with(|| {
                Teller::start(self.whom[index].clone(), &notice.about, self.clock, &self.events)
            });
            if teller.lines.try_send(notice.line.clone()).is_err() {
                let found = "three notices of the same were still under way".to_owned();
                report(&self.events, self.clock, &notice.about, self.whom[index].name(), Err(found));
            }
        }
    }

    /// Waits a little for what is under way and ends the rest.
    pub(crate) async fn finish(self) {
        let deadline = tokio::time::Instant::now() + AT_THE_END;
        for ((about, index), Teller { lines, mut task }) in self.tellers {
            drop(lines);
            if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
                // What it had running is ended as it is dropped; it may have come to its end just now.
                if task.await.is_err() {
                    let found = Err("the run was over before all of it was told".to_owned());
                    report(&self.events, self.clock, &about, self.whom[index].name(), found);
                }
            }
        }
    }
}

impl Teller {
    fn start(whom: Whom, about: &str, clock: Clock, events: &UnboundedSender<Event>) -> Self {
        let (lines, mut received) = mpsc::channel::<String>(WAITING);
        let (about, events) = (about.to_owned(), events.clone());
        let task = tokio::spawn(async move {
            while let Some(line) = received.recv().await {
                let found = whom.tell(&line).await;
                report(&events, clock, &about, whom.name(), found);
            }
        });
        Self { lines, task }
    }
}

fn report(
    events: &UnboundedSender<Event>,
    clock: Clock,
    about: &str,
    whom: &str,
    found: Result<String, String>,
) {
    let what = What::Notified { about: about.to_owned(), whom: whom.to_owned(), found };
    // Nobody listens any more when the run is over.
    let _ = events.send(Event { at_ns: clock.now_ns(), what });
}
