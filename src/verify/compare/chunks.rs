//! How a range is cut into chunks, and when digests stop being worth it: pure decisions.

use crate::event::store::DigestInput;
use crate::verify::compare::side::TableSize;

/// Rows of a chunk whose digests are compared. A server that joins the bytes of 512 rows of 400
/// bytes does so in memory it has at hand; for 4,096 it asks the system for more each time, which
/// takes 15 % more processor time in all.
const CHUNK_ROWS_MAX: u64 = 512;
/// Bytes of a chunk, about.
const CHUNK_BYTES: f64 = 16.0 * 1024.0 * 1024.0;
/// Rows that are merged without asking for digests first, once much differs.
const SEGMENT_CHUNKS: u64 = 512;
/// Chunks of one statement, once it is under way; the first ones come sooner.
pub(crate) const STATEMENT_CHUNKS_MAX: usize = 64;
/// At least so many of all ids are taken where chunks are cut by ids alone.
const DENSITY_MIN: f64 = 0.3;
/// Among the last so many chunks …
const WINDOW: u32 = 64;
/// … so many that differ make digests a waste.
const UNLIKE_MAX: u32 = 10;

/// How many rows a chunk has, for the larger of two sides.
pub(crate) fn rows_of_chunk(sizes: [TableSize; 2]) -> u64 {
    let bytes_of_row = |size: &TableSize| size.bytes as f64 / size.rows_estimated.max(1.0);
    let widest =
        sizes.iter().filter(|size| size.rows_estimated > 0.0).map(bytes_of_row).fold(1.0, f64::max);
    ((CHUNK_BYTES / widest) as u64).clamp(1, CHUNK_ROWS_MAX)
}

/// Whether so few ids are left out between the lowest and the highest that chunks need not be
/// looked up.
pub(crate) fn is_dense(sizes: [TableSize; 2], lowest: i64, highest: i64) -> bool {
    let ids = highest as f64 - lowest as f64 + 1.0;
    sizes.iter().all(|size| size.rows_estimated >= ids * DENSITY_MIN)
}

/// Rows so wide that values are stored out of line are hashed each by itself.
pub(crate) fn hashing(sizes: [TableSize; 2]) -> DigestInput {
    if sizes.iter().any(|size| size.bytes_out_of_line > 0) {
        DigestInput::RowDigests
    } else {
        DigestInput::Rows
    }
}

/// How the next rows are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComparisonMethod {
    /// By the digests of a chunk of so many rows.
    Digests(u64),
    /// By merging so many rows.
    Merge(u64),
}

/// Chooses between digests and a merge by what was found so far.
#[derive(Clone, Debug)]
pub struct MethodChooser {
    chunk_rows: u64,
    is_exact: bool,
    /// The last chunks, the youngest in the lowest bit: whether each differed.
    window: u64,
    is_merging: bool,
}

impl MethodChooser {
    /// Starts with digests, unless every byte shall be compared.
    pub fn new(chunk_rows: u64, is_exact: bool) -> Self {
        Self { chunk_rows, is_exact, window: 0, is_merging: is_exact }
    }

    /// How to go on.
    pub(crate) fn way(&self) -> ComparisonMethod {
        if self.is_merging {
            ComparisonMethod::Merge(self.chunk_rows * SEGMENT_CHUNKS)
        } else {
            ComparisonMethod::Digests(self.chunk_rows)
        }
    }

    /// Takes note of a chunk, or of a merged segment; a segment without a difference brings the
    /// digests back.
    pub fn note(&mut self, is_unlike: bool) {
        if self.is_merging {
            self.is_merging = is_unlike || self.is_exact;
            self.window = 0;
            return;
        }
        self.window = (self.window << 1) | u64::from(is_unlike);
        debug_assert_eq!(WINDOW, u64::BITS, "the window is one word");
        self.is_merging = self.window.count_ones() >= UNLIKE_MAX;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(rows: f64, bytes: i64) -> TableSize {
        TableSize { rows_estimated: rows, bytes, bytes_out_of_line: 0 }
    }

    #[test]
    fn chunks_have_512_rows_unless_rows_are_wide() {
        assert_eq!(rows_of_chunk([size(1000.0, 400_000), size(0.0, 0)]), 512);
        assert_eq!(rows_of_chunk([size(1000.0, 400_000), size(100.0, 100 * 1024 * 1024)]), 16);
        assert_eq!(rows_of_chunk([size(2.0, 1 << 30), size(2.0, 1 << 30)]), 1);
        assert_eq!(rows_of_chunk([size(0.0, 8_192), size(0.0, 0)]), 512);
    }

    #[test]
    fn a_table_with_a_third_of_all_ids_is_dense_and_one_never_analysed_is_not() {
        assert!(is_dense([size(400.0, 1), size(390.0, 1)], 1, 1_000));
        assert!(!is_dense([size(400.0, 1), size(0.0, 1)], 1, 1_000));
        assert!(!is_dense([size(400.0, 1), size(400.0, 1)], i64::MIN, i64::MAX));
    }

    #[test]
    fn ten_unlike_chunks_of_sixty_four_lead_to_a_merge_and_a_like_segment_back() {
        let mut chooser = MethodChooser::new(512, false);
        for chunk in 0..54 {
            chooser.note(chunk < 9);
            assert_eq!(chooser.way(), ComparisonMethod::Digests(512));
        }
        chooser.note(true);
        assert_eq!(chooser.way(), ComparisonMethod::Merge(262_144));
        chooser.note(true);
        assert_eq!(chooser.way(), ComparisonMethod::Merge(262_144));
        chooser.note(false);
        assert_eq!(chooser.way(), ComparisonMethod::Digests(512));
    }

    #[test]
    fn what_lies_more_than_sixty_four_chunks_back_is_forgotten() {
        let mut chooser = MethodChooser::new(512, false);
        for chunk in 0..640 {
            chooser.note(chunk % 8 == 0);
            assert_eq!(chooser.way(), ComparisonMethod::Digests(512), "{chunk}");
        }
    }

    #[test]
    fn exact_is_always_a_merge() {
        let mut chooser = MethodChooser::new(512, true);
        chooser.note(false);
        assert_eq!(chooser.way(), ComparisonMethod::Merge(262_144));
    }
}
