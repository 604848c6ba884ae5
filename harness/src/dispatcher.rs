//! Decides everything that a run does, and does nothing itself.
//!
//! [`step`] takes something that happened and returns what to do about it. It performs no input or output and
//! reads no clock: time comes with the events. So a run of a month can be stepped through in seconds, and
//! whatever happened in a real run can be asked again. What to do and when is read from the plan; the loop
//! that feeds this decides nothing.
//!
//! All times are nanoseconds since the start of the run. Start with [`State`]; each file beside this one holds
//! one concern of it.

mod agents;
mod alerts;
mod clocks;
mod command;
mod ending;
mod event;
mod faults;
mod hung;
mod incidents;
mod intervals;
mod launch;
mod load;
mod quiesce;
mod resume;
mod sampling;
mod state;
mod timeline;

pub use command::{Command, Commands, Conclusion, Notice, SampleOrder, Trouble};
pub use event::{Applied, Event, TickSummary, What};
pub use hung::Hearing;
pub use resume::Resumption;
pub use state::State;

use state::Due;

/// Takes something that happened into account; returns what is to be done about it and about everything that
/// is due by then.
pub fn step(state: &mut State, event: Event) -> Commands {
    state.now_ns = state.now_ns.max(event.at_ns);
    let mut commands = Commands::default();
    let out = &mut commands;
    match event.what {
        What::Due => {}
        What::Started { pid } => state.started(pid, out),
        What::TakenOver { pid } => state.taken_over(pid, out),
        What::Killed { status, ended, still_alive } => {
            state.target_killed(&status, ended, still_alive, out);
        }
        What::StartedAgain { pid } => state.started_again(pid, out),
        What::Report(report) => state.reported(report, out),
        What::Identified { processes, descriptors } => state.identified(&processes, descriptors, out),
        What::Failed(failure) => state.target_failed(failure, out),
        What::OutputClosed => state.output_closed(),
        What::Exited { status } => state.target_exited(&status, out),
        What::Injected { fault, injected } => state.injected(fault, injected, out),
        What::Healed { fault, observed, healed } => state.healed(fault, observed, healed, out),
        What::Sampled { vanished, mark, tick } => {
            state.sampled(&vanished, mark, &tick, out);
            state.watch_tick(&tick, mark, out);
        }
        What::Notified { about, whom, found } => state.notified((about, whom), found, out),
        What::HostFailed(failure) => state.host_failed(failure, out),
        What::Interrupted => state.interrupted(out),
        What::EndEarly { why } => state.end_by_rule(why, out),
        What::Ended { left_behind } => state.ended(left_behind, out),
    }
    catch_up(state, &mut commands);
    commands
}

/// Does what is due, in the order in which it was due, however late it is noticed; of a load that cannot be started a part,
/// so that between two steps there is time for what else happens.
fn catch_up(state: &mut State, out: &mut Commands) {
    state.rest_if_nothing_is_open();
    while let Some((at_ns, due)) = state.earliest().filter(|(at_ns, _)| *at_ns <= state.now_ns) {
        match due {
            Due::PhaseEdge => state.phase_edge(at_ns, out),
            Due::Heal(fault) => state.order_heal(fault, out),
            Due::Fault => state.fault_due(at_ns, out),
            Due::Armed => state.armed_fault_due(at_ns, out),
            Due::Waited(fault) => state.waited_for(fault, out),
            Due::Unheard(fault) => state.unheard(fault, out),
            Due::Flood(fault) => state.flood_due(fault, out),
            Due::Rounds => state.close_rounds(false, out),
            Due::Quiesce => state.quiesce_due(at_ns, out),
            Due::Interval => state.interval_due(at_ns, out),
            Due::Round => state.round_due(at_ns, out),
            Due::Arrival => {
                if !state.arrivals_due(out) {
                    return;
                }
            }
            Due::Tick => state.tick_due(at_ns, out),
            Due::Deadline => state.deadline_passed(out),
        }
    }
}

#[cfg(test)]
mod tests;
