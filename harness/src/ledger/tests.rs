use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const TIMEOUT: u64 = 1_000;

fn ledger() -> Ledger {
    Ledger::new(Terms { payload: 100, timeout_ns: TIMEOUT }, Terms { payload: 33, timeout_ns: TIMEOUT })
}

fn answered(kind: Kind, token: u64) -> Answer {
    let size = if kind == Kind::Round { 100 } else { 33 };
    let payload: Vec<u8> = (0..size).map(|index| protocol::payload_byte(token, index)).collect();
    Answer { token, agent: 5, epoch: 1, seq: token, attempt: 1, digest: crc32fast::hash(&payload) }
}

/// A round of three tasks, sent at 10, all acknowledged.
fn with_round() -> (Ledger, u64) {
    let mut ledger = ledger();
    let first = ledger.issue(Kind::Round, 0, 3, 0, 10);
    ledger.accept(first, 3, 0, |_| ()).unwrap();
    (ledger, first)
}

#[test]
fn a_task_answered_within_its_time_is_in_time_and_after_it_late() {
    let (mut ledger, first) = with_round();
    assert!(matches!(ledger.answer(&answered(Kind::Round, first), 10 + TIMEOUT), Outcome::InTime(_)));
    ledger.expire(11 + TIMEOUT);
    assert_eq!(ledger.in_flight(Kind::Round), 0, "what is late is not waited for");
    assert!(matches!(ledger.answer(&answered(Kind::Round, first + 1), 11 + TIMEOUT), Outcome::Late(_)));
    let closed = ledger.close(None);
    assert_eq!((closed.in_time, closed.late, closed.lost), (1, 1, 1));
}

#[test]
fn an_answer_that_comes_again_is_a_duplicate_however_long_ago_the_first_was() {
    let (mut ledger, first) = with_round();
    let original = answered(Kind::Round, first);
    ledger.answer(&original, 20);
    assert_eq!(ledger.answer(&original, 21), Outcome::Again(Some(0)));
    assert!(matches!(ledger.answer(&Answer { seq: 99, ..original }, 22), Outcome::Again(_)));
    assert_eq!((ledger.counts().duplicated, ledger.counts().executed_again), (1, 1));
    for _ in 0..70_000 {
        let token = ledger.issue(Kind::Single, 0, 1, 30, 30);
        ledger.accept(token, 1, 0, |_| ()).unwrap();
        ledger.answer(&answered(Kind::Single, token), 31);
    }
    assert!(matches!(ledger.answer(&original, 40), Outcome::Again(_)));
    assert_eq!(ledger.counts().duplicated, 2);
    assert_eq!(ledger.counts().corrupt, 0);
}

#[test]
fn an_answer_from_another_agent_shows_two_owners_of_one_task() {
    let (mut ledger, first) = with_round();
    let original = answered(Kind::Round, first);
    ledger.answer(&original, 20);
    ledger.answer(&Answer { seq: 99, ..original }, 21);
    assert_eq!(ledger.close(None).two_owners, 0, "the same agent did it twice");
    ledger.answer(&Answer { agent: 6, ..original }, 22);
    ledger.answer(&Answer { epoch: 2, ..original }, 23);
    let closed = ledger.close(None);
    assert_eq!((closed.two_owners, closed.effects_duplicated), (2, Some(3)));
}

#[test]
fn floods_are_accounted_for_beside_the_workload_each_with_its_own_size() {
    let (mut ledger, round) = with_round();
    let first = ledger.issue_flood(7, 3, 100, 10);
    let other = ledger.issue_flood(8, 2, 33, 10);
    let mut refused = Vec::new();
    ledger.accept(first, 2, 1, |closing| refused.push((closing.kind, closing.round))).unwrap();
    ledger.accept(other, 2, 0, |_| ()).unwrap();
    assert_eq!(refused, [(Kind::Flood, 7)]);
    let Outcome::InTime(closing) = ledger.answer(&answered(Kind::Round, first), 20) else { panic!("it is") };
    assert_eq!((closing.kind, closing.round), (Kind::Flood, 7));
    assert!(matches!(ledger.answer(&answered(Kind::Single, other), 20), Outcome::InTime(_)));
    assert!(matches!(ledger.answer(&answered(Kind::Round, round), 20), Outcome::InTime(_)));
    assert_eq!((ledger.open_work(), ledger.open()), (2, 4));
    let closed = ledger.close(None);
    assert_eq!((closed.sent, closed.refused, closed.in_time, closed.lost), (8, 1, 3, 4));
    let floods = closed.floods;
    assert_eq!((floods.sent, floods.acknowledged, floods.refused), (5, 4, 1));
    assert_eq!((floods.in_time, floods.late, floods.lost, floods.unknown), (2, 0, 2, 0));
}

