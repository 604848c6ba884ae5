//! Starting the real program in a place of its own, and finding every process that came of it.
#![allow(dead_code, reason = "every test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The environment variable by which the processes of one test are found again.
const MARK: &str = "SHAKEDOWN_TEST_MARK";

/// The time by which anything must have happened. It is far more than anything takes: a machine may be slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// The conditions of the evidence that tell of the machine and not of the target: whether it carried the load, and
/// whether it was looked at in time.
const OF_THE_MACHINE: [&str; 3] = ["driver", "samples", "gaps"];

/// Runs measure; two at once would disturb each other.
static ALONE: Mutex<()> = Mutex::new(());

/// A working directory and a mark of its own; kills what is left when dropped, whatever the test found.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
    mark: String,
    _alone: MutexGuard<'static, ()>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = tempfile::tempdir().unwrap();
        let mark = format!("{}-{}", std::process::id(), dir.path().display());
        Self { dir, mark, _alone: alone }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_shakedown")), args)
    }

    /// The same of another program file.
    pub(crate) fn command_of(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.dir.path()).env(MARK, &self.mark).env("NO_COLOR", "1");
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The processes that carry this test's mark.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let wanted = format!("{MARK}={}", self.mark);
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        entries
            .filter_map(|e| e.file_name().to_str()?.parse().ok())
            .filter(|pid: &u32| {
                std::fs::read(format!("/proc/{pid}/environ"))
                    .is_ok_and(|env| env.split(|b| *b == 0).any(|v| v == wanted.as_bytes()))
            })
            .collect()
    }

    /// Waits until no process carries the mark.
    pub(crate) fn assert_nothing_left(&self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < end, "still alive after {PATIENCE:?}: {left:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for pid in self.processes() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
    }
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
        .canonicalize()
        .unwrap()
        .display()
        .to_string()
}

/// Waits for something with a deadline.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The parsed `verdict.json` of a run.
pub(crate) fn verdict(run: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(run.join("verdict.json")).unwrap()).unwrap()
}

/// What of a run the machine spoiled: it was too busy to carry the load or to look in time. No gate is decided by such
/// a run unless something was counted against it.
pub(crate) fn spoiled(judged: &Value) -> Vec<&Value> {
    let poor = |c: &&Value| c["outcome"] != "GO" && OF_THE_MACHINE.iter().any(|id| c["id"] == *id);
    judged["coverage"].as_array().unwrap().iter().filter(poor).collect()
}

/// Whether what was measured is not within the limit of a gate; `None` if nothing was.
pub(crate) fn is_breached(gate: &Value) -> Option<bool> {
    let (measured, limit) = (gate["measured"].as_f64()?, gate["go"]["value"].as_f64()?);
    let within = match gate["go"]["op"].as_str()? {
        "<" => measured < limit,
        "<=" => measured <= limit,
        ">" => measured > limit,
        ">=" => measured >= limit,
        "==" => (measured - limit).abs() < f64::EPSILON,
        other => panic!("no comparison {other}"),
    };
    Some(!within)
}

/// Asserts that a run of a sound target was judged as it deserves, on whatever machine: GO, or short of that for nothing
/// but times, which are the machine's, or because the machine spoiled the evidence. Nothing that is counted may be
/// wrong, every fault must be proven, and the exit code must say what the verdict says.
pub(crate) fn assert_sound(run: &Path, code: Option<i32>, said: &str) {
    let judged = verdict(run);
    let spoiled = spoiled(&judged);
    for condition in judged["coverage"].as_array().unwrap() {
        assert!(condition["outcome"] == "GO" || spoiled.contains(&condition), "{condition:#}\n{said}");
    }
    let mut times = 0;
    for gate in judged["gates"].as_array().unwrap().iter().filter(|gate| gate["outcome"] != "GO") {
        let timed = gate["unit"] == "seconds";
        let withheld =
            !spoiled.is_empty() && gate["outcome"] == "INCONCLUSIVE" && is_breached(gate) == Some(false);
        assert!(timed || withheld, "{gate:#}\n{said}");
        times += usize::from(timed);
    }
    for fault in judged["faults"].as_array().unwrap() {
        assert_eq!(fault["evidence"]["proof"], "proven", "{fault:#}\n{said}");
    }
    let expected = match judged["verdict"].as_str().unwrap() {
        "GO" => 0,
        "CONDITIONAL" => 10,
        "INCONCLUSIVE" => 20,
        "NO-GO" => 30,
        other => panic!("no verdict {other}"),
    };
    assert_eq!(code, Some(expected), "{said}");
    assert!(
        expected == 0 || times > 0 || !spoiled.is_empty(),
        "it is not GO for no reason: {judged:#}\n{said}"
    );
}
