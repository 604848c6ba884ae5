//! Who reads what the program says may go away, or have no room: no run is lost by that, and nothing is called
//! our fault that is not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::os::fd::OwnedFd;
use std::process::{Output, Stdio};

use support::{Place, assert_sound, text, verdict, wait_for};

const SMALL: &str = "name: small\nwhy: A run of a second.\ntarget: { swarm: { shape: flat, workers: 2 } }\n\
     workload:\n  rounds: { every: 50ms, timeout: 30s, payload: 64B, work: echo }\n\
     phases: { warm_up: 0s, hold: 300ms, drain: 30s }\nsample: { every: 100ms }\n\
     gates:\n  - messages.lost == 0\n";

/// The write end of a pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    OwnedFd::from(writer).into()
}

fn full() -> Stdio {
    std::fs::File::options().write(true).open("/dev/full").unwrap().into()
}

fn run(place: &Place, args: &[&str], out: Stdio, err: Stdio) -> Output {
    place.command(args).stdout(out).stderr(err).spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn a_reader_that_goes_away_changes_neither_exit_code_nor_verdict() {
    let place = Place::new();
    let file = place.write("small.yaml", SMALL);
    let file = file.to_str().unwrap();
    for args in [&["schema"][..], &["plan", file], &["check", file], &["heal"], &["--help"]] {
        let out = run(&place, args, unread(), Stdio::piped());
        assert_eq!((out.status.code(), text(&out.stderr)), (Some(0), String::new()), "{args:?}");
    }
    let kept = place.path("run");
    let out = run(&place, &["run", file, "--out", kept.to_str().unwrap()], unread(), unread());
    assert_sound(&kept, out.status.code(), "nobody reads what it says");
    place.assert_nothing_left();
}

#[test]
fn a_result_that_finds_no_room_is_an_error_and_not_our_fault() {
    let place = Place::new();
    let out = run(&place, &["schema"], full(), Stdio::piped());
    assert_eq!(out.status.code(), Some(69));
    assert_eq!(
        text(&out.stderr),
        "error: the result could not be written to standard output: No space left on device (os error 28)\n"
    );
    assert_eq!(run(&place, &["schema"], Stdio::piped(), full()).status.code(), Some(0));
}

#[test]
fn progress_in_a_log_begins_with_the_first_phase_and_has_no_escapes() {
    let place = Place::new();
    let file = place.write("small.yaml", SMALL);
    let out = place.output(&["run", file.to_str().unwrap()]);
    let said = text(&out.stderr);
    assert!(said.starts_with("launch · ") || said.starts_with("hold · "), "{said}");
    assert!(said.contains("\nhold · ") || said.starts_with("hold · "), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
}

#[test]
fn a_terminal_that_is_closed_ends_the_run_in_order() {
    let place = Place::new();
    let file = place.write("small.yaml", &SMALL.replace("hold: 300ms", "hold: 60s"));
    let kept = place.path("run");
    let args = ["run", file.to_str().unwrap(), "--out", kept.to_str().unwrap()];
    let mut child = place.command(&args).stdout(full()).stderr(full()).spawn().unwrap();
    wait_for("the hold phase", || {
        let events = std::fs::read_to_string(kept.join("events.jsonl")).ok()?;
        events.contains(r#""phase":"hold""#).then_some(())
    });
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(verdict(&kept)["verdict"], "INCONCLUSIVE");
    place.assert_nothing_left();
}

#[test]
fn under_nohup_a_run_outlives_its_terminal() {
    let place = Place::new();
    let file = place.write("small.yaml", &SMALL.replace("hold: 300ms", "hold: 1s"));
    let kept = place.path("run");
    let line = format!(
        "trap '' HUP; exec {} run --quiet {} --out {}",
        env!("CARGO_BIN_EXE_shakedown"),
        file.display(),
        kept.display()
    );
    let child = std::process::Command::new("sh").args(["-c", &line]).stdout(Stdio::piped()).spawn().unwrap();
    wait_for("the hold phase", || {
        let events = std::fs::read_to_string(kept.join("events.jsonl")).ok()?;
        events.contains(r#""phase":"hold""#).then_some(())
    });
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP).unwrap();
    let out = child.wait_with_output().unwrap();
    assert_sound(&kept, out.status.code(), &text(&out.stdout));
}
