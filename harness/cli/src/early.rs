//! Ends a run that cannot be GO any more, or is worth nothing, where its scenario allows it.
//!
//! The evidence is judged at planned moments only, evenly over the hold phase, because each look is paid for by wider
//! intervals. A look is a process of its own: reading weeks of evidence in the harness would be seen in its memory,
//! which has to be flat.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use harness::{Interrupt, Progress};
use scenarios::plan::Plan;
use tokio::sync::{mpsc, watch};

use crate::exit::Exit;
use crate::terminal::clear_line;

/// The planned looks at a run.
#[derive(Debug, Clone)]
pub(crate) struct Looks {
    program: OsString,
    run: PathBuf,
    of: u32,
    hold: Duration,
    /// When the hold phase began by the plan, where it had begun before this process: of a run that is resumed.
    begun: Option<Duration>,
}

impl Looks {
    /// Those of a plan, if it has any. `program` is this one.
    pub(crate) fn of(plan: &Plan, program: OsString, run: &Path, resumed: bool) -> Option<Self> {
        let of = plan.soak.end_early?.looks;
        let phase = plan.phases.iter().find(|phase| phase.name == "hold")?;
        let hold = Duration::from_nanos(phase.length_ns);
        let begun = resumed.then(|| Duration::from_nanos(phase.at_ns));
        Some(Self { program, run: run.to_path_buf(), of, hold, begun })
    }

    /// When the look with this number, from 1, is due after the beginning of the hold phase.
    fn due(&self, number: u32) -> Duration {
        self.hold.mul_f64(f64::from(number) / f64::from(self.of + 1))
    }

    /// Looks when it is time, until the run should end or has ended, and asks it to end where it should.
    pub(crate) async fn take(self, mut updates: watch::Receiver<Progress>, ask: mpsc::Sender<Interrupt>) {
        let in_hold = |p: &Progress| p.phase == "hold";
        let Ok(first) = updates.wait_for(in_hold).await.map(|p| p.elapsed) else { return };
        let begun = self.begun.unwrap_or(first);
        for number in 1..=self.of {
            let at = begun + self.due(number);
            // The harness before this one has looked then, or nobody has: a look that was missed is not made up for.
            if at < first {
                continue;
            }
            match updates.wait_for(|p| !in_hold(p) || p.elapsed >= at).await {
                Ok(progress) if in_hold(&progress) => {}
                _ => return,
            }
            match self.look(number).await {
                Ok(None) => {}
                Ok(Some(why)) => {
                    note!("{}ending early: {why}", clear_line());
                    // A run that is over needs no end.
                    let _ = ask.send(Interrupt::EndEarly { why }).await;
                    return;
                }
                Err(found) => {
                    let of = self.of;
                    note!(
                        "{}look {number} of {of} at the evidence failed, the run goes on: {found}",
                        clear_line()
                    );
                }
            }
        }
    }

    async fn look(&self, number: u32) -> Result<Option<String>, String> {
        let mut command = tokio::process::Command::new(&self.program);
        command.arg("look").arg(&self.run).arg(number.to_string()).arg(self.of.to_string());
        command.stdin(Stdio::null()).kill_on_drop(true).process_group(0);
        let out = command.output().await.map_err(|e| e.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if !out.status.success() {
            return Err(format!("{}: {}", out.status, text(&out.stderr)));
        }
        Ok(Some(text(&out.stdout)).filter(|why| !why.is_empty()))
    }
}

/// One look, in a process of its own: prints why the run should end, or nothing.
pub(crate) fn look(run: &Path, number: u32, of: u32) -> Exit {
    match reports::interim(run, reports::Look { number, of }) {
        Ok(Some(reason)) => {
            say!("{}", reason.why);
            Exit::Go
        }
        Ok(None) => Exit::Go,
        Err(why) => {
            note!("{why}");
            Exit::Invalid
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tokio::task::JoinHandle;

    use super::*;

    /// Three looks within forty seconds of hold, each by a program of the test.
    struct Trial {
        dir: tempfile::TempDir,
        progress: watch::Sender<Progress>,
        asked: mpsc::Receiver<Interrupt>,
        looking: JoinHandle<()>,
    }

    impl Trial {
        fn begin(script: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let program = dir.path().join("looks.sh");
            let noted = dir.path().join("noted");
            let script = format!("#!/bin/sh\n{script}\necho \"$@\" >> '{}'\n", noted.display());
            std::fs::write(&program, script).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            let (run, hold) = (PathBuf::from("RUN"), Duration::from_secs(40));
            let looks = Looks { program: program.into(), run, of: 3, hold, begun: None };
            let (progress, updates) = watch::channel(Progress::default());
            let (ask, asked) = mpsc::channel(1);
            Self { dir, progress, asked, looking: tokio::spawn(looks.take(updates, ask)) }
        }

        fn now(&self, phase: &str, second: u64) {
            let (phase, elapsed) = (phase.to_owned(), Duration::from_secs(second));
            self.progress.send_replace(Progress { phase, elapsed, ..Progress::default() });
        }

        /// The looks so far, once there are so many.
        async fn looks(&self, count: usize) -> Vec<String> {
            let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
            loop {
                let text = std::fs::read_to_string(self.dir.path().join("noted")).unwrap_or_default();
                let looks: Vec<String> = text.lines().map(str::to_owned).collect();
                if looks.len() >= count {
                    return looks;
                }
                assert!(tokio::time::Instant::now() < deadline, "{looks:?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }

        /// What the run was asked once nobody looks any more.
        async fn end(mut self) -> (Option<Interrupt>, Vec<String>) {
            drop(self.progress);
            self.looking.await.unwrap();
            let text = std::fs::read_to_string(self.dir.path().join("noted")).unwrap_or_default();
            (self.asked.try_recv().ok(), text.lines().map(str::to_owned).collect())
        }
    }

    #[tokio::test]
    async fn looks_are_taken_evenly_over_the_hold_phase_until_one_says_why_the_run_should_end() {
        let mut trial = Trial::begin(r#"[ "$3" = 2 ] && echo 'the gate is lost'"#);
        trial.now("warm_up", 5);
        trial.now("hold", 10);
        tokio::task::yield_now().await;
        trial.now("hold", 20);
        assert_eq!(trial.looks(1).await, ["look RUN 1 3"]);
        trial.now("hold", 31);
        let asked = trial.asked.recv().await;
        assert_eq!(asked, Some(Interrupt::EndEarly { why: "the gate is lost".into() }));
        assert_eq!(trial.end().await.1.len(), 2);
    }

    #[tokio::test]
    async fn a_look_that_fails_ends_nothing() {
        let trial = Trial::begin("echo 'what would be a reason'; trap 'exit 3' EXIT");
        for (second, looks) in [(10, 0), (20, 1), (30, 2), (40, 3)] {
            trial.now("hold", second);
            tokio::task::yield_now().await;
            trial.looks(looks).await;
        }
        assert_eq!(trial.end().await.0, None);
    }

    #[tokio::test]
    async fn after_the_hold_phase_nobody_looks() {
        let trial = Trial::begin("echo 'too late'");
        trial.now("hold", 10);
        tokio::task::yield_now().await;
        trial.now("drain", 55);
        assert_eq!(trial.end().await, (None, Vec::new()));
    }
}
