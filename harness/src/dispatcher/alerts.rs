//! Live thresholds: what is watched while a run goes on, and who is told.
//!
//! A threshold is crossed when every reading within its time was outside its limit, and is not any more when every
//! reading within the same time was inside. What was not read changes nothing.

mod growth;
mod readings;
mod resumed;

use std::collections::VecDeque;

use evidence::event::{Edge, Fact, IncidentKind, Severity};
use scenarios::plan::Alert;
use serde::Serialize;

use super::command::{Command, Commands, Notice};
use super::incidents::Incident;
use super::state::State;
use growth::Growth;
use readings::Interval;

/// News that are kept for somebody who looks on, at most; older ones are in the evidence.
const MAX_NEWS: usize = 16;

/// Every threshold of the plan.
#[derive(Debug)]
pub(super) struct Alerts {
    watched: Vec<Watched>,
    interval: Interval,
    news: VecDeque<(u64, String)>,
    told: u64,
}

/// One threshold.
#[derive(Debug, Default)]
struct Watched {
    growth: Growth,
    /// Since when every reading was on the other side of the limit than what was told last.
    turned_ns: Option<u64>,
    /// The incident of a threshold that is crossed.
    incident: Option<u64>,
    value: f64,
}

/// What is told to whoever the plan names, as one line of JSON.
#[derive(Debug, Serialize)]
struct Told<'a> {
    schema: u32,
    run: &'a str,
    scenario: &'a str,
    about: &'a str,
    edge: Edge,
    at_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    what: &'a str,
}

/// The version of the line.
const TOLD_SCHEMA: u32 = 1;

impl Alerts {
    pub(super) fn new(alerts: &[Alert]) -> Self {
        Self {
            watched: alerts.iter().map(|_| Watched::default()).collect(),
            interval: Interval::default(),
            news: VecDeque::new(),
            told: 0,
        }
    }

    /// What was told last, numbered from 1.
    pub(super) fn news(&self) -> Vec<(u64, String)> {
        self.news.iter().cloned().collect()
    }

    fn push_news(&mut self, text: String) {
        self.told += 1;
        if self.news.len() == MAX_NEWS {
            self.news.pop_front();
        }
        self.news.push_back((self.told, text));
    }

    /// How many thresholds are crossed.
    pub(super) fn crossed(&self) -> usize {
        self.watched.iter().filter(|w| w.incident.is_some()).count()
    }
}

impl State {
    /// A threshold's metric was read.
    fn alert_read(&mut self, index: usize, value: f64, out: &mut Commands) {
        if self.stage.is_last() {
            return;
        }
        let alert = &self.plan.soak.alerts[index];
        let (limit, for_ns, at_ns) = (alert.limit, alert.for_ns, self.now_ns);
        let watched = &mut self.alerts.watched[index];
        watched.value = value;
        if limit.holds(value) == watched.incident.is_none() {
            watched.turned_ns = None;
            return;
        }
        let since_ns = *watched.turned_ns.get_or_insert(at_ns);
        if at_ns - since_ns < for_ns {
            return;
        }
        watched.turned_ns = None;
        match watched.incident {
            None => self.alert_begins(index, since_ns, out),
            Some(_) => {
                let what = self.alert_sentence(index);
                let news = format!("over: {what}");
                self.alert_ends(index, what, news, out);
            }
        }
    }

    fn alert_begins(&mut self, index: usize, since_ns: u64, out: &mut Commands) {
        let what = self.alert_sentence(index);
        let (kind, severity, fault) = (IncidentKind::Threshold, Severity::Minor, self.excuse(since_ns));
        let incident = Incident { kind, severity, agent: None, fault, what: what.clone() };
        let number = self.begin_incident(self.now_ns, incident, out);
        self.alerts.watched[index].incident = Some(number);
        self.alert_told(index, Edge::Begin, what.clone(), what, out);
    }

    fn alert_ends(&mut self, index: usize, what: String, news: String, out: &mut Commands) {
        if let Some(number) = self.alerts.watched[index].incident.take() {
            self.end_incident(number, self.now_ns, None, out);
            self.alert_told(index, Edge::End, what, news, out);
        }
    }

    /// The run is over, and nothing is watched any more: that what is crossed came to its end cannot be said.
    pub(super) fn end_alerts(&mut self, out: &mut Commands) {
        for index in 0..self.alerts.watched.len() {
            let how = if self.alerts.watched[index].turned_ns.is_some() {
                "not long enough to be over as the run ends"
            } else {
                "still so as the run ends"
            };
            let what = format!("{}; {how}", self.alert_sentence(index));
            self.alert_ends(index, what.clone(), what, out);
        }
    }

    fn alert_sentence(&self, index: usize) -> String {
        let alert = &self.plan.soak.alerts[index];
        let unit = alert.metric.unit();
        let (value, limit) = (unit.show(self.alerts.watched[index].value), unit.show(alert.limit.value));
        format!("{}: it is {value}, and should be {} {limit}", alert.id, alert.limit.op.sign())
    }

    fn alert_told(&mut self, index: usize, edge: Edge, what: String, news: String, out: &mut Commands) {
        let (alert, value) = (self.plan.soak.alerts[index].id.clone(), self.alerts.watched[index].value);
        self.news(news);
        self.notify(&alert, edge, self.now_ns, Some(value), &what, out);
        out.fact(self.now_ns, Fact::Alert { alert, edge, value, what });
    }

    /// Tells whoever looks on; nobody once the run is over.
    pub(super) fn news(&mut self, text: String) {
        if !self.stage.is_last() {
            self.alerts.push_news(text);
        }
    }

    /// Tells whoever the plan names; nobody once the run is over.
    pub(super) fn notify(
        &self,
        about: &str,
        edge: Edge,
        at_ns: u64,
        value: Option<f64>,
        what: &str,
        out: &mut Commands,
    ) {
        if self.stage.is_last() {
            return;
        }
        let notify = &self.plan.soak.notify;
        if notify.command.is_none() && notify.webhook.is_none() {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds for whoever is told")]
        let at_s = at_ns as f64 / 1e9;
        let (run, scenario) = (self.run_id.as_str(), self.plan.scenario.as_str());
        let told = Told { schema: TOLD_SCHEMA, run, scenario, about, edge, at_s, value, what };
        // A struct of strings and numbers can always be written.
        let line = serde_json::to_string(&told).unwrap_or_default();
        out.push(Command::Notify(Notice { about: about.to_owned(), line }));
    }

    /// Somebody was told, or could not be: then whoever looks on is told that, too.
    pub(super) fn notified(
        &mut self,
        (about, whom): (String, String),
        found: Result<String, String>,
        out: &mut Commands,
    ) {
        if let Err(why) = &found {
            // Also behind the end: of what was told last it is known only then.
            self.alerts
                .push_news(format!("{about}: the {whom} of `soak.notify` did not take the notice: {why}"));
        }
        let (Ok(found) | Err(found)) = found;
        out.fact(self.now_ns, Fact::Notified { about, whom, found });
    }
}

/// Under which name an incident is told.
pub(super) fn about_incident(kind: IncidentKind) -> &'static str {
    match kind {
        IncidentKind::Crash => "crash",
        IncidentKind::Hang => "hang",
        IncidentKind::FailedRounds => "failed rounds",
        IncidentKind::Lost => "lost",
        IncidentKind::Restart => "restart",
        IncidentKind::Threshold => "threshold",
        IncidentKind::Outage => "outage",
        IncidentKind::Protocol => "protocol",
        IncidentKind::Instrument => "instrument",
    }
}
