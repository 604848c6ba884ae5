//! `shakedown plan`: what would happen, what it needs and costs.

use std::path::Path;

use crate::args::ScenarioOptions;
use crate::exit::Exit;

/// Prints the plan and what this host would refuse of it.
pub(crate) fn command(file: &Path, options: &ScenarioOptions) -> Exit {
    let loaded = match scenarios::read(file, &options.to_reader()) {
        Ok(loaded) => loaded,
        Err(problems) => {
            note!("{problems}");
            return Exit::Invalid;
        }
    };
    crate::terminal::say(format_args!("{}", scenarios::timeline::render(&loaded.plan)));
    let refusals = refusals(&loaded.plan);
    if refusals.is_empty() {
        say!("this host can do it");
        return Exit::Go;
    }
    say!("this host cannot do it:");
    refusals.iter().for_each(|why| say!("  {why}"));
    Exit::Unusable
}

/// What the plan needs that this host has not.
pub(crate) fn refusals(plan: &scenarios::plan::Plan) -> Vec<String> {
    let needs = scenarios::cost::of(plan);
    let mut refusals = harness::host::refusals(&harness::host::Needs {
        processes: needs.processes,
        descriptors: needs.descriptors,
        memory_bytes: needs.memory_bytes,
    });
    refusals.extend(chaos::refusals(plan));
    refusals
}
