//! A proof over every row of a table, and what two of them tell.

use crate::error::Result;
use crate::event::range::{IdRange, shown};
use crate::event::readable::{Proof, Readable};

/// Every id there can be.
const ALL: IdRange = IdRange {
    after: None,
    through: i64::MAX,
};

/// Reads a whole table, once and in constant memory.
///
/// Rows that are committed meanwhile may or may not be in it: a comparison needs sides that rest.
///
/// # Errors
/// What the connection or the server says; then nothing is known.
pub async fn prove(events: &dyn Readable) -> Result<Proof> {
    events.digest(ALL).await
}

/// How what a destination holds differs from what the source holds, by two proofs over the same columns in the same form; `None` where it does not.
pub fn unlike(source: &Proof, destination: &Proof) -> Option<String> {
    if source == destination {
        return None;
    }
    Some(if source.events != destination.events {
        format!("{} events where the source has {}", destination.events, source.events)
    } else if source.last_id != destination.last_id {
        let (ours, theirs) = (shown(source.last_id), shown(destination.last_id));
        format!("as many events, the last id is {theirs} where the source has {ours}")
    } else {
        "as many events and the same last id, but not the same bytes".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROOF: Proof = Proof {
        events: 7,
        last_id: Some(9),
        sha256: [1; 32],
    };

    #[test]
    fn what_differs_first_is_said() {
        let told = |destination: Proof| unlike(&PROOF, &destination);
        assert_eq!(told(PROOF), None);
        assert_eq!(
            told(Proof { events: 6, ..PROOF }).as_deref(),
            Some("6 events where the source has 7")
        );
        let other_last = Proof { last_id: Some(8), ..PROOF };
        assert_eq!(
            told(other_last).as_deref(),
            Some("as many events, the last id is 8 where the source has 9")
        );
        let other_bytes = Proof { sha256: [2; 32], ..PROOF };
        assert_eq!(
            told(other_bytes).as_deref(),
            Some("as many events and the same last id, but not the same bytes")
        );
    }
}
