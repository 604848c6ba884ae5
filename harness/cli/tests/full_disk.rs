//! The file system of a run fills up, with nothing in the scenario about disks: slowly, which ends the run in order,
//! and at once, which cannot be foreseen. Both are judged.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::process::{Command, Output, Stdio};

use support::{Place, text, verdict};

/// Rounds whose work fills the file system that the run is kept on.
fn scenario(place: &Place, count: &str) -> String {
    let ballast = place.path("disk/ballast");
    format!(
        "
name: fills-up
why: What becomes of a run whose file system fills up?
target: {{ swarm: {{ shape: flat, workers: 2 }} }}
workload:
  rounds: {{ every: 500ms, work: {{ exec: [sh, -c, 'dd if=/dev/zero of={} bs=1M {count} 2>/dev/null; true'] }} }}
phases: {{ hold: 5m, drain: 10s }}
sample: {{ every: 100ms }}
gates: [messages.lost == 0]
",
        ballast.display()
    )
}

/// In a mount namespace of its own with 32 MiB under `disk`: what is there in the end is copied to `kept`. `None` where
/// this user may not mount.
fn on_a_small_disk(place: &Place, inner: &Command) -> Option<Output> {
    std::fs::create_dir_all(place.path("disk")).unwrap();
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
        command.current_dir(place.dir.path()).stdin(Stdio::null());
        command
    };
    let mount = "mount -t tmpfs -o size=32m none disk";
    if !unshare(mount).output().is_ok_and(|out| out.status.success()) {
        return None;
    }
    let script = format!("{mount} && {{ \"$0\" \"$@\"; code=$?; cp -r disk/run kept; exit $code; }}");
    let envs = inner.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut command = unshare(&script);
    command.arg(inner.get_program()).args(inner.get_args()).envs(envs);
    Some(command.output().unwrap())
}

#[test]
fn a_run_ends_in_order_or_with_a_clear_error_when_its_file_system_is_full_and_is_judged() {
    for (count, code, said) in [
        ("count=20", 20, "bytes are free where the run is kept"),
        ("", 69, "No space left on device (os error 28); make room or name another directory"),
    ] {
        let place = Place::new();
        let file = place.write("fills-up.yaml", &scenario(&place, count));
        let inner = place.command(&["run", file.to_str().unwrap(), "--out", "disk/run"]);
        let Some(out) = on_a_small_disk(&place, &inner) else { return };
        let all = format!("{}{}", text(&out.stdout), text(&out.stderr));
        assert_eq!(out.status.code(), Some(code), "{all}");
        assert!(all.contains(said), "{all}");
        let kept = place.path("kept");
        let end = std::fs::read_to_string(kept.join("end.json")).unwrap();
        assert!(
            end.contains("\"stop_ns\"") && !end.contains("\"stop_ns\": null"),
            "it was stopped in order: {end}"
        );
        let found = verdict(&kept);
        assert_eq!(
            (&found["verdict"], found["metrics"]["messages.lost"].is_null()),
            (&"INCONCLUSIVE".into(), false)
        );
        place.assert_nothing_left();
    }
}
