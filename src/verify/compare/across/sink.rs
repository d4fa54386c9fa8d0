//! Where differences of a copy in another engine go: counted all, shown some, from the rows that
//! were merged.

use crate::error::Result;
use crate::event::frame::{CopyFormat, FramedRow};
use crate::event::merge::RowMismatch;
use crate::event::value::FieldDecoder;
use crate::verify::compare::side::SharedColumns;
use crate::verify::compare::task::{ComparisonWatcher, DifferenceLimits};
use crate::verify::difference::{Difference, DifferenceTally};
use crate::verify::show::{RowText, ShownDifference, ValueText};

/// Bytes of a value that are shown; of a longer one its beginning.
const SHOWN_BYTES_MAX: usize = 32 * 1024;

/// See the module.
pub(super) struct RowSink<'a> {
    pub(super) tally: DifferenceTally,
    decoders: Vec<FieldDecoder>,
    format: CopyFormat,
    limits: DifferenceLimits,
    watch: &'a mut dyn ComparisonWatcher,
    shown: u64,
}

impl<'a> RowSink<'a> {
    /// Nothing was found yet.
    pub(super) fn new(
        columns: &SharedColumns,
        limits: DifferenceLimits,
        watch: &'a mut dyn ComparisonWatcher,
    ) -> Result<Self> {
        let format = columns.wire.format;
        let of = columns.wire.columns.iter().map(|column| FieldDecoder::new(column, format));
        Ok(Self {
            tally: DifferenceTally::of_columns(columns.wire.columns.len()),
            decoders: of.collect::<Result<_>>()?,
            format,
            limits,
            watch,
            shown: 0,
        })
    }

    /// Whether as many were found as were asked for.
    pub(super) fn is_enough(&self) -> bool {
        self.limits.found_max.is_some_and(|max| self.tally.total() >= max)
    }

    /// Tells how many rows were compared.
    pub(super) fn progress(&mut self, rows: u64) {
        self.watch.progress(rows);
    }

    /// Takes one that is certain.
    pub(super) fn take(&mut self, difference: Difference, unlike: &RowMismatch) -> Result<()> {
        self.tally.add(&difference.class);
        self.watch.found(&difference);
        if self.shown >= self.limits.shown_max {
            return Ok(());
        }
        self.shown += 1;
        let (first, second) = match unlike {
            RowMismatch::Missing(first) => (Some(first), None),
            RowMismatch::Extra(second) => (None, Some(second)),
            RowMismatch::Changed(first, second) => (Some(first), Some(second)),
        };
        let text = |row: Option<&FramedRow>| row.map(|row| self.text(row)).transpose();
        let shown = ShownDifference { first: text(first)?, second: text(second)?, difference };
        self.watch.difference(&shown)
    }

    fn text(&self, row: &FramedRow) -> Result<RowText> {
        let fields = row.fields(self.format);
        let value = |(decoder, field): (&FieldDecoder, Option<&[u8]>)| {
            let Some(field) = field else { return Ok(None) };
            let text = decoder.text(field)?;
            let is_end = |at: &usize| text.is_char_boundary(*at);
            let cut = (0..=SHOWN_BYTES_MAX.min(text.len())).rev().find(is_end).unwrap_or(0);
            Ok(Some(ValueText {
                is_cut: cut < text.len(),
                bytes: text.len() as u64,
                text: text[..cut].to_owned(),
            }))
        };
        Ok(RowText { values: self.decoders.iter().zip(fields).map(value).collect::<Result<_>>()? })
    }
}
