use proptest::prelude::*;
use protocol::Work;

use super::*;

const WORKERS: [u32; 4] = [3, 4, 5, 6];

fn book(inbox: u32) -> Book {
    Book::new(3, 4, inbox, 64)
}

fn tasks(first: u64, count: u32, timeout_ms: u64) -> Tasks {
    Tasks { first, count, payload: 8, timeout_ms, work: Work::Echo {} }
}

fn accept(book: &mut Book, tasks: &Tasks, round: Option<u64>) -> u32 {
    book.accept(tasks, WireWork::new(&tasks.work), round, &WORKERS, 1_000)
}

#[test]
fn a_round_gives_the_ith_task_to_the_ith_living_worker_and_ends_with_its_last_answer() {
    let mut book = book(10);
    assert_eq!(accept(&mut book, &tasks(100, 6, 30), Some(7)), 6);
    let workers: Vec<u32> = (100..106).map(|token| book.send(token, 1).unwrap().worker).collect();
    assert_eq!(workers, [3, 4, 5, 6, 3, 4]);
    for token in 100..105 {
        assert!(book.answered(token, 1, 2_000, true));
    }
    assert!(book.take_ended().is_empty());
    assert!(book.answered(105, 1, 3_000, true));
    let ended = Report::Round { round: 7, delivered: 6, timed_out: 0, elapsed_ns: 2_000 };
    assert_eq!(book.take_ended(), [ended]);
    assert!(!book.answered(105, 1, 4_000, true), "a second answer is not in the book");
}

#[test]
fn full_inboxes_refuse_what_they_cannot_take() {
    let mut book = book(5);
    assert_eq!(accept(&mut book, &tasks(0, 50, 30), None), 20);
    assert!(WORKERS.iter().all(|worker| book.open(*worker) == 5));
    assert_eq!(accept(&mut book, &tasks(50, 1, 30), None), 0);
    book.answered(0, 1, 2_000, true);
    assert_eq!(accept(&mut book, &tasks(50, 9, 30), None), 1);
}

#[test]
fn a_round_that_runs_out_of_time_tells_so_and_its_late_answer_is_still_known() {
    let mut book = book(10);
    accept(&mut book, &tasks(0, 4, 1), Some(0));
    book.answered(2, 1, 2_000, true);
    assert_eq!(book.next_deadline(), Some(1_001_000));
    book.expire(1_001_000);
    let ended = Report::Round { round: 0, delivered: 1, timed_out: 3, elapsed_ns: 1_000_000 };
    assert_eq!(book.take_ended(), [ended]);
    assert!(book.send(1, 1).is_some(), "what was acknowledged is owed an answer, however late");
    assert!(!book.is_hopeless(1));
    assert!(book.answered(1, 1, 2_000_000, true));
    book.abandon(0);
    assert_eq!((book.abandoned, book.len()), (1, 1));
    assert!(book.take_ended().is_empty());
}

#[test]
fn a_task_of_a_dead_worker_goes_to_another_and_counts_its_attempts() {
    let mut book = book(10);
    accept(&mut book, &tasks(0, 4, 30), Some(0));
    assert_eq!(book.send(1, 1).unwrap().attempt, 1);
    assert_eq!(book.pending_of(4), [1]);
    book.reassign(1, 6);
    let again = book.send(1, 1).unwrap();
    assert_eq!((again.worker, again.attempt, book.retried), (6, 2, 1));
    assert!(book.pending_of(4).is_empty());
    assert_eq!(book.pending_of(6), [3, 1]);
}

#[test]
fn no_task_is_sent_that_is_further_ahead_than_its_worker_remembers_and_none_overtakes_it() {
    let mut book = Book::new(3, 1, 1_000, 64);
    let all = tasks(0, 70, 30);
    assert_eq!(book.accept(&all, WireWork::new(&all.work), None, &[3], 0), 70);
    let sent: Vec<u64> = (0..70).filter(|token| book.send(*token, 1).is_some()).collect();
    assert_eq!(sent, (0..64).collect::<Vec<_>>());
    assert!(book.answered(0, 1, 2, true));
    let more = tasks(70, 1, 30);
    assert_eq!(book.accept(&more, WireWork::new(&more.work), None, &[3], 0), 1);
    assert!(book.send(70, 3).is_none(), "those before it have not been sent");
    let waiting = book.overdue(3, 10, 1_000, false, || false);
    assert_eq!(waiting, [64, 65, 66, 67, 68, 69, 70]);
    let sent: Vec<u64> = waiting.into_iter().filter(|token| book.send(*token, 11).is_some()).collect();
    assert_eq!(sent, [64]);
}

