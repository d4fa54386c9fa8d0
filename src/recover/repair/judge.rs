//! Reads both sides and sorts what differs, before anything is decided.

use super::findings::{DestinationTail, RepairFindings};
use super::named::NamedEvent;
use crate::error::Result;
use crate::event::fields::unescaped;
use crate::event::frame::{CopyFormat, FramedRow};
use crate::event::merge::{RowMerge, RowMismatch};
use crate::event::range::IdRange;
use crate::event::representation::slate::{ColumnTexts, is_slates_work};
use crate::event::store::EventStore;
use crate::event::wire::Wire;
use crate::postgres::table::{Column, EventTable};
use std::collections::BTreeMap;

/// The columns that are compared, with their types at the source.
#[derive(Debug)]
pub struct RowJudge {
    columns: Vec<Column>,
    format: CopyFormat,
}

impl RowJudge {
    /// Of rows in this form.
    pub fn new(source: &EventTable, wire: &Wire) -> Self {
        let columns = wire.columns.iter().filter_map(|column| source.column(&column.name));
        Self { columns: columns.cloned().collect(), format: wire.format }
    }

    /// Whether two forms of one event differ exactly as slate's replicator alters them. Only text
    /// can tell.
    pub(crate) fn is_slates(&self, source: &FramedRow, destination: &FramedRow) -> bool {
        let (ours, theirs) = (source.fields(self.format), destination.fields(self.format));
        if self.format != CopyFormat::Text
            || ours.len() != self.columns.len()
            || theirs.len() != ours.len()
        {
            return false;
        }
        let values = |fields: &[Option<&[u8]>]| -> Option<Vec<Option<String>>> {
            let value = |field: &Option<&[u8]>| match field {
                Some(field) => unescaped(field).map(|text| Some(text.into_owned())),
                None => Some(None),
            };
            fields.iter().map(value).collect()
        };
        let (Some(ours), Some(theirs)) = (values(&ours), values(&theirs)) else {
            return false;
        };
        let columns = self.columns.iter().zip(ours.iter().zip(&theirs));
        let texts: Vec<ColumnTexts<'_>> = columns
            .map(|(column, (source, destination))| ColumnTexts {
                type_oid: column.type_oid,
                source: source.as_deref(),
                destination: destination.as_deref(),
            })
            .collect();
        is_slates_work(&texts)
    }

    /// Everything that differs in a range; the ids of both sides' agreement are left out.
    pub async fn everything(
        &self,
        source: &dyn EventStore,
        destination: &dyn EventStore,
        range: IdRange,
    ) -> Result<RepairFindings> {
        let mut found = RepairFindings::default();
        let mut merge = RowMerge::of(source, destination, range);
        while let Some(unlike) = merge.next().await? {
            self.add(&mut found, &unlike);
        }
        Ok(found)
    }

    /// As [`RowJudge::everything`], with the events of some ids apart, in ascending order.
    pub(super) async fn named(
        &self,
        source: &dyn EventStore,
        destination: &dyn EventStore,
        (range, ids): (IdRange, &[i64]),
    ) -> Result<(Vec<NamedEvent>, RepairFindings)> {
        let mut named: BTreeMap<i64, NamedEvent> =
            ids.iter().map(|id| (*id, NamedEvent::absent(*id))).collect();
        let mut others = RepairFindings::default();
        let mut merge = RowMerge::of(source, destination, range);
        while let Some(unlike) = merge.next().await? {
            match named.get_mut(&unlike.id()) {
                Some(event) => *event = NamedEvent::unlike(&unlike),
                None => self.add(&mut others, &unlike),
            }
        }
        drop(merge);
        // The merge gives what is not the same: of the others both have all, or neither has any.
        for event in named.values_mut().filter(|event| !event.is_anywhere()) {
            let digest = destination.table_digest(IdRange::only(event.id)).await?;
            if digest.events > 0 {
                *event = NamedEvent::equal(event.id, digest);
            }
        }
        Ok((named.into_values().collect(), others))
    }

    /// As [`RowJudge::everything`], up to the first difference.
    pub async fn first(
        &self,
        source: &dyn EventStore,
        destination: &dyn EventStore,
        range: IdRange,
    ) -> Result<RepairFindings> {
        let mut found = RepairFindings::default();
        let mut merge = RowMerge::of(source, destination, range);
        if let Some(unlike) = merge.next().await? {
            self.add(&mut found, &unlike);
        }
        Ok(found)
    }

    fn add(&self, found: &mut RepairFindings, unlike: &RowMismatch) {
        match unlike {
            RowMismatch::Missing(row) => found.missing.add(row.id),
            RowMismatch::Extra(row) => found.extra.add(row.id),
            RowMismatch::Changed(ours, theirs) if self.is_slates(ours, theirs) => {
                found.slates.add(ours.id)
            }
            RowMismatch::Changed(ours, _) => found.changed.add(ours.id),
        }
    }
}

/// What a destination has in a range, and of which of it the source has no equal.
pub(crate) async fn tail(
    source: &dyn EventStore,
    destination: &dyn EventStore,
    range: IdRange,
) -> Result<DestinationTail> {
    let mut tail = DestinationTail::default();
    let mut merge = RowMerge::of(source, destination, range);
    while let Some(unlike) = merge.next().await? {
        match unlike {
            RowMismatch::Missing(_) => {}
            RowMismatch::Extra(row) | RowMismatch::Changed(_, row) => tail.only_here.add(row.id),
        }
    }
    tail.count = merge.rows().1;
    Ok(tail)
}
