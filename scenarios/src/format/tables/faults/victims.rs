//! To whom it is done.

use super::super::{MOST_AGENTS, ROLES, number, scalar};
use crate::format::Presence::{Optional, Otherwise};
use crate::format::Scalar::{Flag, Name, Word};
use crate::format::{Choice, Field, Value};

pub(super) const ROLE: Field =
    scalar("role", Word(ROLES), Optional, "Of which role. `master` is whoever leads at that moment.");
/// For faults that can be done to the target as a whole.
pub(super) const ROLE_OR_ALL: Field = scalar(
    "role",
    Word(ROLES),
    Otherwise("the whole target"),
    "Of which role. `master` is whoever leads at that moment.",
);
pub(super) const COUNT: Field = scalar(
    "count",
    number(1, MOST_AGENTS),
    Otherwise("without `percent` or `all`, one"),
    "How many, at the same instant.",
);
pub(super) const PERCENT: Field =
    scalar("percent", number(1, 100), Optional, "How many of a hundred, rounded up.");
pub(super) const ALL: Field = scalar("all", Flag, Optional, "`true` for all of them.");
pub(super) const EXCEPT: Field = Field {
    key: "except",
    value: Value::List(&Value::Scalar(number(0, MOST_AGENTS - 1))),
    presence: Optional,
    help: "Never these: places among the members of the role, counted from 0.",
};
pub(super) const SAME: Field =
    scalar("same", Name, Optional, "The same victims as those of the fault with this id, further up.");

const HOW_MANY: Choice = Choice { keys: &["count", "percent", "all", "same"], required: false };
pub(super) const NEEDED: &[Choice] = &[Choice { keys: &["role", "same"], required: true }, HOW_MANY];
pub(super) const POSSIBLE: &[Choice] = &[Choice { keys: &["role", "same"], required: false }, HOW_MANY];
