//! The progress of a run on the terminal: one line that is written over, or a line now and then where the
//! output is no terminal. Alerts have a line of their own, also where nobody wants to see progress.

use std::io::IsTerminal;
use std::time::Duration;

use harness::Progress;
use tokio::sync::watch;

use crate::terminal::{clear_line, note};

/// How often the line is written over on a terminal.
const ON_TERMINAL: Duration = Duration::from_millis(250);
/// How often a line is added elsewhere.
const IN_LOG: Duration = Duration::from_secs(10);

/// Shows alerts and, unless it is to be quiet, progress, until the run drops its sender.
pub(crate) async fn show(updates: watch::Receiver<Progress>, quiet: bool) {
    if quiet { alerts(updates).await } else { line_and_alerts(updates).await }
}

/// Alerts alone.
async fn alerts(mut updates: watch::Receiver<Progress>) {
    let mut told = 0;
    while updates.changed().await.is_ok() {
        told = tell_news(&updates.borrow_and_update().news, told, "");
    }
    tell_news(&updates.borrow().news, told, "");
}

/// Elsewhere than on a terminal the beginning of each phase has a line too.
async fn line_and_alerts(mut updates: watch::Receiver<Progress>) {
    let terminal = std::io::stderr().is_terminal();
    let mut tick = tokio::time::interval(if terminal { ON_TERMINAL } else { IN_LOG });
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut shown_phase = String::new();
    let mut told = 0;
    loop {
        let due = tokio::select! {
            changed = updates.changed() => match changed {
                Ok(()) => !terminal && updates.borrow().phase != shown_phase,
                Err(_) => break,
            },
            _ = tick.tick() => true,
        };
        let progress = updates.borrow().clone();
        told = tell_news(&progress.news, told, clear_line());
        // Before the first phase there is nothing to tell.
        if due && !progress.phase.is_empty() {
            let text = line(&progress);
            let end = if terminal { "" } else { "\n" };
            note(format_args!("{}{text}{end}", clear_line()));
            shown_phase = progress.phase;
        }
    }
    tell_news(&updates.borrow().news, told, clear_line());
    note(format_args!("{}", clear_line()));
}

/// A line for each alert, critical incident and notice that was not taken, if it was not told yet, in place of what stands there; up to which of
/// them it was.
fn tell_news(news: &[(u64, String)], told: u64, in_place_of: &str) -> u64 {
    for (number, text) in news.iter().filter(|(number, _)| *number > told) {
        note(format_args!("{in_place_of}alert {number}: {text}\n"));
    }
    news.last().map_or(told, |(number, _)| *number)
}

/// `hold · 12 s, 8 s left · 20/20 agents · 24 rounds · delivery 100 % · faults 1/1`
fn line(p: &Progress) -> String {
    let seconds = |d: Duration| format!("{} s", d.as_secs());
    let mut parts = vec![
        p.phase.clone(),
        match p.remaining {
            Some(remaining) => format!("{}, {} left", seconds(p.elapsed), seconds(remaining)),
            None => seconds(p.elapsed),
        },
        format!("{}/{} agents", p.agents_alive, p.agents_expected),
    ];
    if p.rounds_done > 0 {
        parts.push(format!("{} rounds", p.rounds_done));
    }
    if let Some(delivery) = p.delivery {
        parts.push(format!("delivery {}", evidence::unit::Unit::Ratio.show(delivery)));
    }
    if p.faults_planned > 0 {
        parts.push(format!("faults {}/{}", p.faults_done, p.faults_planned));
    }
    if p.alerts > 0 {
        parts.push(format!("alerts {}", p.alerts));
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_phase_time_agents_rounds_delivery_and_faults() {
        let progress = Progress {
            phase: "hold".into(),
            elapsed: Duration::from_millis(12_400),
            remaining: Some(Duration::from_secs(8)),
            agents_alive: 19,
            agents_expected: 20,
            rounds_done: 24,
            delivery: Some(0.9991),
            faults_done: 1,
            faults_planned: 2,
            incidents: 3,
            alerts: 1,
            news: Vec::new(),
        };
        assert_eq!(
            line(&progress),
            "hold · 12 s, 8 s left · 19/20 agents · 24 rounds · delivery 99.9 % · faults 1/2 · alerts 1"
        );
    }
}
