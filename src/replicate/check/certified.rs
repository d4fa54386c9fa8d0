//! What was pruned of a log is still counted at a destination: by the certificates that say how
//! much it was.

use super::lane_stores::{CheckCircumstances, LaneStores};
use crate::error::{Error, ErrorKind, Result};
use crate::event::range::IdRange;
use crate::event::store::IdEnds;
use crate::source::capture::PruneCertificate;

/// Confirms that a destination of this position holds as many events of what was pruned as were certified.
///
/// # Errors
/// `Contents` with the ids.
pub(super) async fn require_certified(
    lane: &LaneStores<'_>,
    certificates: &[PruneCertificate],
    position: Option<i64>,
    when: CheckCircumstances,
) -> Result<()> {
    // What a condition left out was pruned with the rest.
    if certificates.is_empty() || lane.source.wire().rows.is_some() {
        return Ok(());
    }
    let ends = IdEnds { highest: position, ..lane.destination.ends().await? };
    let Some((range, events)) = certified(certificates, ends) else { return Ok(()) };
    let there = lane.destination.count(range).await?;
    if there == events {
        return Ok(());
    }
    let what = format!(
        "destination {:?} holds {there} events of what was pruned at the source, which were \
         {events}",
        lane.name
    );
    Err(Error::new(ErrorKind::Contents, what)
        .at(format!("{}, {range}", lane.place()))
        .because("the table pruned beside the log certifies how many there were")
        .fix(format!(
            "another copy or a backup has them: events-diff with two URLs shows what differs; or \
             name an empty table, which begins where the log begins now; {}",
            when.ending()
        )))
}

/// Says of events that a destination misses that they were pruned, where they were.
pub(super) fn but_pruned(missing: Error, pruned: &[PruneCertificate], position: i64) -> Error {
    match pruned.last().filter(|last| last.through > position) {
        Some(last) => missing.because(format!(
            "the log was pruned through id {}, when this destination was no reader of it",
            last.through
        )),
        None => missing,
    }
}

/// The ids of the certificates that a destination with these ends had to copy whole, and their
/// events. One that begins later began when what lies before was pruned already.
fn certified(certificates: &[PruneCertificate], ends: IdEnds) -> Option<(IdRange, u64)> {
    let (lowest, highest) = (ends.lowest?, ends.highest?);
    let whole = certificates.iter().filter(|of| of.first_id >= lowest && of.through <= highest);
    let (first, last) = (whole.clone().next()?, whole.clone().next_back()?);
    let range = IdRange { after: first.first_id.checked_sub(1), through: last.through };
    Some((range, whole.map(|of| of.events).sum()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CERTIFICATES: [PruneCertificate; 3] = [
        PruneCertificate { first_id: 1, through: 10, events: 9 },
        PruneCertificate { first_id: 12, through: 20, events: 8 },
        PruneCertificate { first_id: 21, through: 30, events: 10 },
    ];

    fn of(lowest: i64, highest: i64) -> Option<(Option<i64>, i64, u64)> {
        let ends = IdEnds { lowest: Some(lowest), highest: Some(highest) };
        certified(&CERTIFICATES, ends).map(|(range, events)| (range.after, range.through, events))
    }

    #[test]
    fn what_a_destination_had_to_copy_whole_is_counted_and_nothing_else() {
        assert_eq!(of(1, 40), Some((Some(0), 30, 27)));
        assert_eq!(of(12, 40), Some((Some(11), 30, 18)));
        assert_eq!(of(5, 40), Some((Some(11), 30, 18)));
        assert_eq!(of(1, 25), Some((Some(0), 20, 17)));
        assert_eq!(of(31, 40), None);
        assert_eq!(certified(&CERTIFICATES, IdEnds { lowest: None, highest: None }), None);
    }
}
