//! What a run is going to do, in the words of the evidence.

use evidence::manifest::{Manifest, Phase, PlannedFault, SCHEMA, Sampling, Soak, Target, Workload};
use evidence::role::Role;
use evidence::unit::Unit;
use scenarios::plan::{self, Fault, Plan, Shape, Work};

use crate::Setup;

/// The first file of a run.
#[must_use]
pub fn of(plan: &Plan, setup: &Setup, monotonic_ns: u64) -> Manifest {
    Manifest {
        schema: SCHEMA,
        shakedown: setup.version.clone(),
        binary: Some(setup.binary.clone()),
        run: setup.run_id.clone(),
        scenario: plan.scenario.clone(),
        why: plan.why.clone(),
        seed: plan.seed,
        fingerprint: setup.fingerprint.clone(),
        started: setup.started_wall.clone(),
        monotonic_ns,
        command: setup.command.clone(),
        rehearsal: plan.rehearsal,
        host: crate::host::facts(),
        target: target(&plan.target),
        phases: plan.phases.iter().map(|p| Phase { name: p.name.clone(), length_ns: p.length_ns }).collect(),
        faults: plan.faults.iter().map(fault).collect(),
        sampling: Sampling {
            every_ns: plan.sample.every_ns,
            slow_every_ns: plan.sample.slow_every_ns,
            counts_swap: true,
        },
        workload: Workload {
            rounds_every_ns: plan.workload.rounds.as_ref().map(|r| r.every_ns),
            arrivals: plan.workload.arrivals.is_some(),
            timeout_ns: timeout_ns(&plan.workload),
            words: workload_words(&plan.workload),
        },
        soak: soak(&plan.soak, setup),
        gates: plan.gates.clone(),
    }
}

fn soak(soak: &plan::Soak, setup: &Setup) -> Soak {
    Soak {
        horizon_ns: soak.horizon_ns,
        quiesce_every_ns: soak.quiesce.map(|q| q.every_ns),
        kept: soak.on_harness_death == plan::OnHarnessDeath::Keep,
        looks: soak.end_early.map_or(0, |early| early.looks),
        boot: crate::host::boot_id(),
        scenario: crate::resume::digest(setup.scenario_text.as_bytes()),
    }
}

fn timeout_ns(workload: &plan::Workload) -> Option<u64> {
    let rounds = workload.rounds.as_ref().map(|r| r.timeout_ns);
    let arrivals = workload.arrivals.as_ref().map(|a| a.timeout_ns);
    rounds.into_iter().chain(arrivals).min()
}

fn target(target: &plan::Target) -> Target {
    Target {
        bundled: target.command.is_none(),
        command: target.command.clone().unwrap_or_default(),
        shape: target.shape.clone(),
        agents: target.agents.map(plan::Agents::all),
        coordinators: target.agents.map(|a| a.of(Role::Coordinator)),
    }
}

fn fault(fault: &Fault) -> PlannedFault {
    PlannedFault {
        id: fault.id.clone(),
        kind: fault.kind.name().to_owned(),
        words: fault.words(),
        role: fault.victims.as_ref().map(|v| v.role),
        count: fault.victims.as_ref().map_or(1, |v| u32::try_from(v.places.len()).unwrap_or(u32::MAX)),
        at_ns: fault.at_ns,
        for_ns: fault.for_ns,
        recovers_within_ns: fault.recovers_within_ns,
        requires: fault.requires,
    }
}

fn workload_words(workload: &plan::Workload) -> String {
    let rounds = workload
        .rounds
        .as_ref()
        .map(|r| format!("a round each {}, {}, {}", time(r.every_ns), size(r.payload), work_words(&r.work)));
    let arrivals = workload.arrivals.as_ref().map(|a| {
        let shapes: Vec<String> = a.segments.iter().take(4).map(|s| shape_words(&s.shape)).collect();
        let more = if a.segments.len() > 4 { ", …" } else { "" };
        format!("single tasks ({}{more}), {}, {}", shapes.join(", "), size(a.payload), work_words(&a.work))
    });
    let parts: Vec<String> = rounds.into_iter().chain(arrivals).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join("; ") }
}

fn shape_words(shape: &Shape) -> String {
    let rate = |per_second| Unit::PerSecond.show(per_second);
    match *shape {
        Shape::Constant { per_second } => rate(per_second),
        Shape::Ramp { from, to } => format!("{} to {}", rate(from), rate(to)),
        Shape::Poisson { per_second } => format!("Poisson {}", rate(per_second)),
        Shape::Burst { count, every_ns } => format!("{count} at once each {}", time(every_ns)),
        Shape::Silence {} => "silence".to_owned(),
    }
}

fn work_words(work: &Work) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a number for a person")]
    let micros = |us: u64| Unit::Seconds.show(us as f64 / 1e6);
    match work {
        Work::Echo {} => "echo".to_owned(),
        Work::Sleep { p50_us, p99_us } if p50_us == p99_us => format!("sleep {}", micros(*p50_us)),
        Work::Sleep { p50_us, p99_us } => format!("sleep {} to {}", micros(*p50_us), micros(*p99_us)),
        Work::Cpu { us } => format!("{} of CPU time", micros(*us)),
        #[expect(clippy::cast_precision_loss, reason = "a number for a person")]
        Work::Alloc { bytes } => format!("allocate {}", Unit::Bytes.show(*bytes as f64)),
        Work::Exec { argv } => format!("run {}", argv.first().map_or("", String::as_str)),
        Work::Relay {} => "relay".to_owned(),
        Work::Mix { parts } => {
            let parts: Vec<String> =
                parts.iter().map(|part| format!("{} × {}", part.weight, work_words(&part.work))).collect();
            format!("a mixture of {}", parts.join(", "))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number for a person")]
fn time(nanos: u64) -> String {
    Unit::Seconds.show(nanos as f64 / 1e9)
}

fn size(bytes: u32) -> String {
    Unit::Bytes.show(f64::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenarios::plan::{Arrivals, Rounds, Segment};

    #[test]
    fn work_is_put_into_words() {
        let segment = |shape| Segment { at_ns: 0, length_ns: 1, shape };
        let workload = plan::Workload {
            rounds: Some(Rounds {
                every_ns: 500_000_000,
                timeout_ns: 1,
                payload: 256,
                work: Work::Echo {},
                open: 1,
                levels: Vec::new(),
            }),
            arrivals: Some(Arrivals {
                segments: vec![
                    segment(Shape::Ramp { from: 0.0, to: 50.0 }),
                    segment(Shape::Burst { count: 9, every_ns: 1_000_000 }),
                ],
                timeout_ns: 1,
                payload: 4096,
                work: Work::Sleep { p50_us: 5000, p99_us: 20_000 },
                slots: 1,
            }),
        };
        insta::assert_snapshot!(
            workload_words(&workload),
            @"a round each 500 ms, 256 B, echo; single tasks (0/s to 50/s, 9 at once each 1 ms), 4 KiB, sleep 5 ms to 20 ms"
        );
    }
}
