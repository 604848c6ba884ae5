//! Removing what runs have left with a name on this host whose guardians are dead.

use std::path::PathBuf;

use crate::{ChaosError, cgroup, enclosure};

/// Removes the control groups and the bus directories of runs whose guardians are dead, and says which.
/// Nothing of a run that is going on, and only what belongs to this user.
///
/// # Errors
/// If something cannot be looked at or removed.
pub fn sweep() -> Result<Vec<PathBuf>, ChaosError> {
    let mut removed =
        cgroup::sweep().map_err(|e| ChaosError::io("remove", "control groups of dead runs", e))?;
    removed.extend(enclosure::sweep()?);
    Ok(removed)
}
