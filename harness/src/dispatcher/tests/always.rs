//! What holds in every run, whatever the target does and whenever the user interrupts.

use std::collections::HashSet;

use evidence::event::{Edge, Fact, FaultStep};
use proptest::prelude::*;
use scenarios::plan::{FaultKind, Means, Overlap, Quiesce, When};

use super::super::What;
use super::simulation::fault;
use super::*;
use crate::error::HostFailure;

fn deeds() -> impl Strategy<Value = Deeds> {
    let deaf = prop::sample::subsequence(
        vec!["hello", "launch", "round", "quiesce", "drain", "snapshot", "stop"],
        0..3,
    );
    (
        prop::option::of(0..8 * SECOND),
        prop::option::of(1_u64..6),
        prop::option::of(0..20 * SECOND),
        prop_oneof![4 => Just(Vec::new()), 1 => deaf],
        any::<bool>(),
    )
        .prop_map(|(answer_after_ns, drop_1_in, dies_at_ns, deaf_to, refuses)| Deeds {
            answer_after_ns,
            drop_1_in,
            dies_at_ns,
            deaf_to,
            refuses,
            ..Deeds::default()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Every run ends, and then: everything broken was put back before the end, everything sent is accounted
    /// for, every round that was due has a row
    /// unless it was withheld, the intervals add up to the ledger, no load was sent behind
    /// the drain, and every phase that began has ended.
    #[test]
    fn a_run_ends_and_its_evidence_is_whole(
        deeds in deeds(),
        faults in prop::collection::vec((0..12 * SECOND, 0..4 * SECOND, 0_u32..4, any::<bool>()), 0..4),
        kinds in prop::array::uniform4(0_u8..12),
        up_ns in prop_oneof![Just(0), 0..3 * SECOND],
        interrupts in prop::collection::vec(0..25 * SECOND, 0..4),
        disk_full in prop::option::weighted(0.2, 0..25 * SECOND),
        rests in prop::option::of((SECOND..6 * SECOND, 0..3 * SECOND)),
    ) {
        let mut plan = plan(10);
        plan.soak.quiesce = rests.map(|(every_ns, within_ns)| Quiesce { every_ns, within_ns });
        let mut faults = faults;
        faults.sort_unstable();
        for (index, (at_ns, for_ns, place, in_round)) in faults.into_iter().enumerate() {
            let when = if in_round { When::RoundInFlight { after_ns: MS } } else { When::Due {} };
            let mut planned = fault(&index.to_string(), at_ns, for_ns, &[place], when);
            let others = [
                None,
                Some(FaultKind::BusDrop { per_million: 1 }),
                Some(FaultKind::Flood { messages: 30, payload: 64 }),
                Some(FaultKind::Restart {}),
            ];
            if let Some(kind) = others[usize::from(kinds[index]) % others.len()].clone() {
                planned.kind = kind;
            }
            if planned.kind.means() == Means::Launch {
                (planned.victims, planned.for_ns) = (None, for_ns.max(MS));
            }
            planned.overlap = [Overlap::Allow, Overlap::Queue, Overlap::Refuse][usize::from(kinds[index]) / 4 % 3];
            planned.up_ns = up_ns;
            plan.faults.push(planned);
        }
        let mut run = Simulation::new(plan, deeds);
        for at_ns in interrupts {
            run.at(at_ns, What::Interrupted);
        }
        if let Some(at_ns) = disk_full {
            run.at(at_ns, What::HostFailed(HostFailure::Evidence { found: "no space left".into() }));
        }
        let run = run.run();
        let end = run.end();
        prop_assert!(end.at_ns < 60 * SECOND, "it took {} s", end.at_ns / SECOND);

        let ledger = end.ledger;
        prop_assert_eq!(
            ledger.sent,
            ledger.refused + ledger.in_time + ledger.late + ledger.lost + ledger.unknown
        );
        let sum = |of: fn(&evidence::round::Interval) -> u64| run.intervals.iter().map(of).sum::<u64>();
        let floods = ledger.floods;
        prop_assert_eq!(
            floods.sent,
            floods.refused + floods.in_time + floods.late + floods.lost + floods.unknown
        );
        prop_assert_eq!(sum(|i| i.sent), ledger.sent - floods.sent);
        prop_assert_eq!(sum(|i| i.answered), ledger.in_time - floods.in_time);
        prop_assert_eq!(sum(|i| i.late), ledger.late - floods.late);
        // Of each interval at most one row tells, and none before its end.
        let told = |rows: usize| run.intervals[..rows].iter().map(|i| i.failed.len()).sum::<usize>();
        prop_assert!((1..=run.intervals.len()).all(|rows| told(rows) <= rows));
        let failed = sum(|i| i.failed.iter().sum());
        prop_assert!(failed <= sum(|i| i.sent) - sum(|i| i.answered), "{} failed", failed);
        let numbers: HashSet<u64> = run.rounds.iter().map(|r| r.round).collect();
        prop_assert_eq!(numbers.len(), run.rounds.len());
        let points = |wanted: Edge| run.facts(|f| match f {
            Fact::Quiesce { point, edge, withheld, .. } if *edge == wanted => Some((*point, *withheld)),
            _ => None,
        });
        let (begun, over) = (points(Edge::Begin), points(Edge::End));
        prop_assert_eq!(begun.len(), over.len());
        let withheld: u64 = over.iter().map(|(_, (_, withheld))| withheld).sum();
        prop_assert_eq!(run.rounds.len() as u64 + withheld, run.state.next_round);

        let injected = |id: &String| run.facts(|f| match f {
            Fact::Fault { fault, step: FaultStep::Injected, .. } if fault == id => Some(()),
            _ => None,
        }).len();
        for planned in &run.state.plan().faults {
            prop_assert!(injected(&planned.id) <= 1);
        }
        let steps = |id: &String| run.facts(|f| match f {
            Fact::Fault { fault, step, .. } if fault == id => Some(*step),
            _ => None,
        });
        for planned in run.state.plan().faults.iter().filter(|f| f.kind.means() != Means::Host) {
            let steps: Vec<FaultStep> = steps(&planned.id).into_iter().map(|(_, step)| step).collect();
            let complete = match steps[..] {
                [FaultStep::Skipped | FaultStep::Failed] => true,
                [FaultStep::Injected, FaultStep::Failed] => planned.kind.means() == Means::Launch,
                [FaultStep::Injected, FaultStep::Observed] => planned.for_ns == 0,
                [FaultStep::Injected, FaultStep::Observed, FaultStep::Healed | FaultStep::Failed] => {
                    planned.for_ns > 0
                }
                _ => false,
            };
            prop_assert!(complete, "{} {:?}: {:?}", planned.id, planned.kind, steps);
        }
        let end_ns = run.when("end target")[0];
        let (heals, last_heal) = (run.when("heal"), run.when("heal").last().copied());
        let pauses = run.facts(|f| match f {
            Fact::Fault { fault, step: FaultStep::Injected, .. } => {
                let planned = run.state.plan().faults.iter().find(|p| &p.id == fault)?;
                (planned.for_ns > 0 && matches!(planned.kind.means(), Means::Host | Means::Target)).then_some(())
            }
            _ => None,
        });
        prop_assert!(heals.len() <= pauses.len());
        prop_assert!(last_heal.is_none_or(|at_ns| at_ns <= end_ns));

        if let Some(drain_ns) = run.when("drain").first() {
            prop_assert!(run.when("round").iter().all(|at_ns| at_ns < drain_ns));
        }
        let edges = |wanted: Edge| run.facts(|f| match f {
            Fact::Phase { phase, edge } if *edge == wanted => Some(phase.clone()),
            _ => None,
        });
        let begun: Vec<String> = edges(Edge::Begin).into_iter().map(|(_, p)| p).collect();
        let ended: Vec<String> = edges(Edge::End).into_iter().map(|(_, p)| p).collect();
        prop_assert_eq!(begun, ended);
        prop_assert_eq!(run.when("finish").len(), 1);
    }
}
