use proptest::prelude::*;

use super::*;
use crate::gateway::wire::WireWork;

const AGENTS: (u32, u32, u32) = (4, 1, 64);

fn tasks(first: u64, count: u32) -> Accepted {
    let work = WireWork::new(&protocol::Work::Echo {});
    Accepted { first, count, payload: 8, timeout_ms: 1_000, work }
}

fn answer(token: u64) -> Answer {
    Answer { token, agent: 2, epoch: 1, seq: token + 1, attempt: 1, digest: 5 }
}

fn open_tokens(recovered: &Recovered) -> Vec<u64> {
    recovered.open.iter().flat_map(|run| run.first..run.first + u64::from(run.count)).collect()
}

#[test]
fn what_was_accepted_and_not_answered_comes_back_and_what_was_told_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = recover(directory.path(), AGENTS).unwrap();
    first.journal.accept(tasks(10, 6)).unwrap();
    first.journal.answer(&[answer(11), answer(12)]);
    first.journal.tell();
    first.journal.answer(&[answer(14)]);
    first.journal.write().unwrap();
    drop(first);
    for _ in 0..2 {
        let again = recover(directory.path(), AGENTS).unwrap();
        assert_eq!(open_tokens(&again), [10, 13, 15]);
        assert_eq!(again.answers, [answer(14)]);
    }
}

#[test]
fn what_a_worker_executed_is_answered_from_its_record_and_epochs_and_effects_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = recover(directory.path(), AGENTS).unwrap();
    first.journal.accept(tasks(0, 3)).unwrap();
    first.table.slot(2).begin_after(4);
    first.table.slot(2).adopt();
    first.table.record(2, 5, 0, 1, 99);
    // Written, but not committed: it was killed in between.
    first.table.records(3)[7].write(2, 99, 1, 1);
    drop(first);
    let again = recover(directory.path(), AGENTS).unwrap();
    assert_eq!(open_tokens(&again), [0, 2]);
    assert_eq!(again.answers, [Answer { token: 1, agent: 2, epoch: 5, seq: 1, attempt: 2, digest: 99 }]);
    assert_eq!((again.effects, again.table.slot(2).epoch(), again.table.slot(3).epoch()), (1, 6, 1));
}

#[test]
fn segments_are_removed_once_all_their_tasks_are_done_and_nothing_is_lost_with_them() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = recover(directory.path(), AGENTS).unwrap().journal;
    journal.accept(tasks(1_000_000, 1)).unwrap();
    for batch in 0..400 {
        let first = batch * 100;
        journal.accept(tasks(first, 100)).unwrap();
        let answers: Vec<Answer> = (first..first + 100).map(answer).collect();
        journal.answer(&answers);
        journal.tell();
        journal.write().unwrap();
    }
    assert!(journal.segment_count() > 1, "the first task is not done yet");
    journal.answer(&[answer(1_000_000)]);
    journal.tell();
    journal.write().unwrap();
    assert_eq!(journal.segment_count(), 1);
    journal.accept(tasks(2_000_000, 2)).unwrap();
    drop(journal);
    let again = recover(directory.path(), AGENTS).unwrap();
    assert_eq!(open_tokens(&again), [2_000_000, 2_000_001]);
    assert_eq!(again.answers, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Wherever the last segment is cut off, what comes back was true at some moment before: a task that was
    /// written down is open, answered or told.
    #[test]
    fn a_torn_journal_is_read_up_to_where_it_was_torn(cut in 8u64..1_500) {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = recover(directory.path(), AGENTS).unwrap().journal;
        for token in 0..8 {
            journal.accept(tasks(token, 1)).unwrap();
            journal.answer(&[answer(token)]);
            journal.write().unwrap();
            journal.tell();
            journal.write().unwrap();
        }
        drop(journal);
        let path = directory.path().join("kept/1/journal-00000001");
        OpenOptions::new().write(true).open(&path).unwrap().set_len(cut).unwrap();
        let again = recover(directory.path(), AGENTS).unwrap();
        prop_assert!(open_tokens(&again).len() + again.answers.len() <= 1);
    }
}
