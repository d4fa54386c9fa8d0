//! The cutter against a model: thousands of tables, marks and limits.

use super::*;
use crate::event::frame::{CopyFormat, RowFramer, RowLayout};
use futures::FutureExt;
use proptest::prelude::*;

/// Rows as text COPY: id, group, event.
fn rows_of(rows: &[(i64, u8, usize)]) -> Vec<FramedRow> {
    let layout = RowLayout { format: CopyFormat::Text, fields: 3, id: 0, group: Some(1) };
    let mut reader = RowFramer::new(layout);
    for (id, group, len) in rows {
        reader.push(Bytes::from(format!("{id}\t{group}\t{}\n", "x".repeat(*len))));
    }
    let mut read = Vec::new();
    while let Some(row) = reader.next().expect("rows of ours") {
        read.push(row);
    }
    read
}

fn consecutive(known_gaps: &[(i64, i64)]) -> HighWaterMark {
    let ids = ConsecutiveIds { known_gaps: Arc::from(known_gaps), begin_at_one: true };
    HighWaterMark::Consecutive(ids)
}

fn cutter_of(mark: HighWaterMark, limits: BatchLimits, after: Option<i64>) -> BatchCutter<'static> {
    BatchCutter::new(mark, limits, after, Box::new(|_| std::future::ready(Ok(())).boxed().shared()))
}

struct Batches {
    /// Ids of the rows that were committed, batch by batch.
    closed: Vec<Vec<i64>>,
    stopped: Option<CutterStop>,
}

/// Runs the cutter and a destination that believes only what it is told: rows, close, abort.
fn run(cutter: &mut BatchCutter<'_>, rows: &[FramedRow]) -> Batches {
    let layout = RowLayout { format: CopyFormat::Text, fields: 3, id: 0, group: Some(1) };
    let (mut closed, mut open) = (Vec::new(), Vec::new());
    let mut is_followed = None;
    let mut take = |cutter: &mut BatchCutter<'_>| {
        while let Some(item) = cutter.next_item() {
            match item {
                FeedItem::Rows(chunk) => {
                    let mut reader = RowFramer::new(layout);
                    reader.push(chunk.bytes.clone());
                    let before = open.len();
                    while let Some(row) = reader.next().expect("whole rows") {
                        open.push(row.id);
                    }
                    assert_eq!(
                        (open[before], *open.last().expect("rows")),
                        (chunk.first_id, chunk.last_id)
                    );
                    assert_eq!((open.len() - before) as u64, chunk.rows);
                }
                FeedItem::Close(end) => {
                    assert_eq!(end.last_id, *open.last().expect("rows"));
                    assert_ne!(
                        is_followed,
                        Some(false),
                        "something followed a batch that nothing was to follow"
                    );
                    is_followed = Some(end.is_followed);
                    closed.push(std::mem::take(&mut open));
                }
                FeedItem::Abort => open.clear(),
            }
        }
    };
    for row in rows {
        cutter.push(row);
        take(cutter);
        if cutter.stopped().is_some() {
            break;
        }
    }
    cutter.end();
    take(cutter);
    assert!(open.is_empty(), "rows that were neither closed nor aborted");
    let is_group_held =
        matches!(cutter.stopped(), Some(CutterStop::AtMark { is_within_group: true, .. }));
    assert!(is_followed != Some(true) || is_group_held, "nothing followed the last batch");
    Batches { closed, stopped: cutter.stopped() }
}

/// What must be shipped: the longest run of rows that may be, less the group that goes on above it.
fn model(rows: &[(i64, u8, usize)], mark: &HighWaterMark, after: Option<i64>) -> Vec<i64> {
    let (mut shipped, mut previous) = (Vec::new(), after);
    for (index, (id, group, _)) in rows.iter().enumerate() {
        if !mark.may_ship(previous, *id) {
            let within = index > 0 && rows[index - 1].1 == *group;
            if within {
                let start = rows[..index]
                    .iter()
                    .rposition(|(_, other, _)| other != group)
                    .map_or(0, |at| at + 1);
                shipped.truncate(start);
            }
            break;
        }
        shipped.push(*id);
        previous = Some(*id);
    }
    shipped
}

