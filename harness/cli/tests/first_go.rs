//! The main job: a real swarm, a real kill, a verdict that can be made again.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{Place, assert_sound, repository, text, verdict};

#[test]
fn the_first_run_ends_sound_and_judging_it_again_gives_the_same_bytes() {
    let place = Place::new();
    let run = place.path("run");
    let out =
        place.output(&["run", &repository("scenarios/smoke/first-go.yaml"), "--out", run.to_str().unwrap()]);
    let said = format!("{}{}", text(&out.stdout), text(&out.stderr));
    assert_sound(&run, out.status.code(), &said);
    place.assert_nothing_left();
    // Nothing was proven before this run, and it was not detached.
    let absent = [evidence::layout::CERTIFICATE, evidence::layout::LOG];
    for file in evidence::layout::ALL.iter().filter(|file| !absent.contains(file)) {
        assert!(file.within(&run).exists(), "{} is missing", file.name);
    }

    let first = std::fs::read(run.join("verdict.json")).unwrap();
    std::fs::remove_file(run.join("verdict.json")).unwrap();
    let again = place.output(&["judge", run.to_str().unwrap()]);
    assert_eq!(again.status.code(), out.status.code(), "{}", text(&again.stderr));
    assert_eq!(std::fs::read(run.join("verdict.json")).unwrap(), first);
}

#[test]
fn a_rehearsal_is_never_go() {
    let place = Place::new();
    let run = place.path("run");
    let file = repository("scenarios/smoke/first-go.yaml");
    let out = place.output(&["run", &file, "--rehearse", "4s", "--quiet", "--out", run.to_str().unwrap()]);
    // 30 where a time was beyond its limit, as it may be in a debug build.
    assert!(matches!(out.status.code(), Some(20 | 30)), "{}{}", text(&out.stdout), text(&out.stderr));
    assert_eq!(verdict(&run)["verdict"], "REHEARSAL");
    place.assert_nothing_left();
}
