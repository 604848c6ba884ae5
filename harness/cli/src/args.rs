//! The command line, as clap reads it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::exit::Exit;

/// Launches a system of agents, loads it, breaks it on a schedule, accounts for every message, and ends in
/// GO, CONDITIONAL, INCONCLUSIVE or NO-GO with the evidence.
#[derive(Debug, Parser)]
#[command(name = "shakedown", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Carry out scenarios, judge them and write their reports
    Run(Run),
    /// Show what a scenario would do, need and cost; starts nothing
    Plan {
        /// The scenario file
        file: PathBuf,
        #[command(flatten)]
        scenario: ScenarioOptions,
    },
    /// Check scenario files; starts nothing
    Check {
        /// The scenario files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        scenario: ScenarioOptions,
    },
    /// Judge the evidence of runs again, each by itself or all together by a gate file
    Judge(Judge),
    /// Render the reports of a run again
    Report {
        /// The run directory
        run: PathBuf,
    },
    /// Follow a run from another terminal; ends with its verdict
    Watch {
        /// The run directory
        run: PathBuf,
    },
    /// Why a run that goes on should end, as its harness asks it at a planned look
    #[command(hide = true)]
    Look {
        /// The run directory
        run: PathBuf,
        /// Which look, from 1
        number: u32,
        /// How many are planned
        of: u32,
    },
    /// Go on with a run whose harness died or whose host restarted
    Resume(Resume),
    /// Undo whatever a dead run left behind
    Heal {
        /// The run directory; without it, every run below `runs/`
        run: Option<PathBuf>,
    },
    /// Plant each defect in short runs, and show that its gate turns red and that its clean twin is GO
    Prove {
        /// Where to keep the runs, instead of `runs/prove/<time>`; must be empty or not there
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Only what takes seconds: no drift
        #[arg(long)]
        quick: bool,
        /// Print how often the drift analysis is wrong on made series instead; plants nothing
        #[arg(long, conflicts_with_all = ["out", "quick"])]
        statistics: bool,
    },
    /// Show what this host can do: limits, and each fault with its mechanism
    Doctor,
    /// Print the JSON Schema of scenario files, for editors
    Schema,
    /// The reference runtime by itself; see `shakedown swarm --help`
    #[command(disable_help_flag = true)]
    Swarm {
        /// Its own arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        rest: Vec<OsString>,
    },
}

/// `shakedown run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The scenario files, carried out one after the other
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) scenario: ScenarioOptions,
    /// Where to keep the run, instead of `runs/<scenario>/<time>`; must be empty or not there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// No progress; only alerts and the result
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Let the run outlive this terminal: end when its target is ready, and log to `shakedown.log` in its directory
    #[arg(long)]
    pub(crate) detach: bool,
    /// Be the run that was detached
    #[arg(long, hide = true, conflicts_with = "detach")]
    pub(crate) detached: bool,
}

/// `shakedown resume`.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The run directory
    pub(crate) run: PathBuf,
    /// No progress; only alerts and the result
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Let the run outlive this terminal: end when it goes on, and log to `shakedown.log` in its directory
    #[arg(long)]
    pub(crate) detach: bool,
    /// Be the run that was detached
    #[arg(long, hide = true, conflicts_with = "detach")]
    pub(crate) detached: bool,
}

/// `shakedown judge`.
#[derive(Debug, Args)]
pub(crate) struct Judge {
    /// Run directories; with --gates also directories of earlier decisions
    #[arg(required_unless_present = "gates")]
    pub(crate) runs: Vec<PathBuf>,
    /// Decide over all runs together by this gate file
    #[arg(long, value_name = "FILE")]
    pub(crate) gates: Option<PathBuf>,
    /// What no run can show, with its source, and in which environments runs were made
    #[arg(long, value_name = "FILE", requires = "gates")]
    pub(crate) facts: Option<PathBuf>,
    /// Where to write the decision, instead of `decisions/<name>/<time>`
    #[arg(long, value_name = "DIR", requires = "gates")]
    pub(crate) out: Option<PathBuf>,
}

/// What changes how a scenario is read.
#[derive(Debug, Args)]
pub(crate) struct ScenarioOptions {
    /// The seed of every random choice, instead of the scenario's
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Change a value of the scenario: `--set phases.hold=30s`
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
    /// Leave out the planted defects of a control: its clean twin, which must be GO
    #[arg(long)]
    pub(crate) twin: bool,
    /// Run the whole timeline compressed into this time; the verdict is never GO
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) rehearse: Option<Duration>,
}

impl ScenarioOptions {
    /// The same for the crate that reads scenarios.
    pub(crate) fn to_reader(&self) -> scenarios::Options {
        scenarios::Options {
            seed: self.seed,
            set: self.set.clone(),
            rehearse: self.rehearse,
            twin: self.twin,
            env: std::env::vars_os()
                .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        }
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as key=value, with dots between nested keys: phases.hold=30s".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    scenarios::duration(text)
}

/// Reads the command line. Help and version are printed and end the program well.
pub(crate) fn read(given: Vec<OsString>) -> Result<Command, Exit> {
    let with_name = std::iter::once(OsString::from("shakedown")).chain(given);
    match Cli::try_parse_from(with_name) {
        Ok(cli) => Ok(cli.command),
        Err(e) => {
            // A closed pipe while printing help is no error worth a message.
            let _ = e.print();
            Err(if e.use_stderr() { Exit::Usage } else { Exit::Go })
        }
    }
}
