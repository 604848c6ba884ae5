//! The phases of the plan, moved to the moment at which the target was ready.

use evidence::event::{Edge, Fact};
use scenarios::plan::Plan;

use super::command::Commands;
use super::state::State;

/// A phase with load. Times are nanoseconds since the start of the run once it has begun.
#[derive(Debug, Clone)]
struct Phase {
    name: String,
    at_ns: u64,
    length_ns: u64,
}

/// The phases with load, in order, and which of them it is.
#[derive(Debug)]
pub(super) struct Timeline {
    phases: Vec<Phase>,
    current: usize,
    /// The phase whose beginning was told and whose end was not.
    open: Option<String>,
    zero_ns: Option<u64>,
    load_ns: u64,
    pub(super) drain_ns: u64,
}

impl Timeline {
    pub(super) fn new(plan: &Plan) -> Self {
        let with_load = plan.phases.iter().filter(|p| p.name != "drain" && p.length_ns > 0);
        let phases = with_load
            .map(|p| Phase { name: p.name.clone(), at_ns: p.at_ns, length_ns: p.length_ns })
            .collect();
        let drain_ns = plan.phases.iter().find(|p| p.name == "drain").map_or(0, |p| p.length_ns);
        Self { phases, current: 0, open: None, zero_ns: None, load_ns: plan.load_ends_ns(), drain_ns }
    }

    /// Zero of the plan, once the target is ready.
    pub(super) fn zero_ns(&self) -> Option<u64> {
        self.zero_ns
    }

    /// When the last load is due.
    pub(super) fn load_ends_ns(&self) -> Option<u64> {
        Some(self.zero_ns? + self.load_ns)
    }

    /// The name of the planned phase that it is.
    fn planned(&self) -> &str {
        self.phases.get(self.current).map_or("drain", |p| &p.name)
    }

    /// The name of the phase that goes on.
    pub(super) fn phase(&self) -> &str {
        self.open.as_deref().unwrap_or_default()
    }

    /// Goes on with a plan that began then.
    pub(super) fn go_on(&mut self, zero_ns: u64, now_ns: u64) {
        self.zero_ns = Some(zero_ns);
        let passed = |phase: &&Phase| zero_ns + phase.at_ns + phase.length_ns <= now_ns;
        self.current = self.phases.iter().take_while(passed).count();
    }

    /// When the present phase ends.
    pub(super) fn next_edge_ns(&self) -> Option<u64> {
        let zero_ns = self.zero_ns?;
        // A plan without any load has one edge: its end is its beginning.
        Some(self.phases.get(self.current).map_or(zero_ns, |p| zero_ns + p.at_ns + p.length_ns))
    }
}

impl State {
    /// The phase that goes on ends and another begins. Both are facts, and neither shares an interval of the
    /// workload with the other.
    pub(super) fn enter_phase(&mut self, name: &str, at_ns: u64, out: &mut Commands) {
        self.leave_phase(at_ns, out);
        out.fact(at_ns, Fact::Phase { phase: name.to_owned(), edge: Edge::Begin });
        self.timeline.open = Some(name.to_owned());
        if self.timeline.zero_ns.is_some() {
            self.tally.begin(at_ns, name, self.ledger.counts());
        }
    }

    /// The phase that goes on ends.
    pub(super) fn leave_phase(&mut self, at_ns: u64, out: &mut Commands) {
        self.close_interval(at_ns, out);
        if let Some(phase) = self.timeline.open.take() {
            out.fact(at_ns, Fact::Phase { phase, edge: Edge::End });
        }
    }

    /// The target is ready: from here on the plan's offsets count.
    pub(super) fn begin_timeline(&mut self, out: &mut Commands) {
        self.timeline.zero_ns = Some(self.now_ns);
        self.begin_phase(self.now_ns, out);
        self.write_checkpoint(out);
    }

    /// Another harness goes on in the phase that it is by now. What the hold phase is compared with was read if it
    /// had `held` before.
    pub(super) fn go_on_with_phase(&mut self, held: bool, out: &mut Commands) {
        if held && self.timeline.planned() == "hold" {
            self.enter_phase("hold", self.now_ns, out);
            // The harness may have died before that was read.
            if !self.sampling.baseline {
                self.mark_baseline();
            }
        } else {
            self.begin_phase(self.now_ns, out);
        }
    }

    fn begin_phase(&mut self, at_ns: u64, out: &mut Commands) {
        let name = self.timeline.planned().to_owned();
        self.enter_phase(&name, at_ns, out);
        match name.as_str() {
            "drain" => self.end_load(out),
            "hold" => self.mark_baseline(),
            _ => {}
        }
    }

    /// A planned phase ends and the next begins.
    pub(super) fn phase_edge(&mut self, at_ns: u64, out: &mut Commands) {
        self.timeline.current += 1;
        self.begin_phase(at_ns, out);
    }

    /// The load ends now, whatever the plan says: what follows is the drain.
    pub(super) fn cut_load(&mut self, out: &mut Commands) {
        self.timeline.current = self.timeline.phases.len();
        self.begin_phase(self.now_ns, out);
    }
}