#[test]
fn a_task_is_overdue_if_its_worker_is_idle_or_has_answered_one_that_left_much_later() {
    const MS: u64 = 1_000_000;
    let mut book = Book::new(3, 1, 1_000, 64);
    let all = tasks(0, 3, 30);
    book.accept(&all, WireWork::new(&all.work), None, &[3], 0);
    for (token, at_ms) in [(0, 1), (1, 2), (2, 90)] {
        book.send(token, at_ms * MS);
    }
    let overdue = |book: &mut Book, now_ms: u64, idle| book.overdue(3, now_ms * MS, 100 * MS, idle, || false);
    assert!(overdue(&mut book, 150, false).is_empty(), "it is busy");
    assert_eq!(overdue(&mut book, 150, true), [0, 1]);
    let starved = |book: &mut Book, now_ms: u64| book.overdue(3, now_ms * MS, 100 * MS, true, || true);
    assert!(starved(&mut book, 150).is_empty(), "it may be on its way");
    assert_eq!(starved(&mut book, 802), [0], "but not for ever");
    book.answered(2, 1, 150 * MS, true);
    assert_eq!(overdue(&mut book, 150, false), [0, 1], "packets do not overtake each other by so much");
    book.send(0, 150 * MS);
    book.send(1, 150 * MS);
    assert!(overdue(&mut book, 300, true).is_empty(), "the second time it is given more time");
    assert_eq!(overdue(&mut book, 351, true), [0, 1]);
}

#[derive(Debug, Clone)]
enum Step {
    Accept(u32, bool),
    Answer(usize),
    Reassign(usize, usize),
    Expire,
    Send(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1u32..30, any::<bool>()).prop_map(|(count, round)| Step::Accept(count, round)),
        any::<usize>().prop_map(Step::Answer),
        (any::<usize>(), 0usize..4).prop_map(|(token, to)| Step::Reassign(token, to)),
        Just(Step::Expire),
        any::<usize>().prop_map(Step::Send),
    ]
}

proptest! {
    /// Whatever happens, no task is lost or doubled: every accepted one is in exactly one worker's queue until
    /// it is answered, and no queue is longer than its inbox when tasks are accepted.
    #[test]
    fn every_accepted_task_is_in_exactly_one_queue(steps in proptest::collection::vec(step(), 1..200)) {
        let mut book = book(16);
        let mut open: Vec<u64> = Vec::new();
        let (mut next, mut now) = (0u64, 0u64);
        for step in steps {
            now += 100_000;
            match step {
                Step::Accept(count, round) => {
                    let wanted = tasks(next, count, 1);
                    let work = WireWork::new(&wanted.work);
                    let n = book.accept(&wanted, work, round.then_some(next), &WORKERS, now);
                    open.extend(next..next + u64::from(n));
                    next += u64::from(count);
                }
                Step::Answer(i) if !open.is_empty() => {
                    let token = open.swap_remove(i % open.len());
                    prop_assert!(book.answered(token, 1, now, true));
                }
                Step::Reassign(i, to) if !open.is_empty() => book.reassign(open[i % open.len()], WORKERS[to]),
                Step::Send(i) if !open.is_empty() => drop(book.send(open[i % open.len()], now)),
                Step::Expire => book.expire(now),
                _ => {}
            }
            prop_assert_eq!(book.len(), open.len());
            let queued: u32 = WORKERS.iter().map(|worker| book.open(*worker)).sum();
            prop_assert_eq!(queued as usize, open.len());
        }
        let mut pending: Vec<u64> = WORKERS.iter().flat_map(|worker| book.pending_of(*worker)).collect();
        pending.sort_unstable();
        open.sort_unstable();
        prop_assert_eq!(pending, open);
    }
}
