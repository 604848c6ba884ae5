//! `shakedown prove`: plants each defect in a short run and requires the right colour from the right gate, and GO from its
//! clean twin. What it finds is a certificate, which the reports of later runs cite.

mod carrying_out;
mod defects;
mod page;
mod sizing;
pub(crate) mod statistics;
mod twins;

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use evidence::certificate::{Certificate, NEWEST, Proof, Twin};
use evidence::manifest::{Manifest, SCHEMA};
use harness::Interrupt;
use reports::proof::{self, By};
use scenarios::Loaded;
use tokio::sync::mpsc;

use crate::exit::Exit;
use crate::run_dir::{RUNS, RunDir};
use crate::signals;
use carrying_out::{Failure, Order, carry_out};
use defects::{DEFECTS, Defect, Size};
use twins::Twins;

/// The name under which its runs are kept.
const NAME: &str = "prove";

/// Plants all defects, or those of the short form, and writes the certificate.
pub(crate) fn command(out: Option<&Path>, quick: bool) -> Exit {
    let now = SystemTime::now();
    let dir = match RunDir::begin(out, NAME, env!("CARGO_PKG_VERSION"), now) {
        Ok(dir) => dir,
        Err(why) => {
            note!("error: {why}");
            return Exit::Unusable;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            note!("error: could not start the event loop: {e}");
            return Exit::OurFault;
        }
    };
    let begun = Instant::now();
    let (proofs, ending) = runtime.block_on(async {
        match signals::interrupts() {
            Ok((_, mut interrupts)) => {
                let mut proving =
                    Proving { dir: &dir.path, twins: Twins::default(), interrupts: &mut interrupts };
                proving.all(quick).await
            }
            Err(e) => (Vec::new(), Err(Failure::Failed(format!("could not listen for Ctrl-C: {e}")))),
        }
    });
    let certificate = Certificate {
        schema: SCHEMA,
        shakedown: env!("CARGO_PKG_VERSION").to_owned(),
        made: humantime::format_rfc3339_seconds(now).to_string(),
        took_s: begun.elapsed().as_secs_f64(),
        quick,
        host: harness::host::facts(),
        finished: ending.is_ok(),
        proofs,
    };
    conclude(&dir.path, &certificate, ending)
}

/// Writes the certificate beside its runs and, if it came to a result, in place of the newest.
fn conclude(dir: &Path, certificate: &Certificate, ending: Result<(), Failure>) -> Exit {
    let page = dir.join("certificate.md");
    let newest = Path::new(RUNS).join(NEWEST);
    let kept = certificate
        .replace(&dir.join(evidence::layout::CERTIFICATE.name))
        .map_err(|e| e.to_string())
        .and_then(|()| {
            std::fs::write(&page, page::markdown(certificate))
                .map_err(|e| format!("could not write {}: {e}", page.display()))
        })
        .and_then(|()| match ending {
            Ok(()) => std::fs::create_dir_all(RUNS)
                .map_err(|e| format!("could not make {RUNS}: {e}"))
                .and_then(|()| certificate.replace(&newest).map_err(|e| e.to_string())),
            Err(_) => Ok(()),
        });
    crate::terminal::say(format_args!("{}", page::terminal(certificate)));
    say!("certificate: {}", page.display());
    if let Err(why) = kept {
        note!("error: {why}");
        return Exit::Unusable;
    }
    match ending {
        Ok(()) if certificate.passes() => Exit::Go,
        Ok(()) => Exit::NoGo,
        Err(Failure::Interrupted) => {
            note!("interrupted: nothing is certified; the certificate of before, if there is one, stays");
            Exit::Interrupted
        }
        Err(Failure::Failed(why)) => {
            note!("error: the proof could not go on\n  {why}");
            Exit::Unusable
        }
    }
}

/// The proof as it goes on.
struct Proving<'a> {
    dir: &'a Path,
    twins: Twins,
    interrupts: &'a mut mpsc::Receiver<Interrupt>,
}

