//! Whether the index of the id knows every row of a table: what is read by it hides the others, and
//! they would be taken for missing.

use crate::error::{Error, ErrorKind, Result};
use crate::event::range::IdRange;
use crate::event::store::EventStore;

/// Makes sure that it does, of the store of `name`. Reads the whole table.
///
/// # Errors
/// `Contents` with both numbers and the cure; those of the server.
pub(crate) async fn require_whole_index(store: &dyn EventStore, name: &str) -> Result<()> {
    let counts = store.index_counts(IdRange::ALL).await?;
    if !counts.is_damaged() {
        return Ok(());
    }
    let error =
        Error::new(ErrorKind::Contents, format!("the index of the id of {name} is damaged"));
    Err(counts.explain(error.at(store.place()), "there", "nothing was written"))
}
