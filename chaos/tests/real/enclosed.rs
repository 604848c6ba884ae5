//! A harness in a process of its own whose target has a bus directory or a network, to be killed at any step of a
//! fault or to be run as another user; and the guardian that it starts.
#![expect(clippy::print_stdout, reason = "what it prints is read by the tests")]
#![allow(clippy::unwrap_used, reason = "a stand-in that fails is a test that fails")]

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

use chaos::{Guardian, Step, TargetCommand};
use scenarios::plan::{Enclosure, Fault};

/// The step at which it hangs.
static WANTED: OnceLock<String> = OnceLock::new();

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let word = |at: usize| arguments.get(at).and_then(|a| a.to_str()).unwrap_or_default();
    if word(0) == "guardian" {
        return ExitCode::from(u8::try_from(chaos::guardian::main(&arguments[1..])).unwrap());
    }
    WANTED.set(word(3).to_owned()).unwrap();
    let enclosure = serde_json::from_str(word(1)).unwrap();
    let fault = serde_json::from_str(word(2)).unwrap();
    harness(Path::new(word(0)), &enclosure, &fault);
    ExitCode::SUCCESS
}

fn harness(run: &Path, enclosure: &Enclosure, fault: &Fault) {
    let own = std::env::current_exe().unwrap().into_os_string();
    let target = TargetCommand {
        argv: ["sh", "-c", "echo up; exec sleep 600"].map(OsString::from).to_vec(),
        env: Vec::new(),
        cwd: None,
        stderr_file: run.join("target.log"),
    };
    let started = Guardian::start(&[own, "guardian".into()], run, target, enclosure);
    let (guardian, stdio) = match started {
        Ok(started) => started,
        Err(refused) => return say(&format!("{refused}")),
    };
    BufReader::new(std::fs::File::from(stdio.stdout)).read_line(&mut String::new()).unwrap();
    let mut site = guardian.site(0).unwrap();
    site.steps = Some(hang_if_wanted);
    let said = match chaos::inject(&site, fault, &[]) {
        Err(refused) => refused.to_string(),
        Ok(injected) => {
            let proofs: Vec<_> = injected.victims.iter().map(|v| v.proof).collect();
            let healed = injected.guard.map(|guard| guard.heal().step);
            format!("{:?} {proofs:?} {healed:?}", injected.step)
        }
    };
    guardian.end_all(Duration::from_secs(10)).unwrap();
    say(&said);
}

fn hang_if_wanted(step: Step) {
    let step = format!("{step:?}");
    if WANTED.get() == Some(&step) {
        say(&step);
        loop {
            std::thread::sleep(Duration::from_secs(3600));
        }
    }
}

fn say(words: &str) {
    println!("{words}");
    std::io::stdout().flush().unwrap();
}
