//! When each phase was, as it happened.

use evidence::event::{Edge, Event, Fact};

/// One phase as it happened. Times are nanoseconds since the start of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The phase.
    pub phase: String,
    /// When it began.
    pub begin_ns: u64,
    /// When it ended; the end of the evidence for a phase that did not end.
    pub end_ns: u64,
}

impl Window {
    /// Whether a moment lies in it.
    #[must_use]
    pub fn holds(&self, at_ns: u64) -> bool {
        (self.begin_ns..self.end_ns).contains(&at_ns)
    }
}

/// The phases in the order in which they began.
pub(crate) fn windows(events: &[Event], last_ns: u64) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    for event in events {
        let Fact::Phase { phase, edge } = &event.fact else { continue };
        match edge {
            Edge::Begin => {
                windows.push(Window { phase: phase.clone(), begin_ns: event.at_ns, end_ns: last_ns });
            }
            Edge::End => {
                if let Some(open) = windows.iter_mut().rev().find(|w| w.phase == *phase) {
                    open.end_ns = event.at_ns;
                }
            }
        }
    }
    windows
}

/// The phase of a moment.
pub(crate) fn phase_at(windows: &[Window], at_ns: u64) -> Option<&str> {
    windows.iter().rev().find(|w| w.holds(at_ns)).map(|w| w.phase.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_that_did_not_end_lasts_to_the_end_of_the_evidence() {
        let edge =
            |at_ns, phase: &str, edge| Event { at_ns, fact: Fact::Phase { phase: phase.into(), edge } };
        let events =
            [edge(5, "warm_up", Edge::Begin), edge(9, "warm_up", Edge::End), edge(9, "hold", Edge::Begin)];
        let windows = windows(&events, 20);
        assert_eq!(windows[1], Window { phase: "hold".into(), begin_ns: 9, end_ns: 20 });
        for (at, phase) in [(4, None), (5, Some("warm_up")), (9, Some("hold")), (20, None)] {
            assert_eq!(phase_at(&windows, at), phase);
        }
    }
}
