//! What the README shows is true.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{Place, assert_sound, repository, text};

/// The lines of all shell blocks of the README that begin with `shakedown`.
fn commands(readme: &str) -> Vec<String> {
    let mut in_shell = false;
    let mut commands = Vec::new();
    for line in readme.lines() {
        if line.starts_with("```") {
            in_shell = line == "```sh";
        } else if in_shell && line.starts_with("shakedown ") {
            let command = line.split('#').next().unwrap_or_default().trim();
            commands.push(command.trim_start_matches("shakedown ").to_owned());
        }
    }
    commands
}

#[test]
fn every_command_of_the_readme_does_its_work() {
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    let commands = commands(&readme);
    assert!(commands.len() >= 3, "the README shows commands");
    let place = Place::new();
    std::os::unix::fs::symlink(repository("scenarios"), place.path("scenarios")).unwrap();
    let mut last_run = String::new();
    for command in commands {
        let words: Vec<String> = command
            .split_whitespace()
            .map(|w| if w == "RUN" { last_run.clone() } else { w.to_owned() })
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let out = place.output(&words);
        let said = text(&out.stdout);
        if let Some(report) = said.lines().find_map(|l| l.strip_prefix("report: ")) {
            last_run = report.trim_end_matches("/report.html").to_owned();
        }
        let all = format!("shakedown {command}: {said}{}", text(&out.stderr));
        match words[0] {
            "run" | "judge" | "watch" => assert_sound(&place.path(&last_run), out.status.code(), &all),
            _ => assert_eq!(out.status.code(), Some(0), "{all}"),
        }
    }
}

#[test]
fn the_run_that_the_readme_shows_has_the_gates_of_its_scenario() {
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    let path = repository("scenarios/smoke/first-go.yaml");
    let loaded = scenarios::read(path.as_ref(), &scenarios::Options::default()).unwrap();
    for gate in &loaded.plan.gates {
        assert!(readme.contains(&gate.metric.to_string()), "{} is not in the README's output", gate.metric);
    }
}
