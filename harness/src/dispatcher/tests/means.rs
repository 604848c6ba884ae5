//! Faults that the target does, floods, crash loops; and which faults may begin beside which.

use evidence::event::{Edge, Fact, FaultStep, Level, Proof, Victim};
use evidence::role::Role;
use protocol::Capability;
use scenarios::plan::{Fault, FaultKind, Overlap, Plan, Signal, Victims, When};

use super::simulation::fault;
use super::*;

/// A fault of another kind to the workers at these places, three seconds and a half after the target was ready.
pub(super) fn of_kind(id: &str, kind: FaultKind, for_ns: u64, places: &[u32]) -> Fault {
    let victims = Victims { role: Role::Worker, places: places.to_vec() };
    Fault::new(id, kind, Some(victims), 3 * SECOND + 500 * MS, for_ns)
}

fn with(planned: Fault, deeds: Deeds) -> Simulation {
    let mut plan = plan(20);
    plan.faults.push(planned);
    Simulation::new(plan, deeds).run()
}

fn steps(run: &Simulation) -> Vec<(u64, FaultStep, Vec<Victim>, Option<String>)> {
    let found = run.facts(|fact| match fact {
        Fact::Fault { step, victims, why, .. } => Some((*step, victims.clone(), why.clone())),
        _ => None,
    });
    found.into_iter().map(|(at, (step, victims, why))| (at, step, victims, why)).collect()
}

fn words(run: &Simulation) -> Vec<String> {
    let told = run.facts(|fact| match fact {
        Fact::Fault { fault, step, why, .. } => Some(format!(
            "{fault} {step:?}{}",
            why.as_ref().map_or_else(String::new, |why| format!(": {why}"))
        )),
        _ => None,
    });
    told.into_iter().map(|(_, words)| words).collect()
}

/// The proof of the first victim, and what was read of it.
fn read(run: &Simulation, wanted: FaultStep) -> (Proof, String) {
    let steps = steps(run);
    let (_, _, victims, _) =
        steps.iter().find(|(_, step, ..)| *step == wanted).expect("the step was recorded");
    let shown = |v: &Victim| -> Vec<String> {
        v.readings
            .iter()
            .map(|r| format!("{:?} {}: {}, {}", r.level, r.source, r.expected, r.found))
            .collect()
    };
    (victims[0].proof, shown(&victims[0]).join("\n"))
}

const DROP: FaultKind = FaultKind::BusDrop { per_million: 10_000 };

