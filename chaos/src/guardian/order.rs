//! What a guardian is told on its command line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use scenarios::plan::Enclosure;

use super::TargetCommand;
use crate::process::Identity;

/// Whom to watch and what to start.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) run: PathBuf,
    pub(super) harness: Identity,
    pub(super) target: TargetCommand,
    pub(super) enclosure: Enclosure,
    /// What a harness has to say that wants to go on with this run; `None`: the run ends with its harness.
    pub(super) claim: Option<String>,
}

impl Order {
    pub(super) fn to_arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec![
            "--run".into(),
            self.run.clone().into(),
            "--harness".into(),
            format!("{}:{}", self.harness.pid, self.harness.starttime).into(),
            "--stderr".into(),
            self.target.stderr_file.clone().into(),
        ];
        if self.enclosure != Enclosure::default() {
            // It holds only numbers and words, which JSON always can.
            let json = serde_json::to_string(&self.enclosure).unwrap_or_default();
            arguments.extend(["--enclosure".into(), json.into()]);
        }
        if let Some(claim) = &self.claim {
            arguments.extend(["--keep".into(), claim.clone().into()]);
        }
        if let Some(cwd) = &self.target.cwd {
            arguments.extend(["--cwd".into(), cwd.clone().into()]);
        }
        for (name, value) in &self.target.env {
            let pair = [name.as_bytes(), b"=", value.as_bytes()].concat();
            arguments.extend(["--env".into(), OsString::from_vec(pair)]);
        }
        arguments.push("--".into());
        arguments.extend(self.target.argv.iter().cloned());
        arguments
    }

    pub(super) fn from_arguments(arguments: &[OsString]) -> Result<Self, String> {
        let (mut run, mut harness, mut stderr_file, mut cwd) = (None, None, None, None);
        let (mut env, mut claim) = (Vec::new(), None);
        let mut enclosure = Enclosure::default();
        let mut rest = arguments.iter();
        while let Some(name) = rest.next().filter(|name| *name != "--") {
            let value = rest.next().ok_or_else(|| format!("{} has no value", name.display()))?;
            match name.to_str() {
                Some("--run") => run = Some(PathBuf::from(value)),
                Some("--harness") => harness = Some(identity(value)?),
                Some("--stderr") => stderr_file = Some(PathBuf::from(value)),
                Some("--cwd") => cwd = Some(PathBuf::from(value)),
                Some("--keep") => claim = Some(value.to_string_lossy().into_owned()),
                Some("--enclosure") => enclosure = planned(value)?,
                Some("--env") => env.push(pair(value)?),
                _ => return Err(format!("unknown argument {}", name.display())),
            }
        }
        let argv: Vec<OsString> = rest.cloned().collect();
        if argv.is_empty() {
            return Err("no program of a target is given".to_owned());
        }
        let missing = |name: &str| format!("{name} is missing; a guardian is started by `shakedown run`");
        Ok(Self {
            run: run.ok_or_else(|| missing("--run"))?,
            harness: harness.ok_or_else(|| missing("--harness"))?,
            target: TargetCommand {
                argv,
                env,
                cwd,
                stderr_file: stderr_file.ok_or_else(|| missing("--stderr"))?,
            },
            enclosure,
            claim,
        })
    }
}

fn identity(value: &OsStr) -> Result<Identity, String> {
    let parts = value.to_str().and_then(|v| v.split_once(':'));
    parts
        .and_then(|(pid, start)| Some(Identity { pid: pid.parse().ok()?, starttime: start.parse().ok()? }))
        .ok_or_else(|| format!("--harness is {}, not PID:STARTTIME", value.display()))
}

fn planned(value: &OsStr) -> Result<Enclosure, String> {
    serde_json::from_slice(value.as_bytes()).map_err(|e| format!("--enclosure is not understood: {e}"))
}

fn pair(value: &OsStr) -> Result<(OsString, OsString), String> {
    let bytes = value.as_bytes();
    let at = bytes
        .iter()
        .position(|b| *b == b'=')
        .ok_or_else(|| format!("--env is {}, not NAME=VALUE", value.display()))?;
    Ok((OsString::from_vec(bytes[..at].to_vec()), OsString::from_vec(bytes[at + 1..].to_vec())))
}

#[cfg(test)]
mod tests {
    use scenarios::plan::BusDirectory;

    use super::*;

    #[test]
    fn an_order_comes_back_from_its_arguments() {
        let order = Order {
            run: "/runs/a b".into(),
            harness: Identity { pid: 7, starttime: 99 },
            target: TargetCommand {
                argv: vec!["prog".into(), "--".into(), OsString::from_vec(vec![0xff])],
                env: vec![("A".into(), "x=y".into()), ("EMPTY".into(), "".into())],
                cwd: Some("/tmp".into()),
                stderr_file: "/runs/a b/target.log".into(),
            },
            enclosure: Enclosure {
                bus: Some(BusDirectory { bytes: Some(1 << 20), inodes: None, intercepted: true }),
                network: None,
            },
            claim: Some("run 7 of plan 1f3c".into()),
        };
        let back = Order::from_arguments(&order.to_arguments()).unwrap();
        assert_eq!(format!("{back:?}"), format!("{order:?}"));
    }

    #[test]
    fn arguments_that_are_no_order_are_refused_by_name() {
        let cases: [(&[&str], &str); 7] = [
            (&[], "no program of a target is given"),
            (&["--", "sleep"], "--run is missing; a guardian is started by `shakedown run`"),
            (&["--run"], "--run has no value"),
            (&["--harness", "7", "--", "sleep"], "--harness is 7, not PID:STARTTIME"),
            (&["--env", "A", "--", "sleep"], "--env is A, not NAME=VALUE"),
            (
                &["--enclosure", "x", "--", "sleep"],
                "--enclosure is not understood: expected value at line 1 column 1",
            ),
            (&["--fast", "yes", "--", "sleep"], "unknown argument --fast"),
        ];
        for (arguments, expected) in cases {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            assert_eq!(Order::from_arguments(&arguments).unwrap_err(), expected);
        }
    }
}
