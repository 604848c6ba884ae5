//! What to do now, in one or two sentences that stand beside the verdict.

use evidence::end::How;

use super::command;
use crate::reading::Evidence;
use crate::verdict::{Outcome, Scope, Verdict};

/// What to do after this verdict.
pub(super) fn next(verdict: &Verdict, evidence: &Evidence) -> String {
    let command = command(evidence);
    if verdict.about.rehearsal.is_some() {
        return format!("Run it in its own time: {}", in_its_own_time(&command));
    }
    match verdict.outcome {
        Outcome::Go => {
            "Nothing more is asked by this scenario; keep the directory, it can be judged again, alone or \
                        with others under a gate file."
                .to_owned()
        }
        Outcome::Conditional => format!(
            "Only the second limit holds of {}. Decide whether that is enough, or mend it and run again: {command}",
            of_gates(verdict)
        ),
        Outcome::Inconclusive => inconclusive(verdict, &command),
        Outcome::NoGo if verdict.gates.iter().any(|g| g.outcome == Outcome::NoGo) => {
            format!("Mend what is behind {}, and run the same again: {command}", of_gates(verdict))
        }
        Outcome::NoGo => format!("Read the target's log, mend it, and run the same again: {command}"),
    }
}

fn inconclusive(verdict: &Verdict, command: &str) -> String {
    match &verdict.about.how {
        None => return "Its harness died. shakedown resume goes on with this directory.".to_owned(),
        Some(How::Interrupted) => return format!("It was interrupted. Run it to its end: {command}"),
        Some(_) => {}
    }
    let poor = |c: &&crate::verdict::Condition| c.scope != Scope::Gates && c.outcome != Outcome::Go;
    match verdict.coverage.iter().find(poor) {
        Some(condition) => {
            format!("Put right what coverage says of {}, and run it again: {command}", condition.id)
        }
        None if verdict.gates.is_empty() => "Give the scenario a gate, and run it again.".to_owned(),
        None => {
            format!("Bring the evidence that {} asks for, mostly a longer run: {command}", of_gates(verdict))
        }
    }
}

/// The gates that made the verdict what it is.
fn of_gates(verdict: &Verdict) -> String {
    let mut gates = verdict.gates.iter().filter(|g| g.outcome == verdict.outcome);
    let first = gates.next().map_or("the evidence", |g| g.id.as_str());
    match gates.count() {
        0 => first.to_owned(),
        1 => format!("{first} and one other gate"),
        more => format!("{first} and {more} other gates"),
    }
}

/// The command without what compressed its time.
fn in_its_own_time(command: &str) -> String {
    let mut words = Vec::new();
    let mut rest = command.split(' ');
    while let Some(word) = rest.next() {
        match word {
            "--rehearse" => drop(rest.next()),
            _ if word.starts_with("--rehearse=") => {}
            _ => words.push(word),
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_of_a_rehearsal_loses_what_compressed_its_time_and_nothing_else() {
        for command in
            ["shakedown run a.yaml --rehearse 3m --seed 1", "shakedown run a.yaml --rehearse=3m --seed 1"]
        {
            assert_eq!(in_its_own_time(command), "shakedown run a.yaml --seed 1");
        }
    }
}
