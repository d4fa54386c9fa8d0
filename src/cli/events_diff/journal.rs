//! Where the journal of an interrupted comparison is left.

use crate::error::{Error, ErrorKind, Result};
use crate::verify::compare::journal::ComparisonJournal;
use std::path::{Path, PathBuf};

/// Names that are tried in the current folder.
const NAMES_MAX: u32 = 100;

/// Leaves it where it was taken from, otherwise in the current folder under a name that is free.
/// Gives the path.
///
/// # Errors
/// `Unavailable` when it cannot be written.
pub(crate) fn leave(journal: &ComparisonJournal, taken_from: Option<&Path>) -> Result<PathBuf> {
    let path = match taken_from {
        Some(path) => path.to_owned(),
        None => free_name().ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, "cannot leave a journal")
                .because(format!("{NAMES_MAX} files of its name are there already"))
        })?,
    };
    journal.write(&path)?;
    Ok(path)
}

fn free_name() -> Option<PathBuf> {
    let later = (2..=NAMES_MAX).map(|number| format!(".{number}"));
    let mut paths = std::iter::once(String::new())
        .chain(later)
        .map(|end| PathBuf::from(format!("events-diff.journal{end}")));
    paths.find(|path| !path.exists())
}

/// Removes one that has served.
///
/// # Errors
/// `Unavailable` when the system does not let us.
pub(crate) fn remove(path: &Path) -> Result<()> {
    std::fs::remove_file(path).map_err(|error| {
        Error::new(ErrorKind::Unavailable, "cannot remove the finished journal")
            .at(path.display().to_string())
            .caused_by(&error)
    })
}
