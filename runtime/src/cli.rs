//! `shakedown swarm`: the reference runtime by itself.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use serde_json::json;

use crate::by_hand::{self, Plan};
use crate::config::Config;
use crate::gateway::{self, Files};

/// The reference runtime: a swarm of agents, each a process of its own.
///
/// Without a shape (or with --control) it speaks the control protocol on standard input and output. With a
/// shape it launches that swarm, runs some rounds and prints how they went.
#[derive(Debug, Parser)]
#[command(name = "shakedown swarm", version)]
struct Args {
    /// Speak the control protocol on standard input and output.
    #[arg(long, conflicts_with = "shape")]
    control: bool,
    /// Write metrics to this file, as JSON lines.
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Keep the files of the bus in this directory; by default what SHAKEDOWN_BUS_DIR names, else a directory of
    /// the swarm's own in memory that goes with it.
    #[arg(long, value_name = "DIRECTORY")]
    bus_dir: Option<PathBuf>,
    /// What carries the messages between the agents.
    #[arg(long, requires = "shape", value_name = "BUS")]
    bus: Option<Bus>,
    /// Write down what is accepted and executed, so that the next swarm in the bus directory goes on with it.
    #[arg(long, requires = "shape")]
    persist: bool,
    /// Over how many directories the files of the bus are spread; 0: all in one.
    #[arg(long, requires = "shape", value_name = "N")]
    shards: Option<u32>,
    /// Run this shape by hand.
    #[arg(long)]
    shape: Option<Form>,
    /// Workers in all.
    #[arg(long, requires = "shape", value_name = "N")]
    workers: Option<u32>,
    /// Coordinators under the master (hybrid).
    #[arg(long, requires = "shape", value_name = "N")]
    coordinators: Option<u32>,
    /// Coordinators under the master (deep).
    #[arg(long = "level-1", requires = "shape", value_name = "N")]
    level_1: Option<u32>,
    /// Coordinators under those (deep).
    #[arg(long = "level-2", requires = "shape", value_name = "N")]
    level_2: Option<u32>,
    /// How many rounds to run.
    #[arg(long, requires = "shape", default_value_t = 10, value_name = "N")]
    rounds: u64,
    /// The payload of each task, in bytes.
    #[arg(long, requires = "shape", default_value_t = 256, value_name = "BYTES")]
    payload: u32,
    /// Kill a coordinator in the middle of this round.
    #[arg(long, requires = "shape", value_name = "ROUND")]
    kill_coordinator_at: Option<u64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Flat,
    Hybrid,
    Deep,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bus {
    /// Unix sockets.
    Sockets,
    /// Files in a directory.
    Files,
}

/// Runs `shakedown swarm` with these arguments, the first of which is its name, and returns the status to exit
/// with: 0 if it did its work, 64 for wrong arguments, 69 if the swarm could not be launched or went down, 70
/// for a fault of its own. It forks: call it before any thread exists. Processes that it forks never return.
pub fn swarm_main(args: impl IntoIterator<Item = OsString>) -> i32 {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Help goes to standard output, a complaint to standard error; if neither can be written, so be it.
            let _ = error.print();
            return if error.use_stderr() { 64 } else { 0 };
        }
    };
    let bus = args.bus_dir.clone().or_else(|| std::env::var_os("SHAKEDOWN_BUS_DIR").map(PathBuf::from));
    let files = Files { metrics: args.metrics.clone(), bus };
    let Some(shape) = args.shape else { return gateway::run(files) };
    let config = config(shape, &args);
    if let Err(error) = Config::from_json(&config) {
        let _ = writeln!(std::io::stderr(), "shakedown swarm: {error}");
        return 64;
    }
    let plan =
        Plan { config, rounds: args.rounds, payload: args.payload, kill_at: args.kill_coordinator_at, files };
    by_hand::run(&plan)
}

fn config(shape: Form, args: &Args) -> serde_json::Value {
    let shape = match shape {
        Form::Flat => "flat",
        Form::Hybrid => "hybrid",
        Form::Deep => "deep",
    };
    let mut config = json!({ "shape": shape });
    match args.bus {
        Some(Bus::Sockets) => config["bus"] = "sockets".into(),
        Some(Bus::Files) => config["bus"] = "files".into(),
        None => {}
    }
    if args.persist {
        config["persist"] = true.into();
    }
    let counts = [
        ("workers", args.workers),
        ("coordinators", args.coordinators),
        ("level_1", args.level_1),
        ("level_2", args.level_2),
        ("shards", args.shards),
    ];
    for (key, count) in counts {
        if let Some(count) = count {
            config[key] = count.into();
        }
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn wrong_arguments_are_status_64() {
        let status = |args: &[&str]| swarm_main(args.iter().map(OsString::from));
        assert_eq!(status(&["shakedown swarm", "--shape", "ring"]), 64);
        assert_eq!(status(&["shakedown swarm", "--rounds", "3"]), 64);
        assert_eq!(status(&["shakedown swarm", "--shape", "flat"]), 64, "it needs to know how many workers");
        assert_eq!(status(&["shakedown swarm", "--shape", "flat", "--workers", "5000"]), 64);
    }
}
