//! Compares what two sides hold, by a proof over every row of each.

use crate::error::Result;
use crate::event::range::{IdRange, shown};
use crate::event::readable::{Proof, Readable};
use std::fmt;

/// Every id there can be.
const ALL: IdRange = IdRange {
    after: None,
    through: i64::MAX,
};

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every row of one side is a row of the other, byte for byte.
    Equal,
    /// They do not hold the same rows.
    Different {
        /// What the source holds.
        source: Proof,
        /// What the destination holds.
        destination: Proof,
    },
}

/// Reads a whole table, once and in constant memory.
///
/// Rows that are committed meanwhile may or may not be in it: a comparison needs sides that rest.
///
/// # Errors
/// What the connection or the server says; then nothing is known.
pub async fn prove(events: &dyn Readable) -> Result<Proof> {
    events.digest(ALL).await
}

impl Verdict {
    /// Judges by two proofs over the same columns in the same form.
    pub fn of(source: &Proof, destination: &Proof) -> Self {
        if source == destination {
            return Self::Equal;
        }
        Self::Different {
            source: source.clone(),
            destination: destination.clone(),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Different { source, destination } = self else {
            return out.write_str("equal");
        };
        if source.events != destination.events {
            write!(
                out,
                "different: {} events where the source has {}",
                destination.events, source.events
            )
        } else if source.last_id != destination.last_id {
            let (ours, theirs) = (shown(source.last_id), shown(destination.last_id));
            write!(
                out,
                "different: as many events, the last id is {theirs} where the source has {ours}"
            )
        } else {
            out.write_str("different: as many events and the same last id, but not the same bytes")
        }
    }
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
        let told = |destination: Proof| Verdict::of(&PROOF, &destination).to_string();
        assert_eq!(told(PROOF), "equal");
        assert_eq!(told(Proof { events: 6, ..PROOF }), "different: 6 events where the source has 7");
        let other_last = Proof { last_id: Some(8), ..PROOF };
        assert_eq!(
            told(other_last),
            "different: as many events, the last id is 8 where the source has 9"
        );
        let other_bytes = Proof { sha256: [2; 32], ..PROOF };
        assert_eq!(
            told(other_bytes),
            "different: as many events and the same last id, but not the same bytes"
        );
    }
}
