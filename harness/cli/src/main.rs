//! The binary `shakedown`: composition root, terminal, exit codes. It holds no rule of the domain.
//!
//! Two of its commands are processes of a run and not of a person: `swarm` (the reference runtime) and
//! `guardian`. Both must start small and single-threaded, so they branch off before anything else is built.

#[macro_use]
mod terminal;

mod args;
mod check;
mod decide;
mod detach;
mod doctor;
mod early;
mod exit;
mod going_on;
mod heal;
mod heap;
mod judge;
mod plan;
mod progress;
mod prove;
mod resume;
mod run;
mod run_dir;
mod signals;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use args::Command;
use exit::Exit;

fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().skip(1).collect();
    match given.first().and_then(|word| word.to_str()) {
        Some("swarm") => {
            let name = OsString::from("shakedown swarm");
            status(runtime::swarm_main(std::iter::once(name).chain(given.into_iter().skip(1))))
        }
        Some("guardian") => status(chaos::guardian::main(&given[1..])),
        _ => exit::catching(|| commanded(given)).into(),
    }
}

fn status(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(Exit::OurFault.code()))
}

fn commanded(given: Vec<OsString>) -> Exit {
    let command = match args::read(given) {
        Ok(command) => command,
        Err(exit) => return exit,
    };
    match command {
        Command::Run(args) => run::command(&args),
        Command::Plan { file, scenario } => plan::command(&file, &scenario),
        Command::Check { files, scenario } => check::command(&files, &scenario),
        Command::Judge(args) => judge::command(&args),
        Command::Report { run } => judge::report(&run),
        Command::Look { run, number, of } => early::look(&run, number, of),
        Command::Watch { run } => watch::command(&run),
        Command::Resume(args) => resume::command(&args),
        Command::Heal { run } => heal::command(run.as_deref()),
        Command::Prove { statistics: true, .. } => prove::statistics::command(),
        Command::Prove { out, quick, .. } => prove::command(out.as_deref(), quick),
        Command::Doctor => doctor::command(),
        Command::Schema => check::schema(),
        Command::Swarm { .. } => unreachable!("`swarm` branched off before the arguments were read"),
    }
}