impl Proving<'_> {
    /// One defect after the other, until all are done or it cannot go on.
    async fn all(&mut self, quick: bool) -> (Vec<Proof>, Result<(), Failure>) {
        let wanted: Vec<&Defect> = DEFECTS.iter().filter(|defect| defect.quick || !quick).collect();
        let mut proofs = Vec::new();
        for (number, defect) in wanted.iter().enumerate() {
            note!("[{}/{}] {}", number + 1, wanted.len(), defect.name);
            match self.one(defect).await {
                Ok(proof) => {
                    note!("  {}", page::line(&proof));
                    proofs.push(proof);
                }
                Err(failure) => return (proofs, Err(failure)),
            }
        }
        (proofs, Ok(()))
    }

    async fn one(&mut self, defect: &Defect) -> Result<Proof, Failure> {
        let file = self.dir.join(format!("{}.yaml", defect.name));
        std::fs::write(&file, defect.text)
            .map_err(|e| Failure::Failed(format!("could not write {}: {e}", file.display())))?;
        let twin = self.twin(defect, &file).await?;
        let mut set = owned(defect.set);
        set.extend(self.size(defect, &twin)?);
        let loaded = load(defect, &set, false)?;
        let run = self.dir.join(defect.name);
        let order = Order { file, out: run.clone(), set, twin: false, stopped: defect.stopped };
        let begun = Instant::now();
        carry_out(&order, self.interrupts).await?;
        let took_s = begun.elapsed().as_secs_f64();
        let manifest = Manifest::read(&run).map_err(unreadable)?;
        let verdict = proof::judged_by(&run, &manifest.gates).map_err(unreadable)?;
        let clean = proof::judged_by(&twin, &manifest.gates).map_err(unreadable)?;
        let by = by(defect, &loaded);
        let caught = proof::caught(&verdict, &by);
        let is_go = clean.outcome == reports::Outcome::Go;
        Ok(Proof {
            defect: defect.name.to_owned(),
            what: words(defect, &loaded),
            planted: sizing::planted(defect.size, &loaded.plan),
            by: by.name().to_owned(),
            outcome: caught.outcome,
            caught: caught.caught,
            found: caught.found,
            twin: Twin {
                verdict: clean.outcome.to_string(),
                clean: is_go,
                why: (!is_go).then_some(clean.why),
                run: below(&twin, self.dir),
            },
            run: below(&run, self.dir),
            fingerprint: manifest.fingerprint,
            took_s,
        })
    }

    /// The run of the clean twin: the one of an earlier defect under the same load, or a new one.
    async fn twin(&mut self, defect: &Defect, file: &Path) -> Result<PathBuf, Failure> {
        let mut set = owned(defect.set);
        set.extend(owned(defect.twin_set));
        let loaded = load(defect, &set, true)?;
        if let Some(run) = self.twins.of(&loaded.plan) {
            return Ok(run.clone());
        }
        let run = self.dir.join(format!("{}-twin", defect.name));
        let order = Order { file: file.to_path_buf(), out: run.clone(), set, twin: true, stopped: None };
        carry_out(&order, self.interrupts).await?;
        self.twins.keep(&loaded.plan, run.clone());
        Ok(run)
    }

    /// Changes of the control that make the defect as large as it is to be.
    fn size(&self, defect: &Defect, twin: &Path) -> Result<Vec<(String, String)>, Failure> {
        if defect.size != Size::TwiceVisible {
            return Ok(Vec::new());
        }
        let verdict = proof::judged_by(twin, &[]).map_err(unreadable)?;
        let smallest = proof::smallest_visible(&verdict, sizing::MEMORY);
        let plan = load(defect, &owned(defect.set), false)?.plan;
        let set = smallest.and_then(|smallest| sizing::twice(smallest, &plan));
        if set.is_none() {
            note!(
                "  the clean twin does not say what it could have seen; what the control plants by itself is planted"
            );
        }
        Ok(set.unwrap_or_default())
    }
}

/// What must catch the defect.
fn by(defect: &Defect, loaded: &Loaded) -> By {
    match (defect.stopped, loaded.scenario.control_condition()) {
        (Some(stopped), _) => By::Condition(stopped.condition.to_owned()),
        (None, Some(condition)) => By::Condition(condition.to_owned()),
        (None, None) => By::Gate(loaded.scenario.control().unwrap_or_default().to_owned()),
    }
}

/// What is planted.
fn words(defect: &Defect, loaded: &Loaded) -> String {
    if let Some(stopped) = defect.stopped {
        return format!("the harness is stopped for {}", humantime::format_duration(stopped.lasting));
    }
    match loaded.plan.target.config["defects"].as_object() {
        Some(defects) => {
            defects.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
        }
        None => loaded.scenario.why().to_owned(),
    }
}

fn load(defect: &Defect, set: &[(String, String)], twin: bool) -> Result<Loaded, Failure> {
    let options = scenarios::Options { set: set.to_vec(), twin, ..scenarios::Options::default() };
    scenarios::parse(defect.text, defect.name, &options)
        .map_err(|problems| Failure::Failed(problems.to_string()))
}

fn owned(set: &[(&str, &str)]) -> Vec<(String, String)> {
    set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn below(path: &Path, dir: &Path) -> String {
    path.strip_prefix(dir).unwrap_or(path).display().to_string()
}

fn unreadable(why: evidence::EvidenceError) -> Failure {
    Failure::Failed(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defect_can_be_planted_and_names_what_must_catch_it() {
        for defect in DEFECTS {
            let planted = load(defect, &owned(defect.set), false).unwrap();
            let by = by(defect, &planted);
            assert!(!by.name().is_empty(), "{}", defect.name);
            let mut set = owned(defect.set);
            set.extend(owned(defect.twin_set));
            let twin = load(defect, &set, true).unwrap();
            assert_eq!(twin.plan.target.config.get("defects"), None, "{}", defect.name);
            let differs = twin.plan.fingerprint() != planted.plan.fingerprint() || defect.stopped.is_some();
            assert!(differs, "{} is its own twin", defect.name);
        }
    }

    #[test]
    fn defects_under_the_same_load_share_their_twin() {
        let plan = |name: &str| {
            let defect = DEFECTS.iter().find(|defect| defect.name == name).unwrap();
            load(defect, &[], true).unwrap().plan
        };
        let mut twins = Twins::default();
        twins.keep(&plan("drop"), PathBuf::from("drop-twin"));
        assert_eq!(twins.of(&plan("duplicate")), Some(&PathBuf::from("drop-twin")));
        assert_eq!(twins.of(&plan("drift-memory")), None);
    }
}
