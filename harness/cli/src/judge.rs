//! `shakedown judge` and `shakedown report`: from the run directory alone.

use std::fmt::Display;
use std::path::Path;

use reports::Rendered;

use crate::args::Judge;
use crate::exit::Exit;
use crate::going_on;

/// Judges each run again, prints its gates, and ends with the gravest verdict; or decides over all of them.
pub(crate) fn command(args: &Judge) -> Exit {
    match &args.gates {
        Some(gates) => crate::decide::command(gates, args),
        None => args.runs.iter().fold(Exit::Go, |exit, run| exit.and(judged(run))),
    }
}

fn judged(run: &Path) -> Exit {
    match rendered(run) {
        Ok(rendered) => {
            crate::terminal::say_fitted(|width| reports::terminal(&rendered.verdict, width));
            rendered.verdict.outcome.into()
        }
        Err(exit) => exit,
    }
}

/// Renders the reports again and says where they are.
pub(crate) fn report(run: &Path) -> Exit {
    match rendered(run) {
        Ok(_) => {
            for file in evidence::layout::ALL.iter().filter(|f| f.derived) {
                say!("{}", file.within(run).display());
            }
            Exit::Go
        }
        Err(exit) => exit,
    }
}

/// Judges and writes, unless the run goes on: it would be called dead, in its own directory.
fn rendered(run: &Path) -> Result<Rendered, Exit> {
    let failed = |why: &dyn Display, exit| {
        note!("error: {} cannot be judged\n  {why}", run.display());
        Err(exit)
    };
    match going_on::refusal(run) {
        Some(why) => failed(&why, Exit::Unusable),
        None => reports::render(run).or_else(|why| failed(&why, Exit::Invalid)),
    }
}
