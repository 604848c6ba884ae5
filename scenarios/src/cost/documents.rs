//! Files of which there is one a run: the plan, how it stood and how it ended, and the reports. Their sizes were fitted to
//! what some fifty runs of the scenarios of this repository left behind, of 10 to 708 agents and up to 60 faults; of a
//! run of weeks they are no hundredth.

use evidence::fewest;
use evidence::layout::{self, File};
use evidence::role::Role;

use crate::plan::Plan;
use crate::retention;

/// Ticks of which the charts of the page have points, about; of more only some are drawn.
const DRAWN: f64 = 1_000.0;
/// Faults of which the page tells one by one.
const TOLD: u64 = 40;
/// How long a target settles after a fault, in nanoseconds: no drift is looked for in that time.
const SETTLES_NS: u64 = 1_000_000_000;

/// What each of them takes, in bytes.
pub(super) fn all(plan: &Plan) -> Vec<(File, u64)> {
    let agents = u64::from(retention::agents(plan).all());
    let (gates, faults) = (plan.gates.len() as u64, plan.faults.len() as u64);
    let broken = u64::from(faults > 0);
    vec![
        (layout::MANIFEST, 1_700 + 180 * gates + 230 * faults),
        (layout::PLAN, plan.to_json().len() as u64),
        (layout::SCENARIO, 1_500),
        (layout::CHECKPOINT, 700 + 98 * agents),
        (layout::SENT, 84),
        (layout::END, 1_900),
        (layout::VERDICT, 48_000 + 500 * gates + broken * 12_000 + 4_300 * faults),
        (
            layout::REPORT_HTML,
            26_000 + 250 * gates + charts(plan) + broken * 10_000 + 7_500 * faults.min(TOLD),
        ),
        (layout::REPORT_MD, 8_200 + 300 * gates + broken * 4_000 + 750 * faults),
        (layout::JUNIT, 600 + 200 * gates),
    ]
}

/// The charts of the page: what was read over time and, where enough of it was calm for a slope, the drifts.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "some hundred thousand bytes"
)]
fn charts(plan: &Plan) -> u64 {
    let of_role = |role: &&Role| retention::agents(plan).of(**role) > 0;
    let roles = Role::ALL.iter().filter(of_role).count() as u64;
    let charts = 4 + roles + if has_slopes(plan) { 6 + 3 * roles } else { 0 };
    let points = ((plan.load_ends_ns() / plan.sample.every_ns.max(1)) as f64).min(DRAWN);
    charts * (2_300.0 + 500.0 * points.sqrt()) as u64
}

/// Whether the hold phase has enough blocks beside the faults. There are no more than samples, over all of it; one
/// may lie half in a fault.
fn has_slopes(plan: &Plan) -> bool {
    let Some(hold) = plan.phases.iter().find(|phase| phase.name == "hold") else { return false };
    let (mut calm_ns, mut over_ns) = (hold.length_ns, hold.at_ns);
    for fault in &plan.faults {
        let settled_ns = fault.at_ns.saturating_add(fault.for_ns).saturating_add(SETTLES_NS);
        let end_ns = settled_ns.min(hold.at_ns + hold.length_ns);
        calm_ns = calm_ns.saturating_sub(end_ns.saturating_sub(fault.at_ns.max(over_ns)));
        over_ns = over_ns.max(end_ns);
    }
    let samples = calm_ns / plan.sample.every_ns.max(1);
    let blocks = u128::from(samples) * u128::from(calm_ns) / u128::from(hold.length_ns.max(1));
    blocks + 1 >= fewest::OF_SLOPE as u128
}
