//! A target that is ended as a whole and started again.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use chaos::Report;

use crate::run::{Run, assert_none_alive};

/// The next report of a guardian.
fn report(reports: &mut impl BufRead) -> Report {
    let mut line = String::new();
    reports.read_line(&mut line).unwrap();
    Report::parse(line.as_bytes()).unwrap_or_else(|| panic!("no report: {line}"))
}

#[test]
fn a_target_is_ended_with_all_it_started_and_starts_again_with_an_input_and_output_of_its_own() {
    let mut run = Run::of(&["target", "2"]);
    let first = run.guardian().target();
    let mut reports = BufReader::new(run.guardian().reports().unwrap());
    run.guardian().end_target().unwrap();
    let ended = report(&mut reports);
    assert_eq!(ended, Report::TargetEnded { status: "signal 9".into(), ended: 3, still_alive: 0 });
    assert_none_alive(&[run.agents.clone(), vec![first]].concat());

    let stdio = run.guardian().start_target().unwrap();
    let Report::TargetStarted { target } = report(&mut reports) else { panic!("it starts") };
    assert_ne!(target, first);
    let mut said = String::new();
    BufReader::new(File::from(stdio.stdout)).read_line(&mut said).unwrap();
    assert_eq!(said.split_whitespace().count(), 2, "its agents: {said}");
    File::from(stdio.stdin).write_all(b"heard\n").unwrap();

    let ended = run.guardian.take().unwrap().end_all(Duration::from_secs(10)).unwrap();
    assert_eq!((ended.left_behind, ended.still_alive), (3, 0));
    assert_none_alive(&[target]);
}

#[test]
fn a_target_that_is_down_is_no_news_and_the_run_ends_as_ever() {
    let mut run = Run::of(&["target", "1"]);
    let mut reports = BufReader::new(run.guardian().reports().unwrap());
    run.guardian().end_target().unwrap();
    assert!(matches!(report(&mut reports), Report::TargetEnded { .. }));
    let ended = run.guardian.take().unwrap().end_all(Duration::from_secs(10)).unwrap();
    assert_eq!((ended.left_behind, ended.still_alive), (0, 0));
    let mut rest = String::new();
    reports.read_line(&mut rest).unwrap();
    assert_eq!(rest, "", "its end was asked for");
}
