//! Exit codes: promised, one place, documented in `docs/reference/exit-codes.md`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use reports::Outcome;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// GO, or the command did its work.
    Go,
    /// CONDITIONAL.
    Conditional,
    /// INCONCLUSIVE.
    Inconclusive,
    /// NO-GO.
    NoGo,
    /// The arguments are wrong.
    Usage,
    /// A scenario or evidence is not valid.
    Invalid,
    /// The target or the host cannot be used.
    Unusable,
    /// Our own fault, caught.
    OurFault,
    /// Interrupted by the user.
    Interrupted,
}

impl Exit {
    /// All of them with their meaning, as the reference page shows them.
    pub(crate) const ALL: [(Self, &str); 9] = [
        (Self::Go, "GO, or the command did its work"),
        (Self::Conditional, "CONDITIONAL"),
        (Self::Inconclusive, "INCONCLUSIVE"),
        (Self::NoGo, "NO-GO"),
        (Self::Usage, "bad arguments"),
        (Self::Invalid, "an invalid scenario, or invalid evidence"),
        (
            Self::Unusable,
            "the target or the host cannot be used: it does not start, a limit is too low, the directory is full, the run still goes on",
        ),
        (Self::OurFault, "our own fault, caught; please report it"),
        (Self::Interrupted, "interrupted; the verdict of the run is INCONCLUSIVE or NO-GO, never GO"),
    ];

    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Go => 0,
            Self::Conditional => 10,
            Self::Inconclusive => 20,
            Self::NoGo => 30,
            Self::Usage => 64,
            Self::Invalid => 65,
            Self::Unusable => 69,
            Self::OurFault => 70,
            Self::Interrupted => 130,
        }
    }

    /// The exit of another process of this program.
    pub(crate) fn of_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().map(|(exit, _)| exit).find(|exit| i32::from(exit.code()) == code)
    }

    /// The graver of two, for a command that does several things: whatever is not a verdict outweighs every
    /// verdict.
    pub(crate) fn and(self, other: Self) -> Self {
        if other.code() > self.code() { other } else { self }
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Go => Self::Go,
            Outcome::Conditional => Self::Conditional,
            Outcome::Inconclusive => Self::Inconclusive,
            Outcome::NoGo => Self::NoGo,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Runs a command; a panic in it becomes [`Exit::OurFault`] with a message instead of a stack trace, a result that
/// nobody got becomes [`Exit::Unusable`].
pub(crate) fn catching(command: impl FnOnce() -> Exit) -> Exit {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let what = panic.payload_as_str().unwrap_or("no message");
        note!("error: shakedown itself failed at {place}: {what}");
        note!("  this is a fault of shakedown and not of the target; please report it with the scenario");
        note!("  what the run left behind is undone by its guardian; `shakedown heal` does it again");
    }));
    let exit = catch_unwind(AssertUnwindSafe(command)).unwrap_or(Exit::OurFault);
    match crate::terminal::unwritten() {
        Some(why) => {
            note!("error: the result could not be written to standard output: {why}");
            exit.and(Exit::Unusable)
        }
        None => exit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_page_is_current() {
        let mut page = String::from(
            "# Exit codes\n\nPromised to scripts. 1, 2 and 101 are left to crashes and never mean a verdict.\n\n\
             | code | meaning |\n|---|---|\n",
        );
        for (exit, meaning) in Exit::ALL {
            page += &format!("| {} | {meaning} |\n", exit.code());
        }
        page += "\nA command that is given several files or runs ends with the greatest code among them.\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/exit-codes.md");
        if std::env::var_os("SHAKEDOWN_BLESS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), page, "run the tests with SHAKEDOWN_BLESS=1");
    }
}