#[test]
fn a_wrong_digest_is_corrupt_and_leaves_the_task_to_a_correct_answer() {
    let (mut ledger, first) = with_round();
    let right = answered(Kind::Round, first);
    let wrong = Answer { digest: right.digest ^ 1, ..right };
    assert!(matches!(ledger.answer(&wrong, 20), Outcome::Corrupt(Some(_))));
    assert!(matches!(ledger.answer(&wrong, 20), Outcome::Corrupt(None)));
    assert_eq!(ledger.open(), 2, "a task that was spoiled is not waited for");
    assert_eq!(ledger.close(None).lost, 3);
    assert!(matches!(ledger.answer(&right, 30), Outcome::InTime(_)));
    assert_eq!(ledger.close(None).lost, 2);
    assert_eq!(ledger.counts().corrupt, 2);
}

#[test]
fn tokens_that_were_never_issued_are_phantoms_and_cannot_be_accepted() {
    let (mut ledger, first) = with_round();
    assert_eq!(ledger.answer(&answered(Kind::Round, first + 3), 20), Outcome::Phantom);
    assert_eq!(ledger.answer(&answered(Kind::Round, 0), 20), Outcome::Phantom);
    let error = ledger.accept(first, 4, 0, |_| ()).unwrap_err();
    insta::assert_snapshot!(
        error,
        @"it accepted or refused the 4 tokens from 1 on, but the tokens issued end before 4"
    );
    assert_eq!(ledger.counts().work.acknowledged, 3);
}

#[test]
fn what_was_accepted_cannot_be_refused_or_accepted_again() {
    let mut ledger = ledger();
    let first = ledger.issue(Kind::Single, 0, 4, 0, 0);
    ledger.accept(first, 2, 0, |_| ()).unwrap();
    for (from, count, refused) in [(first, 0, 4), (first, 2, 0), (first + 1, 0, 1), (first + 3, 1, 0)] {
        let error = ledger.accept(from, count, refused, |_| panic!("nothing is closed")).unwrap_err();
        assert!(matches!(error, Unexpected::NotNext { .. }), "{error}");
    }
    ledger.accept(first + 2, 1, 1, |_| ()).unwrap();
    let closed = ledger.close(None);
    assert_eq!((closed.acknowledged, closed.refused, closed.lost, closed.unknown), (3, 1, 3, 0));
}

#[test]
fn what_is_neither_accepted_refused_nor_answered_is_unknown_and_not_lost() {
    let mut ledger = ledger();
    let first = ledger.issue(Kind::Single, 0, 10, 0, 0);
    let mut closed = 0;
    ledger.accept(first, 4, 3, |_| closed += 1).unwrap();
    ledger.answer(&answered(Kind::Single, first), 1);
    ledger.answer(&answered(Kind::Single, first + 9), 1);
    assert_eq!(closed, 3);
    let closed = ledger.close(None);
    assert_eq!((closed.refused, closed.in_time, closed.lost, closed.unknown), (3, 2, 3, 2));
}

#[test]
fn one_acknowledgement_may_cover_several_lots() {
    let mut ledger = ledger();
    let first = ledger.issue(Kind::Single, 0, 1, 0, 5);
    ledger.issue(Kind::Single, 0, 2, 3, 5);
    ledger.accept(first, 3, 0, |_| ()).unwrap();
    for token in first..first + 3 {
        ledger.answer(&answered(Kind::Single, token), 6);
    }
    assert_eq!(ledger.close(None).unknown, 0);
    assert!(ledger.singles.lots_kept() == 0, "nothing is kept of what is closed");
}

