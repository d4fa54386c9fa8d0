//! Whether the index of the id lacks rows at a side, where counts do not agree.

use crate::error::{Error, Kind, Result};
use crate::postgres::index_damage::Counts;
use crate::replicate::check::holding::Holding;
use futures::future::try_join;

/// An index that does not know every row of its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    side: &'static str,
    counts: Counts,
}

/// Counts the rows up to an id with and without the index of each side. Reads both tables whole.
///
/// # Errors
/// What a connection or a server says.
pub async fn find((ours, theirs): (Holding<'_>, Holding<'_>), through: i64) -> Result<Option<Damage>> {
    let (here, there) = try_join(ours.index_counts(through), theirs.index_counts(through)).await?;
    let damage = |side, counts: Counts| counts.is_damaged().then_some(Damage { side, counts });
    Ok(damage("source", here).or_else(|| damage("destination", there)))
}

impl Damage {
    /// In the words of a problem of this destination.
    pub fn error(&self, destination: &str) -> Error {
        let Self { side, counts } = self;
        let what = format!("destination \"{destination}\" cannot be compared: the index of the id at the {side} is damaged");
        let error = Error::new(Kind::Contents, what);
        counts.explain(error, &format!("at the {side}"), "until then no event can be called missing")
    }
}
