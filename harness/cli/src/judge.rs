//! `shakedown judge` and `shakedown report`: from the run directory alone.

use std::path::Path;

use crate::args::Judge;
use crate::exit::Exit;

/// Judges each run again, prints its gates, and ends with the gravest verdict; or decides over all of them.
pub(crate) fn command(args: &Judge) -> Exit {
    match &args.gates {
        Some(gates) => crate::decide::command(gates, args),
        None => args.runs.iter().fold(Exit::Go, |exit, run| exit.and(judged(run))),
    }
}

fn judged(run: &Path) -> Exit {
    match reports::render(run) {
        Ok(rendered) => {
            crate::terminal::say_fitted(|width| reports::terminal(&rendered.verdict, width));
            rendered.verdict.outcome.into()
        }
        Err(why) => failed(run, &why),
    }
}

/// Renders the reports again and says where they are.
pub(crate) fn report(run: &Path) -> Exit {
    match reports::render(run) {
        Ok(_) => {
            for file in evidence::layout::ALL.iter().filter(|f| f.derived) {
                say!("{}", file.within(run).display());
            }
            Exit::Go
        }
        Err(why) => failed(run, &why),
    }
}

fn failed(run: &Path, why: &dyn std::error::Error) -> Exit {
    note!("error: {} cannot be judged\n  {why}", run.display());
    Exit::Invalid
}
