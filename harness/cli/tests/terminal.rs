//! What is wrapped on a terminal, and stays one line where there is none.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::Read;
use std::process::Stdio;

use nix::pty::{Winsize, openpty};
use support::{Place, text};

/// Its gate on drift needs a longer run, and says so in a long sentence.
const SHORT: &str = "name: short\nwhy: A run of a second.\ntarget: { swarm: { shape: flat, workers: 2 } }\n\
     workload:\n  rounds: { every: 50ms, timeout: 30s, payload: 64B, work: echo }\n\
     phases: { warm_up: 0s, hold: 300ms, drain: 30s }\nsample: { every: 100ms }\n\
     gates:\n  - messages.lost == 0\n  - memory.growth[worker] < 10%/h\n";

/// What the command writes to a terminal of so many columns.
fn on_terminal(place: &Place, columns: u16, args: &[&str]) -> String {
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(Some(&size), None).unwrap();
    let mut child = place.command(args).stdout(terminal.slave).stderr(Stdio::null()).spawn().unwrap();
    let mut said = Vec::new();
    // Once nobody has it open any more, reading it is an error.
    let _ = std::fs::File::from(terminal.master).read_to_end(&mut said);
    child.wait().unwrap();
    text(&said).replace("\r\n", "\n")
}

#[test]
fn a_reason_is_wrapped_to_the_terminal_that_shows_it_and_is_one_line_in_a_pipe() {
    let place = Place::new();
    let file = place.write("short.yaml", SHORT);
    let run = place.path("run");
    let run = run.to_str().unwrap();
    let piped = text(&place.output(&["run", file.to_str().unwrap(), "--out", run]).stdout);
    let reason = piped.lines().nth(1).unwrap();
    assert!(reason.chars().count() > 80, "{piped}");
    for columns in [80, 60] {
        let shown = on_terminal(&place, columns, &["judge", run]);
        assert!(shown.lines().all(|line| line.chars().count() <= usize::from(columns)), "{shown}");
        let (first, others) = shown.split_once("\n\n").unwrap().0.split_once('\n').unwrap();
        assert!(first.starts_with("INCONCLUSIVE  short"), "{shown}");
        assert!(others.lines().count() > 1 && others.lines().skip(1).all(|l| l.starts_with("  ")), "{shown}");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(others), words(reason), "nothing is left out");
    }
}