#[test]
fn lots_that_are_answered_and_never_acknowledged_are_dropped_when_their_time_is_over() {
    let mut ledger = ledger();
    for _ in 0..5 {
        let first = ledger.issue(Kind::Single, 0, 1, 0, 0);
        ledger.answer(&answered(Kind::Single, first), 1);
    }
    assert_eq!(ledger.singles.lots_kept(), 5);
    ledger.expire(TIMEOUT + 1);
    assert_eq!(ledger.singles.lots_kept(), 0);
}

#[test]
fn an_answer_overtakes_only_within_one_life_and_at_the_first_attempt() {
    let mut ledger = ledger();
    ledger.issue(Kind::Single, 0, 9, 0, 0);
    let answer = |token, epoch, attempt| Answer { epoch, attempt, ..answered(Kind::Single, token) };
    for (token, epoch, attempt, reordered) in [
        (5, 1, 1, 0),
        (3, 1, 1, 1),
        (2, 1, 2, 1),
        (1, 2, 1, 1),
        (7, 1, 1, 1),
        (4, 2, 1, 1),
        (9, 2, 1, 1),
        (8, 2, 1, 2),
    ] {
        ledger.answer(&answer(token, epoch, attempt), 1);
        assert_eq!(ledger.counts().reordered, reordered, "after token {token}");
    }
}

#[test]
fn executions_beyond_one_for_every_task_are_duplicate_effects() {
    let (mut ledger, first) = with_round();
    ledger.answer(&answered(Kind::Round, first), 20);
    assert_eq!(ledger.close(Some(3)).effects_duplicated, Some(0), "the lost ones may have been executed");
    assert_eq!(ledger.close(Some(5)).effects_duplicated, Some(2));
}

#[test]
fn without_a_credible_number_of_executions_it_is_not_known_that_none_was_a_duplicate() {
    let (mut ledger, first) = with_round();
    ledger.answer(&answered(Kind::Round, first), 20);
    assert_eq!(ledger.close(None).effects_duplicated, None);
    assert_eq!(ledger.close(Some(0)).effects_duplicated, None, "it answered one task");
    let again = answered(Kind::Round, first);
    ledger.answer(&Answer { seq: again.seq + 1, ..again }, 21);
    assert_eq!(ledger.close(None).effects_duplicated, Some(1), "an answer proves it");
}

#[test]
fn a_task_counts_for_the_interval_in_which_it_was_sent_in_whichever_it_is_answered() {
    let mut ledger = ledger();
    let tokens = [0, 1].map(|_| ledger.issue(Kind::Single, 0, 1, 10, 10));
    ledger.answer(&answered(Kind::Single, tokens[0]), 20);
    assert!(ledger.settle().is_empty(), "the other one is in flight");
    let next = ledger.issue(Kind::Single, 0, 1, 110, 110);
    ledger.answer(&answered(Kind::Single, tokens[1]), 120);
    assert_eq!(ledger.settle(), [0], "and is answered behind the edge");
    ledger.issue_flood(0, 5, 33, 115);
    ledger.expire(111 + TIMEOUT);
    assert_eq!(ledger.settle(), [1, 0], "its time is over; a flood is no work");
    ledger.answer(&answered(Kind::Single, next), 120 + TIMEOUT);
    assert_eq!(ledger.settle(), [0], "a late answer changes nothing");
}

/// What a test target does with the tasks of one lot.
#[derive(Debug, Clone)]
enum Deed {
    Issue { round: bool, count: u32 },
    Accept { lot: usize, of_it: u32 },
    Answer { token: u64, again: bool, corrupt: bool },
    Wait(u64),
    Cut,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (any::<bool>(), 1_u32..150).prop_map(|(round, count)| Deed::Issue { round, count }),
        (0_usize..40, 0_u32..150).prop_map(|(lot, of_it)| Deed::Accept { lot, of_it }),
        (0_u64..3000, any::<bool>(), prop::bool::weighted(0.1))
            .prop_map(|(token, again, corrupt)| Deed::Answer { token, again, corrupt }),
        (1_u64..400).prop_map(Deed::Wait),
        Just(Deed::Cut),
    ]
}

/// The same accounting with a record for every task.
#[derive(Debug, Default, Clone, Copy)]
struct Naive {
    round: bool,
    started: u64,
    acknowledged: bool,
    refused: bool,
    answered: Option<bool>,
    spoiled: bool,
}