#[test]
fn what_the_target_does_is_proven_by_its_count_and_seen_in_the_answers() {
    let run = with(of_kind("d", DROP, 2 * SECOND, &[0]), Deeds { hits: 5, attempt: 2, ..Deeds::default() });
    assert_eq!(words(&run), ["d Injected", "d Observed", "d Healed"]);
    let (proof, injected) = read(&run, FaultStep::Injected);
    assert_eq!(proof, Proof::Unproven, "that it said so does not show that it hit anything");
    insta::assert_snapshot!(injected, @"
    E0 command `fault`: applied, applied
    E1 report of the target: applied, applied
    ");
    let (proof, observed) = read(&run, FaultStep::Observed);
    assert_eq!(proof, Proof::Proven);
    insta::assert_snapshot!(observed, @"
    E0 command `fault`: applied, applied
    E1 report of the target: applied, applied
    E2 answers: some after another attempt, 2 of 2 after another attempt
    E3 count of the target: some were hit, 5 of 40 hit
    ");
    let (asked, healed) = (run.when("fault")[0], run.when("heal")[0]);
    assert_eq!(healed, asked + MS + 2 * SECOND, "it acts for its time");
    let cost = run.facts(|fact| match fact {
        Fact::Cost { retried, .. } => Some(*retried),
        _ => None,
    });
    assert_eq!(cost[0].1, 8, "two rounds of four");
}

#[test]
fn a_fault_that_hit_nothing_is_not_proven() {
    let run = with(of_kind("d", DROP, 2 * SECOND, &[0]), Deeds::default());
    assert_eq!(read(&run, FaultStep::Observed).0, Proof::Unproven);
    let mut weak = of_kind("d", DROP, 2 * SECOND, &[0]);
    weak.requires = Level::E1;
    let seen = read(&with(weak, Deeds::default()), FaultStep::Observed).0;
    assert_eq!(seen, Proof::Mismatch, "its count contradicts the target's word");
}

#[test]
fn a_fault_that_is_only_claimed_is_not_proven_by_the_same_readings() {
    let mut planned = of_kind("d", DROP, 2 * SECOND, &[0]);
    planned.pretend = true;
    let run = with(planned, Deeds { hits: 5, ..Deeds::default() });
    assert!(run.when("fault").is_empty());
    assert_eq!(words(&run), ["d Failed: the target did not say within 2 s that it had applied it"]);
    assert_eq!(read(&run, FaultStep::Failed).0, Proof::Unproven);
}

#[test]
fn what_a_target_cannot_do_has_failed_and_says_why() {
    let deeds = |lacks| Deeds { lacks: vec![lacks], ..Deeds::default() };
    let run = with(of_kind("d", DROP, 2 * SECOND, &[0]), deeds(Capability::Faults));
    assert_eq!(words(&run), ["d Failed: the target cannot do it: its `hello` does not tell `faults`"]);
    let flood = FaultKind::Flood { messages: 10, payload: 64 };
    let run = with(of_kind("f", flood, 0, &[0]), deeds(Capability::To));
    assert_eq!(words(&run), ["f Failed: the target cannot do it: its `hello` does not tell `to`"]);
}

#[test]
fn a_fault_may_end_by_itself_and_one_that_is_not_told_to_have_ended_has_failed() {
    let deeds = Deeds { hits: 5, fault_expires_ns: Some(SECOND), ..Deeds::default() };
    let run = with(of_kind("d", DROP, 2 * SECOND, &[0]), deeds);
    assert_eq!(words(&run), ["d Injected", "d Observed", "d Healed"]);
    assert!(run.when("heal").is_empty());
    let deaf = Deeds { hits: 5, deaf_to: vec!["heal"], ..Deeds::default() };
    let run = with(of_kind("d", DROP, 2 * SECOND, &[0]), deaf);
    assert_eq!(words(&run)[2], "d Failed: the target did not say within 2 s that it had ended it");
    assert_eq!(read(&run, FaultStep::Observed).0, Proof::Unproven);
}

#[test]
fn a_flood_is_accounted_for_and_is_no_part_of_the_workload() {
    let flood = FaultKind::Flood { messages: 1_000, payload: 64 };
    let run =
        with(of_kind("f", flood, 0, &[0, 2]), Deeds { answer_after_ns: Some(30 * MS), ..Deeds::default() });
    assert_eq!(words(&run), ["f Injected", "f Observed"]);
    assert_eq!(run.sent_to, [(Some(1), 1_000), (Some(3), 1_000)]);
    let (proof, observed) = read(&run, FaultStep::Observed);
    assert_eq!(proof, Proof::Proven);
    insta::assert_snapshot!(
        observed,
        @"E2 reports `accepted`: 1000 accepted or refused, 1000 accepted, 0 refused, 0 answered by then"
    );
    let ledger = run.end().ledger;
    assert_eq!((ledger.floods.sent, ledger.floods.in_time, ledger.lost), (2_000, 2_000, 0));
    let rounds = ledger.sent - 2_000;
    assert_eq!(run.intervals.iter().map(|i| i.sent).sum::<u64>(), rounds);
    let responses = &run.times[&evidence::latency::Series::Response];
    assert_eq!(responses.len(), rounds, "its tasks are in no response time");
}

#[test]
fn a_flood_that_is_spread_is_sent_evenly_and_stays_small_when_all_of_it_is_refused() {
    let flood = FaultKind::Flood { messages: 200_000, payload: 64 };
    let mut planned = of_kind("f", flood, 2 * SECOND, &[0]);
    planned.victims = None;
    let run = with(planned, Deeds { refuses: true, ..Deeds::default() });
    assert_eq!(words(&run), ["f Injected", "f Observed", "f Healed"]);
    let counts: Vec<u32> = run
        .sent_to
        .iter()
        .map(|(to, count)| {
            assert_eq!(*to, None);
            *count
        })
        .collect();
    assert_eq!(counts.iter().sum::<u32>(), 200_000);
    assert!((190..=210).contains(&counts.len()), "{} sendings", counts.len());
    assert!(counts.iter().all(|count| *count <= 1_001), "{counts:?}");
    assert_eq!(run.end().ledger.floods.refused, 200_000);
    assert!(run.most_lots < 20, "{} lots were kept", run.most_lots);
}

#[test]
fn a_flood_that_is_only_claimed_is_not_proven() {
    let mut planned = of_kind("f", FaultKind::Flood { messages: 1_000, payload: 64 }, 0, &[0]);
    planned.pretend = true;
    let run = with(planned, Deeds::default());
    assert!(run.sent_to.is_empty());
    let (proof, observed) = read(&run, FaultStep::Observed);
    assert_eq!(proof, Proof::Unproven);
    assert!(observed.contains("0 accepted, 0 refused"), "{observed}");
}

#[test]
fn a_kill_that_lasts_ends_whoever_takes_the_victims_place() {
    let kill = FaultKind::Kill { signal: Signal::Kill, then_kill_ns: None };
    let run = with(of_kind("k", kill, SECOND, &[1]), Deeds::default());
    assert_eq!(words(&run), ["k Injected", "k Observed", "k Healed"]);
    // A successor comes after 20 ms and is known at once.
    let kills = run.when("inject").len();
    assert!((45..=52).contains(&kills), "{kills} kills");
    // What became of the last one may be told after the time of the fault.
    let told = [kills - 1, kills - 2]
        .map(|n| format!("E1 ends of its successors: each ended as it came, {n} ended"));
    assert!(told.contains(&read(&run, FaultStep::Observed).1), "{:?}", read(&run, FaultStep::Observed));
    let deaths = run.facts(|fact| match fact {
        Fact::Member { fault: Some(_), .. } => Some(()),
        _ => None,
    });
    assert_eq!(deaths.len(), kills);
    assert!(run.facts(|f| matches!(f, Fact::Incident { .. }).then_some(())).is_empty());
}

#[test]
fn the_end_of_a_victim_is_the_faults_only_where_the_fault_may_end_it() {
    for (kind, crash) in
        [(FaultKind::MemoryLimit { headroom: 1 }, false), (FaultKind::Descriptors { limit: None }, true)]
    {
        let mut plan = plan(20);
        plan.faults.push(of_kind("m", kind, 2 * SECOND, &[0]));
        let mut run = Simulation::new(plan, Deeds::default());
        let member =
            protocol::Member { agent: 1, role: protocol::Role::Worker, pid: 101, epoch: 1, parent: Some(0) };
        let (status, at_ns) = (Some("signal 6".into()), 4 * SECOND);
        let left = protocol::Report::Member { member, state: protocol::MemberState::Left, status, at_ns };
        run.at(at_ns, super::super::What::Report(left));
        let run = run.run();
        let incidents =
            run.facts(|f| matches!(f, Fact::Incident { edge: Edge::Begin, .. }).then_some(())).len();
        assert_eq!(incidents, usize::from(crash));
    }
}

/// A pause of worker 0 from the third to the sixth second, and another fault at the fourth.
fn beside(second: impl FnOnce(&mut Fault)) -> Plan {
    let mut plan = plan(20);
    plan.faults.push(fault("a", 3 * SECOND, 3 * SECOND, &[0], When::Due {}));
    let mut other = fault("b", 4 * SECOND, SECOND, &[1], When::Due {});
    second(&mut other);
    plan.faults.push(other);
    plan
}

#[test]
fn a_fault_may_begin_beside_another_wait_for_it_or_be_skipped() {
    let run = |overlap| Simulation::new(beside(|b| b.overlap = overlap), Deeds::default()).run();
    assert_eq!(words(&run(Overlap::Allow)), ["a Injected", "b Injected", "b Healed", "a Healed"]);
    assert_eq!(words(&run(Overlap::Queue)), ["a Injected", "a Healed", "b Injected", "b Healed"]);
    assert_eq!(words(&run(Overlap::Refuse)), ["a Injected", "b Skipped: fault a was in effect", "a Healed"]);
}

#[test]
fn a_fault_that_would_leave_too_few_untouched_is_skipped() {
    for (keep, skipped) in [(2, false), (3, true)] {
        let run = Simulation::new(beside(|b| b.keep = keep), Deeds::default()).run();
        let why = "b Skipped: only 2 of the role worker would have been left, and 3 must be".to_owned();
        assert_eq!(words(&run).contains(&why), skipped, "{:?}", words(&run));
    }
}

#[test]
fn a_fault_waits_until_its_victims_have_been_up_for_long_enough() {
    let mut plan = beside(|b| {
        b.victims = Some(Victims { role: Role::Worker, places: vec![2] });
        b.up_ns = 5 * SECOND;
    });
    // The victim is killed first, and is back 20 ms later.
    plan.faults[0] = fault("a", 3 * SECOND, 0, &[2], When::Due {});
    let run = Simulation::new(plan, Deeds::default()).run();
    let steps = steps(&run);
    assert_eq!(words(&run), ["a Injected", "b Injected", "b Healed"]);
    let waited_ms = (steps[1].0 - steps[0].0) / MS;
    assert_eq!(waited_ms, 5_020);
}

fn restart() -> Fault {
    Fault { victims: None, ..of_kind("r", FaultKind::Restart {}, SECOND, &[]) }
}

#[test]
fn a_target_that_is_started_again_takes_up_its_work_and_the_ledger_goes_on() {
    let run = with(restart(), Deeds::default());
    assert_eq!(words(&run), ["r Injected", "r Observed", "r Healed"]);
    let (proof, observed) = read(&run, FaultStep::Observed);
    assert_eq!(proof, Proof::Proven);
    insta::assert_snapshot!(observed, @"
    E1 wait status: signal 9, signal 9
    E1 /proc: no process left, 6 ended, 0 left
    E1 start of the guardian: another process than 99, process 199
    E3 report `ready`: 5 agents, 5 agents
    ");
    let (down, up) = (run.when("kill target")[0], run.when("start target")[0]);
    assert_eq!(up, down + SECOND);
    assert_eq!(run.when("hello").len(), 2);
    // The round that was due while it was down was not started, and counts as that.
    let shed: Vec<u64> = run.rounds.iter().filter(|r| r.started_ns.is_none()).map(|r| r.due_ns).collect();
    assert_eq!((shed.len(), run.end().shed.rounds, run.end().shed.down), (1, 1, 1));
    assert!(run.when("round").iter().all(|at| !(down..up + 100 * MS).contains(at)));
    let left = run.facts(|f| match f {
        Fact::Member { state: evidence::event::MemberState::Left, fault: Some(id), .. } => Some(id.clone()),
        _ => None,
    });
    assert_eq!(left.len(), 5, "every agent left by the fault");
    assert!(run.facts(|f| matches!(f, Fact::Incident { .. }).then_some(())).is_empty());
    assert_eq!(run.end().ledger.lost, 0);
}

#[test]
fn a_restart_that_is_only_claimed_is_not_proven() {
    let run = with(Fault { pretend: true, ..restart() }, Deeds::default());
    assert_eq!(words(&run), ["r Failed: the end of the target was not told within 6 s"]);
    assert_eq!(read(&run, FaultStep::Failed).0, Proof::Unproven);
    assert!(run.when("kill target").is_empty());
}