fn table() -> impl Strategy<Value = Vec<(i64, u8, usize)>> {
    let row = (
        1i64..4,
        prop_oneof![4 => Just(false), 1 => Just(true)],
        prop_oneof![30 => 0usize..50, 1 => 60_000usize..100_000],
    );
    (-3i64..3, proptest::collection::vec(row, 0..60)).prop_map(|(start, rows)| {
        let (mut id, mut group) = (start, 0u8);
        let mut table = Vec::new();
        for (step, is_new_group, len) in rows {
            id += if step == 3 { 2 } else { 1 };
            group = if is_new_group { group.wrapping_add(1) } else { group };
            table.push((id, group, len));
        }
        table
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_committed_is_the_longest_prefix_that_may_be_and_no_group_is_split(
        rows in table(), safe in proptest::option::of(-5i64..130), events_max in 1u64..30, bytes_max in prop_oneof![Just(100u64), Just(1_000_000)], is_consecutive in any::<bool>(),
    ) {
        let mark = if is_consecutive { consecutive(&[(4, 4), (9, 12)]) } else { HighWaterMark::Decided(safe) };
        let limits = BatchLimits { events_max, bytes_max, group_events_max: u64::MAX };
        let ran = run(&mut cutter_of(mark.clone(), limits, None), &rows_of(&rows));
        let expected = model(&rows, &mark, None);
        prop_assert_eq!(ran.closed.concat(), expected.clone());
        let group_of = |id: i64| rows.iter().find(|(row, _, _)| *row == id).map(|(_, group, _)| *group);
        for pair in ran.closed.windows(2) {
            prop_assert_ne!(group_of(pair[0][pair[0].len() - 1]), group_of(pair[1][0]));
        }
        for batch in &ran.closed {
            let is_one_group = batch.iter().all(|id| group_of(*id) == group_of(batch[0]));
            prop_assert!(batch.len() as u64 <= events_max || is_one_group);
        }
        if expected.len() < rows.len() {
            let is_at_mark = matches!(ran.stopped, Some(CutterStop::AtMark { .. }));
            prop_assert!(is_at_mark);
        }
    }

    #[test]
    fn asked_to_stop_it_stops_at_the_end_of_a_group_and_loses_nothing(rows in table(), asked_at in 0usize..60) {
        let limits = BatchLimits { events_max: 7, bytes_max: 1_000_000, group_events_max: u64::MAX };
        let mut cutter = cutter_of(HighWaterMark::Decided(Some(i64::MAX)), limits, None);
        let all = rows_of(&rows);
        let first = asked_at.min(all.len());
        all[..first].iter().for_each(|row| cutter.push(row));
        cutter.stop_soon();
        let ran = run(&mut cutter, &all[first..]);
        let shipped = ran.closed.concat();
        prop_assert_eq!(&shipped[..], &rows.iter().map(|(id, _, _)| *id).collect::<Vec<_>>()[..shipped.len()]);
        if shipped.len() < rows.len() && !shipped.is_empty() {
            prop_assert_ne!(rows[shipped.len()].1, rows[shipped.len() - 1].1);
        }
    }
}

#[test]
fn the_first_row_of_an_empty_destination_is_never_shipped_as_contiguous() {
    assert!(!HighWaterMark::Decided(None).may_ship(None, 1));
    assert!(!HighWaterMark::Decided(Some(0)).may_ship(None, 1));
    assert!(HighWaterMark::Decided(Some(0)).may_ship(Some(0), 1));
    assert!(
        !HighWaterMark::Decided(None).may_ship(Some(i64::MAX), i64::MIN),
        "ids do not wrap around"
    );
}

#[test]
fn consecutive_ids_begin_with_one_and_only_known_gaps_are_passed() {
    let mark = consecutive(&[(1, 1), (5, 7)]);
    assert!(mark.may_ship(None, 2) && mark.may_ship(Some(4), 8) && mark.may_ship(Some(4), 6));
    assert!(!mark.may_ship(None, 3) && !mark.may_ship(Some(4), 9) && !mark.may_ship(Some(8), 10));
}

#[test]
fn of_a_source_that_keeps_its_newest_events_consecutive_ids_begin_anywhere_and_have_no_hole() {
    let ids = ConsecutiveIds { known_gaps: Arc::from([]), begin_at_one: false };
    let mark = HighWaterMark::Consecutive(ids);
    assert!(mark.may_ship(None, 4711) && mark.may_ship(Some(4711), 4712));
    assert!(!mark.may_ship(Some(4711), 4713));
}

#[test]
fn a_group_beyond_its_limit_is_cut_and_said_so() {
    let rows: Vec<(i64, u8, usize)> = (1..=10).map(|id| (id, 0, 5)).collect();
    let limits = BatchLimits { events_max: 2, bytes_max: 1000, group_events_max: 4 };
    let mut cutter = cutter_of(HighWaterMark::Decided(Some(100)), limits, None);
    for row in rows_of(&rows) {
        cutter.push(&row);
    }
    assert_eq!(cutter.group_cuts(), 2);
    cutter.end();
    let ends: Vec<i64> = std::iter::from_fn(|| cutter.next_item())
        .filter_map(
            |item| {
                if let FeedItem::Close(close) = item { Some(close.last_id) } else { None }
            },
        )
        .collect();
    assert_eq!(ends, [4, 8, 10]);
}

#[test]
fn a_group_larger_than_a_megabyte_is_streamed_and_rolled_back_when_its_end_lies_above_the_mark() {
    let rows: Vec<(i64, u8, usize)> = std::iter::once((1, 9, 5))
        .chain((2..=41).map(|id| (id, 0, 50_000)))
        .chain([(43, 0, 5)])
        .collect();
    let limits = BatchLimits { events_max: 10, bytes_max: 1000, group_events_max: u64::MAX };
    let mut cutter = cutter_of(HighWaterMark::Decided(Some(41)), limits, None);
    let mut has_streamed_before_its_end = false;
    for row in rows_of(&rows) {
        cutter.push(&row);
        let items: Vec<FeedItem> = std::iter::from_fn(|| cutter.next_item()).collect();
        has_streamed_before_its_end |= row.id < 41
            && items.iter().any(|item| matches!(item, FeedItem::Rows(chunk) if chunk.first_id > 1));
        assert_eq!(items.iter().any(|item| matches!(item, FeedItem::Abort)), row.id == 43);
    }
    assert!(has_streamed_before_its_end);
    assert_eq!(cutter.stopped(), Some(CutterStop::AtMark { next: 43, is_within_group: true }));
    let ran = run(&mut cutter_of(HighWaterMark::Decided(Some(43)), limits, None), &rows_of(&rows));
    assert_eq!(ran.closed.len(), 2, "one batch before the group, one for the group as a whole");
}

#[test]
fn asked_to_stop_before_its_first_row_it_still_ships_a_group_so_that_every_read_gets_on() {
    let rows: Vec<(i64, u8, usize)> = vec![(11, 0, 5), (12, 0, 5), (13, 1, 5)];
    let limits = BatchLimits { events_max: 10, bytes_max: 1000, group_events_max: u64::MAX };
    let mut cutter = cutter_of(HighWaterMark::Decided(Some(100)), limits, Some(10));
    cutter.stop_soon();
    let ran = run(&mut cutter, &rows_of(&rows));
    assert_eq!(ran.closed, [vec![11, 12]]);
    assert_eq!(ran.stopped, Some(CutterStop::AsAsked));
}
