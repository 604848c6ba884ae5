//! `shakedown watch`: follows a run from another terminal, by its files alone. It changes nothing of the run, and
//! ending it ends nothing else.

mod base;
mod course;
mod table;
mod tail;
mod view;

use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use evidence::{end::End, layout};

use crate::exit::Exit;
use course::Course;

/// How often is looked, and shown on a terminal.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a run may take from its first file to its journal.
const BEGINS_WITHIN: Duration = Duration::from_secs(30);
/// How long a run that has ended may take to be judged by its own program.
const JUDGED_WITHIN: Duration = Duration::from_secs(60);

/// Follows the run to its end, whose verdict is the exit code.
pub(crate) fn command(run: &Path) -> Exit {
    if !layout::MANIFEST.within(run).exists() {
        note!("error: {} is no run directory: it has no {}", run.display(), layout::MANIFEST.name);
        return Exit::Invalid;
    }
    match Watch::new(run).and_then(|mut watch| watch.follow()) {
        Ok(exit) => exit,
        Err(why) => {
            note!("error: {} cannot be watched\n  {why}", run.display());
            Exit::Invalid
        }
    }
}

/// What was found at one look.
enum Seen {
    /// The run goes on.
    Running,
    /// It is over.
    Over,
    /// The harness is not there any more, and did not end the run.
    Died(Option<u32>),
}

struct Watch<'a> {
    run: &'a Path,
    course: Course,
    harness: Option<chaos::process::Identity>,
    /// Lines of the page that stands on the terminal.
    shown: usize,
    last_line: Option<Instant>,
}

type Found<T> = Result<T, Box<dyn std::error::Error>>;

impl<'a> Watch<'a> {
    fn new(run: &'a Path) -> Found<Self> {
        Ok(Self { run, course: Course::open(run)?, harness: None, shown: 0, last_line: None })
    }

    fn follow(&mut self) -> Found<Exit> {
        loop {
            let seen = self.look()?;
            self.course.follow(self.run)?;
            match seen {
                Seen::Running => {
                    if !self.show() {
                        return Ok(Exit::Go);
                    }
                }
                Seen::Over => return self.verdict(),
                Seen::Died(process) => return Ok(self.died(process)),
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn look(&mut self) -> Found<Seen> {
        // Asked first: a harness that ends between the two questions has written its last record before.
        let alive = self.harness_lives()?;
        if layout::END.within(self.run).exists() {
            return Ok(Seen::Over);
        }
        // A run that has only just begun has no journal yet.
        let begun = layout::JOURNAL.within(self.run).exists() || age(self.run) > BEGINS_WITHIN;
        Ok(if alive || !begun { Seen::Running } else { Seen::Died(self.harness.map(|process| process.pid)) })
    }

    /// The journal names the harness; it is read again only when that one is gone.
    fn harness_lives(&mut self) -> Found<bool> {
        if let Some(harness) = self.harness
            && harness.is_alive()?
        {
            return Ok(true);
        }
        if !layout::JOURNAL.within(self.run).exists() {
            return Ok(false);
        }
        self.harness = chaos::harness_of(self.run)?.or(self.harness);
        match self.harness {
            Some(harness) => Ok(harness.is_alive()?),
            None => Ok(false),
        }
    }

    /// The time of the run. One that has outlived a boot counts from another zero, which its last checkpoint has.
    fn now_ns(&self) -> u64 {
        let checkpoint = harness::checkpoint::Checkpoint::read(self.run).ok().flatten();
        let zero_ns = checkpoint.map_or(self.course.manifest.monotonic_ns, |c| c.zero_monotonic_ns);
        let since = chaos::clock::monotonic_ns().wrapping_sub(zero_ns).cast_signed();
        u64::try_from(since).unwrap_or(self.course.last_ns)
    }

    /// Shows how it goes; whether there still is somebody to show it to.
    fn show(&mut self) -> bool {
        let now_ns = self.now_ns();
        let bytes = size(self.run);
        if std::io::stdout().is_terminal() {
            let lines = view::page(&self.course, now_ns, bytes);
            // Up to where the page stands, without wrapping of long lines, over what is there.
            let up = if self.shown > 0 { format!("\x1b[{}A\r", self.shown) } else { String::new() };
            self.shown = lines.len();
            return crate::terminal::written(format_args!(
                "{up}\x1b[J\x1b[?7l{}\n\x1b[?7h",
                lines.join("\n")
            ));
        }
        let every = Duration::from_nanos(self.course.manifest.sampling.every_ns).max(LOOK_EVERY);
        if self.last_line.is_some_and(|at| at.elapsed() + LOOK_EVERY / 2 < every) {
            return true;
        }
        self.last_line = Some(Instant::now());
        crate::terminal::written(format_args!("{}\n", view::line(&self.course, now_ns, bytes)))
    }

    /// The run has ended: how, and what it is judged.
    fn verdict(&self) -> Found<Exit> {
        let end = End::read(self.run)?;
        say!(
            "{}",
            view::line(&self.course, end.as_ref().map_or(self.course.last_ns, |e| e.at_ns), size(self.run))
        );
        // Its own program is given the time to judge it; a run that was judged long ago is judged at once.
        let deadline = Instant::now() + JUDGED_WITHIN;
        while !layout::VERDICT.within(self.run).exists()
            && self.harness.is_some_and(|harness| harness.is_alive().unwrap_or(false))
            && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(50));
        }
        let evidence = reports::Evidence::read(self.run)?;
        let analysis = reports::analyse(&evidence);
        let verdict = reports::judge(&analysis, &analysis.gates);
        crate::terminal::say_fitted(|width| reports::terminal(&verdict, width));
        Ok(verdict.outcome.into())
    }

    fn died(&self, process: Option<u32>) -> Exit {
        let process = process.map_or_else(String::new, |pid| format!(" (process {pid})"));
        let last =
            evidence::unit::Unit::Seconds.show(Duration::from_nanos(self.course.last_ns).as_secs_f64());
        note!("error: the harness{process} of this run has died; the last that is known is from {last}");
        note!("  to go on with the run: shakedown resume {}", self.run.display());
        note!("  to undo what it left behind: shakedown heal {}", self.run.display());
        Exit::Unusable
    }
}

/// Since when the run has its first file.
fn age(run: &Path) -> Duration {
    let written = layout::MANIFEST.within(run).metadata().and_then(|found| found.modified());
    written.ok().and_then(|at| at.elapsed().ok()).unwrap_or_default()
}

/// Bytes of the files of the run.
fn size(run: &Path) -> u64 {
    let files = std::fs::read_dir(run).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).filter(std::fs::Metadata::is_file).map(|m| m.len()).sum()
}
