//! `cargo ci [CHECK…]`: runs the checks by name, or all of them, and exits with 1 if one does not hold.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line program")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let names = ["layers", "tidy", "links"];
    if let Some(unknown) = wanted.iter().find(|w| !names.contains(&w.as_str())) {
        eprintln!("unknown check {unknown:?}; there are {}", names.join(", "));
        return ExitCode::from(64);
    }
    let mut held = true;
    for name in names.into_iter().filter(|n| wanted.is_empty() || wanted.iter().any(|w| w == n)) {
        match run(name) {
            Ok(found) if found.is_empty() => println!("{name}: holds"),
            Ok(found) => {
                held = false;
                found.iter().for_each(|line| eprintln!("{name}: {line}"));
            }
            Err(why) => {
                held = false;
                eprintln!("{name}: {why}");
            }
        }
    }
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(name: &str) -> Result<Vec<String>, String> {
    let root = ci::root();
    match name {
        "layers" => ci::layers::check(&root),
        "tidy" => ci::tidy::check(&root, &ci::files(&root)?),
        _ => ci::links::check(&root, &ci::files(&root)?),
    }
}
