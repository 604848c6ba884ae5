//! `shakedown check` and `shakedown schema`.

use std::path::PathBuf;

use crate::args::ScenarioOptions;
use crate::exit::Exit;

/// Reads every file and says of each whether it is valid.
pub(crate) fn command(files: &[PathBuf], options: &ScenarioOptions) -> Exit {
    let options = options.to_reader();
    let mut exit = Exit::Go;
    for file in files {
        match scenarios::read(file, &options) {
            Ok(loaded) => {
                say!("{}: valid, fingerprint {}", file.display(), &loaded.plan.fingerprint()[..12]);
            }
            Err(problems) => {
                note!("{problems}");
                exit = Exit::Invalid;
            }
        }
    }
    exit
}

/// Prints the schema of scenario files.
pub(crate) fn schema() -> Exit {
    say!("{:#}", scenarios::schema());
    Exit::Go
}
