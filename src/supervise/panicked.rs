//! A failure of the program itself.

use crate::error::{Error, ErrorKind};

/// What is told of a failure of the program itself.
pub(crate) fn panicked() -> Error {
    Error::new(ErrorKind::Bug, "Counterfoil itself has failed, at the place named above").fix(
        "start again: what was copied stays, whole batches only; and report this, with the lines \
         above",
    )
}