proptest! {
    /// For every history, the ledger says the same as one that keeps a record of every task.
    #[test]
    fn the_ledger_agrees_with_one_that_keeps_everything(deeds in prop::collection::vec(deed(), 1..300)) {
        let mut ledger = ledger();
        let mut naive: HashMap<u64, Naive> = HashMap::new();
        let mut lots: Vec<(u64, u32, bool)> = Vec::new();
        let mut now = 0;
        // Where intervals end that were not told, and where the last ends that was.
        let (mut cuts, mut told) = (Vec::new(), 1);
        for deed in deeds {
            match deed {
                Deed::Cut => {
                    ledger.expire(now);
                    cuts.push(naive.len() as u64 + 1);
                    let in_flight = |t: &Naive| {
                        t.answered.is_none() && !t.refused && !t.spoiled && now - t.started <= TIMEOUT
                    };
                    let oldest = naive.iter().filter(|(_, task)| in_flight(task)).map(|(token, _)| *token).min();
                    let over = |end: &u64| oldest.is_none_or(|oldest| *end <= oldest);
                    let mut expected = Vec::new();
                    for end in cuts.extract_if(.., |end| over(end)) {
                        let failed = (told..end).filter(|token| naive[token].answered != Some(true));
                        expected.push(failed.count() as u64);
                        told = end;
                    }
                    prop_assert_eq!(ledger.settle(), expected);
                }
                Deed::Wait(time) => {
                    now += time;
                    ledger.expire(now);
                }
                Deed::Issue { round, count } => {
                    let kind = if round { Kind::Round } else { Kind::Single };
                    let first = ledger.issue(kind, 0, count, now, now);
                    lots.push((first, count, false));
                    for token in first..first + u64::from(count) {
                        naive.insert(token, Naive { round, started: now, ..Naive::default() });
                    }
                }
                Deed::Accept { lot, of_it } => {
                    let Some((first, count, settled)) = lots.get_mut(lot).filter(|l| !l.2) else { continue };
                    *settled = true;
                    let accepted = of_it.min(*count);
                    ledger.accept(*first, accepted, *count - accepted, |_| ()).unwrap();
                    for (index, token) in (*first..*first + u64::from(*count)).enumerate() {
                        let task = naive.get_mut(&token).unwrap();
                        if (index as u64) < u64::from(accepted) {
                            task.acknowledged = true;
                        } else {
                            task.refused = task.answered.is_none() && !task.spoiled;
                        }
                    }
                }
                Deed::Answer { token, again, corrupt } => {
                    let Some(task) = naive.get_mut(&token) else { continue };
                    if task.refused || (task.answered.is_some() && !again) {
                        continue;
                    }
                    let kind = if task.round { Kind::Round } else { Kind::Single };
                    let right = answered(kind, token);
                    let digest = if corrupt { !right.digest } else { right.digest };
                    ledger.answer(&Answer { digest, ..right }, now);
                    if corrupt {
                        task.spoiled |= task.answered.is_none();
                    } else if task.answered.is_none() {
                        task.answered = Some(now - task.started <= TIMEOUT);
                    }
                }
            }
        }
        let count = |what: &dyn Fn(&Naive) -> bool| naive.values().filter(|t| what(t)).count() as u64;
        let closed = ledger.close(None);
        prop_assert_eq!(closed.sent, naive.len() as u64);
        prop_assert_eq!(closed.acknowledged, count(&|t| t.acknowledged));
        prop_assert_eq!(closed.refused, count(&|t| t.refused));
        prop_assert_eq!(closed.in_time, count(&|t| t.answered == Some(true)));
        prop_assert_eq!(closed.late, count(&|t| t.answered == Some(false)));
        let nothing = |t: &Naive| !t.acknowledged && !t.refused && t.answered.is_none() && !t.spoiled;
        prop_assert_eq!(closed.unknown, count(&nothing));
        prop_assert_eq!(
            closed.lost,
            count(&|t| t.answered.is_none() && !t.refused && (t.acknowledged || t.spoiled))
        );
        let open = count(&|t| t.answered.is_none() && !t.refused && !t.spoiled);
        prop_assert_eq!(ledger.open(), open);
    }
}
